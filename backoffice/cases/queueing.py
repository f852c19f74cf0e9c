"""How a case is put before people: whose queue it is in, how pressing it is, and the way it came by. Pure."""

from enum import IntEnum, StrEnum

from backoffice.core.actor import Actor, Role


class Team(StrEnum):
    """Whose queue a case is in; within a caisse, but for the platform, which sees the nine."""

    COUNTER = "accueil"
    PLATFORM = "plateforme"
    SUPERVISION = "supervision"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _TEAM_LABELS[self]


_TEAM_LABELS = {
    Team.COUNTER: "accueil de la caisse",
    Team.PLATFORM: "plateforme 0 810",
    Team.SUPERVISION: "superviseurs",
}
_TEAM_OF_ROLE = {Role.AGENT: Team.COUNTER, Role.ADVISOR: Team.PLATFORM, Role.SUPERVISOR: Team.SUPERVISION}


class Priority(IntEnum):
    """How pressing a case is; the more so, the less opening time it has."""

    NORMAL = 1
    HIGH = 2
    URGENT = 3

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _PRIORITY_LABELS[self]

    def minutes(self, allowed: int) -> int:
        """Opening minutes that such a case has where an ordinary one has `allowed`: a half, a quarter."""
        return max(1, allowed // _PARTS[self])


_PRIORITY_LABELS = {Priority.NORMAL: "normale", Priority.HIGH: "haute", Priority.URGENT: "urgente"}
_PARTS = {Priority.NORMAL: 1, Priority.HIGH: 2, Priority.URGENT: 4}


class Way(StrEnum):
    """How the request came."""

    ONLINE = "en_ligne"
    COUNTER = "guichet"
    PHONE = "telephone"
    POST = "courrier"
    PROFESSIONAL = "professionnel"
    """Through the professional whom the person told."""
    OFFICE = "interne"
    """Noticed by the caisse itself."""

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _WAY_LABELS[self]


_WAY_LABELS = {
    Way.ONLINE: "en ligne",
    Way.COUNTER: "au guichet",
    Way.PHONE: "par téléphone",
    Way.POST: "par courrier",
    Way.PROFESSIONAL: "par un professionnel de santé",
    Way.OFFICE: "par la caisse",
}


def teams_of(actor: Actor) -> frozenset[Team]:
    """The teams this actor belongs to, by role."""
    return frozenset(team for role, team in _TEAM_OF_ROLE.items() if role in actor.roles)
