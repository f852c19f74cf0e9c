"""Whose card it is; the professional's software card (PKCS#12), and the patient's carte Vitale as a reader gives it."""

import json
import secrets
import ssl
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from dmp_core.identity import insc


class CardFault(Exception):
    """A card that cannot be used; `str` is one French sentence."""


@dataclass(frozen=True, slots=True)
class Bearer(ABC):
    """Who bears a card, by its certificate of authentication."""

    certificate: x509.Certificate

    @property
    def number(self) -> str:
        """PS_IdNat."""
        return self._one(NameOID.COMMON_NAME)

    @property
    def name(self) -> str:
        """Of the bearer."""
        return f"{self._one(NameOID.GIVEN_NAME)} {self._one(NameOID.SURNAME)}".strip()

    @property
    def profession(self) -> str:
        """As the card writes it."""
        return self._one(NameOID.TITLE)

    @property
    def until(self) -> datetime:
        """The end of its validity."""
        return self.certificate.not_valid_after_utc

    @abstractmethod
    def transport(self, authority: Path) -> httpx.BaseTransport:
        """HTTPS in which this card is proved, to a server that this authority vouches for. Raises CardFault."""

    def _one(self, kind: x509.ObjectIdentifier) -> str:
        found = self.certificate.subject.get_attributes_for_oid(kind)
        return str(found[0].value) if found else ""


@dataclass(frozen=True, slots=True)
class Card(Bearer):
    """A software card whose code was right."""

    held: pkcs12.PKCS12KeyAndCertificates = field(repr=False)

    @classmethod
    def open(cls, file: Path, code: str) -> "Card":
        """Read the card. Raises CardFault."""
        try:
            held = pkcs12.load_pkcs12(file.read_bytes(), code.encode())
        except OSError:
            raise CardFault(f"La carte {file} ne peut pas être lue : vérifiez le lecteur.") from None
        except ValueError:
            raise CardFault("Le code de la carte est faux, ou ce fichier n’est pas une carte.") from None
        if held.key is None or held.cert is None:
            raise CardFault("Cette carte ne porte ni clé ni certificat : essayez avec une autre.")
        return cls(held.cert.certificate, held)

    def transport(self, authority: Path) -> httpx.BaseTransport:
        """By Python's own TLS. Raises CardFault."""
        return httpx.HTTPTransport(verify=self._context(authority))

    def _context(self, authority: Path) -> ssl.SSLContext:
        """TLS in which this card is proved, to a server that this authority vouches for. Raises CardFault."""
        try:
            context = ssl.create_default_context(cafile=str(authority))
        except (OSError, ssl.SSLError):
            raise CardFault(f"L’autorité du serveur ne peut pas être lue dans {authority}.") from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # `ssl` takes files alone: the key lies there under a password of one moment, for its owner only.
        password = secrets.token_bytes(32).hex().encode()
        assert self.held.key is not None
        key = self.held.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password),
        )
        chain = [self.certificate, *(each.certificate for each in self.held.additional_certs)]
        with TemporaryDirectory() as folder:
            file = Path(folder) / "carte.pem"
            file.touch(mode=0o600)
            file.write_bytes(key + b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain))
            context.load_cert_chain(file, password=password)
        return context


@dataclass(frozen=True, slots=True)
class Patient:
    """What the carte Vitale says."""

    nir: str = field(repr=False)
    given_name: str = field(repr=False)
    birth_date: str = field(repr=False)
    """AAAA-MM-JJ."""
    serial: str = field(default="", repr=False)

    @classmethod
    def read(cls, file: Path) -> "Patient":
        """From the reader's file: JSON with `nir`, `prenom`, `naissance`, `serie`. Raises CardFault."""
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            return cls(str(told["nir"]), str(told["prenom"]), str(told["naissance"]), str(told.get("serie", "")))
        except (OSError, ValueError, KeyError, TypeError):
            raise CardFault(f"La carte Vitale ne peut pas être lue dans {file}.") from None

    @property
    def told(self) -> dict[str, str]:
        """The whole card, as the DMP asks it of who opens one."""
        return {"nir": self.nir, "prenom": self.given_name, "naissance": self.birth_date, "serie": self.serial}

    @property
    def ins_c(self) -> str:
        """Computed, as every approved software does. Raises CardFault."""
        try:
            return insc.compute(self.given_name, insc.birth_date_of(self.birth_date), self.nir)
        except insc.InsCFault as fault:
            raise CardFault(str(fault)) from None
