"""The prepared counts: what became of each mailing's letters, by day and by what tells letters apart."""

from collections.abc import Collection
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import CHAR, Integer, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base


class Fact(StrEnum):
    """What may befall a letter; each counts once a letter, on the day of the first time."""

    SENT = "envoi"
    RETURNED = "retour"
    CALL = "appel"
    CODE_USED = "code"
    OPENED = "dmp"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _LABELS[self]


_LABELS: Final = {
    Fact.SENT: "Envoyés",
    Fact.RETURNED: "Revenus",
    Fact.CALL: "Appels",
    Fact.CODE_USED: "Codes utilisés",
    Fact.OPENED: "DMP créés",
}

BANDS: Final = (
    (75, "75 ans et plus"),
    (60, "60 à 74 ans"),
    (45, "45 à 59 ans"),
    (30, "30 à 44 ans"),
    (0, "18 à 29 ans"),
)
"""Ages on the day of sending: from how many years on, the oldest first."""


class CampaignDay(Base):
    """Letters of one mailing, sent the same day to the same sort of persons, that one thing befell on one day.

    Relays of e-mails that did not arrive count with their mailing. Made by `counting` alone, and made again at will.
    """

    __tablename__ = "campaign_day"

    caisse: Mapped[str] = mapped_column(CHAR(3), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(primary_key=True)
    variant: Mapped[str] = mapped_column(primary_key=True)
    """The version of the letter: "A", or "B" where a campaign has two."""
    wave: Mapped[int] = mapped_column(Integer, primary_key=True)
    """Its number; 0 for letters that leave without waves."""
    channel: Mapped[str] = mapped_column(primary_key=True)
    band: Mapped[str] = mapped_column(primary_key=True)
    sent_on: Mapped[date] = mapped_column(primary_key=True)
    fact: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    late: Mapped[bool] = mapped_column(primary_key=True)
    """Of a creation: after the letter had come back. Of a return: after the creation. The curves leave both out."""
    letters: Mapped[int] = mapped_column(Integer)


class CampaignResponse(Base):
    """Answers to letters of one date, so many days later. Made by `responses` alone."""

    __tablename__ = "campaign_response"

    caisse: Mapped[str] = mapped_column(CHAR(3), primary_key=True)
    fact: Mapped[str] = mapped_column(primary_key=True)
    letter_date: Mapped[date] = mapped_column(primary_key=True)
    delay: Mapped[int] = mapped_column(Integer, primary_key=True)
    answers: Mapped[int] = mapped_column(Integer)


class FollowingMark(Base):
    """Up to when the counts of a caisse are known to be right."""

    __tablename__ = "following_mark"

    caisse: Mapped[str] = mapped_column(CHAR(3), primary_key=True)
    counted_at: Mapped[datetime]


def counted_at(session: Session, caisses: Collection[str]) -> datetime | None:
    """The oldest count among these caisses; None before the first."""
    return session.scalar(select(func.min(FollowingMark.counted_at)).where(FollowingMark.caisse.in_(sorted(caisses))))
