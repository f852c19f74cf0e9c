"""Documents held back until a professional has announced them (DOMAIN 4.1; today's CSP R.1111-53): pure rules.

Two weeks without a consultation d’annonce: the holder is told that something awaits them and to see a professional, without
a word of what it is (trigger of migration 0021, which bears the same two weeks). A month from the deposit: they see it.
"""

from datetime import datetime, timedelta
from typing import Final

from dateutil.relativedelta import relativedelta

from dmp_core.clock import PARIS
from dmp_core.errors import WrongState

TOLD_AFTER: Final = timedelta(days=14)
HELD_FOR: Final = relativedelta(months=1)


class SeenAlready(WrongState):
    """The holder sees the document: nobody takes that back (DOMAIN 4.1)."""

    def __init__(self) -> None:
        super().__init__("Le patient voit déjà ce document : il ne peut plus lui être rendu invisible.")


def held_until(deposited: datetime) -> datetime:
    """When a document held back at its deposit shows by itself: the same hour in Paris, one month of the calendar later."""
    return (deposited.astimezone(PARIS).replace(tzinfo=None) + HELD_FOR).replace(tzinfo=PARIS)
