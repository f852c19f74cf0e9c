"""`caisse campaign run`: from a population file to sealed lots, whatever interrupts it."""

import csv
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest
from campaigns.world import World, a_person, manifest_of, pages_of, write_rows

from backoffice.embedded.mailbox import Mailbox
from backoffice.embedded.mailcatcher import Catcher, SmtpDoor
from cli.test_commands import CAISSE, DAY, environ


def run(world: World, population: Path, out: Path, *more: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [CAISSE, *arguments(population, out), *more], env=options.pop("env", environ(world)), capture_output=True,
        text=True, check=False, **options,
    )  # fmt: skip


def arguments(population: Path, out: Path) -> list[str]:
    return [
        "campaign", "run", "--population", str(population), "--caisse", "631", "--letter-date", DAY, "--out", str(out),
    ]  # fmt: skip


def a_population(folder: Path, letters: int = 45) -> Path:
    return write_rows(
        folder / "population.csv",
        [
            *(a_person(code_postal=f"63{n % 9}00", adresse_4=f"{n} RUE") for n in range(letters)),
            *(a_person(canal="mail", email=f"p{n}@exemple.fr") for n in range(5)),
            a_person(ville="X" * 60),
            a_person(opposition="O"),
            a_person(date_naissance="2015-01-01"),
            a_person(nir="250086311304299"),
            a_person(caisse="941"),
        ],
    )


def assert_each_eligible_person_is_on_one_page(world: World, out: Path, expected: int) -> None:
    lots = out / "lots"
    persons: Counter[str] = Counter()
    codes: dict[bytes, int] = {}
    for proof in sorted(lots.glob("*.json")):
        manifest = manifest_of(lots, proof.stem)
        persons.update(row["personne"] for row in manifest)
        for page, row in zip(pages_of(proof.with_suffix(".pdf")), manifest, strict=True):
            assert page.letter_id == row["lettre"]
            codes[world.digest("631", page.code)] = int(row["personne"])
    assert set(persons.values()) == {1}
    assert len(persons) == expected
    live = world.codes()
    assert codes.items() <= live.items()
    assert Counter(live.values()).most_common(1)[0][1] == 1
    assert not [path for path in lots.iterdir() if path.name.startswith(".")]


def test_the_folder_holds_what_was_promised_and_the_numbers_add_up(world: World) -> None:
    population, out = a_population(world.folder), world.folder / "ma sortie"
    done = run(world, population, out, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert json.loads((out / "resume.json").read_text(encoding="utf-8")) == said
    assert {path.name for path in out.iterdir()} == {"lots", "rejets.csv", "exclus.csv", "resume.json"}
    assert {name: said[name] for name in ("read", "created", "updated", "unchanged", "rejected")} == {
        "read": 55, "created": 54, "updated": 0, "unchanged": 0, "rejected": 1,
    }  # fmt: skip
    assert (said["targeted"], said["eligible"]) == (53, 51)
    assert (said["letters"], said["emails"], said["exceptions"], said["lots"], said["pages"]) == (45, 5, 1, 3, 45)
    assert said["eligible"] == said["letters"] + said["emails"] + said["exceptions"]
    assert said["excluded"] == {"opposition": 1, "mineur": 1}
    assert said["peak_memory_bytes"] > 0
    assert {"import", "selection", "lots", "total"} <= said["seconds"].keys()
    with (out / "exclus.csv").open(encoding="utf-8", newline="") as source:
        left_out = {row["motif"]: int(row["personnes"]) for row in csv.DictReader(source, delimiter=";")}
    assert {reason: count for reason, count in left_out.items() if count} == said["excluded"]
    assert len((out / "rejets.csv").read_text(encoding="utf-8-sig").splitlines()) == 2
    for proof in (out / "lots").glob("*.json"):
        assert proof.with_suffix(".pdf").exists()
        assert json.loads(proof.read_text(encoding="utf-8"))["lettres"] <= 20
    assert_each_eligible_person_is_on_one_page(world, out, 45)
    world.clock.now = world.clock.now.now(world.clock.now.tzinfo)
    assert world.verify().clean

    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    again = run(world, population, out)
    assert (again.returncode, again.stdout) == (1, "")
    assert "contient déjà les lots d’une campagne" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    assert len(world.sql("SELECT 1 FROM campaign")) == 1


def test_nobody_to_write_to_is_an_end_like_another(world: World) -> None:
    out = world.folder / "sortie"
    done = run(world, write_rows(world.folder / "p.csv", [a_person(pnd="O")]), out, "--json")
    assert done.returncode == 0, done.stderr
    assert (json.loads(done.stdout)["eligible"], json.loads(done.stdout)["lots"]) == (0, 0)
    assert world.sql("SELECT state FROM campaign") == [("terminee",)]


@pytest.mark.crash
@pytest.mark.parametrize("seed", [1])
def test_killed_at_any_moment_the_same_command_ends_the_same(world: World, seed: int) -> None:
    population, out = a_population(world.folder, letters=200), world.folder / "sortie"
    rng = random.Random(seed)
    env = environ(world) | {"CAISSE_PROCESSES": "2"}
    for _ in range(2):
        process = subprocess.Popen(
            [CAISSE, *arguments(population, out)], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        # Count from the moment the work begins: starting takes longer on a busy machine.
        end = time.monotonic() + 20
        while not world.sql("SELECT 1 FROM population_import") and time.monotonic() < end and process.poll() is None:
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 2.5))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done = run(world, population, out, "--json", env=env)
    if done.returncode:  # the last one had ended before it was killed
        assert "contient déjà les lots" in done.stderr
    said = json.loads((out / "resume.json").read_text(encoding="utf-8"))
    assert (said["letters"], said["emails"], said["exceptions"], said["eligible"]) == (200, 5, 1, 206)
    assert_each_eligible_person_is_on_one_page(world, out, 200)
    assert len(world.sql("SELECT 1 FROM campaign")) == 1
    world.clock.now = world.clock.now.now(world.clock.now.tzinfo)
    assert world.verify().clean


@pytest.mark.crash
def test_ctrl_c_says_one_word_and_leaves_no_process(world: World) -> None:
    # Far more lots than are made between the first one and the signal, on the busiest machine.
    population, out = a_population(world.folder, letters=6000), world.folder / "sortie"
    process = subprocess.Popen(
        [CAISSE, *arguments(population, out)], env=environ(world), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True, preexec_fn=_hear_ctrl_c,
    )  # fmt: skip
    end = time.monotonic() + 30
    while not list(out.rglob("*.json")) and time.monotonic() < end:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert err.strip() == "Interrompu."
    assert not left_of(process.pid)


def _hear_ctrl_c() -> None:
    """A shell's background job, and whatever it starts, ignores Ctrl-C unless told otherwise."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def left_of(leader: int) -> list[psutil.Process]:
    """Processes of the group that outlive its leader; the standard library's resource tracker, which ends by itself once
    its parent is gone, is given the moment it takes."""
    _, left = psutil.wait_procs([one for one in psutil.process_iter() if _group(one) == leader], timeout=20)
    return list(left)


def _group(process: psutil.Process) -> int | None:
    try:
        return os.getpgid(process.pid) if process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.NoSuchProcess, ProcessLookupError):
        return None


def test_services_of_its_own_are_started_for_the_command_and_stopped_after_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    for folder in tmp_path.parents:
        if folder == Path("/tmp"):
            break
        folder.chmod(0o711)
    data = tmp_path / "données à part"
    env = {name: value for name, value in os.environ.items() if not name.startswith("CAISSE_")}
    env |= {"CAISSE_DATA": str(data), "CAISSE_FAST": "1", "CAISSE_PROCESSES": "1"}
    population = write_rows(tmp_path / "p.csv", [a_person() for _ in range(3)])
    out = tmp_path / "sortie"
    done = subprocess.run(
        [CAISSE, *arguments(population, out), "--json"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["letters"] == 3
    assert "Traceback" not in done.stderr
    status = subprocess.run(
        [CAISSE, "services", "status", "--json"], env=env, capture_output=True, text=True, check=True
    )
    left = json.loads(status.stdout)
    assert left
    assert all(one["pid"] is None for one in left)


@pytest.mark.crash
def test_a_campaign_launched_by_command_is_made_by_a_worker(world: World, tmp_path: Path) -> None:
    door = SmtpDoor(Catcher(Mailbox(tmp_path / "courriels")))
    door.start()
    env = environ(world) | {"SMTP_URL": f"smtp://127.0.0.1:{door.port}"}
    log = (tmp_path / "worker.log").open("w")
    worker = subprocess.Popen([CAISSE, "worker"], env=env, stdout=log, stderr=log, start_new_session=True)

    def caisse(*command: str) -> str:
        done = subprocess.run([CAISSE, *command], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        caisse("population", "import", str(a_population(tmp_path)))
        options = ("--name", "Essai", "--caisse", "631", "--letter-date", DAY)
        reference = caisse("campaign", "create", *options).strip()
        caisse("campaign", "submit", reference)
        assert "51 personnes" in caisse("campaign", "approve", reference)
        assert "3 lots scellés, 45 courriers" in caisse("campaign", "launch", reference, "--wait")
        found = json.loads(caisse("campaign", "status", reference, "--json"))
        assert (found["letters"], found["emails"], found["exceptions"]) == (45, 5, 1)
        assert "tout concorde" in caisse("verify")
        assert len(list((tmp_path / "courriels").rglob("*.eml"))) == 5
        for process in [psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True)]:
            if "resource_tracker" not in " ".join(process.cmdline()):
                process.send_signal(signal.SIGUSR1)  # asked where it is, it says so and goes on
        end = time.monotonic() + 20
        while (tmp_path / "worker.log").read_text().count("most recent call first") < 2:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert worker.poll() is None
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=40)
        door.stop()
        log.close()
    assert not left_of(worker.pid)
    said = (tmp_path / "worker.log").read_text()
    assert "Traceback" not in said
    assert "@exemple.fr" not in said
