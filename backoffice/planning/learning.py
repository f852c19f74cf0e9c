"""What came after letters that left: creations, calls and visits of persons who were written to, from the prepared counts."""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from backoffice.core.clock import paris_date
from backoffice.following.responses import MEMORY, Answer, responses
from backoffice.planning.curves import DAYS, Observed, Response

_LETTERS = text("""
SELECT lot.letter_date AS day, sum(lot.letters) AS letters
FROM lot JOIN wave ON wave.id = lot.wave_id JOIN campaign ON campaign.id = lot.campaign_id
WHERE lot.letters > 0 AND lot.letter_date > :since AND campaign.kind = ANY(:kinds)
GROUP BY 1
""")
_ANSWERS: Final = {
    Response.CREATIONS: Answer.OPENED, Response.CALLS: Answer.CALL, Response.VISITS: Answer.VISIT,
}  # fmt: skip


def observed(session: Session, now: datetime, kinds: list[str]) -> dict[Response, Observed]:
    """What was seen of each response.

    The letters of today count from tomorrow on; those of a day are old enough for day n once day n is over.
    """
    today = paris_date(now)
    rows = session.execute(_LETTERS, {"since": today - MEMORY, "kinds": kinds})
    sizes = [(row.day, int(row.letters)) for row in rows]
    letters = tuple(sum(size for day, size in sizes if (today - day).days > delay) for delay in range(DAYS))
    counted = responses(session, now)
    return {
        response: Observed(
            tuple(counted[answer].get(delay, 0) if letters[delay] else 0 for delay in range(DAYS)), letters
        )
        for response, answer in _ANSWERS.items()
    }
