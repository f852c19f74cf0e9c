"""Who is targeted, who is left out and why: one SQL home for the rule, used for counts, freezing and production.

A kind of campaign declares which reasons count and in which order (`campaigns.kinds`); their conditions are here. Each
person left out is counted under the first reason that applies.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from dateutil.relativedelta import relativedelta
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from backoffice.adapters.db import copy_rows
from backoffice.adapters.dmp import DmpGateway, DossierState
from backoffice.campaigns.codes import requests_of
from backoffice.campaigns.criteria import Criteria, Draw, Fate
from backoffice.campaigns.kinds import CampaignKind, Exclusion, kind_of
from backoffice.campaigns.models import Campaign, Lot
from backoffice.campaigns.rules import ChannelRule
from backoffice.core.caisse import CAISSE_CODES
from backoffice.population import notices
from backoffice.population.notices import NoticeKind

ADULT_YEARS = 18

CHANNEL = f"CASE WHEN :registered AND {notices.TAKES_MAIL} THEN 'mail' ELSE 'courrier' END"

FROM = f"""person p {notices.JOIN}
    LEFT JOIN live_code live ON live.caisse = p.caisse AND live.person_id = p.id
    LEFT JOIN record_dossier dossier ON dossier.caisse = p.caisse AND dossier.person_id = p.id"""
"""Persons beside their notices and what the record knows of them; needs `load_record_facts`."""

_HOLDS = "(p.dmp OR dossier.state IS NOT NULL)"
"""Before the relaunch by the population file, since then by the record; who closed theirs is told apart before."""
_CONDITIONS = {
    Exclusion.DEPENDANT: "p.qualite <> 'OD'",
    Exclusion.SCHEME: "p.regime <> '01'",
    Exclusion.CAISSE: "NOT p.caisse = ANY(:nine)",
    Exclusion.MOVED: "p.gone_at IS NOT NULL",
    Exclusion.HOLDER: "p.dmp OR dossier.state <> 'closed'",
    Exclusion.CLOSED: "dossier.state = 'closed'",
    Exclusion.NO_DMP: f"NOT {_HOLDS}",
    Exclusion.DECEASED: notices.DECEASED,
    Exclusion.OPPOSITION: notices.OPPOSED,
    Exclusion.UNDELIVERABLE: notices.UNDELIVERABLE,
    Exclusion.MINOR: "p.birth_latest > :adult_born",
    Exclusion.LIVE_CODE: "live.person_id IS NOT NULL",
    Exclusion.NEWER_CODE: "live.person_id IS NOT NULL AND NOT live.request_id = ANY(:earlier_requests)",
    Exclusion.NO_CODE: "live.person_id IS NULL",
    Exclusion.FOREIGN: "p.pays <> '' AND NOT :foreign",
}
_OF_CODES = frozenset({Exclusion.LIVE_CODE, Exclusion.NEWER_CODE, Exclusion.NO_CODE})
"""Not looked at again at the moment of sending, when the lot's own codes may be the live ones: see `campaigns.codes`."""


def reason(kind: CampaignKind, channel: str = CHANNEL, *, sending: bool = False) -> str:
    """SQL expression over `FROM`; NULL when the person may be written to, by `channel`."""
    cases = []
    for exclusion in kind.leaves_out:
        if sending and exclusion in _OF_CODES:
            continue
        condition = _CONDITIONS[exclusion]
        if exclusion is Exclusion.UNDELIVERABLE and kind.only_post_needs_address:
            condition = f"({condition}) AND ({channel}) = 'courrier'"
        cases.append(f"WHEN {condition} THEN '{exclusion}'")
    return f"CASE {' '.join(cases)} END"


_WRITTEN = "e.state IN ('scellee', 'envoyee')"
_CAME_BACK = (
    "EXISTS (SELECT FROM letter_return b WHERE b.caisse = e.caisse AND b.number = e.number AND b.undone_at IS NULL)"
)
_TOLD_BAD = (
    "EXISTS (SELECT FROM person_notice n WHERE n.caisse = e.caisse AND n.person_id = e.person_id "
    f"AND n.kind = '{NoticeKind.UNDELIVERABLE}' AND n.since >= e.at AND n.source NOT LIKE 'courrier %')"
)
_FATES = {
    Fate.WRITTEN: _WRITTEN,
    Fate.NOT_CREATED: f"{_WRITTEN} AND NOT {_HOLDS}",
    Fate.CREATED: f"{_WRITTEN} AND dossier.opened_at > e.at",
    Fate.LIVE: f"{_WRITTEN} AND live.request_id = ANY(:earlier_requests)",
    # Whether the address was corrected since or not: it came back, and that is why they are written to again. Where no
    # return was noted, what the caisse was told of the address afterwards, unless by another letter.
    Fate.RETURNED: f"{_WRITTEN} AND ({_CAME_BACK} OR {_TOLD_BAD})",
    Fate.FAILED: "e.state = 'exception'",
    Fate.WITHOUT: "e.state = 'annulee' AND live.person_id IS NULL",
}


def conditions(criteria: Criteria) -> list[tuple[str, str]]:
    """(criterion, SQL condition over `FROM`) of the criteria that are set, the caisses first."""
    found = [("caisses", "p.caisse = ANY(:caisses)")]
    if criteria.age_min is not None:
        found.append(("age_min", "p.birth_latest <= :born_until"))
    if criteria.age_max is not None:
        found.append(("age_max", "p.birth_latest > :born_after"))
    if criteria.postal_codes:
        found.append(("codes_postaux", "p.code_postal LIKE ANY(:postal)"))
    if criteria.qualites:
        found.append(("qualite", "p.qualite = ANY(:qualites)"))
    if criteria.sex is not None:
        found.append(("sexe", "p.civilite = :sex"))
    if criteria.channel is not None:
        found.append(("canal_enregistre", "p.canal = :channel"))
    if criteria.email is not None:
        found.append(("courriel", "(p.email <> '') = :email"))
    if criteria.list_id is not None:
        found.append(
            (
                "liste",
                "EXISTS (SELECT FROM person_list_member m WHERE m.list_id = :list_id AND m.caisse = p.caisse "
                "AND m.person_id = p.id)",
            )
        )
    if criteria.earlier is not None:
        found.append(("campagne_precedente", _earlier(criteria.earlier.fate)))
    return found


def _earlier(fate: Fate) -> str:
    letter = "SELECT FROM letter e WHERE e.caisse = p.caisse AND e.person_id = p.id AND e.campaign_id = :earlier"
    return f"NOT EXISTS ({letter})" if fate is Fate.NOT_IN else f"EXISTS ({letter} AND {_FATES[fate]})"


def target(criteria: Criteria) -> str:
    """SQL condition over `FROM`: within the criteria."""
    return " AND ".join(condition for _, condition in conditions(criteria))


def parameters(session: Session, campaign: Campaign) -> dict[str, Any]:
    """Values of the expressions above for one campaign."""
    criteria, day = campaign.target, campaign.letter_date
    earlier = _earlier_campaign(session, criteria)
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
        "sex": criteria.sex,
        "channel": criteria.channel,
        "email": criteria.email,
        "list_id": criteria.list_id,
        "earlier": earlier.id if earlier else None,
        "earlier_requests": _requests(session, earlier) if earlier else [],
        "seed": criteria.draw.seed if criteria.draw else "",
        "draw_count": criteria.draw.count if criteria.draw else None,
        "draw_percent": criteria.draw.percent if criteria.draw else None,
    }


def _earlier_campaign(session: Session, criteria: Criteria) -> Campaign | None:
    if criteria.earlier is None:
        return None
    return session.scalars(select(Campaign).where(Campaign.reference == criteria.earlier.reference)).one()


def _requests(session: Session, campaign: Campaign) -> list[str]:
    """Every request under which codes of this campaign were issued."""
    lots = session.scalars(select(Lot).where(Lot.campaign_id == campaign.id))
    return [str(request) for lot in lots for request in requests_of(lot)]


_TABLES = (
    "CREATE TEMPORARY TABLE live_code (caisse char(3) NOT NULL, person_id bigint NOT NULL, request_id uuid NOT NULL) "
    "ON COMMIT DROP",
    "CREATE TEMPORARY TABLE record_dossier (caisse char(3) NOT NULL, person_id bigint NOT NULL, state text NOT NULL, "
    "opened_at timestamptz NOT NULL) ON COMMIT DROP",
)


def load_record_facts(session: Session, dmp: DmpGateway, caisses: Sequence[str]) -> None:
    """Bring live codes and dossiers, known to the record alone, beside the population for this transaction."""
    for table in _TABLES:
        session.execute(text(table))
    copy_rows(
        session, "live_code", ("caisse", "person_id", "request_id"), ("text", "int8", "uuid"),
        dmp.live_codes(tuple(caisses)),
    )  # fmt: skip
    _copy_dossiers(session, dmp.dossiers_of(tuple(caisses)))
    _copy_former(session, dmp, "p.caisse = ANY(:caisses)", {"caisses": list(caisses)})
    session.execute(text("ANALYZE live_code, record_dossier"))


def load_facts_of(session: Session, dmp: DmpGateway, caisse: str, persons: Sequence[int]) -> None:
    """The same for the persons of one lot about to be made, dossiers alone."""
    for table in _TABLES:
        session.execute(text(table.replace("TABLE", "TABLE IF NOT EXISTS", 1)))
    session.execute(text("TRUNCATE live_code, record_dossier"))
    states = dmp.dossier_states(caisse, persons)
    _copy_dossiers(session, ((caisse, person, facts.state.value, facts.opened_at) for person, facts in states.items()))
    _copy_former(
        session, dmp, "p.caisse = :caisse AND p.id = ANY(:persons)", {"caisse": caisse, "persons": list(persons)}
    )


def _copy_former(session: Session, dmp: DmpGateway, among: str, values: dict[str, Any]) -> None:
    """Who came from another caisse has the DMP opened there."""
    came = session.execute(
        text(f"""
        SELECT q.caisse AS former, q.id AS former_id, p.caisse, p.id FROM person q
        JOIN person p ON p.nir = q.nir AND p.caisse <> q.caisse
        WHERE q.gone_at IS NOT NULL AND p.gone_at IS NULL AND {among}
            AND NOT EXISTS (SELECT FROM record_dossier d WHERE d.caisse = p.caisse AND d.person_id = p.id)
        ORDER BY q.caisse, q.id
        """),  # noqa: S608 - constants of ours
        values,
    ).all()
    found: dict[tuple[str, int], tuple[str, datetime]] = {}
    for former, rows in groupby(came, key=lambda row: row.former):
        now = {row.former_id: (row.caisse, row.id) for row in rows}
        for person, facts in dmp.dossier_states(former, list(now)).items():
            # Of several left behind, one that is not closed counts.
            if now[person] not in found or found[now[person]][0] == DossierState.CLOSED:
                found[now[person]] = (facts.state.value, facts.opened_at)
    _copy_dossiers(session, ((*person, *facts) for person, facts in found.items()))


def _copy_dossiers(session: Session, rows: Iterable[Sequence[object]]) -> None:
    columns = ("caisse", "person_id", "state", "opened_at")
    copy_rows(session, "record_dossier", columns, ("text", "int8", "text", "timestamptz"), rows)


_KEY = "md5(:seed || ':' || p.caisse || ':' || p.id)"
"""Order of a draw: whoever knows the seed draws the same persons."""


def eligible(campaign: Campaign, columns: str) -> str:
    """SQL subquery of the persons to be written to: these columns of `person p`, and their `channel`."""
    kind, criteria = kind_of(campaign.kind), campaign.target
    ranks = f", {_ranks(criteria.draw)}" if criteria.draw else ""
    found = (
        f"SELECT {columns}, {CHANNEL} AS channel{ranks} FROM {FROM} "  # noqa: S608 - constants of ours
        f"WHERE {target(criteria)} AND {reason(kind)} IS NULL"
    )
    if criteria.draw is None:
        return found
    return f"SELECT * FROM ({found}) one WHERE NOT {_left_by_draw(criteria.draw)}"  # noqa: S608


def _ranks(draw: Draw) -> str:
    """So many in all are drawn among all; so many in a hundred are drawn in each caisse by itself."""
    part = "PARTITION BY p.caisse" if draw.count is None else ""
    return f"row_number() OVER ({part} ORDER BY {_KEY}) AS draw_rank, count(*) OVER ({part}) AS draw_total"


def _left_by_draw(draw: Draw) -> str:
    if draw.count is not None:
        return "(draw_rank > :draw_count)"
    return "(draw_rank > greatest(1, round(draw_total * CAST(:draw_percent AS numeric) / 100)))"


@dataclass(frozen=True, slots=True)
class Count:
    """Persons of the caisses, by what is left of them after each criterion and by what they would receive or why not."""

    steps: tuple[tuple[str, int], ...]
    """(criterion, persons left once it is applied), in order; the first is the caisses' whole population."""
    excluded: dict[Exclusion, int]
    persons: dict[tuple[str, str], int]
    """Who would be written to, by (caisse, channel)."""
    replaced: int
    """Those among them whose code in force another will replace."""

    @property
    def targeted(self) -> int:
        """Persons within the criteria, whether they may be written to or not."""
        return self.steps[-1][1]

    @property
    def eligible(self) -> int:
        """Persons who would receive something."""
        return sum(self.persons.values())


def count(session: Session, campaign: Campaign) -> Count:
    """Count a campaign, stored or not, in one pass; needs `load_record_facts` in the same transaction."""
    criteria = campaign.target
    named = conditions(criteria)
    kept = " ".join(f"WHEN ({condition}) IS NOT TRUE THEN {rank}" for rank, (_, condition) in enumerate(named))
    rows = (
        f"SELECT p.caisse, p.id, CASE {kept} ELSE {len(named)} END AS kept, "  # noqa: S608 - constants of ours
        f"CASE WHEN {target(criteria)} THEN {reason(kind_of(campaign.kind))} END AS reason, {CHANNEL} AS channel, "
        f"live.person_id IS NOT NULL AS live FROM {FROM} WHERE p.caisse = ANY(:caisses)"
    )
    if criteria.draw is not None:
        rows = _counted_with_draw(rows, criteria.draw, f"p.kept = {len(named)} AND p.reason IS NULL")
    found = session.execute(
        text(f"""
        SELECT caisse, kept, reason, channel, count(*) AS persons, count(*) FILTER (WHERE live) AS live
        FROM ({rows}) counted GROUP BY 1, 2, 3, 4
        """),  # noqa: S608 - constants of ours
        parameters(session, campaign),
    ).all()
    steps = tuple((name, sum(row.persons for row in found if row.kept > rank)) for rank, (name, _) in enumerate(named))
    excluded = dict.fromkeys(Exclusion, 0)
    persons: dict[tuple[str, str], int] = {}
    replaced = 0
    for row in found:
        if row.kept < len(named):
            continue
        if row.reason is None:
            persons[row.caisse, row.channel] = persons.get((row.caisse, row.channel), 0) + row.persons
            replaced += row.live
        else:
            excluded[Exclusion(row.reason)] += row.persons
    if kind_of(campaign.kind).replacing is None:
        replaced = 0
    return Count(steps, {one: number for one, number in excluded.items() if number}, persons, replaced)


def _counted_with_draw(rows: str, draw: Draw, among: str) -> str:
    """The rows, those among the eligible that the draw leaves out under their own reason."""
    return (
        f"WITH looked_at AS MATERIALIZED ({rows}) "  # noqa: S608
        f"SELECT p.caisse, p.kept, p.reason, p.channel, p.live FROM looked_at p WHERE NOT ({among}) UNION ALL "
        f"SELECT caisse, kept, CASE WHEN {_left_by_draw(draw)} THEN '{Exclusion.NOT_DRAWN}' END, channel, live FROM "
        f"(SELECT p.caisse, p.kept, p.channel, p.live, {_ranks(draw)} FROM looked_at p WHERE {among}) ranked"
    )
