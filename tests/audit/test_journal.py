"""The journal: who did what, in a chain that shows any later hand."""

import threading

import pytest
from campaigns.world import SYSTEM, World, manager
from sqlalchemy.exc import ProgrammingError

from backoffice.audit.journal import AuditEntry, ChainReport, check_chain, entries_about, record
from backoffice.core.errors import Invalid


def note(world: World, about: str = "objet", **options: object) -> None:
    with world.session() as session:
        record(session, manager(), "essai.noter", about, at=world.clock(), **options)  # type: ignore[arg-type]


def chain(world: World) -> ChainReport:
    with world.session() as session:
        return check_chain(session)


def test_an_untouched_journal_is_whole_and_its_head_moves_with_each_line(world: World) -> None:
    heads = [chain(world).head]
    for n in range(3):
        note(world, f"objet {n}", reason="été", detail={"é": 1, "a": [1, "x"]}, caisse="631")
        heads.append(chain(world).head)
    assert len(set(heads)) == 4
    assert chain(world) == ChainReport(3, None, None, heads[-1])


@pytest.mark.parametrize(
    ("statement", "line", "sentence"),
    [
        ("UPDATE audit_entry SET actor = 'x' WHERE id = 2", 2, "a été modifiée"),
        ("UPDATE audit_entry SET at = at + interval '1 second' WHERE id = 2", 2, "a été modifiée"),
        ("UPDATE audit_entry SET detail = '{\"n\": 9}' WHERE id = 2", 2, "a été modifiée"),
        ("UPDATE audit_entry SET result = 'refusé', reason = NULL WHERE id = 3", 3, "a été modifiée"),
        ("DELETE FROM audit_entry WHERE id = 2", 2, "manque"),
        ("DELETE FROM audit_entry WHERE id = 1", 1, "manque"),
        ("UPDATE audit_entry SET previous = decode(repeat('00', 32), 'hex') WHERE id = 3", 3, "ne suit pas"),
        ("UPDATE audit_entry SET digest = sha256('x') WHERE id = 1", 1, "a été modifiée"),
        (
            "UPDATE audit_entry a SET action = b.action, object = b.object FROM audit_entry b WHERE a.id = 2 AND b.id = 3",
            2,
            "a été modifiée",
        ),
    ],
)
def test_any_hand_in_the_journal_shows(world: World, statement: str, line: int, sentence: str) -> None:
    for n in range(4):
        note(world, f"objet {n}", detail={"n": n}, reason=f"motif {n}")
    world.sql(statement)
    found = chain(world)
    assert found.first_fault == line
    assert found.fault is not None
    assert sentence in found.fault
    assert found.entries == line - 1


def test_lines_cut_off_the_end_show_against_a_head_noted_elsewhere(world: World) -> None:
    for n in range(3):
        note(world, f"objet {n}")
    kept = chain(world).head
    world.sql("DELETE FROM audit_entry WHERE id = 3")
    assert chain(world).fault is None
    assert chain(world).head != kept


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entry SET actor = 'x'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"]
)
def test_the_back_office_cannot_rewrite_the_past(world: World, statement: str) -> None:
    from sqlalchemy import text

    note(world)
    with pytest.raises(ProgrammingError, match="permission denied"), world.session() as session:
        session.execute(text(statement))
    assert chain(world).entries == 1


def test_a_line_is_kept_with_its_action_or_not_at_all(world: World) -> None:
    def refused() -> None:
        with world.session() as session:
            record(session, SYSTEM, "essai", "objet", at=world.clock())
            raise Invalid("non")

    with pytest.raises(Invalid):
        refused()
    assert chain(world).entries == 0


def test_writers_at_once_keep_one_chain(world: World) -> None:
    def write() -> None:
        for n in range(8):
            note(world, f"fil {n}")

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = chain(world)
    assert (found.entries, found.fault) == (32, None)


def test_the_latest_lines_about_an_object_come_first(world: World) -> None:
    for about in ("a", "b", "a", "c"):
        note(world, about)
    with world.session() as session:
        found = [(entry.id, entry.object) for entry in entries_about(session, ["a", "c"], 2)]
        one = session.get_one(AuditEntry, 1)
    assert found == [(4, "c"), (3, "a")]
    assert (one.actor, one.roles, one.result) == ("damien.faure", "campagne", "fait")
