"""What a holder settles about professionals: who may come, who is blocked, the médecin traitant, emergencies; each gesture
with its line in the trace, in the same transaction. It holds from the professional's very next request.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from dmp_core.access import circle, trace
from dmp_core.access.circle import BY_HOLDER, Known, Told
from dmp_core.access.habilitations import professions_with_access, reads
from dmp_core.access.rules import AUTHORISED_FOR, Barrier, Basis, Relation, Way, Why, way_in, why
from dmp_core.access.trace import HOLDER, Action, ActorKind, Who
from dmp_core.clock import PARIS, Clock
from dmp_core.errors import NotFound, WrongState
from dmp_core.holder.store import HolderStore
from dmp_core.professionals.professions import PHYSICIAN, label_of
from dmp_core.record import documents
from dmp_core.record.metadata import Document

_NOT_KNOWN: Final = "Ce professionnel n’est pas dans votre liste : actualisez la page."
_CLOSED: Final = "Ce DMP n’est plus ouvert : reconnectez-vous."
_TOLD: Final = 20


@dataclass(frozen=True, slots=True)
class Placed:
    """A professional, and how they stand now."""

    known: Known
    way: Way | Barrier

    @property
    def inside(self) -> bool:
        """Whether they may come in now."""
        return isinstance(self.way, Way)

    @property
    def attending(self) -> bool:
        """Whether they are the médecin traitant, blocked or not."""
        relation = self.known.standing.relation
        return relation is not None and relation.basis is Basis.ATTENDING

    @property
    def may_attend(self) -> bool:
        """Whether the holder may name them médecin traitant: a physician, authorised, and not it already."""
        physician = self.known.who.profession.partition("/")[0] == PHYSICIAN
        return physician and isinstance(self.way, Way) and self.way.basis in (Basis.CONSENT, Basis.TEAM)


@dataclass(frozen=True, slots=True)
class Circle:
    """All the professionals around a dossier."""

    placed: list[Placed]
    emergencies: list[Told]
    refuses_emergency: bool


@dataclass(frozen=True, slots=True)
class Seeing:
    """A professional in front of one document."""

    name: str
    profession: str
    """In words."""
    why: Why


@dataclass(frozen=True, slots=True)
class Viewers:
    """Who can see one document, and why; who is near and cannot, and why not."""

    seeing: list[Seeing]
    not_seeing: list[Seeing]
    in_emergency: list[str]
    """Professions that would see it in an emergency, in words; empty when it is masked or emergencies are refused."""


class HolderCircle:
    """Raises NotFound for a professional who is not around the dossier, and for a dossier that is not open.

    A representative blocks, unblocks and withdraws; whom the person sees in secret is not around for them. The rest the
    holder settles alone (WrongState).
    """

    def __init__(self, store: HolderStore, clock: Clock, who: Who = HOLDER) -> None:
        self._store = store
        self._clock = clock
        self._who = who
        self._represented = who.kind is ActorKind.REPRESENTATIVE

    def circle(self, dossier: UUID) -> Circle:
        """Everybody, by name; looking is an access like any other."""
        with self._bound(dossier) as (connection, now):
            found = [Placed(each, way_in(each.standing, now)) for each in self._everyone(connection, dossier, now)]
            told = circle.emergencies(connection, dossier, _TOLD)
            refuses = circle.refuses_emergencies(connection, dossier)
            trace.write(connection, dossier, now, self._who, Action.SEE_CIRCLE)
        return Circle(found, told, refuses)

    def block(self, dossier: UUID, professional: str) -> None:
        """No access any more, in any mode, médecin traitant or not."""
        with self._of(dossier, professional) as (connection, now, known):
            if circle.block(connection, dossier, known.who, now):
                self._told(connection, dossier, now, Action.BLOCK, known)

    def unblock(self, dossier: UUID, professional: str) -> None:
        """What stood before the block stands again."""
        with self._of(dossier, professional) as (connection, now, known):
            if circle.unblock(connection, dossier, professional, now):
                self._told(connection, dossier, now, Action.UNBLOCK, known)

    def withdraw(self, dossier: UUID, professional: str) -> None:
        """End an authorisation; the professional may ask for consent again, unless blocked."""
        with self._of(dossier, professional) as (connection, now, known):
            if circle.end_relation(connection, dossier, professional, now):
                self._told(connection, dossier, now, Action.END, known)

    def name_attending(self, dossier: UUID, professional: str) -> None:
        """Name the médecin traitant among the physicians who are authorised; the one before is no longer authorised.

        Raises WrongState for anybody else.
        """
        self._require_holder()
        with self._of(dossier, professional) as (connection, now, known):
            placed = Placed(known, way_in(known.standing, now))
            if placed.attending and placed.inside:
                return
            if not placed.may_attend:
                raise WrongState("Seul un médecin que vous avez autorisé peut être votre médecin traitant.")
            circle.end_attending(connection, dossier, now)
            self._relate(connection, dossier, known, Relation(Basis.ATTENDING, True, now, None), now)
            self._told(connection, dossier, now, Action.ATTENDING, known)

    def let_see_all(self, dossier: UUID, professional: str, *, everything: bool) -> None:
        """Give an authorised professional the médecin traitant's rights, or take them back. Raises WrongState."""
        self._require_holder()
        with self._of(dossier, professional) as (connection, now, known):
            way, relation = way_in(known.standing, now), known.standing.relation
            if not isinstance(way, Way) or relation is None or relation.basis is Basis.ATTENDING:
                raise WrongState(
                    "Ce professionnel n’est pas autorisé, ou c’est votre médecin traitant, qui voit déjà tout."
                )
            if relation.sees_all == everything:
                return
            until = relation.until or now + AUTHORISED_FOR
            self._relate(connection, dossier, known, Relation(relation.basis, everything, now, until), now)
            action = Action.SEES_ALL if everything else Action.SEES_LESS
            self._told(connection, dossier, now, action, known)

    def refuse_emergencies(self, dossier: UUID, *, refused: bool) -> None:
        """Refuse emergency accesses beforehand, those under way too, or permit them again."""
        self._require_holder()
        with self._bound(dossier) as (connection, now):
            if circle.refuse_emergencies(connection, dossier, now, refused=refused):
                action = Action.REFUSE_EMERGENCY if refused else Action.ACCEPT_EMERGENCY
                trace.write(connection, dossier, now, self._who, action)

    def viewers(self, dossier: UUID, document: Document) -> Viewers:
        """Who can see a document that the holder is looking at, by the very rules of the professionals' gate."""
        seeing: list[Seeing] = []
        others: list[Seeing] = []
        with self._bound(dossier) as (connection, now):
            on = now.astimezone(PARIS).date()
            refuses = circle.refuses_emergencies(connection, dossier)
            for each in self._everyone(connection, dossier, now):
                reason = why(way_in(each.standing, now), each.who.id, each.who.profession, document, on)
                told = Seeing(each.who.name, label_of(each.who.profession), reason)
                (seeing if reason.seen else others).append(told)
        professions = [] if refuses or document.masked else professions_with_access(on)
        urgent = [label_of(each) for each in professions if reads(each, document.type_code, document.category, on)]
        return Viewers(seeing, others, sorted(urgent))

    def _everyone(self, connection: Connection, dossier: UUID, now: datetime) -> list[Known]:
        found = circle.everyone(connection, dossier, now)
        if not self._represented:
            return found
        return [each for each in found if Placed(each, way_in(each.standing, now)).attending
                or not circle.acts_in_secret(connection, each.who.id)]  # fmt: skip

    def _require_holder(self) -> None:
        if self._represented:
            raise WrongState("Le titulaire du DMP décide cela lui-même : un représentant légal ne le peut pas.")

    def _relate(self, connection: Connection, dossier: UUID, known: Known, relation: Relation, now: datetime) -> None:
        circle.end_relation(connection, dossier, known.who.id, now)
        if not circle.relate(connection, dossier, known.who, relation, BY_HOLDER):
            raise WrongState("Cette liste vient d’être modifiée dans une autre fenêtre : actualisez la page.")

    def _told(self, connection: Connection, dossier: UUID, now: datetime, action: Action, known: Known) -> None:
        trace.write(connection, dossier, now, self._who, action, reason=f"{known.who.name} ({known.who.id})")

    @contextmanager
    def _of(self, dossier: UUID, professional: str) -> Iterator[tuple[Connection, datetime, Known]]:
        with self._bound(dossier) as (connection, now):
            every = self._everyone(connection, dossier, now)
            known = next((each for each in every if each.who.id == professional), None)
            if known is None:
                raise NotFound(_NOT_KNOWN)
            yield connection, now, known

    @contextmanager
    def _bound(self, dossier: UUID) -> Iterator[tuple[Connection, datetime]]:
        now = self._clock()
        with self._store.transaction(dossier) as connection:
            if not documents.is_within_reach(connection, dossier):
                raise NotFound(_CLOSED)
            yield connection, now
