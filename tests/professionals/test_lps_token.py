"""The reference software with a card in a reader: its keys never leave the token, and open mutual TLS and sign all the same."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType

from dmp_core.access.trace import Action
from dmp_core.identity import insc
from dmp_core.professionals.authority import Issued
from lps.card import CardFault
from lps.dmp import Dmp
from lps.token import Token

from .samples import NUMBERS, a_secretary
from .served import Served, a_patient, number_of
from .softhsm import CODE, MODULE, Reader, why_not
from .test_lps import Cabinet

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())
_numbers = NUMBERS


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", "")
        yield Reader(tmp_path_factory.mktemp("lecteur"))


class Practice(Cabinet):
    """A practice whose card is in the reader, both certificates on it."""

    def __init__(self, served: Served, folder: Path, reader: Reader, **more: Any) -> None:
        super().__init__(served, folder, served.doctor(next(_numbers)))
        self.reader, self.label = reader, f"carte {number_of(self.card)}"
        signature = served.authority.signature(self.card, served.now - timedelta(hours=1))
        cards: tuple[Issued, ...] = more.pop("cards", lambda card, signed: (card, signed))(self.card, signature)
        reader.insert(self.label, *cards, issuer=served.authority.cards, **more)

    @property
    def environment(self) -> dict[str, str]:
        told = {name: value for name, value in super().environment.items() if name not in ("LPS_CARD", "LPS_SIGNATURE")}
        return told | {
            "LPS_PKCS11": str(MODULE), "LPS_TOKEN": self.label, "SOFTHSM2_CONF": str(self.reader.file), "LPS_CODE": CODE,
        }  # fmt: skip


def test_a_day_with_keys_that_never_leave_the_card(served: Served, reader: Reader, tmp_path: Path) -> None:
    practice = Practice(served, tmp_path, reader)
    person, record = a_patient(served.world)
    record.put("bilan")
    of, kept = ("--vitale", practice.vitale(person)), tmp_path / "lu.txt"
    assert number_of(practice.card) in practice.done("card")
    said = practice.done("emergency", *of, "--reason", "Malaise")
    assert said.startswith("« Malaise » est signé par votre carte")
    note = str(practice.put("note.txt", "Tension 12/8, été".encode()))
    (made, _) = practice.done("deposit", *of, note, "--title", "Été « 1 »").splitlines()
    practice.done("read", *of, made, "--out", str(kept))
    assert kept.read_text() == "Tension 12/8, été"
    assert "pas dans ce DMP" in practice.refused("read", *of, str(uuid4()), "--out", str(kept))
    lines = [line for line in record.chain() if line.granted]
    assert {line.who.id for line in lines} == {number_of(practice.card)}
    (begun,) = [line for line in lines if line.action is Action.EMERGENCY]
    assert "raison signée par la carte" in begun.reason
    for key in reader.keys(practice.label):
        assert (key[Attribute.SENSITIVE], key[Attribute.EXTRACTABLE]) == (True, False)
        with pytest.raises(pkcs11.AttributeSensitive):
            key[Attribute.VALUE]


def test_a_card_of_rsa_keys_does_the_same(served: Served, reader: Reader, tmp_path: Path) -> None:
    practice = Practice(served, tmp_path, reader, kind=KeyType.RSA)
    person, record = a_patient(served.world)
    said = practice.done("emergency", "--vitale", practice.vitale(person), "--reason", "Malaise")
    assert said.startswith("« Malaise » est signé par votre carte")
    assert "raison signée par la carte" in record.chain()[-1].reason
    for key in reader.keys(practice.label):
        with pytest.raises(pkcs11.AttributeSensitive):
            key[Attribute.PRIVATE_EXPONENT]


@pytest.mark.parametrize("kind", [KeyType.EC, KeyType.RSA])
def test_a_secretary_s_card_in_the_reader_sends_for_a_professional(
    served: Served, reader: Reader, tmp_path: Path, kind: KeyType
) -> None:
    secretary = a_secretary(served.authority, served.now - timedelta(hours=1))
    practice = Practice(served, tmp_path, reader, cards=lambda *_: (secretary,), kind=kind)
    person, record = a_patient(served.world)
    ins_c = insc.compute(person.given_name, insc.birth_date_of(person.birth_date), person.nir)
    (batch := tmp_path / "lot").mkdir()
    (batch / "lettre.txt").write_text("Lettre de sortie")
    fields = {
        "identifiant": "L1", "action": "deposer", "fichier": "lettre.txt", "ins_c": ins_c, "type": "11490-0",
        "titre": "Lettre", "date": "2016-10-30T09:00+01:00", "auteur": number_of(practice.card),
        "nom_auteur": "ANNE MARTIN", "profession": "G15_10",
    }  # fmt: skip
    (batch / "manifeste.csv").write_text("\n".join(";".join(each) for each in (fields, fields.values())))
    practice.done("batch", str(batch))
    line = record.chain()[-1]
    assert (line.action, line.who.id) == (Action.ADD, number_of(practice.card))
    assert line.reason == "envoyé par LUC AGENT, 3750712184/AG-12, carte de personnel"
    assert "La consultation demande la carte (CPS)" in practice.refused("patients")


def test_a_wrong_code_is_said_before_anything_is_sent(served: Served, reader: Reader, tmp_path: Path) -> None:
    practice = Practice(served, tmp_path, reader)
    assert "code de la carte est faux" in practice.refused("patients", code="0000")
    assert "code de la carte est faux" in practice.refused("patients", code="1")
    assert practice.done("patients") == "0 patient.\n"


def test_each_certificate_of_the_card_serves_for_its_own_use(
    served: Served, reader: Reader, tmp_path_factory: pytest.TempPathFactory
) -> None:
    person, record = a_patient(served.world)
    other_way = Practice(served, tmp_path_factory.mktemp("a"), reader, cards=lambda card, signed: (signed, card))
    of = ("--vitale", other_way.vitale(person))
    assert "est signé par votre carte" in other_way.done("emergency", *of, "--reason", "Malaise")
    without = Practice(served, tmp_path_factory.mktemp("b"), reader, cards=lambda card, _: (card,))
    assert without.done("test", *of).startswith("NON_EXISTE")
    lines = len(record.chain())
    assert "pas de certificat de signature" in without.refused("emergency", *of, "--reason", "Malaise")
    assert [line.action for line in record.chain()[lines:]] == [Action.FIND]
    signs_only = Practice(served, tmp_path_factory.mktemp("c"), reader, cards=lambda _, signed: (signed,))
    assert "pas de certificat d’authentification" in signs_only.refused("patients")


def test_without_the_card_nothing_goes_on(served: Served, reader: Reader, tmp_path: Path) -> None:
    practice = Practice(served, tmp_path, reader)
    token = Token.open(MODULE, practice.label, CODE)
    assert CODE not in repr(token)
    with Dmp(f"https://localhost:{served.port}", token.transport(tmp_path / "racine.pem")) as dmp:
        assert dmp.patients() == []
        assert len(token.signer().sign(b"x")) == 64
        reader.take_out(practice.label)
        with pytest.raises(CardFault, match="remettez-la dans le lecteur"):
            dmp.patients()
        with pytest.raises(CardFault, match=r"remettez-la dans le lecteur|insérez la vôtre"):
            token.signer().sign(b"x")
    assert "insérez la vôtre" in practice.refused("patients")


def test_what_is_missing_at_the_desk_is_said(served: Served, reader: Reader, tmp_path: Path) -> None:
    practice = Practice(served, tmp_path, reader)
    Practice(served, tmp_path, reader)
    for changed, told in (
        ({"LPS_TOKEN": ""}, "dites laquelle par --token"),
        ({"LPS_PKCS11": str(tmp_path / "absent.so")}, "vérifiez le module"),
        ({"PATH": str(tmp_path)}, "Il manque « curl »"),
        ({"LPS_AUTHORITY": str(tmp_path / "absente")}, "autorité du serveur"),
        ({"OPENSSL_ENGINES": str(tmp_path)}, "Il manque à ce poste ce qui relie OpenSSL à la carte"),
        ({"LPS_SERVER": "https://localhost:1"}, "ne répond pas"),
    ):
        assert told in practice.refused("patients", more=changed), told
    both = practice.run("patients", more={"LPS_CARD": str(tmp_path / "carte.p12")})
    assert (both.returncode, "Indiquez une carte" in both.stderr) == (2, True)


def test_a_revoked_card_is_refused_with_its_sentence(served: Served, reader: Reader, tmp_path: Path) -> None:
    practice = Practice(served, tmp_path, reader)
    served.authority.publish(served.folder, served.now, [practice.card.certificate])  # by its number
    try:
        assert "mise en opposition" in practice.refused("patients")
    finally:
        served.authority.publish(served.folder, served.now)
