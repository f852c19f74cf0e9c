"""The pages on which a DMP is created, reopened or its secrets given again, for a patient who is there with their card.

Nothing is kept between two steps, neither here nor in a cookie: what the card says travels in the form, and is proved anew at
each step. The document des secrets is made for the answer that carries it.
"""

from typing import Final
from uuid import UUID, uuid4

from flask import Blueprint, Response, current_app, render_template, request
from flask.typing import ResponseReturnValue

from dmp_core.access.identifying import NotIdentified, VitaleCard
from dmp_core.access.openers import INFORMATION, Given, opener_of
from dmp_core.access.opening import CLOSED, Looked, Next, OpeningGate
from dmp_core.enrolment.conditions import CONSENT, current_terms
from dmp_core.enrolment.dossiers import Contacts
from dmp_core.enrolment.papers import secrets_pdf, terms_pdf
from dmp_core.errors import DmpError, Invalid, NotFound, WrongState
from dmp_core.holder.guard import TooMany
from dmp_core.portals.mondmp.pages.typed import contacts as read_contacts
from dmp_core.portals.professionals.card import professional

blueprint = Blueprint("creation", __name__, url_prefix="/creation")

_CARD: Final = ("nir", "prenom", "naissance", "serie")
_CONTACTS: Final = ("mail", "mail_bis", "mobile", "mobile_bis")
_CHOICES: Final = (
    "informe",
    "consent",
    "acces",
    "demande",
    "explique",
    "conditions",
    "operation",
    "representant",
    "qualite",
)
_STATUS: Final[tuple[tuple[type[DmpError], int], ...]] = (
    (TooMany, 429),
    (Invalid, 422),
    (NotFound, 404),
    (WrongState, 409),
)
NO_CHOICE: Final = "Indiquez si le patient vous autorise à consulter son DMP : oui ou non."


def gate() -> OpeningGate:
    """The gate of this process."""
    found = current_app.extensions["professionals.opening"]
    assert isinstance(found, OpeningGate)
    return found


@blueprint.get("")
def card() -> str:
    """The patient's card."""
    return render_template("creation/card.html", typed=_typed(), wrong="")


@blueprint.get("/conditions")
def conditions() -> Response:
    """The conditions in force, for the patient to read."""
    response = Response(terms_pdf(current_terms()), content_type="application/pdf")
    response.headers.set("Content-Disposition", "inline", filename="conditions-utilisation-dmp.pdf")
    return response


@blueprint.post("/patient")
def patient() -> ResponseReturnValue:
    """What can be done for the patient whose card it is."""
    typed = _typed()
    try:
        return _step(gate().look(opener_of(professional()), _card(typed)), typed | {"operation": str(uuid4())})
    except (Invalid, WrongState) as refusal:
        return _card_again(typed, refusal)


@blueprint.post("")
def create() -> ResponseReturnValue:
    """The DMP is created; its document is the next page's."""
    typed = _typed()
    contacts = read_contacts(typed)
    if not isinstance(contacts, Contacts):
        return _refused(typed, Invalid(next(iter(contacts.values()))), contacts)
    try:
        authorise = _authorise(typed)
        made = gate().create(
            opener_of(professional()), _operation(typed), _card(typed), contacts, _given(typed), authorise=authorise
        )
    except (Invalid, WrongState) as refusal:
        return _refused(typed, refusal)
    return render_template("creation/done.html", typed=typed, made=made, reopened=False)


@blueprint.post("/reactivation")
def reopen() -> ResponseReturnValue:
    """A closed DMP is open again."""
    typed = _typed()
    try:
        authorise = _authorise(typed)
        made = gate().reopen(
            opener_of(professional()), _operation(typed), _card(typed), _given(typed), authorise=authorise
        )
    except (Invalid, NotFound, WrongState) as refusal:
        return _refused(typed, refusal)
    return render_template("creation/done.html", typed=typed, made=made, reopened=True)


@blueprint.post("/document")
def document() -> ResponseReturnValue:
    """The document des secrets, with a new password: printed, handed over, and kept by nobody but the patient."""
    typed = _typed()
    try:
        given = gate().secrets(opener_of(professional()), _card(typed), asked=typed["demande"] == "oui")
    except (Invalid, NotFound, WrongState) as refusal:
        return _refused(typed, refusal)
    response = Response(secrets_pdf(given), content_type="application/pdf")
    response.headers.set("Content-Disposition", "inline", filename="document-des-secrets.pdf")
    return response


@blueprint.post("/cloture")
def closure() -> ResponseReturnValue:
    """The caisse is told that the holder asks for the closure."""
    typed = _typed()
    try:
        gate().ask_closure(
            opener_of(professional()), _operation(typed), _card(typed), explained=typed["explique"] == "oui",
            asked=typed["demande"] == "oui",
        )  # fmt: skip
    except (Invalid, NotFound, WrongState) as refusal:
        return _refused(typed, refusal)
    return render_template("creation/closure_asked.html")


def _step(looked: Looked, typed: dict[str, str], errors: dict[str, str] | None = None, wrong: str = "") -> str:
    page = {Next.CREATE: "create", Next.REOPEN: "reopen", Next.CONSULT: "known"}[looked.next]
    terms = current_terms()
    return render_template(
        f"creation/{page}.html", looked=looked, typed=typed | {"conditions": terms.version}, errors=errors or {},
        wrong=wrong, terms=terms, consent=CONSENT, information=INFORMATION, closed=CLOSED,
    )  # fmt: skip


def _refused(typed: dict[str, str], refusal: DmpError, errors: dict[str, str] | None = None) -> ResponseReturnValue:
    """The step again, with what was typed; the card's when it is the card that is refused."""
    if isinstance(refusal, NotIdentified | TooMany):
        return _card_again(typed, refusal)
    try:
        looked = gate().look(opener_of(professional()), _card(typed))
    except (Invalid, WrongState) as other:
        return _card_again(typed, other)
    return _step(looked, typed, errors, str(refusal)), _status(refusal)


def _card_again(typed: dict[str, str], refusal: DmpError) -> ResponseReturnValue:
    return render_template("creation/card.html", typed=typed, wrong=str(refusal)), _status(refusal)


def _status(refusal: DmpError) -> int:
    return next(status for kind, status in _STATUS if isinstance(refusal, kind))


def _typed() -> dict[str, str]:
    return {name: request.form.get(name, "").strip()[:254] for name in (*_CARD, *_CONTACTS, *_CHOICES)}


def _card(typed: dict[str, str]) -> VitaleCard:
    return VitaleCard.of(*(typed[name] for name in _CARD))


def _given(typed: dict[str, str]) -> Given:
    given = Given(typed["informe"] == "oui", typed["consent"] == "oui", typed["conditions"])
    return given.by(typed["representant"], typed["qualite"])


def _authorise(typed: dict[str, str]) -> bool:
    if typed["acces"] not in ("oui", "non"):
        raise Invalid(NO_CHOICE)
    return typed["acces"] == "oui"


def _operation(typed: dict[str, str]) -> UUID:
    try:
        return UUID(typed["operation"])
    except ValueError:
        raise Invalid("Ce formulaire est incomplet : présentez de nouveau la carte du patient.") from None
