"""The pages: whom to look for, a dossier, one of its documents, and how to come in."""

from typing import Final
from uuid import UUID

from flask import Blueprint, current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from dmp_core.access.circle import Member
from dmp_core.access.habilitations import expected_of
from dmp_core.access.professional import NotIn, ProfessionalGate
from dmp_core.access.rules import Barrier
from dmp_core.access.trace import Mode
from dmp_core.clock import PARIS
from dmp_core.errors import Invalid, NotFound, WrongState
from dmp_core.identity import insc
from dmp_core.portals.contents import shown
from dmp_core.portals.professionals import deposits
from dmp_core.portals.professionals.card import ask_for_card, begin, parts, professional, shown_again
from dmp_core.portals.professionals.visit import patient_page
from dmp_core.record.structured import Readable, readable

blueprint = Blueprint("ps", __name__)

MOST_PATIENTS: Final = 200
"""On the home page; the others are found by their card."""
_TYPED: Final = ("nir", "prenom", "naissance")
_COLLEAGUES: Final = (
    "G15_10", "G15_21", "G15_40", "G15_50", "G15_60", "G15_70", "G15_80", "G15_91", "G15_92", "G15_94", "G15_95", "G15_98",
)  # fmt: skip


def gate() -> ProfessionalGate:
    """The gate of this process."""
    found = current_app.extensions["professionals.gate"]
    assert isinstance(found, ProfessionalGate)
    return found


@blueprint.get("/")
def home() -> str:
    """Whom to look for."""
    return _home(dict.fromkeys(_TYPED, ""))


@blueprint.route("/session", methods=["GET", "POST"])
def resume() -> ResponseReturnValue:
    """A session that was idle too long begins again with the card."""
    if request.method == "GET":
        return render_template("resume.html")
    begin(professional(), parts().clock())
    return redirect(url_for(".home"), 303)


@blueprint.post("/patients")
def find() -> ResponseReturnValue:
    """The dossier of a patient, by what their carte Vitale says."""
    typed = {name: request.form.get(name, "").strip()[:60] for name in _TYPED}
    try:
        ins_c = _ins_c(**typed)
        return redirect(url_for(".dossier", dossier=gate().find(professional(), ins_c)), 303)
    except (Invalid, NotFound) as refusal:
        status = 422 if isinstance(refusal, Invalid) else 404
        return _home(typed, str(refusal)), status


@blueprint.get("/dossiers/<uuid:dossier>")
def dossier(dossier: UUID) -> ResponseReturnValue:
    """The patient's page; to who is not in, how to come in."""
    try:
        return patient_page(dossier, _COLLEAGUES)
    except NotIn as refusal:
        return _not_in(dossier, refusal), 403


@blueprint.post("/dossiers/<uuid:dossier>/consentement")
def consent(dossier: UUID) -> ResponseReturnValue:
    """The patient, informed, consents."""
    gate().consent(professional(), dossier, informed=request.form.get("consentement") == "oui")
    flash("Le consentement du patient est enregistré : il vaut un an, et le patient peut le retirer à tout moment.")
    return redirect(url_for(".dossier", dossier=dossier), 303)


@blueprint.post("/dossiers/<uuid:dossier>/urgence")
def emergency(dossier: UUID) -> ResponseReturnValue:
    """An access that cannot wait for consent, by a connection that is newer than the page: a new proof by the card."""
    if "asked" not in session:
        return redirect(url_for(".dossier", dossier=dossier), 303)
    shown = shown_again()
    if shown is None:  # the server ends this connection; the browser sends the form again by another one
        return redirect(request.path, 307)
    mode = Mode.CENTRE_15 if request.form.get("mode") == Mode.CENTRE_15.value else Mode.EMERGENCY
    reason = request.form.get("motif", "")
    try:
        gate().break_glass(professional(), dossier, mode, reason, shown)
    except Invalid as wrong:
        refusal = NotIn(Barrier.NONE, emergency=True, centre_15=False)
        return _not_in(dossier, refusal, reason, str(wrong)), 422
    session.pop("asked")
    flash(
        "L’accès en urgence est ouvert pour une heure, en lecture. Le patient et son médecin traitant en sont avertis."
    )
    return redirect(url_for(".dossier", dossier=dossier), 303)


@blueprint.post("/dossiers/<uuid:dossier>/equipe")
def team(dossier: UUID) -> ResponseReturnValue:
    """A colleague of the care team."""
    profession = request.form.get("profession", "")
    name = " ".join(request.form.get("nom", "").split())[:150]
    colleague = Member(request.form.get("numero", "").strip(), name, profession if profession in _COLLEAGUES else "")
    try:
        gate().bring_in(professional(), dossier, colleague)
        flash(f"{name} fait partie de l’équipe de soins : son accès vaut un an.")
    except (Invalid, WrongState) as wrong:
        flash(str(wrong), "wrong")
    return redirect(url_for(".dossier", dossier=dossier), 303)


@blueprint.get("/dossiers/<uuid:dossier>/documents/<uuid:document_id>")
def document(dossier: UUID, document_id: UUID) -> ResponseReturnValue:
    """Everything about one document but what it says."""
    try:
        patient, found = gate().look(professional(), dossier, document_id)
    except NotIn:
        return redirect(url_for(".dossier", dossier=dossier), 303)
    return render_template(
        "document.html", dossier=dossier, patient=patient, document=found, held=found.awaits(parts().clock()),
        mine=found.author.id == str(professional().id), announces=deposits.gate().announces(professional(), dossier, found),
    )  # fmt: skip


@blueprint.get("/dossiers/<uuid:dossier>/documents/<uuid:document_id>/contenu")
def content(dossier: UUID, document_id: UUID) -> ResponseReturnValue:
    """What the document says, as a person opens it, or itself for a software (`?forme=original`)."""
    try:
        found, data = gate().read(professional(), dossier, document_id)
    except NotIn:
        return redirect(url_for(".dossier", dossier=dossier), 303)
    if request.args.get("forme") == "original":
        told = Readable(data, found.format.value, found.format.suffix, shown=False)
    else:
        told = readable(found, data)
    return shown(found, told)


def _not_in(dossier: UUID, refusal: NotIn, typed: str = "", wrong: str = "") -> str:
    """How to come in; an emergency that begins here takes the card again."""
    ask_for_card()
    return render_template("not_in.html", dossier=dossier, refusal=refusal, typed=typed, wrong=wrong)


def _home(typed: dict[str, str], wrong: str = "") -> str:
    who, today = professional(), parts().clock().astimezone(PARIS).date()
    return render_template(
        "home.html", typed=typed, wrong=wrong, expected=expected_of(who.profession.code, today),
        patients=gate().patients(who, MOST_PATIENTS), most=MOST_PATIENTS,
    )  # fmt: skip


def _ins_c(nir: str, prenom: str, naissance: str) -> str:
    """The INS-C out of what was typed. Raises Invalid."""
    try:
        born = "".join(naissance.split("-"))[2:] if naissance else insc.NO_BIRTH_DATE
        return insc.compute(prenom, born, "".join(nir.split()).upper())
    except insc.InsCFault as fault:
        raise Invalid(str(fault)) from None
