"""`./run` and `./test` before anything is installed: what can be tried in seconds, without a network."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ("run", "test", ".ci/run", "locks/update")
LOCKS = ("locks/run.txt", "locks/test.txt")


@pytest.mark.parametrize("script", [*SCRIPTS, "locks/environment.sh"])
def test_each_script_is_well_formed(script: str) -> None:
    subprocess.run(["bash", "-n", str(ROOT / script)], check=True)


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_command_can_be_run_and_stops_at_the_first_fault(script: str) -> None:
    path = ROOT / script
    assert path.stat().st_mode & stat.S_IXUSR
    assert path.read_text(encoding="utf-8").splitlines()[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_has_exact_versions_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    blocks = re.split(r"\n(?=[a-z])", text.strip())
    for block in blocks:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==[^ ;]+( ;[^\n]+)? \\\n +--hash=sha256:[0-9a-f]{64}", block), block


def test_the_lock_of_the_tests_holds_what_a_run_installs_in_the_same_versions() -> None:
    run, everything = (set(re.findall(r"^([a-z].*?) \\$", (ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS)
    assert run <= everything


def bash(folder: Path, script: str, path: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/bash", "-c", f'set -euo pipefail; cd "$1"; . "$2"; {script}', "bash",
         str(folder), str(ROOT / "locks" / "environment.sh")],
        env={"PATH": path, "HOME": str(folder), **environment}, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_the_first_python_that_is_recent_enough_is_taken(tmp_path: Path) -> None:
    tools = tmp_path / "outils"
    program(tools, "python3", "exit 1")  # too old: its version check fails
    program(tools, "python3.12", "exit 0")
    done = bash(tmp_path, "find_python", str(tools))
    assert done.stdout.strip() == str(tools / "python3.12")


def test_without_a_recent_python_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    tools = tmp_path / "outils"
    program(tools, "python3", "exit 1")
    done = bash(tmp_path, "find_python; echo never", str(tools))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Python 3.11 ou plus récent est nécessaire")


def test_a_python_that_cannot_make_environments_is_told_to_an_ordinary_user(tmp_path: Path) -> None:
    tools = tmp_path / "outils"
    program(tools, "python3", 'case "$1" in -c) exit 0 ;; *) echo "ensurepip is not available"; exit 1 ;; esac')
    program(tools, "id", "echo 1000")
    done = bash(tmp_path, f'new_environment "{tools}/python3" installation.log', str(tools))
    assert done.returncode == 1
    assert "sudo apt install python3-venv" in done.stderr
    assert "ensurepip" in (tmp_path / "installation.log").read_text()


def test_root_installs_what_python_lacks(tmp_path: Path) -> None:
    tools = tmp_path / "outils"
    program(tools, "python3", 'case "$1" in -c) echo 3.12 ;; *) [ -e ready ] ;; esac')
    program(tools, "id", "echo 0")
    program(tools, "apt-get", 'echo "$*" >> asked; case "$1" in install) : > ready ;; esac')
    done = bash(tmp_path, f'new_environment "{tools}/python3" installation.log', str(tools))
    assert done.returncode == 0
    assert done.stderr == ""
    assert (tmp_path / "asked").read_text().splitlines()[-1].endswith("python3.12-venv")


def project(folder: Path) -> Path:
    """A copy of what the scripts read, in a folder with a space and an accent."""
    home = folder / "dossier d’essai é"
    (home / "locks").mkdir(parents=True)
    for name in (*LOCKS, "pyproject.toml"):
        (home / name).write_bytes((ROOT / name).read_bytes())
    (home / ".venv" / "bin").mkdir(parents=True)
    (home / ".venv" / "bin" / "python").symlink_to(sys.executable)
    return home


def installed(home: Path, lock: str) -> bool:
    return bash(home, f"is_installed {lock}", "/usr/bin:/bin").returncode == 0


def test_an_environment_counts_as_made_only_with_its_mark(tmp_path: Path) -> None:
    home = project(tmp_path)
    assert not installed(home, "locks/run.txt")
    bash(home, "mark_of locks/run.txt > .venv/.installed", "/usr/bin:/bin")
    assert installed(home, "locks/run.txt")
    assert not installed(home, "locks/test.txt")


def test_the_environment_of_the_tests_is_good_enough_for_a_run(tmp_path: Path) -> None:
    home = project(tmp_path)
    bash(home, "mark_of locks/test.txt > .venv/.installed", "/usr/bin:/bin")
    assert installed(home, "locks/run.txt")
    assert installed(home, "locks/test.txt")


def test_a_moved_folder_a_changed_lock_and_a_broken_python_are_noticed(tmp_path: Path) -> None:
    home = project(tmp_path)
    bash(home, "mark_of locks/run.txt > .venv/.installed", "/usr/bin:/bin")
    moved = home.rename(tmp_path / "ailleurs")
    assert not installed(moved, "locks/run.txt")
    bash(moved, "mark_of locks/run.txt > .venv/.installed", "/usr/bin:/bin")
    (moved / ".venv" / "bin" / "python").unlink()
    assert not installed(moved, "locks/run.txt")
    (moved / ".venv" / "bin" / "python").symlink_to(sys.executable)
    assert installed(moved, "locks/run.txt")
    with (moved / "locks" / "run.txt").open("a") as lock:
        lock.write("# changed\n")
    assert not installed(moved, "locks/run.txt")


def test_settings_of_somebody_elses_pip_are_left_out(tmp_path: Path) -> None:
    done = bash(tmp_path, "env", "/usr/bin:/bin", PIP_USER="1", PIP_TARGET="/tmp/x", PYTHONPATH="/tmp/y")
    assert not re.search(r"^(PIP_USER|PIP_TARGET|PYTHONPATH)=", done.stdout, re.MULTILINE)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    home = project(tmp_path)
    home.chmod(0o555)
    done = bash(home, "make_environment locks/run.txt", "/usr/bin:/bin")
    home.chmod(0o755)
    assert done.returncode == 1
    assert "ne peut pas être écrit" in done.stderr
