// The pages of cases: who else is here, and keys. None of it is needed to work.
// The keys are function keys: they are no characters, so that typing and speech never set them off (WCAG 2.1.4).
"use strict";
(() => {
  const EVERY = 15000;
  const here = document.querySelector("[data-presence]");
  const look = async () => {
    try {
      const answer = await fetch(here.dataset.presence, { headers: { Accept: "application/json" }, cache: "no-store" });
      if (answer.status === 401 || answer.status === 404) return;
      const news = await answer.json();
      if (here.textContent !== news.phrase) here.textContent = news.phrase;
      here.hidden = !news.phrase;
    } catch {
      // Next time, perhaps.
    }
    setTimeout(look, EVERY);
  };
  if (here) setTimeout(look, EVERY);

  addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    const found = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (!found) return;
    event.preventDefault();
    if (found.matches("button, a") && found.dataset.keyDoes === "press") found.click();
    else {
      const closed = found.closest("details:not([open])");
      if (closed) closed.open = true;
      found.focus();
      found.scrollIntoView({ block: "center" });
    }
  });

  // Every box of the list at once.
  const all = document.querySelector("[data-all]");
  if (all) {
    const boxes = document.querySelectorAll("input[name='choix']");
    const count = document.querySelector("[data-chosen]");
    const tell = () => {
      const chosen = [...boxes].filter((box) => box.checked).length;
      count.textContent = chosen ? `${chosen} ${chosen > 1 ? "cochées" : "cochée"}` : "";
      all.checked = chosen === boxes.length && chosen > 0;
      all.indeterminate = chosen > 0 && chosen < boxes.length;
    };
    all.addEventListener("change", () => { for (const box of boxes) box.checked = all.checked; tell(); });
    for (const box of boxes) box.addEventListener("change", tell);
    tell();
  }
})();
