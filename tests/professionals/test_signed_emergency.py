"""An emergency by a reason that the card signed: what opens, what is kept, and every way to cheat, refused and written down."""

import base64
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portal.world import token_of
from portal_account.world import Holder
from sqlalchemy import text
from werkzeug.test import TestResponse

from dmp_core.access import circle
from dmp_core.access.contesting import HolderContests
from dmp_core.access.signed_reason import KIND
from dmp_core.access.trace import Action, Mode, first_fault
from dmp_core.portals.professionals.card import PEER
from dmp_core.professionals.authority import Issued, TestAuthority
from dmp_core.professionals.certificates import CARD_POLICY
from lps.signing import signed

from .practice import Practice, a_practice, an_app
from .samples import a_secretary
from .world import Record, RecordWorld

REASON = "Malaise, ne répond plus"


class Key:
    """A certificate and its key, as a software card signs."""

    def __init__(self, issued: Issued) -> None:
        self.issued, self.certificate = issued, issued.certificate

    def sign(self, content: bytes) -> bytes:
        halves = decode_dss_signature(self.issued.key.sign(content, ec.ECDSA(hashes.SHA256())))
        return b"".join(half.to_bytes(32, "big") for half in halves)


class Scene:
    """A doctor with both certificates of a card, in front of one dossier."""

    def __init__(self, world: RecordWorld, dossier: UUID | None = None) -> None:
        self.world, self.authority = world, TestAuthority(world.clock())
        self.record = Record(world, dossier) if dossier else world.a_record()
        self.revoked: list[x509.Certificate] = []
        self.app = an_app(world, self.authority, self.revoked)
        self.practice: Practice = a_practice(self.app, world, self.authority)
        self.signature = self.of(self.practice.card)

    def of(self, card: Issued, **more: Any) -> Issued:
        return self.authority.signature(card, more.pop("now", self.world.clock() - timedelta(hours=1)), **more)

    @property
    def where(self) -> str:
        return f"/api/v1/dmp/{self.record.dossier}/urgence"

    def words(self, where: str = "", **more: str) -> bytes:
        answer = self.practice.ask("POST", f"{where or self.where}/raison", json={"motif": REASON} | more)
        assert answer.status_code == 200, answer.text
        return answer.data

    def signed(self, by: Issued | None = None, words: bytes | None = None) -> str:
        return signed(words or self.words(), KIND, Key(by or self.signature))

    def send(self, presented: str | bytes, **more: Any) -> TestResponse:
        return self.practice.ask("POST", self.where, data=presented, content_type="application/jose", **more)

    def refused(self, presented: str | bytes) -> str:
        """The sentence of the refusal; nothing opened, nothing kept, and the refusal stands in the trace."""
        before = len(self.kept)
        answer = self.send(presented)
        assert answer.status_code == 403, answer.text
        last = self.record.chain()[-1]
        told = str(answer.get_json()["issue"][0]["diagnostics"])
        assert (last.action, last.granted, last.reason) == (Action.EMERGENCY, False, told)
        assert len(self.kept) == before
        assert self.practice.ask("GET", f"/api/v1/dmp/{self.record.dossier}/synthese").status_code == 403
        return told

    @property
    def kept(self) -> list[Any]:
        return self.world.rows(
            "SELECT p.*, e.reason FROM medical.emergency_proof p JOIN medical.emergency e ON e.id = p.emergency_id "
            "WHERE p.dossier_id = :d",
            d=self.record.dossier,
        )  # fmt: skip


@pytest.fixture
def scene(world: RecordWorld) -> Scene:
    return Scene(world)


def test_a_signed_reason_opens_for_an_hour_for_reading_and_is_kept(scene: Scene, world: RecordWorld) -> None:
    document = scene.record.put("bilan")
    scene.record.put("masque", masked=True)
    assert scene.practice.ask("GET", f"/api/v1/dmp/{scene.record.dossier}/fhir/DocumentReference").status_code == 403
    presented = scene.signed()
    opened = scene.send(presented)
    assert (opened.status_code, opened.get_json()) == (
        201, {"jusqu_a": (world.clock() + timedelta(hours=1)).isoformat().replace("+00:00", "Z")}
    )  # fmt: skip
    (kept,) = scene.kept
    assert (kept.signed, kept.signer, kept.reason) == (presented, "ANNE MARTIN", REASON)
    line = scene.record.chain()[-1]
    digest = hashes.Hash(hashes.SHA256())
    digest.update(presented.encode())
    assert line.reason == (
        f"{REASON} (raison signée par la carte de ANNE MARTIN ; SHA-256 de la signature : {digest.finalize().hex()})"
    )
    assert (line.action, line.who.mode, line.granted) == (Action.EMERGENCY, Mode.EMERGENCY, True)
    assert scene.practice.listed(scene.record) == [str(document.id)]
    world.clock.forward(minutes=60)
    assert scene.practice.ask("GET", f"/api/v1/dmp/{scene.record.dossier}/fhir/DocumentReference").status_code == 403
    assert first_fault(scene.record.dossier, scene.record.chain()) is None


def test_the_holder_reads_who_signed_and_keeps_the_proof(world: RecordWorld, holder: Holder, tmp_path: Path) -> None:
    scene = Scene(world, holder.who.dossier)
    presented = scene.signed()
    assert scene.send(presented).status_code == 201
    holder.sign_in()
    (found,) = HolderContests(world.store, world.clock).emergencies(scene.record.dossier)
    assert (found.signer, found.reason) == ("ANNE MARTIN", REASON)
    assert "Raison signée par la carte de ANNE MARTIN" in holder.get("/mon-dmp/urgences").text
    given = holder.client.post(
        "/mon-dmp/acces/releve", data={"csrf_token": token_of(holder.get("/mon-dmp/acces").text)},
        environ_base={"REMOTE_ADDR": holder.address},
    )  # fmt: skip
    with zipfile.ZipFile(BytesIO(given.data)) as archive:
        archive.extractall(tmp_path)
    (proof,) = tmp_path.glob("urgence-*.jws")
    assert proof.read_text() == presented
    verify = [sys.executable, "-I", str(tmp_path / "verifier.py")]
    assert subprocess.run(verify, capture_output=True, check=False).returncode == 0
    proof.write_text(presented[:-1])
    changed = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (changed.returncode, proof.name in changed.stderr) == (1, True)


def test_it_serves_once_however_it_is_signed_again(scene: Scene) -> None:
    words = scene.words()
    first, again = scene.signed(words=words), scene.signed(words=words)
    assert first != again
    assert scene.send(first).status_code == 201
    for presented in (first, again):
        answer = scene.send(presented)
        assert (answer.status_code, "a déjà servi" in answer.text) == (403, True)
        assert not scene.record.chain()[-1].granted
    assert len(scene.kept) == 1


def test_what_a_card_did_not_sign_for_this_opens_nothing(scene: Scene, world: RecordWorld) -> None:
    card, day = scene.practice.card, timedelta(days=1)
    lost = scene.of(card)
    scene.revoked.append(lost.certificate)
    other = a_practice(scene.app, world, scene.authority)
    now = world.clock()
    for signer, told in (
        (scene.of(other.card), "une autre carte"),
        (card, "ne sert pas à signer"),
        (scene.of(card, commits=False), "ne sert pas à signer"),
        (scene.of(card, policy=CARD_POLICY), "ne sert pas à signer"),
        (scene.of(card, now=now - 30 * day, life=29 * day), "périmée"),
        (scene.of(card, now=now + day), "pas encore valable"),
        (lost, "mise en opposition"),
        (TestAuthority(now).signature(card, now - day), "autorité reconnue"),
        (scene.of(card, issuer=scene.authority.establishments), "autorité reconnue"),
        (scene.authority.establishment("1750712184", "CLINIQUE", now - day), "autorité reconnue"),
        (a_secretary(scene.authority, now - day), "ne sert pas à signer"),
        (Issued(scene.signature.certificate, card.key), "Cette signature est fausse"),
    ):
        assert told in scene.refused(scene.signed(signer)), told


def test_what_is_signed_is_what_was_given_to_sign_now_for_this_dossier(scene: Scene, world: RecordWorld) -> None:
    words = json.loads(scene.words())
    for changed in (
        {"motif": "Autre"}, {"nonce": words["nonce"][:-1] + "0"}, {"nonce": "x" * 22}, {"mode": "centre15"},
        {"moment": (world.clock() + timedelta(seconds=9)).isoformat()}, {"plus": 1}, {"dossier": str(uuid4())},
        {"professionnel": "810000000017"},
    ):  # fmt: skip
        assert "n’est pas ce que le DMP a donné à signer" in scene.refused(
            scene.signed(words=json.dumps(words | changed).encode())
        )
    for words_of_others in (b"", b"[]", b"\xff", b"{}"):
        assert "donné à signer" in scene.refused(signed(words_of_others, KIND, Key(scene.signature)))
    elsewhere = scene.words(f"/api/v1/dmp/{world.a_record().dossier}/urgence")
    assert "un autre DMP" in scene.refused(scene.signed(words=elsewhere))
    other = a_practice(scene.app, world, scene.authority)
    theirs = other.ask("POST", f"{scene.where}/raison", json={"motif": REASON}).data
    assert "une autre carte" in scene.refused(scene.signed(words=theirs))
    old = scene.signed()
    world.clock.forward(minutes=5)
    assert "il y a trop longtemps" in scene.refused(old)
    kind = signed(scene.words(), "dmp-autre-chose", Key(scene.signature))
    assert "pour autre chose" in scene.refused(kind)


def _header(presented: str, **changes: Any) -> str:
    head, _, rest = presented.partition(".")
    told = json.loads(base64.urlsafe_b64decode(head + "=="))
    told = {name: value for name, value in (told | changes).items() if value is not None}
    return f"{base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip('=')}.{rest}"


def _keyed(presented: str, issued: Issued) -> str:
    """The certificate's public key taken for a shared secret."""
    begun = _header(presented, alg="HS256").rpartition(".")[0]
    made = hmac.HMAC(
        issued.certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), hashes.SHA256()
    )
    made.update(begun.encode())
    return f"{begun}.{base64.urlsafe_b64encode(made.finalize()).decode().rstrip('=')}"


@pytest.mark.parametrize(
    "forge",
    [
        lambda made, _: _header(made, alg="none").rpartition(".")[0] + ".",
        lambda made, _: _header(made, alg="RS256"),
        lambda made, issued: _keyed(made, issued),
        lambda made, _: _header(made, jwk={"kty": "EC"}),
        lambda made, _: _header(made, jku="https://example.org"),
        lambda made, _: _header(made, crit=["b64"], b64=False),
        lambda made, _: _header(made, x5c=[]),
        lambda made, _: _header(made, x5c=["x", "y"]),
        lambda made, _: _header(made, x5c=None),
        lambda made, _: _header(made, typ=None),
        lambda made, _: made.rpartition(".")[0],
        lambda made, _: made + "." + made,
        lambda made, _: "é" + made,
        lambda _made, _: "",
        lambda _made, _: "a.b.c",
        lambda made, _: made + "A" * 400,
    ],
)  # fmt: skip
def test_a_header_is_never_believed(scene: Scene, forge: Callable[[str, Issued], str]) -> None:
    assert scene.refused(forge(scene.signed(), scene.signature).encode())


def test_on_the_page_a_file_is_given_to_sign_and_comes_back_signed(scene: Scene, world: RecordWorld) -> None:
    page, given = f"/dossiers/{scene.record.dossier}", {"environ_base": {PEER: scene.practice.card.der}}
    headers = {"Referer": f"https://localhost{page}"}

    def send(where: str, **form: Any) -> TestResponse:
        token = token_of(scene.practice.ask("GET", page, **given).text)
        return scene.practice.ask(
            "POST", f"{page}/urgence/{where}", data={"csrf_token": token, **form}, headers=headers, **given
        )

    assert send("raison", motif=" ").location == page
    assert "Dites en quelques mots" in scene.practice.ask("GET", page, **given).text
    words = send("raison", motif=REASON)
    assert (words.status_code, words.headers["Content-Disposition"]) == (
        200,
        "attachment; filename=raison-a-signer.json",
    )
    theirs = scene.signed(scene.of(a_practice(scene.app, world, scene.authority).card), words.data)
    for presented in (theirs, "", "x" * 20_000):
        send("signee", signature=(BytesIO(presented.encode()), "raison.jws"))
        told = scene.practice.ask("GET", page, **given)
        assert (told.status_code, "told wrong" in told.text) == (403, True)
    assert send("signee").status_code == 303
    assert scene.kept == []
    send("signee", signature=(BytesIO(scene.signed(words=words.data).encode()), "raison.jws"))
    opened = scene.practice.ask("GET", page, **given)
    assert (opened.status_code, "par la raison que votre carte a signée" in opened.text) == (200, True)
    assert [each.reason for each in scene.kept] == [REASON]


def test_an_endless_signature_is_not_read(scene: Scene) -> None:
    assert scene.send("A" * 17_000).status_code == 413


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_no_damage_opens_anything(scene: Scene, data: st.DataObject) -> None:
    made = scene.signed()
    place = data.draw(st.integers(0, len(made) - 1))
    damaged = made[:place] + data.draw(st.text(max_size=3)) + made[place + 1 :]
    answer = scene.send(damaged.encode())
    # The last figure of a base64 holds bits that nobody reads.
    assert answer.status_code == 403 or damaged.strip() == made or place == len(made) - 1


def test_what_is_given_to_sign_tells_nothing_of_any_dossier(scene: Scene, world: RecordWorld) -> None:
    closed = world.a_record()
    closed.state("closed")
    lines = len(closed.chain())
    answers = [
        scene.practice.ask("POST", f"/api/v1/dmp/{dossier}/urgence/raison", json={"motif": REASON})
        for dossier in (scene.record.dossier, closed.dossier, uuid4())
    ]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({len(answer.data) for answer in answers}) == 1
    assert len(closed.chain()) == lines
    for asked, told in (
        ({"motif": " "}, "Dites en quelques mots"), ({"motif": "x" * 301}, "300 caractères"), ({}, "se dit ainsi"),
        ({"motif": "X", "mode": "normal"}, "« urgence » ou « centre15 »"), ({"motif": "X", "mode": "y"}, "se dit ainsi"),
    ):  # fmt: skip
        answer = scene.practice.ask("POST", f"{scene.where}/raison", json=asked)
        assert (answer.status_code, told in answer.get_json()["issue"][0]["diagnostics"]) == (422, True)


def test_where_no_emergency_opens_a_signature_opens_none_and_the_answer_is_one(
    scene: Scene, world: RecordWorld
) -> None:
    record, gone = scene.record, uuid4()

    def answer(dossier: UUID) -> tuple[int, bytes]:
        where = f"/api/v1/dmp/{dossier}/urgence"
        presented = scene.signed(words=scene.words(where))
        given = scene.practice.ask("POST", where, data=presented, content_type="application/jose")
        return given.status_code, given.data

    never = answer(gone)
    assert never[0] == 404
    record.as_owner(circle.refuse_emergencies, world.clock(), refused=True)
    assert answer(record.dossier) == never
    record.as_owner(circle.refuse_emergencies, world.clock(), refused=False)
    record.as_owner(circle.block, scene.practice.member, world.clock())
    assert answer(record.dossier) == never
    record.as_owner(circle.unblock, scene.practice.member.id, world.clock())
    presented = scene.signed(words=scene.words(mode="centre15"))
    assert scene.send(presented).status_code == 404  # no regulator
    scene.practice.consent(record)
    assert scene.send(scene.signed()).status_code == 409
    assert scene.kept == []


def test_a_header_that_claims_a_certificate_is_refused_before_anything(scene: Scene) -> None:
    for name in ("X-SSL-Client-Cert", "Client-Cert", "X-Forwarded-Client-Cert"):
        answer = scene.send(scene.signed(), headers={name: scene.practice.card.pem.decode().replace("\n", " ")})
        assert (answer.status_code, "dans ses en-têtes" in answer.text) == (403, True)
    assert scene.kept == []


def test_postgresql_lets_a_proof_be_put_in_with_its_emergency_and_nothing_else(
    scene: Scene, world: RecordWorld
) -> None:
    assert scene.send(scene.signed()).status_code == 201
    who, dossier = scene.practice.who, scene.record.dossier
    for statement in (
        "SELECT * FROM medical.emergency_proof", "UPDATE medical.emergency_proof SET signer = 'X'",
        "DELETE FROM medical.emergency_proof",
    ):  # fmt: skip
        with (
            pytest.raises(Exception, match="permission denied"),
            world.professionals.transaction(who.id, world.clock(), dossier) as connection,
        ):
            connection.execute(text(statement))
    (mine,) = scene.kept
    other = a_practice(scene.app, world, scene.authority)
    added = text(
        "INSERT INTO medical.emergency_proof VALUES (:e, :d, :p, sha256(convert_to(:p, 'UTF8')), 'x', 'X', now())"
    )
    for person, named in ((other.who, str(other.who.id)), (other.who, str(who.id))):
        with (
            pytest.raises(Exception, match="row-level security"),
            world.professionals.transaction(person.id, world.clock(), dossier) as connection,
        ):
            connection.execute(added, {"e": mine.emergency_id, "d": dossier, "p": named})
    with world.store.transaction(world.a_record().dossier) as connection:
        assert connection.execute(text("SELECT * FROM medical.emergency_proof")).all() == []
