"""What each kind of card and certificate may do, in one table (DOMAIN 3.5): consultation is the professional's own card's
alone; whoever acts under a professional may create and feed.
"""

from enum import StrEnum
from typing import Final

from dmp_core.professionals.certificates import Bearer, CertificateRefused, Establishment, Fault, Professional, Staff


class Act(StrEnum):
    """What a card is presented for."""

    CONSULT = "consult"
    """Whatever shows something of a dossier, emergencies too."""
    CREATE = "create"
    FEED = "feed"
    REOPEN = "reopen"
    SECRETS = "secrets"
    """A new document des secrets (TD1.5a)."""
    CLOSURE = "closure"
    """Passing on that a holder asks for the closure."""


MAY: Final[dict[type[Bearer], frozenset[Act]]] = {
    Professional: frozenset(Act),
    Staff: frozenset({Act.CREATE, Act.FEED}),
    Establishment: frozenset({Act.CREATE, Act.FEED}),
}
_REFUSED: Final[dict[type[Bearer], Fault]] = {Staff: Fault.STAFF, Establishment: Fault.ESTABLISHMENT}


def require_right(bearer: Bearer, act: Act) -> None:
    """Raise CertificateRefused when this kind of card does not do that: STAFF, ESTABLISHMENT."""
    if act not in MAY[type(bearer)]:
        raise CertificateRefused(_REFUSED[type(bearer)])
