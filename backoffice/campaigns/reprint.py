"""One damaged letter printed again: its own pages out of the sealed lot, under the same code, while the lot is there.

No page is made anew, so that two papers with one code cannot tell two things. Each time is counted and journalled with
its reason; a code that opens nothing any more is not printed again.
"""

from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from typing import Final

import pikepdf
from sqlalchemy import CHAR, ForeignKey, Identity, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters import environment
from backoffice.adapters.db import Base
from backoffice.adapters.dmp import CodeStatus
from backoffice.audit.journal import record
from backoffice.campaigns import sealing
from backoffice.campaigns.codes import carries_codes
from backoffice.campaigns.handing import noted_seal, require_sealed
from backoffice.campaigns.models import Campaign, Letter, Lot
from backoffice.campaigns.production import lots_folder
from backoffice.campaigns.rules import LetterState
from backoffice.campaigns.status import lot_of_letter
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.letters.reference import format_letter_id, letter_id_digits, parse_letter_id
from backoffice.office import Office

MOST: Final = 3
"""Times one letter may be printed again; more is no damage but a mistake somewhere."""


class Reprint(Base):
    """One printing of one letter after that of its lot."""

    __tablename__ = "letter_reprint"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    caisse: Mapped[str] = mapped_column(CHAR(3))
    number: Mapped[int]
    at: Mapped[datetime]
    by: Mapped[str]
    reason: Mapped[str]
    posted_on: Mapped[date | None]
    """Where it left later than its lot: its code lives from there."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What is printed."""

    letter_id: str
    pages: bytes
    rank: int
    """Which reprint of this letter it is."""


def access_letter(session: Session, actor: Actor, letter_id: str) -> tuple[Letter, Lot, Campaign]:
    """The only way to hold a letter by its id alone: of a caisse of yours, or not found. Raises Invalid for a slip."""
    digits = letter_id_digits(parse_letter_id(letter_id))
    caisse, number = digits[:3], int(digits[3:12])
    letter = session.get(Letter, (caisse, number)) if caisse in actor.caisses else None
    campaign = session.get(Campaign, letter.campaign_id) if letter is not None else None
    if letter is None or campaign is None or not actor.caisses.issuperset(campaign.caisses):
        raise NotFound("Ce courrier est introuvable dans votre périmètre.")
    return letter, lot_of_letter(session, letter), campaign


def reprint(
    session: Session, office: Office, actor: Actor, letter_id: str, reason: str, *, of_lot: Lot | None = None
) -> Copy:
    """The pages of one letter of a sealed lot, to replace a damaged one.

    Raises Invalid without a reason, NotFound, and WrongState when the lot or its code is not there any more, or when
    the letter was printed again too often.
    """
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    reason = reason.strip()
    if not reason:
        raise Invalid("Indiquez ce qui est arrivé au courrier, en quelques mots.")
    letter, lot, campaign = access_letter(session, actor, letter_id)
    if of_lot is not None and lot.id != of_lot.id:
        raise NotFound("Ce courrier n’est pas dans ce lot : vérifiez son numéro.")
    session.refresh(lot, with_for_update=True)  # one reprint at a time, and none while the lot is destroyed
    printed = format_letter_id(letter.caisse, letter.number)
    require_sealed(session, lot)
    if letter.state != LetterState.SEALED or letter.page_first is None or letter.page_last is None:
        raise WrongState(f"Le courrier {printed} n’a pas de page dans son lot : il n’y a rien à réimprimer.")
    environment.require_agreement(session, office.environment)
    rank = 1 + reprints_of(session, letter)
    if rank > MOST:
        raise WrongState(
            f"Le courrier {printed} a déjà été réimprimé {MOST} fois : faites plutôt demander un nouveau code."
        )
    _require_live_code(office, campaign, lot, letter, printed)
    pages = _extract(office, campaign, lot, letter.page_first, letter.page_last)
    session.add(
        Reprint(
            lot_id=lot.id, caisse=letter.caisse, number=letter.number, at=office.clock(), by=actor.login, reason=reason[:500]
        )
    )  # fmt: skip
    session.flush()
    record(
        session, actor, "courrier.reimprimer", f"courrier {printed}", at=office.clock(), caisse=lot.caisse,
        reason=reason[:500], detail={"lot": lot.name, "fois": rank},
    )  # fmt: skip
    return Copy(printed, pages, rank)


def reprint_posted(session: Session, office: Office, actor: Actor, letter_id: str, posted_on: date) -> Reprint:
    """Note when the latest reprint of a letter was posted: its code, and no other, lives two months from there."""
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    letter, lot, campaign = access_letter(session, actor, letter_id)
    last = session.scalar(
        select(Reprint)
        .where(Reprint.caisse == letter.caisse, Reprint.number == letter.number)
        .order_by(Reprint.id.desc())
        .limit(1)
        .with_for_update()
    )
    printed = format_letter_id(letter.caisse, letter.number)
    if last is None:
        raise WrongState(f"Le courrier {printed} n’a pas été réimprimé : il suit la date de dépôt de son lot.")
    if last.posted_on == posted_on:
        return last
    extended = (
        office.dmp.extend(lot.uid, posted_on, [letter.person_id])
        if carries_codes(campaign) and posted_on > lot.letter_date
        else 0
    )
    last.posted_on = posted_on
    session.flush()
    record(
        session, actor, "courrier.poster", f"courrier {printed}", at=office.clock(), caisse=lot.caisse,
        detail={"depose_le": posted_on.isoformat(), "prolonges": extended},
    )  # fmt: skip
    return last


def reprints_of(session: Session, letter: Letter) -> int:
    """How many times this letter was printed again."""
    query = select(func.count()).select_from(Reprint)
    return session.scalar(query.where(Reprint.caisse == letter.caisse, Reprint.number == letter.number)) or 0


def reprints_in(session: Session, lot: Lot) -> list[Reprint]:
    """The reprints of a lot's letters, latest first."""
    return list(session.scalars(select(Reprint).where(Reprint.lot_id == lot.id).order_by(Reprint.id.desc())))


def _require_live_code(office: Office, campaign: Campaign, lot: Lot, letter: Letter, printed: str) -> None:
    if not carries_codes(campaign):
        return
    state = office.dmp.code_states(lot.caisse, [letter.person_id]).get(letter.person_id)
    if state is None or state.request_id != lot.uid or state.status is not CodeStatus.LIVE:
        raise WrongState(
            f"Le code du courrier {printed} n’est plus valable : réimprimé, il n’ouvrirait rien. "
            "Faites plutôt demander un nouveau code."
        )


def _extract(office: Office, campaign: Campaign, lot: Lot, first: int, last: int) -> bytes:
    folder = lots_folder(office, campaign)
    try:
        if noted_seal(folder, lot) is None:
            raise NotFound("Les fichiers de ce lot ne sont plus à leur place : prévenez votre administrateur.")
    except sealing.Mismatch as mismatch:
        raise WrongState(f"{mismatch} Ce courrier n’est pas réimprimé ; prévenez votre administrateur.") from None
    out = BytesIO()
    with pikepdf.open(folder / f"{lot.name}.pdf") as sealed, pikepdf.new() as copy:
        copy.pages.extend(sealed.pages[first - 1 : last])
        copy.docinfo["/Title"] = sealed.docinfo.get("/Title", "")
        copy.save(out, deterministic_id=True)
    return out.getvalue()
