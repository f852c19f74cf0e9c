"""The gate in front of a holder: what it gives, what it refuses, and the trace of both."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from portal_account.world import AccountWorld
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from dmp_core.access.application import ApplicationGate, Deposit
from dmp_core.access.gate import HolderGate, NotTheAuthor
from dmp_core.access.trace import Action, Filter, Line, first_fault, whole_chain
from dmp_core.errors import Invalid, NotFound, Unavailable, WrongState
from dmp_core.record import documents
from dmp_core.record.categories import Category
from dmp_core.record.contents import checked
from dmp_core.record.metadata import Author, AuthorKind, Document, Draft, Status, Wanted
from dmp_core.record.nomenclatures import type_of
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.shelf import Folder

from .samples import a_pdf, a_photo

NAME = "Nicolas Dupond"


@pytest.fixture
def dossier(world: AccountWorld) -> UUID:
    return world.someone().dossier


def add(gate: HolderGate, dossier: UUID, words: str = "Ordonnance du docteur Martin") -> Document:
    return gate.add(dossier, "EXPPAT_2", words, [a_pdf(words)], NAME)


def received(
    world: AccountWorld, dossier: UUID, code: str = "11502-2", title: str = "Bilan sanguin", **more: Any
) -> Document:
    """A document of a professional, put in by the owner of the database as the gate of professionals would."""
    author = Author(AuthorKind.PROFESSIONAL, "810000000001", "Dr Anne Martin")
    draft = Draft(type_of(code, world.clock().date()), title, author, checked([a_pdf(title)]), world.clock(), **more)
    with world.owner.begin() as connection:
        box = DossierKeys(world.record).box(connection, dossier, world.clock())
        name = uuid4()
        Folder(world.folder).put(name, box.seal(draft.content.data, name.bytes))
        return documents.enter(connection, box, dossier, draft, name, world.clock())


def chain(world: AccountWorld, dossier: UUID) -> list[Line]:
    with world.store.transaction(dossier) as connection:
        return list(whole_chain(connection, dossier))


def told(world: AccountWorld, dossier: UUID) -> list[tuple[Action, bool]]:
    return [(line.action, line.granted) for line in chain(world, dossier)]


def test_what_is_added_is_read_back_to_the_byte(gate: HolderGate, dossier: UUID) -> None:
    made = add(gate, dossier)
    found, data = gate.read(dossier, made.id)
    assert data == a_pdf("Ordonnance du docteur Martin")
    assert (found.title, found.author.name, found.category) == (made.title, NAME, Category.EXPRESSION)
    assert (found.type_code, found.class_code, found.version, found.size) == ("EXPPAT_2", "90", 1, len(data))


def test_every_access_has_its_line_refusals_too(world: AccountWorld, gate: HolderGate, dossier: UUID) -> None:
    made = add(gate, dossier)
    gate.read(dossier, made.id)
    gate.browse(dossier, Wanted(), 20)
    with pytest.raises(NotFound):
        gate.read(dossier, uuid4())
    theirs = received(world, dossier)
    with pytest.raises(NotTheAuthor):
        gate.delete(dossier, theirs.id)
    gate.lines(dossier, Filter(), 20)
    gate.whole_trace(dossier)
    assert told(world, dossier) == [
        (Action.ADD, True), (Action.READ, True), (Action.LIST, True), (Action.READ, False), (Action.DELETE, False),
        (Action.READ_TRACE, True), (Action.EXPORT_TRACE, True),
    ]  # fmt: skip


def test_the_chain_holds_and_any_change_to_a_line_breaks_it(
    world: AccountWorld, gate: HolderGate, dossier: UUID
) -> None:
    made = add(gate, dossier)
    for _ in range(3):
        gate.read(dossier, made.id)
    assert first_fault(dossier, chain(world, dossier)) is None
    for change, fault in (
        ("UPDATE medical.trace SET at = at + interval '1 s' WHERE dossier_id = :d AND number = 2", 2),
        ("UPDATE medical.trace SET actor_name = 'Dr Personne' WHERE dossier_id = :d AND number = 3", 2),
        ("DELETE FROM medical.trace WHERE dossier_id = :d AND number = 1", 1),
    ):
        with world.owner.begin() as connection:
            connection.execute(text(change), {"d": dossier})
        assert first_fault(dossier, chain(world, dossier)) == fault


def test_a_holder_reads_nothing_of_another_holder_s(world: AccountWorld, gate: HolderGate, dossier: UUID) -> None:
    made, other = add(gate, dossier), world.someone().dossier
    for reach in (gate.read, gate.look, gate.delete):
        with pytest.raises(NotFound) as theirs:
            reach(other, made.id)
        with pytest.raises(NotFound) as nobodys:
            reach(other, uuid4())
        assert str(theirs.value) == str(nobodys.value)
    assert gate.browse(other, Wanted(), 20).documents == []


def test_a_closed_dossier_gives_nothing_and_reopened_gives_everything_back(
    world: AccountWorld, gate: HolderGate, dossier: UUID
) -> None:
    made = add(gate, dossier)
    person = world.rows("SELECT caisse, person_id FROM enrolment.dossier WHERE id = :d", d=dossier)[0]
    world.enrolment.dossiers.close(person.caisse, person.person_id, "à sa demande")
    for attempt in (
        lambda: gate.read(dossier, made.id), lambda: gate.browse(dossier, Wanted(), 20), lambda: add(gate, dossier, "Autre"),
    ):  # fmt: skip
        with pytest.raises(NotFound, match="n’est plus ouvert"):
            attempt()
    world.enrolment.dossiers.reopen(person.caisse, person.person_id, "à sa demande")
    assert gate.read(dossier, made.id)[0].id == made.id


def test_what_awaits_its_announcement_does_not_exist_for_the_holder_until_then(
    world: AccountWorld, gate: HolderGate, dossier: UUID
) -> None:
    hidden = received(world, dossier, hidden_until=world.clock() + timedelta(days=30))
    assert gate.browse(dossier, Wanted(), 20).documents == []
    assert gate.browse(dossier, Wanted(), 20, words="bilan").documents == []
    assert gate.overview(dossier).current == 0
    with pytest.raises(NotFound):
        gate.read(dossier, hidden.id)
    with pytest.raises(NotFound):
        gate.mask(dossier, hidden.id, masked=True)
    assert [line.document for line in gate.lines(dossier, Filter(), 20).lines if line.document in gate.lines(
        dossier, Filter(), 20).named] == []  # fmt: skip
    with gate.export(dossier, lambda named: str(len(named)), lambda *_: None) as zipped:
        assert b"Bilan" not in zipped.read()
    world.clock.forward(days=30)
    assert [each.id for each in gate.browse(dossier, Wanted(), 20).documents] == [hidden.id]


def test_documents_are_masked_archived_and_brought_back(gate: HolderGate, dossier: UUID) -> None:
    made = add(gate, dossier)
    gate.mask(dossier, made.id, masked=True)
    gate.archive(dossier, made.id, archived=True)
    assert gate.browse(dossier, Wanted(), 20).documents == []
    (kept,) = gate.browse(dossier, Wanted(Status.ARCHIVED), 20).documents
    assert (kept.masked, kept.status) == (True, Status.ARCHIVED)
    assert kept.entry_uuid != made.entry_uuid
    gate.mask(dossier, made.id, masked=False)
    gate.archive(dossier, made.id, archived=False)
    assert [each.id for each in gate.browse(dossier, Wanted(), 20).documents] == [made.id]


def test_a_new_version_takes_the_place_of_the_old_one_which_can_still_be_read(gate: HolderGate, dossier: UUID) -> None:
    old = add(gate, dossier)
    gate.mask(dossier, old.id, masked=True)
    new = gate.replace(dossier, old.id, "Ordonnance corrigée", [a_pdf("corrigée")], NAME)
    assert (new.logical_id, new.version, new.masked) == (old.logical_id, 2, True)
    assert [each.id for each in gate.browse(dossier, Wanted(), 20).documents] == [new.id]
    assert [each.version for each in gate.look(dossier, old.id).versions] == [2, 1]
    assert gate.read(dossier, old.id)[0].status is Status.DEPRECATED
    with pytest.raises(WrongState, match="version plus récente"):
        gate.replace(dossier, old.id, "Encore", [a_pdf("encore")], NAME)


def test_deleting_takes_every_version_away_and_leaves_the_lines(
    world: AccountWorld, gate: HolderGate, dossier: UUID
) -> None:
    old = add(gate, dossier)
    new = gate.replace(dossier, old.id, "Corrigée", [a_pdf("corrigée")], NAME)
    gate.delete(dossier, new.id)
    for one in (old, new):
        with pytest.raises(NotFound):
            gate.read(dossier, one.id)
    lines = gate.lines(dossier, Filter(document=new.id), 20)
    assert (lines.named[new.id].title, lines.named[new.id].is_there) == ("Corrigée", False)
    rows = world.rows("SELECT status FROM medical.document WHERE dossier_id = :d", d=dossier)
    assert {row.status for row in rows} == {"deleted"}


def test_the_same_content_twice_is_one_document(gate: HolderGate, dossier: UUID) -> None:
    add(gate, dossier)
    with pytest.raises(WrongState, match="déjà dans votre DMP"):
        add(gate, dossier)
    assert len(gate.browse(dossier, Wanted(), 20).documents) == 1


def test_lists_go_by_category_page_and_words(world: AccountWorld, gate: HolderGate, dossier: UUID) -> None:
    add(gate, dossier, "Carnet de vaccination")
    received(world, dossier, "11502-2", "Bilan d’été")
    received(world, dossier, "11488-4", "Consultation de cardiologie")
    assert gate.overview(dossier).counts == {Category.EXPRESSION: 1, Category.BIOLOGY: 1, Category.REPORTS: 1}
    (report,) = gate.browse(dossier, Wanted(category=Category.REPORTS), 20).documents
    assert report.title == "Consultation de cardiologie"
    assert [one.title for one in gate.browse(dossier, Wanted(), 20, words="ETE bilan").documents] == ["Bilan d’été"]
    assert [one.author.name for one in gate.browse(dossier, Wanted(), 20, words="martin").documents].count(
        "Dr Anne Martin"
    ) == 2
    first, second = gate.browse(dossier, Wanted(), 2), gate.browse(dossier, Wanted(), 2, 2)
    assert (len(first.documents), first.more, len(second.documents), second.more) == (2, True, 1, False)


def test_a_title_that_cannot_stand_is_refused_and_nothing_is_kept(
    world: AccountWorld, gate: HolderGate, dossier: UUID
) -> None:
    for title in ("", "   ", "x" * 121, "a\u0007b"):
        with pytest.raises(Invalid):
            gate.add(dossier, "EXPPAT_2", title, [a_photo()], NAME)
    assert not any(world.folder.rglob("*"))
    assert told(world, dossier) == []


def test_neither_the_database_nor_the_store_tells_what_a_document_says(
    world: AccountWorld, gate: HolderGate, dossier: UUID
) -> None:
    words = "Séropositivité de Nicolas"
    gate.add(dossier, "EXPPAT_2", words, ["Résultat confidentiel".encode()], NAME)
    row = world.rows("SELECT * FROM medical.document WHERE dossier_id = :d", d=dossier)[0]
    copy = "".join(str(value) for value in row) + bytes(row.about).decode("latin-1")
    stored = b"".join(path.read_bytes() for path in world.folder.rglob("*") if path.is_file())
    for secret in (words, "Séropositivité", NAME, "confidentiel"):
        assert secret not in copy
        assert secret.encode() not in stored
        assert secret.encode() not in bytes(row.about)


def test_a_content_that_was_changed_or_moved_is_not_given(world: AccountWorld, gate: HolderGate, dossier: UUID) -> None:
    one, other = add(gate, dossier, "Un"), add(gate, dossier, "Deux")
    folder = Folder(world.folder)
    swapped = folder.get(other.content)
    folder.drop(one.content)
    folder.put(one.content, swapped)
    with pytest.raises(Unavailable, match="abîmé"):
        gate.read(dossier, one.id)
    assert (Action.READ, True) not in told(world, dossier)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM medical.trace", "UPDATE medical.trace SET granted = true", "DELETE FROM medical.document",
        "UPDATE medical.document SET about = '\\x00'", "UPDATE medical.dossier_key SET wrapped = wrapped",
        "DELETE FROM medical.dossier_key",
    ],
)  # fmt: skip
def test_postgresql_itself_keeps_the_portal_from_rewriting(
    world: AccountWorld, gate: HolderGate, dossier: UUID, statement: str
) -> None:
    add(gate, dossier)
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        world.store.transaction(dossier) as connection,
    ):
        connection.execute(text(statement))


def test_the_portal_writes_in_nobody_s_name_but_the_holder_s(world: AccountWorld, dossier: UUID) -> None:
    line = (
        "INSERT INTO medical.trace (dossier_id, number, at, actor_kind, actor_id, actor_name, profession, mode, action, "
        "granted, reason, previous, digest) VALUES (:d, 1, now(), 'professional', '8', 'Dr X', '', 'normal', "
        "'document.read', true, '', sha256('a'), sha256('b'))"
    )
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        world.store.transaction(dossier) as connection,
    ):
        connection.execute(text(line), {"d": dossier})


def test_no_caisse_reaches_any_of_it(
    world: AccountWorld, gate: HolderGate, dossier: UUID, account_engines: tuple[Engine, Engine]
) -> None:
    add(gate, dossier)
    for table in ("document", "trace", "dossier_key"):
        with account_engines[1].connect() as caisse, pytest.raises(ProgrammingError, match="permission denied"):
            caisse.execute(text(f"SELECT 1 FROM medical.{table}"))


def test_two_versions_are_never_both_in_force(world: AccountWorld, gate: HolderGate, dossier: UUID) -> None:
    old = add(gate, dossier)
    gate.replace(dossier, old.id, "Corrigée", [a_pdf("corrigée")], NAME)
    with pytest.raises(IntegrityError), world.owner.begin() as connection:
        connection.execute(text("UPDATE medical.document SET status = 'approved' WHERE id = :id"), {"id": old.id})


def test_directives_are_one_in_force_the_former_ones_among_the_versions(
    world: AccountWorld, gate: HolderGate, dossier: UUID
) -> None:
    world.clock.now = world.clock.now.replace(year=2018, month=3, day=5)
    other = add(gate, dossier)

    def directives(words: str) -> Document:
        return gate.add(dossier, "EXPPAT_3", words, [a_pdf(words)], NAME)

    first = directives("Mes directives")
    gate.mask(dossier, first.id, masked=True)
    second = directives("Mes nouvelles directives")
    assert (second.logical_id, second.version, second.masked) == (first.logical_id, 2, True)
    gate.archive(dossier, second.id, archived=True)
    third = directives("Les dernières")
    assert (third.version, third.status) == (3, Status.APPROVED)
    shown = gate.browse(dossier, Wanted(), 10).documents
    assert {each.id for each in shown} == {other.id, third.id}
    assert gate.browse(dossier, Wanted(Status.ARCHIVED), 10).documents == []
    assert [each.id for each in gate.look(dossier, third.id).versions] == [third.id, second.id, first.id]
    with pytest.raises(WrongState, match="déjà dans votre DMP"):
        directives("Les dernières")  # a second click
    gate.delete(dossier, third.id)
    again = directives("De nouveau")
    assert again.version == 1
    application = ApplicationGate(gate._store, gate._shelf, gate._keys, gate._clock)
    (sent,) = application.publish(
        dossier, [Deposit("EXPPAT_3", "Par l’application", b"Mes volontes", masked=True)], NAME
    )
    assert (sent.logical_id, sent.version, sent.masked) == (again.logical_id, 2, True)
    done = [action for action, _ in told(world, dossier) if action in (Action.ADD, Action.REPLACE)]
    assert done == [Action.ADD, Action.ADD, Action.REPLACE, Action.REPLACE, Action.ADD, Action.REPLACE]
