"""Which group of the directory gives which role."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy.orm import Session

from backoffice.adapters.directory import DEFAULT_GROUPS
from backoffice.core.actor import Role
from backoffice.core.errors import Invalid
from backoffice.parameters.declaration import Parameter
from backoffice.parameters.reading import current

Groups = Mapping[str, Role]
LONGEST_GROUP: Final = 200
MOST: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMap(Parameter[Groups]):
    """Groups by their `cn` or their whole distinguished name; letter case is the directory's."""

    default: Groups = field(default_factory=lambda: dict(DEFAULT_GROUPS))

    def checked(self, value: Groups) -> Groups:
        """Roles that a directory may give, and never a back office without an administrator."""
        if len(value) > MOST:
            raise Invalid(f"Pas plus de {MOST} groupes.")
        if len({name.strip().casefold() for name in value}) < len(value):
            raise Invalid("Un même groupe est écrit deux fois.")
        for name, role in value.items():
            if not name.strip() or len(name) > LONGEST_GROUP or not name.isprintable():
                raise Invalid(f"Un nom de groupe compte de 1 à {LONGEST_GROUP} caractères.")
            if role is Role.SYSTEM:
                raise Invalid("Le rôle du traitement automatique ne se donne à aucun groupe.")
        if Role.ADMINISTRATOR not in value.values():
            raise Invalid(
                "Il faut un groupe qui donne le rôle Administrateur : sans lui, plus personne ne réglerait rien."
            )
        return {name.strip(): role for name, role in value.items()}

    def to_json(self, value: Groups) -> Any:
        """Role names by group."""
        return {name: role.value for name, role in value.items()}

    def from_json(self, kept: Any) -> Groups:
        """The map again; a role that is no longer known gives nothing."""
        known = {role.value for role in Role} - {Role.SYSTEM.value}
        return {str(name): Role(role) for name, role in dict(kept).items() if role in known}

    def in_words(self, value: Groups) -> str:
        """ "dmp-accueil : Agent d’accueil"."""
        return " · ".join(f"{name} : {role.label}" for name, role in value.items())


GROUPS: Final = GroupMap(
    name="annuaire.groupes", label="Groupes de l’annuaire et rôles",
    meaning="Être membre d’un de ces groupes, directement ou non, donne le rôle en face. Vaut dès la page suivante.",
)  # fmt: skip


def groups_now(session: Session) -> Groups:
    """The map in force."""
    return current(session).of(GROUPS)


def version_now(session: Session) -> int:
    """The number of the version in force, 0 for the declared map."""
    found = current(session).version_of(GROUPS)
    return found.version if found else 0
