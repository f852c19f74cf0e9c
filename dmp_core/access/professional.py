"""The gate in front of professionals: it decides, writes the trace in the same transaction, and then gives.

Whatever is not there for them is one refusal, the same to the letter: a document masked, deleted, of another dossier, of a
type that their profession does not read, or that never was; a dossier closed, suspended, that blocked them, or that
never was. What each really was is decided and traced here, and told to nobody but the holder.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, text

from dmp_core.access import circle, proofs, trace
from dmp_core.access.circle import Member, Told
from dmp_core.access.gate import NotTheAuthor
from dmp_core.access.habilitations import types_read
from dmp_core.access.rules import (
    AUTHORISED_FOR,
    EMERGENCY_FOR,
    LONGEST_REASON,
    Barrier,
    Basis,
    Emergency,
    Relation,
    Way,
    way_in,
)
from dmp_core.access.signed_reason import Proof
from dmp_core.access.trace import Action, ActorKind, Mode, Who
from dmp_core.clock import PARIS, Clock
from dmp_core.enrolment.representatives import Capacity
from dmp_core.errors import DmpError, Invalid, NotFound, WrongState
from dmp_core.holder.relatives import NOBODY, Relatives
from dmp_core.identity.identifiers import System
from dmp_core.professionals.certificates import Professional
from dmp_core.professionals.identifiers import national_id
from dmp_core.professionals.professions import PHYSICIAN, label_of
from dmp_core.professionals.signing import SignatureRefused
from dmp_core.professionals.store import ProfessionalStore
from dmp_core.record import documents
from dmp_core.record.metadata import Document, Sight, Wanted
from dmp_core.record.sealing import Box, DossierKeys
from dmp_core.record.shelf import Shelf

NO_DOSSIER: Final = "Aucun DMP ne vous est accessible pour ce patient : vérifiez ce que vous avez saisi."
NOT_HERE: Final = "Ce document n’est pas dans ce DMP : revenez à la liste des documents."
_TOLD: Final = 10
"""How many emergencies the médecin traitant is told of."""


@dataclass(frozen=True, slots=True)
class Patient:
    """Whose dossier it is."""

    civility: str
    name: str = field(repr=False)
    birth_date: str = field(repr=False)
    """AAAA-MM-JJ."""
    represented_by: tuple[str, ...] = field(default=(), repr=False)
    """First name and name of each legal representative today, with the capacity (CSP R.1111-42)."""
    relatives: Relatives = field(default=NOBODY, repr=False)
    """The person of trust and the emergency contacts."""


@dataclass(frozen=True, slots=True)
class OwnPatient:
    """A patient whom a professional may come to now."""

    dossier: UUID
    patient: Patient
    basis: Basis
    until: datetime | None
    emergency_at: datetime | None
    """Of the latest emergency access in a month, told to who sees everything."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a dossier's documents."""

    patient: Patient
    way: Way
    documents: list[Document] = field(repr=False)
    more: bool
    told: list[Told]
    """Emergencies, to who sees everything."""


class NotIn(DmpError):
    """The dossier is open, and this professional is not in: the patient's consent, or an emergency, comes first."""

    def __init__(self, barrier: Barrier, *, emergency: bool, centre_15: bool) -> None:
        super().__init__(
            "Votre autorisation pour ce DMP est terminée : demandez de nouveau au patient son consentement."
            if barrier is Barrier.EXPIRED
            else "Vous n’êtes pas autorisé à consulter ce DMP : demandez d’abord au patient son consentement."
        )
        self.barrier = barrier
        self.emergency = emergency
        """Whether an emergency may be declared; refused beforehand, it is not even offered."""
        self.centre_15 = centre_15


class ProfessionalGate:
    """The gate in front of a professional who proved who they are. `regulators` are the physicians (PS_IdNat) of a
    centre 15, as its host declares them.

    Every method raises NotFound for what is not there for them, NotIn where consent comes first, Unavailable when a part
    is away.
    """

    def __init__(
        self, store: ProfessionalStore, shelf: Shelf, keys: DossierKeys, clock: Clock,
        regulators: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        self._store = store
        self._shelf = shelf
        self._keys = keys
        self._clock = clock
        self._regulators = regulators

    def find(self, who: Professional, ins_c: str) -> UUID:
        """The dossier of the person with this INS-C, if it may be asked for."""
        with self._store.transaction(who.id, self._clock()) as connection:
            dossier = connection.scalar(_FIND, {"system": System.INS_C.value, "value": ins_c})
        if dossier is None:
            raise NotFound(NO_DOSSIER)
        found = UUID(str(dossier))
        with self._asked(who, found, Action.FIND) as (connection, now):
            standing = circle.standing_of(connection, found, str(who.id), now)
            barrier = way_in(standing, now)
            if barrier in (Barrier.ABSENT, Barrier.BLOCKED):
                raise NotFound(NO_DOSSIER)
            self._trace(connection, found, now, who, barrier, Action.FIND)
        return found

    def patients(self, who: Professional, most: int) -> list[OwnPatient]:
        """The patients of this professional, those with an emergency first: who they are, nothing of what is in."""
        with self._store.transaction(who.id, self._clock()) as connection:
            rows = connection.execute(_OWN, {"most": most}).all()
        return [OwnPatient(row.dossier_id, named(row), Basis(row.basis), row.until, row.emergency_at) for row in rows]

    def browse(self, who: Professional, dossier: UUID, wanted: Wanted, size: int, offset: int = 0) -> Listed:
        """One page of the documents that are there for them."""
        with self._in(who, dossier, Action.LIST) as (connection, box, way, now):
            sight = self._sight(who, way, now)
            found = documents.documents_seen(connection, box, dossier, sight, wanted, size + 1, offset)
            told = circle.emergencies(connection, dossier, _TOLD) if way.sees_all else []
            patient = patient_of(connection, dossier)
            self._trace(connection, dossier, now, who, way, Action.LIST)
        return Listed(patient, way, found[:size], len(found) > size, told)

    def look(self, who: Professional, dossier: UUID, document_id: UUID) -> tuple[Patient, Document]:
        """A document's metadata; what it says is `read`'s."""
        with self._in(who, dossier, Action.LOOK, document_id) as (connection, box, way, now):
            found = self._visible(connection, box, self._sight(who, way, now), document_id)
            patient = patient_of(connection, dossier)
            self._trace(connection, dossier, now, who, way, Action.LOOK, found.id)
        return patient, found

    def read(self, who: Professional, dossier: UUID, document_id: UUID) -> tuple[Document, bytes]:
        """A document and its content, given once its trace is written."""
        with self._in(who, dossier, Action.READ, document_id) as (connection, box, way, now):
            found = self._visible(connection, box, self._sight(who, way, now), document_id)
            content = box.open(self._shelf.get(found.content), found.content.bytes)
            self._trace(connection, dossier, now, who, way, Action.READ, found.id)
        return found, content

    def consent(self, who: Professional, dossier: UUID, *, informed: bool) -> None:
        """Record that the patient, informed, consents to this professional's access. Raises Invalid."""
        if not informed:
            raise Invalid("Cochez la case : l’accès ne s’ouvre qu’avec le consentement du patient informé.")
        with self._at_the_door(who, dossier, Action.CONSENT) as (connection, way, now):
            if isinstance(way, Way) and way.basis is not None:
                return  # twice the same click; a new term is for when this one is over
            circle.end_relation(connection, dossier, str(who.id), now)
            relation = Relation(Basis.CONSENT, sees_all=False, since=now, until=now + AUTHORISED_FOR)
            circle.relate(connection, dossier, _member(who), relation, str(who.id))
            self._trace(connection, dossier, now, who, way, Action.CONSENT)

    def bring_in(self, who: Professional, dossier: UUID, colleague: Member) -> None:
        """Say that a colleague is of the patient's care team, and that the patient knows. Raises Invalid, WrongState."""
        known = national_id(colleague.id)
        if known is None or not known.personal or not colleague.name.strip():
            raise Invalid(
                "Indiquez le nom du professionnel et son numéro RPPS (8…) ou ADELI (0…), tel que sur sa carte."
            )
        with self._at_the_door(who, dossier, Action.BRING_IN) as (connection, way, now):
            if not isinstance(way, Way) or way.basis is None:
                raise self._not_in(connection, dossier, who, way, now)
            relation = Relation(Basis.TEAM, sees_all=False, since=now, until=now + AUTHORISED_FOR)
            if not circle.relate(connection, dossier, colleague, relation, str(who.id)):
                raise WrongState(
                    "Ce professionnel est déjà autorisé, ou l’a été : c’est à lui de demander un nouveau terme."
                )
            self._trace(
                connection, dossier, now, who, way, Action.BRING_IN, reason=f"{colleague.name} ({colleague.id})"
            )

    def break_glass(
        self, who: Professional, dossier: UUID, mode: Mode, reason: str, shown: datetime | None = None
    ) -> datetime:  # fmt: skip
        """Open an access in an emergency, for an hour at most; the instant of its end. Raises Invalid, WrongState.

        The holder is told on their home page, the médecin traitant on opening the dossier. `shown` is when the card was
        proved anew for it.
        """
        told = reason_of(reason)
        proved = f"carte présentée de nouveau à {shown.astimezone(PARIS):%H:%M:%S}, raison non signée" if shown else ""
        with self._at_the_door(who, dossier, Action.EMERGENCY) as (connection, way, now):
            return self._begin(connection, dossier, who, way, Emergency(mode, now + EMERGENCY_FOR), told, now, proved)

    def break_glass_signed(self, who: Professional, dossier: UUID, prove: Callable[[datetime], Proof]) -> datetime:
        """The same, by a reason that the card signed: `prove` verifies it, and the proof is kept, once. Raises
        WrongState, and SignatureRefused, which is written down as every refusal is.
        """
        with self._at_the_door(who, dossier, Action.EMERGENCY) as (connection, way, now):
            proof = prove(now)
            emergency, told = Emergency(proof.mode, now + EMERGENCY_FOR), proof.signed.told
            return self._begin(connection, dossier, who, way, emergency, proof.reason, now, told, proof)

    def _begin(
        self, connection: Connection, dossier: UUID, who: Professional, way: Way | Barrier, emergency: Emergency,
        reason: str, now: datetime, proved: str, proof: Proof | None = None,
    ) -> datetime:  # fmt: skip
        if isinstance(way, Way) and way.basis is not None:
            raise WrongState("Vous êtes déjà autorisé à consulter ce DMP : ouvrez-le.")
        standing = circle.standing_of(connection, dossier, str(who.id), now)
        if standing.refuses_emergency or (emergency.mode is Mode.CENTRE_15 and not self._regulates(who)):
            raise NotFound(NO_DOSSIER)
        begun = circle.begin_emergency(connection, dossier, _member(who), emergency, reason, now)
        if proof is not None:
            proofs.keep(connection, dossier, begun, who, proof, now)
        opened = Way(None, emergency.mode, sees_all=False, until=emergency.ends_at)
        told = f"{reason} ({proved})" if proved else reason
        self._trace(connection, dossier, now, who, opened, Action.EMERGENCY, reason=told)
        return emergency.ends_at

    def _sight(self, who: Professional, way: Way, now: datetime) -> Sight:
        read = types_read(who.profession.code, now.astimezone(PARIS).date())
        return Sight(str(who.id), read, masked=way.sees_all)

    def _visible(self, connection: Connection, box: Box, sight: Sight, document_id: UUID) -> Document:
        found = documents.document_of(connection, box, document_id)
        if found is None or not sight.shows(found):
            raise NotFound(NOT_HERE)
        return found

    @contextmanager
    def _in(
        self, who: Professional, dossier: UUID, action: Action, document_id: UUID | None = None
    ) -> Iterator[tuple[Connection, Box, Way, datetime]]:
        """A transaction of a professional who is in, with the dossier's box."""
        with self._at_the_door(who, dossier, action, document_id) as (connection, way, now):
            if isinstance(way, Barrier):
                raise self._not_in(connection, dossier, who, way, now)
            yield connection, self._keys.box(connection, dossier, now), way, now

    @contextmanager
    def _at_the_door(
        self,
        who: Professional,
        dossier: UUID,
        action: Action,
        document_id: UUID | None = None,
        *,
        feeding: bool = False,
    ) -> Iterator[tuple[Connection, Way | Barrier, datetime]]:
        """A transaction of a professional who may at least ask."""
        with self._asked(who, dossier, action, document_id, feeding=feeding) as (connection, now):
            way = way_in(circle.standing_of(connection, dossier, str(who.id), now), now)
            if way in (Barrier.ABSENT, Barrier.BLOCKED):
                raise NotFound(NO_DOSSIER)
            yield connection, way, now

    @contextmanager
    def _asked(
        self,
        who: Professional,
        dossier: UUID,
        action: Action,
        document_id: UUID | None = None,
        *,
        feeding: bool = False,
    ) -> Iterator[tuple[Connection, datetime]]:
        """A transaction bound to the dossier and the professional; a refusal undoes it and is written down by itself."""
        now = self._clock()
        try:
            with self._store.transaction(who.id, now, dossier, feeding=feeding) as connection:
                yield connection, now
        except (NotFound, NotIn, NotTheAuthor, SignatureRefused) as refusal:
            with self._store.transaction(who.id, now, dossier) as connection:
                if connection.scalar(_IS_THERE, {"dossier": dossier}):
                    way = way_in(circle.standing_of(connection, dossier, str(who.id), now), now)
                    self._trace(
                        connection, dossier, now, who, way, action, document_id, granted=False, reason=str(refusal)
                    )
            raise

    def _not_in(
        self, connection: Connection, dossier: UUID, who: Professional, way: Way | Barrier, now: datetime
    ) -> NotIn:
        standing = circle.standing_of(connection, dossier, str(who.id), now)
        possible = not standing.refuses_emergency
        barrier = way if isinstance(way, Barrier) else Barrier.NONE
        return NotIn(barrier, emergency=possible, centre_15=possible and self._regulates(who))

    def _regulates(self, who: Professional) -> bool:
        return who.profession.code == PHYSICIAN and str(who.id) in self._regulators

    def _trace(
        self, connection: Connection, dossier: UUID, now: datetime, who: Professional, way: Way | Barrier,
        action: Action, document_id: UUID | None = None, *, granted: bool = True, reason: str = "",
        secret: bool = False,
    ) -> None:  # fmt: skip
        actor = self._actor(who, way)
        if secret:  # told to the person alone (CSP L.1111-5)
            actor = replace(actor, mode=Mode.SECRET)
        trace.write(connection, dossier, now, actor, action, document_id, granted=granted, reason=reason)

    def _actor(self, who: Professional, way: Way | Barrier) -> Who:
        """As the trace names them."""
        mode = way.mode if isinstance(way, Way) else Mode.NORMAL
        return Who(ActorKind.PROFESSIONAL, str(who.id), who.name, label_of(_member(who).profession), mode)


def reason_of(typed: str) -> str:
    """Why an access cannot wait, its spaces tidied. Raises Invalid when it is empty, too long, or cannot be read."""
    told = " ".join(typed.split())
    if not told:
        raise Invalid("Dites en quelques mots pourquoi cet accès ne peut pas attendre : le patient le lira.")
    if len(told) > LONGEST_REASON or not told.isprintable():
        raise Invalid(f"Dites le motif en {LONGEST_REASON} caractères au plus.")
    return told


def _member(who: Professional) -> Member:
    return Member(str(who.id), who.name, (who.speciality or who.profession).code)


def patient_of(connection: Connection, dossier: UUID) -> Patient:
    """Whose dossier the bound one is."""
    return named(connection.execute(_PATIENT, {"dossier": dossier}).one())


def represented_by(rows: list[list[str]]) -> tuple[str, ...]:
    """What `REPRESENTED_BY` tells, as the pages name them."""
    return tuple(f"{name}, {Capacity(capacity).label.lower()}" for name, capacity in rows)


def named(row: Row[Any]) -> Patient:
    """A row of a dossier's identity, as the pages name a patient."""
    name = f"{row.prenom} {row.nom_usage or row.nom_naissance}"
    if row.nom_usage and row.nom_usage != row.nom_naissance:
        name += f", née {row.nom_naissance}" if row.civilite == "MME" else f", né {row.nom_naissance}"
    return Patient(row.civilite, name, row.date_naissance)


_FIND: Final = text("SELECT id FROM enrolment.dossier_of_identifier(:system, :value)")
_OWN: Final = text("SELECT * FROM medical.own_patients(:most)")
_IS_THERE: Final = text("SELECT EXISTS (SELECT FROM enrolment.dossier WHERE id = :dossier)")
REPRESENTED_BY: Final = (
    "ARRAY(SELECT ARRAY[r.prenom || ' ' || r.nom, m.capacity] FROM enrolment.mandate m "
    "JOIN enrolment.representative r ON r.id = m.representative_id WHERE m.dossier_id = d.id AND m.ended_at IS NULL "
    "AND m.since <= :today AND (m.until IS NULL OR m.until >= :today) ORDER BY r.nom, r.prenom)"
)
"""Who represents the holder of the dossier `d` on the day `today`; nobody for a professional who is not in."""
_PATIENT: Final = text(
    "SELECT civilite, nom_naissance, nom_usage, prenom, date_naissance FROM enrolment.dossier WHERE id = :dossier"
)
