"""Choosing among documents that are already known to be there for who looks: words, categories, authors, dates; pure, but for
`seen`, which asks for them.

Titles and names are sealed, so that nothing of this can be the database's. Whatever is counted here was let through before:
what is not there for somebody is in no count either.
"""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from dmp_core.clock import PARIS
from dmp_core.record.categories import Category
from dmp_core.record.documents import COLUMNS, read
from dmp_core.record.metadata import AuthorKind, Document, Sight, Status
from dmp_core.record.nomenclatures import label_of_type
from dmp_core.record.sealing import Box


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for; by default the documents in force."""

    words: str = field(default="", repr=False)
    """All of them in the title, the author's name or the type."""
    category: Category | None = None
    author: str = ""
    """As `handle_of` names it."""
    since: date | None = None
    """Of the act, included; as `until`."""
    until: date | None = None
    archived: bool = False
    """Those put out of the current ones instead."""

    @property
    def narrowed(self) -> bool:
        """Whether anything was asked for at all."""
        return self != Asked()


@dataclass(frozen=True, slots=True)
class AuthorFound:
    """An author among what was found."""

    handle: str
    name: str = field(repr=False)
    """Empty for the holder."""
    count: int


@dataclass(frozen=True, slots=True)
class Selected:
    """What answers, in the order given, and what else there would be for each category and author."""

    documents: list[Document] = field(repr=False)
    categories: list[tuple[Category, int]]
    authors: list[AuthorFound]


def seen(connection: Connection, box: Box, dossier: UUID, sight: Sight) -> list[Document]:
    """Every document in force or archived that is there for this professional, the latest act first, in one statement."""
    rows = connection.execute(_SEEN, {"dossier": dossier, "read": sorted(sight.types)})
    return [each for each in (read(box, row) for row in rows) if sight.shows(each)]


def selected(documents: Iterable[Document], asked: Asked) -> Selected:
    """Those that answer. A facet counts what the other criteria leave, so that each of its choices says what it would give."""
    every = list(documents)
    categories = Counter(each.category for each in _narrowed(every, replace(asked, category=None)))
    by_author = _narrowed(every, replace(asked, author=""))
    authors = Counter(map(handle_of, by_author))
    names = {handle_of(each): each.author.name if not each.by_holder else "" for each in by_author}
    return Selected(
        _narrowed(every, asked),
        [(each, categories[each]) for each in Category if categories[each]],
        sorted(
            (AuthorFound(handle, names[handle], count) for handle, count in authors.items()),
            key=lambda each: (-each.count, each.name.casefold(), each.handle),
        ),
    )  # fmt: skip


def handle_of(document: Document) -> str:
    """An author in an address, which bears no name and no number of theirs."""
    if document.author.kind is not AuthorKind.PROFESSIONAL:
        return document.author.kind.value
    return hashlib.sha256(document.author.id.encode()).hexdigest()[:12]


def speaks_of(told: str, words: str) -> bool:
    """Whether every word is in what is told, whatever its accents and capitals."""
    plain = _plain(told)
    return all(word in plain for word in _plain(words).split())


def _narrowed(documents: Iterable[Document], asked: Asked) -> list[Document]:
    return [each for each in documents if all(holds(each, asked) for holds in _CRITERIA)]


def _day(document: Document) -> date:
    return document.service_start.astimezone(PARIS).date()


_CRITERIA: Final[tuple[Callable[[Document, Asked], bool], ...]] = (
    lambda each, asked: (each.status is Status.ARCHIVED) == asked.archived,
    lambda each, asked: asked.category is None or each.category is asked.category,
    lambda each, asked: not asked.author or handle_of(each) == asked.author,
    lambda each, asked: asked.since is None or _day(each) >= asked.since,
    lambda each, asked: asked.until is None or _day(each) <= asked.until,
    lambda each, asked: (
        not asked.words or speaks_of(f"{each.title} {each.author.name} {label_of_type(each.type_code)}", asked.words)
    ),
)


def _plain(words: str) -> str:
    """Lower case, without accents: how a search compares."""
    return "".join(one for one in unicodedata.normalize("NFKD", words.casefold()) if not unicodedata.combining(one))


_SEEN: Final = text(
    f"SELECT {COLUMNS} FROM medical.document WHERE dossier_id = :dossier AND class_code <> '95' "  # noqa: S608
    "AND status IN ('approved', 'archived') AND type_code = ANY(CAST(:read AS text[])) ORDER BY service_start DESC, id"
)
