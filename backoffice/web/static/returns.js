// Letters scanned faster than pages come back: each is sent in its turn, the field is free at once.
"use strict";
const pile = document.querySelector("form[data-pile]");
if (pile) {
  const field = pile.querySelector("#numero");
  const said = pile.querySelector("[data-said]");
  const refusal = document.getElementById("refus");
  const lines = document.querySelector("[data-lines]");
  let last = Promise.resolve();
  const refuse = (sentence) => {
    const item = document.createElement("li");
    item.textContent = sentence;
    refusal.querySelector("[data-refusals]").append(item);
    refusal.hidden = false;
  };
  const send = async (data, number) => {
    try {
      const answer = await fetch(pile.action, { method: "POST", body: data, headers: { Accept: "application/json" } });
      const found = await answer.json();
      if (!found.fait) throw new Error(found.phrase || "Rechargez la page, puis recommencez.");
      said.textContent = found.phrase;
      lines.insertAdjacentHTML("afterbegin", found.ligne);
    } catch (error) {
      said.textContent = "";
      refuse(number + "\u00a0: " + (error instanceof TypeError || error instanceof SyntaxError ? "la réponse n’est pas venue, lisez-le de nouveau." : error.message));
    }
  };
  pile.addEventListener("submit", (event) => {
    event.preventDefault();
    const number = field.value.trim();
    if (!number) return;
    const data = new FormData(pile);
    field.value = "";
    field.focus();
    last = last.then(() => send(data, number));
  });
}
