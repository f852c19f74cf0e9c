"""The account pages of mon-dmp: signing in and its ways back, the holder's home, profile, connections, closure."""

# Each module adds its views to the blueprint.
from dmp_core.portals.mondmp.account import (
    applications,
    closure,
    connections,
    contacts,
    home,
    notices,
    profile,
    recovery,
    relatives,
    representing,
    sign_in,
)
from dmp_core.portals.mondmp.account.pages import blueprint

__all__ = [
    "applications",
    "blueprint",
    "closure",
    "connections",
    "contacts",
    "home",
    "notices",
    "profile",
    "recovery",
    "relatives",
    "representing",
    "sign_in",
]
