// Shows the views of a terminal or a counter and sends the user's actions. It keeps the
// digits of a PIN until they are sent or another view is shown, and the content of a form
// until the visit or the check has left that form.
"use strict";
(() => {
  const view = document.getElementById("view");
  const ending = document.getElementById("ending");
  const live = document.getElementById("live");
  const isCounter = document.body.dataset.page === "counter";
  const title = document.title;
  const pinLength = 4;
  let step = "";
  let lang = "ja";
  let digits = "";
  let form = null; // the content of the last form and its screen

  // The texts are HTML, except "typed".
  const words = {
    ja: {
      ending: "まもなく<ruby>終<rt>しゅう</rt>了<rt>りょう</rt></ruby>します。<ruby>続<rt>つづ</rt></ruby>けますか。", more: "<ruby>続<rt>つづ</rt></ruby>ける（<ruby>時<rt>じ</rt>間<rt>かん</rt></ruby>を<ruby>延<rt>の</rt></ruby>ばす）", typed: "けた入力しました",
      replaced: "<ruby>別<rt>べつ</rt></ruby>の<ruby>画<rt>が</rt>面<rt>めん</rt></ruby>に<ruby>切<rt>き</rt></ruby>り<ruby>替<rt>か</rt></ruby>わったため、この<ruby>画<rt>が</rt>面<rt>めん</rt></ruby>は<ruby>使<rt>つか</rt></ruby>えなくなりました。<ruby>担<rt>たん</rt>当<rt>とう</rt>者<rt>しゃ</rt></ruby>をお<ruby>呼<rt>よ</rt></ruby>びください。",
      tooMany: "4けたより<ruby>多<rt>おお</rt></ruby>く<ruby>押<rt>お</rt></ruby>されました。「<ruby>消<rt>け</rt></ruby>す」を<ruby>押<rt>お</rt></ruby>して、はじめから<ruby>入<rt>にゅう</rt>力<rt>りょく</rt></ruby>してください。",
    },
    en: {
      ending: "This ends soon. Do you need more time?", more: "Yes, more time", typed: " digits entered",
      replaced: "Another page has replaced this one, which no longer works. Please call the staff.",
      tooMany: "More than 4 digits were pressed. Press Delete and enter all 4 again.",
    },
  };

  if (isCounter) { // for clerks, who read no furigana and are the staff
    words.ja.replaced = "別の画面に切り替わったため、この画面は使えなくなりました。";
    words.en.replaced = "Another page has replaced this one, which no longer works.";
  }

  const post = (path, headers, body) => fetch(path, { method: "POST", headers, body, cache: "no-store", credentials: "same-origin" });

  async function send(path, headers, body) {
    document.body.inert = true; // until the next view: one tap is enough
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

  // A double tap or a held key must not act on a view that the resident can't have read
  // yet. An application can't be undone, so its button waits longer; the terminal
  // enforces that too.
  const readTime = { confirm: 1200 };
  const defaultReadTime = 700; // milliseconds
  let readTimer;
  function blockUntilRead(screen) {
    document.body.classList.add("unread");
    clearTimeout(readTimer);
    readTimer = setTimeout(() => document.body.classList.remove("unread"), readTime[screen] || defaultReadTime);
  }
  const isUnread = () => document.body.classList.contains("unread");

  // Reports typing and touching to the terminal, without the content and at most every
  // two seconds. A held key is not activity.
  const activityInterval = 2000;
  let lastReport = 0;
  function reportActivity() {
    const now = performance.now();
    if (now - lastReport < activityInterval && ending.hidden) return;
    lastReport = now;
    post(...request("more-time")).catch(() => {});
  }

  function showDigits() {
    const over = digits.length > pinLength;
    document.querySelectorAll(".dots span").forEach((dot, i) => dot.classList.toggle("on", i < digits.length));
    const enter = view.querySelector("[data-enter]");
    if (enter) enter.disabled = digits.length !== pinLength;
    const wrong = view.querySelector("#over");
    if (wrong) wrong.innerHTML = over ? words[lang].tooMany : "";
    live.textContent = over ? "" : digits.length + words[lang].typed;
  }

  // Too many digits make the whole entry invalid: the digits are hidden, so the resident
  // can't tell which one to delete.
  function type(digit) {
    if (digits.length <= pinLength) digits += digit;
    showDigits();
  }

  function erase(all = true) {
    digits = all || digits.length > pinLength ? "" : digits.slice(0, -1);
    if (view.querySelector("#pad")) showDigits();
  }

  function enter() {
    if (digits.length !== pinLength) return;
    const typed = digits;
    erase();
    send("/pin", { "Content-Type": "text/plain", Step: step }, typed);
  }

  // Returns the digit of a key, also for a numeric keypad with NumLock off and for an
  // IME, which reports "Process" as the key.
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
    if (isCounter && event.target.matches("input")) event.target.select(); // a short field is typed again as a whole
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

  // Touching the pad or the keyboard does not move the focus: Enter would press that
  // button again, and the field would lose the focus.
  document.addEventListener("mousedown", (event) => event.target.closest("#pad, .keyboard") && event.preventDefault());

  // Shows the keyboard of the focused field.
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
    send("/form", { "Content-Type": "text/plain", Step: step, Name: fields.dataset.submit }, bodyOf(typedInto(fields)));
  });

  document.addEventListener("keydown", (event) => {
    const key = event.key === "Process" || event.key === "Unidentified" ? event.code : event.key;
    const presses = key === "Enter" || key === "NumpadEnter" || key === " " || key === "Space";
    if (event.repeat && (presses || view.querySelector("#pad"))) {
      event.preventDefault(); // a held key counts once
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
  for (const name of ["keydown", "pointerdown", "input"]) document.addEventListener(name, (event) => step && !event.repeat && reportActivity());

  const typedInto = (fields) => [...fields.querySelectorAll("input")].map((field) => field.value);
  const bodyOf = (typed) => (typed.length === 1 ? [...typed, ""] : typed).join("\n"); // an account without a code

  // Saves the content of a form for the next view of the same form: after an error, in
  // the other language, or with more time.
  function keep(fields) {
    if (fields) form = { screen: view.dataset.screen, typed: typedInto(fields) };
  }

  const formScreens = ["applying", "confirm", "first-time"]; // screens that lead back to the form
  function restore(screen) {
    if (form && form.screen !== screen && !formScreens.includes(screen)) form = null;
    const fields = view.querySelector("form");
    if (!fields || !form || form.screen !== screen) return;
    fields.querySelectorAll("input").forEach((field, i) => { field.value = form.typed[i]; });
  }

  // The event stream. If it ends or stays silent for too long, the page removes
  // everything of the visit and soon asks to call the staff. It reloads when the terminal
  // answers again.
  const streamTimeout = 40000; // milliseconds; the terminal sends an event every 15 seconds
  const callStaffDelay = 4000;
  const reconnectDelay = 3000;
  let disconnected = false;
  let replaced = false;
  let watchdog;
  function keepAlive() {
    if (disconnected) location.reload();
    clearTimeout(watchdog);
    watchdog = setTimeout(disconnect, streamTimeout);
  }

  function disconnect() {
    if (replaced || disconnected) return;
    disconnected = true;
    forget();
    view.replaceChildren();
    setTimeout(callStaff, callStaffDelay);
  }

  const outOfOrder = isCounter ? [
    ["ja", "この画面は、ただいま使えません。", "カードをお客様にお返しし、機器の担当者に連絡してください。確認の記録は、残っていない可能性があります。"],
    ["en", "This page is out of order.", "Return the card to the customer, and call whoever runs this terminal. The check may not have been recorded."],
  ] : [
    ["ja", "この<ruby>端<rt>たん</rt>末<rt>まつ</rt></ruby>は、ただいまご<ruby>利用<rt>りよう</rt></ruby>になれません。",
      "カードをお<ruby>取<rt>と</rt></ruby>りになり、<ruby>担<rt>たん</rt>当<rt>とう</rt>者<rt>しゃ</rt></ruby>をお<ruby>呼<rt>よ</rt></ruby>びください。お<ruby>申<rt>もう</rt></ruby>し<ruby>込<rt>こ</rt></ruby>みの<ruby>途<rt>と</rt>中<rt>ちゅう</rt></ruby>だった<ruby>方<rt>かた</rt></ruby>は、<ruby>完<rt>かん</rt>了<rt>りょう</rt></ruby>しているかどうかを、<ruby>後<rt>あと</rt></ruby>でもう<ruby>一<rt>いち</rt>度<rt>ど</rt></ruby>カードを<ruby>置<rt>お</rt></ruby>いてお<ruby>確<rt>たし</rt></ruby>かめください（お<ruby>申<rt>もう</rt></ruby>し<ruby>込<rt>こ</rt></ruby>みが<ruby>二<rt>に</rt>重<rt>じゅう</rt></ruby>になることはありません）。"],
    ["en", "This terminal is out of order.",
      "Please take your card and call the staff. If you were applying, start again with your card later to check whether your application was completed. You can't apply twice."],
  ];
  function callStaff() {
    const lines = outOfOrder.flatMap(([language, what, next], i) => {
      const parts = [document.createElement(i ? "h2" : "h1"), document.createElement("p")];
      [parts[0].innerHTML, parts[1].innerHTML] = [what, next];
      parts.forEach((part) => { part.lang = language; });
      return parts;
    });
    const content = document.createElement("div");
    content.className = "content out-of-order";
    content.append(...lines);
    view.dataset.screen = "out-of-order";
    view.replaceChildren(content);
  }

  let stream;
  function connect() {
    stream = new EventSource("/events");
    stream.addEventListener("open", keepAlive);
    stream.addEventListener("keep-alive", keepAlive);
    stream.addEventListener("view", (event) => disconnected || update(JSON.parse(event.data)));
    stream.addEventListener("replaced", () => {
      replaced = true;
      stream.close();
      forget();
      const text = document.createElement("h1");
      text.innerHTML = words[lang].replaced;
      view.replaceChildren(text);
    });
    stream.addEventListener("error", () => {
      disconnect();
      if (stream.readyState !== EventSource.CLOSED || replaced) return;
      setTimeout(connect, reconnectDelay); // the browser does not reconnect
    });
  }
  connect();

  function update(now) {
    keepAlive();
    document.body.inert = false;
    lang = now.lang;
    document.documentElement.lang = lang;
    document.getElementById("ending-text").innerHTML = words[lang].ending;
    document.getElementById("more").innerHTML = words[lang].more;
    if (now.step !== step) {
      keep(view.querySelector("form"));
      step = now.step;
      if (now.screen !== view.dataset.screen) digits = ""; // the same screen is in the other language
      live.textContent = "";
      view.innerHTML = now.html;
      if (digits) showDigits();
      view.dataset.screen = now.screen;
      document.title = now.title;
      blockUntilRead(now.screen);
      restore(now.screen);
      const focus = view.querySelector("[aria-invalid]") || view.querySelector("input") || view.querySelector("h1");
      if (focus) focus.focus();
      window.scrollTo(0, 0);
    }
    ending.hidden = !now.ending; // it takes no focus while someone is typing
  }

  function forget() {
    erase();
    view.querySelectorAll("input").forEach((field) => { field.value = ""; });
    live.textContent = "";
    document.title = title;
    step = "";
    form = null;
    ending.hidden = true;
  }
})();
