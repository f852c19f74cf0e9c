"""Putting a campaign's lots into waves: a lot that would go over a wave's size is cut in two.

Lots are only ever split, never merged nor erased, and only while nothing of them exists: no page, no code.
"""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import cast

from sqlalchemy import CursorResult, delete, func, select, text, update
from sqlalchemy.orm import Session

from backoffice.campaigns.freezing import date_lots
from backoffice.campaigns.models import Campaign, Letter, Lot
from backoffice.campaigns.rules import PENDING_WAVES, UNMADE_LOTS, LotState, WaveState
from backoffice.campaigns.scheduling import share_out
from backoffice.campaigns.wave_models import Wave


def unmade_lots(session: Session, campaign: Campaign) -> list[Lot]:
    """The lots still to be put into waves, in the order of their letters."""
    first = (
        select(Letter.caisse, Letter.channel, Letter.lot_sequence, func.min(Letter.number).label("number"))
        .where(Letter.campaign_id == campaign.id, Letter.caisse.in_(campaign.caisses))
        .group_by(Letter.caisse, Letter.channel, Letter.lot_sequence)
        .subquery()
    )
    return list(
        session.scalars(
            select(Lot)
            .join(
                first,
                (first.c.caisse == Lot.caisse) & (first.c.channel == Lot.channel) & (first.c.lot_sequence == Lot.sequence),
            )
            .where(Lot.campaign_id == campaign.id, Lot.state.in_(UNMADE_LOTS), Lot.attempts == 0)
            .order_by(Lot.caisse, Lot.channel, first.c.number)
            .with_for_update(of=Lot)
        )
    )  # fmt: skip


def cut_into(session: Session, campaign: Campaign, lots: Sequence[Lot], waves: Sequence[Wave]) -> None:
    """Give every wave its share of each caisse and channel, in the order of the post; the lots then wait for their day."""
    streams: dict[str, list[Lot]] = {}
    for lot in lots:
        # Each version of the letter by itself: a wave has its share of both.
        streams.setdefault(f"{lot.caisse} {lot.channel} {lot.variant}", []).append(lot)
    counts = {name: sum(lot.planned for lot in stream) for name, stream in streams.items()}
    for wave, share in zip(waves, share_out(counts, [wave.letters for wave in waves]), strict=True):
        for name, wanted in share.items():
            stream = streams[name]
            while wanted:
                lot = stream.pop(0)
                if lot.planned > wanted:
                    stream.insert(0, _split(session, campaign, lot, wanted))
                wanted -= lot.planned
                lot.wave_id, lot.letter_date, lot.state = wave.id, wave.planned_on, LotState.SCHEDULED
    session.flush()


def _split(session: Session, campaign: Campaign, lot: Lot, keep: int) -> Lot:
    """Leave the first `keep` letters in the lot; return a new lot of the others."""
    last = session.scalar(
        select(func.max(Lot.sequence)).where(
            Lot.campaign_id == campaign.id, Lot.caisse == lot.caisse, Lot.channel == lot.channel
        )
    )
    rest = Lot(
        uid=uuid.uuid4(), campaign_id=campaign.id, caisse=lot.caisse, channel=lot.channel, sequence=(last or 0) + 1,
        state=lot.state, letter_date=lot.letter_date, planned=lot.planned - keep, variant=lot.variant,
    )  # fmt: skip
    session.add(rest)
    boundary = session.scalar(
        text("""
        SELECT position FROM letter
        WHERE caisse = :caisse AND campaign_id = :campaign AND channel = :channel AND lot_sequence = :sequence
        ORDER BY position OFFSET :keep LIMIT 1
        """),
        {
            "caisse": lot.caisse, "campaign": campaign.id, "channel": lot.channel, "sequence": lot.sequence, "keep": keep,
        },
    )  # fmt: skip
    moved = session.execute(
        update(Letter)
        .where(
            Letter.caisse == lot.caisse, Letter.campaign_id == campaign.id, Letter.channel == lot.channel,
            Letter.lot_sequence == lot.sequence, Letter.position >= boundary,
        )
        .values(lot_sequence=rest.sequence, position=Letter.position - boundary + 1)
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    assert cast("CursorResult[object]", moved).rowcount == rest.planned
    lot.planned = keep
    session.flush()
    return rest


def one_wave_a_day(session: Session, campaign: Campaign, now: datetime, login: str = "systeme") -> None:
    """Campaign launched in one go: its lots, all to be made now, make one wave a letter date, started already."""
    lots = session.scalars(
        select(Lot)
        .where(Lot.campaign_id == campaign.id, Lot.state == LotState.PLANNED, Lot.wave_id.is_(None))
        .order_by(Lot.letter_date, Lot.id)
    )
    for number, (day, group) in enumerate(groupby(lots, key=lambda lot: lot.letter_date), 1):
        members = list(group)
        wave = Wave(
            campaign_id=campaign.id, number=number, planned_on=day, latest_on=day,
            letters=sum(lot.planned for lot in members), state=WaveState.STARTED, decided_at=now, started_at=now,
            started_by=login,
        )  # fmt: skip
        session.add(wave)
        session.flush()
        for lot in members:
            lot.wave_id = wave.id
    session.flush()


def let_go(session: Session, wave: Wave, day: date) -> list[int]:
    """The lots of a wave become workers' to make, dated `day`; their ids."""
    lots = session.scalars(
        select(Lot).where(Lot.wave_id == wave.id, Lot.state == LotState.SCHEDULED).order_by(Lot.id).with_for_update()
    ).all()
    for lot in lots:
        lot.state, lot.letter_date = LotState.PLANNED, day
    session.flush()
    return [lot.id for lot in lots]


def take_out(session: Session, campaign: Campaign) -> None:
    """Lots that waited for a wave wait for a decision again, dated as at approval; their waves go."""
    lots = session.scalars(
        select(Lot).where(Lot.campaign_id == campaign.id, Lot.state == LotState.SCHEDULED).order_by(Lot.id)
    ).all()
    for lot in lots:
        lot.state, lot.wave_id = LotState.PLANNED, None
    session.flush()
    erase_pending(session, campaign)
    date_lots(lots, campaign)
    session.flush()


def erase_pending(session: Session, campaign: Campaign) -> None:
    """Waves that have not started, once no lot is in them; what they were is in the campaign's history."""
    session.execute(delete(Wave).where(Wave.campaign_id == campaign.id, Wave.state.in_(PENDING_WAVES)))


def give_up_pending(session: Session, campaign: Campaign, reason: str) -> None:
    """Waves that have not started never will."""
    session.execute(
        update(Wave)
        .where(Wave.campaign_id == campaign.id, Wave.state.in_(PENDING_WAVES))
        .values(state=WaveState.CANCELLED, reason=reason)
    )


def started_none(session: Session, campaign: Campaign) -> bool:
    """Whether the campaign has waves and none has started."""
    states = set(session.scalars(select(Wave.state).where(Wave.campaign_id == campaign.id)))
    return bool(states) and WaveState.STARTED not in states
