"""Everything killed at random during a campaign: the short form of `long_run.py`."""

import subprocess
import sys
import uuid
from pathlib import Path

import psutil
import pytest

SCRIPT = Path(__file__).with_name("long_run.py")


@pytest.mark.crash
def test_whatever_is_killed_each_eligible_person_ends_on_one_page_with_one_live_code(
    worker_id: str,
) -> None:
    port = 25400 + 100 * int("".join(filter(str.isdigit, worker_id)) or 0)
    options = ["--letters", "900", "--lot-size", "60", "--kills", "9", "--pages", "60", "--port", str(port)]
    name = f"essai {uuid.uuid4().hex} "
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *options, "--seed", "3", "--patience", "180", "--prefix", name],
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tout concorde" in done.stdout
    _, left = psutil.wait_procs([one for one in psutil.process_iter() if "caisse essai" in _command(one)], timeout=20)
    assert list(left) == []


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()) + (process.cwd() or "")
    except psutil.Error:
        return ""
