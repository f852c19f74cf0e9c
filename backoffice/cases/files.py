"""The table of the files joined to cases; what is done with them is in `attachments`."""

import hashlib
import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.cases.models import Case
from backoffice.cases.sniffing import Kind, kind_named


class Attachment(Base):
    """One file of one case; once withdrawn, what it was called and by whom it was withdrawn."""

    __tablename__ = "case_attachment"

    uid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case_file.id"))
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[bytes]
    key_id: Mapped[str]
    added_by: Mapped[str]
    added_at: Mapped[datetime]
    withdrawn_by: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    """Why it was withdrawn."""
    destroyed_at: Mapped[datetime | None]
    """When its file was removed from the disk, which the withdrawal's own transaction cannot do."""

    @property
    def kind(self) -> Kind:
        """What it is."""
        return kind_named(self.media_type)

    def is_content(self, content: bytes) -> bool:
        """Whether this is what was joined."""
        return hashlib.sha256(content).digest() == self.sha256


def attachments_of(session: Session, case: Case) -> list[Attachment]:
    """The files of a case that are still there, the first one first."""
    mine = select(Attachment).where(Attachment.case_id == case.id, Attachment.withdrawn_at.is_(None))
    return list(session.scalars(mine.order_by(Attachment.added_at, Attachment.uid)))


def has_file(session: Session, case: Case) -> bool:
    """Whether a file is joined to the case, or to one merged into it."""
    query = (
        select(Attachment.uid)
        .join(Case, Case.id == Attachment.case_id)
        .where(or_(Case.id == case.id, Case.merged_into == case.number), Attachment.withdrawn_at.is_(None))
        .limit(1)
    )
    return session.scalar(query) is not None
