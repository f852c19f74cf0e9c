"""A folder of documents sent as one batch, however often it is begun again: what is there already is recognised.

Each line's outcome is on the disk before the next is counted; a line whose outcome a kill lost is sent again, and the DMP
knows it by its identifier.
"""

import csv
import io
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from time import monotonic
from typing import Final

from lps.couriers import REFUSED, Courier, Outcome
from lps.dmp import Refused
from lps.manifest import Line, line_of, rows_of
from lps.patience import Away

REPORT: Final = "rapport.csv"
COLUMNS: Final = ("ligne", "identifiant", "action", "resultat", "sha256", "recu_le", "phrase", "recu")
EVERY: Final = 100
"""Lines between two words of progress."""


class Report:
    """A CSV file that only grows; of several rows of one key, the last holds. It names no patient."""

    def __init__(self, file: Path, columns: tuple[str, ...]) -> None:
        self._columns, self._lock = columns, threading.Lock()
        kept = self._whole(file)
        self.rows = list(csv.DictReader(io.StringIO(kept), delimiter=";"))
        self._out = file.open("a", encoding="utf-8", newline="")
        self._writer = csv.DictWriter(self._out, columns, delimiter=";", lineterminator="\n")
        if not kept:
            self._writer.writeheader()

    def _whole(self, file: Path) -> str:
        """What it holds; a row that a kill cut short goes. Raises Refused."""
        try:
            held = file.read_bytes() if file.exists() else b""
            whole = held[: held.rfind(b"\n") + 1]
            if whole != held:
                with file.open("r+b") as cut:
                    cut.truncate(len(whole))
            text = whole.decode()
        except (OSError, UnicodeDecodeError):
            raise Refused(f"Le rapport {file} ne peut pas être lu.") from None
        if text and tuple(text.partition("\n")[0].split(";")) != self._columns:
            raise Refused(f"Le fichier {file.name} n’est pas un rapport de lps : mettez-le de côté.")
        return text

    def add(self, **row: object) -> None:
        """One row more, on the disk when this returns."""
        with self._lock:
            self._writer.writerow(row)
            self._out.flush()
            os.fsync(self._out.fileno())

    def close(self) -> None:
        """Nothing more is written."""
        self._out.close()


@dataclass(slots=True)
class Done:
    """What a run did."""

    total: int
    """Lines of the manifest."""
    before: int = 0
    """Done by an earlier run."""
    counts: dict[str, int] = field(default_factory=dict)
    """By result, of this run."""

    def count(self, result: str) -> int:
        """How many lines of this run came out so, this one included."""
        self.counts[result] = self.counts.get(result, 0) + 1
        return sum(self.counts.values())


def run(
    folder: Path, courier: Courier, say: Callable[[str], None], *, parallel: int = 4, again: bool = False
) -> Done:  # fmt: skip
    """Send what is left of the folder's manifest; with `again`, what was refused too. Raises Refused, Away.

    Lines of one patient go in the order of the manifest; different patients' beside one another.
    """
    rows = rows_of(folder)
    report = Report(folder / REPORT, COLUMNS)
    try:
        settled = {(row["identifiant"], row["action"]): row["resultat"] for row in report.rows}
        left, done = _left(folder, rows, settled, report, again=again)
        _send_all(left, courier, report, done, say, parallel)
    finally:
        report.close()
    return done


def _left(
    folder: Path, rows: list[dict[str, str]], settled: dict[tuple[str, str], str], report: Report, *, again: bool
) -> tuple[list[Line], Done]:
    """The lines to send; those that cannot be read are refused here, the others go on."""
    left, done, seen = [], Done(len(rows)), set[tuple[str, str]]()
    for number, row in enumerate(rows, start=2):  # as a spreadsheet counts, under its header
        key = (row["identifiant"], row["action"])
        known = settled.get(key)
        if known is not None and key not in seen and (known != REFUSED or not again):
            seen.add(key)
            done.before += 1
            continue
        try:
            if key in seen:
                raise Refused("Cet identifiant est déjà celui d’une autre ligne.")
            seen.add(key)
            left.append(line_of(row, number, folder))
        except Refused as refusal:
            _write(report, number, key, Outcome(REFUSED, sentence=str(refusal)))
            done.count(REFUSED)
    return left, done


def _send_all(
    left: list[Line], courier: Courier, report: Report, done: Done, say: Callable[[str], None], parallel: int
) -> None:  # fmt: skip
    began, lock, stop = monotonic(), threading.Lock(), threading.Event()

    def send(lines: list[Line]) -> None:
        for line in lines:
            if stop.is_set():
                return
            try:
                outcome = courier.send(line)
            except Refused as refusal:
                outcome = Outcome(REFUSED, sentence=str(refusal))
            except Away:
                stop.set()
                raise
            _write(report, line.number, line.key, outcome, line.digest())
            with lock:
                sent = done.count(outcome.result)
                if sent % EVERY == 0:
                    pace = sent / max(monotonic() - began, 0.001)
                    say(f"{done.before + sent} lignes sur {done.total}, {pace:.0f} par seconde.")

    with ThreadPoolExecutor(parallel) as hands:
        for made in [hands.submit(send, each) for each in _by_patient(left)]:
            made.result()


def _by_patient(lines: Iterable[Line]) -> list[list[Line]]:
    ordered = sorted(lines, key=lambda line: (line.ins_c, line.number))
    return [list(group) for _, group in groupby(ordered, key=lambda line: line.ins_c)]


def _write(report: Report, number: int, key: tuple[str, str], outcome: Outcome, digest: str = "") -> None:
    report.add(
        ligne=number, identifiant=key[0], action=key[1], resultat=outcome.result, sha256=digest,
        recu_le=outcome.received_at, phrase=outcome.sentence, recu=outcome.receipt,
    )  # fmt: skip
