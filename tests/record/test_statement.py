"""The signed statement of accesses: whole, read by others, and every change of it is found without this site."""

import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from fhirclient.models.auditevent import AuditEvent
from fhirclient.models.bundle import Bundle
from mobile.judge import problems
from portal.world import token_of
from portal_account.world import AccountWorld, Holder

from dmp_core.errors import Unavailable
from dmp_core.storage.seal import Seal

from .test_gate import chain
from .test_pages import add

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no OpenSSL to verify with")


@pytest.fixture
def kept(signed_in: Holder, tmp_path: Path) -> Path:
    """The statement, unpacked."""
    where = add(signed_in)
    signed_in.get(f"{where}/contenu")
    signed_in.get("/mon-dmp/documents/00000000-0000-4000-8000-000000000000")
    given = signed_in.client.post(
        "/mon-dmp/acces/releve", data={"csrf_token": token_of(signed_in.get("/mon-dmp/acces").text)},
        environ_base={"REMOTE_ADDR": signed_in.address},
    )  # fmt: skip
    assert given.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(given.data)) as archive:
        archive.extractall(tmp_path)
    return tmp_path


def verified(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", str(folder / "verifier.py")], capture_output=True, text=True, check=False
    )  # fmt: skip


@needs_openssl
def test_anybody_verifies_it_and_finds_the_published_certificate(
    kept: Path, signed_in: Holder, world: AccountWorld
) -> None:  # fmt: skip
    done = verified(kept)
    assert (done.returncode, done.stderr) == (0, "")
    assert world.seal.fingerprint in done.stdout
    assert world.seal.fingerprint in signed_in.get("/mentions-legales").text
    assert signed_in.get("/certificat-des-releves.pem").data == (kept / "certificat.pem").read_bytes()


def test_it_tells_every_access_and_the_refusals(kept: Path, signed_in: Holder, world: AccountWorld) -> None:
    lines = chain(world, signed_in.who.dossier)
    told = [json.loads(each) for each in (kept / "chaine.jsonl").read_text().splitlines()]
    assert [each["empreinte"] for each in told] == [line.digest.hex() for line in lines]
    assert told[-1]["ligne"]["action"] == "trace.export"
    assert problems(json.loads((kept / "acces-fhir.json").read_text())) == []
    events = Bundle(json.loads((kept / "acces-fhir.json").read_text()))
    assert len(events.entry) == len(lines)
    assert all(isinstance(entry.resource, AuditEvent) for entry in events.entry)
    assert [entry.resource.outcome for entry in events.entry].count("4") == 1
    with pikepdf.open(kept / "acces.pdf") as pdf:
        assert len(pdf.pages) == 1
        assert pdf.Root.Lang == "fr-FR"


def change(name: str, old: str, new: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        content = (folder / name).read_text()
        assert old in content
        (folder / name).write_text(content.replace(old, new, 1))

    return apply


@needs_openssl
@pytest.mark.parametrize(
    "forge",
    [
        change("chaine.jsonl", '"granted": false', '"granted": true'),
        change("empreintes.txt", "acces.pdf", "acces-fhir.json"),
        change("LISEZ-MOI.txt", "DMP", "dmp"),
        lambda folder: (folder / "signature.p7s").write_bytes(b"rien"),
        lambda folder: (folder / "acces.pdf").write_bytes(b"%PDF-1.4"),
    ],
)
def test_every_change_is_found(kept: Path, forge: Callable[[Path], None]) -> None:
    forge(kept)
    assert verified(kept).returncode == 1


@needs_openssl
def test_a_forger_who_mends_every_digest_needs_the_key(kept: Path) -> None:
    lines = (kept / "chaine.jsonl").read_text().splitlines()[:-1]
    (kept / "chaine.jsonl").write_text("\n".join(lines) + "\n")
    told = []
    for entry in (kept / "empreintes.txt").read_text().splitlines():
        name = entry.split("  ", 1)[1]
        told.append(f"{hashlib.sha256((kept / name).read_bytes()).hexdigest()}  {name}\n")
    (kept / "empreintes.txt").write_text("".join(told))
    done = verified(kept)
    assert (done.returncode, done.stderr.strip()) == (1, "La signature n’est pas celle de ce certificat.")


def test_a_key_that_is_not_its_certificates_is_refused(tmp_path: Path, world: AccountWorld) -> None:
    one, other = (Seal.create_if_missing(tmp_path / name, world.clock()) for name in ("a.pem", "b.pem"))
    assert one.fingerprint != other.fingerprint
    assert Seal.create_if_missing(tmp_path / "a.pem", world.clock()).fingerprint == one.fingerprint
    assert (tmp_path / "a.pem").stat().st_mode & 0o777 == 0o600
    key = (tmp_path / "b.pem").read_text().partition("-----BEGIN PRIVATE")[2]
    (tmp_path / "c.pem").write_text(one.pem.decode() + "-----BEGIN PRIVATE" + key)
    (tmp_path / "d.pem").write_text("rien")
    for name in ("c.pem", "d.pem", "absent.pem"):
        with pytest.raises(Unavailable, match="clé de signature"):
            Seal.load(tmp_path / name)
