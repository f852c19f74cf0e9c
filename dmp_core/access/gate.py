"""The gate: the only way to a document. It decides, writes the trace in the same transaction, and then gives.

The trace is on the disk before a content leaves (DOMAIN 5.2). What a person may not see does not exist for them: absent,
another's, deleted or not announced yet are one answer, and the refusal is in the trace.
"""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from typing import IO, Final
from uuid import UUID

from sqlalchemy import Connection

from dmp_core.access import trace
from dmp_core.access.announcement import TOLD_AFTER
from dmp_core.access.proofs import Kept, kept
from dmp_core.access.trace import HOLDER, Action, ActorKind, Filter, Line, Who
from dmp_core.clock import PARIS, Clock
from dmp_core.enrolment.majority import is_minor
from dmp_core.errors import Invalid, NotFound, WrongState
from dmp_core.holder.representatives import birth_date_of
from dmp_core.holder.store import HolderStore
from dmp_core.record import documents
from dmp_core.record.categories import Category
from dmp_core.record.contents import checked
from dmp_core.record.entering import shelved
from dmp_core.record.metadata import DIRECTIVES, Author, AuthorKind, Document, Draft, Status, Wanted, title_of
from dmp_core.record.nomenclatures import type_of, types_of_holder
from dmp_core.record.sealing import Box, DossierKeys
from dmp_core.record.selection import speaks_of
from dmp_core.record.shelf import Shelf

RECENT: Final = timedelta(days=30)
"""How long a document counts among the recent ones."""
EVERY: Final = 10_000
"""More than a dossier holds: a search and an export look at all of it."""
LINES_OF_ONE: Final = 20
HELD_IN_MEMORY: Final = 16 * 1024 * 1024
"""Bytes of an export before it goes to a file without a name."""
_HOLDER_ONLY: Final = "Le titulaire du DMP fait cela lui-même : un représentant légal ne le peut pas."
_NOT_HERE: Final = "Ce document n’est pas dans votre DMP : revenez à la liste de vos documents."


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page of the list shows."""

    documents: list[Document] = field(repr=False)
    more: bool
    """Whether there is a next page."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the page of one document shows."""

    document: Document
    versions: list[Document]
    lines: list[Line]
    """Who came to it, the latest first."""


@dataclass(frozen=True, slots=True)
class Named:
    """A document as a line of the trace names it."""

    title: str
    is_there: bool
    """Whether it can still be opened: one that was deleted keeps its lines."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of the trace."""

    lines: list[Line]
    named: dict[UUID, Named] = field(repr=False)
    """By document that a line names."""
    more: bool
    proofs: list[Kept] = field(default_factory=list, repr=False)
    """The signed reasons of emergencies, for who keeps the whole trace."""


@dataclass(frozen=True, slots=True)
class Overview:
    """What the holder finds on entering."""

    counts: dict[Category, int]
    current: int
    recent: int
    archived: int
    awaited: bool = False
    """Whether a document that they may not see yet has waited long enough for them to be told to see a professional."""


class NotTheAuthor(WrongState):
    """Only its author may do this to a document."""


class HolderGate:
    """The gate in front of a holder, for their own dossier, or of a legal representative, for the one they act for: for
    these, what was hidden from them and what the person wants for their end of life does not exist (DOMAIN 5.2).

    Every method raises NotFound for a document that is not there for them, and Unavailable when a part is away.
    """

    def __init__(
        self, store: HolderStore, shelf: Shelf, keys: DossierKeys, clock: Clock, who: Who = HOLDER
    ) -> None:  # fmt: skip
        self._store = store
        self._shelf = shelf
        self._keys = keys
        self._clock = clock
        self._who = who
        """As the trace names them: the holder, an application in their name, or a representative."""
        self._represented = who.kind is ActorKind.REPRESENTATIVE

    def overview(self, dossier: UUID) -> Overview:
        """How many documents of each category, recent and archived."""
        now = self._clock()
        with self._store.transaction(dossier) as connection:
            current, recent, archived = (
                documents.count_by_category(connection, wanted, now, represented=self._represented)
                for wanted in (Wanted(), Wanted(since=now - RECENT), Wanted(Status.ARCHIVED))
            )
            awaited = not self._represented and documents.is_awaited(connection, dossier, now, now - TOLD_AFTER)
            trace.write(connection, dossier, now, self._who, Action.LIST)
        return Overview(current, sum(current.values()), sum(recent.values()), sum(archived.values()), awaited)

    def browse(self, dossier: UUID, wanted: Wanted, size: int, offset: int = 0, words: str = "") -> Shown:
        """One page of the list; with `words`, of those whose title or author has them all."""
        now = self._clock()
        with self._asked(dossier, Action.LIST) as (connection, box):
            if words.strip():
                every = self._list(connection, box, wanted, EVERY)
                kept = [each for each in every if speaks_of(f"{each.title} {each.author.name}", words)]
                found = kept[offset : offset + size + 1]
            else:
                found = self._list(connection, box, wanted, size + 1, offset)
            trace.write(connection, dossier, now, self._who, Action.LIST)
        return Shown(found[:size], more=len(found) > size)

    def look(self, dossier: UUID, document_id: UUID) -> Seen:
        """A document's metadata, its versions, and who came to it; what it says is `read`'s."""
        with self._asked(dossier, Action.LOOK, document_id) as (connection, box):
            found = self._visible(connection, box, document_id)
            versions = [each for each in documents.versions_of(connection, box, found) if self._is_visible(each)]
            about = Filter(document=found.id)
            lines = trace.lines_of(connection, dossier, about, limit=LINES_OF_ONE, represented=self._represented)
            trace.write(connection, dossier, self._clock(), self._who, Action.LOOK, found.id)
        return Seen(found, versions, lines)

    def read(self, dossier: UUID, document_id: UUID) -> tuple[Document, bytes]:
        """A document and its content, given once its trace is written."""
        with self._asked(dossier, Action.READ, document_id) as (connection, box):
            found = self._visible(connection, box, document_id)
            content = box.open(self._shelf.get(found.content), found.content.bytes)
            trace.write(connection, dossier, self._clock(), self._who, Action.READ, found.id)
        return found, content

    def read_all(self, dossier: UUID, model: str, most: int) -> list[tuple[Document, bytes]]:
        """The latest documents in force that follow this model (formatCode), with their contents; each is read."""
        with self._asked(dossier, Action.READ) as (connection, box):
            every = [each for each in self._list(connection, box, Wanted(), EVERY) if each.format_code == model][:most]
            found = [(each, box.open(self._shelf.get(each.content), each.content.bytes)) for each in every]
            done: list[tuple[Action, UUID | None]] = [(Action.READ, each.id) for each in every]
            trace.write_all(connection, dossier, self._clock(), self._who, [(Action.LIST, None), *done])
        return found

    def add(self, dossier: UUID, type_code: str, title: str, files: list[bytes], holder: str) -> Document:
        """A document of the holder's own (expression libre); directives take the place of those before, as a version.
        Raises Invalid, WrongState for one that is there already."""
        self._require_holder()
        draft = self._draft(type_code, title, files, holder)
        with self._asked(dossier, Action.ADD) as (connection, box):
            made, action = self._enter(connection, box, dossier, draft, self._clock())
            trace.write(connection, dossier, self._clock(), self._who, action, made.id)
        return made

    def replace(self, dossier: UUID, document_id: UUID, title: str, files: list[bytes], holder: str) -> Document:
        """A new version of a document that the holder wrote. Raises Invalid, NotTheAuthor, WrongState."""
        self._require_holder()
        with self._asked(dossier, Action.REPLACE, document_id) as (connection, box):
            old = self._own(connection, box, document_id)
            draft = self._draft(old.type_code, title, files, holder)
            content = shelved(self._shelf, box, draft.content.data)
            made = documents.replace_with(connection, box, dossier, old, draft, content, self._clock())
            trace.write(connection, dossier, self._clock(), self._who, Action.REPLACE, made.id)
        return made

    def mask(self, dossier: UUID, document_id: UUID, *, masked: bool) -> None:
        """Hide a document from professionals, or show it again; from the very next request on."""
        action = Action.MASK if masked else Action.UNMASK
        with self._asked(dossier, action, document_id) as (connection, box):
            found = self._current(connection, box, document_id)
            if found.masked != masked:
                documents.mask(connection, found, self._clock(), masked)
                trace.write(connection, dossier, self._clock(), self._who, action, found.id)

    def hide_from_representatives(self, dossier: UUID, document_id: UUID, *, hidden: bool) -> None:
        """Keep a document from legal representatives, or show it to them. Raises WrongState for a minor: their parents
        may hold the same password, and the professional who was asked for the secret is the one to lift it."""
        self._require_holder()
        action = Action.HIDE if hidden else Action.UNHIDE
        with self._asked(dossier, action, document_id) as (connection, box):
            found = self._current(connection, box, document_id)
            if is_minor(birth_date_of(connection), self._clock().astimezone(PARIS).date()):
                raise WrongState(
                    "Tant que vous êtes mineur, c’est le professionnel à qui vous avez demandé le secret qui le met et le "
                    "lève : parlez-lui-en."
                )
            if found.hidden_from_representatives != hidden:
                documents.hide_from_representatives(connection, found, self._clock(), hidden)
                trace.write(connection, dossier, self._clock(), self._who, action, found.id)

    def archive(self, dossier: UUID, document_id: UUID, *, archived: bool) -> None:
        """Take a document out of the current ones, or bring it back."""
        self._require_holder()
        action, target = (Action.ARCHIVE, Status.ARCHIVED) if archived else (Action.RESTORE, Status.APPROVED)
        with self._asked(dossier, action, document_id) as (connection, box):
            found = self._current(connection, box, document_id)
            if found.status is not target:
                documents.set_status(connection, found, self._clock(), target)
                trace.write(connection, dossier, self._clock(), self._who, action, found.id)

    def delete(self, dossier: UUID, document_id: UUID) -> None:
        """Delete a document that the holder wrote, with its versions: logically, never physically (DOMAIN 4.3)."""
        self._require_holder()
        with self._asked(dossier, Action.DELETE, document_id) as (connection, box):
            found = self._own(connection, box, document_id)
            for each in documents.versions_of(connection, box, found):
                documents.set_status(connection, each, self._clock(), Status.DELETED)
            trace.write(connection, dossier, self._clock(), self._who, Action.DELETE, found.id)

    def export(
        self, dossier: UUID, index: Callable[[list[tuple[Document, str]]], str],
        pages: Callable[[Document, bytes], tuple[str, bytes] | None],
    ) -> IO[bytes]:  # fmt: skip
        """The whole DMP as a zip: every current and archived document under its category, and the page that `index`
        makes of (document, its name in the zip).

        Of one that no person opens as it is, `pages` makes another file, told by how its name ends, that stands beside it.
        """
        now = self._clock()
        out: IO[bytes] = SpooledTemporaryFile(max_size=HELD_IN_MEMORY)  # noqa: SIM115 - given to the caller
        with self._asked(dossier, Action.EXPORT) as (connection, box):
            every = [
                each
                for status in (Status.APPROVED, Status.ARCHIVED)
                for each in self._list(connection, box, Wanted(status), EVERY)
            ]
            named = list(zip(every, _names(every), strict=True))
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("index.html", index(named))
                for each, name in named:
                    data = box.open(self._shelf.get(each.content), each.content.bytes)
                    archive.writestr(name, data)
                    if (readable := pages(each, data)) is not None:
                        archive.writestr(f"{name.rpartition('.')[0]}.{readable[0]}", readable[1])
            trace.write(connection, dossier, now, self._who, Action.EXPORT)
        out.seek(0)
        return out

    def lines(self, dossier: UUID, chosen: Filter, size: int, offset: int = 0) -> Lines:
        """Lines of the trace, the latest first; reading them is itself an access."""
        with self._asked(dossier, Action.READ_TRACE) as (connection, box):
            found = trace.lines_of(connection, dossier, chosen, size + 1, offset, represented=self._represented)
            named = self._named(connection, box, found)
            trace.write(connection, dossier, self._clock(), self._who, Action.READ_TRACE)
        return Lines(found[:size], named, more=len(found) > size)

    def whole_trace(self, dossier: UUID) -> Lines:
        """Every line of the trace, the first one first, to be kept; the line of this very request comes last.

        The holder's alone: a chain without some of its lines proves nothing, and with them would tell a secret.
        """
        self._require_holder()
        with self._asked(dossier, Action.EXPORT_TRACE) as (connection, box):
            trace.write(connection, dossier, self._clock(), self._who, Action.EXPORT_TRACE)
            found = list(trace.whole_chain(connection, dossier))
            named = self._named(connection, box, found)
            proofs = kept(connection, dossier)
        return Lines(found, named, more=False, proofs=proofs)

    def _list(
        self, connection: Connection, box: Box, wanted: Wanted, size: int, offset: int = 0
    ) -> list[Document]:  # fmt: skip
        return documents.documents_of(
            connection, box, wanted, self._clock(), size, offset, represented=self._represented
        )  # fmt: skip

    def _require_holder(self) -> None:
        if self._represented:
            raise WrongState(_HOLDER_ONLY)

    def _named(self, connection: Connection, box: Box, lines: list[Line]) -> dict[UUID, Named]:
        """What the documents of these lines are called, deleted ones too, but for what awaits its announcement."""
        found = {}
        for one in {line.document for line in lines if line.document}:
            document = documents.document_of(connection, box, one)
            if document is not None and self._is_announced(document) and not self._is_kept(document):
                found[one] = Named(document.title, self._is_visible(document))
        return found

    def _draft(
        self, type_code: str, title: str, files: list[bytes], holder: str, unique_id: str | None = None
    ) -> Draft:
        now = self._clock()
        author, today = Author(AuthorKind.HOLDER, "EXP_PATIENT", holder), now.astimezone(PARIS).date()
        kind = type_of(type_code, today)
        if kind not in types_of_holder(today):
            raise Invalid("Un titulaire n’ajoute pas de document de ce type : choisissez « expression libre ».")
        return Draft(kind, title_of(title), author, checked(files), service_start=now, unique_id=unique_id)

    def _enter(
        self, connection: Connection, box: Box, dossier: UUID, draft: Draft, now: datetime, submission: UUID | None = None
    ) -> tuple[Document, Action]:  # fmt: skip
        """Put in a document that names no other to replace; what that was, for the trace."""
        is_one = draft.type.code == DIRECTIVES
        old = documents.directives_of(connection, box, dossier) if is_one else None
        content = shelved(self._shelf, box, draft.content.data)
        if old is None or old.sha256 == sha256(draft.content.data).digest():  # the same again is refused there
            return documents.enter(connection, box, dossier, draft, content, now, submission), Action.ADD
        old = replace(old, masked=old.masked or draft.masked)
        made = documents.replace_with(connection, box, dossier, old, draft, content, now, submission)
        return made, Action.REPLACE

    @contextmanager
    def _asked(
        self, dossier: UUID, action: Action, document_id: UUID | None = None
    ) -> Iterator[tuple[Connection, Box]]:
        """A transaction bound to the dossier, with its box; a refusal undoes it and is written down by itself."""
        try:
            with self._store.transaction(dossier) as connection:
                yield connection, self._keys.box(connection, dossier, self._clock())
        except (NotFound, NotTheAuthor) as refusal:
            with self._store.transaction(dossier) as connection:
                if documents.is_within_reach(connection, dossier):
                    trace.write(
                        connection, dossier, self._clock(), self._who, action, document_id, granted=False,
                        reason=str(refusal),
                    )  # fmt: skip
            raise

    def _visible(self, connection: Connection, box: Box, document_id: UUID, *, lock: bool = False) -> Document:
        found = documents.document_of(connection, box, document_id, lock=lock)
        if found is None or not self._is_visible(found):
            raise NotFound(_NOT_HERE)
        return found

    def _is_visible(self, document: Document) -> bool:
        """A holder sees everything of their dossier but what is deleted, not announced yet, or management."""
        there = document.status is not Status.DELETED and document.category is not None
        return there and self._is_announced(document) and not self._is_kept(document)

    def _is_kept(self, document: Document) -> bool:
        """Whether it is kept from who asks, a representative."""
        return self._represented and document.kept_from_representatives

    def _is_announced(self, document: Document) -> bool:
        return not document.awaits(self._clock())

    def _current(self, connection: Connection, box: Box, document_id: UUID) -> Document:
        found = self._visible(connection, box, document_id, lock=True)
        if found.status is Status.DEPRECATED:
            raise WrongState("Une version plus récente remplace ce document : ouvrez-la pour la modifier.")
        return found

    def _own(self, connection: Connection, box: Box, document_id: UUID) -> Document:
        found = self._current(connection, box, document_id)
        if not found.by_holder:
            raise NotTheAuthor(
                "Seul son auteur peut modifier ou supprimer ce document. Vous pouvez le masquer aux professionnels, "
                "ou demander une correction à son auteur."
            )
        return found


def _names(every: list[Document]) -> Iterator[str]:
    """A name in the zip for each document, under its category; two of one name are numbered."""
    taken: set[str] = set()
    for each in every:
        folder = each.category.label if each.category else ""
        stem, _, suffix = each.file_name.rpartition(".")
        name, number = f"{folder}/{stem}.{suffix}", 2
        while name.casefold() in taken:
            name, number = f"{folder}/{stem} ({number}).{suffix}", number + 1
        taken.add(name.casefold())
        yield name
