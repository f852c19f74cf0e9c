"""The automatic feed at work: its composition root. It serves nobody; it looks for dossiers that are due, and feeds them."""

import signal
import sys
import threading
from pathlib import Path

import structlog

from backoffice.adapters.logs import quiet_logs
from backoffice.core import errors
from backoffice.core.clock import Clock, system_clock
from backoffice.settings import Settings
from dmp_core import errors as dmp_errors
from dmp_core.feed.extraction import Extraction, index_of, receive
from dmp_core.feed.feeding import Fed, Feeder
from dmp_core.feed.synthetic import write_reimbursements
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.shelf import shelf_at
from dmp_core.storage.keyring import Keyring

PAUSE_S = 3.0
"""Between two looks: somebody who has just opened a DMP finds the history on entering."""
log = structlog.get_logger(__name__)


def open_feeder(settings: Settings, clock: Clock = system_clock) -> Feeder:
    """A feeder over `settings`. Raises Unavailable when its address or the key ring is not there."""
    if not settings.feed.dmp_url:
        raise errors.Unavailable("L’alimentation n’est pas configurée : indiquez DMP_FEED_URL.")
    try:
        own = settings.mondmp
        ring = Keyring.create_if_missing(own.record_keyring)
        shelf = shelf_at(own.documents, own.shelf_url, own.shelf_credentials, own.shelf_ca_file)
    except dmp_errors.DmpError as refusal:
        raise errors.Unavailable(str(refusal)) from refusal
    return Feeder(settings.feed.dmp_url, shelf, DossierKeys(ring), clock)


def look_once(feeder: Feeder, extraction: Path) -> Fed | None:
    """Receive the extraction if it is newer than its index, then feed what is due; None while there is no extraction.

    Raises Invalid for an extraction that is refused, Unavailable when a part is away.
    """
    try:
        if not extraction.exists():
            return None
        index = index_of(extraction)
        if not index.exists() or index.stat().st_mtime_ns < extraction.stat().st_mtime_ns:
            found = receive(extraction)
            log.info(
                "extraction_received", persons=found.persons, lines=found.lines, rows=found.rows, faults=found.faults,
                told=found.told[:20],
            )  # fmt: skip
        done = feeder.round(Extraction(extraction))
        while done.created + done.renewed and (more := feeder.round(Extraction(extraction))).created + more.renewed:
            done.created, done.renewed = done.created + more.created, done.renewed + more.renewed
    except dmp_errors.Invalid as refusal:
        raise errors.Invalid(str(refusal)) from refusal
    except dmp_errors.DmpError as refusal:
        raise errors.Unavailable(str(refusal)) from refusal
    return done


def work(settings: Settings, demonstration: Path | None = None) -> None:
    """Feed until a signal ends the process; a refusal is told in the log once, and tried again.

    With `demonstration`, a folder of synthetic population files, an extraction is invented for whoever is in them.
    """
    ended = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: ended.set())
    feeder, said = open_feeder(settings), ""
    while not ended.wait(PAUSE_S):
        try:
            if demonstration is not None and not settings.feed.extraction.exists():
                _invent(demonstration, settings.feed.extraction)
            done = look_once(feeder, settings.feed.extraction)
            said = ""
            if done is not None and done.created + done.renewed:
                log.info("fed", created=done.created, renewed=done.renewed)
        except errors.DomainError as refusal:
            if str(refusal) != said:
                said = str(refusal)
                log.warning("feed_waits", reason=said)
    feeder.close()


def _invent(folder: Path, extraction: Path) -> None:
    """An invented extraction for the newest population file of the demonstration, once it is whole."""
    found = sorted(folder.glob("population-*.csv.gz"), key=lambda path: path.stat().st_mtime)
    if found:
        write_reimbursements(found[-1], extraction, system_clock().date())


if __name__ == "__main__":
    quiet_logs()
    work(Settings.from_env(), Path(sys.argv[1]) if len(sys.argv) > 1 else None)
