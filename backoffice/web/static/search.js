// The search field of every page: "/" goes there, answers come while typing, arrows choose, Enter opens.
// Without it the form asks the same question on a page of its own. What is typed travels in the body of a POST alone.
"use strict";
(() => {
  const form = document.querySelector("form[data-suggest]");
  if (!form) return;
  const field = form.querySelector("input[type=search]"), list = form.querySelector("[data-suggestions]");
  const said = form.querySelector("[data-suggestions-said]");
  const PATIENCE = 140;
  let timer = 0, asked = 0, shown = 0, chosen = -1;

  const options = () => [...list.querySelectorAll("[role=option]")];

  const close = () => {
    list.hidden = true;
    chosen = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };

  const choose = (at) => {
    const found = options();
    if (!found.length) return;
    chosen = (at + found.length + 1) % (found.length + 1);
    found.forEach((option, rank) => option.setAttribute("aria-selected", String(rank === chosen)));
    if (chosen < found.length) {
      field.setAttribute("aria-activedescendant", found[chosen].id);
      found[chosen].scrollIntoView({ block: "nearest" });
    } else {
      chosen = -1;
      field.removeAttribute("aria-activedescendant");
    }
  };

  const ask = async () => {
    const typed = field.value.trim(), mine = ++asked;
    if (typed.length < 2) {
      close();
      return;
    }
    const body = new URLSearchParams({ quoi: typed, csrf_token: form.elements.csrf_token.value });
    let answer;
    try {
      answer = await fetch(form.dataset.suggest, { method: "POST", body, headers: { Accept: "text/html" }, redirect: "error" });
    } catch {
      return; // the form still works
    }
    // An answer that comes late must not take the place of a later question's.
    if (mine < shown || !answer.ok) return;
    const text = await answer.text();
    if (mine < shown || field.value.trim().length < 2 || document.activeElement !== field) return;
    shown = mine;
    list.innerHTML = text;
    list.hidden = false;
    chosen = -1;
    field.setAttribute("aria-expanded", "true");
    field.removeAttribute("aria-activedescendant");
    const count = options().length;
    said.textContent = count ? `${count} réponse${count > 1 ? "s" : ""}, flèches pour choisir.` : list.textContent.trim();
  };

  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PATIENCE);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (list.hidden) return;
      event.preventDefault();
      choose(event.key === "ArrowDown" ? chosen + 1 : chosen < 0 ? options().length - 1 : chosen - 1);
    } else if (event.key === "Enter" && chosen >= 0 && !list.hidden) {
      event.preventDefault();
      options()[chosen].click();
    }
  });
  form.addEventListener("focusout", (event) => {
    if (!form.contains(event.relatedTarget)) close();
  });
  list.addEventListener("mousedown", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  });
})();
