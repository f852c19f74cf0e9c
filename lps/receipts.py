"""Receipts of deposits, verified without network nor card: `python -m lps.receipts RECU --seal CERTIFICAT [--file DOCUMENT]`.

Exit status 0 and what was received, 1 and one sentence.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Final

import click
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

KIND: Final = "dmp-recu-de-depot"
_SIGNATURE: Final = 64
"""Bytes, on P-256."""


class ReceiptFault(Exception):
    """A receipt that proves nothing; `str` is one French sentence."""


def received(receipt: str, seal: x509.Certificate) -> dict[str, Any]:
    """What the DMP received, by its receipt, under this certificate of the DMP and no other. Raises ReceiptFault."""
    try:
        head, body, signature = (_bytes(part) for part in receipt.strip().split("."))
        header, told = json.loads(head), json.loads(body)
        kind = (header["alg"], header["typ"])
    except (ValueError, KeyError, TypeError):
        raise ReceiptFault("Ce fichier n’est pas un reçu de dépôt.") from None
    if kind != ("ES256", KIND) or not isinstance(told, dict):
        raise ReceiptFault("Ce fichier n’est pas un reçu de dépôt.")
    key, signed = seal.public_key(), receipt.strip().rpartition(".")[0].encode()
    half = _SIGNATURE // 2
    try:
        if len(signature) != _SIGNATURE or not isinstance(key, ec.EllipticCurvePublicKey):
            raise InvalidSignature
        halves = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        key.verify(encode_dss_signature(*halves), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise ReceiptFault("Ce reçu n’est pas signé par ce certificat, ou a été changé.") from None
    return told


def _bytes(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


@click.command()
@click.argument("receipt", type=click.Path(path_type=Path))
@click.option("--seal", type=click.Path(path_type=Path), required=True, help="Certificat des reçus du DMP (PEM).")
@click.option("--file", type=click.Path(path_type=Path), help="Le document déposé, à comparer.")
def verify(receipt: Path, seal: Path, file: Path | None) -> None:
    """Vérifie un reçu de dépôt, sans réseau."""
    try:
        certificate = x509.load_pem_x509_certificate(seal.read_bytes())
        told = received(receipt.read_text(encoding="ascii"), certificate)
        if file is not None and hashlib.sha256(file.read_bytes()).hexdigest() != told.get("sha256"):
            raise ReceiptFault("Ce document n’est pas celui du reçu.")
    except (OSError, ValueError, ReceiptFault) as fault:
        sentence = str(fault) if isinstance(fault, ReceiptFault) else "Ces fichiers ne peuvent pas être lus."
        print(sentence, file=sys.stderr)
        sys.exit(1)
    print("Reçu authentique.")
    for name, value in told.items():
        print(f"{name} : {value}")


if __name__ == "__main__":
    verify()
