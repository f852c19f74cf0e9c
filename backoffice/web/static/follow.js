// Keeps the figures of a page up to date while workers are at it. Without it, loading the page again does the same.
"use strict";
(() => {
  const zone = document.querySelector("[data-follow]");
  if (!zone) return;
  const EVERY = 1000, LONGEST = 30000, SAY_EVERY = 10000;
  const lost = zone.querySelector("[data-lost]"), announce = zone.querySelector("[data-announce]");
  let wait = EVERY, saidAt = Date.now();

  const seconds = (milliseconds) => {
    const whole = Math.round(milliseconds / 1000);
    return whole > 1 ? `${whole}\u00a0secondes` : `${whole}\u00a0seconde`;
  };

  const tell = (sentence) => {
    if (lost.textContent !== sentence) lost.textContent = sentence;
    lost.hidden = !sentence;
  };

  const show = (news) => {
    for (const [place, text] of Object.entries(news.textes)) {
      const found = document.querySelector(`[data-live="${place}"]`);
      if (found && found.textContent !== text) found.textContent = text;
    }
    for (const [place, state] of Object.entries(news.etats)) {
      const found = document.querySelector(`[data-state="${place}"]`);
      if (found && found.textContent !== state.texte) {
        found.textContent = state.texte;
        found.className = `badge badge-${state.genre}`;
      }
    }
    const bar = zone.querySelector("[data-live-progress]");
    if (bar && news.total) {
      bar.max = news.total;
      bar.value = news.fait;
    }
    // A voice that spoke every second would say nothing.
    if (Date.now() - saidAt > SAY_EVERY) {
      saidAt = Date.now();
      announce.textContent = news.annonce;
    }
  };

  const look = async () => {
    try {
      const answer = await fetch(zone.dataset.follow, { headers: { Accept: "application/json" }, cache: "no-store" });
      if (answer.status === 401) {
        tell("Votre session a expiré\u00a0: rechargez la page pour vous reconnecter. Le travail continue.");
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      const news = await answer.json();
      wait = EVERY;
      tell("");
      show(news);
      if (news.fini || news.version !== zone.dataset.version) {
        location.reload();
        return;
      }
    } catch {
      wait = Math.min(wait * 2, LONGEST);
      tell(`Connexion perdue, nouvel essai dans ${seconds(wait)}. Le travail continue sans cette page.`);
    }
    setTimeout(look, wait);
  };

  setTimeout(look, EVERY);
})();
