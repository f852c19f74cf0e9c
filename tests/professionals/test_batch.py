"""Batches of a hospital and results of a laboratory: once each however often it is begun again, told line by line."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from record.foreign import a_cda

from dmp_core.access import circle
from dmp_core.access.circle import Member
from dmp_core.access.trace import Action
from dmp_core.identity import insc
from lps.batch import REPORT, run
from lps.couriers import DEPOSITED, REFUSED, REPLACED, THERE, Outcome
from lps.dmp import Refused
from lps.manifest import NAME, Line, urn
from lps.patience import Away, Patience
from lps.stream import JOURNAL, Stream

from .samples import NUMBERS, rpps
from .served import Served, a_patient, number_of
from .world import Record, RecordWorld

_CODE = "1234"
_numbers = NUMBERS
HEADER = (
    "identifiant",
    "action",
    "fichier",
    "ins_c",
    "type",
    "titre",
    "date",
    "auteur",
    "nom_auteur",
    "profession",
    "remplace",
    "annonce",
)


class Memory:
    """A DMP of the mind: knows names and contents, refuses or goes away as told."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.away_at = -1

    def send(self, line: Line) -> Outcome:
        self.calls.append(line.identifier)
        if len(self.calls) == self.away_at:
            raise Away
        if line.title == "refus":
            raise Refused("Ce titre ne convient pas.")
        there = line.identifier in self.held
        self.held[line.identifier] = line.data()
        return Outcome(THERE if there else REPLACED if line.replaces else DEPOSITED, "2016-11-02T09:00:00Z")


def a_folder(folder: Path, *rows: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    with (folder / NAME).open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, HEADER, delimiter=";")
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            if row["fichier"] and row["action"] != "retirer" and ".." not in row["fichier"]:
                (folder / row["fichier"]).write_bytes(f"Lettre {row['identifiant']}".encode())
    return folder


def a_row(identifier: str, **more: str) -> dict[str, str]:
    return {
        "identifiant": identifier, "action": "deposer", "fichier": f"{identifier}.txt", "ins_c": "1" * 22, "type": "11490-0",
        "titre": "Lettre de sortie", "date": "2016-10-30T09:00+01:00", "auteur": rpps(1), "nom_auteur": "ANNE MARTIN",
        "profession": "G15_10", "remplace": "", "annonce": "",
    } | more  # fmt: skip


def reported(folder: Path) -> list[dict[str, str]]:
    with (folder / REPORT).open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source, delimiter=";"))


def quiet(_: str) -> None: ...


def test_each_line_has_its_outcome_and_the_next_run_does_what_is_left(tmp_path: Path) -> None:
    rows = [a_row(f"d{number}", ins_c=f"{number % 3}" * 22) for number in range(9)]
    rows[4]["titre"] = "refus"
    folder, memory = a_folder(tmp_path / "lot", *rows), Memory()
    done = run(folder, memory, quiet, parallel=3)
    assert (done.total, done.counts) == (9, {DEPOSITED: 8, REFUSED: 1})
    told = {row["identifiant"]: row for row in reported(folder)}
    assert (told["d4"]["phrase"], told["d4"]["ligne"], len(told["d0"]["sha256"])) == (
        "Ce titre ne convient pas.",
        "6",
        64,
    )
    assert not {"ins_c", "nir"} & set(told["d0"])
    again = run(folder, memory, quiet)
    assert (again.before, again.counts, len(memory.calls)) == (9, {}, 9)
    assert run(folder, memory, quiet, again=True).counts == {REFUSED: 1}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"action": "brûler"}, "L’action"),
        ({"identifiant": ""}, "identifiant"),
        ({"remplace": "d0"}, "remplace"),
        ({"action": "remplacer"}, "remplace"),
        ({"annonce": "peut-être"}, "oui ou non"),
        ({"fichier": "../secret.txt"}, "dans le dossier"),
        ({"fichier": ""}, "dans le dossier"),
        ({"ins_c": "12"}, "22 chiffres"),
        ({"ins_c": ""}, "INS-C"),
        ({"date": "hier"}, "date de l’acte"),
        ({"profession": ""}, "tous les trois"),
        ({"identifiant": "d0"}, "autre ligne"),
    ],
)
def test_a_line_that_says_nothing_is_refused_and_the_others_go_on(
    tmp_path: Path, change: dict[str, str], words: str
) -> None:
    folder, memory = a_folder(tmp_path / "lot", a_row("d0"), a_row("d1") | change, a_row("d2")), Memory()
    assert run(folder, memory, quiet).counts == {DEPOSITED: 2, REFUSED: 1}
    (refusal,) = [row for row in reported(folder) if row["resultat"] == REFUSED]
    assert words in refusal["phrase"]


def test_a_manifest_of_other_columns_and_a_report_that_is_none_are_refused_whole(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("nom;prenom\nx;y\n")
    with pytest.raises(Refused, match="identifiant"):
        run(tmp_path, Memory(), quiet)
    a_folder(tmp_path, a_row("d0"))
    (tmp_path / REPORT).write_text("autre\n")
    with pytest.raises(Refused, match="mettez-le de côté"):
        run(tmp_path, Memory(), quiet)


def test_when_the_server_stays_away_the_run_ends_and_a_torn_row_is_done_again(tmp_path: Path) -> None:
    folder, memory = a_folder(tmp_path / "lot", *(a_row(f"d{number}") for number in range(6))), Memory()
    memory.away_at = 4
    with pytest.raises(Away, match="reprend où elle en est"):
        run(folder, memory, quiet)
    report = folder / REPORT
    report.write_bytes(report.read_bytes()[:-20])  # as a kill in the midst of a row leaves it
    done = run(folder, memory, quiet)
    assert (done.before, done.counts) == (2, {THERE: 1, DEPOSITED: 3})
    assert [row["identifiant"] for row in reported(folder)] == [f"d{number}" for number in range(6)]


def test_one_waits_as_long_as_one_is_asked_to_and_gives_up_in_the_end() -> None:
    waited: list[float] = []
    answers = iter([httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(503), httpx.Response(201)])

    def call() -> httpx.Response:
        return next(answers)

    patience = Patience(tries=4, first=0.5, sleep=waited.append)
    assert (patience.asked(call).status_code, waited) == (201, [7.0, 1.0])

    def nobody() -> httpx.Response:
        raise httpx.ConnectError("away")

    waited.clear()
    with pytest.raises(Away):
        patience.asked(nobody)
    assert waited == [0.5, 1.0, 2.0]
    with pytest.raises(httpx.ConnectError):
        Patience().asked(nobody)
    assert Patience().asked(lambda: httpx.Response(503)).status_code == 503


def a_fiche(folder: Path, name: str, content: str, **more: str) -> None:
    (folder / f"{name}.txt").write_text(content)
    told = {
        "identifiant": "BIO-1", "fichier": f"{name}.txt", "ins_c": "1" * 22, "titre": "Numération", "date": "2016-10-30T09:00",
    } | more  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps({key: value for key, value in told.items() if value}))


def test_a_result_goes_from_preliminary_to_final_to_corrected_and_never_back(tmp_path: Path) -> None:
    memory, said = Memory(), list[str]()
    with closing(Stream(tmp_path, memory)) as watched:
        for name, state in (("a", "provisoire"), ("b", "definitif"), ("c", "corrige"), ("d", "provisoire")):
            a_fiche(tmp_path, name, name, etat=state)
            assert watched.round(said.append) == 1
    assert memory.held == {"BIO-1#1": b"a", "BIO-1#2": b"b", "BIO-1#3": b"c"}
    assert [line.partition(" : ")[2] for line in said][:3] == [DEPOSITED, REPLACED, REPLACED]
    assert "ne le remplace pas" in (tmp_path / "refuses" / "d.motif.txt").read_text()
    assert {each.name for each in (tmp_path / "envoyes").iterdir()} == {
        f"{x}.{y}" for x in "abc" for y in ("json", "txt")
    }
    # A kill between the journal and the move: the same fiche again sends nothing; another run goes on from the journal.
    a_fiche(tmp_path, "c", "c", etat="corrige")
    a_fiche(tmp_path, "e", "e", etat="corrige")
    with closing(Stream(tmp_path, memory)) as watched:
        assert watched.round(said.append) == 2
    assert (memory.calls, memory.held["BIO-1#4"]) == ([f"BIO-1#{n}" for n in (1, 2, 3, 4)], b"e")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"etat": "autre"}, "etat"), ({"identifiant": ""}, "identifiant"), ({"couleur": "bleu"}, "inconnus"),
        ({"fichier": "absent.pdf"}, "ne peut pas être lu"), ({"ins_c": "1"}, "22 chiffres"), ({"titre": "refus"}, "convient"),
    ],
)  # fmt: skip
def test_a_refused_result_is_set_aside_with_its_sentence(tmp_path: Path, change: dict[str, str], words: str) -> None:
    a_fiche(tmp_path, "a", "1", **change)
    (tmp_path / "b.json").write_bytes(b"\xff")
    with closing(Stream(tmp_path, Memory())) as watched:
        assert (watched.round(quiet), watched.round(quiet)) == (2, 0)
    assert words in (tmp_path / "refuses" / "a.motif.txt").read_text()
    assert "JSON" in (tmp_path / "refuses" / "b.motif.txt").read_text()


class Post:
    """`lps` with a certificate or a card, as a process."""

    def __init__(self, served: Served, folder: Path, issued: Any) -> None:
        (folder / "carte.p12").write_bytes(issued.pkcs12(_CODE, []))
        (folder / "racine.pem").write_bytes(served.authority.root.pem)
        self.env = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "LPS_SERVER": f"https://localhost:{served.port}", "LPS_CARD": str(folder / "carte.p12"),
            "LPS_AUTHORITY": str(folder / "racine.pem"), "LPS_CODE": _CODE,
        }  # fmt: skip

    def begin(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "lps", *words],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def done(self, *words: str, status: int = 0) -> str:
        process = self.begin(*words)
        out, wrong = process.communicate(timeout=120)
        assert process.returncode == status, wrong
        return out + wrong


def ins_c(person: Any) -> str:
    return insc.compute(person.given_name, insc.birth_date_of(person.birth_date), person.nir)


def rows_of(world: RecordWorld, record: Record) -> list[Any]:
    return list(
        world.rows("SELECT * FROM medical.document WHERE dossier_id = :d ORDER BY submitted_at", d=record.dossier)
    )


def test_a_hospital_sends_its_letters_is_killed_and_ends_with_each_of_them_once(served: Served, tmp_path: Path) -> None:
    people = [a_patient(served.world) for _ in range(4)]
    doctor = rpps(next(_numbers))
    house = served.authority.establishment("1750712184", "CLINIQUE DE TEST", served.now)
    post = Post(served, tmp_path, house)
    rows = [
        a_row(f"L{number}", ins_c=ins_c(people[number % 3][0]), auteur=doctor, annonce="oui" if number == 0 else "")
        for number in range(60)
    ]
    rows += [
        a_row("L0bis", ins_c=ins_c(people[0][0]), auteur=doctor, action="remplacer", remplace="L0"),
        a_row("L1", ins_c=ins_c(people[1][0]), auteur=doctor, action="retirer"),
        a_row("inconnu", ins_c="1" * 22, auteur=doctor),
        a_row("bloque", ins_c=ins_c(people[3][0]), auteur=doctor),
        a_row("absent", ins_c=ins_c(people[2][0]), auteur=doctor, action="retirer"),
    ]
    people[3][1].as_owner(circle.block, Member(doctor, "X", "G15_10"), served.now)
    folder = a_folder(tmp_path / "lot", *rows)
    first = post.begin("batch", str(folder))
    deadline = time.monotonic() + 60
    while not (folder / REPORT).exists() or (folder / REPORT).read_bytes().count(b"\n") < 12:
        assert time.monotonic() < deadline
        assert first.poll() is None, first.communicate()
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    report = folder / REPORT
    kept = report.read_bytes().splitlines(keepends=True)
    report.write_bytes(b"".join(kept[:-3]))  # three outcomes that the kill would have lost
    told = post.done("batch", str(folder), status=1)
    assert "65 lignes" in told
    assert "rapport.csv" in told
    found = {(row["identifiant"], row["action"]): row for row in reported(folder)}
    assert len(found) == 65
    assert {name for (name, _), row in found.items() if row["resultat"] == REFUSED} == {"inconnu", "bloque", "absent"}
    assert found["inconnu", "deposer"]["phrase"] == found["bloque", "deposer"]["phrase"]
    results = [row["resultat"] for row in found.values()]
    assert results.count(THERE) >= 3
    assert (results.count(REPLACED), results.count("retire")) == (1, 1)
    held = [row for _, record in people[:3] for row in rows_of(served.world, record)]
    assert (len(held), {row.establishment for row in held}) == (61, {"1750712184"})
    by_name = {row.unique_id: row for row in held}
    assert by_name[urn("1750712184", "L0")].status == "deprecated"
    assert by_name[urn("1750712184", "L0bis")].hidden_until == by_name[urn("1750712184", "L0")].hidden_until is not None
    assert by_name[urn("1750712184", "L1")].status == "deleted"
    assert rows_of(served.world, people[3][1]) == []
    made = [line for _, record in people[:3] for line in record.chain() if line.granted and line.document]
    assert [line.action for line in made].count(Action.ADD) == 60
    for secret in (people[0][0].nir[:13], ins_c(people[0][0]), "Lettre de sortie"):
        assert secret not in served.told + report.read_text()


def test_a_laboratory_sends_by_its_own_card_and_a_colleague_s_name_is_refused(served: Served, tmp_path: Path) -> None:
    person, record = a_patient(served.world)
    card = served.doctor(next(_numbers))
    post, folder = Post(served, tmp_path, card), tmp_path / "flux"
    folder.mkdir()
    a_fiche(folder, "a", "Provisoire", etat="provisoire", ins_c=ins_c(person))
    a_fiche(
        folder,
        "b",
        "Autre",
        ins_c=ins_c(person),
        identifiant="BIO-2",
        auteur=rpps(1),
        nom_auteur="X",
        profession="G15_10",
    )
    assert "au nom de son porteur" in post.done("stream", str(folder), "--once")
    a_fiche(
        folder,
        "c",
        "Final",
        etat="definitif",
        ins_c="",
        nir=person.nir,
        prenom=person.given_name,
        naissance=person.birth_date,
    )
    assert "remplace" in post.done("stream", str(folder), "--once")
    rows = rows_of(served.world, record)
    assert [(row.type_code, row.status, row.establishment) for row in rows] == [
        ("11502-2", "deprecated", None), ("11502-2", "approved", None),
    ]  # fmt: skip
    assert (folder / JOURNAL).read_text().count("\n") == 4
    # A structured report, corrected; another's is set aside with its sentence.
    for name, root, whose in (
        ("d", "1.2.3.4.5.6.7", person),
        ("e", "1.2.3.4.5.6.8", person),
        ("f", "1.2.3.4.5.6.9", None),
    ):
        (folder / f"{name}.xml").write_bytes(a_cda(ins_c(whose) if whose else "1" * 22, number_of(card), root=root))
        identifier = "BIO-3" if whose else "BIO-4"
        a_fiche(folder, name, "", ins_c=ins_c(person), identifiant=identifier, fichier=f"{name}.xml", etat="corrige")
        (folder / f"{name}.txt").unlink()
    assert "pas au nom du titulaire" in post.done("stream", str(folder), "--once")
    found = [row for row in rows_of(served.world, record) if row.format_code == "urn:ihe:lab:xd-lab:2008"]
    assert [row.status for row in found] == ["deprecated", "approved"]
    assert "pas au nom du titulaire" in (folder / "refuses" / "f.motif.txt").read_text()
