"""Background processes of ours: started once, found again by another command, ended by their own process id."""

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from backoffice.core.errors import Unavailable


def free_port(preferred: int, say: Callable[[str], None], what: str) -> int:
    """`preferred`, or the next free TCP port on loopback, saying which one was taken."""
    for port in range(preferred, preferred + 200):
        if port_is_free(port):
            if port != preferred:
                say(f"Le port {preferred} ({what}) est déjà pris : {port} le remplace.")
            return port
    raise Unavailable(f"Aucun port libre entre {preferred} et {preferred + 199} pour {what}.")


def port_is_free(port: int) -> bool:
    """Whether nothing listens on this TCP port of loopback, nor on every address."""
    for host in ("127.0.0.1", "0.0.0.0"):  # noqa: S104 - only tried, never served
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def listens(process: psutil.Process | None, port: int) -> bool:
    """Whether this very process, and not a stranger on the same port, takes TCP connections on `port`."""
    if process is None:
        return False
    try:
        found = process.net_connections(kind="tcp")
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return False
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in found)


@contextmanager
def signals_held() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP wait until the block ends: nothing is started and then forgotten.

    Does nothing outside the main thread, where Python delivers no signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pending: list[signal.Signals] = []
    signs = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {
        sign: signal.signal(sign, lambda number, _: pending.append(signal.Signals(number)))
        for sign in signs
        if signal.getsignal(sign) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
        for sign in pending[:1]:
            signal.raise_signal(sign)


def wait_until(condition: Callable[[], bool], seconds: float, failure: str) -> None:
    """Poll `condition`; raise Unavailable with the sentence `failure` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Unavailable(failure)
        time.sleep(0.03)


_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}
"""Those started by this very process, by pid: kept so that they can be collected when they end."""


class Background:
    """One background process with its pid file and its log.

    The pid file keeps the process's creation time too, so that a recycled pid is never taken for ours.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.pid_file = folder / f"{name}.pid"
        self.log_file = folder.parent / "log" / f"{name}.log"

    def process(self) -> psutil.Process | None:
        """The live process, or None."""
        try:
            known = json.loads(self.pid_file.read_text())
            process = psutil.Process(known["pid"])
            if abs(process.create_time() - known["born"]) < 1 and process.status() != psutil.STATUS_ZOMBIE:
                return process
        except (FileNotFoundError, ValueError, KeyError, psutil.NoSuchProcess):
            pass
        return None

    def start(self, command: Sequence[str], env: dict[str, str] | None = None) -> int:
        """Start `command` in a session of its own (Ctrl-C does not reach it), output to the log; return its pid."""
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=env,
                close_fds=True,
            )
        _CHILDREN[child.pid] = child
        self.remember(child.pid)
        return child.pid

    def remember(self, pid: int) -> None:
        """Note `pid` as ours."""
        born = psutil.Process(pid).create_time()
        aside = self.pid_file.with_suffix(".new")
        aside.write_text(json.dumps({"pid": pid, "born": born}))
        aside.replace(self.pid_file)

    def stop(self, sign: signal.Signals = signal.SIGTERM, patience: float = 15) -> None:
        """Ask the process to end, then make it; forget it."""
        process = self.process()
        if process is not None:
            children = process.children(recursive=True)
            _signal(process, sign)
            _, alive = psutil.wait_procs([process], timeout=patience)
            for survivor in [*alive, *(child for child in children if child.is_running())]:
                _signal(survivor, signal.SIGKILL)
            _reap(process.pid)
        self.pid_file.unlink(missing_ok=True)


def _signal(process: psutil.Process, sign: signal.Signals) -> None:
    try:
        process.send_signal(sign)
    except psutil.NoSuchProcess:
        return


def _reap(pid: int) -> None:
    """Collect the child if it is ours, so that no zombie stays."""
    child = _CHILDREN.pop(pid, None)
    if child is not None:
        child.wait()
