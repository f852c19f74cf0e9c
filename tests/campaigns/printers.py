"""A printer of the tests: a certificate, and the key that opens what is encrypted for it."""

import io
import subprocess
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from backoffice.campaigns.printers import Printer, declare
from campaigns.world import SYSTEM, World

NOW = datetime(2016, 11, 2, 8, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Keys:
    certificate: str
    key: str


@cache
def keys(bits: int = 2048, start: int = -1, days: int = 400, curve: bool = False, serial: int = 1) -> Keys:
    key: Any = ec.generate_private_key(ec.SECP256R1()) if curve else rsa.generate_private_key(65537, bits)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Imprimerie d’essai")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(serial)
        .not_valid_before(NOW + timedelta(days=start)).not_valid_after(NOW + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    return Keys(
        certificate.public_bytes(Encoding.PEM).decode(),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    )


def a_printer(world: World, code: str = "imprimeur-63", **changes: Any) -> Printer:
    values: dict[str, Any] = {
        "name": "Imprimerie d’essai", "caisses": ["631"], "certificate": keys().certificate, "duplex": False, "marks": False,
        "postal_class": "verte",
    }  # fmt: skip
    with world.session() as session:
        return declare(session, world.office, SYSTEM, code=code, **(values | changes))


def opened(path: Path, folder: Path, key: Keys | None = None) -> dict[str, bytes]:
    """What the printer finds, with OpenSSL and their own key."""
    (folder / "cle.pem").write_text((key or keys()).key)
    done = subprocess.run(
        ["openssl", "cms", "-decrypt", "-inform", "DER", "-in", str(path), "-inkey", str(folder / "cle.pem")],
        capture_output=True, check=True,
    )  # fmt: skip
    with zipfile.ZipFile(io.BytesIO(done.stdout)) as box:
        return {name: box.read(name) for name in box.namelist()}
