/* Help on the account pages. Every page works without it. */
"use strict";
(() => {
  /* Looking at the password one types. */
  for (const field of document.querySelectorAll("input[data-reveal]")) {
    const label = document.querySelector(`label[for="${field.id}"]`).textContent.trim().toLowerCase();
    const frame = document.createElement("div");
    const button = document.createElement("button");
    frame.className = "reveal";
    button.type = "button";
    button.className = "button";
    button.setAttribute("aria-controls", field.id);
    field.replaceWith(frame);
    frame.append(field, button);
    const show = (visible) => {
      field.type = visible ? "text" : "password";
      button.textContent = visible ? "Masquer" : "Afficher";
      const what = document.createElement("span");
      what.className = "visually-hidden";
      what.textContent = ` le ${label}`;
      button.append(what);
    };
    show(false);
    button.addEventListener("click", () => show(field.type === "password"));
    /* Never kept by the browser as an ordinary text. */
    if (field.form) field.form.addEventListener("submit", () => show(false));
  }

  /* The wait before another code, counted down. */
  for (const place of document.querySelectorAll("[data-wait]")) {
    const left = place.querySelector("[data-left]");
    const end = performance.now() + 1000 * Number(place.dataset.wait);
    const tick = () => {
      const seconds = Math.ceil((end - performance.now()) / 1000);
      if (seconds <= 0) { place.textContent = "Vous pouvez demander un autre code."; return; }
      left.textContent = `${seconds}\u00a0s`;
      setTimeout(tick, 250);
    };
    tick();
  }

  /* What was typed outlives a session that ends meanwhile: in this tab, for the same holder, until it is sent or the
     holder leaves. */
  const DRAFT = "mondmp-saisie:";
  const warning = document.getElementById("fin-de-session");
  const whose = warning ? warning.dataset.whose : "";
  const drafts = document.querySelectorAll("form[data-draft]");
  const each = (act) => {
    for (const key of Object.keys(sessionStorage)) {
      if (!key.startsWith(DRAFT)) continue;
      const kept = act(JSON.parse(sessionStorage.getItem(key)));
      if (kept) sessionStorage.setItem(key, JSON.stringify(kept));
      else sessionStorage.removeItem(key);
    }
  };
  const keep = (sent) => {
    for (const form of drafts) {
      const typed = [...new FormData(form)].filter(([name]) => name !== "csrf_token");
      sessionStorage.setItem(DRAFT + form.dataset.draft, JSON.stringify({ whose, sent, typed }));
    }
  };
  /* Sent, and answered by a page of the account: done. Answered by the sign-in: the session was over, it is kept. */
  if (!warning) each((kept) => ({ ...kept, sent: false }));
  else each((kept) => (kept.whose === whose && !(kept.sent && !drafts.length) ? kept : null));
  for (const form of drafts) {
    const kept = JSON.parse(sessionStorage.getItem(DRAFT + form.dataset.draft));
    if (kept && !document.querySelector("[data-focus]")) {
      for (const [name, value] of kept.typed) {
        const field = form.elements.namedItem(name);
        if (field) field.value = value;
      }
    }
    form.addEventListener("submit", () => keep(true));
  }
  for (const form of document.querySelectorAll("form[data-leaving]")) form.addEventListener("submit", () => each(() => null));

  /* The end of the session: said before it comes, put off with one press, and no page left open after it. */
  if (!warning) return;
  const WARN_MS = 120000;
  const form = warning.querySelector("form");
  let idleEnd = 0;
  let wholeEnd = 0;
  let before = null;
  const set = (left) => {
    const now = Date.now();
    idleEnd = now + 1000 * left.idle;
    wholeEnd = now + 1000 * left.whole;
  };
  const hide = () => {
    warning.hidden = true;
    if (before && before.isConnected) before.focus();
    before = null;
  };
  /* The server decides whether the session is over, and says so. */
  const leave = () => {
    keep(false);
    location.replace(warning.dataset.home);
  };
  const look = () => {
    const end = Math.min(idleEnd, wholeEnd);
    const left = end - Date.now();
    if (left <= 0) {
      leave();
      return;
    }
    if (left <= WARN_MS && warning.hidden) {
      const last = wholeEnd <= idleEnd;
      document.getElementById("fin-texte").hidden = last;
      document.getElementById("fin-dernier").hidden = !last;
      warning.setAttribute("aria-describedby", last ? "fin-dernier" : "fin-texte");
      form.hidden = last;
      warning.hidden = false;
      if (!last) {
        before = document.activeElement;
        form.querySelector("button").focus();
      }
    }
    setTimeout(look, 1000);
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" }, redirect: "error" });
      if (!answer.ok) throw new Error();
      const left = await answer.json();
      set(left);
      hide();
      windows.postMessage(left);
    } catch {
      leave();
    }
  });
  /* What is done in one window keeps the session of them all. */
  const windows = new BroadcastChannel("mondmp-session");
  windows.addEventListener("message", (event) => { set(event.data); if (!warning.hidden) hide(); });
  const here = { idle: Number(warning.dataset.idle), whole: Number(warning.dataset.whole) };
  set(here);
  windows.postMessage(here);
  look();
})();
