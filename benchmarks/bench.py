"""What benchmarks have in common: an installation of their own, documents to send, two sides compared."""

import io
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pikepdf

from backoffice.settings import Settings
from dmp_core.storage.keyring import Keyring

CAISSE: Final = Path(sys.executable).with_name("caisse")
BYTES: Final = 40_000
"""Of a document, about."""


@dataclass(frozen=True)
class Place:
    """A folder with services of its own, up and migrated."""

    folder: Path
    env: dict[str, str] = field(repr=False)
    settings: Settings

    def command(self, *words: str) -> None:
        """One `caisse` command, quietly."""
        _caisse(self.env, *words)


def _caisse(env: dict[str, str], *words: str) -> None:
    subprocess.run([str(CAISSE), *words], env=env, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def installed(**parameters: str) -> Iterator[Place]:
    """An installation that lasts as long as the block; `parameters` are environment variables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL refuses root and runs as another user
        env = os.environ | {"CAISSE_DATA": str(folder / "data")} | parameters
        try:
            _caisse(env, "services", "start")
            _caisse(env, "migrate")
            settings = Settings.from_env(env)
            Keyring.create_if_missing(settings.code_keyring)  # which the back office makes
            yield Place(folder, env, settings)
        finally:
            _caisse(env, "services", "stop")


def a_pdf() -> bytes:
    """A PDF of its own, of about `BYTES` bytes."""
    pdf, out = pikepdf.new(), io.BytesIO()
    page = pdf.add_blank_page(page_size=(595, 842))
    page.Contents = pdf.make_stream(b"% " + secrets.token_hex(BYTES // 2).encode())
    pdf.save(out, compress_streams=False)
    return out.getvalue()


@dataclass(frozen=True)
class Compared:
    """Two series of durations, in milliseconds."""

    medians: tuple[float, float]
    ratio: float
    """Of the medians, the longer over the shorter."""
    low: float
    high: float
    """Between which the difference of the means lies, 95 times of 100, the slowest twentieth of each side left out."""


def compare(one: Sequence[float], other: Sequence[float]) -> Compared:
    """Two sides that were asked in turns."""
    first, second = statistics.median(one), statistics.median(other)
    middle = [sorted(times)[: max(2, int(len(times) * 0.95))] for times in (one, other)]
    error = 1.96 * sum(statistics.variance(times) / len(times) for times in middle) ** 0.5
    difference = statistics.mean(middle[0]) - statistics.mean(middle[1])
    return Compared(
        medians=(round(first, 2), round(second, 2)),
        ratio=round(max(first, second) / min(first, second), 3),
        low=round(difference - error, 2),
        high=round(difference + error, 2),
    )
