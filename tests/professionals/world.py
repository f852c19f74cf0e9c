"""Dossiers with documents in every state, and professionals in every standing towards them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from portal_account.world import AccountWorld
from sqlalchemy import text

from dmp_core.access import circle
from dmp_core.access.circle import Member
from dmp_core.access.professional import NotIn, ProfessionalGate
from dmp_core.access.rules import Basis, Relation
from dmp_core.access.trace import Line, whole_chain
from dmp_core.errors import NotFound
from dmp_core.professionals.certificates import Professional
from dmp_core.professionals.identifiers import national_id
from dmp_core.professionals.professions import profession_of
from dmp_core.professionals.store import ProfessionalStore
from dmp_core.record import documents
from dmp_core.record.contents import Content, Format
from dmp_core.record.metadata import Author, AuthorKind, Document, Draft, Status, Wanted
from dmp_core.record.nomenclatures import type_of
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.shelf import Folder

from .samples import rpps


def a_professional(number: int, profession: str = "G15_10", name: str = "MARTIN") -> Professional:
    """As a card would tell them."""
    identifier, found = national_id(rpps(number)), profession_of(profession, _DAY)
    assert identifier is not None
    assert found is not None
    return Professional(identifier, name, "ANNE", found, None, bytes(32))


def member(who: Professional) -> Member:
    return Member(str(who.id), who.name, who.profession.code)


@dataclass
class Record:
    """One dossier of the world, and what was put into it by the owner of the database."""

    world: "RecordWorld"
    dossier: UUID
    documents: dict[str, Document] = field(default_factory=dict)

    def put(self, name: str, code: str = "11502-2", *, by: Professional | None = None, **more: Any) -> Document:
        """A document of a professional, named for the test."""
        world = self.world
        author = Author(AuthorKind.PROFESSIONAL, str(by.id) if by else rpps(99_999), by.name if by else "Dr Autre")
        content = more.pop("content", None) or Content(f"{name} {uuid4()}".encode(), Format.TEXT)
        status = more.pop("status", Status.APPROVED)
        draft = Draft(type_of(code, world.clock().date()), f"Titre {name}", author, content, world.clock(), **more)
        with world.owner.begin() as connection:
            box = DossierKeys(world.record).box(connection, self.dossier, world.clock())
            place = uuid4()
            Folder(world.folder).put(place, box.seal(content.data, place.bytes))
            made = documents.enter(connection, box, self.dossier, draft, place, world.clock())
            if status is not Status.APPROVED:
                documents.set_status(connection, made, world.clock(), status)
        self.documents[name] = made
        return made

    def relate(self, who: Professional, basis: Basis, *, sees_all: bool = False, days: int = 365) -> None:
        now = self.world.clock()
        until = None if basis is Basis.ATTENDING else now + timedelta(days=days)
        with self.world.owner.begin() as connection:
            relation = Relation(basis, sees_all or basis is Basis.ATTENDING, now, until)
            assert circle.relate(connection, self.dossier, member(who), relation, circle.BY_HOLDER)

    def as_owner(self, done: Callable[..., Any], *args: Any, **more: Any) -> Any:
        """A change of the circle, as the holder's gate makes it."""
        with self.world.owner.begin() as connection:
            return done(connection, self.dossier, *args, **more)

    def state(self, state: str) -> None:
        person = self.world.rows("SELECT caisse, person_id FROM enrolment.dossier WHERE id = :d", d=self.dossier)[0]
        if state == "closed":
            self.world.enrolment.dossiers.close(person.caisse, person.person_id, "à sa demande")
        elif state == "suspended":
            self.world.enrolment.dossiers.suspend(person.caisse, person.person_id, "contestée")

    def chain(self) -> list[Line]:
        with self.world.owner.begin() as connection:
            return list(whole_chain(connection, self.dossier))


class RecordWorld(AccountWorld):
    """The world of the accounts, with professionals in front of it."""

    def __init__(self, professionals: ProfessionalStore, *engines: Any) -> None:
        super().__init__(*engines)
        self.professionals = professionals
        self.regulators: frozenset[str] = frozenset()

    def gate(self) -> ProfessionalGate:
        return ProfessionalGate(
            self.professionals, Folder(self.folder), DossierKeys(self.record), self.clock, self.regulators
        )

    def a_record(self) -> Record:
        return Record(self, self.someone().dossier)


def listed(gate: ProfessionalGate, who: Professional, dossier: UUID) -> set[UUID]:
    """Every document that a professional finds in the lists, page by page."""
    found: set[UUID] = set()
    for status in Status:
        more, offset = True, 0
        while more:
            page = gate.browse(who, dossier, Wanted(status), 3, offset)
            found |= {each.id for each in page.documents}
            more, offset = page.more, offset + 3
    return found


def tried(ask: Callable[[], Any]) -> str | None:
    """What refuses, to the letter; None when it is given."""
    try:
        ask()
    except (NotFound, NotIn) as refusal:
        return f"{type(refusal).__name__}: {refusal}"
    return None


def rows_seen(world: RecordWorld, who: Professional, dossier: UUID) -> set[UUID]:
    """What PostgreSQL itself lets this professional see, whatever the gate would say."""
    with world.professionals.transaction(who.id, world.clock(), dossier) as connection:
        return set(connection.scalars(text("SELECT id FROM medical.document")))


_DAY = date(2016, 11, 2)
