"""The embedded services as one: start, stop, status; their addresses and secrets stay in the data folder."""

import json
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fasteners import InterProcessLock

from backoffice.core.errors import Unavailable
from backoffice.embedded import postgres, valkey
from backoffice.embedded.card_reader import slot_of
from backoffice.embedded.processes import Background, free_port, listens, port_is_free, signals_held, wait_until
from backoffice.settings import read_json

PORTS = {"postgres": 15432, "valkey": 16379, "directory": 10389, "mail": 10025, "mail_page": 8025, "card_reader": 35963}
LABELS = {
    "postgres": "PostgreSQL",
    "valkey": "Valkey",
    "directory": "annuaire",
    "mail": "courriel (SMTP)",
    "mail_page": "page des courriels",
    "card_reader": "lecteur de carte",
}
ATTEMPTS = 5
"""Two houses that start at once may choose the same port: the one that loses takes the next."""
EVERYTHING = ("postgres", "valkey", "directory", "mail", "card_reader")


@dataclass(frozen=True, slots=True)
class Status:
    """One service: its name, its process if alive, its port."""

    name: str
    pid: int | None
    port: int | None


class Services:
    """The embedded services of one data folder."""

    def __init__(self, data: Path, *, fast: bool = False, say: Callable[[str], None] = lambda _: None) -> None:
        self.data = data
        self.run = data / "run"
        self.fast = fast
        self.say = say

    def start(self, only: Sequence[str] = EVERYTHING, ports: dict[str, int] | None = None) -> list[str]:
        """Start what does not run yet; return the names of those started by this call."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.run.mkdir(exist_ok=True)
        with InterProcessLock(self.run / "lock"):
            kept = self._secrets()
            state = read_json(self.run / "services.json")
            wanted = {**PORTS, **{name: entry["port"] for name, entry in state.items()}, **(ports or {})}
            started: list[str] = []
            try:
                for name in only:
                    if self._background(name).process() is not None and name in state:
                        continue
                    with signals_held():
                        self._start_where_free(name, state, wanted, kept)
                        self._write(self.run / "services.json", state)
                        started.append(name)
            except BaseException:
                for name in reversed(started):
                    self.stop_one(name)
                raise
            return started

    def stop(self, only: Sequence[str] = EVERYTHING) -> None:
        """Stop what runs; data stay."""
        with InterProcessLock(self.run / "lock"):
            for name in reversed(only):
                self.stop_one(name)

    def status(self) -> list[Status]:
        """Every embedded service with its process and port."""
        state = read_json(self.run / "services.json")
        found = []
        for name in EVERYTHING:
            process = self._background(name).process()
            found.append(Status(LABELS[name], process.pid if process else None, state.get(name, {}).get("port")))
        return found

    def dead(self) -> list[str]:
        """Names of the services started once whose process is gone."""
        state = read_json(self.run / "services.json")
        return [name for name in EVERYTHING if name in state and self._background(name).process() is None]

    def _background(self, name: str) -> Background:
        return Background(name, self.run)

    def _start_where_free(
        self, name: str, state: dict[str, dict[str, Any]], wanted: dict[str, int], kept: dict[str, Any]
    ) -> None:
        """Start one service on its port or the next free one, trying again when another program takes it meanwhile."""
        for attempt in range(ATTEMPTS):
            port = free_port(wanted[name], self.say, LABELS[name])
            state[name] = {"port": port}
            try:
                self._start(name, port, state, wanted, kept)
            except BaseException as failure:
                self.stop_one(name)
                others = [state["mail_page"]["port"]] if name == "mail" and "mail_page" in state else []
                lost_race = isinstance(failure, Unavailable) and not all(map(port_is_free, (port, *others)))
                if lost_race and attempt + 1 < ATTEMPTS:
                    continue
                raise
            return

    def stop_one(self, name: str) -> None:
        """Stop one service if it runs."""
        if name == "postgres":
            postgres.Postgres(self.data, self.run, fast=self.fast).stop()
        else:
            self._background(name).stop()

    def _start(
        self, name: str, port: int, state: dict[str, dict[str, Any]], wanted: dict[str, int], kept: dict[str, Any]
    ) -> None:
        background = self._background(name)
        if name == "postgres":
            cluster = postgres.Postgres(self.data, self.run, fast=self.fast)
            state[name]["pid"] = cluster.start(port, kept["roles"])
        elif name == "valkey":
            state[name]["pid"] = valkey.start(background, self.data / "valkey", port, str(kept["valkey"]))
        elif name == "directory":
            # Imported here: starting a database alone needs neither cryptography nor the directory's library.
            from backoffice.embedded.certificates import ensure_certificates
            from backoffice.embedded.staff import BASE_DN, DEMONSTRATION_PASSWORD, SERVICE_DN

            tls = ensure_certificates(self.data / "tls")
            state[name] |= {"base": BASE_DN, "service_dn": SERVICE_DN, "service_password": DEMONSTRATION_PASSWORD}
            state[name]["pid"] = self._module(
                background,
                port,
                "backoffice.embedded.directory",
                "--port",
                str(port),
                "--cert",
                str(tls.certificate),
                "--key",
                str(tls.key),
            )
        elif name == "mail":
            page = free_port(wanted["mail_page"], self.say, LABELS["mail_page"])
            state["mail_page"] = {"port": page}
            state[name]["pid"] = self._module(
                background, port, "backoffice.embedded.mailcatcher",
                "--smtp-port", str(port), "--http-port", str(page), "--dir", str(self.data / "mail"),
            )  # fmt: skip

        elif name == "card_reader":
            state[name]["pid"] = self._module(
                background, port, "backoffice.embedded.card_reader", "--port", str(port), "--slot", str(slot_of(self.run)),
            )  # fmt: skip

    def _module(self, background: Background, port: int, module: str, *arguments: str) -> int:
        pid = background.start([sys.executable, "-m", module, *arguments], env={**os.environ, "PYTHONUNBUFFERED": "1"})
        wait_until(
            lambda: listens(background.process(), port) or background.process() is None,
            20,
            f"{module} ne démarre pas : voir {background.log_file}.",
        )
        if background.process() is None:
            raise Unavailable(f"{module} s’est arrêté au démarrage : voir {background.log_file}.")
        return pid

    def _secrets(self) -> dict[str, Any]:
        path = self.data / "secrets.json"
        kept = read_json(path)
        fresh: dict[str, Callable[[], object]] = {
            "roles": postgres.new_passwords,
            "valkey": lambda: secrets.token_urlsafe(24),
            "backoffice_key": lambda: secrets.token_urlsafe(48),
            "mondmp_key": lambda: secrets.token_urlsafe(48),
            "ps_key": lambda: secrets.token_urlsafe(48),
        }
        missing = {name: make() for name, make in fresh.items() if name not in kept}
        if absent := set(postgres.ROLES) - set(kept.get("roles", postgres.ROLES)):
            passwords = postgres.new_passwords()  # roles that the project has added since this folder was made
            missing["roles"] = kept["roles"] | {role: passwords[role] for role in sorted(absent)}
        if missing:
            kept.update(missing)
            self._write(path, kept)
        return kept

    @staticmethod
    def _write(path: Path, content: object) -> None:
        aside = path.with_suffix(".new")
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            json.dump(content, out, indent=1)
            out.flush()
            os.fsync(out.fileno())
        aside.replace(path)
