"""The table of returns: one letter, one return in force."""

from datetime import date, datetime

from sqlalchemy import CHAR, Identity
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.adapters.db import Base
from backoffice.letters.reference import format_letter_id
from backoffice.returns.reasons import ReturnReason


class LetterReturn(Base):
    """One letter that came back. It names no person: its letter does, for as long as that is kept."""

    __tablename__ = "letter_return"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    caisse: Mapped[str] = mapped_column(CHAR(3))
    number: Mapped[int]
    """Of the letter, within its caisse."""
    lot_id: Mapped[int]
    reason: Mapped[str]
    returned_on: Mapped[date]
    code_postal: Mapped[str]
    """Where it had been sent, for the rates."""
    pays: Mapped[str]
    noted_at: Mapped[datetime]
    noted_by: Mapped[str]
    source: Mapped[str]
    """"saisie" or the name of a file."""
    released_at: Mapped[datetime | None]
    """When its clerk said that the pile was finished: it need not wait."""
    applied_at: Mapped[datetime | None]
    """When its code was revoked and its address flagged; until then it can be undone."""
    revoked: Mapped[bool | None]
    """Whether there was a live code to revoke."""
    case_number: Mapped[str | None]
    undone_at: Mapped[datetime | None]

    @property
    def letter_id(self) -> str:
        """As printed."""
        return format_letter_id(self.caisse, self.number)

    @property
    def why(self) -> ReturnReason:
        """The reason as its enumeration."""
        return ReturnReason(self.reason)
