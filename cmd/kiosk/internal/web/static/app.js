// Shows the terminal's views and sends back what a resident does. It keeps the digits
// of a PIN until they are sent or another view is shown, and the fields of a form until
// the visit has left that form.
"use strict";
(() => {
  const view = document.getElementById("view");
  const ending = document.getElementById("ending");
  const live = document.getElementById("live");
  const pinLength = 4;
  let step = "";
  let lang = "ja";
  let digits = "";
  let form = null; // the fields of the last form, and the screen that they are of

  const words = {
    ja: {
      ending: "まもなく終了します。続けますか。", more: "続ける（時間を延ばす）", typed: "けた入力しました", replaced: "この画面は使えません。",
      tooMany: "4けたより多く押されました。「消す」を押して、はじめから入力してください。",
    },
    en: {
      ending: "This ends soon. Do you need more time?", more: "Yes, more time", typed: " digits entered", replaced: "This page is no longer in use.",
      tooMany: "More than 4 digits were pressed. Press Delete and enter all 4 again.",
    },
  };

  const post = (path, headers, body) => fetch(path, { method: "POST", headers, body, cache: "no-store", credentials: "same-origin" });

  async function send(path, headers, body) {
    document.body.inert = true; // until another view is shown: one tap is enough
    try {
      const answer = await post(path, headers, body);
      if (!answer.ok) document.body.inert = false;
      if (path === "/pin" && answer.status === 400) erase();
    } catch {
      document.body.inert = false;
    }
  }

  const request = (name, more) => [
    "/action", { "Content-Type": "application/json" }, JSON.stringify({ step, name, ...more }),
  ];
  const act = (name, more) => send(...request(name, more));

  // A finger that taps twice, or a key that is still held, must not act on a view that
  // its person can't have read. An application can't be undone, so its button waits
  // longer, as the terminal does too.
  const unread = { confirm: 1200 };
  const unreadDefault = 700; // milliseconds
  let settled;
  function settle(screen) {
    document.body.classList.add("unread");
    clearTimeout(settled);
    settled = setTimeout(() => document.body.classList.remove("unread"), unread[screen] || unreadDefault);
  }
  const isUnread = () => document.body.classList.contains("unread");

  // Typing and touching are activity, and a key that is held is not: the terminal is
  // told of it without what was typed, at most once in two seconds.
  const activityEvery = 2000;
  let told = 0;
  function active() {
    const now = performance.now();
    if (now - told < activityEvery && ending.hidden) return;
    told = now;
    post(...request("more-time")).catch(() => {});
  }

  function show() {
    const over = digits.length > pinLength;
    document.querySelectorAll(".dots span").forEach((dot, i) => dot.classList.toggle("on", i < digits.length));
    const enter = view.querySelector("[data-enter]");
    if (enter) enter.disabled = digits.length !== pinLength;
    const wrong = view.querySelector("#over");
    if (wrong) wrong.textContent = over ? words[lang].tooMany : "";
    live.textContent = over ? "" : digits.length + words[lang].typed;
  }

  // A digit too many makes the whole entry invalid: which of them was not meant can't
  // be known, and nobody can see them.
  function type(digit) {
    if (digits.length <= pinLength) digits += digit;
    show();
  }

  function erase(all = true) {
    digits = all || digits.length > pinLength ? "" : digits.slice(0, -1);
    if (view.querySelector("#pad")) show();
  }

  function enter() {
    if (digits.length !== pinLength) return;
    const typed = digits;
    erase();
    send("/pin", { "Content-Type": "text/plain", Step: step }, typed);
  }

  // The digit of a key, also on a ten-key pad with NumLock off and under an IME, which
  // names its keys "Process".
  function digitOf(event) {
    if (/^[0-9０-９]$/.test(event.key)) return event.key.normalize("NFKC");
    const [, pad, digit] = /^(Numpad|Digit)([0-9])$/.exec(event.code) || [];
    const unnamed = event.key === "Process" || event.key === "Unidentified";
    return pad === "Numpad" || (pad && unnamed) ? digit : "";
  }

  document.addEventListener("click", (event) => {
    if (isUnread()) {
      event.preventDefault();
      return;
    }
    const button = event.target.closest("button");
    if (!button) return;
    const data = button.dataset;
    if ("digit" in data) type(data.digit);
    else if ("erase" in data) erase(false);
    else if ("enter" in data) enter();
    else if ("key" in data || "back" in data) press(button);
    else if ("print" in data) window.print();
    else if (data.action) act(data.action, { lang: data.lang, service: data.service });
  });

  // A finger on the pad or the keyboard takes no focus: Enter would press that button
  // again, and the field would lose it.
  document.addEventListener("mousedown", (event) => event.target.closest("#pad, .keyboard") && event.preventDefault());

  // The keyboard of the field that has the focus is shown.
  document.addEventListener("focusin", (event) => {
    if (!event.target.matches("input")) return;
    view.querySelectorAll(".keyboard").forEach((k) => { k.hidden = k.dataset.keysFor !== event.target.id; });
  });

  function press(button) {
    const field = document.getElementById(button.closest(".keyboard").dataset.keysFor);
    const to = field.selectionEnd;
    const from = "back" in button.dataset && field.selectionStart === to ? Math.max(0, to - 1) : field.selectionStart;
    const key = button.dataset.key || "";
    if (field.value.length - (to - from) + key.length <= field.maxLength) field.setRangeText(key, from, to, "end");
    field.focus();
  }

  document.addEventListener("submit", (event) => {
    event.preventDefault();
    if (isUnread()) return;
    const fields = event.target;
    keep(fields);
    const typed = typedInto(fields);
    send("/form", { "Content-Type": "text/plain", Step: step, Name: fields.dataset.submit }, typed.account + "\n" + typed.code);
  });

  document.addEventListener("keydown", (event) => {
    const key = event.key === "Process" || event.key === "Unidentified" ? event.code : event.key;
    const presses = key === "Enter" || key === "NumpadEnter" || key === " " || key === "Space";
    if (event.repeat && (presses || view.querySelector("#pad"))) {
      event.preventDefault(); // a key that is held is pressed once
      return;
    }
    if (!view.querySelector("#pad") || event.ctrlKey || event.altKey || event.metaKey) return;
    const digit = digitOf(event);
    if (digit) {
      event.preventDefault();
      type(digit);
    } else if (key === "Backspace") erase(false);
    else if ((key === "Enter" || key === "NumpadEnter") && !isUnread() && !event.target.closest("button")) enter();
  });
  for (const name of ["keydown", "pointerdown", "input"]) document.addEventListener(name, (event) => step && !event.repeat && active());

  const typedInto = (fields) => ({ account: fields.account.value, code: fields.code ? fields.code.value : "" });

  // keep remembers what was typed into a form, for the view that shows it again: after
  // a correction, in the other language, or with more time.
  function keep(fields) {
    if (fields) form = { screen: view.dataset.screen, ...typedInto(fields) };
  }

  const onTheWay = ["applying", "confirm", "first-time"]; // from a form and back to it
  function restore(screen) {
    if (form && form.screen !== screen && !onTheWay.includes(screen)) form = null;
    const fields = view.querySelector("form");
    if (!fields || !form || form.screen !== screen) return;
    fields.account.value = form.account;
    if (fields.code) fields.code.value = form.code;
  }

  // The stream of views. Where it ends, or is silent for longer than the terminal ever is,
  // nothing of a visit stays on the screen, and soon the staff is asked for. When the
  // terminal answers again, the page begins anew.
  const silence = 40000; // milliseconds; the terminal says every 15 seconds that it is there
  const patience = 4000; // before the staff is asked for
  const reconnecting = 3000;
  let lost = false;
  let replaced = false;
  let watchdog;
  function heard() {
    if (lost) location.reload();
    clearTimeout(watchdog);
    watchdog = setTimeout(lose, silence);
  }

  function lose() {
    if (replaced || lost) return;
    lost = true;
    forget();
    view.replaceChildren();
    setTimeout(callStaff, patience);
  }

  const away = [
    ["ja", "この端末は、ただいま使えません。", "お手数ですが、担当者をお呼びください。カードはお取りください。"],
    ["en", "This terminal is out of order.", "Please call the staff, and take your card."],
  ];
  function callStaff() {
    const lines = away.flatMap(([tongue, what, next], i) => {
      const parts = [document.createElement(i ? "h2" : "h1"), document.createElement("p")];
      [parts[0].textContent, parts[1].textContent] = [what, next];
      parts.forEach((part) => { part.lang = tongue; });
      return parts;
    });
    const content = document.createElement("div");
    content.className = "content away";
    content.append(...lines);
    view.dataset.screen = "away";
    view.replaceChildren(content);
  }

  let stream;
  function connect() {
    stream = new EventSource("/events");
    stream.addEventListener("open", heard);
    stream.addEventListener("here", heard);
    stream.addEventListener("view", (event) => lost || shown(JSON.parse(event.data)));
    stream.addEventListener("replaced", () => {
      replaced = true;
      stream.close();
      forget();
      const text = document.createElement("h1");
      text.textContent = words[lang].replaced;
      view.replaceChildren(text);
    });
    stream.addEventListener("error", () => {
      lose();
      if (stream.readyState !== EventSource.CLOSED || replaced) return;
      setTimeout(connect, reconnecting); // the browser has given up
    });
  }
  connect();

  function shown(now) {
    heard();
    document.body.inert = false;
    lang = now.lang;
    document.documentElement.lang = lang;
    document.getElementById("ending-text").textContent = words[lang].ending;
    document.getElementById("more").textContent = words[lang].more;
    if (now.step !== step) {
      keep(view.querySelector("form"));
      step = now.step;
      if (now.screen !== view.dataset.screen) digits = ""; // the same one again is in the other language
      live.textContent = "";
      view.innerHTML = now.html;
      if (digits) show();
      view.dataset.screen = now.screen;
      document.title = now.title;
      settle(now.screen);
      restore(now.screen);
      const focus = view.querySelector("[aria-invalid]") || view.querySelector("input") || view.querySelector("h1");
      if (focus) focus.focus();
      window.scrollTo(0, 0);
    }
    ending.hidden = !now.ending; // it takes no focus: somebody may be typing
  }

  function forget() {
    erase();
    view.querySelectorAll("input").forEach((field) => { field.value = ""; });
    live.textContent = "";
    document.title = "受付";
    step = "";
    form = null;
    ending.hidden = true;
  }
})();
