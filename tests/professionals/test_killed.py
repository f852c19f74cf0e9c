"""Accesses made are accesses traced, whoever is killed in between (RECORD 4, row 23).

600 accesses in the suite; ten thousand with `CAISSE_ACCESSES=10000 ./test tests/professionals/test_killed.py`.
"""

import multiprocessing
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dmp_core.access.rules import Basis
from dmp_core.access.trace import Action, first_fault
from dmp_core.record.metadata import Status

from .accesses import Place, Scene, come
from .world import RecordWorld, a_professional

ACCESSES = int(os.environ.get("CAISSE_ACCESSES", "600"))
PROCESSES = 2
SHARE = 60
"""Accesses between two kills, about."""

Access = tuple[str, str, str, str]


@pytest.mark.crash
def test_every_access_that_was_made_is_in_the_trace_though_processes_are_killed(
    world: RecordWorld, cluster: Any, tmp_path: Path
) -> None:
    inside, outside = a_professional(41), a_professional(42, name="DURAND")
    records = [world.a_record() for _ in range(3)]
    for record in records:
        record.relate(inside, Basis.CONSENT)
        record.put("shown", "11488-4")
        record.put("masked", "11488-4", masked=True)
    places = tuple(Place(each.dossier, each.documents["shown"].id, each.documents["masked"].id) for each in records)
    urls = (cluster.url("ps", "dmp"), cluster.url("titulaire", "dmp"))
    scene = Scene(urls, world.folder, world.record, world.clock(), inside, outside, places)
    log = tmp_path / "accesses"

    kills = _until_done(scene, log)

    made, begun = _told(log)
    traced = Counter(
        (str(record.dossier), line.who.id, str(line.action), "granted" if line.granted else "refused")
        for record in records
        for line in record.chain()
    )
    assert sum(made.values()) >= ACCESSES
    assert kills >= ACCESSES // SHARE // 2
    # What ended has its line; a line more than that is of an access that was killed after it.
    for access in begun | traced:
        assert made[access] <= traced[access] <= begun[access], access
    assert sum(begun.values()) - sum(made.values()) <= kills
    for record in records:
        assert first_fault(record.dossier, record.chain()) is None
        added = sum(line.granted and line.action is Action.ADD for line in record.chain())
        (entered,) = world.rows(
            "SELECT count(*) AS n FROM medical.document WHERE dossier_id = :d AND status = :s",
            d=record.dossier, s=Status.APPROVED.value,
        )  # fmt: skip
        assert entered.n == added + 2, "a document entered without its line, or a line without its document"


def _until_done(scene: Scene, log: Path) -> int:
    """Processes at work, each killed at some moment and followed by another; how many were."""
    context, chance, kills, seed = multiprocessing.get_context("spawn"), random.Random(7), 0, 0
    running = []
    while True:
        while len(running) < PROCESSES:
            seed += 1
            running.append(context.Process(target=come, args=(scene, seed, ACCESSES, log)))
            running[-1].start()
        time.sleep(0.05)
        ended = log.read_bytes().count(b"ends ") if log.exists() else 0
        if ended >= ACCESSES:
            break
        if ended >= (kills + chance.random()) * SHARE and ended:
            victim = running.pop(chance.randrange(len(running)))
            assert victim.is_alive() or not victim.exitcode, "an access failed by itself"
            victim.kill()
            victim.join()
            kills += 1
    for each in running:
        assert each.is_alive() or not each.exitcode
        each.kill()
        each.join()
    return kills + len(running)


def _told(log: Path) -> tuple[Counter[Access], Counter[Access]]:
    """Accesses that ended, and those that began, by dossier, actor, action and answer."""
    made: Counter[Access] = Counter()
    begun: Counter[Access] = Counter()
    for line in log.read_text().splitlines():
        said, dossier, who, action, name = line.split(" ")
        granted = "refused" if name in ("masked", "stranger", "absent") else "granted"
        (begun if said == "begins" else made)[dossier, who, action, granted] += 1
    return made, begun
