// The document goes from its frame to the printer, and its one-time address leaves the history.
"use strict";
(() => {
  const frame = document.querySelector("iframe[data-to-printer]");
  if (!frame) return;
  history.replaceState(null, "", location.pathname);
  frame.addEventListener("load", () => {
    try {
      frame.contentWindow.focus();
      frame.contentWindow.print();
    } catch {
      frame.classList.add("print-by-hand"); // a viewer that does not let itself be told: its own button prints
    }
    document.querySelector("button[autofocus]").focus(); // the frame has taken the keyboard: the visit wants it back
  });
})();
