"""Segments: named criteria, shared by the managers of their caisses; who changed what is kept, version by version.

A campaign made from a segment follows it until it leaves: a change reaches its drafts, and voids its approvals.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Identity, Integer, func, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import Text

from backoffice.adapters.db import Base
from backoffice.audit.journal import record
from backoffice.campaigns.approvals import void_approval
from backoffice.campaigns.criteria import Criteria
from backoffice.campaigns.drafts import require_reachable_criteria
from backoffice.campaigns.models import Campaign
from backoffice.campaigns.rules import CampaignState
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.office import Office

NAME_LENGTH = 80


class Segment(Base):
    """Named criteria. `version` counts its changes, and guards against two at once."""

    __tablename__ = "segment"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str]
    caisses: Mapped[list[str]] = mapped_column(ARRAY(Text))
    criteria: Mapped[dict[str, Any]] = mapped_column(JSONB)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]

    @property
    def target(self) -> Criteria:
        """The criteria as their declaration."""
        return Criteria.from_json(self.criteria)


class SegmentChange(Base):
    """One version of a segment, as it was left. Inserted, never changed."""

    __tablename__ = "segment_change"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id"))
    version: Mapped[int] = mapped_column(Integer)
    what: Mapped[str]
    actor: Mapped[str]
    at: Mapped[datetime]
    name: Mapped[str]
    caisses: Mapped[list[str]] = mapped_column(ARRAY(Text))
    criteria: Mapped[dict[str, Any]] = mapped_column(JSONB)


def list_segments(session: Session, actor: Actor, *, archived: bool = False) -> list[Segment]:
    """The segments of the actor's caisses, by name."""
    query = select(Segment).where(
        Segment.caisses.contained_by(sorted(actor.caisses)),
        Segment.archived_at.is_not(None) if archived else Segment.archived_at.is_(None),
    )
    return list(session.scalars(query.order_by(Segment.name, Segment.id)))


def access_segment(session: Session, actor: Actor, segment_id: int, *, lock: bool = False) -> Segment:
    """The only way to hold a segment: its caisses within yours, or not found."""
    query = select(Segment).where(Segment.id == segment_id)
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None or not actor.caisses.issuperset(found.caisses):
        raise NotFound("Ce segment est introuvable dans votre périmètre.")
    return found


def changes_of(session: Session, segment: Segment) -> list[SegmentChange]:
    """Its versions, the latest first."""
    query = select(SegmentChange).where(SegmentChange.segment_id == segment.id).order_by(SegmentChange.id.desc())
    return list(session.scalars(query))


def last_changes(session: Session, segments: Sequence[Segment]) -> list[tuple[Segment, SegmentChange]]:
    """Each segment with its latest version, in one statement."""
    latest = (
        select(func.max(SegmentChange.id))
        .where(SegmentChange.segment_id.in_([one.id for one in segments]))
        .group_by(SegmentChange.segment_id)
    )
    found = {one.segment_id: one for one in session.scalars(select(SegmentChange).where(SegmentChange.id.in_(latest)))}
    return [(one, found[one.id]) for one in segments]


def campaigns_of(session: Session, segment: Segment) -> list[Campaign]:
    """The campaigns made from it, the latest first."""
    return list(session.scalars(select(Campaign).where(Campaign.segment_id == segment.id).order_by(Campaign.id.desc())))


def create_segment(
    session: Session, office: Office, actor: Actor, name: str, caisses: tuple[str, ...], criteria: Criteria
) -> Segment:
    """A new segment; Invalid at the first thing that cannot be."""
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    _check(session, actor, name, caisses, criteria)
    segment = Segment(
        name=name.strip(), caisses=sorted(set(caisses)), criteria=criteria.as_json(), version=1, created_by=actor.login,
        created_at=office.clock(),
    )  # fmt: skip
    session.add(segment)
    session.flush()
    _keep(session, office, actor, segment, "creer")
    return segment


def change_segment(
    session: Session, office: Office, actor: Actor, segment_id: int, version: int, name: str, caisses: tuple[str, ...],
    criteria: Criteria,
) -> Segment:  # fmt: skip
    """Change a segment as it was read at `version`; the campaigns that have not left follow, their approval is void.

    Raises WrongState when somebody changed or archived it meanwhile.
    """
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    segment = _at_version(session, actor, segment_id, version)
    if segment.archived_at is not None:
        raise WrongState("Ce segment est archivé : rétablissez-le avant de le modifier.")
    _check(session, actor, name, caisses, criteria)
    same = (segment.target, segment.caisses) == (criteria, sorted(set(caisses)))
    if same and segment.name == name.strip():
        return segment
    segment.name, segment.caisses, segment.criteria = name.strip(), sorted(set(caisses)), criteria.as_json()
    segment.version += 1
    _keep(session, office, actor, segment, "modifier")
    if not same:
        _follow(session, office, actor, segment)
    return segment


def set_archived(
    session: Session, office: Office, actor: Actor, segment_id: int, version: int, *, archived: bool
) -> Segment:
    """Put a segment away, or take it out again; campaigns made from it keep what they have."""
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    segment = _at_version(session, actor, segment_id, version)
    if (segment.archived_at is not None) == archived:
        return segment
    segment.archived_at = office.clock() if archived else None
    segment.version += 1
    _keep(session, office, actor, segment, "archiver" if archived else "retablir")
    return segment


def _at_version(session: Session, actor: Actor, segment_id: int, version: int) -> Segment:
    segment = access_segment(session, actor, segment_id, lock=True)
    if segment.version != version:
        last = changes_of(session, segment)[0]
        raise WrongState(
            f"{last.actor} a modifié ce segment pendant que vous l’aviez ouvert : rechargez la page, puis recommencez."
        )
    return segment


def _check(session: Session, actor: Actor, name: str, caisses: tuple[str, ...], criteria: Criteria) -> None:
    if not name.strip():
        raise Invalid("Donnez un nom au segment.")
    if len(name.strip()) > NAME_LENGTH:
        raise Invalid(f"Le nom du segment dépasse {NAME_LENGTH} caractères : raccourcissez-le.")
    if not caisses:
        raise Invalid("Choisissez au moins une caisse.")
    criteria.check()
    require_reachable_criteria(session, actor, caisses, criteria)


def _keep(session: Session, office: Office, actor: Actor, segment: Segment, what: str) -> None:
    now = office.clock()
    session.add(
        SegmentChange(
            segment_id=segment.id, version=segment.version, what=what, actor=actor.login, at=now, name=segment.name,
            caisses=segment.caisses, criteria=segment.criteria,
        )
    )  # fmt: skip
    session.flush()
    record(
        session, actor, f"segment.{what}", f"segment {segment.id}", at=now,
        caisse=segment.caisses[0] if len(segment.caisses) == 1 else None, detail={"version": segment.version},
    )  # fmt: skip


def _follow(session: Session, office: Office, actor: Actor, segment: Segment) -> None:
    """Campaigns that have not left target what the segment now says."""
    waiting = session.scalars(
        select(Campaign)
        .where(
            Campaign.segment_id == segment.id, Campaign.launched_at.is_(None), Campaign.state != CampaignState.CANCELLED
        )
        .order_by(Campaign.id).with_for_update()
    )  # fmt: skip
    for campaign in waiting:
        reason = f"Le segment « {segment.name} » a été modifié par {actor.login} : relisez, puis soumettez à nouveau."
        void_approval(session, office, campaign, reason)
        campaign.caisses, campaign.criteria = segment.caisses, segment.criteria
        campaign.segment_version = segment.version
        campaign.version += 1
        if actor.login not in campaign.hands:
            campaign.hands = [*campaign.hands, actor.login]
    session.flush()
