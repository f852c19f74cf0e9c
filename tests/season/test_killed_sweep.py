"""The process that runs the sweep is killed with SIGKILL while waves start: each has started once, all the same."""

import multiprocessing
import os
import signal
import time
from datetime import UTC, date, datetime

import pytest
from campaigns.world import SYSTEM, World, a_person

from backoffice.campaigns import waves
from backoffice.campaigns.criteria import Criteria
from backoffice.campaigns.rules import CampaignState
from backoffice.campaigns.scheduling import Terms
from backoffice.core.clock import PARIS
from backoffice.worker import look_round

from .sweeper import PLACES, sweep_until

PATIENCE_S = 60


def scheduled(world: World, postal_code: str) -> str:
    reference = world.frozen(lot_size=2, criteria=Criteria(postal_codes=(postal_code,)))
    with world.session() as session:
        waves.schedule(session, world.office, SYSTEM, reference, Terms(date(2016, 11, 14), 2))
    return reference


def begun(world: World) -> list[int]:
    """How many times the first wave of each campaign was started, by the journal of steps."""
    return [
        row[0] for row in world.sql(
            "SELECT count(s.id) FILTER (WHERE s.step IN ('start', 'start_wave')) FROM campaign c "
            "LEFT JOIN campaign_step s ON s.campaign_id = c.id GROUP BY c.id ORDER BY c.id"
        )
    ]  # fmt: skip


@pytest.mark.crash
@pytest.mark.parametrize("place", PLACES)
def test_killed_while_a_wave_starts_it_has_started_exactly_once_afterwards(world: World, place: str) -> None:
    world.load([a_person(code_postal=code, adresse_4=f"{n} RUE") for code in ("63000", "63100") for n in range(4)])
    references = [scheduled(world, code) for code in ("63000", "63100")]
    world.clock.now = datetime(2016, 11, 14, 9, tzinfo=PARIS).astimezone(UTC)
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    child = spawn.Process(target=sweep_until, args=(place, world.settings, world.clock.now, theirs))
    child.start()
    try:
        assert ours.poll(PATIENCE_S), "the sweep never came to its waves"
        assert begun(world) == ([1, 0] if place == "after" else [0, 0])
        # Another host's sweep, meanwhile, starts the other wave, and this one no second time. With the wave's line of
        # the journal written and not committed, it would wait for the end of the process: the chain has one writer.
        if place != "within":
            look_round(world.office)
            assert begun(world) == ([1, 1] if place == "after" else [0, 1])
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join(PATIENCE_S)
        assert child.exitcode == -signal.SIGKILL
    finally:
        if child.is_alive():
            child.kill()
            child.join()
        ours.close()
        theirs.close()
    until = time.monotonic() + PATIENCE_S
    while begun(world) != [1, 1] and time.monotonic() < until:
        look_round(world.office)  # the database may need a moment to notice the death
    assert begun(world) == [1, 1]
    look_round(world.office)
    assert begun(world) == [1, 1]
    for reference in references:
        world.make_all(reference)
        assert world.campaign(reference).status is CampaignState.RUNNING
    assert sorted(world.sql("SELECT number, state, count(*) FROM wave GROUP BY 1, 2")) == [
        (1, "demarree", 2), (2, "prevue", 2),
    ]  # fmt: skip
    assert len(world.codes()) == len(set(world.codes().values())) == 4
    assert world.verify().clean
