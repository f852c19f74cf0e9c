"""Calls to be made: booked in a slot of the opening hours, due, made, over. When we ring, we prove who we are first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Final

import phonenumbers
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.calls.actions import open_call
from backoffice.calls.models import Call, Callback, check_of, open_call_of
from backoffice.calls.scripts import subject_named
from backoffice.core.actor import Actor, Role, system_actor
from backoffice.core.clock import PARIS, paris_date
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.core.opening_hours import OpeningHours
from backoffice.office import Office
from backoffice.parameters.hours import CLOSED_EVERYWHERE
from backoffice.parameters.reading import current
from backoffice.population.models import Person

SLOT: Final = timedelta(minutes=30)
PLACES: Final = 3
"""Calls booked at most in one slot."""
NOTICE: Final = timedelta(minutes=30)
"""From booking to the earliest slot."""
AHEAD: Final = 5
"""Opening days offered."""
MOST_ATTEMPTS: Final = 3
KEPT: Final = timedelta(days=7)
"""After its slot, a call that nobody made is given up: no number waits for ever."""
LETTERS: Final = "CDFHJKMNPRTVWX"
FIGURES: Final = "2346789"
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('calls.callback'))")


class CallbackState(StrEnum):
    """Where a call to be made stands."""

    BOOKED = "prevu"
    DONE = "fait"
    UNREACHED = "injoignable"
    CANCELLED = "annule"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _LABELS[self]


_LABELS: Final = {
    CallbackState.BOOKED: "à faire",
    CallbackState.DONE: "fait",
    CallbackState.UNREACHED: "injoignable",
    CallbackState.CANCELLED: "annulé",
}


@dataclass(frozen=True, slots=True)
class Slot:
    """Half an hour in which calls may be booked."""

    start: datetime
    free: int

    @property
    def day(self) -> date:
        """In Paris."""
        return paris_date(self.start)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller asked for."""

    slot: str
    """Its beginning, ISO 8601."""
    subject: str
    ask_for: str
    registered: bool
    """At the mobile number that the insurance has."""
    number: str = ""


def slots_from(now: datetime, hours: OpeningHours, taken: dict[datetime, int]) -> list[Slot]:
    """The slots of the next opening days that have a place left, in order. Pure."""
    earliest = hours.after(now + NOTICE, 0)
    found: list[Slot] = []
    day, days = paris_date(earliest), 0
    while days < AHEAD:
        spans = hours.spans_of(day)
        for opens, closes in spans:
            start = datetime.combine(day, opens, tzinfo=PARIS)
            while start + SLOT <= datetime.combine(day, closes, tzinfo=PARIS):
                free = PLACES - taken.get(start, 0)
                if start >= earliest and free > 0:
                    found.append(Slot(start, free))
                start += SLOT
        day, days = day + timedelta(days=1), days + bool(spans)
    return found


def platform_hours(session: Session) -> OpeningHours:
    """When the platform answers: as printed on every letter, but for the days that all are closed."""
    return OpeningHours(closed=frozenset(one.day for one in current(session).of(CLOSED_EVERYWHERE)))


def free_slots(session: Session, now: datetime) -> list[Slot]:
    """The slots that may be booked now."""
    rows = session.execute(
        select(Callback.slot, func.count())
        .where(Callback.state == CallbackState.BOOKED, Callback.slot > now)
        .group_by(Callback.slot)
    )
    return slots_from(now, platform_hours(session), {row[0].astimezone(PARIS): row[1] for row in rows})


def book(session: Session, office: Office, actor: Actor, call_id: int, wish: Wish, chance: Random) -> Callback:
    """Book a call during one; the one booked from it already, when it is asked for again.

    Raises Invalid (slot, subject, number), WrongState when the slot has filled up meanwhile.
    """
    call = open_call_of(session, actor, call_id)
    known = session.query(Callback).filter_by(call_id=call.id, state=CallbackState.BOOKED.value).one_or_none()
    if known is not None:
        return known
    subject = subject_named(wish.subject).name
    number = _registered(session, office, call) if wish.registered else french_number(wish.number)
    try:
        start = datetime.fromisoformat(wish.slot).astimezone(PARIS)
    except ValueError:
        raise Invalid("Choisissez un créneau de rappel.") from None
    session.execute(_LOCK)
    now = office.clock()
    if start not in {slot.start for slot in free_slots(session, now)}:
        raise WrongState("Ce créneau n’est plus libre : choisissez-en un autre.")
    made = Callback(
        reference=_reference(session, chance), call_id=call.id, caisse=call.caisse, person_id=call.person_id, slot=start,
        subject=subject, ask_for=wish.ask_for.strip()[:80] or None, number=number, state=CallbackState.BOOKED.value,
        booked_by=actor.login, booked_at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()
    record(
        session, actor, "rappel.prevoir", f"rappel {made.reference}", at=now, caisse=call.caisse,
        detail={"appel": call.id, "creneau": start.isoformat()},
    )  # fmt: skip
    return made


def due(session: Session, actor: Actor, until: datetime) -> Sequence[Callback]:
    """What is to be made, the earliest first: within the actor's caisses, or about nobody known yet."""
    return session.scalars(
        select(Callback)
        .where(
            Callback.state == CallbackState.BOOKED, Callback.slot <= until,
            Callback.caisse.is_(None) | Callback.caisse.in_(sorted(actor.caisses)),
        )
        .order_by(Callback.slot, Callback.id)
        .limit(200)
    ).all()  # fmt: skip


def access_callback(session: Session, actor: Actor, callback_id: int) -> Callback:
    """The only way to hold a call to be made, locked: within your caisses, or not found."""
    found = session.query(Callback).filter_by(id=callback_id).with_for_update().one_or_none()
    if found is None or (found.caisse is not None and found.caisse not in actor.caisses):
        raise NotFound("Ce rappel est introuvable.")
    return found


def take(session: Session, office: Office, actor: Actor, callback_id: int) -> Call:
    """Ring now: a file of its own, about nobody until who answers has proved their identity.

    Raises WrongState when it is over, or in a colleague's hands for less than half an hour.
    """
    actor.require(Role.ADVISOR)
    callback = access_callback(session, actor, callback_id)
    if callback.state != CallbackState.BOOKED:
        raise WrongState("Ce rappel est terminé.")
    mine = session.query(Call).filter_by(callback_id=callback.id, login=actor.login, ended_at=None).one_or_none()
    if mine is not None:
        return mine
    other = session.query(Call).filter(
        Call.callback_id == callback.id, Call.login != actor.login, Call.ended_at.is_(None),
        Call.opened_at > office.clock() - SLOT,
    ).first()  # fmt: skip
    if other is not None:
        raise WrongState(f"{other.login} fait ce rappel en ce moment.")
    call = open_call(session, office, actor, callback_id=callback.id)
    call.subject, call.caisse, call.person_id = callback.subject, callback.caisse, callback.person_id
    callback.taken_by = actor.login
    return call


def close(session: Session, office: Office, actor: Actor, callback_id: int, how: str) -> Callback:
    """Say what became of a call to be made: `fait`, `sans_reponse`, `annule`; once over, number and name are erased.

    Without an answer it goes to the next opening hour, three times in all. Over already, nothing changes.
    """
    actor.require(Role.ADVISOR, Role.SUPERVISOR)
    callback = access_callback(session, actor, callback_id)
    if callback.state != CallbackState.BOOKED:
        return callback
    now = office.clock()
    if how == "sans_reponse":
        callback.attempts += 1
        if callback.attempts >= MOST_ATTEMPTS:
            callback.state = CallbackState.UNREACHED.value
        else:
            callback.slot = platform_hours(session).after(now, 60)
    elif how in ("fait", "annule"):
        callback.attempts += how == "fait"
        callback.state = how
    else:
        raise Invalid("Dites ce qu’est devenu ce rappel.")
    if callback.state != CallbackState.BOOKED:
        _erase(callback, now)
    record(
        session, actor, "rappel.suite", f"rappel {callback.reference}", at=now, caisse=callback.caisse, result=how,
        detail={"essais": callback.attempts},
    )  # fmt: skip
    return callback


def forget_late(office: Office) -> int:
    """Give up calls that nobody made within `KEPT` of their slot, and erase what was kept of them; return how many."""
    now, actor = office.clock(), system_actor()
    with office.db.unit_of_work() as session:
        late = session.scalars(
            select(Callback)
            .where(Callback.state == CallbackState.BOOKED, Callback.slot < now - KEPT)
            .with_for_update(skip_locked=True)
        ).all()
        for one in late:
            one.state = CallbackState.UNREACHED.value
            _erase(one, now)
            record(
                session, actor, "rappel.suite", f"rappel {one.reference}", at=now, caisse=one.caisse, result="oublie"
            )  # fmt: skip
    return len(late)


def _erase(callback: Callback, now: datetime) -> None:
    """Over: neither number nor name is kept."""
    callback.ended_at, callback.number, callback.ask_for = now, None, None


def french_number(typed: str) -> str:
    """A French telephone number as +33…, fixed or mobile. Raises Invalid, without repeating it."""
    try:
        number = phonenumbers.parse(typed, "FR")
    except phonenumbers.NumberParseException:
        number = None
    # 06 39 98 xx xx is kept for fiction: the library does not know it, demonstration persons have no other.
    if number is None or not (
        phonenumbers.is_valid_number(number)
        or (number.country_code == 33 and str(number.national_number).startswith("63998"))
    ):
        raise Invalid("Ce numéro de téléphone n’est pas valide : faites-le répéter, il compte 10 chiffres.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _registered(session: Session, office: Office, call: Call) -> str:
    check = check_of(session, call)
    if check is None or not check.shows(office.clock()):
        raise Invalid("Le mobile enregistré ne sert qu’à qui a prouvé son identité : demandez un numéro.")
    number = session.scalar(select(Person.mobile).where(Person.caisse == call.caisse, Person.id == call.person_id))
    if not number:
        raise Invalid("L’Assurance Maladie n’a pas de mobile pour cette personne : demandez un numéro.")
    return str(number)


def _reference(session: Session, chance: Random) -> str:
    """Four letters and digits in two groups, nobody else's: short enough to be noted, too rare to be guessed."""
    while True:
        drawn = (
            "".join(chance.choice(LETTERS) for _ in range(3)) + "-" + "".join(chance.choice(FIGURES) for _ in range(3))
        )
        if session.scalar(select(Callback.id).where(Callback.reference == drawn)) is None:
            return drawn
