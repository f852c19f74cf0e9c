// Sends a large file with its progress. Without it, the form sends itself and the browser shows what it likes.
"use strict";
(() => {
  const form = document.querySelector("form[data-upload]");
  if (!form) return;
  const button = form.querySelector("button"), field = form.querySelector("input[type=file]");
  const zone = form.querySelector("[data-sending]"), said = form.querySelector("[data-sending-text]");
  const bar = zone.querySelector("progress");
  const refusal = document.querySelector("[data-refusal]"), sentence = document.querySelector("[data-refusal-text]");

  const refuse = (text) => {
    zone.hidden = true;
    button.disabled = false;
    sentence.textContent = text;
    refusal.hidden = false;
    field.setAttribute("aria-invalid", "true");
    if (!document.title.startsWith("Erreur")) document.title = `Erreur – ${document.title}`;
    refusal.focus();
  };

  const outcome = (request) => {
    try {
      return JSON.parse(request.responseText);
    } catch {
      return {};
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    refusal.hidden = true;
    zone.hidden = false;
    bar.value = 0;
    said.textContent = "Envoi du fichier…";
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (progress) => {
      if (progress.lengthComputable) bar.value = (100 * progress.loaded) / progress.total;
    });
    request.upload.addEventListener("load", () => { said.textContent = "Contrôle de l’en-tête…"; });
    request.addEventListener("load", () => {
      const answer = outcome(request);
      if (request.status === 200 && answer.suite) location.assign(answer.suite);
      else if (request.status === 401) refuse("Votre session a expiré\u00a0: rechargez la page pour vous reconnecter, puis recommencez.");
      else refuse(answer.erreur || "Le serveur n’a pas pris le fichier. Réessayez dans quelques minutes.");
    });
    request.addEventListener("error", () => refuse("La connexion a été perdue pendant l’envoi. Recommencez."));
    request.send(new FormData(form));
  });
})();
