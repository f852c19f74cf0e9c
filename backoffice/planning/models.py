"""The figures of planning, version by version: the staff of the 0 810, the assumed curves."""

from datetime import datetime
from typing import Any

from sqlalchemy import Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.adapters.db import Base


class PlanningVersion(Base):
    """One version of one of the figures; the latest is in force. Inserted, never changed."""

    __tablename__ = "planning_version"

    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(JSONB)
    source: Mapped[str]
    """Where the figures come from, in French: read beside them."""
    set_by: Mapped[str]
    set_at: Mapped[datetime]
