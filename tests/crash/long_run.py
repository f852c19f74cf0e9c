"""Kill everything at random while a campaign runs, mend what died, and see how it ends.

    python tests/crash/long_run.py --letters 20000 --kills 40 --seed 7

Services, worker and web of its own, in a temporary folder. Prints what was killed and the verdict; exit status 0 when
every eligible person is in exactly one page with exactly one live code, e-mails left at most once and verify is clean.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

import psutil
from redis import Redis
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

from backoffice.campaigns import actions  # noqa: E402
from backoffice.campaigns.models import Campaign  # noqa: E402
from backoffice.campaigns.rules import CampaignState, Draft  # noqa: E402
from backoffice.campaigns.status import CampaignStatus, campaign_status  # noqa: E402
from backoffice.core.actor import system_actor  # noqa: E402
from backoffice.core.clock import paris_date, system_clock  # noqa: E402
from backoffice.core.errors import DomainError  # noqa: E402
from backoffice.embedded.processes import Background, free_port  # noqa: E402
from backoffice.embedded.services import Services  # noqa: E402
from backoffice.office import Office, open_office  # noqa: E402
from backoffice.operations.bringup import prepare  # noqa: E402
from backoffice.population.actions import request_import, run_import  # noqa: E402
from backoffice.population.synthetic import write_population  # noqa: E402
from backoffice.settings import Settings  # noqa: E402

CAISSE = str(Path(sys.executable).with_name("caisse"))
PARTS = ("postgres", "valkey", "directory", "mail")
ELIGIBLE_SHARE = 0.42
"""Of a synthetic population, at the least."""
DOUBT = "peut-être partis"
"""After a kill between mark and send, verify asks a person to look: the one anomaly that a crash may leave."""


class House:
    """The parts in one folder, started again by `mend` when something has died."""

    def __init__(self, data: Path, lot_size: int, port: int) -> None:
        self.data = data
        self.env = {
            **os.environ, "CAISSE_DATA": str(data), "CAISSE_FAST": "1", "CAISSE_LOT_SIZE": str(lot_size),
            "CAISSE_PROCESSES": "2",
        }  # fmt: skip
        os.environ.update(self.env)
        self.services = Services(data, fast=True)
        self.services.start(
            PARTS,
            {"postgres": port, "valkey": port + 20, "mail": port + 40, "mail_page": port + 50, "directory": port + 60},
        )
        self.settings: Settings = prepare()
        web = free_port(port + 80, lambda _: None, "web")
        self.children = {
            "worker": (Background("worker", data / "run"), [sys.executable, "-m", "backoffice.worker"]),
            "web": (Background("web", data / "run"), [sys.executable, "-m", "backoffice.app", str(web)]),
        }
        self.mend()

    def mend(self) -> None:
        for name in self.services.dead():
            self.services.start((name,))
        for child, command in self.children.values():
            if child.process() is None:
                child.start(command, self.env)

    def stop(self) -> None:
        for child, _ in self.children.values():
            child.stop()
        self.services.stop(PARTS)

    def rq_workers(self) -> list[psutil.Process]:
        parent = self.children["worker"][0].process()
        with suppress(psutil.NoSuchProcess):
            return [
                child for child in (parent.children() if parent else []) if "spawn_main" in " ".join(child.cmdline())
            ]
        return []

    def horses(self) -> list[psutil.Process]:
        found = []
        for worker in self.rq_workers():
            with suppress(psutil.NoSuchProcess):
                found += worker.children()
        return found

    def kill(self, victim: str, rng: random.Random) -> bool:
        """Whether there was something to kill."""
        if victim == "flushall":
            with suppress(Exception):
                Redis.from_url(self.settings.redis_url, socket_timeout=2).flushall()
            return True
        if victim == "horse":
            targets = self.horses()
        elif victim == "rq":
            targets = self.rq_workers()
        elif victim in self.children:
            targets = [p for p in [self.children[victim][0].process()] if p]
        else:
            targets = [p for p in [Background(victim, self.data / "run").process()] if p]
        if not targets:
            return False
        with suppress(psutil.NoSuchProcess):
            rng.choice(targets).send_signal(signal.SIGKILL)
        return True


VICTIMS = ("horse", "horse", "horse", "rq", "worker", "postgres", "postgres", "valkey", "flushall", "web", "mail")


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix=options.prefix) as folder:
        Path(folder).chmod(0o711)  # as root, PostgreSQL runs as somebody else
        house = House(Path(folder) / "données", options.lot_size, options.port)
        office = open_office(house.settings, application="essai", pooled=False)
        try:
            reference = _campaign(house, office, options.letters, options.seed)
            killed = _torment(house, office, reference, options, rng)
            return _verdict(house, office, reference, killed, options.pages)
        finally:
            office.close()
            house.stop()
            if options.log:
                shutil.copyfile(house.data / "log" / "worker.log", options.log)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--letters", type=int, default=20_000)
    parser.add_argument("--kills", "--rounds", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lot-size", type=int, default=200)
    parser.add_argument("--port", type=int, default=25400)
    parser.add_argument("--pages", type=int, default=300, help="pages whose code is read back")
    parser.add_argument("--patience", type=float, default=600, help="seconds in all")
    parser.add_argument("--prefix", default="caisse essai ", help="of the temporary folder")
    parser.add_argument("--log", type=Path, help="where the worker's log is kept")
    return parser.parse_args(arguments)


def _campaign(house: House, office: Office, letters: int, seed: int) -> str:
    population = house.data / "population.csv.gz"
    write_population(population, ("631", "941"), int(letters / ELIGIBLE_SHARE), seed)
    actor = system_actor("essai")
    with office.db.unit_of_work() as session:
        asked = request_import(session, office, actor, population, ring=False).id
    run_import(office, actor, asked)
    day = paris_date(system_clock()) + timedelta(days=7)
    with office.db.unit_of_work() as session:
        campaign = actions.create(session, office, actor, Draft("Essai", "recruitment", ("631", "941"), day))
        actions.submit(session, office, actor, campaign.reference)
        actions.approve(session, office, actor, campaign.reference)
        actions.launch(session, office, actor, campaign.reference)
        return campaign.reference


def _status(office: Office, reference: str) -> CampaignStatus | None:
    """None while the database is away."""
    try:
        with office.db.unit_of_work() as session:
            return campaign_status(session, session.query(Campaign).filter_by(reference=reference).one())
    except DomainError:
        return None


def _torment(
    house: House, office: Office, reference: str, options: argparse.Namespace, rng: random.Random
) -> Counter[str]:
    killed: Counter[str] = Counter()
    shown = -1
    started = time.monotonic()
    while time.monotonic() - started < options.patience:
        status = _status(office, reference)
        if status is not None and status.state == CampaignState.FINISHED:
            break
        if status is not None and status.state == CampaignState.PAUSED:
            print(f"suspendue : {status.reason}", flush=True)
            break
        if killed.total() < options.kills:
            time.sleep(rng.uniform(0.1, 1.6))
            victim = rng.choice(VICTIMS)
            if house.kill(victim, rng):
                killed[victim] += 1
                done = f"{status.done}/{status.total}" if status else "base absente"
                print(f"{time.monotonic() - started:6.1f} s  tué : {victim:<9} courriers traités : {done}", flush=True)
            time.sleep(rng.uniform(0, 0.4))
        else:
            if status is not None and status.done != shown:
                shown = status.done
                print(f"{time.monotonic() - started:6.1f} s  courriers traités : {shown}/{status.total}", flush=True)
            time.sleep(1)
        house.mend()
    print(f"fini en {time.monotonic() - started:.1f} s", flush=True)
    return killed


def _verdict(house: House, office: Office, reference: str, killed: Counter[str], pages: int) -> int:
    status = _status(office, reference)
    assert status is not None
    problems: list[str] = []

    def expect(what: str, found: Any, wanted: Any) -> None:
        if found != wanted:
            problems.append(f"{what} : {found}, attendu {wanted}")

    expect("état", status.state, CampaignState.FINISHED.value)
    if status.state == CampaignState.RUNNING:
        _tell_what_waits(house)
    rows = _rows(house, reference)
    folder = house.settings.files / "lots" / reference
    printed = Counter(
        (line.split(";")[4], int(line.split(";")[3]))
        for path in sorted(folder.glob("*.csv"))
        for line in path.read_text(encoding="utf-8").splitlines()[1:]
    )
    sealed = {person for person, (channel, state) in rows["letters"].items() if state == "scellee"}
    expect("personnes sur plusieurs pages", sum(count > 1 for count in printed.values()), 0)
    expect("pages sans courrier ou l’inverse", len(sealed ^ set(printed)), 0)
    expect("éligibles", status.eligible, status.letters + status.emails + status.exceptions + status.doubtful)
    live = rows["live"]
    mailed = {person for person, (_, state) in rows["letters"].items() if state in ("envoyee", "envoi")}
    expect("codes de personnes sans courrier", len(set(live) - sealed - mailed), 0)
    expect("courriers sans code", len((sealed | mailed) - set(live)), 0)
    expect("personnes à plusieurs codes", sum(count > 1 for count in live.values()), 0)
    read = _codes_on_pages(house, folder, rows["digests"], pages)
    expect("codes lus sur les pages et inconnus", read["unknown"], 0)
    _check_mails(house, rows["letters"], status, expect)
    done = subprocess.run(
        [CAISSE, "verify", "--json"],
        env=house.env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    faults = [fault for fault in json.loads(done.stdout)["anomalies"] if DOUBT not in fault]
    expect("anomalies de verify", faults, [])
    chain = subprocess.run(
        [CAISSE, "audit", "verify"],
        env=house.env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    expect("chaîne du journal", chain.returncode, 0)
    print(f"tués : {dict(killed)}")
    print(
        f"{status.eligible} éligibles : {status.letters} courriers en {status.lots_sealed} lots, {status.emails} courriels, "
        f"{status.doubtful} douteux, {status.exceptions} exceptions ; {read['known']} codes relus sur les pages"
    )
    for problem in problems:
        print(f"PROBLÈME : {problem}")
    print("verdict : " + ("tout concorde" if not problems else f"{len(problems)} problèmes"))
    return bool(problems)


def _tell_what_waits(house: House) -> None:
    """What a campaign that does not end waits for: its open lots, sessions of the database, the queue, every process."""
    engine = create_engine(house.settings.caisse_owner_url, poolclass=NullPool)
    with engine.connect() as connection:
        for statement in (
            "SELECT id, caisse, sequence, channel, state, attempts, reason, retry_at FROM lot WHERE sealed_at IS NULL",
            "SELECT pid, datname, application_name, state, wait_event_type, wait_event, now() - xact_start AS since,"
            " pg_blocking_pids(pid) AS blocked_by FROM pg_stat_activity WHERE datname IS NOT NULL",
        ):
            for row in connection.execute(text(statement)):
                print(dict(row._mapping))
    redis: Any = Redis.from_url(house.settings.redis_url, socket_timeout=2)
    print(f"il est {time.time():.0f}")
    for key in sorted(redis.keys("rq:*")):
        kind = redis.type(key).decode()
        held = {"zset": lambda k: redis.zrange(k, 0, -1, withscores=True), "list": lambda k: redis.lrange(k, 0, -1)}
        print(key.decode(), kind, redis.ttl(key), held[kind](key) if kind in held else "")
    parent = house.children["worker"][0].process()
    for process in [parent, *parent.children(recursive=True)] if parent else []:
        with suppress(psutil.NoSuchProcess):
            print(process.pid, process.ppid(), process.status(), process.cmdline()[-1][:80])
            if "resource_tracker" not in " ".join(process.cmdline()):
                process.send_signal(signal.SIGUSR1)
                time.sleep(0.5)  # one after the other: they write to the same log, letter by letter
    print("\n".join((house.data / "log" / "worker.log").read_text(encoding="utf-8").splitlines()[-200:]), flush=True)


def _rows(house: House, reference: str) -> dict[str, Any]:
    def ask(url: str, statement: str) -> list[Any]:
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect() as connection:
            return list(connection.execute(text(statement)))

    letters = {
        (row.caisse, row.person_id): (row.channel, row.state)
        for row in ask(house.settings.caisse_owner_url, "SELECT caisse, person_id, channel, state FROM letter")
    }
    live = ask(
        house.settings.dmp_owner_url,
        "SELECT caisse, person_id, digest FROM enrolment.creation_code WHERE state = 'live'",
    )
    return {
        "letters": letters,
        "live": Counter((row.caisse, row.person_id) for row in live),
        "digests": {bytes(row.digest): (row.caisse, row.person_id) for row in live},
    }


def _codes_on_pages(house: House, folder: Path, known: dict[bytes, tuple[str, int]], most: int) -> Counter[str]:
    """Read codes back from the pages of whole lots, the person of the manifest with the person of the live code."""
    from campaigns.world import manifest_of, pages_of

    from dmp_core.enrolment.digests import digests
    from dmp_core.storage.keyring import Keyring

    ring = Keyring.load(house.settings.code_keyring)
    found: Counter[str] = Counter()
    for path in sorted(folder.glob("*.pdf")):
        for page, row in zip(pages_of(path), manifest_of(folder, path.stem), strict=True):
            digest = next(iter(digests(ring, row["caisse"], [page.code.replace(" ", "")])))
            right = known.get(digest) == (row["caisse"], int(row["personne"])) and page.letter_id == row["lettre"]
            found["known" if right else "unknown"] += 1
        if found.total() >= most:
            break
    return found


def _check_mails(
    house: House, letters: dict[Any, tuple[str, str]], status: CampaignStatus, expect: Callable[..., None]
) -> None:
    parser = BytesHeaderParser()
    messages = Counter()
    for path in (house.data / "mail").rglob("*.eml"):
        with path.open("rb") as source:
            messages[str(parser.parse(source)["Message-ID"])] += 1
    expect("courriels partis deux fois", sum(count > 1 for count in messages.values()), 0)
    sent = sum(state == "envoyee" for _, state in letters.values())
    doubtful = sum(state == "envoi" for _, state in letters.values())
    expect("courriels envoyés selon la campagne", status.emails, sent)
    expect("courriels reçus entre envoyés et envoyés + douteux", sent <= len(messages) <= sent + doubtful, True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
