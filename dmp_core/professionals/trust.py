"""Whether a presented certificate is to be believed: its chain, its dates, its use, and that nobody revoked it.

Chains are built and verified by `cryptography`; what makes a card of the field, and the lists of revocation, are ours.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from dmp_core.clock import PARIS
from dmp_core.errors import Unavailable
from dmp_core.professionals.certificates import (
    CARD_POLICY,
    ESTABLISHMENT_POLICY,
    STAFF_POLICY,
    Bearer,
    CertificateRefused,
    Fault,
    Professional,
    establishment_in,
    policies_of,
    professional_in,
    require_signature,
    require_use,
    staff_in,
)
from dmp_core.professionals.rights import Act, require_right

_NONE: Final[tuple[x509.CertificateRevocationList, ...]] = ()
_DEEPEST: Final = 2
"""Authorities between a root and a card, at most."""


@dataclass(frozen=True, slots=True)
class Anchors:
    """Which authorities are believed, and for what: one that issues to establishments issues no card."""

    roots: tuple[x509.Certificate, ...]
    cards: tuple[x509.Certificate, ...]
    """Authorities of professionals' authentication."""
    establishments: tuple[x509.Certificate, ...] = ()

    @classmethod
    def load(cls, folder: Path) -> "Anchors":
        """From `racines.pem`, `cartes.pem` and `etablissements.pem` of a folder. Raises Unavailable."""
        try:
            return cls(*(_pem(folder / name) for name in ("racines.pem", "cartes.pem", "etablissements.pem")))
        except (OSError, ValueError):
            raise Unavailable(
                f"Les autorités de confiance ne peuvent pas être lues dans {folder} : restaurez racines.pem, "
                "cartes.pem et etablissements.pem."
            ) from None


Lists = Callable[[], Sequence[x509.CertificateRevocationList]]
"""Gives the lists of revocation at hand, of any issuer, in any order: the same object until something has changed."""


class FolderOfLists:
    """The lists of revocation that lie in a folder (`*.crl`, DER or PEM), read again when one of them has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple[tuple[str, int], ...] = ()
        self._lists: tuple[x509.CertificateRevocationList, ...] = ()

    def __call__(self) -> tuple[x509.CertificateRevocationList, ...]:
        """What lies there now; a file that is no list is passed over, and so proves nothing."""
        try:
            files = sorted(self._folder.glob("*.crl"))
            seen = tuple((file.name, file.stat().st_mtime_ns) for file in files)
            if seen != self._seen:
                self._lists, self._seen = tuple(_lists_in(file.read_bytes() for file in files)), seen
        except OSError:
            return _NONE
        return self._lists


@dataclass(frozen=True, slots=True)
class _Told:
    """What the lists of one issuer say together: read once, for they may hold hundreds of thousands of numbers."""

    revoked: frozenset[int]
    windows: tuple[tuple[datetime, datetime], ...]
    """Between which instants a whole list is in force."""

    @classmethod
    def by(cls, issuer: x509.Certificate, lists: Iterable[x509.CertificateRevocationList]) -> "_Told":
        own = [each for each in lists if each.issuer == issuer.subject and _is_of(each, issuer)]
        windows = [(each.last_update_utc, each.next_update_utc) for each in own if _is_whole(each)]
        return cls(
            frozenset(entry.serial_number for each in own for entry in each),
            tuple((begins, ends) for begins, ends in windows if ends is not None),
        )

    def require(self, certificate: x509.Certificate, now: datetime) -> None:
        """Raise CertificateRefused: REVOKED by any list of the issuer, LIST without one that is in force."""
        if certificate.serial_number in self.revoked:
            raise CertificateRefused(Fault.REVOKED)
        if not any(begins <= now < ends for begins, ends in self.windows):
            raise CertificateRefused(Fault.LIST)


class Trust:
    """Verifies what is presented against anchors and lists of revocation."""

    def __init__(self, anchors: Anchors, lists: Lists) -> None:
        self._anchors = anchors
        self._store = Store(list(anchors.roots))
        self._lists = lists
        self._memo: tuple[object, dict[x509.Certificate, _Told]] = (None, {})

    def bearer(self, presented: bytes, now: datetime, act: Act) -> Bearer:
        """Whose card or certificate (DER) a connection proved, if its kind does `act`. Raises CertificateRefused."""
        certificate, issuer = self._verified(presented, (*self._anchors.cards, *self._anchors.establishments), now)
        found: Bearer
        if issuer not in self._anchors.cards:
            if {CARD_POLICY, STAFF_POLICY} & policies_of(certificate):
                raise CertificateRefused(Fault.UNTRUSTED)
            require_use(certificate, ESTABLISHMENT_POLICY)
            found = establishment_in(certificate)
        elif STAFF_POLICY in policies_of(certificate):
            require_use(certificate, STAFF_POLICY)
            found = staff_in(certificate)
        else:
            require_use(certificate, CARD_POLICY)
            found = professional_in(certificate, now.astimezone(PARIS).date())
        require_right(found, act)
        return found

    def professional(self, presented: bytes, now: datetime) -> Professional:
        """The bearer of the card whose certificate (DER) was proved by a connection. Raises CertificateRefused."""
        found = self.bearer(presented, now, Act.CONSULT)
        assert isinstance(found, Professional)  # the table gives consultation to nobody else
        return found

    def signer(self, presented: bytes, now: datetime) -> Professional:
        """Who signs with the certificate (DER) of signature of their card. Raises CertificateRefused."""
        certificate, _ = self._verified(presented, self._anchors.cards, now)
        require_signature(certificate)
        return professional_in(certificate, now.astimezone(PARIS).date())

    def _verified(
        self, presented: bytes, authorities: tuple[x509.Certificate, ...], now: datetime
    ) -> tuple[x509.Certificate, x509.Certificate]:
        """The certificate, and the one of these authorities that issued it."""
        try:
            certificate = x509.load_der_x509_certificate(presented)
            begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
            _ = certificate.subject, certificate.extensions
        except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion):
            raise CertificateRefused(Fault.UNREADABLE) from None
        # Who issued it first: what an unknown authority says of dates is worth nothing. A card out of its dates is looked
        # at within them, to be refused by its own reason just below.
        chain = self._chain(certificate, authorities, min(max(now, begins), ends))
        if now < begins:
            raise CertificateRefused(Fault.NOT_YET)
        if now > ends:
            raise CertificateRefused(Fault.EXPIRED)
        for one, issuer in pairwise(chain):
            self._told_by(issuer).require(one, now)
        return certificate, chain[1]

    def _told_by(self, issuer: x509.Certificate) -> _Told:
        lists = self._lists()
        known, told = self._memo
        if known is not lists:
            told = {}
            self._memo = lists, told
        if issuer not in told:
            told[issuer] = _Told.by(issuer, lists)
        return told[issuer]

    def _chain(
        self, certificate: x509.Certificate, authorities: tuple[x509.Certificate, ...], at: datetime
    ) -> list[x509.Certificate]:
        verifier = (
            PolicyBuilder().store(self._store).time(at.astimezone(UTC)).max_chain_depth(_DEEPEST)
            # A card bears no subjectAltName, which the defaults of the web ask for; its uses are `require_use`'s.
            .extension_policies(
                ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all()
            )
            .build_client_verifier()
        )  # fmt: skip
        try:
            chain = verifier.verify(certificate, list(authorities)).chain
        except (VerificationError, ValueError, UnsupportedAlgorithm):
            raise CertificateRefused(Fault.UNTRUSTED) from None
        # Issued by one of these authorities, not by the root itself nor by an authority of another kind.
        if len(chain) < 2 or chain[1] not in authorities:
            raise CertificateRefused(Fault.UNTRUSTED)
        return chain


def _is_of(revoked: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        signs = issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
        return signs and revoked.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except (x509.ExtensionNotFound, InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False


def _is_whole(revoked: x509.CertificateRevocationList) -> bool:
    """Whether it tells of every certificate of its issuer: a partial or differential one says so critically."""
    return not any(extension.critical for extension in revoked.extensions)


def _pem(file: Path) -> tuple[x509.Certificate, ...]:
    return tuple(x509.load_pem_x509_certificates(file.read_bytes()))


def _lists_in(contents: Iterable[bytes]) -> Iterable[x509.CertificateRevocationList]:
    for content in contents:
        try:
            pem = content.lstrip().startswith(b"-----BEGIN")
            yield x509.load_pem_x509_crl(content) if pem else x509.load_der_x509_crl(content)
        except ValueError:
            continue
