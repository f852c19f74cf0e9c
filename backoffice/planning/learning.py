"""What came after letters that left, counted from the tables: creations by day, calls of persons who were written to."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from backoffice.campaigns.rules import LetterState
from backoffice.core.clock import paris_date
from backoffice.planning.curves import DAYS, Observed, Response

_MEMORY: Final = timedelta(days=400)
"""Letters older than that say nothing of those of today."""

_LETTERS = text("""
SELECT lot.letter_date AS day, sum(lot.letters) AS letters
FROM lot JOIN wave ON wave.id = lot.wave_id JOIN campaign ON campaign.id = lot.campaign_id
WHERE lot.letters > 0 AND lot.letter_date > :since AND campaign.kind = ANY(:kinds)
GROUP BY 1
""")

# Each answer counts once, for the last letter that its person had before it.
_EVENTS = """
SELECT delay, count(*) AS events FROM (
    SELECT DISTINCT ON (answer.id) (answer.at AT TIME ZONE 'Europe/Paris')::date - lot.letter_date AS delay
    FROM ({answers}) answer
    JOIN letter ON letter.caisse = answer.caisse AND letter.person_id = answer.person_id
        AND letter.state IN ('{sealed}', '{sent}')
    JOIN campaign ON campaign.id = letter.campaign_id AND campaign.kind = ANY(:kinds)
    JOIN lot ON lot.campaign_id = letter.campaign_id AND lot.caisse = letter.caisse AND lot.channel = letter.channel
        AND lot.sequence = letter.lot_sequence
    WHERE lot.letter_date > :since AND lot.letter_date <= (answer.at AT TIME ZONE 'Europe/Paris')::date
    ORDER BY answer.id, lot.letter_date DESC
) found
WHERE delay BETWEEN 0 AND :last GROUP BY delay
"""
_ANSWERS: Final = {
    Response.CREATIONS: "SELECT id, at, caisse, person_id FROM dmp_event WHERE kind = 'dossier.opened' AND at > :from_then",
    Response.CALLS: (
        "SELECT id, opened_at AS at, caisse, person_id FROM phone_call "
        "WHERE person_id IS NOT NULL AND callback_id IS NULL AND opened_at > :from_then"
    ),
}
"""Visits to the counter are not kept person by person: their curve stays the assumed one."""


def observed(session: Session, now: datetime, kinds: list[str]) -> dict[Response, Observed]:
    """What was seen, for the responses of which something is kept.

    The letters of today count from tomorrow on; those of a day are old enough for day n once day n is over.
    """
    today = paris_date(now)
    values: dict[str, Any] = {
        "since": today - _MEMORY, "from_then": now - _MEMORY, "kinds": kinds, "last": DAYS - 1,
    }  # fmt: skip
    sizes = [(row.day, int(row.letters)) for row in session.execute(_LETTERS, values)]
    letters = tuple(sum(size for day, size in sizes if (today - day).days > delay) for delay in range(DAYS))
    found = {}
    for response, answers in _ANSWERS.items():
        query = _EVENTS.format(answers=answers, sealed=LetterState.SEALED, sent=LetterState.SENT)
        counts = {row.delay: row.events for row in session.execute(text(query), values)}
        found[response] = Observed(
            tuple(counts.get(delay, 0) if letters[delay] else 0 for delay in range(DAYS)), letters
        )
    return found
