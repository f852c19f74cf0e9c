"""How long the automatic feed takes over a whole caisse, stage by stage, with a feeder killed on the way.

    .venv/bin/python benchmarks/feed.py                                  2,000 dossiers, about a minute
    .venv/bin/python benchmarks/feed.py --dossiers 100000 --processes 2 --json

Dossiers of synthetic persons, their year of reimbursements in an extraction of the documented format. Feeders run as they do
in service, each in its process; one is killed with SIGKILL when a third is done, and another takes its place. At the end
everything is counted: each dossier was fed once, with one document and one line of the trace, whatever the kill cut. Then the
clock goes on by a month, and a tenth of the dossiers is renewed.
"""

import argparse
import contextlib
import csv
import gzip
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from bench import installed
from sqlalchemy import text

from backoffice.settings import Settings
from dmp_core.access import trace
from dmp_core.errors import Invalid
from dmp_core.feed import feeding
from dmp_core.feed.extraction import Extraction, receive
from dmp_core.feed.feeding import Feeder
from dmp_core.feed.rows import ins_c_of
from dmp_core.feed.synthetic import write_reimbursements
from dmp_core.identity.identifiers import System
from dmp_core.record import documents
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.shelf import Folder
from dmp_core.storage.engine import copy_in, engine_for
from dmp_core.storage.keyring import Keyring

CODE: Final = "631"
DAY: Final = datetime(2016, 11, 2, 9, tzinfo=UTC)
NEXT: Final = datetime(2016, 12, 2, 9, tzinfo=UTC)
ROUND: Final = 500


class Stages:
    """Seconds by stage of one process."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Count what happens within."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0) + time.perf_counter() - began

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, counted."""

        def counted(*args: Any, **more: Any) -> Any:
            with self.of(name):
                return call(*args, **more)

        return counted


def persons(population: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """INS-C and line of each person who has one."""
    with gzip.open(population, "rt", encoding="utf-8", newline="") as source:
        for row in csv.DictReader(source, delimiter=";"):
            with contextlib.suppress(Invalid):
                yield ins_c_of(row["nir"].replace(" ", ""), row["prenom"], row["date_naissance"]), row


def open_dossiers(settings: Settings, population: Path) -> int:
    """Dossiers of everybody in the file, copied in: opening one by one is measured elsewhere."""
    dossiers, identifiers = [], []
    for number, (ins_c, row) in enumerate(persons(population), 1):
        dossier = uuid4()
        dossiers.append(
            (dossier, uuid4(), CODE, number, row["civilite"] or "M", row["nom_naissance"], row["nom_usage"] or "",
             row["prenom"], row["date_naissance"], "online", DAY)
        )  # fmt: skip
        identifiers.append((dossier, System.INS_C.value, ins_c, DAY))
    with engine_for(settings.dmp_owner_url, application="benchmark").begin() as connection:
        copy_in(
            connection, ("enrolment", "dossier"),
            [("id", "uuid"), ("request_id", "uuid"), ("caisse", "text"), ("person_id", "int8"), ("civilite", "text"),
             ("nom_naissance", "text"), ("nom_usage", "text"), ("prenom", "text"), ("date_naissance", "text"),
             ("way", "text"), ("opened_at", "timestamptz")], dossiers,
        )  # fmt: skip
        copy_in(
            connection, ("enrolment", "identifier"),
            [("dossier_id", "uuid"), ("system", "text"), ("value", "text"), ("valid_from", "timestamptz")], identifiers,
        )  # fmt: skip
    return len(dossiers)


def feed(settings: Settings, extraction: Path, now: datetime, most: int, done: Any) -> None:
    """One feeder, until nothing is due or `most` are done; its seconds by stage at the end."""
    stages = Stages()
    for name, call in (("history chosen", "history_of"), ("document written (CDA R2)", "writing")):
        setattr(feeding, call, stages.timed(name, getattr(feeding, call)))
    shelf = Folder(settings.mondmp.documents)
    shelf.put = stages.timed("kept on the shelf (fsync)", shelf.put)  # type: ignore[method-assign]
    source = Extraction(extraction)
    source.rows_of = stages.timed("extraction read", source.rows_of)  # type: ignore[method-assign]
    for call in ("enter", "replace_with"):
        setattr(documents, call, stages.timed("entered", getattr(documents, call)))
    trace.write = stages.timed("traced", trace.write)
    keys = DossierKeys(Keyring.load(settings.mondmp.record_keyring))
    feeder = Feeder(settings.feed.dmp_url, shelf, keys, lambda: now)
    fed = 0
    with stages.of("whole"):
        while fed < most:
            round_ = feeder.round(source, min(ROUND, most - fed))
            fed += round_.created + round_.renewed
            if not round_.created + round_.renewed:
                break
    feeder.close()
    done.put((fed, stages.seconds))


def run(
    settings: Settings, extraction: Path, now: datetime, most: int, processes: int, *, kill: bool
) -> tuple[float, dict[str, float]]:
    """Seconds on the wall, and over all feeders that reached their end by stage."""
    context = multiprocessing.get_context("spawn")
    done = context.Queue()
    share = most // processes + 1 if now == NEXT else most
    running = [context.Process(target=feed, args=(settings, extraction, now, share, done)) for _ in range(processes)]
    began = time.perf_counter()
    for each in running:
        each.start()
    if kill:
        while counted(settings)["fed"] < most // 3:
            time.sleep(0.2)
        running[0].kill()
        running[0].join()
        running[0] = context.Process(target=feed, args=(settings, extraction, now, share, done))
        running[0].start()
    stages: dict[str, float] = {}
    for _ in running:
        _, seconds = done.get(timeout=7200)
        for name, value in seconds.items():
            stages[name] = stages.get(name, 0) + value
    for each in running:
        each.join()
    return time.perf_counter() - began, stages


def counted(settings: Settings) -> dict[str, int]:
    """What there is of it."""
    with engine_for(settings.dmp_owner_url, application="benchmark").connect() as connection:
        row = connection.execute(
            text(
                "SELECT (SELECT count(*) FROM medical.feed) AS fed, (SELECT count(*) FROM medical.document) AS documents, "
                "(SELECT count(*) FROM medical.document WHERE status = 'approved') AS in_force, "
                "(SELECT count(*) FROM medical.trace) AS lines"
            )
        ).one()
    return {name: int(value) for name, value in row._mapping.items()}


def broken_chains(settings: Settings) -> int:
    """Dossiers whose trace does not hold."""
    with engine_for(settings.dmp_owner_url, application="benchmark").connect() as connection:
        ids: list[UUID] = list(connection.scalars(text("SELECT DISTINCT dossier_id FROM medical.trace LIMIT 2000")))
        return sum(trace.first_fault(each, trace.whole_chain(connection, each)) is not None for each in ids)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--dossiers", type=int, default=2_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with installed() as place:
        settings = place.settings
        population, extraction = place.folder / "population.csv.gz", place.folder / "remboursements.csv"
        Keyring.create_if_missing(settings.mondmp.record_keyring)
        place.command(
            "demo", "population", "--caisse", CODE, "--count", str(options.dossiers), "--seed", "1", "--out",
            str(population),
        )  # fmt: skip
        lines = write_reimbursements(population, extraction, date(2016, 11, 1))
        opened = open_dossiers(settings, population)
        began = time.perf_counter()
        receipt = receive(extraction)
        received = time.perf_counter() - began
        first, stages = run(settings, extraction, DAY, opened, options.processes, kill=True)
        after = counted(settings)
        tenth = max(1, opened // 10)
        again, _ = run(settings, extraction, NEXT, tenth, options.processes, kill=False)
        last = counted(settings)
        broken = broken_chains(settings)
    whole = stages.pop("whole")
    stages["the rest of the transactions"] = whole - sum(stages.values())
    told = {
        "dossiers": opened, "lines": lines, "faults": receipt.faults,
        "extraction received and indexed": {"seconds": round(received, 1), "lines_per_second": round(lines / received)},
        "first feed": {"seconds": round(first, 1), "dossiers_per_second": round(opened / first, 1)},
        "renewal": {"dossiers": last["lines"] - after["lines"], "per_second": round((last["lines"] - after["lines"]) / again, 1)},
        "share of a feeder's time": {name: round(value / whole, 3) for name, value in stages.items()},
        "counted": after, "counted after the renewal": last, "broken chains": broken,
    }  # fmt: skip
    print(json.dumps(told, indent=1, ensure_ascii=False))
    if not (after["fed"] == after["documents"] == after["lines"] == opened) or broken or last["in_force"] != opened:
        sys.exit("a dossier was not fed once")


if __name__ == "__main__":
    main()
