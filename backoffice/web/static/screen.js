// The screen of the waiting room follows the numbers by itself, without loading the page again.
"use strict";
(() => {
  const zone = document.querySelector("[data-screen]");
  if (!zone) return;
  setInterval(async () => {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store", redirect: "error" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-screen]");
      if (fresh && fresh.innerHTML !== zone.innerHTML) zone.replaceChildren(...fresh.childNodes);
    } catch {
      // the connection comes back: the next look tells
    }
  }, 1000 * Number(zone.dataset.screen));
})();
