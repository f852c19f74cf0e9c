"""Killed, full disks, tampered files: what is left, and how it goes on."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backoffice.campaigns import actions, production, sealing
from backoffice.campaigns.production import Outcome
from backoffice.campaigns.rules import CampaignState, LotState
from backoffice.core.errors import DomainError, Invalid, Unavailable, WrongState
from campaigns.world import World, a_person, manager, pages_of


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


def dies(monkeypatch: pytest.MonkeyPatch, target: Any, name: str, *, after: bool) -> None:
    """The first call of a function is the last thing its process does."""
    real = getattr(target, name)

    def killed(*arguments: Any, **options: Any) -> Any:
        monkeypatch.undo()
        if after:
            real(*arguments, **options)
        raise Killed

    monkeypatch.setattr(target, name, killed)


def test_killed_after_the_seal_the_lot_is_adopted_with_the_same_bytes(
    world: World, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lot, _ = world.lots(reference)
    dies(monkeypatch, sealing, "seal", after=True)
    with pytest.raises(Killed):
        world.make(lot)
    assert world.lots(reference)[0].status is LotState.PLANNED
    kept = {path.name: path.read_bytes() for path in world.out.iterdir()}
    codes = world.codes()
    assert world.verify().clean  # the lot is still due: no anomaly
    assert world.make_all(reference) == [Outcome.ADOPTED, Outcome.SEALED]
    assert {name: (world.out / name).read_bytes() for name in kept} == kept
    assert codes.items() <= world.codes().items()
    found = world.verify()
    assert (found.clean, found.letters) == (True, 4)


@pytest.mark.parametrize(
    ("target", "name", "after"),
    [
        (production, "_lay_out", True),
        (sealing, "write_manifest", False),
        (sealing, "write_manifest", True),
        (sealing, "seal", False),
        (sealing, "sync_folder", False),  # after the first rename: pages without a proof
        (production, "_note", False),
    ],
)
def test_killed_anywhere_before_the_commit_each_person_ends_in_one_page_with_one_code(
    world: World, reference: str, monkeypatch: pytest.MonkeyPatch, target: Any, name: str, after: bool
) -> None:
    lot, _ = world.lots(reference)
    dies(monkeypatch, target, name, after=after)
    with pytest.raises(Killed):
        world.make(lot)
    world.make_all(reference)
    assert world.campaign(reference).status is CampaignState.FINISHED
    codes = [world.digest("631", page.code) for path in sorted(world.out.glob("*.pdf")) for page in pages_of(path)]
    assert sorted(codes) == sorted(world.codes())
    assert len(codes) == 4
    assert sorted(path.suffix for path in world.out.iterdir()) == [".csv", ".csv", ".json", ".json", ".pdf", ".pdf"]
    assert world.verify().clean


def test_pages_of_an_earlier_issue_are_never_adopted(
    world: World, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lot, other = world.lots(reference)
    dies(monkeypatch, sealing, "seal", after=True)
    with pytest.raises(Killed):
        world.make(lot)
    persons = [one.person_id for one in world.letters(reference) if one.lot_sequence == 1]
    world.office.dmp.issue_codes(lot.uid, "631", persons, lot.letter_date)
    assert world.make(lot) is Outcome.QUARANTINED
    assert "autres codes que ceux en vigueur" in (world.lots(reference)[0].reason or "")
    assert world.make(other) is Outcome.SEALED  # the others go on


def test_a_process_whose_lot_was_taken_over_seals_nothing(
    world: World, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lot, _ = world.lots(reference)
    persons = [one.person_id for one in world.letters(reference) if one.lot_sequence == 1]
    real = sealing.write_manifest

    def overtaken(*arguments: Any) -> str:
        world.office.dmp.issue_codes(lot.uid, "631", persons, lot.letter_date)  # what the other one does first
        return real(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(sealing, "write_manifest", overtaken)
        with pytest.raises(Unavailable, match="Un autre processus a repris ce lot"):
            world.make(lot)
    assert_nothing_half_written(world, reference)
    assert world.make(lot) is Outcome.SEALED


def test_a_seal_is_never_laid_over_another(tmp_path: Path) -> None:
    for suffix in (".pdf", ".csv", ".json"):
        (tmp_path / f"A{suffix}").write_text("scellé")
    with sealing.writing_aside(tmp_path, "A") as aside:
        for suffix in (".pdf", ".csv"):
            (aside / f"A{suffix}").write_text("autre")
        with pytest.raises(sealing.Mismatch, match="entre-temps"):
            sealing.seal(aside, tmp_path, "A", {})
    assert {path.read_text() for path in tmp_path.iterdir()} == {"scellé"}


@pytest.mark.parametrize("suffix", [".pdf", ".csv", ".json"])
def test_a_file_changed_before_its_adoption_puts_the_lot_in_quarantine(
    world: World, reference: str, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    lot, other = world.lots(reference)
    dies(monkeypatch, sealing, "seal", after=True)
    with pytest.raises(Killed):
        world.make(lot)
    (found,) = world.out.glob(f"*{suffix}")
    found.chmod(0o600)
    found.write_bytes(found.read_bytes()[:-9])
    assert world.make(lot) is Outcome.QUARANTINED
    assert world.make(other) is Outcome.SEALED
    lot = world.lots(reference)[0]
    assert lot.reason is not None
    assert suffix in lot.reason
    assert not list(world.out.glob(f"{lot.name}.*"))
    assert len(list((world.out / "quarantaine").glob("*/*"))) == 3
    assert world.campaign(reference).status is CampaignState.RUNNING
    (fault,) = world.verify().faults
    assert "en quarantaine" in fault
    with world.session() as session:
        actions.release_lot(session, world.office, manager(), lot.id, "fichier abîmé par le disque")
    assert len(world.codes()) == 2  # those of the other lot
    assert world.make(lot) is Outcome.SEALED
    assert world.campaign(reference).status is CampaignState.FINISHED
    assert world.verify().clean


def test_releasing_asks_for_a_lot_in_quarantine_and_a_reason(world: World, reference: str) -> None:
    lot, _ = world.lots(reference)
    with world.session() as session, pytest.raises(WrongState, match="pas en quarantaine"):
        actions.release_lot(session, world.office, manager(), lot.id, "motif")
    world.sql("UPDATE lot SET state = 'quarantaine' WHERE id = :id", id=lot.id)
    with world.session() as session, pytest.raises(Invalid, match="motif"):
        actions.release_lot(session, world.office, manager(), lot.id, " ")
    with world.session() as session, pytest.raises(DomainError, match="périmètre"):
        actions.release_lot(session, world.office, manager("x", "941"), lot.id, "motif")


def test_what_an_interrupted_attempt_left_is_cleared_and_nothing_else(tmp_path: Path) -> None:
    for name in ("A.pdf", "A.csv", "B.pdf", "B.csv", "C.pdf", "C.csv", "C.json"):
        (tmp_path / name).write_text(name)
    (tmp_path / ".A.1234").mkdir()
    (tmp_path / ".A.1234" / "A.pdf").write_text("x")
    for name in ("A", "C"):
        sealing.clear_unsealed(tmp_path, name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["B.csv", "B.pdf", "C.csv", "C.json", "C.pdf"]


def full(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, name, refuse)


def assert_nothing_half_written(world: World, reference: str) -> None:
    assert not [path for path in world.out.rglob("*") if path.is_file()]
    assert {lot.status for lot in world.lots(reference)} == {LotState.PLANNED}
    assert {letter.state for letter in world.letters(reference)} == {"prevue"}


def test_a_disk_that_fills_up_is_said_in_one_sentence_and_leaves_nothing(
    world: World, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lot, _ = world.lots(reference)
    full(monkeypatch, "fsync")
    with pytest.raises(Unavailable) as refused:
        world.make(lot)
    monkeypatch.undo()
    assert "disque" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert_nothing_half_written(world, reference)
    assert set(world.make_all(reference)) == {Outcome.SEALED}
    assert world.verify().clean


def test_a_disk_without_room_is_refused_before_any_code_is_issued(
    world: World, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(Unavailable, match="assez de place"):
        world.make(world.lots(reference)[0])
    assert world.codes() == {}
    assert_nothing_half_written(world, reference)


@pytest.fixture
def small_disk(world: World) -> Iterator[Path]:
    """A file system of 100 kB, where one may be mounted."""
    world.out.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(world.out)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a file system takes more rights")
    yield world.out
    subprocess.run(["umount", "-l", str(world.out)], check=True)


def test_a_disk_really_full_leaves_nothing_half_written(
    world: World, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.load([a_person(adresse_4=f"{n} RUE") for n in range(60)])
    reference = world.launched(lot_size=60)
    monkeypatch.setattr(sealing, "require_room", lambda *_: None)  # somebody else takes the room in between
    with pytest.raises(Unavailable, match="disque"):
        world.make_all(reference)
    assert list(small_disk.iterdir()) == []
    assert_nothing_half_written(world, reference)


@pytest.mark.parametrize("kind", ["full", "forbidden", "fence"])
def test_in_a_worker_what_would_meet_every_lot_pauses_the_campaign_with_its_reason(
    world: World, reference: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from backoffice import worker

    monkeypatch.setattr(worker, "_office", lambda: world.office)
    lot, _ = world.lots(reference)
    expected = "disque"
    with monkeypatch.context() as patched:
        if kind == "full":
            full(patched, "fsync")
        elif kind == "forbidden":
            world.out.write_text("un fichier, pas un dossier")
            expected = "dossier des lots"
        else:
            world.sql("UPDATE environment SET id = gen_random_uuid()")
            expected = "copiée ou restaurée"
        worker.produce_lot(str(lot.id))
    status = world.status(reference)
    assert status.state == CampaignState.PAUSED
    assert expected in (status.reason or "")
    if kind == "forbidden":
        world.out.unlink()
    world.adopt()
    world.do(actions.resume, reference, actor=manager())
    worker.produce_lot(str(lot.id))
    assert world.lots(reference)[0].status is LotState.SEALED


def test_in_a_worker_a_database_that_was_away_for_a_moment_pauses_nothing(
    world: World, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backoffice import worker

    monkeypatch.setattr(worker, "_office", lambda: world.office)
    lot, _ = world.lots(reference)
    real = production._note

    def cut(*arguments: Any) -> None:
        monkeypatch.setattr(production, "_note", real)
        world.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'caisse'"
        )
        real(*arguments)

    monkeypatch.setattr(production, "_note", cut)
    # The owner may not end another role's sessions: the cluster's administrator does.
    monkeypatch.setattr(world, "sql", lambda statement: _as_administrator(world, statement))
    worker.produce_lot(str(lot.id))
    monkeypatch.undo()
    monkeypatch.setattr(worker, "_office", lambda: world.office)
    assert world.campaign(reference).status is CampaignState.RUNNING
    worker.produce_lot(str(lot.id))
    assert world.lots(reference)[0].status is LotState.SEALED
    assert world.status(reference).letters == 2


def _as_administrator(world: World, statement: str) -> None:
    import psycopg

    from backoffice.embedded.postgres import SUPERUSER

    host, _, port = world.databases.host.partition(":")
    where = f"host={host} port={port} user={SUPERUSER} dbname={world.databases.caisse}"
    with psycopg.connect(where, password=world.databases.roles[SUPERUSER], autocommit=True) as connection:
        connection.execute(statement.encode())
