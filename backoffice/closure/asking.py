"""A closure asked for at the caisse: asked, explained, confirmed; each is recorded. Actions flush; the door commits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy.orm import Session

from backoffice.adapters.dmp import DossierState
from backoffice.cases.actions import advance
from backoffice.cases.attachments import attach
from backoffice.cases.files import has_file
from backoffice.cases.kinds.closure import CLOSURE, REOPENING
from backoffice.cases.models import Case, access_case, require_unchanged
from backoffice.cases.once import open_one
from backoffice.cases.queueing import Way
from backoffice.closure.explanation import told
from backoffice.closure.persons import STANDING, dossier_of, person_of
from backoffice.closure.representation import represented
from backoffice.core.actor import Actor
from backoffice.core.clock import long_french_date, paris_date
from backoffice.core.errors import Invalid, WrongState
from backoffice.office import Office
from backoffice.parameters.limits import COOLING_OFF_DAYS
from backoffice.parameters.reading import current
from backoffice.parameters.reasons import CLOSURE as CLOSURE_REASONS
from backoffice.parameters.reasons import chosen
from backoffice.population.notices import NoticeKind, give_notice

MEANS: Final[Mapping[Way, Mapping[str, str]]] = {
    Way.COUNTER: {"piece": "pièce d’identité vue", "vitale": "carte Vitale avec photo vue"},
    Way.PHONE: {"questions": "questions d’identité pendant l’appel"},
    Way.POST: {"copie": "copie d’une pièce d’identité jointe à la lettre", "rappel": "rappel, questions d’identité"},
}
"""How an identity may have been checked, by the way the request came."""
NO_LETTER: Final = (
    "Joignez la lettre numérisée : une clôture demandée par courrier ne se confirme qu’au vu de la lettre."
)


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was sent."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """What the agent recorded."""

    way: Way
    means: str
    """One of `MEANS` of this way; empty while the identity is still to be checked."""
    reason: str
    """Code of the reason given; the person owes none."""
    explained: bool = False
    confirmed: bool = False
    title: str = ""
    """By what right somebody else asks, one of `Title`; empty when it is the holder."""
    proof_seen: bool = False
    letter: File | None = None
    """The letter that asks for it, scanned."""


def ask_closure(session: Session, office: Office, actor: Actor, caisse: str, person_id: int, asked: Asked) -> Case:
    """Record the request, the person's open one if there is one; mailings stop at once.

    Confirmed with it when the person is there, on the line or has signed; else it waits to be.
    Raises NotFound, NotAllowed, WrongState (no DMP, suspended, closed) and Invalid.
    """
    person = person_of(session, actor, caisse, person_id)
    dossier = dossier_of(office, caisse, person_id)
    if dossier.state is not DossierState.OPEN:
        raise WrongState(STANDING[dossier.state])
    if asked.way not in MEANS:
        raise Invalid("Dites comment la demande est arrivée : au guichet, par téléphone ou par courrier.")
    reason = chosen(current(session).of(CLOSURE_REASONS), asked.reason)
    if asked.confirmed:
        _require_whole(asked)
    case, _ = open_one(
        session, office, actor, CLOSURE, person.caisse, person.id, facts={"motif": reason.code}, way=asked.way
    )
    _keep_letter(session, office, actor, case, asked)
    give_notice(
        session, actor, caisse, person_id, NoticeKind.OPPOSITION, source=f"demande {case.number}", at=office.clock()
    )
    if asked.confirmed and case.state == CLOSURE.initial.name:
        return confirm_closure(session, office, actor, case.number, asked)
    return case


def confirm_closure(
    session: Session, office: Office, actor: Actor, number: str, asked: Asked, *, seen: int | None = None
) -> Case:
    """The holder confirms, knowing what it means: the cooling-off time begins.

    Raises Invalid when the identity is not checked, nothing was explained, or the holder did not confirm.
    """
    case = access_case(session, actor, number, lock=True)
    require_unchanged(session, case, seen)
    _require_whole(asked)
    _keep_letter(session, office, actor, case, asked)
    if asked.way is Way.POST and not has_file(session, case):
        raise Invalid(NO_LETTER)
    days = current(session).of(COOLING_OFF_DAYS)
    effect = paris_date(office.clock()) + timedelta(days=days)
    facts = {
        "identite": MEANS[asked.way][asked.means], "explique": told(session), "confirme_par": asked.way.value,
        "effet": long_french_date(effect), "effet_le": effect.isoformat(),
    }  # fmt: skip
    if by := represented(asked.title, asked.proof_seen):
        facts["representant"] = by
    return advance(session, office, actor, case.number, "confirm", facts=facts)


def ask_reopening(
    session: Session, office: Office, actor: Actor, caisse: str, person_id: int, way: Way
) -> Case:  # fmt: skip
    """Record that the person wants their closed DMP back; a supervisor decides.

    Raises WrongState unless it is closed, or once its ten years are over.
    """
    person = person_of(session, actor, caisse, person_id)
    dossier = dossier_of(office, caisse, person_id)
    if dossier.state is not DossierState.CLOSED:
        raise WrongState(STANDING[dossier.state])
    if dossier.keep_until is not None and dossier.keep_until < paris_date(office.clock()):
        raise WrongState("Ce DMP est clôturé depuis plus de dix ans : il ne peut plus être rouvert.")
    case, _ = open_one(session, office, actor, REOPENING, person.caisse, person.id, way=way)
    return case


def _keep_letter(session: Session, office: Office, actor: Actor, case: Case, asked: Asked) -> None:
    if asked.letter is not None:
        attach(session, office, actor, case.number, asked.letter.name, asked.letter.content)


def _require_whole(asked: Asked) -> None:
    if asked.means not in MEANS[asked.way]:
        raise Invalid("Dites comment l’identité de la personne a été vérifiée.")
    if not asked.explained:
        raise Invalid("Expliquez d’abord à la personne ce que clôturer veut dire, puis cochez la case.")
    if not asked.confirmed:
        raise Invalid("La clôture attend que le titulaire confirme sa demande : cochez la case quand il l’a fait.")
    if asked.title and asked.way is Way.PHONE:
        raise Invalid("Le téléphone ne prouve pas un mandat : le représentant passe à l’accueil avec son justificatif.")
    represented(asked.title, asked.proof_seen)
