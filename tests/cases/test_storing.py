"""The cases' files and the disk: what a rolled back transaction left is removed in time, what is named stays."""

import os
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from campaigns.world import World
from click.testing import CliRunner
from sqlalchemy.orm import Session

from backoffice.adapters.vault import vault_of
from backoffice.cases import attachments
from backoffice.cases.storing import KEPT, clear_unnamed, faults_of_files
from backoffice.core.errors import WrongState
from cases.test_attachments import AGENT, SECRET, attach, kept_files
from cases.test_cases import SUPERVISOR, opened, person

__all__ = ["person"]


@pytest.fixture(autouse=True)
def empty_disk(world: World) -> None:
    for path in kept_files(world):
        path.unlink()


def written(world: World, path: Path, ago: timedelta) -> None:
    at = (world.clock() - ago).timestamp()
    os.utime(path, (at, at))


def look(world: World) -> int:
    world.office.redis.delete("caisse:pieces")
    return clear_unnamed(world.office)


def faults(world: World) -> list[str]:
    with world.session() as session:
        return faults_of_files(session, world.office)


def rolled_back(world: World, number: str) -> None:
    """A file joined in a transaction that ends badly."""

    session = Session(world.office.db.engine)
    attachments.attach(session, world.office, AGENT, number, "essai.txt", b"Perdu en route.")
    session.rollback()
    session.close()


def test_what_a_rolled_back_transaction_left_is_removed_after_a_day_and_told_before(world: World, person: int) -> None:
    number = opened(world, person).number
    kept = attach(world, number, SECRET)
    rolled_back(world, number)
    assert len(kept_files(world)) == 2
    for path in kept_files(world):
        written(world, path, KEPT - timedelta(minutes=1))
    assert (look(world), faults(world)) == (0, [])  # it may still be on its way
    for path in kept_files(world):
        written(world, path, KEPT + timedelta(minutes=1))
    assert faults(world) == [
        "1 fichier de pièces sans demande depuis plus d’un jour : la tournée les efface dans l’heure."
    ]
    assert look(world) == 1
    assert [path.name for path in kept_files(world)] == [kept.uid.hex]
    assert faults(world) == []
    with world.session() as session:
        assert attachments.read(session, world.office, AGENT, number, kept.uid)[1] == SECRET


def test_a_file_half_written_by_a_killed_process_is_removed(world: World, person: int) -> None:
    attach(world, opened(world, person).number, SECRET)
    [path] = kept_files(world)
    aside = path.with_name(f".{uuid.uuid4().hex}")
    aside.write_bytes(b"PJ1")
    written(world, aside, KEPT * 2)
    assert look(world) == 0
    assert kept_files(world) == [path]


def test_beside_a_copied_or_restored_database_nothing_is_removed(world: World, person: int) -> None:
    rolled_back(world, opened(world, person).number)
    [path] = kept_files(world)
    written(world, path, KEPT * 2)
    with world.caisse_owner.begin() as connection:
        connection.exec_driver_sql("UPDATE environment SET id = gen_random_uuid()")
    with pytest.raises(WrongState):
        look(world)
    assert kept_files(world) == [path]
    world.adopt()
    assert look(world) == 1


def test_the_whole_folder_is_looked_at_once_an_hour_by_one_worker(world: World, person: int) -> None:
    assert look(world) == 0
    rolled_back(world, opened(world, person).number)
    written(world, kept_files(world)[0], KEPT * 2)
    assert clear_unnamed(world.office) == 0
    assert look(world) == 1


@pytest.mark.parametrize(("damage", "words"), [("lost", "ne peut pas être lue"), ("changed", "ne peut pas être lue")])
def test_a_file_that_is_named_and_not_there_or_not_whole_is_a_fault(
    world: World, person: int, damage: str, words: str
) -> None:
    number = opened(world, person).number
    attach(world, number, SECRET)
    assert faults(world) == []
    [path] = kept_files(world)
    if damage == "lost":
        path.unlink()
    else:
        sealed = bytearray(path.read_bytes())
        sealed[-1] ^= 1
        path.write_bytes(sealed)
    [fault] = faults(world)
    assert number in fault
    assert words in fault


def test_a_withdrawn_file_is_no_fault_and_one_that_came_back_with_a_backup_is_removed(
    world: World, person: int
) -> None:
    number = opened(world, person).number
    kept = attach(world, number, SECRET)
    with world.session() as session:
        attachments.withdraw(session, world.office, SUPERVISOR, number, kept.uid, "Autre personne")
    assert attachments.destroy_withdrawn(world.office) == 1
    assert faults(world) == []
    vault_of(world.settings).keep(kept.uid, SECRET)
    [path] = kept_files(world)
    written(world, path, KEPT * 2)
    assert look(world) == 1
    assert kept_files(world) == []


def test_the_command_that_verifies_everything_tells_it(
    world: World, person: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contextlib import nullcontext

    from backoffice.cli import proofs

    attach(world, opened(world, person).number, SECRET)
    monkeypatch.setattr(proofs, "office_open", lambda: nullcontext(world.office))
    assert CliRunner().invoke(proofs.verify).exit_code == 0
    kept_files(world)[0].unlink()
    found = CliRunner().invoke(proofs.verify)
    assert found.exit_code == 1
    assert "ne peut pas être lue" in found.output
