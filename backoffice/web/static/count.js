// Counts the persons while the form of a campaign is filled in. Without it, the button counts them.
"use strict";
(() => {
  const form = document.querySelector("form[data-count]"), zone = document.querySelector("[data-count-zone]");
  if (!form || !zone) return;
  const REST = 700, place = zone.querySelector("[data-count-page]"), busy = zone.querySelector("[data-count-busy]");
  let timer = 0, asked = null, since = 0;

  const tick = setInterval(() => {
    if (!asked) return;
    const seconds = Math.floor((Date.now() - since) / 1000);
    busy.querySelector("[data-count-seconds]").textContent = seconds > 1 ? ` (${seconds}\u00a0s)` : "";
  }, 500);
  addEventListener("pagehide", () => clearInterval(tick));

  const count = async () => {
    asked?.abort();
    asked = new AbortController();
    const mine = asked;
    since = Date.now();
    const content = new FormData(form);
    // Numbers that were typed are checked by the button, once; they do not travel at each stroke.
    for (const name of ["liste_texte", "liste_fichier"]) content.delete(name);
    zone.hidden = false;
    busy.hidden = false;
    try {
      const answer = await fetch(form.dataset.count, { method: "POST", body: content, signal: mine.signal });
      const news = await answer.json();
      if (mine === asked) {
        place.innerHTML = news.page ?? "";
        if (!news.page) zone.hidden = true;
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      if (mine === asked) place.textContent = "Le décompte n’est pas arrivé\u00a0: utilisez le bouton «\u00a0Compter les personnes\u00a0».";
    } finally {
      if (mine === asked) {
        asked = null;
        busy.hidden = true;
      }
    }
  };

  const UNCOUNTED = new Set(["nom", "par_jour", "liste_texte", "liste_fichier"]);
  form.addEventListener("input", (event) => {
    if (UNCOUNTED.has(event.target.name)) return;
    clearTimeout(timer);
    timer = setTimeout(count, REST);
  });
})();
