"""How far the retention of a lot has gone: what everyone who opens its files must know first."""

from datetime import datetime

from sqlalchemy import ForeignKey, Integer
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.campaigns.models import Lot


class LotRetention(Base):
    """The end of a lot's clear text, then of its links to persons. Each begins with a mark that is committed first."""

    __tablename__ = "lot_retention"

    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"), primary_key=True)
    destroying_at: Mapped[datetime | None]
    destroyed_at: Mapped[datetime | None]
    """When its pages, and what was encrypted of them, were gone."""
    erasing_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    """When its letters had lost their link to the persons who did not open a DMP."""
    letters_erased: Mapped[int | None] = mapped_column(Integer)
    manifest_sha256: Mapped[bytes | None]
    """Of the manifest as it stands since; its proof keeps that of the sealing."""


def retention_of(session: Session, lot: Lot) -> LotRetention | None:
    """What was done to this lot; None for nothing yet."""
    return session.get(LotRetention, lot.id)


def pages_gone(session: Session, lot: Lot) -> LotRetention | None:
    """The retention of a lot whose pages are destroyed, or about to be."""
    found = retention_of(session, lot)
    return found if found is not None and found.destroying_at is not None else None
