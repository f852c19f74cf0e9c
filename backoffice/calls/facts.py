"""What the page of a call may show of the person once their identity is proved, and not before: administrative facts."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.adapters.dmp import CodeState, DossierFacts
from backoffice.calls.models import Call, check_of
from backoffice.campaigns.kinds import kind_of
from backoffice.campaigns.models import Campaign, Letter
from backoffice.campaigns.rules import CampaignState, Channel, LetterState
from backoffice.cases.models import Case
from backoffice.core.typography import NBSP
from backoffice.letters.reference import format_letter_id
from backoffice.office import Office
from backoffice.population.models import Person
from backoffice.population.notices import NoticeKind, notices_of
from dmp_core.identity.nir import mask

LETTERS = 10


@dataclass(frozen=True, slots=True)
class SentLetter:
    """A letter of the person's, as they may speak of it."""

    letter_id: str
    label: str
    day: date
    by_mail: bool


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """One person, shown to the advisor they have proved their identity to. No code, nothing medical."""

    caisse: str
    person_id: int
    name: str
    nir: str
    """Masked."""
    town: str
    by_mail: bool
    mail: str
    mobile: str
    """Masked: enough to recognise them when the person says them."""
    undeliverable: bool
    dossier: DossierFacts | None
    code: CodeState | None
    letters: tuple[SentLetter, ...]
    cases: tuple[Case, ...]


def facts_of(session: Session, office: Office, call: Call) -> PersonFacts | None:
    """The person of the call; None until their identity is proved, once it has been for too long, or after the call."""
    check = check_of(session, call)
    if call.ended_at is not None or check is None or not check.shows(office.clock()):
        return None
    person = session.scalars(
        select(Person).where(Person.caisse == call.caisse, Person.id == call.person_id)
    ).one_or_none()
    if person is None:
        return None
    letters = session.execute(
        select(Letter.number, Letter.channel, Campaign.kind, Campaign.letter_date)
        .join(Campaign, Campaign.id == Letter.campaign_id)
        .where(
            Letter.caisse == person.caisse, Letter.person_id == person.id,
            Letter.state.in_([LetterState.SEALED, LetterState.SENT]), Campaign.state != CampaignState.CANCELLED,
        )
        .order_by(Campaign.letter_date.desc(), Letter.number.desc())
        .limit(LETTERS)
    )  # fmt: skip
    cases = session.scalars(
        select(Case)
        .where(Case.caisse == person.caisse, Case.person_id == person.id)
        .order_by(Case.id.desc())
        .limit(LETTERS)
    )
    return PersonFacts(
        caisse=person.caisse, person_id=person.id,
        name=f"{person.prenom} {person.nom_usage or person.nom_naissance}", nir=mask(person.nir),
        town=f"{person.code_postal} {person.ville}", by_mail=person.canal == Channel.MAIL and bool(person.email),
        mail=masked_mail(person.email), mobile=masked_number(person.mobile),
        undeliverable=person.pnd or _returned(session, person),
        dossier=office.dmp.dossier_states(person.caisse, [person.id]).get(person.id),
        code=office.dmp.code_states(person.caisse, [person.id]).get(person.id),
        letters=tuple(
            SentLetter(
                format_letter_id(person.caisse, row.number), kind_of(row.kind).label, row.letter_date,
                row.channel == Channel.MAIL,
            )
            for row in letters
        ),
        cases=tuple(cases),
    )  # fmt: skip


def _returned(session: Session, person: Person) -> bool:
    """Whether a letter came back from the address of today."""
    known = notices_of(session, person.caisse, [person.id]).get(person.id, [])
    return any(notice.kind == NoticeKind.UNDELIVERABLE for notice in known)


def masked_mail(address: str) -> str:
    """ "m…@exemple.fr"; empty for no address."""
    local, at, domain = address.partition("@")
    return f"{local[:1]}…{at}{domain}" if at else ""


def spoken_number(number: str | None) -> str:
    """ "06 12 34 56 78", as it is dialled and read; empty once erased."""
    national = "0" + number[3:] if number and number.startswith("+33") else number or ""
    if len(national) != 10:
        return national
    return NBSP.join(national[rank : rank + 2] for rank in range(0, 10, 2))


def masked_number(number: str | None) -> str:
    """ "06 •• •• •• 42"; empty for no number."""
    if not number:
        return ""
    national = "0" + number[3:] if number.startswith("+33") else number
    return f"{national[:2]}{NBSP}••{NBSP}••{NBSP}••{NBSP}{national[-2:]}"
