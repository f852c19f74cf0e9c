"""Who acts: a member of staff signed in from the directory, or the system itself, with a role like anyone else."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import NotAllowed, NotFound


class Role(StrEnum):
    """Roles of the back office (DESIGN 1 and 7); the directory's groups give them."""

    AGENT = "agent"
    """Reception agent: the persons of the own caisse."""
    CAMPAIGN_MANAGER = "campagne"
    """Prepares and launches mailings."""
    ADVISOR = "conseiller"
    """0 810 advisor: sees the nine caisses."""
    SUPERVISOR = "superviseur"
    ADMINISTRATOR = "administrateur"
    SYSTEM = "systeme"
    """Background jobs and the command line; never given by a directory."""

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _LABELS[self]


_LABELS = {
    Role.AGENT: "Agent d’accueil",
    Role.CAMPAIGN_MANAGER: "Responsable de campagne",
    Role.ADVISOR: "Conseiller 0 810",
    Role.SUPERVISOR: "Superviseur",
    Role.ADMINISTRATOR: "Administrateur",
    Role.SYSTEM: "Système",
}


EMERGENCY_LOGIN: Final = "secours"
"""The one local account, an administrator's, that works without the directory; off unless an operator opens it."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts, with what they may do and for which caisses."""

    login: str
    name: str
    roles: frozenset[Role]
    caisses: frozenset[str]
    """Three-digit numbers within scope."""

    def require(self, *roles: Role) -> None:
        """Raise NotAllowed unless the actor holds one of `roles`."""
        if self.roles.isdisjoint(roles):
            raise NotAllowed("Votre rôle ne permet pas cette action. Adressez-vous à votre superviseur.")

    def require_caisse(self, *codes: str) -> None:
        """Raise NotFound unless every caisse is within the actor's scope: a foreign thing does not even exist."""
        if not self.caisses.issuperset(codes):
            raise NotFound("Introuvable dans votre périmètre.")


def system_actor(login: str = "systeme") -> Actor:
    """The named actor of jobs and of the command line: every caisse, the SYSTEM role."""
    return Actor(login, "Traitement automatique", frozenset({Role.SYSTEM}), frozenset(CAISSE_CODES))
