"""Counting what became of letters, straight from the tables: a caisse at a time, the mailings that may still move.

The counts of a mailing are replaced whole, in one transaction, by a count made from the letters themselves: they cannot
drift, and counting again at any moment gives the same. Nothing is counted when nothing has happened in the caisse since.
"""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backoffice.adapters.db import copy_rows
from backoffice.adapters.dmp import Kind
from backoffice.campaigns.codes import requests_of
from backoffice.campaigns.kinds import PREPARED, RELAYS
from backoffice.campaigns.models import Lot
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.clock import PARIS, paris_date
from backoffice.following.models import BANDS, FollowingMark
from backoffice.following.responses import count_responses
from backoffice.office import Office

WINDOW: Final = 92
"""Days after its sending within which a call or a creation is put down to a letter: its code's two months, and one more."""
SETTLED: Final = 40
"""Days after the window in which late news (a return, a day of posting) still moves the counts; then they stay."""
PAUSE: Final = timedelta(minutes=10)
"""Between two counts of a caisse."""
_MAILINGS: Final = [kind.name for kind in PREPARED + RELAYS]

_SENT_ON: Final = """CASE l.channel WHEN 'mail' THEN (l.at AT TIME ZONE 'Europe/Paris')::date
    ELSE COALESCE(h.posted_on, lot.letter_date) END"""
_BAND: Final = (
    "CASE "
    + " ".join(
        f"WHEN p.birth_latest <= (s.sent_on - interval '{years} years')::date THEN '{label}'"
        for years, label in BANDS[:-1]
    )
    + f" ELSE '{BANDS[-1][1]}' END"
)
_OF_LETTER: Final = """JOIN campaign c ON c.id = l.campaign_id
    JOIN lot ON lot.campaign_id = l.campaign_id AND lot.caisse = l.caisse AND lot.channel = l.channel
        AND lot.sequence = l.lot_sequence
    LEFT JOIN wave w ON w.id = lot.wave_id
    LEFT JOIN handover h ON h.lot_id = lot.id AND h.ended_at IS NULL"""
_WRITTEN: Final = "l.caisse = :caisse AND l.state IN ('scellee', 'envoyee')"

_FOLLOWED: Final = f"""
CREATE TEMPORARY TABLE followed ON COMMIT DROP AS
SELECT s.*, {_BAND} AS band FROM (
    SELECT l.number, l.person_id, l.caisse, lot.id AS lot_id, COALESCE(c.relay_of, c.id) AS campaign_id, lot.variant,
        COALESCE(w.number, 0) AS wave, l.channel, {_SENT_ON} AS sent_on
    FROM letter l {_OF_LETTER}
    WHERE {_WRITTEN} AND l.campaign_id = ANY(:family)
) s JOIN person p ON p.caisse = s.caisse AND p.id = s.person_id
"""  # noqa: S608 - constants of ours

_HAPPENED: Final = f"""
CREATE TEMPORARY TABLE happened ON COMMIT DROP AS
WITH news AS (
    SELECT 'dmp' AS fact, person_id, (at AT TIME ZONE 'Europe/Paris')::date AS day, at FROM dmp_event
    WHERE caisse = :caisse AND kind = '{Kind.DOSSIER_OPENED}' AND at >= :since
    UNION ALL
    SELECT 'appel', person_id, (opened_at AT TIME ZONE 'Europe/Paris')::date, opened_at FROM phone_call
    WHERE caisse = :caisse AND ended_at IS NOT NULL AND opened_at >= :since
), put_down AS (
    -- To the last letter of a mailing sent to the person by then.
    SELECT DISTINCT ON (n.fact, n.person_id, n.at) n.fact, n.day, n.at, l.number
    FROM news n JOIN letter l ON l.person_id = n.person_id AND {_WRITTEN} {_OF_LETTER}
    WHERE c.kind = ANY(:mailings) AND {_SENT_ON} <= n.day AND n.day - {_SENT_ON} <= :window
    ORDER BY n.fact, n.person_id, n.at, {_SENT_ON} DESC, l.number DESC
)
SELECT fact, number, min(day) AS day FROM put_down GROUP BY fact, number
UNION ALL
SELECT 'retour', letter_number, min((received_at AT TIME ZONE 'Europe/Paris')::date) FROM mail_return
WHERE caisse = :caisse AND kind = 'retour' GROUP BY letter_number
UNION ALL
SELECT 'retour', number, returned_on FROM letter_return WHERE caisse = :caisse AND undone_at IS NULL
UNION ALL
SELECT 'code', f.number, min((u.used_at AT TIME ZONE 'Europe/Paris')::date)
FROM used_code u JOIN request_lot r ON r.request_id = u.request_id
JOIN followed f ON f.lot_id = r.lot_id AND f.person_id = u.person_id
GROUP BY f.number
"""  # noqa: S608 - constants of ours

_COUNT: Final = """
INSERT INTO campaign_day (caisse, campaign_id, variant, wave, channel, band, sent_on, fact, day, late, letters)
SELECT caisse, campaign_id, variant, wave, channel, band, sent_on, 'envoi', sent_on, false, count(*) FROM followed
GROUP BY 1, 2, 3, 4, 5, 6, 7
UNION ALL
SELECT f.caisse, f.campaign_id, f.variant, f.wave, f.channel, f.band, f.sent_on, e.fact, e.day,
    CASE e.fact WHEN 'dmp' THEN back.day IS NOT NULL AND back.day <= e.day
        WHEN 'retour' THEN made.day IS NOT NULL AND made.day < e.day ELSE false END AS late, count(*)
FROM followed f JOIN happened e ON e.number = f.number
LEFT JOIN happened back ON back.number = f.number AND back.fact = 'retour' AND e.fact = 'dmp'
LEFT JOIN happened made ON made.number = f.number AND made.fact = 'dmp' AND e.fact = 'retour'
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
"""


def refresh(office: Office) -> int:
    """Count the caisses where something happened since the last time, at most every ten minutes; return how many."""
    counted = 0
    for caisse in CAISSE_CODES:
        with office.db.unit_of_work() as session:
            mark = session.get(FollowingMark, caisse)
            now = office.clock()
            if mark is not None and (now < mark.counted_at + PAUSE or not _something_happened(session, caisse, mark)):
                continue
        counted += recount(office, caisse) is not None
    return counted


def recount(office: Office, caisse: str, *, everything: bool = False) -> int | None:
    """Count the mailings of a caisse that may still move, or all of them; return how many, None when another is at it.

    Raises Unavailable when the record's database is away: the counts stay as they were.
    """
    now = office.clock()
    with office.db.unit_of_work() as session:
        alone = session.scalar(
            text("SELECT pg_try_advisory_xact_lock(hashtext('following'), CAST(:caisse AS integer))"),
            {"caisse": caisse},
        )
        if not alone:
            return None
        moving = _moving(session, caisse, now, everything)
        if moving:
            _count(session, office, caisse, moving, now)
        count_responses(session, caisse, now)
        session.execute(
            insert(FollowingMark)
            .values(caisse=caisse, counted_at=now)
            .on_conflict_do_update(index_elements=["caisse"], set_={"counted_at": now})
        )
    return len(moving)


def _moving(session: Session, caisse: str, now: datetime, everything: bool) -> list[int]:
    """Mailings with letters of the caisse, without those whose last one left too long ago for anything to change.

    Nor those whose letters have begun to forget whom they were for (campaigns.retention): they could not be counted
    again, and keep the counts that were made while they knew.
    """
    return list(
        session.scalars(
            text("""
            SELECT COALESCE(c.relay_of, c.id) FROM campaign c JOIN lot ON lot.campaign_id = c.id
            LEFT JOIN handover h ON h.lot_id = lot.id AND h.ended_at IS NULL
            LEFT JOIN lot_retention k ON k.lot_id = lot.id
            WHERE lot.caisse = :caisse AND c.kind = ANY(:mailings) AND lot.sealed_at IS NOT NULL
            GROUP BY 1 HAVING count(k.erasing_at) = 0 AND (:everything OR
                max(GREATEST(lot.letter_date, (lot.sealed_at AT TIME ZONE 'Europe/Paris')::date, h.posted_on)) >= :since)
            """),
            {
                "caisse": caisse, "mailings": _MAILINGS, "everything": everything,
                "since": paris_date(now) - timedelta(days=WINDOW + SETTLED),
            },
        )
    )  # fmt: skip


def _count(session: Session, office: Office, caisse: str, mailings: Sequence[int], now: datetime) -> None:
    family = list(
        session.scalars(
            text("SELECT id FROM campaign WHERE id = ANY(:mailings) OR relay_of = ANY(:mailings)"),
            {"mailings": mailings},
        )
    )
    values: dict[str, Any] = {"caisse": caisse, "family": family, "mailings": _MAILINGS, "window": WINDOW}
    session.execute(text(_FOLLOWED), values)
    first = session.scalar(text("SELECT min(sent_on) FROM followed")) or paris_date(now)
    values["since"] = datetime.combine(first, time(), tzinfo=PARIS)
    session.execute(text("CREATE INDEX ON followed (lot_id, person_id)"))
    _load_used_codes(session, office, caisse, family)
    session.execute(text("ANALYZE followed"))
    session.execute(text(_HAPPENED), values)
    session.execute(text("ANALYZE happened"))
    session.execute(
        text("DELETE FROM campaign_day WHERE caisse = :caisse AND campaign_id = ANY(:mailings)"),
        {"caisse": caisse, "mailings": mailings},
    )
    session.execute(text(_COUNT))


def _load_used_codes(session: Session, office: Office, caisse: str, family: Sequence[int]) -> None:
    session.execute(
        text(
            "CREATE TEMPORARY TABLE used_code (person_id bigint NOT NULL, request_id uuid NOT NULL, "
            "used_at timestamptz NOT NULL) ON COMMIT DROP"
        )
    )
    session.execute(
        text("CREATE TEMPORARY TABLE request_lot (request_id uuid NOT NULL, lot_id bigint NOT NULL) ON COMMIT DROP")
    )
    copy_rows(
        session, "used_code", ("person_id", "request_id", "used_at"), ("int8", "uuid", "timestamptz"),
        office.dmp.used_codes(caisse),
    )  # fmt: skip
    lots = session.scalars(select(Lot).where(Lot.caisse == caisse, Lot.campaign_id.in_(family)))
    copy_rows(
        session, "request_lot", ("request_id", "lot_id"), ("uuid", "int8"),
        ((request, lot.id) for lot in lots for request in requests_of(lot)),
    )  # fmt: skip
    session.execute(text("ANALYZE used_code, request_lot"))


def _something_happened(session: Session, caisse: str, mark: FollowingMark) -> bool:
    """Anything of the caisse noted since the last count; a transaction that was under way then is looked at again."""
    return bool(
        session.scalar(
            text("""
            SELECT EXISTS (SELECT FROM lot WHERE caisse = :caisse AND sealed_at > :since)
                OR EXISTS (SELECT FROM lot JOIN handover h ON h.lot_id = lot.id
                    WHERE lot.caisse = :caisse AND GREATEST(h.handed_at, h.acknowledged_at, h.ended_at) > :since)
                OR EXISTS (SELECT FROM dmp_event WHERE caisse = :caisse AND received_at > :since)
                OR EXISTS (SELECT FROM phone_call WHERE caisse = :caisse AND ended_at > :since)
                OR EXISTS (SELECT FROM mail_return WHERE caisse = :caisse AND received_at > :since)
                OR EXISTS (SELECT FROM letter_return WHERE caisse = :caisse AND GREATEST(noted_at, undone_at) > :since)
            """),
            {"caisse": caisse, "since": mark.counted_at - PAUSE},
        )
    )
