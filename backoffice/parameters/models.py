"""The table of parameters: every version that was ever in force, the latest of which is."""

from datetime import datetime
from typing import Any

from sqlalchemy import CHAR, Identity, Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.adapters.db import Base


class ParameterVersion(Base):
    """One change of one parameter: what, by whom, when and why. Inserted, never changed."""

    __tablename__ = "parameter_version"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str]
    caisse: Mapped[str | None] = mapped_column(CHAR(3))
    """None: for every caisse."""
    version: Mapped[int] = mapped_column(Integer)
    """From 1, for this name and this caisse: two administrators who write the same one meet."""
    value: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    """As the declaration keeps it; NULL: back to the declared default."""
    set_at: Mapped[datetime]
    set_by: Mapped[str]
    reason: Mapped[str]
