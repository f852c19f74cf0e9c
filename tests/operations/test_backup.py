"""`caisse backup` and `caisse restore`, with real databases, lots and codes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backoffice.cli.commands import run
from backoffice.core.clock import paris_date, system_clock
from backoffice.operations.bringup import RESTORING
from backoffice.operations.restore import OURS
from backoffice.population.insured import InsuredPersons
from backoffice.settings import Settings, key_files
from dmp_core.storage.keyring import Keyring
from dmp_core.storage.seal import Seal

pytestmark = pytest.mark.xdist_group("backup")


@dataclass(frozen=True)
class Home:
    """A data folder with one sealed lot outside its store, a backup of it, and room for others."""

    root: Path
    data: Path
    archive: Path

    @property
    def keys(self) -> Path:
        return self.archive.with_name(f"{self.archive.name}.keys")


def caisse(data: Path, *arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAISSE_DATA", str(data))
        return run(arguments)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    root = tmp_path_factory.mktemp("sauvegarde é")
    for folder in (root, *root.parents):  # PostgreSQL's own user must pass through pytest's folders
        if folder == Path("/tmp"):
            break
        folder.chmod(0o711)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("CAISSE_") or name.endswith("_URL")]:
            patch.delenv(name)
        patch.setenv("CAISSE_FAST", "1")
        data, population = root / "données", root / "population.csv"
        day = paris_date(system_clock()) + timedelta(days=10)
        try:
            assert caisse(data, "services", "start") == 0
            assert caisse(data, "demo", "population", "--caisse", "631", "--count", "120", "--seed", "4",
                          "--out", str(population)) == 0  # fmt: skip
            assert caisse(data, "campaign", "run", "--population", str(population), "--caisse", "631", "--letter-date",
                          day.isoformat(), "--out", str(root / "imprimeur")) == 0  # fmt: skip
            Keyring.create_if_missing(data / "keys" / "holder.json")
            for seal in ("releves.pem", "recus.pem"):
                Seal.create_if_missing(data / "keys" / seal, system_clock())
            assert caisse(data, "backup", str(root / "sauvegarde")) == 0
            yield Home(root, data, root / "sauvegarde")
        finally:
            caisse(data, "services", "stop")


def nothing_of_ours(data: Path) -> bool:
    return not any((data / name).exists() for name in (*OURS, RESTORING))


@pytest.fixture(scope="module")
def restored(home: Home) -> Iterator[Path]:
    """The data folder of the backup restored elsewhere, its services up."""
    place = home.root / "restaurée"
    assert caisse(place, "restore", str(home.archive)) == 0
    try:
        assert caisse(place, "services", "start") == 0
        yield place
    finally:
        caisse(place, "services", "stop")


def answer(capsys: pytest.CaptureFixture[str], data: Path, *arguments: str) -> Any:
    capsys.readouterr()
    assert caisse(data, *arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_a_restored_backup_holds_everything_that_was_there(
    home: Home, restored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answer(capsys, restored, "verify")
    assert found == answer(capsys, home.data, "verify")
    assert found["lots"] >= 1
    assert found["codes_en_cours"] == found["lettres"] > 0
    assert answer(capsys, restored, "audit", "verify")["anomalie"] is None


def test_a_restored_backup_sends_nothing_by_itself(restored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, restored, "environment", "show")["concordent"] is False


def test_lots_sealed_outside_the_store_are_in_the_restored_one_as_they_were(home: Home, restored: Path) -> None:
    for original in (home.root / "imprimeur" / "lots").iterdir():
        [copy] = (restored / "files" / "lots").rglob(original.name)
        assert copy.read_bytes() == original.read_bytes()


def test_what_each_role_reaches_is_the_same_after_a_restore(
    home: Home, restored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [answer(capsys, data, "secrecy") for data in (home.data, restored)]
    for one in (entry for side in found for entry in side):
        one["droits"] = sorted(one["droits"])
    assert found[0] == found[1]


def test_archive_and_keys_are_for_their_owner_alone_and_the_archive_holds_no_key_and_no_page_in_clear(
    home: Home,
) -> None:
    assert [path.stat().st_mode & 0o777 for path in (home.archive, home.keys)] == [0o600, 0o600]
    content = home.archive.read_bytes()
    codes, holder = (
        json.loads((home.data / "keys" / name).read_text()) for name in ("creation-codes.json", "holder.json")
    )
    secrets = json.loads((home.data / "secrets.json").read_text())
    for secret in (
        *codes["keys"].values(),
        *holder["keys"].values(),
        *secrets["roles"].values(),
        "PGDMP",
        "%PDF",
        "lettre;page_debut",
    ):
        assert secret.encode() not in content
    kept = json.loads(home.keys.read_text())
    assert (kept["codes"], kept["holder"]) == (codes, holder)


@pytest.mark.parametrize("name", ["creation-codes.json", "holder.json"])
def test_key_files_are_restored_for_their_owner_alone(home: Home, restored: Path, name: str) -> None:
    copy = restored / "keys" / name
    assert Keyring.load(copy) == Keyring.load(home.data / "keys" / name)
    assert copy.stat().st_mode & 0o777 == 0o600


def test_what_was_signed_before_a_restore_is_signed_by_the_same_hand_after_it(home: Home, restored: Path) -> None:
    seals = {name: path for name, path in key_files({"CAISSE_DATA": str(home.data)}).items() if path.suffix == ".pem"}
    assert set(seals) == {"releves", "recus"}
    kept = json.loads(home.keys.read_text())
    for name, path in seals.items():
        copy = restored / "keys" / path.name
        assert Seal.load(copy).certificate == Seal.load(path).certificate
        assert copy.stat().st_mode & 0o777 == 0o600
        assert kept[name] == path.read_text()


def test_after_a_restore_mon_dmp_still_reaches_the_base_of_insured_persons(restored: Path) -> None:
    settings = Settings.from_env({"CAISSE_DATA": str(restored)})
    insured = InsuredPersons(settings.mondmp.insured_url, system_clock)
    assert insured.by_nir("150086311304218") is None
    insured.close()


def test_a_backup_made_before_mon_dmp_is_restored_without_its_key_file(home: Home, tmp_path: Path) -> None:
    keys = json.loads(home.keys.read_text())
    del keys["holder"]
    older = home.root / "ancienne.keys"
    older.write_text(json.dumps(keys))
    place = home.root / "d’avant mon-dmp"
    assert caisse(place, "restore", str(home.archive), "--keys", str(older)) == 0
    assert (place / "keys" / "creation-codes.json").exists()
    assert not (place / "keys" / "holder.json").exists()


def test_a_folder_in_use_is_never_restored_over(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert caisse(home.data, "restore", str(home.archive)) == 1
    assert "dossier de données vide" in capsys.readouterr().err
    assert caisse(home.data, "verify") == 0


@pytest.mark.parametrize("fault", ["tronquée", "modifiée", "étrangère", "clés d’une autre", "clés absentes"])
def test_a_backup_that_is_not_whole_is_refused_whole(
    home: Home, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, keys = bytearray(home.archive.read_bytes()), json.loads(home.keys.read_text())
    if fault == "tronquée":
        del content[-1000:]
    elif fault == "modifiée":
        content[len(content) // 2] ^= 1
    elif fault == "étrangère":
        content[:10] = b"%PDF-1.7\n\n"
    elif fault == "clés d’une autre":
        keys["sauvegarde"] = "00000000-0000-0000-0000-000000000001"
    (tmp_path / "s").write_bytes(content)
    if fault != "clés absentes":
        (tmp_path / "s.keys").write_text(json.dumps(keys))
    place = tmp_path / "place"
    assert caisse(place, "restore", str(tmp_path / "s")) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.endswith(".")
    assert "Traceback" not in said
    assert nothing_of_ours(place)


def test_a_backup_never_replaces_another(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    before = home.archive.read_bytes()
    assert caisse(home.data, "backup", str(home.archive)) == 1
    assert "existe déjà" in capsys.readouterr().err
    assert home.archive.read_bytes() == before


def test_a_backup_into_a_folder_that_is_not_there_says_so(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert caisse(home.data, "backup", str(home.root / "absent" / "s")) == 1
    assert "rien n’en est gardé" in capsys.readouterr().err


@pytest.mark.crash
def test_a_backup_killed_half_way_leaves_no_file_under_its_name(home: Home) -> None:
    target = home.root / "tuée"
    aside = target.with_name(".tuée.partiel")
    environment = {**os.environ, "CAISSE_DATA": str(home.data)}
    command = [sys.executable, "-c", "from backoffice.cli import main; main()", "backup", str(target)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not aside.exists() and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert aside.stat().st_mode & 0o777 == 0o600
    assert not target.exists()
    assert not target.with_name("tuée.keys").exists()
    assert caisse(home.data, "backup", str(target)) == 0
    assert not aside.exists()


def test_an_interrupted_restore_is_done_again_and_nothing_starts_before(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    place = home.root / "interrompue"
    (place / RESTORING / "files").mkdir(parents=True)
    (place / "pg").mkdir()
    assert caisse(place, "services", "start") == 1
    assert "relancez « caisse restore »" in capsys.readouterr().err
    assert caisse(place, "restore", str(home.archive)) == 0
    assert (place / "pg" / "PG_VERSION").exists()
