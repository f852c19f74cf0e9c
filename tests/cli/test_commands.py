"""The command line: what it prints, with which status, and what it says of bad input."""

import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from campaigns.world import World, a_person, write_rows

from backoffice.cli import commands
from backoffice.core.clock import paris_date, system_clock

CAISSE = str(Path(sys.executable).with_name("caisse"))
DAY = (paris_date(system_clock()) + timedelta(days=7)).isoformat()
Cli = Callable[..., tuple[int, str, str]]
ENGLISH = re.compile(r"\b(the|is not|does not|invalid|usage|error|such|missing|file)\b", re.IGNORECASE)


def environ(world: World) -> dict[str, str]:
    own = world.settings
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("CAISSE_")},
        "CAISSE_DATA": str(own.data), "CAISSE_FAST": "1", "CAISSE_PROCESSES": "1", "CAISSE_LOT_SIZE": "20",
        "CREATION_CODE_KEYRING": str(own.code_keyring), "REDIS_URL": own.redis_url, "DATABASE_URL": own.caisse_url,
        "DATABASE_OWNER_URL": own.caisse_owner_url, "DMP_DATABASE_URL": own.dmp_caisse_url,
        "DMP_OWNER_DATABASE_URL": own.dmp_owner_url, "SMTP_URL": "smtp://127.0.0.1:1", "COLUMNS": "200",
    }  # fmt: skip


@pytest.fixture
def cli(world: World, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> Cli:
    """The command line in this process, over this world's databases: (status, stdout, stderr)."""
    for name, value in environ(world).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(commands, "quiet_logs", lambda *_: None)
    monkeypatch.setattr("campaigns.world.LETTER_DAY", date.fromisoformat(DAY))
    world.clock.now = system_clock()

    def run(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        status = commands.run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return status, out, err

    return run


def refused(answer: tuple[int, str, str], status: int, sentence: str) -> None:
    code, out, err = answer
    lines = err.strip().splitlines()
    assert (code, out, len(lines)) == (status, "", 1), answer
    assert sentence in lines[0], lines
    assert "Traceback" not in err
    assert not ENGLISH.search(lines[0].split(" Aide : ")[0]), lines


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("campagne",), "Cette commande n’existe pas"),
        (("campaign", "status"), "Il manque"),
        (("campaign", "status", "A", "B"), "Argument en trop"),
        (("campaign", "create", "--nom", "x"), "L’option « --nom » n’existe pas"),
        (("campaign", "create", "--name"), "demande une valeur"),
        (("campaign", "create", "--caisse", "631", "--letter-date", DAY), "Il manque « --name »"),
        (("campaign", "create", "--name", "x", "--caisse", "631", "--letter-date", "31/02/2030"), "n’est pas une date"),
        (
            ("campaign", "create", "--name", "x", "--caisse", "631", "--letter-date", DAY, "--age-min", "x"),
            "nombre entier",
        ),
        (
            ("campaign", "create", "--name", "x", "--caisse", "631", "--letter-date", DAY, "--canal", "pigeon"),
            "choisissez registered ou courrier",
        ),
        (("campaign", "preview", "REC-2016-0001", "x.pdf", "--count", "99"), "de 1 à 50"),
        (("lot", "verify", "--dossier", "/nulle/part"), "un dossier qui existe"),
        (("lot", "release", "x", "--motif", "y"), "nombre entier"),
    ],
)
def test_a_wrong_usage_is_said_in_french_with_status_2(cli: Cli, arguments: tuple[str, ...], sentence: str) -> None:
    refused(cli(*arguments), 2, sentence)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"--caisse": "999"}, "« 999 » n’est pas l’une des neuf"),
        ({"--letter-date": "2016-01-04"}, "est passée"),
        ({"--kind": "pub"}, "« pub » n’existe pas"),
        ({"--name": " "}, "Donnez un nom"),
        ({"--age-min": "50", "--age-max": "40"}, "dépasse l’âge maximal"),
        ({"--postal-code": "6X"}, "ni un code postal"),
        ({"--qualite": "XX"}, "« XX » n’existe pas"),
        ({"--per-day": "0"}, "au moins 1"),
    ],
)
def test_a_campaign_that_cannot_be_is_refused_with_status_1(
    world: World, cli: Cli, changes: dict[str, str], sentence: str
) -> None:
    options = {"--name": "x", "--caisse": "631", "--letter-date": DAY} | changes
    refused(cli("campaign", "create", *(part for pair in options.items() for part in pair)), 1, sentence)
    assert world.sql("SELECT 1 FROM campaign") == []


@pytest.mark.parametrize("command", ["submit", "approve", "launch", "pause", "resume", "status"])
def test_an_unknown_campaign_is_not_found(cli: Cli, command: str) -> None:
    refused(cli("campaign", command, "REC-1999-0001"), 1, "introuvable")


def run_options(population: Path, out: Path, **changes: str) -> list[object]:
    options = {"population": population, "caisse": "631", "letter-date": DAY, "out": out} | changes
    return ["campaign", "run", *(part for name, value in options.items() for part in (f"--{name}", value))]


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "missing": (b"", "introuvable"),
    "empty": (b"\n", "est vide"),
    "pdf": (b"%PDF-1.7\n", "document PDF"),
    "binary": (b"\x00\x01\x02", "pas un fichier texte"),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00", "coupé"),
    "columns": (b"nir;nom\n1;2\n", "colonne"),
    "commas": (b"nir,civilite,prenom\n", "point-virgule"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
@pytest.mark.parametrize("command", ["import", "run"])
def test_what_is_no_population_file_is_refused_and_leaves_nothing(
    world: World, cli: Cli, kind: str, command: str
) -> None:
    content, sentence = BAD_FILES[kind]
    path = world.folder / "population.csv"
    if kind != "missing":
        path.write_bytes(content)
    out = world.folder / "sortie"
    answer = cli("population", "import", path) if command == "import" else cli(*run_options(path, out))
    refused(answer, 1, sentence)
    assert not [found for found in out.rglob("*") if found.is_file()]
    assert world.sql("SELECT 1 FROM population_import") == []


def test_a_bad_encoding_names_the_two_that_are_taken(world: World, cli: Cli) -> None:
    path = write_rows(world.folder / "p.csv", [a_person()])
    refused(cli("population", "import", path, "--encoding", "klingon"), 1, "utf-8 ou iso-8859-15")


def test_rows_at_fault_are_reported_and_do_not_stop_the_import(world: World, cli: Cli) -> None:
    rows = [
        a_person(),
        a_person(nir="250086311304299"),
        a_person(date_naissance="2999-01-01"),
        a_person(adresse_4="X" * 61),
        a_person(caisse="999"),
    ]
    report = world.folder / "rejets.csv"
    status, out, err = cli(
        "population", "import", write_rows(world.folder / "p.csv", rows), "--report", report, "--json"
    )
    assert (status, err) == (0, "")
    assert json.loads(out) == {"read": 5, "created": 1, "updated": 0, "unchanged": 0, "rejected": 4}
    lines = report.read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(";")[:2] for line in lines[1:]] == [
        ["3", "nir"], ["4", "date_naissance"], ["5", "adresse_4"], ["6", "caisse"],
    ]  # fmt: skip
    status, out, _ = cli("population", "import", world.folder / "p.csv")
    assert "5 lignes lues : 0 créées, 0 modifiées, 1 identiques, 4 rejetées." in out


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"caisse": "999"}, "l’une des neuf"), ({"letter-date": "2016-01-04"}, "est passée")],
)
def test_a_run_that_cannot_be_is_refused_before_anything_is_imported(
    world: World, cli: Cli, changes: dict[str, str], sentence: str
) -> None:
    path, out = write_rows(world.folder / "p.csv", [a_person()]), world.folder / "sortie"
    refused(cli(*run_options(path, out, **changes)), 1, sentence)
    assert not out.exists()
    assert world.sql("SELECT count(*) FROM person") == [(0,)]


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_imported(world: World, cli: Cli) -> None:
    path, out = write_rows(world.folder / "p.csv", [a_person()]), world.folder / "fichier"
    out.write_text("x")
    refused(cli(*run_options(path, out / "sortie")), 1, "ne peut pas être écrit")
    assert world.sql("SELECT count(*) FROM person") == [(0,)]


def test_a_database_that_does_not_answer_is_said_so(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://caisse:x@127.0.0.1:1/caisse")
    refused(cli("campaign", "list"), 1, "base de données ne répond pas")
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql+psycopg://caisse:x@127.0.0.1:1/caisse")
    refused(cli("migrate"), 1, "base de données ne répond p")


def test_without_services_a_command_says_how_to_start_them(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "DMP_DATABASE_URL", "DMP_OWNER_DATABASE_URL"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("CAISSE_DATA", str(tmp_path / "vide"))
    refused(cli("campaign", "list"), 1, "caisse services start")


def test_a_queue_that_is_down_stops_nobody(world: World, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    world.load([a_person()])
    reference = world.create()
    for step in ("submit", "approve", "launch"):
        assert cli("campaign", step, reference)[0] == 0


def test_every_step_of_a_campaigns_life_by_command(world: World, cli: Cli) -> None:
    world.load([a_person() for _ in range(3)])
    status, out, err = cli("campaign", "create", "--name", "Essai", "--caisse", "631", "--letter-date", DAY)
    assert (status, err) == (0, "")
    reference = out.strip()
    assert re.fullmatch(r"REC-\d{4}-\d{4}", reference)
    assert "attend son approbation" in cli("campaign", "submit", reference)[1]
    assert "3 personnes, 1 lots" in cli("campaign", "approve", reference)[1]
    assert "est lancée" in cli("campaign", "launch", reference)[1]
    refused(cli("campaign", "launch", reference), 1, "est impossible : la campagne est « en cours »")
    assert "est suspendue" in cli("campaign", "pause", reference)[1]
    assert "a repris" in cli("campaign", "resume", reference)[1]
    found = json.loads(cli("campaign", "status", reference, "--json")[1])
    assert (found["state"], found["eligible"], found["lots"], found["letters"]) == ("en_cours", 3, 1, 0)
    assert reference in cli("campaign", "status", reference)[1]
    assert "annulée" in cli("campaign", "cancel", reference, "--motif", "essai")[1]
    assert world.codes() == {}
    status, out, _ = cli("verify")
    assert status == 0, out


@pytest.mark.parametrize(
    "arguments",
    [
        ("campaign", "list"), ("lot", "list"), ("lot", "verify"), ("verify",), ("audit", "verify"), ("secrecy",),
        ("environment", "show"), ("services", "status"),
    ],
)  # fmt: skip
def test_json_is_one_document_on_stdout_and_nothing_else(world: World, cli: Cli, arguments: tuple[str, ...]) -> None:
    world.load([a_person()])
    world.sealed()
    status, out, err = cli(*arguments, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) is not None
    assert cli(*arguments)[0] == 0


def test_create_prints_its_reference_as_json_too(cli: Cli) -> None:
    out = cli("campaign", "create", "--name", "x", "--caisse", "631", "--letter-date", DAY, "--json")[1]
    assert json.loads(out)["reference"].startswith("REC-")


def test_a_lot_is_exported_whole_and_verified_there(world: World, cli: Cli) -> None:
    world.load([a_person()])
    reference = world.sealed()
    name = world.lots(reference)[0].name
    place = world.folder / "imprimeur"
    assert cli("lot", "export", name, place)[0] == 0
    assert sorted(path.name for path in place.iterdir()) == [f"{name}.csv", f"{name}.json", f"{name}.pdf"]
    assert cli("lot", "verify", "--dossier", place)[0] == 0
    (place / f"{name}.pdf").chmod(0o600)
    (place / f"{name}.pdf").write_bytes(b"%PDF")
    status, out, _ = cli("lot", "verify", "--dossier", place)
    assert status == 1
    assert "modifié après le scellement" in out
    refused(cli("lot", "export", "inconnu", place), 1, "introuvable")


def test_a_tampered_lot_fails_verify_with_status_1_and_cannot_be_exported(world: World, cli: Cli) -> None:
    world.load([a_person()])
    name = world.lots(world.sealed())[0].name
    (world.out / f"{name}.pdf").chmod(0o600)
    (world.out / f"{name}.pdf").write_bytes(b"%PDF")
    status, out, _ = cli("verify", "--json")
    assert (status, len(json.loads(out)["anomalies"])) == (1, 1)
    assert cli("lot", "verify", name)[0] == 1
    place = world.folder / "imprimeur"
    refused(cli("lot", "export", name, place), 1, "modifié après le scellement")
    assert not place.exists() or not list(place.iterdir())


def test_a_lot_whose_proof_was_made_anew_cannot_be_exported(world: World, cli: Cli) -> None:
    world.load([a_person()])
    name = world.lots(world.sealed())[0].name
    world.sql("UPDATE lot SET pdf_sha256 = decode(repeat('00', 32), 'hex')")
    place = world.folder / "imprimeur"
    refused(cli("lot", "export", name, place), 1, "ne sont pas celles enregistrées au scellement")
    assert not place.exists()


def test_a_copied_environment_is_refused_the_export_until_it_is_adopted(world: World, cli: Cli) -> None:
    world.load([a_person()])
    name = world.lots(world.sealed())[0].name
    world.sql("UPDATE environment SET id = :id", id=uuid.uuid4())
    refused(cli("lot", "export", name, world.folder / "imprimeur"), 1, "caisse environment adopt")
    assert json.loads(cli("environment", "show", "--json")[1])["concordent"] is False
    assert cli("environment", "adopt", "--oui")[0] == 0
    assert cli("lot", "export", name, world.folder / "imprimeur")[0] == 0


def test_a_broken_chain_fails_the_audit_check(world: World, cli: Cli) -> None:
    world.create()
    world.sql("UPDATE audit_entry SET actor = 'x'")
    status, out, _ = cli("audit", "verify", "--json")
    assert (status, "modifiée" in json.loads(out)["anomalie"]) == (1, True)


def test_a_disk_that_fills_up_is_said_in_french(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/dossier")

    monkeypatch.setattr(commands.caisse, "main", full)
    refused(cli("verify"), 1, "disque est plein")


@pytest.mark.parametrize(
    ("arguments", "status"), [(["campaign", "--zut"], 2), (["population", "import", "/nulle/part.csv"], 1)]
)
def test_the_console_script_ends_with_the_right_status_and_one_line(
    world: World, arguments: list[str], status: int
) -> None:
    done = subprocess.run([CAISSE, *arguments], env=environ(world), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (status, "", 1), done.stderr
