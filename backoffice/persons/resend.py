"""A code sent again, asked for at the counter or on the telephone: the rule of mon-dmp, and its reason told to staff.

The request becomes an event of the record, as if the person had asked online; its letter follows the same way. What is
looked at here besides: whether a letter would arrive at all.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from backoffice.adapters.dmp import DossierState, Judged, Purpose, Refusal
from backoffice.audit.journal import record
from backoffice.core.actor import Actor
from backoffice.core.clock import PARIS, long_french_date, paris_date
from backoffice.core.errors import WrongState
from backoffice.office import Office
from backoffice.parameters.limits import RESENDS_IN_30_DAYS, RESENDS_PER_DAY
from backoffice.parameters.reading import current
from backoffice.persons.access import object_of
from backoffice.persons.file import why_not_eligible
from backoffice.population.insured import insured_of
from backoffice.population.models import Person
from backoffice.population.notices import Notice, NoticeKind, notices_of
from backoffice.population.rows import shown

PURPOSES: Final = {
    Purpose.CREATION: "un code pour créer son DMP",
    Purpose.ACCESS: "un code pour retrouver l’accès à son DMP",
}


@dataclass(frozen=True, slots=True)
class Resend:
    """Whether a code would be sent now, by which way, or why not."""

    possible: bool
    purpose: Purpose | None
    by_mail: bool
    destination: str
    """Where it goes, masked: to be compared with what the person says."""
    why_not: str
    """One sentence; empty when possible."""
    todo: str
    """What to do instead; may be empty."""
    possible_at: datetime | None
    """From when it will be, when time alone is in the way."""


def look(session: Session, office: Office, person: Person) -> Resend:
    """What a request would give. Raises Unavailable when the record does not answer."""
    a_day, month = _limits(session)
    judged = office.dmp.code_request(insured_of(person, paris_date(office.clock())), a_day=a_day, in_thirty_days=month)
    return _told(session, office, person, judged)


def request_code(
    session: Session, office: Office, actor: Actor, person: Person, request_id: uuid.UUID, way: str
) -> Resend:
    """Ask for a code; asked again under the same `request_id`, it is asked for once.

    `way` is how the person asked: "accueil" or "téléphone". Raises WrongState, with why and from when, and Unavailable.
    """
    looked = _told(session, office, person, None)
    if looked.why_not:
        raise WrongState(f"{looked.why_not} {looked.todo}".strip())
    a_day, month = _limits(session)
    insured = insured_of(person, paris_date(office.clock()))
    judged = office.dmp.request_code(request_id, insured, a_day=a_day, in_thirty_days=month)
    told = _told(session, office, person, judged)
    record(
        session, actor, "code.renvoyer", object_of(person), at=office.clock(), caisse=person.caisse,
        result="fait" if judged.granted else "refusé", reason=told.why_not or None,
        detail={"par": way, "canal": "courriel" if told.by_mail else "courrier"},
    )  # fmt: skip
    return told


def _limits(session: Session) -> tuple[int, int]:
    parameters = current(session)
    return parameters.of(RESENDS_PER_DAY), parameters.of(RESENDS_IN_30_DAYS)


def _told(session: Session, office: Office, person: Person, judged: Judged | None) -> Resend:
    """With the caisse's own facts first: who is dead, or does not live there, is sent nothing whatever the limits."""
    notices = notices_of(session, person.caisse, [person.id]).get(person.id, [])
    facts = office.dmp.dossier_states(person.caisse, [person.id]).get(person.id)
    purpose = judged.purpose if judged else (Purpose.ACCESS if facts else Purpose.CREATION)
    by_mail = purpose is Purpose.CREATION and _takes_mail(person, notices)
    why_not, todo, at = "", "", None
    if person.date_deces is not None or _has(notices, NoticeKind.DECEASED):
        why_not, todo = "La personne est signalée décédée : aucun code ne part.", "Proposez la clôture pour décès."
    elif facts is not None and facts.state is DossierState.SUSPENDED:
        why_not, todo = "L’accès au DMP est suspendu : sa création est contestée.", "Adressez-vous à votre superviseur."
    elif facts is not None and facts.state is DossierState.CLOSED:
        why_not, todo = "Le DMP est clôturé : aucun code n’y donne accès.", "Il peut être rouvert à sa demande."
    elif facts is None and (why := why_not_eligible(person, notices, None, paris_date(office.clock()))):
        why_not, todo = f"Aucun code de création ne part : {why[0].lower()}{why[1:]}", ""
    elif not by_mail and (person.pnd or _has(notices, NoticeKind.UNDELIVERABLE)):
        why_not = "Le code partirait par La Poste, à une adresse d’où le courrier est revenu."
        todo = "Faites corriger l’adresse dans le fichier de la caisse, ou créez le DMP à l’accueil avec la personne."
    elif judged is not None and not judged.granted:
        why_not, at = _limit_reached(judged), judged.retry_at
    return Resend(not why_not, purpose, by_mail, masked_destination(person, by_mail=by_mail), why_not, todo, at)


def _limit_reached(judged: Judged) -> str:
    what = {
        Refusal.A_DAY: "Un code a déjà été demandé depuis moins de 24 heures",
        Refusal.IN_THIRTY_DAYS: "Le nombre de codes possible en trente jours est atteint",
        Refusal.NOT_ELIGIBLE: "La personne ne peut pas ouvrir de DMP",
        Refusal.NO_ACCESS: "Le DMP n’est pas ouvert",
    }[judged.refusal or Refusal.A_DAY]
    if judged.retry_at is None:
        return f"{what} : aucun renvoi n’est possible."
    local = judged.retry_at.astimezone(PARIS)
    return f"{what} : le prochain sera possible le {long_french_date(local.date())} à {local.hour} h {local.minute:02}."


def masked_destination(person: Person, *, by_mail: bool) -> str:
    """Where a letter goes, in enough letters for the person to know it and for nobody to learn it."""
    if by_mail:
        return shown("email", person.email)
    street = person.adresse_4 or person.adresse_5
    hidden = " ".join(word if word.isdigit() else word[0] + "•" * (len(word) - 1) for word in street.split())
    return f"{hidden}, {person.code_postal} {person.ville}{f', {person.pays}' if person.pays else ''}"


def _takes_mail(person: Person, notices: Sequence[Notice]) -> bool:
    return person.canal == "mail" and bool(person.email) and not _has(notices, NoticeKind.MAIL_REFUSED)


def _has(notices: Sequence[Notice], kind: NoticeKind) -> bool:
    return any(notice.kind == kind for notice in notices)
