"""Freezing: at approval the persons, their lots and their letters' ids are written down; what was approved is what leaves."""

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from backoffice.adapters.db import refresh_statistics
from backoffice.adapters.dmp import DmpGateway
from backoffice.campaigns import targeting
from backoffice.campaigns.models import Campaign, Lot
from backoffice.campaigns.rules import Channel, LetterState, LotState
from backoffice.campaigns.trials import DRAWN, FIRST, drawn, lot_sizes, values_of_trial
from backoffice.core.calendar import working_days

MAIL_LOT = 200
"""E-mails a lot: each is a conversation with a server, so the unit of a pause is smaller than for paper."""

_SORTED_BY = "p.caisse, p.id, p.pays, p.code_postal, p.ville, p.adresse_2, p.adresse_3, p.adresse_4, p.adresse_5"


def mail_lot_size(campaign: Campaign) -> int:
    """E-mails a lot at most."""
    return min(MAIL_LOT, campaign.lot_size)


def freeze(session: Session, campaign: Campaign, dmp: DmpGateway) -> None:
    """Write down who receives what, in which lot; does nothing the second time.

    Sorted for the post: caisse, postal code, town, street, then the rest of the address.
    """
    if campaign.frozen_at is not None:
        return
    targeting.load_record_facts(session, dmp, campaign.caisses)
    found = targeting.count(session, campaign)
    campaign.targeted, campaign.eligible = found.targeted, found.eligible
    campaign.excluded = {reason.value: number for reason, number in found.excluded.items()}
    values = (
        targeting.parameters(session, campaign)
        | {
            "campaign": campaign.id,
            "first_size": lot_sizes(campaign)[0],
            "second_size": lot_sizes(campaign)[1],
            "mail_lot": mail_lot_size(campaign),
            "planned": LetterState.PLANNED.value,
        }
        | values_of_trial(campaign)
    )
    session.execute(
        text(f"""
        INSERT INTO letter (caisse, campaign_id, person_id, channel, lot_sequence, position, state)
        SELECT caisse, :campaign, id, channel, first + 1 + (rank - 1) / size, 1 + (rank - 1) % size, :planned
        FROM (
            -- Lots of the second version are numbered after those of the first.
            SELECT ranked.*, CASE version WHEN 'A' THEN 0 ELSE
                (count(*) FILTER (WHERE version = 'A') OVER (PARTITION BY caisse, channel) + size_of_first - 1)
                / size_of_first END AS first
            FROM (
            SELECT p.caisse, p.id, p.channel, p.version, CASE WHEN p.channel = '{Channel.MAIL}' THEN CAST(:mail_lot AS bigint)
                    ELSE CAST(:first_size AS bigint) END AS size_of_first,
                CASE WHEN p.channel = '{Channel.MAIL}' THEN CAST(:mail_lot AS bigint)
                    WHEN p.version = '{FIRST}' THEN CAST(:first_size AS bigint) ELSE CAST(:second_size AS bigint) END AS size,
                row_number() OVER (
                    PARTITION BY p.caisse, p.channel, p.version
                    ORDER BY p.pays, p.code_postal, p.ville, p.adresse_4, p.adresse_5, p.adresse_3, p.adresse_2, p.id
                ) AS rank
            FROM (SELECT p.*, {DRAWN} AS version FROM ({targeting.eligible(campaign, _SORTED_BY)}) p) p
            ) ranked
        ) numbered
        ORDER BY caisse, channel, version, rank
        """),  # noqa: S608 - the fragments are constants of ours
        values,
    )
    refresh_statistics(session, campaign.caisses)
    _plan_lots(session, campaign)
    session.flush()


def _plan_lots(session: Session, campaign: Campaign) -> None:
    planned = session.execute(
        text("""
        SELECT caisse, channel, lot_sequence, count(*) AS letters, min(person_id) AS person FROM letter
        WHERE campaign_id = :campaign AND caisse = ANY(:caisses) GROUP BY 1, 2, 3 ORDER BY 2, 1, 3
        """),
        {"campaign": campaign.id, "caisses": campaign.caisses},
    ).all()
    # One person tells the version of the whole lot.
    rows = [(row, drawn(campaign.reference, row.person, campaign.variant_share or 0)) for row in planned]
    lots = [
        Lot(
            uid=uuid.uuid4(), campaign_id=campaign.id, caisse=row.caisse, channel=row.channel, sequence=row.lot_sequence,
            state=LotState.PLANNED, letter_date=campaign.letter_date, planned=row.letters, variant=variant,
        )
        for row, variant in _by_turns(rows)
    ]  # fmt: skip
    date_lots(lots, campaign)
    session.add_all(lots)


def _by_turns(rows: Sequence[tuple[Any, str]]) -> list[tuple[Any, str]]:
    """Lots of two versions in turns, each caisse and channel by itself, so that neither version leaves before the other."""
    sizes = Counter((row.channel, row.caisse, variant) for row, variant in rows)
    seen: Counter[tuple[str, str, str]] = Counter()
    places = []
    for row, variant in rows:
        stream = (row.channel, row.caisse, variant)
        seen[stream] += 1
        places.append((row.channel, row.caisse, (seen[stream] - 0.5) / sizes[stream], variant))
    return [rows[index] for index in sorted(range(len(rows)), key=places.__getitem__)]


def date_lots(lots: Iterable[Lot], campaign: Campaign) -> None:
    """Date lots that no wave has a day for.

    With a daily figure, letters carry the working day they are meant to be posted; the first day is the campaign's own.
    E-mails are not posted: they leave, and are dated, with the first.
    """
    days, day, written = working_days(campaign.letter_date, campaign.caisses), campaign.letter_date, 0
    for lot in lots:
        if lot.channel == Channel.MAIL:
            lot.letter_date = campaign.letter_date
            continue
        if campaign.per_day is not None and written and written + lot.planned > campaign.per_day:
            day, written = next(later for later in islice(days, 400) if later > day), 0
        written += lot.planned
        lot.letter_date = day
