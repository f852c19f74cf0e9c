"""Where a printer's word and ours differ: each difference stays open until somebody settles it, in a sentence."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CHAR, ColumnElement, ForeignKey, Identity, and_, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.audit.journal import record
from backoffice.campaigns.models import Lot
from backoffice.campaigns.printers import Printer
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.office import Office


class DifferenceKind(StrEnum):
    """What does not agree."""

    LETTERS = "courriers"
    PAGES = "pages"
    UNKNOWN = "lot_inconnu"
    NOT_HANDED = "non_remis"
    ORDER = "ordre_des_dates"
    CHANGED = "date_changee"
    TOO_LATE = "depot_tardif"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _LABELS[self]


_LABELS = {
    DifferenceKind.LETTERS: "nombre de courriers",
    DifferenceKind.PAGES: "nombre de pages",
    DifferenceKind.UNKNOWN: "lot inconnu",
    DifferenceKind.NOT_HANDED: "lot non remis à cet imprimeur",
    DifferenceKind.ORDER: "ordre des dates",
    DifferenceKind.CHANGED: "date déjà connue",
    DifferenceKind.TOO_LATE: "dépôt trop tardif",
}


class Difference(Base):
    """One thing that a printer says and we do not."""

    __tablename__ = "printer_difference"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    printer_id: Mapped[int] = mapped_column(ForeignKey("printer.id"))
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("lot.id"))
    caisse: Mapped[str | None] = mapped_column(CHAR(3))
    lot_name: Mapped[str]
    """As the printer wrote it."""
    kind: Mapped[str]
    ours: Mapped[str]
    theirs: Mapped[str]
    noted_at: Mapped[datetime]
    noted_by: Mapped[str]
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None]
    settlement: Mapped[str | None]
    """How it was settled."""

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return DifferenceKind(self.kind).label


def note_difference(
    session: Session, office: Office, actor: Actor, printer_id: int, lot: Lot | None, lot_name: str, kind: DifferenceKind,
    ours: str, theirs: str,
) -> Difference:  # fmt: skip
    """A new difference; the one already open that says the same is returned as it is."""
    known = session.scalar(
        select(Difference).where(
            Difference.printer_id == printer_id, Difference.lot_name == lot_name[:80], Difference.kind == kind,
            Difference.ours == ours, Difference.theirs == theirs[:200], Difference.settled_at.is_(None),
        )
    )  # fmt: skip
    if known is not None:
        return known
    found = Difference(
        printer_id=printer_id, lot_id=None if lot is None else lot.id, caisse=None if lot is None else lot.caisse,
        lot_name=lot_name[:80], kind=kind, ours=ours, theirs=theirs[:200], noted_at=office.clock(), noted_by=actor.login,
    )  # fmt: skip
    session.add(found)
    session.flush()
    return found


def settle(session: Session, office: Office, actor: Actor, difference_id: int, words: str) -> Difference:
    """Close a difference, saying how. Raises NotFound, Invalid without words, WrongState when it is closed."""
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    found = session.scalar(select(Difference).where(Difference.id == difference_id, _within(actor)).with_for_update())
    if found is None:
        raise NotFound("Cet écart est introuvable dans votre périmètre.")
    if found.settled_at is not None:
        raise WrongState("Cet écart est déjà réglé.")
    if not words.strip():
        raise Invalid("Dites comment cet écart est réglé, en quelques mots.")
    found.settled_at, found.settled_by, found.settlement = office.clock(), actor.login, words.strip()[:500]
    session.flush()
    record(
        session, actor, "imprimeur.regler", found.lot_name, at=office.clock(), caisse=found.caisse,
        reason=found.settlement, detail={"ecart": found.kind, "attendu": found.ours, "annonce": found.theirs},
    )  # fmt: skip
    return found


def open_differences(session: Session, actor: Actor, lot: Lot | None = None) -> list[Difference]:
    """Differences within the actor's caisses that nobody has settled, oldest first; of one lot, if it is given."""
    query = select(Difference).where(Difference.settled_at.is_(None), _within(actor))
    if lot is not None:
        query = query.where(Difference.lot_id == lot.id)
    return list(session.scalars(query.order_by(Difference.id)))


def count_open(session: Session, lot: Lot) -> int:
    """How many differences of a lot nobody has settled."""
    query = select(func.count()).select_from(Difference)
    return session.scalar(query.where(Difference.lot_id == lot.id, Difference.settled_at.is_(None))) or 0


def _within(actor: Actor) -> ColumnElement[bool]:
    """A lot that is nobody's is shown to whoever read the file, and to those who see all that its printer serves."""
    theirs = select(Printer.id).where(Printer.caisses.contained_by(sorted(actor.caisses)))
    return or_(
        Difference.caisse.in_(sorted(actor.caisses)),
        Difference.noted_by == actor.login,
        and_(Difference.caisse.is_(None), Difference.printer_id.in_(theirs)),
    )
