"""Keeping house: all parts on one machine, started together, watched, stopped together."""

import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

import psutil
from fasteners import InterProcessLock

from backoffice.core.errors import DomainError, Unavailable, WrongState
from backoffice.embedded.processes import Background, free_port, listens, port_is_free, signals_held, wait_until
from backoffice.embedded.services import ATTEMPTS, LABELS, Services
from backoffice.embedded.staff import DEMONSTRATION_PASSWORD, demonstration_accounts
from backoffice.operations.bringup import prepare, services
from backoffice.settings import Settings, data_folder, read_json

DEMONSTRATION = "demonstration"
"""Folder of the store where the demonstration writes its population file."""
ARGUMENTS = {"ps": ("demonstration",)}
"""Cards and authorities are invented at each start."""
WATCH_SECONDS = 1.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CHILDREN = {
    "worker": "Le travailleur", "web": "Le back office", "mondmp": "mon-dmp", "ps": "L’accès des professionnels",
    "feed": "L’alimentation", "notices": "L’envoi des avis",
}  # fmt: skip
ADDRESSES = {
    "web": "Back office des caisses : http", "mondmp": "mon-dmp, pour l’assuré  : http",
    "ps": "Professionnels de santé : https",
}  # fmt: skip
MODULES = {"web": "backoffice.app", "mondmp": "backoffice.mondmp", "ps": "backoffice.professionals"}


def keep_house(
    demonstrate: Callable[[Settings], None], *, caisse: str, once: bool, port: int, say: Callable[[str], None]
) -> None:
    """Start everything, let `demonstrate` do its work, serve until SIGINT, SIGTERM or SIGHUP, stop everything.

    With `once` nothing is served and the end of `demonstrate` is the end. Raises KeyboardInterrupt when stopped before
    that end, WrongState when another one keeps the same data folder, Unavailable when that folder cannot be written.
    """
    data = data_folder()
    say = _to_the_end(say)
    lock = _alone_on(data)
    _let_signals_interrupt()
    parts = services(say)
    watch: _Watch | None = None
    children = {name: Background(name, data / "run") for name in CHILDREN}
    try:
        for child in children.values():
            child.stop()  # left over by a house that was killed
        say("Services : PostgreSQL, Valkey, annuaire, courriel …")
        parts.start()
        settings = prepare()
        if once:
            demonstrate(settings)
        else:
            watch = _serve(parts, children, port, say)
            _demonstrate_if_possible(demonstrate, settings, say)
            _announce(parts, watch.ports, caisse, say)
            with contextlib.suppress(KeyboardInterrupt):  # the usual end
                watch.until_stopped()
            say("")
    finally:
        for sign in STOP_SIGNALS:
            signal.signal(sign, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it running
        say("Arrêt …")
        if watch is not None:
            watch.leave()
        for child in children.values():
            with contextlib.suppress(OSError):
                child.stop(patience=60)  # a worker ends its lot of e-mails: none is left in doubt
        parts.stop()
        lock.release()
        say("Tout est arrêté ; les données restent.")


def _to_the_end(say: Callable[[str], None]) -> Callable[[str], None]:
    """`say` for one who must go on when nobody listens any more: terminal closed, pipe broken."""

    def tell(sentence: str) -> None:
        try:
            say(sentence)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    return tell


def _alone_on(data: Path) -> InterProcessLock:
    lock = InterProcessLock(data / "run" / "house.lock")
    try:
        (data / "run").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data / "run"):
            alone = lock.acquire(blocking=False)
    except OSError as error:
        raise Unavailable(
            f"Le dossier de données {data} ne peut pas être écrit : changez ses droits, libérez de la place, "
            "ou indiquez-en un autre dans CAISSE_DATA."
        ) from error
    if not alone:
        raise WrongState(f"Tout est déjà en marche sur ce dossier de données ({data}) : arrêtez l’autre ./run d’abord.")
    return lock


def _let_signals_interrupt() -> None:
    def asked(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for sign in STOP_SIGNALS:
        if signal.getsignal(sign) is not signal.SIG_IGN:  # nohup, or a shell's background job
            signal.signal(sign, asked)


def _demonstrate_if_possible(
    demonstrate: Callable[[Settings], None], settings: Settings, say: Callable[[str], None]
) -> None:
    """Serving goes on when the demonstration is refused (disk full, campaign paused by hand ...): say why."""
    try:
        demonstrate(settings)
    except DomainError as refusal:
        say(str(refusal))


class _Watch:
    """Starts again whatever dies, in the background, until told to leave it."""

    def __init__(
        self,
        parts: Services,
        children: dict[str, Background],
        commands: Mapping[str, list[str]],
        ports: Mapping[str, int],
        say: Callable[[str], None],
    ) -> None:
        self.ports = ports
        self._parts, self._children, self._commands, self._say = parts, children, commands, say
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def until_stopped(self) -> None:
        """Wait for a signal."""
        while self._thread.is_alive():
            self._thread.join(timeout=0.5)

    def leave(self) -> None:
        """Stop looking, before the parts are stopped on purpose."""
        self._leave.set()
        self._thread.join(timeout=30)

    def _look(self) -> None:
        while not self._leave.wait(WATCH_SECONDS):
            # Whatever fails here (disk full, a part that will not start) is tried again a second later.
            with contextlib.suppress(DomainError, OSError, psutil.Error):
                self._raise_the_dead()

    def _raise_the_dead(self) -> None:
        for name in self._parts.dead():
            self._say(f"{LABELS[name]} s’est arrêté : redémarrage.")
            self._parts.start((name,))
        for name, child in self._children.items():
            if child.process() is None and not self._leave.is_set():
                self._say(f"{CHILDREN[name]} s’est arrêté : redémarrage.")
                child.start(self._commands[name])


def _serve(parts: Services, children: dict[str, Background], port: int, say: Callable[[str], None]) -> _Watch:
    commands = {"worker": [sys.executable, "-m", "backoffice.worker"]}
    with signals_held():
        children["worker"].start(commands["worker"])
    ports = {"web": port, "mondmp": port + 1, "ps": port + 2}
    # One after the other: the back office makes the key file that mon-dmp reads.
    for name, wanted in ports.items():
        ports[name] = _serve_one(name, children[name], commands, wanted, say)
    commands["feed"] = [sys.executable, "-m", "backoffice.feeding", str(data_folder() / "files" / DEMONSTRATION)]
    with signals_held():
        children["feed"].start(commands["feed"])
    commands["notices"] = [sys.executable, "-m", "backoffice.notifying"]
    with signals_held():
        children["notices"].start(commands["notices"])
    return _Watch(parts, children, commands, ports, say)


def _serve_one(
    name: str, child: Background, commands: dict[str, list[str]], wanted: int, say: Callable[[str], None]
) -> int:
    """Start one application on the port wanted or the next free one; return it."""
    label = CHILDREN[name]
    for _ in range(ATTEMPTS):
        chosen = free_port(wanted, say, label.removeprefix("Le "))
        commands[name] = [sys.executable, "-m", MODULES[name], str(chosen), *ARGUMENTS.get(name, ())]
        with signals_held():
            child.start(commands[name])
        wait_until(
            lambda: listens(child.process(), chosen) or child.process() is None,  # noqa: B023 - waited for right here
            60,
            f"{label} ne démarre pas : voir {child.log_file}.",
        )
        if child.process() is not None:
            say(f"{ADDRESSES[name]}://127.0.0.1:{chosen}/")
            return chosen
        if port_is_free(chosen):
            break
    raise Unavailable(f"{label} s’est arrêté au démarrage : voir {child.log_file}.")


def _announce(parts: Services, ports: Mapping[str, int], caisse: str, say: Callable[[str], None]) -> None:
    state = read_json(parts.run / "services.json")
    say("")
    for name, port in ports.items():
        say(f"{ADDRESSES[name]}://127.0.0.1:{port}/")
    say(f"Courriels et SMS reçus  : http://127.0.0.1:{state['mail_page']['port']}/")
    say("")
    say(f"Comptes de démonstration (mot de passe « {DEMONSTRATION_PASSWORD} ») :")
    for account in demonstration_accounts(caisse):
        say(f"  {account.login:<20} {account.title}, {account.where}")
    say(f"Cartes logicielles de professionnels (code 1234) : {data_folder() / 'igc'}")
    say("Ceux des huit autres caisses : « .venv/bin/caisse demo accounts ».")
    say("Une personne fictive pour essayer mon-dmp et le guichet : « .venv/bin/caisse demo insured ».")
    say("")
    say("Ctrl-C arrête tout.")
