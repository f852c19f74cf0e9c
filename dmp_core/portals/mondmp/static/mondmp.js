/* Help while typing. Every page works without it: the server checks the same things, and says them. */
"use strict";
(() => {
  const GROUPS = { nir: [1, 2, 2, 2, 3, 3, 2], code: [4, 4, 4], one: [3, 3] };
  const LENGTH = { nir: 15, code: 12, one: 6 };
  const KEEP = { nir: /[^0-9AB]/g, code: /[^0-9A-Z]/g, one: /[^0-9]/g };

  const kept = (kind, text) => text.toUpperCase().replace(KEEP[kind], "");

  function grouped(kind, text) {
    const parts = [];
    let at = 0;
    for (const size of GROUPS[kind]) {
      if (at >= text.length) break;
      parts.push(text.slice(at, at + size));
      at += size;
    }
    if (at < text.length) parts[parts.length - 1] += text.slice(at);
    return parts.join(" ");
  }

  /* The key of a NIR: 97 - (number mod 97), Corsica's 2A and 2B counting as 19 and 18. */
  function keyIsRight(nir) {
    if (!/^[0-9]{5}([0-9]{2}|2[AB])[0-9]{8}$/.test(nir)) return false;
    const number = BigInt(nir.slice(0, 13).replace("2A", "19").replace("2B", "18"));
    return 97n - (number % 97n) === BigInt(nir.slice(13));
  }

  function tellAboutNir(field, text, typing) {
    const place = document.getElementById(field.id + "-direct");
    if (!place) return;
    let sentence = "";
    let state = "";
    if (text.length === LENGTH.nir) {
      if (keyIsRight(text)) { sentence = "✓ Numéro complet, la clé est juste."; state = "right"; }
      else { sentence = "La clé (les deux derniers chiffres) ne correspond pas au numéro : vérifiez chaque chiffre."; state = "wrong"; }
    } else if (text.length > LENGTH.nir) {
      sentence = `Le numéro compte ${text.length} caractères au lieu de 15.`;
      state = "wrong";
    } else if (!typing && text.length > 0) {
      sentence = `Le numéro compte ${text.length} caractère${text.length > 1 ? "s" : ""} sur 15.`;
      state = "wrong";
    }
    if (place.textContent !== sentence) place.textContent = sentence;
    place.dataset.state = state;
  }

  /* Digits in groups; the caret stays after the character it followed. */
  function group(field) {
    const kind = field.dataset.group;
    const caret = field.selectionStart;
    const before = kept(kind, field.value.slice(0, caret)).length;
    const text = kept(kind, field.value);
    const shown = grouped(kind, text);
    if (shown !== field.value) {
      field.value = shown;
      let at = 0;
      for (let seen = 0; at < shown.length && seen < before; at += 1) if (shown[at] !== " ") seen += 1;
      field.setSelectionRange(at, at);
    }
    return text;
  }

  for (const field of document.querySelectorAll("input[data-group]")) {
    const isNir = field.dataset.group === "nir";
    const show = (typing) => { const text = group(field); if (isNir) tellAboutNir(field, text, typing); };
    field.addEventListener("input", (event) => { if (!event.isComposing) show(true); });
    field.addEventListener("blur", () => show(false));
    /* What the server has already said is not said twice. */
    if (field.value && !field.hasAttribute("aria-invalid")) show(true);
  }

  /* An address typed twice: the second time by hand, so that a slip shows. What assistive technology or the browser's
     own filling-in puts there comes without the inputType of a paste, and is let through. */
  for (const field of document.querySelectorAll("input[data-twice]")) {
    const first = document.getElementById(field.dataset.twice);
    const place = document.getElementById(field.id + "-direct");
    const tell = (sentence, state) => {
      if (place) { place.textContent = sentence; place.dataset.state = state; }
    };
    field.addEventListener("beforeinput", (event) => {
      if (event.inputType === "insertFromPaste" || event.inputType === "insertFromDrop") {
        event.preventDefault();
        tell("Retapez-le plutôt que de le coller : c’est ainsi qu’une faute de frappe se voit.", "wrong");
      }
    });
    const same = () => first.value.replace(/\s/g, "").toLowerCase() === field.value.replace(/\s/g, "").toLowerCase();
    field.addEventListener("blur", () => {
      if (!field.value || !first.value) tell("", "");
      else if (same()) tell("✓ Les deux saisies sont identiques.", "right");
      else tell("Les deux saisies diffèrent : vérifiez-les.", "wrong");
    });
  }

  /* A form is sent once, however often its button is pressed. */
  for (const form of document.querySelectorAll("form[data-once]")) {
    let sent = false;
    form.addEventListener("submit", (event) => {
      if (sent) { event.preventDefault(); return; }
      sent = true;
      for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
    });
    /* Coming back with the browser's own button shows the page as it was: it may be sent again. */
    window.addEventListener("pageshow", (event) => {
      if (!event.persisted) return;
      sent = false;
      for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
    });
  }

  const summary = document.querySelector("[data-focus]");
  if (summary) summary.focus();
})();
