"""Prepared counts of what letters bring, for the forecast of calls: by the letter's date and the days since.

Counted with the rest of the following, a caisse at a time. Unlike there, every call and every visit counts, a person's
second too: each has to be answered.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from backoffice.campaigns.kinds import PREPARED
from backoffice.core.clock import paris_date

LONGEST: Final = 60
"""Days after the date of a letter within which what happens is put down to it: a code lives two months."""
MEMORY: Final = timedelta(days=400)
"""Letters older than that say nothing of those of today."""

# Each answer counts once, for the last letter that its person had before it.
_COUNT: Final = """
INSERT INTO campaign_response (caisse, fact, letter_date, delay, answers)
SELECT :caisse, fact, letter_date, day - letter_date, count(*) FROM (
    SELECT DISTINCT ON (answer.id) answer.day, lot.letter_date
    FROM ({answers}) answer
    JOIN letter ON letter.caisse = :caisse AND letter.person_id = answer.person_id AND letter.state IN ('scellee', 'envoyee')
    JOIN campaign ON campaign.id = letter.campaign_id AND campaign.kind = ANY(:kinds)
    JOIN lot ON lot.campaign_id = letter.campaign_id AND lot.caisse = letter.caisse AND lot.channel = letter.channel
        AND lot.sequence = letter.lot_sequence
    WHERE lot.letter_date > :since AND lot.letter_date <= answer.day
    ORDER BY answer.id, lot.letter_date DESC
) found, (SELECT CAST(:fact AS text) AS fact) named
WHERE day - letter_date <= :longest GROUP BY 1, 2, 3, 4
"""


class Answer(StrEnum):
    """What a letter brings."""

    OPENED = "dmp"
    CALL = "appel"
    VISIT = "visite"


_ANSWERS: Final = {
    Answer.OPENED: (
        "SELECT id, (at AT TIME ZONE 'Europe/Paris')::date AS day, person_id FROM dmp_event "
        "WHERE caisse = :caisse AND kind = 'dossier.opened' AND at > :from_then"
    ),
    Answer.CALL: (
        "SELECT id, (opened_at AT TIME ZONE 'Europe/Paris')::date AS day, person_id FROM phone_call "
        "WHERE caisse = :caisse AND person_id IS NOT NULL AND callback_id IS NULL AND opened_at > :from_then"
    ),
    Answer.VISIT: (
        "SELECT id, (opened_at AT TIME ZONE 'Europe/Paris')::date AS day, person_id FROM visit "
        "WHERE caisse = :caisse AND opened_at > :from_then"
    ),
}


def count_responses(session: Session, caisse: str, now: datetime) -> None:
    """Replace the counts of a caisse by a count made from its events, calls, visits and letters."""
    values: dict[str, Any] = {
        "caisse": caisse, "since": paris_date(now) - MEMORY, "from_then": now - MEMORY, "longest": LONGEST,
        "kinds": [kind.name for kind in PREPARED],
    }  # fmt: skip
    session.execute(text("DELETE FROM campaign_response WHERE caisse = :caisse"), {"caisse": caisse})
    for answer, found in _ANSWERS.items():
        session.execute(text(_COUNT.format(answers=found)), values | {"fact": answer.value})


def responses(session: Session, now: datetime) -> dict[Answer, dict[int, int]]:
    """Answers of the nine caisses by days since the letter, as last counted; every kind of answer is there."""
    found: dict[Answer, dict[int, int]] = {answer: {} for answer in _ANSWERS}
    rows = session.execute(
        text(
            "SELECT fact, delay, sum(answers) AS answers FROM campaign_response WHERE letter_date > :since GROUP BY 1, 2"
        ),
        {"since": paris_date(now) - MEMORY},
    )
    for row in rows:
        found[Answer(row.fact)][row.delay] = int(row.answers)
    return found
