// F2, on any page: a call begins. It is no character key, so that typing never opens one.
"use strict";
addEventListener("keydown", (event) => {
  if (event.key !== "F2" || event.repeat || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  document.querySelector("[data-new-call] button").click();
});
