"""What it costs to refuse a file made to swell, to loop or to run: seconds, and bytes beyond what a process takes anyway.

    .venv/bin/python -m benchmarks.bombs

Each bomb goes in as a professional's deposit would, in a fresh process; the peak is that process's and its examiner's
together, less what they take after a harmless file. RECORD, section 4, row 28: under a second, under 64 MiB.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from record.bombs import AUTHOR, BOMBS  # type: ignore[import-not-found]  # noqa: E402
from record.foreign import a_cda  # type: ignore[import-not-found]  # noqa: E402
from record.samples import a_pdf, a_photo  # type: ignore[import-not-found]  # noqa: E402

from dmp_core.errors import Invalid  # noqa: E402
from dmp_core.record.cda_check import checked_cda, is_cda  # noqa: E402
from dmp_core.record.contents import as_sent, checked  # noqa: E402


def enter(data: bytes) -> None:
    """As a deposit does."""
    if is_cda(data):
        checked_cda(data, "11502-2", "2.16.840.1.113883.6.1", AUTHOR)
    else:
        as_sent(data)


def one(name: str) -> None:
    """Measure one bomb, in this process."""
    data = BOMBS[name]()
    for harmless in (a_pdf(), a_photo()):
        as_sent(harmless)
    checked([a_photo()])
    with contextlib.suppress(Invalid):  # which reads the schema
        checked_cda(a_cda("1" * 22, AUTHOR), "11502-2", "2.16.840.1.113883.6.1", AUTHOR)
    processes = [os.getpid(), *_children()]
    for each in processes:
        Path(f"/proc/{each}/clear_refs").write_text("5")
    before = sum(_status(each, "VmRSS") for each in processes)
    began, told = time.perf_counter(), "taken"
    try:
        enter(data)
    except Invalid as refusal:
        told = str(refusal)
    seconds = time.perf_counter() - began
    peak = sum(_status(each, "VmHWM") for each in processes) - before
    print(json.dumps({"seconds": seconds, "mib": peak / 1024, "told": told, "size": len(data)}))


def _children() -> list[int]:
    return [int(each) for each in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()]


def _status(process: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)


def main() -> None:
    """Every bomb, each in a process of its own."""
    worst = [0.0, 0.0]
    for name in BOMBS:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.bombs", name], cwd=ROOT, check=True, capture_output=True, text=True
        )
        found = json.loads(done.stdout)
        worst = [max(worst[0], found["seconds"]), max(worst[1], found["mib"])]
        print(
            f"{name:42} {found['size'] / 1024:9.1f} KiB {found['seconds']:7.3f} s {found['mib']:6.1f} MiB  {found['told']}"
        )
    print(f"worst: {worst[0]:.3f} s, {worst[1]:.1f} MiB")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        one(sys.argv[1])
    else:
        main()
