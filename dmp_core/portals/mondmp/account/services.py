"""The services behind the account pages, put together once for each application."""

from dataclasses import dataclass

from flask import current_app
from flask.blueprints import BlueprintSetupState

from dmp_core.holder.access import Access
from dmp_core.holder.closing import Closing
from dmp_core.portals.mondmp.parts import Parts

_NAME = "mondmp.account"


@dataclass(frozen=True, slots=True)
class Services:
    """What the pages call."""

    access: Access
    closing: Closing


def equip(state: BlueprintSetupState) -> None:
    """Put the services together for the application that registers the pages."""
    parts: Parts = state.app.extensions["mondmp"]
    access = Access(parts.store, parts.secrets, parts.codes, parts.clock, parts.insured, parts.messenger)
    closing = Closing(parts.store, parts.clock, access.one_time, access.sessions, access.notices)
    state.app.extensions[_NAME] = Services(access, closing)


def access() -> Access:
    """How holders get in, and what they settle about it."""
    return _services().access


def closing() -> Closing:
    """How holders close their DMP."""
    return _services().closing


def _services() -> Services:
    found = current_app.extensions[_NAME]
    assert isinstance(found, Services)
    return found
