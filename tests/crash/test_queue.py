"""The queue is a doorbell: rung twice, lost or stuck, nothing of the campaign depends on it."""

from typing import Any

import pytest
from campaigns.world import World, a_person, world, world_settings
from redis import Redis

from backoffice import worker
from backoffice.adapters.queue import connect, free_stuck, queue_of, ring_again, ringer
from backoffice.campaigns import actions
from backoffice.campaigns.rules import CampaignState
from backoffice.office import JOBS

__all__ = ["world", "world_settings"]


def bells(world: World) -> list[str]:
    return sorted(queue_of(world.office.redis).job_ids)


def test_a_bell_rings_after_the_commit_and_never_after_a_rollback(world: World) -> None:
    world.load([a_person()])
    reference = world.frozen()
    world.office.redis.flushdb()

    def fail() -> None:
        with world.session() as session:
            actions.launch(session, world.office, actions_actor(), reference)
            assert bells(world) == []
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert bells(world) == []
    world.do(actions.launch, reference)
    assert bells(world) == [f"lot-{world.lots(reference)[0].id}"]


def actions_actor() -> Any:
    from campaigns.world import SYSTEM

    return SYSTEM


def test_a_bell_rung_twice_is_one_job_that_carries_a_row_number_alone(world: World) -> None:
    redis = world.office.redis
    ring = ringer(redis, JOBS)
    ring([("lot", "7"), ("lot", "7")])
    ring([("lot", "7")])
    assert bells(world) == ["lot-7"]
    job = queue_of(redis).fetch_job("lot-7")
    assert job is not None
    assert (job.func_name, job.args, job.kwargs) == ("backoffice.worker.produce_lot", ["7"], {})


def test_a_flushed_queue_is_rung_again_by_the_sweep(world: World) -> None:
    world.load([a_person(adresse_4=f"{n} RUE") for n in range(3)])
    running, approved = world.launched(lot_size=1), world.create(name="Autre")
    world.do(actions.submit, approved)
    world.do(actions.approve, approved)
    world.office.redis.flushdb()
    worker.sweep(world.office)
    lots = [f"lot-{lot.id}" for lot in world.lots(running)]
    assert bells(world) == sorted([*lots, f"freeze-{world.campaign(approved).id}"])


def test_a_campaign_whose_last_process_died_before_closing_it_is_closed_by_the_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.load([a_person()])
    reference = world.launched()
    with monkeypatch.context() as patched:
        patched.setattr("backoffice.campaigns.work._finish", lambda *_: None)
        world.make_all(reference)
    assert world.campaign(reference).status is CampaignState.RUNNING
    monkeypatch.setattr(worker, "_office", lambda: world.office)
    world.office.redis.flushdb()
    worker.sweep(world.office)
    (bell,) = bells(world)
    worker.freeze_campaign(bell.removeprefix("freeze-"))
    assert world.campaign(reference).status is CampaignState.FINISHED


def test_a_job_whose_worker_died_before_starting_it_can_be_rung_again_within_two_sweeps(world: World) -> None:
    redis = world.office.redis
    ring, queue = ringer(redis, JOBS), queue_of(redis)
    ring([("lot", "7")])
    redis.lmove(queue.key, queue.intermediate_queue.key, "RIGHT", "LEFT")  # what a worker does first
    seen = free_stuck(redis, frozenset())
    ring([("lot", "7")])
    assert bells(world) == []
    assert free_stuck(redis, seen) == frozenset()
    ring([("lot", "7")])
    assert bells(world) == ["lot-7"]


@pytest.mark.parametrize("left", ["heartbeat after a flush", "heartbeat that stopped", "failure that nobody cleaned"])
def test_what_a_dead_job_left_does_not_keep_its_bell_from_ringing(world: World, left: str) -> None:
    redis: Any = world.office.redis
    ring, queue = ringer(redis, JOBS), queue_of(redis)
    if left == "heartbeat after a flush":
        redis.hset("rq:job:lot-7", "last_heartbeat", "2016-11-02T08:30:00.000000Z")
    else:
        ring([("lot", "7")])
        redis.delete(queue.key)
        redis.zadd(queue.started_job_registry.key, {"lot-7:1234": 1})
    if left == "failure that nobody cleaned":
        # A worker killed while it cleaned the registries: RQ lets nobody clean them again for a quarter of an hour.
        assert queue.acquire_maintenance_lock()
        redis.zadd(queue.failed_job_registry.key, {"lot-7": 1})
    ring([("lot", "7")])
    assert bells(world) == ["lot-7"]
    assert redis.zcard(queue.started_job_registry.key) == 0


def test_a_job_under_way_is_not_rung_again(world: World) -> None:
    redis: Any = world.office.redis
    ring, queue = ringer(redis, JOBS), queue_of(redis)
    ring([("lot", "7")])
    redis.delete(queue.key)
    redis.zadd(queue.started_job_registry.key, {"lot-7:1234": 1e12})
    ring([("lot", "7")])
    assert bells(world) == []
    redis.zadd(queue.failed_job_registry.key, {"lot-7": 1})  # long over, and nobody cleaned it
    ring_again(redis, JOBS, ("lot", "7"))
    assert bells(world) == []


def test_a_queue_that_does_not_answer_is_no_error() -> None:
    dead: Redis = connect("redis://127.0.0.1:1/0")
    ringer(dead, JOBS)([("lot", "7")])
    dead.close()
