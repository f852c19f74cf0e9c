"""Who works in the demonstration directory: invented persons, none of whom exists. One line each."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backoffice.core.caisse import CAISSE_CODES

DEMONSTRATION_PASSWORD: Final = "Demo-dmp-2016"  # noqa: S105 - public on purpose: printed by ./run, loopback only
"""The one password of every demonstration account."""


BASE_DN: Final = "dc=caisse,dc=example,dc=org"
SERVICE_DN: Final = f"cn=application-dmp,ou=applications,{BASE_DN}"
"""The technical account that reads the tree; its password is DEMONSTRATION_PASSWORD too."""


class Group(StrEnum):
    """Groups of the directory (their `cn`); the adapter's settings turn them into roles."""

    RECEPTION = "dmp-accueil"
    CAMPAIGN = "dmp-campagne"
    ADVISOR = "dmp-conseiller"
    SUPERVISOR = "dmp-superviseur"
    ADMINISTRATOR = "dmp-admin"


@dataclass(frozen=True, slots=True)
class Account:
    """A demonstration account, as `./run` prints it."""

    login: str
    given_name: str
    family_name: str
    title: str
    """What the person does, in French."""
    group: Group | None
    caisses: tuple[str, ...]
    """Three-digit numbers; a person of several caisses carries them all, one by one: a tenth is never implied."""
    active: bool = True
    """False for someone who has left: still in their group, but no longer able to sign in."""

    @property
    def name(self) -> str:
        """Given name and family name, as shown."""
        return f"{self.given_name} {self.family_name}"

    @property
    def where(self) -> str:
        """The caisses, in a few words."""
        return f"caisse {self.caisses[0]}" if len(self.caisses) == 1 else "les neuf caisses"


_RECEPTION = ("Agent d’accueil", Group.RECEPTION)
_CAMPAIGN = ("Responsable de campagne", Group.CAMPAIGN)
_SUPERVISOR = ("Superviseur", Group.SUPERVISOR)
_ALL = CAISSE_CODES

ACCOUNTS: tuple[Account, ...] = (
    Account("elodie.schmitt", "Élodie", "Schmitt", *_RECEPTION, ("671",)),
    Account("marc.oberlin", "Marc", "Oberlin", *_CAMPAIGN, ("671",)),
    Account("catherine.weiss", "Catherine", "Weiss", *_SUPERVISOR, ("671",)),
    Account("maite.etcheverry", "Maïté", "Etcheverry", *_RECEPTION, ("641",)),
    Account("peio.larralde", "Peio", "Larralde", *_CAMPAIGN, ("641",)),
    Account("bernadette.harismendy", "Bernadette", "Harismendy", *_SUPERVISOR, ("641",)),
    Account("gwenaelle.legoff", "Gwenaëlle", "Le Goff", *_RECEPTION, ("221",)),
    Account("yann.lebihan", "Yann", "Le Bihan", *_CAMPAIGN, ("221",)),
    Account("annick.guillou", "Annick", "Guillou", *_SUPERVISOR, ("221",)),
    Account("aurelie.jeannin", "Aurélie", "Jeannin", *_RECEPTION, ("251",)),
    Account("thierry.cuenot", "Thierry", "Cuenot", *_CAMPAIGN, ("251",)),
    Account("martine.vuillemin", "Martine", "Vuillemin", *_SUPERVISOR, ("251",)),
    Account("nadia.benali", "Nadia", "Benali", *_RECEPTION, ("311",)),
    Account("olivier.castaing", "Olivier", "Castaing", *_CAMPAIGN, ("311",)),
    Account("francoise.delmas", "Françoise", "Delmas", *_SUPERVISOR, ("311",)),
    Account("celine.moreau", "Céline", "Moreau", *_RECEPTION, ("371",)),
    Account("julien.chauvin", "Julien", "Chauvin", *_CAMPAIGN, ("371",)),
    Account("isabelle.gaultier", "Isabelle", "Gaultier", *_SUPERVISOR, ("371",)),
    Account("sandrine.chabrol", "Sandrine", "Chabrol", *_RECEPTION, ("631",)),
    Account("mathilde.roche", "Mathilde", "Roche", *_RECEPTION, ("631",)),  # two at one counter may meet on one case
    Account("damien.faure", "Damien", "Faure", *_CAMPAIGN, ("631",)),
    Account("helene.vidal", "Hélène", "Vidal", *_CAMPAIGN, ("631",)),  # the author of a campaign may not approve it
    Account("patrick.ollier", "Patrick", "Ollier", *_SUPERVISOR, ("631",)),
    Account("nathalie.besse", "Nathalie", "Besse", *_SUPERVISOR, ("631",)),  # a destruction takes two of them
    Account("ludivine.lefebvre", "Ludivine", "Lefebvre", *_RECEPTION, ("801",)),
    Account("gregory.caron", "Grégory", "Caron", *_CAMPAIGN, ("801",)),
    Account("veronique.carpentier", "Véronique", "Carpentier", *_SUPERVISOR, ("801",)),
    Account("fatou.diallo", "Fatou", "Diallo", *_RECEPTION, ("941",)),
    Account("stephane.nguyen", "Stéphane", "Nguyen", *_CAMPAIGN, ("941",)),
    Account("laurence.bertin", "Laurence", "Bertin", *_SUPERVISOR, ("941",)),
    Account("karim.haddad", "Karim", "Haddad", "Conseiller 0 810", Group.ADVISOR, _ALL),
    Account("emilie.rousseau", "Émilie", "Rousseau", "Conseillère 0 810", Group.ADVISOR, _ALL),
    Account("claire.delaunay", "Claire", "Delaunay", "Responsable nationale des campagnes", Group.CAMPAIGN, _ALL),
    Account("vincent.lemaire", "Vincent", "Lemaire", "Administrateur", Group.ADMINISTRATOR, _ALL),
    Account("jean-noel.prudhomme", "Jean-Noël", "Prud’homme", *_RECEPTION, ("631",), active=False),
    Account("bruno.tessier", "Bruno", "Tessier", "Agent sans habilitation", None, ("631",)),
)


def demonstration_accounts(caisse: str | None = None) -> tuple[Account, ...]:
    """The accounts that can sign in and do something, for people to try with DEMONSTRATION_PASSWORD.

    With `caisse`, those of that caisse and the national ones alone.
    """
    return tuple(
        account for account in ACCOUNTS if account.active and account.group and caisse in (None, *account.caisses)
    )
