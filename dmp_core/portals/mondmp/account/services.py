"""The services behind the account pages."""

from dmp_core.holder.closing import Closing
from dmp_core.portals.mondmp.web.session import access, parts

__all__ = ["access", "closing"]


def closing() -> Closing:
    """How holders close their DMP."""
    way, made = access(), parts()
    return Closing(made.store, made.clock, way.one_time, way.sessions)
