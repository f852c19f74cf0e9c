"""Who is targeted, who is left out and why: one SQL home for the rule, used for counts, freezing and production.

The rule is formats/population.md: each person left out is counted under the first reason that applies.
"""

from typing import Any

from dateutil.relativedelta import relativedelta
from sqlalchemy import text
from sqlalchemy.orm import Session

from backoffice.adapters.db import copy_rows
from backoffice.adapters.dmp import DmpGateway
from backoffice.campaigns.models import Campaign
from backoffice.campaigns.rules import ChannelRule, Exclusion
from backoffice.core.caisse import CAISSE_CODES
from backoffice.population import notices

ADULT_YEARS = 18

REASON = f"""CASE
    WHEN p.qualite <> 'OD' THEN '{Exclusion.DEPENDANT}'
    WHEN p.regime <> '01' THEN '{Exclusion.SCHEME}'
    WHEN NOT p.caisse = ANY(:nine) THEN '{Exclusion.CAISSE}'
    WHEN p.dmp THEN '{Exclusion.HOLDER}'
    WHEN {notices.DECEASED} THEN '{Exclusion.DECEASED}'
    WHEN {notices.OPPOSED} THEN '{Exclusion.OPPOSITION}'
    WHEN {notices.UNDELIVERABLE} THEN '{Exclusion.UNDELIVERABLE}'
    WHEN p.birth_latest > :adult_born THEN '{Exclusion.MINOR}'
    WHEN live.person_id IS NOT NULL THEN '{Exclusion.LIVE_CODE}'
    WHEN p.pays <> '' AND NOT :foreign THEN '{Exclusion.FOREIGN}'
END"""
"""SQL expression over `person p` left-joined to its `notice` and to `live_holder live`; NULL when the person may be
written to."""

REASON_ON_DEMAND = f"""CASE
    WHEN {notices.DECEASED} THEN '{Exclusion.DECEASED}'
    WHEN {notices.UNDELIVERABLE} AND l.channel = 'courrier' THEN '{Exclusion.UNDELIVERABLE}'
END"""
"""The same over `person p`, its `notice` and `letter l` for answers that a person asked for or is owed: an opposition to
mailings, or the rules of recruitment, are no reason to keep them back."""

TARGET = """p.caisse = ANY(:caisses)
    AND (CAST(:born_after AS date) IS NULL OR p.birth_latest > :born_after)
    AND (CAST(:born_until AS date) IS NULL OR p.birth_latest <= :born_until)
    AND (cardinality(CAST(:postal AS text[])) = 0 OR p.code_postal LIKE ANY(:postal))
    AND (cardinality(CAST(:qualites AS text[])) = 0 OR p.qualite = ANY(:qualites))"""
"""SQL condition over `person p`: within the campaign's criteria."""

CHANNEL = f"CASE WHEN :registered AND {notices.TAKES_MAIL} THEN 'mail' ELSE 'courrier' END"

FROM = f"person p {notices.JOIN} LEFT JOIN live_holder live ON live.caisse = p.caisse AND live.person_id = p.id"


def parameters(campaign: Campaign) -> dict[str, Any]:
    """Values of the expressions above for one campaign."""
    criteria, day = campaign.target, campaign.letter_date
    return {
        "nine": list(CAISSE_CODES),
        "caisses": campaign.caisses,
        "adult_born": day - relativedelta(years=ADULT_YEARS),
        # At least n years old: born on or before the day n years earlier. At most n: born after the day n + 1 years earlier.
        "born_until": None if criteria.age_min is None else day - relativedelta(years=criteria.age_min),
        "born_after": None if criteria.age_max is None else day - relativedelta(years=criteria.age_max + 1),
        "postal": [f"{code}%" for code in criteria.postal_codes],
        "qualites": list(criteria.qualites),
        "foreign": criteria.foreign,
        "registered": campaign.rule is ChannelRule.REGISTERED,
    }


def load_live_holders(session: Session, dmp: DmpGateway, caisses: list[str]) -> int:
    """Bring the persons holding a live code, known to the record alone, beside the population for this transaction."""
    session.execute(
        text("CREATE TEMPORARY TABLE live_holder (caisse char(3) NOT NULL, person_id bigint NOT NULL) ON COMMIT DROP")
    )
    count = copy_rows(
        session, "live_holder", ("caisse", "person_id"), ("text", "int8"), dmp.live_holders(tuple(caisses))
    )
    session.execute(text("ANALYZE live_holder"))
    return count


def count_by_reason(session: Session, campaign: Campaign) -> tuple[int, int, dict[str, int]]:
    """(targeted, eligible, left out by reason); needs `load_live_holders` in the same transaction."""
    rows = session.execute(
        text(f"SELECT {REASON} AS reason, count(*) AS persons FROM {FROM} WHERE {TARGET} GROUP BY 1"),  # noqa: S608
        parameters(campaign),
    )
    counts: dict[str | None, int] = {row.reason: row.persons for row in rows}
    eligible = counts.pop(None, 0)
    excluded = {reason.value: counts.get(reason.value, 0) for reason in Exclusion if counts.get(reason.value)}
    return eligible + sum(excluded.values()), eligible, excluded


def count_by_channel(session: Session, campaign: Campaign) -> dict[tuple[str, str], int]:
    """Persons who would be written to, by (caisse, channel); needs `load_live_holders` in the same transaction."""
    rows = session.execute(
        text(
            f"SELECT p.caisse, {CHANNEL} AS channel, count(*) AS persons FROM {FROM} "  # noqa: S608
            f"WHERE {TARGET} AND {REASON} IS NULL GROUP BY 1, 2"
        ),
        parameters(campaign),
    )
    return {(row.caisse, row.channel): row.persons for row in rows}
