"""Who takes steps, and how long a day is: what every declaration of a kind is written with."""

from typing import Final

from backoffice.core.actor import Role
from backoffice.core.opening_hours import OpeningHours

DAY: Final = OpeningHours().day_minutes
"""Opening minutes of a working day."""
STAFF: Final = frozenset({Role.AGENT, Role.ADVISOR, Role.SUPERVISOR})
SUPERVISORS: Final = frozenset({Role.SUPERVISOR})
SYSTEM: Final = frozenset({Role.SYSTEM})
