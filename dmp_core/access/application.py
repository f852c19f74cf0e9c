"""The gate as a holder's mobile application comes to it: the holder's own rules, the application's name in the trace."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid4

from dmp_core.access import trace
from dmp_core.access.gate import HolderGate
from dmp_core.access.trace import Action, ActorKind, Who
from dmp_core.errors import Invalid, NotFound, WrongState
from dmp_core.record import documents, finding
from dmp_core.record.entering import shelved
from dmp_core.record.finding import Criteria, Found, Submission
from dmp_core.record.metadata import Document, Status


@dataclass(frozen=True, slots=True)
class Deposit:
    """A document that an application deposits in its holder's name, or a software in its professional's."""

    type_code: str
    title: str = field(repr=False)
    data: bytes = field(repr=False)
    unique_id: str | None = None
    """The producer's identifier, an urn; None lets the record draw one."""
    replaces: UUID | None = None
    """The version it takes the place of."""
    service_start: datetime | None = None
    """Of the act, where the depositor tells it: a professional may."""
    masked: bool = False
    """Hidden from professionals: a holder may ask for it."""
    held: bool = False
    """Hidden from the holder until it is announced: a professional may ask for it."""
    secret: bool = False
    """Hidden from the person's legal representatives: a professional may ask for it (CSP L.1111-5)."""


class Changed(WrongState):
    """The document is no longer what the application had read."""


class ApplicationGate(HolderGate):
    """The holder's gate, and what FHIR asks of it besides."""

    def for_application(self, client_id: str, name: str) -> "ApplicationGate":
        """The same gate, whose trace says which application came."""
        who = Who(ActorKind.HOLDER, f"application:{client_id}", f"Vous, par l’application {name}")
        return ApplicationGate(self._store, self._shelf, self._keys, self._clock, who)

    def find(self, dossier: UUID, criteria: Criteria, size: int, offset: int = 0) -> Found:
        """ITI-67: one page of documents, and how many there are. One that is asked for by its id is looked at."""
        now = self._clock()
        with self._asked(dossier, Action.LIST) as (connection, box):
            found = finding.find(connection, box, criteria, now, size, offset)
            trace.write(connection, dossier, now, self._who, Action.LIST)
        return found

    def submissions(
        self, dossier: UUID, criteria: Criteria, size: int, offset: int = 0
    ) -> tuple[list[Submission], int]:
        """ITI-66: one page of sets of documents, and how many there are."""
        now = self._clock()
        with self._asked(dossier, Action.LIST) as (connection, box):
            found = finding.submissions(connection, box, criteria, now, size, offset)
            trace.write(connection, dossier, now, self._who, Action.LIST)
        return found

    def publish(self, dossier: UUID, deposits: list[Deposit], holder: str) -> list[Document]:
        """ITI-65 and ITI-105: every deposit enters, as one set, or none does. Raises as `add` and `replace` do."""
        if any(each.held for each in deposits):
            raise Invalid("Un titulaire ne se cache pas un document : retirez INVISIBLE_PATIENT de la fiche.")
        if any(each.secret for each in deposits):
            raise Invalid(
                "Le secret envers vos représentants légaux se règle sur le site, une fois le document déposé."
            )
        drafts = [
            replace(self._draft(each.type_code, each.title, [each.data], holder, each.unique_id), masked=each.masked)
            for each in deposits
        ]
        submission, now, made = uuid4(), self._clock(), []
        with self._asked(dossier, Action.ADD) as (connection, box):
            for deposit, draft in zip(deposits, drafts, strict=True):
                if deposit.replaces is None:
                    entered, action = self._enter(connection, box, dossier, draft, now, submission)
                else:
                    old = self._own(connection, box, deposit.replaces)
                    content = shelved(self._shelf, box, draft.content.data)
                    entered = documents.replace_with(connection, box, dossier, old, draft, content, now, submission)
                    action = Action.REPLACE
                trace.write(connection, dossier, now, self._who, action, entered.id)
                made.append(entered)
        return made

    def update(
        self, dossier: UUID, document_id: UUID, seen: UUID, *, masked: bool, archived: bool
    ) -> Document:  # fmt: skip
        """Mask or show, archive or bring back, at once, if the entry is still `seen`. Raises Changed, WrongState."""
        now = self._clock()
        with self._asked(dossier, Action.LOOK, document_id) as (connection, box):
            found = self._current(connection, box, document_id)
            if found.entry_uuid != seen:
                raise Changed("Ce document a changé depuis que l’application l’a lu : actualisez, puis recommencez.")
            if found.masked != masked:
                documents.mask(connection, found, now, masked)
                action = Action.MASK if masked else Action.UNMASK
                trace.write(connection, dossier, now, self._who, action, found.id)
                found = self._visible(connection, box, document_id)
            if (found.status is Status.ARCHIVED) != archived:
                documents.set_status(connection, found, now, Status.ARCHIVED if archived else Status.APPROVED)
                action = Action.ARCHIVE if archived else Action.RESTORE
                trace.write(connection, dossier, now, self._who, action, found.id)
                found = self._visible(connection, box, document_id)
        return found

    def named(self, dossier: UUID, name: str) -> Document:
        """The one document of this identifier. Raises NotFound, in the trace too."""
        with self._asked(dossier, Action.LOOK) as (connection, box):
            found = finding.find(connection, box, Criteria(names=(name,)), self._clock(), 2).documents
            if len(found) != 1:
                raise NotFound("Ce document n’est pas dans ce DMP.")
            trace.write(connection, dossier, self._clock(), self._who, Action.LOOK, found[0].id)
        return found[0]
