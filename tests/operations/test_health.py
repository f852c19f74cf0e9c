"""How each part is: what is well says so, what is away is one line among the others, and nobody waits long for it."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from campaigns.world import World, world, world_settings

from backoffice.adapters.queue import connect, note_round, ringer
from backoffice.office import JOBS, Office
from backoffice.operations import health
from backoffice.operations.health import Part, in_words, look

__all__ = ["world", "world_settings"]


@pytest.fixture(autouse=True)
def nobody_left(world: World) -> Iterator[None]:
    """Who answered too late has gone before the databases' connections are given back."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("ThreadPoolExecutor"):
            thread.join(30)


class Servers:
    """A directory of which some servers do not serve."""

    def __init__(self, *found: tuple[str, str]) -> None:
        self.found = list(found) or [("ldap://annuaire:389", "")]

    def servers(self) -> list[tuple[str, str]]:
        return self.found


def parts(office: Office, directory: Any = None) -> dict[str, Part]:
    return {part.label: part for part in look(office, directory or Servers())}


def test_what_answers_is_well(world: World) -> None:
    note_round(world.office.redis, world.clock())
    found = parts(world.office)
    for label in ("Base de données du DMP", "File des travaux (Valkey)", "Annuaire", "Attente dans la file", "Tournée",
                  "Travaux en échec", "Disque", "Droit d’envoyer"):  # fmt: skip
        assert found[label].well, found[label]
        assert found[label].milliseconds is not None
    assert not found["Travailleurs"].well
    assert "caisse worker" in found["Travailleurs"].words


def test_a_database_whose_clock_is_elsewhere_is_told(world: World) -> None:
    assert "horloge" in parts(world.office)["Base de données des caisses"].words  # the tests live in 2016


def test_parts_that_are_away_are_lines_like_any_other(world: World) -> None:
    away = replace(
        world.office,
        redis=connect("redis://127.0.0.1:1/0"),
        settings=replace(world.settings, smtp_url="smtp://127.0.0.1:1"),
    )
    found = parts(away, Servers(("ldaps://un:secret@a.fr:636", "LDAPSocketOpenError"), ("ldaps://b.fr", "")))
    for label in ("File des travaux (Valkey)", "Annuaire", "Serveur de courriels", "Travailleurs", "Tournée"):
        assert not found[label].well
    assert "un autre le remplace" in found["Annuaire"].words
    assert "secret" not in found["Annuaire"].words
    assert found["Base de données du DMP"].well


def test_nobody_waits_for_a_part_that_does_not_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.2)
    gate = threading.Event()

    class Stuck(Servers):
        def servers(self) -> list[tuple[str, str]]:
            gate.wait(30)
            return super().servers()

    found = parts(world.office, Stuck())
    gate.set()
    assert "Pas de réponse" in found["Annuaire"].words
    assert found["Annuaire"].milliseconds is None


def test_a_bell_that_waits_too_long_and_a_sweep_that_stopped_are_told(world: World) -> None:
    redis = world.office.redis
    note_round(redis, world.clock() - timedelta(minutes=5))
    assert "5\u00a0minutes" in parts(world.office)["Tournée"].words
    assert not parts(world.office)["Tournée"].well
    ringer(redis, JOBS)([("lot", "7")])
    job: Any = redis
    job.hset("rq:job:lot-7", "enqueued_at", "2016-01-02T08:30:00.000000Z")
    waiting = parts(world.office)["Attente dans la file"]
    assert not waiting.well
    assert waiting.words.startswith("1 en attente")


@pytest.mark.parametrize(
    ("span", "words"),
    [({"seconds": 0}, "0\u00a0seconde"), ({"seconds": 59}, "59\u00a0secondes"), ({"minutes": 1}, "1\u00a0minute"),
     ({"hours": 5}, "5\u00a0heures"), ({"days": 3}, "3\u00a0jours")],
)  # fmt: skip
def test_a_span_reads_in_its_largest_unit(span: dict[str, int], words: str) -> None:
    assert in_words(timedelta(**span)) == words
