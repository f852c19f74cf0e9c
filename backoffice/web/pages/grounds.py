"""What in hand makes a person one's business, so that their file opens without a reason asked for."""

from typing import Final

from backoffice.calls.models import own_call
from backoffice.counter.queries import own_visit
from backoffice.persons.access import Ground, own_case

GROUNDS: Final[tuple[Ground, ...]] = (own_case, own_visit, own_call)
"""Each feature that has somebody in front of it, or on the line, adds its own."""
