"""The main job in one go: a population file in, sealed lots out, every number written down.

Import, draft, approval, freezing, launch, then N processes make the lots. Interrupted, the same call takes the campaign
up again where it stood.
"""

import csv
import errno
import io
import json
import logging
import multiprocessing
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import func, select

from backoffice.adapters.logs import quiet_logs
from backoffice.campaigns import actions, sealing
from backoffice.campaigns.kinds import Exclusion
from backoffice.campaigns.models import Campaign, Lot, access_campaign
from backoffice.campaigns.rules import OPEN_LOTS, CampaignState, Channel, ChannelRule, Draft
from backoffice.campaigns.status import CampaignStatus, campaign_status
from backoffice.campaigns.work import work_until_done
from backoffice.core.actor import Actor
from backoffice.core.clock import paris_date
from backoffice.core.errors import DomainError, Invalid, Unavailable, WrongState
from backoffice.office import Office, open_office
from backoffice.population.actions import ImportCounts, request_import, run_import
from backoffice.population.reading import PopulationFile
from backoffice.settings import Settings

Tell = Callable[[str, int, int | None], None]
"""Receives (stage in French, done, total when known)."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of the main job."""

    population: Path
    caisses: tuple[str, ...]
    letter_date: date
    out: Path
    channel_rule: ChannelRule = ChannelRule.REGISTERED
    name: str = "Recrutement"
    encoding: str = "utf-8"


@dataclass(slots=True)
class Summary:
    """What `resume.json` holds."""

    reference: str
    counts: ImportCounts
    status: CampaignStatus
    stages: dict[str, float] = field(default_factory=dict)
    peak_bytes: int = 0

    def as_json(self) -> dict[str, Any]:
        """Stable names (DESIGN 8): eligible = letters + emails + exceptions."""
        status, counts = self.status, self.counts
        return {
            "campaign": self.reference,
            "read": counts.read, "created": counts.created, "updated": counts.updated, "unchanged": counts.unchanged,
            "rejected": counts.rejected,
            "targeted": status.targeted, "eligible": status.eligible, "excluded": status.excluded,
            "letters": status.letters, "emails": status.emails_planned, "exceptions": status.exceptions,
            "lots": status.lots_sealed, "quarantined": status.quarantined, "pages": status.pages,
            "seconds": {stage: round(seconds, 3) for stage, seconds in self.stages.items()},
            "peak_memory_bytes": self.peak_bytes,
        }  # fmt: skip


def run_main_job(office: Office, actor: Actor, order: Order, tell: Tell) -> Summary:
    """Do it all; see the module.

    Raises a DomainError, in one sentence, at whatever cannot be; what was sealed stays sealed and a second call goes on.
    """
    stages: dict[str, float] = {}
    with _peak_memory() as peak:
        started = time.perf_counter()
        draft = Draft(order.name, "recruitment", order.caisses, order.letter_date, order.channel_rule)
        interrupted = _interrupted(office, order)
        if interrupted is not None and _finished_on_paper(office, order, interrupted):
            raise _taken(order)
        if interrupted is None:
            draft.check(paris_date(office.clock()))
        _require_clean_folder(order, interrupted)
        with _timed(stages, "import"):
            counts = _import(office, actor, order, tell)
        with _timed(stages, "selection"):
            tell("sélection des personnes", 0, None)
            reference = interrupted or _approved(office, actor, order, draft)
            _running(office, actor, reference)
        with _timed(stages, "lots"):
            status = _make_lots(office, reference, tell)
        with _timed(stages, "rapports"):
            _write_exclusions(order.out, status)
        stages["total"] = time.perf_counter() - started
    summary = Summary(reference, counts, status, stages, peak())
    _write_json(order.out / "resume.json", summary.as_json())
    if status.state == CampaignState.PAUSED:
        raise WrongState(status.reason or f"La campagne {reference} est suspendue.")
    if status.quarantined:
        raise WrongState(
            f"{status.quarantined} lots sont en quarantaine ; les autres sont scellés. « caisse verify » dit pourquoi."
        )
    return summary


def _interrupted(office: Office, order: Order) -> str | None:
    """The reference of the same order's campaign, if it was stopped before its end."""
    with office.db.unit_of_work() as session:
        return session.scalar(
            select(Campaign.reference)
            .where(
                Campaign.folder == str((order.out / "lots").absolute()),
                Campaign.letter_date == order.letter_date,
                Campaign.caisses == sorted(set(order.caisses)),
                Campaign.channel_rule == order.channel_rule,
                Campaign.state.in_([CampaignState.APPROVED, CampaignState.RUNNING, CampaignState.PAUSED]),
            )
            .order_by(Campaign.id.desc())
            .limit(1)
        )


def _require_clean_folder(order: Order, interrupted: str | None) -> None:
    lots = order.out / "lots"
    if interrupted is None and any(lots.glob("*.json")):
        raise _taken(order)
    try:
        lots.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=order.out):
            pass
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise Unavailable("Le disque est plein : libérez de la place, puis recommencez.") from error
        raise Unavailable(
            f"Le dossier {order.out} ne peut pas être écrit : choisissez-en un autre avec --out."
        ) from error
    sealing.require_room(lots, 0)


def _finished_on_paper(office: Office, order: Order, reference: str) -> bool:
    """Whether nothing is left for this command to do: e-mails, if any, are the mail queue's."""
    if not (order.out / "resume.json").exists():
        return False
    with office.db.unit_of_work() as session:
        frozen = session.scalar(select(Campaign.frozen_at).where(Campaign.reference == reference))
        waiting = session.scalar(
            select(func.count())
            .select_from(Lot)
            .join(Campaign)
            .where(
                Campaign.reference == reference, Lot.channel == Channel.POST,
                Lot.state.in_(OPEN_LOTS),
            )
        )  # fmt: skip
    return frozen is not None and not waiting


def _taken(order: Order) -> Invalid:
    return Invalid(f"Le dossier {order.out} contient déjà les lots d’une campagne : choisissez-en un autre avec --out.")


def _import(office: Office, actor: Actor, order: Order, tell: Tell) -> ImportCounts:
    PopulationFile.open(order.population, order.encoding).close()
    with office.db.unit_of_work() as session:
        asked = request_import(
            session,
            office,
            actor,
            order.population,
            encoding=order.encoding,
            report=order.out / "rejets.csv",
            ring=False,
        )
        import_id = asked.id
    counts = run_import(office, actor, import_id, tell)
    if counts is None:
        raise Unavailable("Cet import est mené par un autre processus : attendez sa fin, puis relancez.")
    return counts


def _approved(office: Office, actor: Actor, order: Order, draft: Draft) -> str:
    # One transaction up to the approval: an interruption leaves either nothing or an approved campaign.
    with office.db.unit_of_work() as session:
        campaign = actions.create(session, office, actor, draft, folder=order.out / "lots")
        actions.submit(session, office, actor, campaign.reference)
        actions.approve(session, office, actor, campaign.reference)
        actions.freeze_now(session, office, campaign.id)
        return campaign.reference


def _running(office: Office, actor: Actor, reference: str) -> None:
    with office.db.unit_of_work() as session:
        campaign = access_campaign(session, actor, reference)
        if campaign.status is CampaignState.PAUSED:
            actions.resume(session, office, actor, reference)
        elif campaign.status is CampaignState.APPROVED:
            actions.launch(session, office, actor, reference)


def _make_lots(office: Office, reference: str, tell: Tell) -> CampaignStatus:
    with office.db.unit_of_work() as session:
        campaign_id = session.execute(select(Campaign.id).where(Campaign.reference == reference)).scalar_one()
        lots = campaign_status(session, session.get_one(Campaign, campaign_id)).lots
    spawn = multiprocessing.get_context("spawn")
    queue = spawn.SimpleQueue()
    workers = [
        spawn.Process(target=_work, args=(office.settings, campaign_id, queue), daemon=True)
        for _ in range(min(office.settings.processes, max(lots, 1)))
    ]
    try:
        with _deaf_to_ctrl_c():
            for worker in workers:
                worker.start()
        while True:
            alive = any(worker.is_alive() for worker in workers)
            with office.db.unit_of_work() as session:
                status = campaign_status(session, session.get_one(Campaign, campaign_id))
            tell("fabrication des lots", status.letters + status.exceptions, status.letters_planned)
            if not alive:
                break
            time.sleep(0.25)
    finally:
        for worker in workers:
            if worker.pid is not None:
                worker.terminate()
                worker.join()
    if not queue.empty():
        raise Unavailable(queue.get())
    if any(worker.exitcode for worker in workers):
        raise Unavailable(
            "Un processus de fabrication s’est arrêté : relancez la même commande, elle reprendra où elle en était."
        )
    return status


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes started here leave Ctrl-C at the terminal to this one, which ends them: no traceback from their midst."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(settings: Settings, campaign_id: int, failures: Any) -> None:
    """One process making paper lots; e-mails are the mail queue's (`caisse worker`)."""
    quiet_logs(logging.WARNING)
    office = open_office(settings, application="fabrication", pooled=True)
    try:
        work_until_done(office, campaign_id, (Channel.POST,))
    except DomainError as refusal:
        failures.put(str(refusal))
    finally:
        office.close()


def _write_exclusions(out: Path, status: CampaignStatus) -> None:
    content = io.StringIO(newline="")
    writer = csv.writer(content, delimiter=";", lineterminator="\n")
    writer.writerow(("motif", "libelle", "personnes"))
    for reason in Exclusion:
        writer.writerow((reason.value, reason.label, status.excluded.get(reason.value, 0)))
    _write_whole(out / "exclus.csv", content.getvalue())


def _write_json(path: Path, content: dict[str, Any]) -> None:
    _write_whole(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def _write_whole(path: Path, content: str) -> None:
    """The file is there whole or not at all."""
    aside = path.with_name(f".{path.name}.nouveau")
    try:
        aside.write_text(content, encoding="utf-8", newline="")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def _timed(stages: dict[str, float], name: str) -> Any:
    started = time.perf_counter()
    try:
        yield
    finally:
        stages[name] = time.perf_counter() - started


@contextmanager
def _peak_memory() -> Any:
    """Watches the resident memory of this process and its children; gives a function that returns the peak in bytes."""
    highest, done, me = 0, threading.Event(), psutil.Process()

    def watch() -> None:
        nonlocal highest
        while not done.is_set():
            total = 0
            for process in (me, *me.children(recursive=True)):
                try:
                    if process.name() not in ("postgres", "valkey-server"):
                        total += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            highest = max(highest, total)
            done.wait(0.2)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: highest
    finally:
        done.set()
        thread.join()
