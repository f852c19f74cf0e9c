"""What came after letters that left: creations by day, calls of persons who were written to, from the prepared counts."""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from backoffice.core.clock import paris_date
from backoffice.following.models import Fact
from backoffice.following.responses import MEMORY, responses
from backoffice.planning.curves import DAYS, Observed, Response

_LETTERS = text("""
SELECT lot.letter_date AS day, sum(lot.letters) AS letters
FROM lot JOIN wave ON wave.id = lot.wave_id JOIN campaign ON campaign.id = lot.campaign_id
WHERE lot.letters > 0 AND lot.letter_date > :since AND campaign.kind = ANY(:kinds)
GROUP BY 1
""")
_FACTS: Final = {Response.CREATIONS: Fact.OPENED, Response.CALLS: Fact.CALL}
"""Visits to the counter are not kept person by person: their curve stays the assumed one."""


def observed(session: Session, now: datetime, kinds: list[str]) -> dict[Response, Observed]:
    """What was seen, for the responses of which something is kept.

    The letters of today count from tomorrow on; those of a day are old enough for day n once day n is over.
    """
    today = paris_date(now)
    rows = session.execute(_LETTERS, {"since": today - MEMORY, "kinds": kinds})
    sizes = [(row.day, int(row.letters)) for row in rows]
    letters = tuple(sum(size for day, size in sizes if (today - day).days > delay) for delay in range(DAYS))
    counted = responses(session, now)
    return {
        response: Observed(
            tuple(counted[fact].get(delay, 0) if letters[delay] else 0 for delay in range(DAYS)), letters
        )
        for response, fact in _FACTS.items()
    }
