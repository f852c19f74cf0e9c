// The page of a call: the script of a subject without a reload, F9 to wrap up. Without it, each link loads the page again.
"use strict";
(() => {
  const choose = (name) => {
    for (const link of document.querySelectorAll("[data-script]")) {
      if (link.dataset.script === name) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    for (const script of document.querySelectorAll(".script")) script.hidden = script.id !== `script-${name}`;
    for (const field of document.querySelectorAll("[data-subject]")) field.value = name;
  };
  for (const link of document.querySelectorAll("[data-script]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      choose(link.dataset.script);
      document.getElementById(`script-${link.dataset.script}`).scrollIntoView({ block: "nearest" });
    });
  }
  for (const list of document.querySelectorAll("select[data-subject]")) {
    list.addEventListener("change", () => choose(list.value));
  }
  const end = document.querySelector("[data-end]");
  addEventListener("keydown", (event) => {
    if (event.key !== "F9" || !end) return;
    event.preventDefault();
    const subject = end.elements.sujet;
    // With a subject chosen, Enter ends the call; without one, it is the only thing to say.
    (subject.value ? end.querySelector("button") : subject).focus();
  });
  const fault = document.querySelector("[data-fault]");
  if (fault) fault.focus();
})();
