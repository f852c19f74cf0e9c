"""Cards in a reader, by SoftHSM2: keys are drawn in the token, and the authority issues certificates for them."""

import os
import shutil
import subprocess
from pathlib import Path

import pkcs11
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from pkcs11 import Attribute, KeyType, ObjectClass
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters
from pkcs11.util.rsa import encode_rsa_public_key

from dmp_core.professionals.authority import Issued

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
_ENGINES = "/usr/lib/*/engines-3/pkcs11.so"
UTILITY = shutil.which("softhsm2-util")
CODE = "4321"


def why_not() -> str:
    """Why there are no tokens here; empty where there are."""
    missing = [
        name
        for name, there in (
            ("softhsm2", MODULE.is_file() and UTILITY is not None),
            ("libengine-pkcs11-openssl", any(Path("/").glob(_ENGINES[1:]))),
            ("curl", shutil.which("curl") is not None),
        )
        if not there
    ]
    return f"not installed: « apt-get install {' '.join(missing)} » as root gives it" if missing else ""


class Reader:
    """A reader of its own, in which cards are inserted and taken out."""

    def __init__(self, folder: Path) -> None:
        (folder / "tokens").mkdir()
        self.file = folder / "softhsm2.conf"
        self.file.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
        os.environ["SOFTHSM2_CONF"] = str(self.file)
        self.library = pkcs11.lib(str(MODULE))

    def insert(
        self, label: str, *cards: Issued, issuer: Issued, kind: KeyType = KeyType.EC
    ) -> list[x509.Certificate]:  # fmt: skip
        """A card with these certificates, each for a key that was drawn in it; the keys of `cards` go nowhere."""
        self._utility("--init-token", "--free", "--label", label, "--pin", CODE, "--so-pin", "12345678")
        self.library.reinitialize()
        made = []
        with self.library.get_token(token_label=label).open(rw=True, user_pin=CODE) as session:
            for number, issued in enumerate(cards, 1):
                identifier = bytes([number])
                if kind is KeyType.EC:
                    curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
                    parameters = session.create_domain_parameters(KeyType.EC, curve, local=True)
                    public, _ = parameters.generate_keypair(store=True, id=identifier, label="cle")
                    told = encode_ec_public_key(public)
                else:
                    public, _ = session.generate_keypair(KeyType.RSA, 2048, store=True, id=identifier, label="cle")
                    told = encode_rsa_public_key(public)
                certificate = _for_key(issued.certificate, told, issuer)
                session.create_object(
                    {
                        Attribute.CLASS: ObjectClass.CERTIFICATE, Attribute.TOKEN: True, Attribute.ID: identifier,
                        Attribute.CERTIFICATE_TYPE: pkcs11.CertificateType.X_509, Attribute.LABEL: "certificat",
                        Attribute.SUBJECT: certificate.subject.public_bytes(),
                        Attribute.VALUE: certificate.public_bytes(Encoding.DER),
                    }
                )  # fmt: skip
                made.append(certificate)
        return made

    def keys(self, label: str) -> list[pkcs11.PrivateKey]:
        """The keys of a card, in a session that nobody ends."""
        session = self.library.get_token(token_label=label).open(user_pin=CODE)
        return list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY}))  # type: ignore[arg-type]

    def take_out(self, label: str) -> None:
        self._utility("--delete-token", "--token", label)

    def _utility(self, *words: str) -> None:
        assert UTILITY is not None
        subprocess.run([UTILITY, *words], check=True, capture_output=True)


def _for_key(issued: x509.Certificate, key: bytes, issuer: Issued) -> x509.Certificate:
    built = (
        x509.CertificateBuilder().subject_name(issued.subject).issuer_name(issued.issuer)
        .public_key(load_der_public_key(key)).serial_number(issued.serial_number)  # type: ignore[arg-type]
        .not_valid_before(issued.not_valid_before_utc).not_valid_after(issued.not_valid_after_utc)
    )  # fmt: skip
    for extension in issued.extensions:
        if not isinstance(extension.value, x509.SubjectKeyIdentifier):
            built = built.add_extension(extension.value, extension.critical)
    return built.sign(issuer.key, hashes.SHA256())
