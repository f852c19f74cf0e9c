"""What a document is to the record: its metadata (DOMAIN 5.1), what is wanted of a list, what a professional may see of one."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from dmp_core.errors import Invalid
from dmp_core.record.categories import Category, category_of
from dmp_core.record.contents import Content, Format
from dmp_core.record.nomenclatures import DocumentType

LONGEST_TITLE: Final = 120
EARLIEST_ACT: Final = 1900
"""Year."""
WILLS: Final = frozenset({"EXPPAT_1", "EXPPAT_3"})
"""Types that tell what the person wants for their end of life: a representative has no part in it (CSP L.1111-11)."""
DIRECTIVES: Final = "EXPPAT_3"
"""Directives anticipées (CSP L.1111-11), a type of their own from 2018 on: one at a time is in force (0047)."""


class Status(StrEnum):
    """Availability of a document (DOMAIN 5.1); never deleted from the table."""

    APPROVED = "approved"
    ARCHIVED = "archived"
    """Still up to date, out of the current lists."""
    DEPRECATED = "deprecated"
    """Replaced by a later version."""
    DELETED = "deleted"

    @property
    def urn(self) -> str:
        """As XDS writes it."""
        return _URNS[self]


_URNS: Final = {
    Status.APPROVED: "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved",
    Status.DEPRECATED: "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated",
    Status.ARCHIVED: "urn:asip:ci-sis:2010:StatusType:Archived",
    Status.DELETED: "urn:asip:ci-sis:2010:StatusType:Deleted",
}


class AuthorKind(StrEnum):
    """Who made a document."""

    HOLDER = "holder"
    PROFESSIONAL = "professional"
    INSURANCE = "insurance"
    """The automatic feed of the insurance (ALIM_AM)."""


@dataclass(frozen=True, slots=True)
class Author:
    """The author as the document names them."""

    kind: AuthorKind
    id: str
    """PS_IdNat of a professional, EXP_PATIENT for the holder, ALIM_AM for the insurance."""
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Document:
    """One version of one document."""

    id: UUID
    """Of this version, stable; what an address names."""
    entry_uuid: UUID
    """The registry's entryUUID: another one at each change of metadata (DOMAIN 4.3)."""
    logical_id: UUID
    """Common to the versions."""
    version: int
    unique_id: str
    """The producer's, stable."""
    class_code: str
    type_code: str
    type_system: str
    format: Format
    size: int
    sha1: bytes = field(repr=False)
    sha256: bytes = field(repr=False)
    author: Author
    created_at: datetime
    """Of the document itself."""
    service_start: datetime
    """Of the act it tells."""
    submitted_at: datetime
    status: Status
    masked: bool
    """Hidden from professionals, but for its author and the médecin traitant."""
    hidden_until: datetime | None
    """Invisible to the holder until then: the consultation d’annonce comes first."""
    title: str = field(repr=False)
    content: UUID = field(repr=False)
    """Name of the sealed content on the shelf."""
    changed_at: datetime
    """Of its metadata, for the last time."""
    submission: UUID
    """The set it was deposited in (XDS SubmissionSet)."""
    format_code: str
    """As XDS writes it; of a structured document, it says which model it follows."""
    hidden_from_representatives: bool = False
    """Secret of a minor towards who holds parental authority (CSP L.1111-5; INVISIBLE_REPRESENTANTS_LEGAUX)."""
    establishment: str | None = None
    """Struct_IdNat of the establishment that sent it in its author's name; None for who sent it by their own card."""

    @property
    def kept_from_representatives(self) -> bool:
        """Whether it is not there for the person's legal representatives."""
        return self.hidden_from_representatives or self.type_code in WILLS

    @property
    def category(self) -> Category | None:
        """Its one category."""
        return category_of(self.type_code, self.class_code)

    @property
    def is_ours(self) -> bool:
        """Whether this record made the document itself, of data that it had: nobody who deposits may name one so."""
        return self.unique_id.startswith("2.25.")

    def awaits(self, now: datetime) -> bool:
        """Whether the holder does not see it yet: the consultation d’annonce comes first."""
        return self.hidden_until is not None and now < self.hidden_until

    @property
    def by_holder(self) -> bool:
        """Whether the holder wrote it."""
        return self.author.kind is AuthorKind.HOLDER

    @property
    def file_name(self) -> str:
        """A name for a file that its reader keeps: the title, without what file systems refuse."""
        plain = "".join(one if one.isalnum() or one in " -_’'" else " " for one in self.title)
        return f"{' '.join(plain.split())[:80] or 'document'}.{self.format.suffix}"


@dataclass(frozen=True, slots=True)
class Draft:
    """A document about to enter."""

    type: DocumentType
    title: str = field(repr=False)
    author: Author
    content: Content = field(repr=False)
    service_start: datetime
    unique_id: str | None = None
    """None for one of our own making."""
    masked: bool = False
    hidden_until: datetime | None = None
    hidden_from_representatives: bool = False
    establishment: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which documents a list is to show, the latest first."""

    status: Status = Status.APPROVED
    category: Category | None = None
    since: datetime | None = None
    """Submitted at or after."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a professional may see of a dossier that they have come to by right."""

    professional: str
    """Sees what they wrote themselves, masked too."""
    types: frozenset[str]
    """That their profession reads."""
    masked: bool
    """Whether masked documents show: to the médecin traitant, and to who was given the same rights."""

    def shows(self, document: Document) -> bool:
        """Whether this document is there for them; what awaits its announcement to the holder is."""
        return (
            document.status is not Status.DELETED and document.type_code in self.types
            and (self.masked or not document.masked or document.author.id == self.professional)
        )  # fmt: skip


def title_of(typed: str) -> str:
    """A title that can stand. Raises Invalid."""
    title = " ".join(typed.split())
    if not title:
        raise Invalid("Donnez un titre à ce document, pour le retrouver.")
    if len(title) > LONGEST_TITLE:
        raise Invalid(f"Le titre dépasse {LONGEST_TITLE} caractères : raccourcissez-le.")
    if not title.isprintable():
        raise Invalid("Le titre contient un caractère qui ne s’affiche pas : retapez-le.")
    return title


def act_of(told: datetime, now: datetime) -> datetime:
    """The moment of an act that can stand: past, and of somebody who may still be alive. Raises Invalid."""
    if told.year < EARLIEST_ACT:
        raise Invalid(f"La date de l’acte est d’avant {EARLIEST_ACT} : corrigez-la.")
    if told > now:
        raise Invalid("La date de l’acte est dans l’avenir : corrigez-la.")
    return told
