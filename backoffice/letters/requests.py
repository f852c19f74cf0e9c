"""Letters asked for one by one: by what a holder did, by a step of a case, by somebody at the counter or on the phone.

Asked for in the transaction of what calls for them, gathered into lots by `correspondence`; one row, one letter.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CHAR, Identity, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base


class RequestState(StrEnum):
    """What became of a letter asked for."""

    WAITING = "attente"
    """It waits for the next lot."""
    LETTER = "courrier"
    """It is in a lot."""
    NO_LETTER = "sans_courrier"
    """None could be made; the reason is beside it."""

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _LABELS[self]


_LABELS = {
    RequestState.WAITING: "à faire",
    RequestState.LETTER: "fait",
    RequestState.NO_LETTER: "sans courrier",
}


class LetterRequest(Base):
    """One letter owed to one person, and what became of it."""

    __tablename__ = "letter_request"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    request: Mapped[uuid.UUID] = mapped_column(unique=True)
    """Whoever asks again with the same one gets the same letter."""
    caisse: Mapped[str] = mapped_column(CHAR(3))
    person_id: Mapped[int]
    answer: Mapped[str]
    """The on-demand kind of campaign that makes it."""
    about_at: Mapped[datetime]
    """The moment of what it confirms."""
    case_number: Mapped[str | None]
    fields: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)
    """Merge fields of the letter that only the asker knows."""
    requested_at: Mapped[datetime]
    requested_by: Mapped[str]
    state: Mapped[str] = mapped_column(default=RequestState.WAITING)
    channel: Mapped[str | None]
    """Decided when it is gathered, unless the asker did: then `courrier`."""
    campaign_id: Mapped[int | None]
    letter_number: Mapped[int | None]
    left_at: Mapped[datetime | None]
    """When its letter was known to be sealed, or sent."""
    reason: Mapped[str | None]
    """Why no letter is made, or why by post after all, in French."""

    @property
    def status(self) -> RequestState:
        """The state as its enumeration."""
        return RequestState(self.state)


def request_letter(
    session: Session, answer: str, caisse: str, person_id: int, *, by: str, at: datetime, about_at: datetime | None = None,
    case_number: str | None = None, fields: Mapping[str, str] | None = None, channel: str | None = None,
    request: uuid.UUID | None = None,
) -> LetterRequest:  # fmt: skip
    """Ask for one letter of the on-demand kind `answer`; asked again with the same `request`, the one already asked for."""
    request = request or uuid.uuid4()
    session.execute(
        insert(LetterRequest)
        .values(
            request=request, caisse=caisse, person_id=person_id, answer=answer, about_at=about_at or at,
            case_number=case_number, fields=dict(fields or {}), requested_at=at, requested_by=by,
            state=RequestState.WAITING, channel=channel,
        )
        .on_conflict_do_nothing(index_elements=["request"])
    )  # fmt: skip
    return session.scalars(select(LetterRequest).where(LetterRequest.request == request)).one()


def letters_of_case(session: Session, number: str) -> list[LetterRequest]:
    """The letters that a case asked for, the first one first."""
    return list(
        session.scalars(select(LetterRequest).where(LetterRequest.case_number == number).order_by(LetterRequest.id))
    )
