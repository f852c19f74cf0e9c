"""A doctor's whole day with the reference software, a process of its own, over mutual TLS against the real server."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from record.vsm.samples import FULL, NOTHING

from backoffice.professionals import invent_reports
from dmp_core.access import circle
from dmp_core.access.circle import Member
from dmp_core.access.rules import Basis, Relation
from dmp_core.access.trace import Action, ActorKind, first_fault
from dmp_core.identity import insc
from dmp_core.professionals.authority import Issued
from dmp_core.record.vsm.form import summary_in, written_summary
from dmp_core.storage.seal import Seal
from lps.card import CardFault
from lps.receipts import KIND, ReceiptFault, received, verify
from lps.signing import reason_in

from .samples import NUMBERS
from .served import Served, a_patient, insure, number_of
from .world import Record

_CODE = "1234"
with TemporaryDirectory() as folder_of_seals:
    _SEAL = Seal.create_if_missing(
        Path(folder_of_seals) / "recus.pem", datetime(2016, 12, 1, tzinfo=UTC), "Reçus de dépôt"
    )
_numbers = NUMBERS


class Cabinet:
    """A practice: its software, a card in the reader, patients' cartes Vitale."""

    def __init__(self, served: Served, folder: Path, card: Issued | None = None) -> None:
        self.served, self.folder = served, folder
        self.card = card or served.doctor(next(_numbers))
        self.put("carte.p12", self.card.pkcs12(_CODE, [served.authority.cards.certificate]))
        self.sign_with(served.authority.signature(self.card, served.now - timedelta(hours=1)))
        self.put("racine.pem", served.authority.root.pem)

    def sign_with(self, signature: Issued) -> None:
        self.put("signature.p12", signature.pkcs12(_CODE, [self.served.authority.cards.certificate]))

    def put(self, name: str, content: bytes) -> Path:
        file = self.folder / name
        file.write_bytes(content)
        return file

    def vitale(self, person: Any) -> str:
        told = {
            "nir": person.nir, "prenom": person.given_name, "naissance": person.birth_date, "serie": person.serial,
        }  # fmt: skip
        return str(self.put(f"vitale-{person.nir}.json", json.dumps(told).encode()))

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ},
            "LPS_SERVER": f"https://localhost:{self.served.port}", "LPS_CARD": str(self.folder / "carte.p12"),
            "LPS_SIGNATURE": str(self.folder / "signature.p12"), "LPS_AUTHORITY": str(self.folder / "racine.pem"),
            "LPS_CODE": _CODE, "PYTHONUTF8": "1",
        }  # fmt: skip

    def run(self, *words: str, code: str = "", more: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lps", *words], capture_output=True, text=True, timeout=120, check=False,
            env=self.environment | (more or {}) | ({"LPS_CODE": code} if code else {}),
        )  # fmt: skip

    def done(self, *words: str) -> str:
        ran = self.run(*words)
        assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
        return ran.stdout

    def refused(self, *words: str, **more: Any) -> str:
        ran = self.run(*words, **more)
        assert (ran.returncode, ran.stdout) == (1, ""), ran.stdout
        assert "Traceback" not in ran.stderr
        assert ran.stderr.count("\n") == 1
        return ran.stderr


@pytest.fixture
def cabinet(served: Served, tmp_path: Path) -> Cabinet:
    return Cabinet(served, tmp_path)


def test_a_doctor_s_whole_day(served: Served, cabinet: Cabinet, tmp_path: Path) -> None:
    person, record = a_patient(served.world)
    record.put("bilan du confrere")
    hidden = record.put("masque", masked=True)
    of = ("--vitale", cabinet.vitale(person))
    assert number_of(cabinet.card) in cabinet.done("card")
    assert cabinet.done("test", *of).startswith("NON_EXISTE : Le patient a un DMP")
    assert "demandez d’abord au patient son consentement" in cabinet.refused("list", *of)
    assert "Informez d’abord le patient" in cabinet.refused("consent", *of)
    cabinet.done("consent", *of, "--informed")
    assert cabinet.done("test", *of).startswith("VALIDE jusqu’au ")
    listed = cabinet.done("list", *of)
    assert ("Titre bilan du confrere" in listed, listed.endswith("1 document.\n")) == (True, True)
    colleague = listed.partition(" ")[0]
    news = cabinet.done("news", *of)
    assert (news.split(" ")[0], news.endswith("Première visite : 1 document.\n")) == (colleague, True)
    note = str(cabinet.put("consultation.txt", b"Tension 12/8, poids stable."))
    first = cabinet.done("deposit", *of, note, "--title", "Consultation", "--act", "2016-10-30T09:00").splitlines()
    assert first[1].endswith("(CR ou fiche de consultation ou de visite) est déposé.")
    assert "était déjà déposé" in cabinet.done("deposit", *of, note, "--title", "Consultation")
    kept = tmp_path / "lu.txt"
    cabinet.done("read", *of, first[0], "--out", str(kept))
    assert (kept.read_text(), kept.stat().st_mode & 0o777) == ("Tension 12/8, poids stable.", 0o600)
    better = str(cabinet.put("correction.txt", b"Tension 13/8, poids stable."))
    second = cabinet.done("correct", *of, first[0], better, "--title", "Consultation corrigée").splitlines()
    assert "remplace la version précédente" in second[1]
    assert "pas l’auteur" in cabinet.refused("withdraw", *of, colleague)
    assert "pas dans ce DMP" in cabinet.refused("withdraw", *of, str(hidden.id))
    assert "pas dans ce DMP" in cabinet.refused("read", *of, str(hidden.id), "--out", str(tmp_path / "x"))
    assert cabinet.done("list", *of).endswith("2 documents.\n")
    cabinet.done("withdraw", *of, second[0])
    assert cabinet.done("list", *of).endswith("1 document.\n")
    ins_c = insc.compute(person.given_name, insc.birth_date_of(person.birth_date), person.nir)
    assert ins_c in cabinet.done("patients")
    deposits = cabinet.done("deposits").splitlines()
    assert [("retiré" in line, "version" in line) for line in deposits[:2]] == [(True, True), (True, True)]
    assert deposits[2] == "2 dépôts."
    cabinet.done("leave", *of)
    assert cabinet.done("test", *of).startswith("NON_EXISTE")
    assert cabinet.done("patients") == "0 patient.\n"
    lines = [line for line in record.chain() if line.who.kind is ActorKind.PROFESSIONAL]
    assert {line.who.id for line in lines} == {number_of(cabinet.card)}
    granted = [line.action for line in lines if line.granted]
    for action, times in (
        (Action.CONSENT, 1), (Action.ADD, 2), (Action.REPLACE, 1), (Action.DELETE, 1), (Action.READ, 1), (Action.END, 1),
        (Action.LIST, 4),
    ):  # fmt: skip
        assert granted.count(action) == times
    refusals = [line.action for line in lines if not line.granted]
    assert refusals == [Action.LIST, Action.DELETE, Action.DELETE, Action.READ]
    assert first_fault(record.dossier, record.chain()) is None
    for secret in (person.nir, person.nir[:13], ins_c, "Tension"):
        assert secret not in served.told


def test_a_dmp_is_created_found_closed_and_reopened_by_the_software(
    served: Served, cabinet: Cabinet, caisse_owner_url: str, tmp_path: Path
) -> None:
    person = insure(caisse_owner_url, served.world.person(given_name="Lucien", birth_date="1952-05-11"))
    of, sheet = ("--vitale", cabinet.vitale(person)), tmp_path / "secrets.pdf"
    assert "n’a pas de DMP" in cabinet.refused("test", *of)
    assert "Version 20" in cabinet.done("conditions")
    asked = (*of, "--mail", "lucien@exemple.fr", "--out", str(sheet))
    assert "Informez d’abord" in cabinet.refused("create", *asked)
    assert "Sans le consentement" in cabinet.refused("create", *asked, "--informed")
    consented = (*of, "--informed", "--consents")
    assert "--authorised ou --not-authorised" in cabinet.refused("create", *asked, *consented[2:])
    other = ("--vitale", cabinet.vitale(replace(person, serial="11111111")))
    assert "n’est pas reconnue" in cabinet.refused("create", *other, *asked[2:], *consented[2:], "--authorised")
    cabinet.vitale(person)
    operation = str(uuid4())
    making = ("create", *asked, *consented[2:], "--authorised", "--operation", operation)
    ins_c, said = cabinet.done(*making).splitlines()
    assert ("est créé" in said, sheet.read_bytes()[:4], sheet.stat().st_mode & 0o777) == (True, b"%PDF", 0o600)
    first = sheet.read_bytes()
    assert "était déjà créé" in cabinet.done(*making)
    assert sheet.read_bytes() != first
    assert cabinet.done("find", "DUPOND", "lucien", "1952-05-11").split() == [ins_c]
    assert "Aucun patient" in cabinet.refused("find", "DUPONT", "lucien", "1952-05-11")
    assert "chez un professionnel" in cabinet.done("administration", *of)
    link = cabinet.done("open", *of).strip()
    arrived = served.browser(cabinet.card).get(link)
    assert (arrived.status_code, arrived.headers["location"].startswith("/dossiers/")) == (303, True)
    assert cabinet.done("test", *of).startswith("VALIDE")
    assert "--asked" in cabinet.refused("secrets", *of, "--out", str(sheet))
    cabinet.done("secrets", *of, "--asked", "--out", str(sheet))
    assert "--explained" in cabinet.refused("close", *of)
    assert "la fait confirmer" in cabinet.done("close", *of, "--explained", "--asked")
    record = Record(served.world, served.world.dossiers(person)[0].id)
    record.state("closed")
    assert "--authorised ou" in cabinet.refused("reopen", *consented)
    assert "est réactivé" in cabinet.done("reopen", *consented, "--authorised")
    assert "a déjà un DMP" in cabinet.refused("reopen", *consented, "--authorised")
    assert first_fault(record.dossier, record.chain()) is None
    for secret in (person.nir, person.nir[:13], ins_c, person.serial, "lucien", "Lucien"):
        assert secret not in served.told


def test_invented_laboratory_reports_are_deposited_and_followed_over_time(
    served: Served, cabinet: Cabinet, tmp_path: Path
) -> None:
    person, record = a_patient(served.world)
    vitale = cabinet.vitale(person)
    of = ("--vitale", vitale)
    cabinet.done("consent", *of, "--informed")
    files = invent_reports(Path(vitale), number_of(cabinet.card), tmp_path / "biologie", served.world.clock())
    for file in files[-2:]:
        cabinet.done("deposit", *of, str(file), "--type", "11502-2", "--title", file.stem)
    listed = cabinet.done("list", *of)
    for file in files[-2:]:
        year, month, day = file.stem.split("-")[1:]
        # The act is the analysis, not the deposit.
        assert f"{day}/{month}/{year}  CR d’examens biologiques  {file.stem}" in listed
    browser = served.browser(cabinet.card)
    page = browser.get(f"/dossiers/{record.dossier}/biologie").text
    assert page.count("<svg") == 6
    assert page.count("2 résultats") == 6
    with pytest.raises(Exception, match="nir, prenom et naissance"):
        invent_reports(tmp_path / "rien.json", number_of(cabinet.card), tmp_path, served.world.clock())
    with pytest.raises(Exception, match="numéro du professionnel"):
        invent_reports(Path(vitale), "12", tmp_path, served.world.clock())


def test_the_summary_is_written_read_and_replaced_by_the_attending_physician(
    served: Served, cabinet: Cabinet, tmp_path: Path
) -> None:
    person, record = a_patient(served.world)
    of, kept = ("--vitale", cabinet.vitale(person)), tmp_path / "lue.json"
    first, second = (
        str(cabinet.put(name, written_summary(told))) for name, told in (("une.json", FULL), ("deux.json", NOTHING))
    )
    cabinet.done("consent", *of, "--informed")
    assert "Seul le médecin traitant" in cabinet.refused("summarise", *of, first)
    now, who = served.world.clock(), Member(number_of(cabinet.card), "ANNE MARTIN", "G15_10")
    assert record.as_owner(circle.end_relation, who.id, now)
    assert record.as_owner(circle.relate, who, Relation(Basis.ATTENDING, True, now, None), circle.BY_HOLDER)
    version = cabinet.done("summarise", *of, first).strip()
    assert cabinet.done("summary", *of, "--out", str(kept)).strip() == version
    assert (summary_in(kept.read_bytes()), kept.stat().st_mode & 0o777) == (FULL, 0o600)
    assert "a changé depuis" in cabinet.refused("summarise", *of, second)
    assert cabinet.done("summarise", *of, second, "--over", version).strip() != version
    assert "il manque « pathologies_en_cours »" in cabinet.refused("summarise", *of, str(cabinet.put("x", b"{}")))


def test_an_emergency_is_opened_by_a_reason_that_the_card_signs(served: Served, cabinet: Cabinet) -> None:
    person, record = a_patient(served.world)
    record.put("bilan")
    of = ("--vitale", cabinet.vitale(person))
    colleague = served.authority.signature(served.doctor(next(_numbers)), served.now - timedelta(hours=1))
    cabinet.sign_with(colleague)
    assert "une autre carte" in cabinet.refused("emergency", *of, "--reason", "Malaise")
    cabinet.sign_with(cabinet.card)
    assert "ne sert pas à signer" in cabinet.refused("emergency", *of, "--reason", "Malaise")
    assert "300 caractères" in cabinet.refused("emergency", *of, "--reason", "x" * 301)
    cabinet.sign_with(served.authority.signature(cabinet.card, served.now - timedelta(hours=1)))
    said = cabinet.done("emergency", *of, "--reason", "Malaise,  ne répond plus")
    assert said.startswith(
        "« Malaise, ne répond plus » est signé par votre carte : le DMP est ouvert en lecture jusqu’à "
    )
    assert cabinet.done("list", *of).endswith("1 document.\n")
    words = cabinet.put(
        "raison.json", json.dumps({"professionnel": number_of(cabinet.card), "motif": "Chute"}).encode()
    )
    assert "« Chute » est signé dans" in cabinet.done(
        "sign", str(words), "--out", str(cabinet.folder / "r.jws"), "--yes"
    )
    assert (cabinet.folder / "r.jws").read_text().count(".") == 2
    words.write_bytes(json.dumps({"professionnel": "810000000017", "motif": "Chute"}).encode())
    assert "rien n’est signé" in cabinet.refused("sign", str(words), "--out", str(cabinet.folder / "s.jws"), "--yes")
    granted = [line for line in record.chain() if line.action is Action.EMERGENCY and line.granted]
    assert [line.who.id for line in granted] == [number_of(cabinet.card)]
    assert "raison signée par la carte" in granted[0].reason
    for secret in ("Malaise", person.nir, "eyJ"):
        assert secret not in served.told


def test_receipts_are_kept_and_verified_without_the_dmp(served: Served, cabinet: Cabinet, tmp_path: Path) -> None:
    person, record = a_patient(served.world)
    note = cabinet.put("note.txt", b"Tension 12/8.")
    said = cabinet.done("deposit", "--vitale", cabinet.vitale(person), str(note), "--title", "Note")
    document, folder = said.splitlines()[0], tmp_path / "recus"
    assert cabinet.done("receipts", "--out", str(folder)) == f"1 reçu dans {folder}.\n"
    receipt, seal = folder / f"{document}.jws", folder / "certificat-des-recus.pem"

    def verified(*words: str) -> tuple[int, str]:
        ran = CliRunner().invoke(verify, [str(receipt), "--seal", str(seal), *words])
        return ran.exit_code, ran.output

    status, told = verified("--file", str(note))
    assert (status, told.startswith("Reçu authentique.")) == (0, True)
    for part in (
        f"dmp : {record.dossier}", f"document : {document}", f"sha256 : {sha256(note.read_bytes()).hexdigest()}",
        f"auteur : {number_of(cabinet.card)}", "recu_le : ", "version : 1",
    ):  # fmt: skip
        assert part in told
    assert all(secret not in told for secret in (person.nir, "Note", "approved"))
    note.write_bytes(b"Tension 13/8.")
    assert verified("--file", str(note)) == (1, "Ce document n’est pas celui du reçu.\n")
    seal.write_bytes(served.doctor(next(_numbers)).pem)
    assert verified() == (1, "Ce reçu n’est pas signé par ce certificat, ou a été changé.\n")


@given(st.data())
def test_no_change_of_a_receipt_is_believed(data: st.DataObject) -> None:
    made = _SEAL.jws(b'{"sha256":"00","recu_le":"2016-12-01T09:00:00Z"}', KIND)
    assert received(made, _SEAL.certificate)["sha256"] == "00"
    place = data.draw(st.integers(0, len(made) - 2))  # the last figure of a base64 holds bits that nobody reads
    changed = made[:place] + data.draw(st.text(max_size=2)) + made[place + 1 :]
    if changed.strip() != made:
        with pytest.raises(ReceiptFault):
            received(changed, _SEAL.certificate)
    with pytest.raises(ReceiptFault, match="n’est pas un reçu"):
        received(_SEAL.jws(b"{}", "autre"), _SEAL.certificate)


def test_only_what_was_asked_is_signed() -> None:
    asked = {"dossier": "d", "professionnel": "p", "mode": "urgence", "motif": "Malaise"}
    assert reason_in(json.dumps(asked | {"nonce": "n"}).encode(), asked) == "Malaise"
    for words in (b"", b"[]", b"\xff", b"{}", json.dumps(asked | {"motif": "Je paie"}).encode()):
        with pytest.raises(CardFault, match="rien n’est signé"):
            reason_in(words, asked)


def test_what_the_software_cannot_do_is_said_in_one_sentence(
    served: Served, cabinet: Cabinet, tmp_path_factory: pytest.TempPathFactory
) -> None:
    person, record = a_patient(served.world)
    of = ("--vitale", cabinet.vitale(person))
    assert "code de la carte est faux" in cabinet.refused("card", code="0000")
    assert "Vitale ne peut pas être lue" in cabinet.refused("test", "--vitale", str(cabinet.folder / "absente"))
    other = cabinet.vitale(replace(person, birth_date="1951-01-01"))
    assert "n’a pas de DMP" in cabinet.refused("test", "--vitale", other)
    cabinet.vitale(person)
    note = str(cabinet.put("note.txt", b"Note"))
    assert "ne dépose pas" in cabinet.refused("deposit", *of, note, "--title", "X", "--type", "REMB")
    assert "AAAA-MM-JJ" in cabinet.refused("deposit", *of, note, "--title", "X", "--act", "hier")
    assert "ne peut pas être lu" in cabinet.refused("deposit", *of, f"{note}x", "--title", "X")
    record.as_owner(circle.block, Member(number_of(cabinet.card), "X", "G15_10"), served.world.clock())
    assert cabinet.done("test", *of).startswith("INTERDIT : Le patient a bloqué")
    assert "Aucun DMP" in cabinet.refused("list", *of)
    record.state("closed")
    record.as_owner(circle.unblock, number_of(cabinet.card), served.world.clock())
    assert cabinet.done("test", *of).startswith("Le DMP n’est pas ouvert ; fermé le ")
    served.authority.publish(served.folder, served.now, [cabinet.card.certificate])
    try:
        assert "mise en opposition" in cabinet.refused("patients")
    finally:
        served.authority.publish(served.folder, served.now)
    elsewhere = Cabinet(served, tmp_path_factory.mktemp("autre"))
    elsewhere.put("racine.pem", elsewhere.card.pem)  # a server that no authority of ours vouches for
    assert "ne répond pas" in elsewhere.refused("patients")
