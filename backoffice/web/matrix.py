"""Who opens which address: the table of routes as a document, generated from the application itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from flask import Flask

from backoffice.core.actor import Role
from backoffice.web.access import EVERY_ROLE, access_table

_HEAD: Final = (
    "# Who opens which address\n\n"
    "Generated from the table of routes by `caisse access --markdown`; a test says when it is out of date, and others "
    "knock at every door as every role. A dot opens. What is behind a door is limited to the caisses of the person: an "
    "object of another caisse gives the same answer as one that does not exist.\n"
)


@dataclass(frozen=True, slots=True)
class Door:
    """One address, with its methods and who may use it."""

    address: str
    methods: tuple[str, ...]
    endpoint: str
    roles: frozenset[Role]
    public: bool

    @property
    def who(self) -> str:
        """The roles in words."""
        if self.public:
            return "tout le monde"
        return ", ".join(role.label for role in EVERY_ROLE if role in self.roles) or "personne"


def doors(app: Flask) -> list[Door]:
    """Every address, sorted. A route that declares nothing opens to nobody, and is shown so."""
    found = []
    for route in access_table(app):
        methods = tuple(sorted(route.methods - {"HEAD", "OPTIONS"}))
        access = route.access
        roles, public = (access.roles, access.public) if access else (frozenset[Role](), False)
        found.append(Door(route.rule, methods, route.endpoint, roles, public))
    return sorted(found, key=lambda door: (door.address, door.methods))


def as_markdown(found: Iterable[Door]) -> str:
    """The document."""
    heads = [role.label for role in EVERY_ROLE]
    lines = [
        f"| Address | Method | {' | '.join(heads)} |",
        f"| --- | --- |{' :-: |' * len(heads)}",
    ]
    for door in found:
        address = door.address.replace("|", "\\|")
        cells = ["everybody"] + [""] * (len(heads) - 1) if door.public else [
            "•" if role in door.roles else "" for role in EVERY_ROLE
        ]  # fmt: skip
        lines.append(f"| `{address}` | {', '.join(door.methods)} | {' | '.join(cells)} |")
    return _HEAD + "\n" + "\n".join(lines) + "\n"


def as_json(found: Iterable[Door]) -> list[dict[str, Any]]:
    """The same for a script."""
    return [
        {
            "adresse": door.address, "methodes": list(door.methods), "route": door.endpoint, "publique": door.public,
            "roles": sorted(role.value for role in door.roles),
        }
        for door in found
    ]  # fmt: skip
