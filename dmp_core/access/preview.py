"""What a professional would see of a dossier, shown to its holder: "voir comme mon dentiste" (RECORD 6).

By the very rules of the professionals' gate, in the order of their page; what is hidden from them is told to the holder, with
why. One line of the trace, in the holder's own name: nobody came. What the holder may not see yet is not there for them here
either.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from dmp_core.access import circle, trace
from dmp_core.access.circle import Known, Member
from dmp_core.access.gate import EVERY
from dmp_core.access.habilitations import professions_with_access
from dmp_core.access.relevance import by_relevance
from dmp_core.access.rules import Barrier, Basis, Emergency, Relation, Standing, Way, Why, way_in, why
from dmp_core.access.trace import HOLDER, Action, Mode
from dmp_core.clock import PARIS, Clock
from dmp_core.errors import NotFound
from dmp_core.holder.store import HolderStore
from dmp_core.professionals.professions import PHYSICIAN, label_of
from dmp_core.record import documents
from dmp_core.record.metadata import Document, Status, Wanted
from dmp_core.record.sealing import DossierKeys

ATTENDING: Final = "medecin-traitant"
URGENT: Final = "urgence"
_CLOSED: Final = "Ce DMP n’est plus ouvert : reconnectez-vous."
_NOT_KNOWN: Final = "Ce professionnel n’est pas dans votre liste : choisissez-le de nouveau."


@dataclass(frozen=True, slots=True)
class Choice:
    """Somebody to see as."""

    handle: str
    """In an address, which bears no name and no number."""
    label: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Preview:
    """A dossier as somebody else finds it."""

    label: str = field(repr=False)
    way: Way | Barrier
    refuses_emergency: bool
    seen: list[Document] = field(repr=False)
    """Current and archived ones, as their own page orders them."""
    hidden: list[tuple[Document, Why]] = field(repr=False)
    """What is not there for them: told to the holder alone."""


@dataclass(frozen=True, slots=True)
class SeeAs:
    """Whom to see as, and what they would see."""

    professionals: list[Choice]
    """The holder's own, whatever their standing."""
    professions: list[Choice]
    preview: Preview | None


class HolderPreview:
    """Raises NotFound for somebody who is not around the dossier, and for a dossier that is not open."""

    def __init__(self, store: HolderStore, keys: DossierKeys, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock

    def see_as(self, dossier: UUID, chosen: str = "") -> SeeAs:
        """As whom `chosen` names: a handle of the choices; nobody yet when it is empty."""
        now = self._clock()
        on = now.astimezone(PARIS).date()
        with self._store.transaction(dossier) as connection:
            if not documents.is_within_reach(connection, dossier):
                raise NotFound(_CLOSED)
            everyone = circle.everyone(connection, dossier, now)
            refuses = circle.refuses_emergencies(connection, dossier)
            professions = [*_ROLES, *(Choice(each, label_of(each)) for each in professions_with_access(on))]
            own = [Choice(_handle(dossier, each.who.id), _named(each.who)) for each in everyone]
            preview = None
            if chosen:
                known = next((each for each in everyone if _handle(dossier, each.who.id) == chosen), None)
                known = known or _imagined(chosen, {each.handle for each in professions}, refuses, now)
                label = next(each.label for each in (*own, *professions) if each.handle == chosen)
                box = self._keys.box(connection, dossier, now)
                every = [
                    each for status in (Status.APPROVED, Status.ARCHIVED)
                    for each in documents.documents_of(connection, box, Wanted(status), now, EVERY)
                ]  # fmt: skip
                way = way_in(known.standing, now)
                profession = known.who.profession
                told = [(each, why(way, known.who.id, profession, each, on)) for each in every]
                preview = Preview(
                    label, way, refuses, by_relevance(profession, [each for each, reason in told if reason.seen], on),
                    [(each, reason) for each, reason in told if not reason.seen],
                )  # fmt: skip
                trace.write(connection, dossier, now, HOLDER, Action.PREVIEW, reason=label)
            else:
                trace.write(connection, dossier, now, HOLDER, Action.SEE_CIRCLE)
        return SeeAs(own, professions, preview)


_ROLES: Final = (
    Choice(ATTENDING, "Mon médecin traitant"), Choice(URGENT, "Un médecin, en urgence, si ma vie est en danger"),
)  # fmt: skip


def _imagined(chosen: str, known: set[str], refuses: bool, now: datetime) -> Known:
    """A professional of nobody, in the standing that the choice says; a profession is one whom the holder authorised."""
    if chosen not in known:
        raise NotFound(_NOT_KNOWN)
    later = now + timedelta(hours=1)
    if chosen == ATTENDING:
        relation = Relation(Basis.ATTENDING, True, now, None)
        return Known(Member("", "", PHYSICIAN), Standing(open=True, relation=relation))
    if chosen == URGENT:
        emergency = Emergency(Mode.EMERGENCY, later)
        return Known(Member("", "", PHYSICIAN), Standing(open=True, emergency=emergency, refuses_emergency=refuses))
    return Known(Member("", "", chosen), Standing(open=True, relation=Relation(Basis.CONSENT, False, now, later)))


def _named(who: Member) -> str:
    return f"{who.name}, {label_of(who.profession)}"


def _handle(dossier: UUID, professional: str) -> str:
    return hashlib.sha256(f"{dossier}/{professional}".encode()).hexdigest()[:16]
