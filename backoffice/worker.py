"""The worker: RQ jobs behind the doorbells, and the sweep that rings again for what waits.

`python -m backoffice.worker` keeps N RQ workers alive and sweeps every few seconds. RQ's defaults notice a dead host
after some 13 minutes; here neither that nor a lost queue matters, as the database says what is left to do.
"""

import contextlib
import faulthandler
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import cache
from types import FrameType
from typing import Any, Final

import structlog
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import or_, select
from sqlalchemy.exc import SQLAlchemyError

from backoffice.adapters.db import ring_after_commit
from backoffice.adapters.failures import DUTY, forget_failures, note_failure
from backoffice.adapters.logs import quiet_logs
from backoffice.adapters.queue import connect, free_stuck, note_round, queue_of
from backoffice.calls.callbacks import forget_late
from backoffice.campaigns import work
from backoffice.campaigns.approvals import void_stale
from backoffice.campaigns.kinds import ON_DEMAND
from backoffice.campaigns.models import Campaign, Lot
from backoffice.campaigns.retention import retain
from backoffice.campaigns.rules import OPEN_LOTS, CampaignState, LotState
from backoffice.campaigns.wave_clock import start_due_waves
from backoffice.cases import bulk
from backoffice.cases.attachments import destroy_withdrawn
from backoffice.cases.escalation import escalate
from backoffice.cases.storing import clear_unnamed
from backoffice.closure.effect import close_due
from backoffice.core.actor import system_actor
from backoffice.core.clock import paris_date, system_clock
from backoffice.core.errors import DomainError, Unavailable
from backoffice.correspondence.bounces import read_bounces
from backoffice.correspondence.gathering import gather
from backoffice.correspondence.receiving import receive
from backoffice.correspondence.relaying import relay
from backoffice.counter.actions import end_forgotten
from backoffice.following.counting import refresh
from backoffice.office import Office, open_office
from backoffice.population.actions import discard_upload, run_import
from backoffice.population.models import ImportState, PopulationImport
from backoffice.returns.applying import apply_returns
from backoffice.settings import Settings
from backoffice.supervision.absences import hand_over_absent
from backoffice.supervision.sampling import draw_last_week

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 4.0
HEARTBEAT_SECONDS = 10
FOLLOWING_SECONDS = 60
"""Between two looks at whether anything became of a letter; a caisse is counted at most every ten minutes."""
BOUNCES_SECONDS = 20
"""Between two readings of the mailbox of bounces."""


@cache
def _office() -> Office:
    """One composition a work-horse: RQ forks a fresh process for each job, so connections are never shared."""
    return open_office(Settings.from_env(), application="worker", pooled=False)


def import_population(key: str) -> None:
    """Job: import the file of request `key`; a refusal is kept with the request."""
    office = _office()
    with contextlib.suppress(DomainError):
        run_import(office, system_actor(), int(key))
    discard_upload(office, int(key))


def freeze_campaign(key: str) -> None:
    """Job: freeze campaign `key`."""
    work.freeze_campaign(_office(), int(key))


def produce_lot(key: str) -> None:
    """Job: make lot `key`. A refusal that would meet every lot pauses the campaign, with its reason."""
    office = _office()
    try:
        work.make_lot(office, int(key))
    except DomainError as refusal:
        log.warning("lot_refused", lot=int(key), reason=str(refusal))
        with contextlib.suppress(DomainError):
            work.pause_on_refusal(office, int(key), refusal)


def carry_out_bulk(key: str) -> None:
    """Job: do what is left of the run `key` over chosen cases."""
    bulk.carry_out(_office(), int(key))


def count_letters(key: str) -> None:
    """Job: count what became of letters where something happened; a database that is away is counted at the next bell."""
    del key
    refresh(_office())


def bounces(key: str) -> None:
    """Job: read the mailbox of bounces; one that cannot be opened is read at the next bell."""
    del key
    read_bounces(_office())


def sweep(office: Office) -> int:
    """Ring again for every row that waits, whatever became of its first bell; return the number of bells."""
    with office.db.unit_of_work() as session:
        for import_id in session.scalars(
            select(PopulationImport.id).where(PopulationImport.state == ImportState.QUEUED)
        ):
            ring_after_commit(session, "import", import_id)
        unfrozen = select(Campaign.id).where(
            Campaign.frozen_at.is_(None), Campaign.state.in_([CampaignState.APPROVED, CampaignState.RUNNING])
        )
        for campaign_id in session.scalars(unfrozen):
            ring_after_commit(session, "freeze", campaign_id)
        waiting = (
            select(Lot.id)
            .join(Campaign)
            .where(Lot.state == LotState.PLANNED, Campaign.state == CampaignState.RUNNING, work.is_due(office.clock()))
            .order_by(Lot.id)
        )
        for lot_id in session.scalars(waiting):
            ring_after_commit(session, "lot", lot_id)
        # A process killed between its last lot and the campaign's close leaves a campaign with nothing left to make.
        done = select(Campaign.id).where(
            Campaign.state == CampaignState.RUNNING,
            Campaign.frozen_at.is_not(None),
            ~select(Lot.id).where(Lot.campaign_id == Campaign.id, Lot.state.in_(OPEN_LOTS)).exists(),
            # Those of an on-demand kind take letters until their day is over.
            or_(
                Campaign.kind.not_in([kind.name for kind in ON_DEMAND]),
                Campaign.letter_date < paris_date(office.clock()),
            ),
        )
        for campaign_id in session.scalars(done):
            ring_after_commit(session, "freeze", campaign_id)
        for run_id in bulk.unfinished(session):
            ring_after_commit(session, "bulk", run_id)
        return len(session.info.get("bells", {}))


def answer_events(office: Office) -> int:
    """Take what the record tells and gather the letters that answer it; return the number of letters put into lots."""
    receive(office)
    found = gather(office, system_actor())
    return found.letters + found.emails


def relay_emails(office: Office) -> int:
    """Write again to those whom the e-mail of a mailing did not reach; return the number of letters put into lots."""
    found = relay(office, system_actor())
    return found.letters + found.emails


def ring_for_following(office: Office) -> None:
    """Have what became of letters counted, by one worker of all the hosts; the caisses that need none are quickly seen."""
    if office.redis.set("caisse:suivi", "", nx=True, ex=FOLLOWING_SECONDS):
        with office.db.unit_of_work() as session:
            ring_after_commit(session, "following", 0)


def ring_for_bounces(office: Office) -> None:
    """Have the mailbox of bounces read from time to time, by one worker of all the hosts."""
    if office.settings.mail_bounces_url and office.redis.set("caisse:retours", "", nx=True, ex=BOUNCES_SECONDS):
        with office.db.unit_of_work() as session:
            ring_after_commit(session, "bounces", 0)


DUTIES: Final[tuple[Callable[[Office], object], ...]] = (
    answer_events,
    relay_emails,
    escalate,
    destroy_withdrawn,
    forget_late,
    end_forgotten,
    clear_unnamed,
    hand_over_absent,
    draw_last_week,
    void_stale,  # before a wave may start
    start_due_waves,
    close_due,
    sweep,
    ring_for_bounces,
    apply_returns,
    retain,
    ring_for_following,
)


def look_round(office: Office) -> None:
    """Every duty of the sweep; one that fails (database away, disk full) is logged, and keeps no other from its turn."""
    done = []
    for duty in DUTIES:
        name = f"{DUTY}-{duty.__name__}"
        try:
            duty(office)
            done.append(name)
        except (SQLAlchemyError, DomainError, RedisError, OSError) as error:
            log.warning("sweep_failed", duty=duty.__name__, error=type(error).__name__)
            with contextlib.suppress(RedisError):
                note_failure(office.redis, name, error, office.clock())
    with contextlib.suppress(RedisError):
        forget_failures(office.redis, done)
        note_round(office.redis, office.clock())


class PromptWorker(Worker):
    """An RQ worker whose death is noticed within seconds (RQ adds a minute to the heartbeat otherwise)."""

    def get_heartbeat_ttl(self, job: Any, working_time: float = 0) -> int:
        """Seconds after which a silent worker's job counts as abandoned."""
        del job, working_time
        return HEARTBEAT_SECONDS

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Keep that it failed, and why, without the error's message: it may repeat what a row holds."""
        error = exc_info[1]
        log.error("job_failed", job=job.id, error=type(error).__name__)
        self._note(job, error)

    def handle_work_horse_killed(self, job: Job, *_: Any) -> None:
        """Keep that its process was killed: nobody saw an exception."""
        self._note(job, None)

    def handle_job_failure(self, job: Job, queue: Queue, *args: Any, **options: Any) -> None:
        """As RQ does, but for the text of the error, which it would keep."""
        super().handle_job_failure(job, queue, *args, **options | {"exc_string": ""})

    def handle_job_success(self, job: Job, *args: Any, **options: Any) -> None:
        """As RQ does; what failed before is over."""
        super().handle_job_success(job, *args, **options)
        with contextlib.suppress(RedisError):
            forget_failures(self.connection, [job.id])

    def _note(self, job: Job, error: BaseException | None) -> None:
        with contextlib.suppress(RedisError):
            note_failure(self.connection, job.id, error, system_clock())


def tell_where_when_asked() -> None:
    """On SIGUSR1, write to the log where each thread is, files and lines alone; the jobs it forks do so too."""
    faulthandler.register(signal.SIGUSR1)


def run_one(url: str) -> None:
    """One RQ worker, in the calling process, until a signal ends it."""
    quiet_logs()
    redis = connect(url)
    worker = PromptWorker(
        [queue_of(redis)], connection=redis, serializer=JSONSerializer, worker_ttl=20, maintenance_interval=5,
        job_monitoring_interval=2, log_job_description=False,
    )  # fmt: skip
    worker.work(logging_level="WARNING", with_scheduler=False)


def main() -> None:
    """Keep the workers alive and sweep, until SIGTERM or SIGINT; then let the jobs under way end."""
    tell_where_when_asked()
    settings = Settings.from_env()
    office = open_office(settings, application="sweep")
    stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    spawn = multiprocessing.get_context("spawn")
    workers: list[Any] = []
    quiet_logs()
    stuck: frozenset[str] = frozenset()
    while not stopping:
        for dead in [process for process in workers if not process.is_alive()]:
            dead.join()
            workers.remove(dead)
            log.warning("worker_died", pid=dead.pid, exitcode=dead.exitcode)
        while len(workers) < settings.processes:
            process = spawn.Process(target=_child, args=(settings.redis_url, os.getpid()), daemon=False)
            process.start()
            workers.append(process)
        look_round(office)
        with contextlib.suppress(RedisError):
            stuck = free_stuck(office.redis, stuck)
        _pause(lambda: stopping)
    for process in workers:
        if process.is_alive() and process.pid:
            os.kill(process.pid, signal.SIGTERM)
    for process in workers:
        process.join(timeout=50)
        if process.is_alive():
            process.kill()
            process.join()
    office.close()


def _pause(stopping: Any) -> None:
    end = time.monotonic() + SWEEP_SECONDS
    while time.monotonic() < end and not stopping():
        time.sleep(0.1)


def _child(url: str, parent: int) -> None:
    """A worker that comes back after the queue did, and ends with its parent, even one killed without a word."""
    tell_where_when_asked()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    while os.getppid() == parent:
        try:
            run_one(url)
            return
        except (RedisError, Unavailable, OSError):
            time.sleep(1)


def _end_with(parent: int) -> None:
    """Once the parent is gone, ask this worker to end after its job; an idle one does so at once."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
