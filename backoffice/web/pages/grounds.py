"""What in hand makes a person one's business, so that their file opens without a reason asked for."""

from typing import Final

from backoffice.persons.access import Ground, own_case

GROUNDS: Final[tuple[Ground, ...]] = (own_case,)
"""Each feature that has somebody in front of it, or on the line, adds its own."""
