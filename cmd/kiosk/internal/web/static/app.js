// Shows what the terminal sends and sends back what people do. It keeps nothing but
// the digits of a PIN, until they are sent or the screen is another one.
"use strict";
(() => {
  const view = document.getElementById("view");
  const ending = document.getElementById("ending");
  const live = document.getElementById("live");
  let step = "";
  let lang = "ja";
  let digits = "";

  const words = {
    ja: { ending: "まもなく終了します。続けますか。", more: "続ける（時間をのばす）", typed: "桁入力しました", replaced: "この画面は使えません。" },
    en: { ending: "This ends soon. Do you need more time?", more: "Yes, more time", typed: "digits entered", replaced: "This page is no longer in use." },
  };

  async function send(path, headers, body) {
    document.body.inert = true; // until something else is shown: one tap is enough
    try {
      const answer = await fetch(path, { method: "POST", headers, body, cache: "no-store", credentials: "same-origin" });
      if (!answer.ok) document.body.inert = false;
      if (path === "/pin" && answer.status === 400) erase();
    } catch {
      document.body.inert = false;
    }
  }

  const act = (name, more) => send("/action", { "Content-Type": "application/json" }, JSON.stringify({ step, name, ...more }));

  function dots() {
    document.querySelectorAll(".dots span").forEach((dot, i) => dot.classList.toggle("on", i < digits.length));
    const enter = view.querySelector("[data-enter]");
    if (enter) enter.disabled = digits.length !== 4;
    live.textContent = digits.length + words[lang].typed;
  }

  function type(digit) {
    if (digits.length < 4) digits += digit;
    dots();
  }

  function erase(all = true) {
    digits = all ? "" : digits.slice(0, -1);
    if (view.querySelector("#pad")) dots();
  }

  function enter() {
    if (digits.length !== 4) return;
    const typed = digits;
    erase();
    send("/pin", { "Content-Type": "text/plain", Step: step }, typed);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const data = button.dataset;
    if ("digit" in data) type(data.digit);
    else if ("erase" in data) erase(false);
    else if ("enter" in data) enter();
    else if ("print" in data) window.print();
    else if (data.action) act(data.action, { lang: data.lang, service: data.service });
  });

  document.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target;
    act(form.dataset.submit, { account: form.account.value, code: form.code ? form.code.value : "" });
  });

  document.addEventListener("keydown", (event) => {
    if (!view.querySelector("#pad") || event.ctrlKey || event.altKey || event.metaKey) return;
    if (/^[0-9０-９]$/.test(event.key)) type(event.key.normalize("NFKC"));
    else if (event.key === "Backspace") erase(false);
    else if (event.key === "Enter" && digits.length === 4 && !event.target.closest("button")) enter();
  });

  const stream = new EventSource("/events");
  stream.addEventListener("view", (event) => {
    const now = JSON.parse(event.data);
    document.body.inert = false;
    lang = now.lang;
    document.documentElement.lang = lang;
    document.getElementById("ending-text").textContent = words[lang].ending;
    document.getElementById("more").textContent = words[lang].more;
    if (now.step !== step) {
      step = now.step;
      erase();
      live.textContent = "";
      view.innerHTML = now.html;
      view.dataset.screen = now.screen;
      document.title = now.title;
      const focus = view.querySelector("input") || view.querySelector("h1");
      if (focus) focus.focus();
      window.scrollTo(0, 0);
    }
    const was = ending.hidden;
    ending.hidden = !now.ending;
    if (now.ending && was) document.getElementById("more").focus();
  });
  stream.addEventListener("replaced", () => {
    stream.close();
    erase();
    step = "";
    const text = document.createElement("h1");
    text.textContent = words[lang].replaced;
    view.replaceChildren(text);
  });
  stream.addEventListener("error", () => {
    // The terminal's program is away: nothing of a visit stays on the screen.
    erase();
    step = "";
    view.replaceChildren();
  });
})();
