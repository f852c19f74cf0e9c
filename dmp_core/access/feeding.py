"""The gate in front of establishments: they put documents into dossiers, and never read any.

Feeding asks for no authorisation, only that the holder has not blocked the professional (DOMAIN 4.3). The document, its
line in the trace and the note that the assertion has served are one transaction.
"""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import text

from dmp_core.access import circle, trace
from dmp_core.access.rules import Barrier, way_in
from dmp_core.access.trace import Action, ActorKind, Who
from dmp_core.clock import PARIS, Clock
from dmp_core.errors import Invalid, NotFound, WrongState
from dmp_core.identity.identifiers import System
from dmp_core.professionals.store import ProfessionalStore
from dmp_core.professionals.vihf import Acting, AssertionRefused
from dmp_core.record import documents
from dmp_core.record.cda_check import checked_cda, is_cda
from dmp_core.record.contents import VSM, as_sent
from dmp_core.record.documents import Author, AuthorKind, Draft, title_of
from dmp_core.record.nomenclatures import type_of
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.shelf import Shelf

_NO_DOSSIER: Final = "Aucun DMP ne peut recevoir de document pour ce patient."


@dataclass(frozen=True, slots=True)
class Sent:
    """A document as an establishment sends it."""

    type_code: str
    title: str = field(repr=False)
    service_start: datetime
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an establishment keeps: nothing of it tells what else is in the dossier."""

    sha256: str
    received_at: datetime


class FeedingGate:
    """Raises NotFound for a dossier that takes nothing, Invalid for what cannot enter, Unavailable when a part is away."""

    def __init__(self, store: ProfessionalStore, shelf: Shelf, keys: DossierKeys, clock: Clock) -> None:
        self._store = store
        self._shelf = shelf
        self._keys = keys
        self._clock = clock

    def deposit(self, who: Acting, sent: Sent) -> Receipt:
        """Put a document into the dossier of the patient whom the assertion names.

        The same content again is received again, and is there once: the receipt does not tell. Raises AssertionRefused
        for an assertion that has served.
        """
        now = self._clock()
        author = Author(AuthorKind.PROFESSIONAL, str(who.id), f"{who.name}, {who.establishment.name}")
        kind = type_of(sent.type_code, now.astimezone(PARIS).date())
        structured = checked_cda(sent.data, kind.code, kind.system, str(who.id)) if is_cda(sent.data) else None
        content = structured.content if structured else as_sent(sent.data)
        if structured is not None:
            structured.require_about(who.ins_c)
        if content.format_code == VSM:
            raise Invalid("La synthèse médicale est déposée par le médecin traitant, avec sa carte.")
        unique = structured.unique_id if structured else None
        draft = Draft(kind, title_of(sent.title), author, content, sent.service_start, unique)
        with self._store.transaction(who.id, now) as connection:
            found = connection.scalar(_FIND, {"system": System.INS_C.value, "value": who.ins_c})
        if found is None:
            raise NotFound(_NO_DOSSIER)
        dossier = UUID(str(found))
        actor = Who(ActorKind.PROFESSIONAL, str(who.id), author.name, who.profession.label)
        try:
            made = self._enter(who, dossier, draft, actor, now)
        except NotFound as refusal:
            with self._store.transaction(who.id, now, dossier) as connection:
                trace.write(connection, dossier, now, actor, Action.ADD, granted=False, reason=_by(who, str(refusal)))
            raise
        return Receipt(made, now)

    def _enter(self, who: Acting, dossier: UUID, draft: Draft, actor: Who, now: datetime) -> str:
        with self._store.transaction(who.id, now, dossier, feeding=True) as connection:
            if not connection.execute(_ONCE, {"digest": who.once, "now": now}).rowcount:
                raise AssertionRefused("Ce VIHF a déjà servi : établissez-en un autre pour chaque demande.")
            barrier = way_in(circle.standing_of(connection, dossier, str(who.id), now), now)
            if barrier in (Barrier.ABSENT, Barrier.BLOCKED):
                raise NotFound(_NO_DOSSIER)
            box, name = self._keys.box(connection, dossier, now), uuid4()
            self._shelf.put(name, box.seal(draft.content.data, name.bytes))
            try:
                with connection.begin_nested():
                    entered = documents.enter(connection, box, dossier, draft, name, now)
            except WrongState:  # there already, by the same professional, whether it is masked or not
                self._shelf.drop(name)
                trace.write(connection, dossier, now, actor, Action.ADD, reason=_by(who, "contenu déjà présent"))
            else:
                trace.write(connection, dossier, now, actor, Action.ADD, entered.id, reason=_by(who))
        return sha256(draft.content.data).hexdigest()


def _by(who: Acting, told: str = "") -> str:
    """What a line of the trace says besides: by whose hand, when staff sent it."""
    sent = [f"envoyé par {who.staff.name}, {who.staff.id}, carte de personnel"] if who.staff else []
    return " ; ".join([*sent, *([told] if told else [])])


_FIND: Final = text("SELECT id FROM enrolment.dossier_of_identifier(:system, :value)")
_ONCE: Final = text("INSERT INTO medical.assertion (digest, at) VALUES (:digest, :now) ON CONFLICT DO NOTHING")
