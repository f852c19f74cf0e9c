"""The gate in front of establishments: they put documents into dossiers, and never read any.

Feeding asks for no authorisation, only that the holder has not blocked the professional (DOMAIN 4.3). The document, its
line in the trace and the note that the assertion has served are one transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from dmp_core.access import circle, trace
from dmp_core.access.announcement import SeenAlready, held_until
from dmp_core.access.rules import Barrier, way_in
from dmp_core.access.trace import Action, ActorKind, Mode, Who
from dmp_core.clock import PARIS, Clock
from dmp_core.errors import Invalid, NotFound, WrongState
from dmp_core.identity.identifiers import System
from dmp_core.professionals.store import ProfessionalStore
from dmp_core.professionals.vihf import Acting, AssertionRefused
from dmp_core.record import documents
from dmp_core.record.cda_check import checked_cda, is_cda
from dmp_core.record.contents import VSM, as_sent
from dmp_core.record.entering import OF_ESTABLISHMENT, enter_once
from dmp_core.record.metadata import Author, AuthorKind, Document, Draft, Status, act_of, title_of
from dmp_core.record.nomenclatures import type_of
from dmp_core.record.sealing import Box, DossierKeys
from dmp_core.record.shelf import Shelf

_NO_DOSSIER: Final = "Aucun DMP ne peut recevoir de document pour ce patient."
_NOT_SENT: Final = (
    "Cet établissement n’a pas déposé de document de cet identifiant au nom de ce professionnel dans ce DMP."
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A document as an establishment sends it."""

    type_code: str
    title: str = field(repr=False)
    service_start: datetime
    data: bytes = field(repr=False)
    unique_id: str | None = None
    """The establishment's own, an urn; None: recognised by its content alone."""
    replaces: str | None = None
    """The identifier, of the same establishment's, of the version it takes the place of."""
    held: bool = False
    """Hidden from the holder until it is announced."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an establishment keeps: nothing of it tells what others put in the dossier."""

    sha256: str
    received_at: datetime
    entered: bool
    """False when the same establishment had sent it before, in the same professional's name."""


class FeedingGate:
    """Raises NotFound for a dossier that takes nothing, Invalid for what cannot enter, WrongState for a version that cannot be
    replaced or withdrawn, Unavailable when a part is away, AssertionRefused for an assertion that has served.
    """

    def __init__(self, store: ProfessionalStore, shelf: Shelf, keys: DossierKeys, clock: Clock) -> None:
        self._store = store
        self._shelf = shelf
        self._keys = keys
        self._clock = clock

    def deposit(self, who: Acting, sent: Sent) -> Receipt:
        """Put a document into the dossier of the patient whom the assertion names, once however often it is sent."""
        now = self._clock()
        author = Author(AuthorKind.PROFESSIONAL, str(who.id), f"{who.name}, {who.establishment.name}")
        kind = type_of(sent.type_code, now.astimezone(PARIS).date())
        structured = checked_cda(sent.data, kind.code, kind.system, str(who.id)) if is_cda(sent.data) else None
        content = structured.content if structured else as_sent(sent.data)
        if structured is not None:
            structured.require_about(who.ins_c)
        if content.format_code == VSM:
            raise Invalid("La synthèse médicale est déposée par le médecin traitant, avec sa carte.")
        unique = structured.named(sent.unique_id) if structured else sent.unique_id
        draft = Draft(
            kind, title_of(sent.title), author, content, act_of(sent.service_start, now), unique,
            hidden_until=held_until(now) if sent.held else None, establishment=who.establishment.id,
            hidden_from_representatives=who.secret,
        )  # fmt: skip
        action = Action.ADD if sent.replaces is None else Action.REPLACE
        with self._asked(who, action, now) as (connection, dossier, box):
            found, entered = self._enter(connection, box, dossier, draft, sent.replaces, now)
            told = sent_by(who, "" if entered else "contenu déjà présent")
            trace.write(connection, dossier, now, _actor(who), action, found.id if entered else None, reason=told)
        return Receipt(sha256(content.data).hexdigest(), now, entered)

    def withdraw(self, who: Acting, unique_id: str) -> Receipt:
        """Take back what this establishment sent in this professional's name, all its versions; never erased."""
        now = self._clock()
        with self._asked(who, Action.DELETE, now) as (connection, dossier, box):
            found = documents.named(connection, box, dossier, unique_id, str(who.id), who.establishment.id)
            if found is None:
                raise WrongState(_NOT_SENT)
            versions = documents.versions_of(connection, box, found)
            there = [each for each in versions if each.status is not Status.DELETED]
            for each in there:
                documents.set_status(connection, each, now, Status.DELETED)
            if there:
                trace.write(connection, dossier, now, _actor(who), Action.DELETE, found.id, reason=sent_by(who))
        return Receipt(found.sha256.hex(), now, bool(there))

    def _enter(
        self, connection: Connection, box: Box, dossier: UUID, draft: Draft, replaces: str | None, now: datetime
    ) -> tuple[Document, bool]:
        """The document, and whether it entered now."""
        author, house = draft.author.id, draft.establishment or ""
        digest = sha256(draft.content.data).digest()
        if draft.unique_id is not None:
            there = documents.named(connection, box, dossier, draft.unique_id, author, house)
            if there is not None:
                if there.sha256 == digest:
                    return there, False
                raise WrongState("Cet identifiant est celui d’un autre document : donnez le sien à chaque version.")
        old = None
        if replaces is not None:
            old = documents.named(connection, box, dossier, replaces, author, house)
            if old is None or old.status is Status.DELETED:
                raise WrongState(_NOT_SENT)
            if draft.hidden_until is not None and not old.awaits(now):
                raise SeenAlready
        return enter_once(connection, self._shelf, box, dossier, draft, old, now, OF_ESTABLISHMENT)

    @contextmanager
    def _asked(self, who: Acting, action: Action, now: datetime) -> Iterator[tuple[Connection, UUID, Box]]:
        """A transaction that feeds the dossier of the assertion's patient; a refusal undoes it, and is written by itself."""
        with self._store.transaction(who.id, now) as connection:
            found = connection.scalar(_FIND, {"system": System.INS_C.value, "value": who.ins_c})
        if found is None:
            raise NotFound(_NO_DOSSIER)
        dossier = UUID(str(found))
        try:
            with self._store.transaction(who.id, now, dossier, feeding=True) as connection:
                use_once(connection, who, now)
                barrier = way_in(circle.standing_of(connection, dossier, str(who.id), now), now)
                if barrier in (Barrier.ABSENT, Barrier.BLOCKED):
                    raise NotFound(_NO_DOSSIER)
                yield connection, dossier, self._keys.box(connection, dossier, now)
        except (NotFound, WrongState) as refusal:
            with self._store.transaction(who.id, now, dossier) as connection:
                told = sent_by(who, str(refusal))
                trace.write(connection, dossier, now, _actor(who), action, granted=False, reason=told)
            raise


def _actor(who: Acting) -> Who:
    mode = Mode.SECRET if who.secret else Mode.NORMAL
    return Who(ActorKind.PROFESSIONAL, str(who.id), f"{who.name}, {who.establishment.name}", who.profession.label, mode)


def use_once(connection: Connection, who: Acting, now: datetime) -> None:
    """Note that an assertion serves, in the transaction of what it serves for. Raises AssertionRefused when it has served."""
    if not connection.execute(_ONCE, {"digest": who.once, "now": now}).rowcount:
        raise AssertionRefused("Ce VIHF a déjà servi : établissez-en un autre pour chaque demande.")


def sent_by(who: Acting, told: str = "") -> str:
    """What a line of the trace says besides: by whose hand, when staff sent it."""
    sent = [f"envoyé par {who.staff.name}, {who.staff.id}, carte de personnel"] if who.staff else []
    return " ; ".join([*sent, *([told] if told else [])])


_FIND: Final = text("SELECT id FROM enrolment.dossier_of_identifier(:system, :value)")
_ONCE: Final = text("INSERT INTO medical.assertion (digest, at) VALUES (:digest, :now) ON CONFLICT DO NOTHING")
