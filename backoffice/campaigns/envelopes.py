"""A sealed lot encrypted for its printer: one file, of a name that its content gives, in the printer's own folder.

The three files of the lot in one ZIP, the same bytes each time; then CMS (RFC 5652, AES-256), which `openssl cms
-decrypt` opens with the printer's key. A receipt beside it in clear, written last, says what the file is. Killed
before: the next attempt writes again. Killed after: it finds the receipt, and the file that goes with it stays.
"""

import hashlib
import io
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options

from backoffice.campaigns import sealing
from backoffice.campaigns.models import Lot
from backoffice.campaigns.printers import Printer
from backoffice.office import Office

_EPOCH = (1980, 1, 1, 0, 0, 0)
SUFFIXES = (".zip.p7m", ".json")


@dataclass(frozen=True, slots=True)
class Envelope:
    """An encrypted lot on the disk."""

    name: str
    """Of its files, without their suffix: the lot's name and ten digits of its content."""
    folder: Path
    content_sha256: bytes
    """Of the ZIP inside: what the printer recounts after opening it."""
    file_sha256: bytes
    size: int

    @property
    def path(self) -> Path:
        """The encrypted file."""
        return self.folder / f"{self.name}{SUFFIXES[0]}"


def folder_of(office: Office, printer: Printer) -> Path:
    """Where the printer's lots wait to be fetched or sent by the channel agreed."""
    return office.settings.files / "imprimeurs" / printer.code


def envelop(office: Office, lot: Lot, lots: Path, printer: Printer) -> Envelope:
    """The lot (sealed in the folder `lots`, verified a moment ago) encrypted for the printer; found or made.

    Raises FolderUnusable when the disk is full or cannot be written.
    """
    content = _container(lots, lot.name or "")
    digest = hashlib.sha256(content)
    name, folder = f"{lot.name}-{digest.hexdigest()[:10]}", folder_of(office, printer)
    known = _receipt(folder / f"{name}.json")
    expected = {"contenu_sha256": digest.hexdigest(), "certificat_sha256": printer.fingerprint.hex()}
    path = folder / f"{name}{SUFFIXES[0]}"
    if known.items() >= expected.items() and path.exists() and sealing.sha256_of(path) == known.get("fichier_sha256"):
        return Envelope(name, folder, digest.digest(), bytes.fromhex(known["fichier_sha256"]), path.stat().st_size)
    certificate = x509.load_pem_x509_certificate(printer.certificate.encode("ascii"))
    closed = (
        PKCS7EnvelopeBuilder()
        .set_data(content)
        .set_content_encryption_algorithm(AES256)
        .add_recipient(certificate)
        .encrypt(Encoding.DER, [PKCS7Options.Binary])
    )
    sealing.require_room(folder, len(closed))
    outer = hashlib.sha256(closed)
    receipt = {
        "lot": lot.name, "imprimeur": printer.code, "lettres": lot.envelopes, "pages": lot.pages,
        "recto_verso": lot.duplex, "reperes": lot.marks, "octets": len(closed), **expected,
        "fichier_sha256": outer.hexdigest(),
    }  # fmt: skip
    with sealing.writing_aside(folder, name) as aside:
        _write(aside / path.name, closed)
        _write(aside / f"{name}.json", (json.dumps(receipt, ensure_ascii=False, indent=1) + "\n").encode())
        # An earlier receipt must not vouch for a file that replaces its own.
        (folder / f"{name}.json").unlink(missing_ok=True)
        for suffix in SUFFIXES:
            (aside / f"{name}{suffix}").replace(folder / f"{name}{suffix}")
            sealing.sync_folder(folder)
    return Envelope(name, folder, digest.digest(), outer.digest(), len(closed))


def take_back(office: Office, printer: Printer, name: str) -> None:
    """Remove an encrypted lot from the printer's folder; nothing to do when it is gone."""
    for suffix in reversed(SUFFIXES):
        (folder_of(office, printer) / f"{name}{suffix}").unlink(missing_ok=True)


def _container(lots: Path, name: str) -> bytes:
    """The lot's three files in one ZIP. Stored: a PDF is compressed already, and no library's version shows."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as box:
        for suffix in (".pdf", ".csv", ".json"):
            entry = zipfile.ZipInfo(f"{name}{suffix}", _EPOCH)
            entry.external_attr = 0o440 << 16
            box.writestr(entry, (lots / f"{name}{suffix}").read_bytes())
    return out.getvalue()


def _receipt(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o440), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
