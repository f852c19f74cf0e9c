"""HTTPS by a key that stays in its token: Python's `ssl` takes keys from files alone, so curl shakes hands, through OpenSSL's
`pkcs11` engine (Debian: libengine-pkcs11-openssl).

One process and one handshake a request, and so a proof by the card for each. The card's code goes by a pipe, never on a
command line; what is sent and answered, by a folder that its owner alone opens, and that goes with the request.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lps.card import CardFault

_PATIENCE: Final = 30
_OURS: Final = frozenset({"host", "content-length", "connection", "accept-encoding", "transfer-encoding", "expect"})
"""Headers that curl writes by itself, or that end with the connection."""
_NO_ENGINE: Final = (53, 54)
_NO_KEY: Final = 58
"""The key was not found: the card is no longer there, or its code was changed."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The key of a card, where it is, and its certificate."""

    uri: str
    """RFC 7512."""
    code: str = field(repr=False)
    certificate: x509.Certificate
    module: Path


class TokenTransport(httpx.BaseTransport):
    """Requests by curl. Raises CardFault where the card does not answer, httpx.ConnectError where the server does not."""

    def __init__(self, proof: Proof, authority: Path) -> None:
        curl = shutil.which("curl")
        if curl is None:
            raise CardFault("Il manque « curl » à ce poste, par lequel la carte se présente : installez-le.")
        if not authority.is_file():
            raise CardFault(f"L’autorité du serveur ne peut pas être lue dans {authority}.")
        self._curl, self._proof, self._authority = curl, proof, authority

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One request, one handshake."""
        with TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "carte.pem").write_bytes(self._proof.certificate.public_bytes(Encoding.PEM))
            body = request.read()
            (folder / "demande").write_bytes(body)
            done = subprocess.run(
                [self._curl, "--disable", "--config", "-"], input=self._told(request, folder, body=bool(body)).encode(),
                capture_output=True, check=False, env={**os.environ, "PKCS11_MODULE_PATH": str(self._proof.module)},
            )  # fmt: skip
            if done.returncode in _NO_ENGINE:
                raise CardFault("Il manque à ce poste ce qui relie OpenSSL à la carte : le moteur « pkcs11 » (libp11).")
            if done.returncode == _NO_KEY:
                raise CardFault("La carte ne répond plus : remettez-la dans le lecteur, puis recommencez.")
            if done.returncode:
                raise httpx.ConnectError(f"curl {done.returncode}", request=request)
            return _answer(request, (folder / "entetes").read_bytes(), done.stdout)

    def _told(self, request: httpx.Request, folder: Path, *, body: bool) -> str:
        """What curl is asked, as its configuration."""
        lines = {
            "url": str(request.url), "request": request.method, "dump-header": str(folder / "entetes"),
            "cacert": str(self._authority), "cert": str(folder / "carte.pem"), "engine": "pkcs11", "key-type": "ENG",
            "key": self._proof.uri, "pass": self._proof.code, "proto": "=https", "noproxy": "*",
            "max-time": str(_PATIENCE),
        }  # fmt: skip
        headers = [f"{name}: {value}" for name, value in request.headers.items() if name not in _OURS]
        told = [f"{name} = {_quoted(value)}" for name, value in lines.items()]
        told += [f"header = {_quoted(each)}" for each in (*headers, "Expect:")]
        if body:
            told.append(f"data-binary = {_quoted(f'@{folder}/demande')}")
        return "\n".join([*told, "silent", "tlsv1.2", "http1.1", "globoff", ""])


def _quoted(value: str) -> str:
    if not value.isprintable():
        raise CardFault("Le code de la carte, ou ce qui est demandé, porte un caractère qui ne s’écrit pas.")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _answer(request: httpx.Request, told: bytes, content: bytes) -> httpx.Response:
    """The answer, from the last block of headers."""
    first, *rest = told.decode("latin-1").replace("\r\n", "\n").strip().split("\n\n")[-1].split("\n")
    status = int(first.split(" ", 2)[1])
    pairs = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in rest)]
    kept = [(name, value) for name, value in pairs if name.lower() not in _OURS]
    return httpx.Response(status, headers=kept, content=content, request=request)
