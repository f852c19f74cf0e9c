"""Failed jobs: kept with their cause and no word of their message, forgotten once done, asked for again by an administrator."""

from collections.abc import Iterator
from typing import Any

import pytest
from campaigns.world import World, world, world_settings
from rq.serializers import JSONSerializer

from backoffice import worker
from backoffice.adapters.failures import INTERRUPTED, Failure, failures
from backoffice.adapters.queue import bells, connect, queue_of, ringer
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import NotAllowed, NotFound, Unavailable, WrongState
from backoffice.office import JOBS
from backoffice.operations import jobs

__all__ = ["world", "world_settings"]

ADMIN = Actor("vincent", "Vincent", frozenset({Role.ADMINISTRATOR}), frozenset({"631"}))
NIR = "2690563220002"


class Here(worker.PromptWorker):
    """A worker whose jobs run in this process."""

    def execute_job(self, job: Any, queue: Any) -> None:
        self.perform_job(job, queue, self.prepare_execution(job))


@pytest.fixture
def work(world: World) -> Iterator[Any]:
    """Do what is in the queue."""
    redis = world.office.redis
    here = Here([queue_of(redis)], connection=redis, serializer=JSONSerializer)

    def run() -> None:
        here.work(burst=True, logging_level="WARNING")

    yield run
    for failure in failures(redis):
        redis.delete(f"rq:job:{failure.name}")


def break_job(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(key: str) -> None:
        raise ValueError(f"le NIR {NIR} de la ligne {key} est en double")

    monkeypatch.setattr("backoffice.worker.produce_lot", broken)


def mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backoffice.worker.produce_lot", lambda _: None)


def known(world: World) -> list[Failure]:
    return failures(world.office.redis)


def test_a_failure_is_kept_with_its_cause_and_without_its_message(
    world: World, work: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    break_job(monkeypatch)
    ringer(world.office.redis, JOBS)([("lot", "7")])
    work()
    [one] = known(world)
    assert (one.job, one.key, one.cause, one.times) == ("lot", "7", "ValueError", 1)
    redis: Any = world.office.redis
    everything = b" ".join(_contents(redis))
    assert NIR.encode() not in everything
    out, err = capfd.readouterr()
    assert NIR not in out + err


def _contents(redis: Any) -> Iterator[bytes]:
    for key in redis.scan_iter():
        dumped = redis.dump(key)
        yield key
        if dumped:
            yield dumped
        if redis.type(key) == b"hash":
            yield from redis.hvals(key)


def test_failures_in_a_row_are_counted_and_a_success_ends_them(
    world: World, work: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_job(monkeypatch)
    for _ in range(3):
        ringer(world.office.redis, JOBS)([("lot", "7")])
        work()
        queue_of(world.office.redis).failed_job_registry.remove("lot-7", delete_job=True)
    assert [one.times for one in known(world)] == [3]
    mend(monkeypatch)
    ringer(world.office.redis, JOBS)([("lot", "7")])
    work()
    assert known(world) == []


def test_a_place_in_our_own_code_is_told(world: World, work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backoffice.worker._office", lambda: world.office)
    ringer(world.office.redis, JOBS)([("import", "pas_un_nombre")])
    work()
    [one] = known(world)
    assert one.place.startswith("worker.py:")


def test_a_killed_process_is_told_as_such(world: World) -> None:
    redis = world.office.redis
    ringer(redis, JOBS)([("lot", "7")])
    here = Here([queue_of(redis)], connection=redis, serializer=JSONSerializer)
    job = queue_of(redis).fetch_job("lot-7")
    assert job is not None
    here.handle_work_horse_killed(job, 1, 9, None)
    assert [one.cause for one in known(world)] == [INTERRUPTED]


def test_a_duty_of_the_sweep_that_fails_is_listed_until_it_succeeds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def escalate(_: Any) -> None:
        raise Unavailable("En panne.")

    monkeypatch.setattr(worker, "DUTIES", (escalate,))
    worker.look_round(world.office)
    worker.look_round(world.office)
    [one] = known(world)
    assert (one.job, one.key, one.times) == ("tournee", "escalate", 2)
    assert jobs.label_of(one.job, one.key) == "Alerte avant échéance"
    with pytest.raises(WrongState):
        jobs.run_again(world.office, ADMIN, one.name)

    def escalate_now(_: Any) -> None: ...

    escalate_now.__name__ = "escalate"
    monkeypatch.setattr(worker, "DUTIES", (escalate_now,))
    worker.look_round(world.office)
    assert known(world) == []
    assert bells(world.office.redis).round == world.clock.now


def test_every_job_and_every_duty_has_a_french_name() -> None:
    assert set(jobs.NAMES) == set(JOBS)
    assert set(jobs.DUTIES) == {duty.__name__ for duty in worker.DUTIES}


def test_asked_again_it_runs_at_once_and_the_journal_says_who(
    world: World, work: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_job(monkeypatch)
    redis = world.office.redis
    ringer(redis, JOBS)([("lot", "7")])
    work()
    ringer(redis, JOBS)([("lot", "7")])
    assert queue_of(redis).job_ids == []  # the pause after a failure
    jobs.run_again(world.office, ADMIN, "lot-7")
    jobs.run_again(world.office, ADMIN, "lot-7")
    assert queue_of(redis).job_ids == ["lot-7"]
    assert world.sql("SELECT actor, object, detail->>'cause' FROM audit_entry WHERE action = 'travail.relancer'") == [
        ("vincent", "lot-7", "ValueError"), ("vincent", "lot-7", "ValueError"),
    ]  # fmt: skip
    mend(monkeypatch)
    work()
    assert known(world) == []
    with pytest.raises(NotFound):
        jobs.run_again(world.office, ADMIN, "lot-7")


def test_nobody_but_an_administrator_asks_again(world: World) -> None:
    supervisor = Actor("p", "P", frozenset({Role.SUPERVISOR}), frozenset({"631"}))
    with pytest.raises(NotAllowed):
        jobs.run_again(world.office, supervisor, "lot-7")


def test_a_queue_that_is_away_is_said_in_one_sentence(world: World) -> None:
    from dataclasses import replace

    away = replace(world.office, redis=connect("redis://127.0.0.1:1/0"))
    with pytest.raises(Unavailable, match="file des travaux"):
        jobs.queue_now(away)
    with pytest.raises(Unavailable):
        jobs.run_again(away, ADMIN, "lot-7")
