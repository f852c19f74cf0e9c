"""Work done once the answer has left: messages whose sending must not be read from the time an answer takes.

In memory only: a message may hold a secret. Nothing waits longer than seconds, and what a crash loses can be asked again.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Final

THREADS: Final = 2
WAITING: Final = 200
PAUSE_S: Final = 0.4
"""Long enough for the answer to leave first, even from a loaded server."""

_log = logging.getLogger(__name__)


class Afterwards:
    """A few threads and a short line before them. What comes when the line is full is dropped, and said in the log."""

    def __init__(self, pause_s: float = PAUSE_S) -> None:
        self._pause_s = pause_s
        self._line: queue.Queue[tuple[float, Callable[[], None]] | None] = queue.Queue(WAITING)
        self._threads: list[threading.Thread] = []
        self._starting = threading.Lock()

    def run(self, work: Callable[[], None]) -> None:
        """Have `work` done soon; returns at once. What it raises is logged by its kind alone."""
        with self._starting:
            if not self._threads:  # not before: a server may fork once it has loaded us
                for number in range(THREADS):
                    thread = threading.Thread(target=self._serve, name=f"afterwards-{number}", daemon=True)
                    thread.start()
                    self._threads.append(thread)
        try:
            self._line.put_nowait((time.monotonic() + self._pause_s, work))
        except queue.Full:
            _log.error("a message to a holder was dropped: too many are waiting")

    def close(self) -> None:
        """Finish what waits, then stop."""
        with self._starting:
            for _ in self._threads:
                self._line.put(None)
            for thread in self._threads:
                thread.join()
            self._threads.clear()

    def _serve(self) -> None:
        while (waiting := self._line.get()) is not None:
            due, work = waiting
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                work()
            except Exception as problem:  # whatever it is, the next holder's message goes out
                _log.error("a message to a holder was not sent: %s", type(problem).__name__)
