// Loads a piece of the page that takes its time, and says for how long; shows when a document in a frame is still being
// made. Without it, a link asks for the whole page with the piece in it.
"use strict";
(() => {
  const ticking = (busy) => {
    const since = Date.now(), place = busy.querySelector("[data-later-seconds]");
    busy.hidden = false;
    const timer = setInterval(() => {
      const seconds = Math.floor((Date.now() - since) / 1000);
      place.textContent = seconds > 1 ? ` (${seconds}\u00a0s)` : "";
    }, 500);
    return () => { clearInterval(timer); busy.hidden = true; };
  };

  const load = async (zone) => {
    const place = zone.querySelector("[data-later-page]");
    const leave = new AbortController();
    addEventListener("pagehide", () => leave.abort());
    const done = ticking(zone.querySelector("[data-later-busy]"));
    for (const link of zone.querySelectorAll("[data-later-ask]")) link.hidden = true;
    try {
      const answer = await fetch(zone.dataset.later, { signal: leave.signal });
      place.innerHTML = (await answer.json()).page;
    } catch (error) {
      if (error.name === "AbortError") return;
      place.textContent = "Le décompte n’est pas arrivé\u00a0: rechargez la page pour le demander à nouveau.";
    } finally {
      done();
    }
  };

  for (const zone of document.querySelectorAll("[data-later]")) {
    const ask = zone.querySelector("[data-later-ask]");
    if (!ask) load(zone);
    else ask.addEventListener("click", (event) => { event.preventDefault(); load(zone); }, { once: true });
  }

  for (const frame of document.querySelectorAll("iframe[data-slow]")) {
    const busy = frame.parentElement.querySelector("[data-later-busy]");
    if (performance.getEntriesByName(frame.src).length) continue; // here already
    frame.addEventListener("load", ticking(busy), { once: true });
  }
})();
