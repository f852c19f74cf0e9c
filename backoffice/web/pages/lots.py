"""Lots of a campaign: their letters, their files; previews of letters as the printer will have them."""

from collections.abc import Callable
from typing import Final

from flask import Response, abort, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backoffice.campaigns.handing import LotFile, hand_over
from backoffice.campaigns.keeping import retention_of
from backoffice.campaigns.models import Campaign, access_campaign
from backoffice.campaigns.preview import preview_letter, preview_pages
from backoffice.campaigns.proof import bon_a_tirer, opened_by
from backoffice.campaigns.rules import LetterState, LotState, possible_steps
from backoffice.campaigns.status import letter_of, letters_of, lot_of, lot_of_letter
from backoffice.core.actor import Role
from backoffice.core.errors import Invalid
from backoffice.letters.reference import letter_id_digits, parse_letter_id
from backoffice.web.access import access, current_actor
from backoffice.web.pages import live
from backoffice.web.pages.campaigns import pages
from backoffice.web.pages.composition import office
from backoffice.web.pages.framed import framed_pdf
from backoffice.web.pages.paging import asked_page
from backoffice.web.pages.wording import LETTER_STATES

LETTER_READERS: Final = (Role.CAMPAIGN_MANAGER, Role.SUPERVISOR)
"""Letters name persons: not for an administrator, whose work needs none."""
PREVIEWED: Final = 5
_MIME: Final = {LotFile.PAGES: "application/pdf", LotFile.MANIFEST: "text/csv", LotFile.PROOF: "application/json"}


@pages.get("/<reference>/lots/<int:lot_id>")
@access(*LETTER_READERS)
def lot(reference: str, lot_id: int) -> str:
    """One lot: its files and its letters."""
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, current_actor(), reference)
        found = lot_of(session, campaign, lot_id)
        page = asked_page(found.planned)
        letters = letters_of(session, found, page.size, page.offset)
        kept = retention_of(session, found)
    return render_template(
        "campaigns/lot.html", campaign=campaign, lot=found, letters=letters, page=page, badges=live.LOT_BADGES,
        size=live.size, letter_states=LETTER_STATES, sealed=found.status is LotState.SEALED,
        error=request.args.get("erreur"), kept=kept,
    )  # fmt: skip


@pages.get("/<reference>/lots/<int:lot_id>/fichier.<part>")
@access(Role.CAMPAIGN_MANAGER)
def download(reference: str, lot_id: int, part: str) -> Response:
    """One file of a sealed lot, verified a moment before it leaves."""
    if part not in set(LotFile):
        abort(404)
    wanted = LotFile(part)
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, current_actor(), reference)
        path = hand_over(session, office(), current_actor(), campaign, lot_of(session, campaign, lot_id), wanted)
    # Whole or not at all: no part of a file, no "you have it already".
    return send_file(
        path, mimetype=_MIME[wanted], as_attachment=True, download_name=path.name, conditional=False, etag=False,
        last_modified=None, max_age=0,
    )  # fmt: skip


@pages.get("/<reference>/apercu")
@access(*LETTER_READERS)
def preview(reference: str) -> str:
    """A few letters of the campaign, the most difficult ones first; once launched, its letters are in its lots."""
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, current_actor(), reference)
    return render_template(
        "campaigns/preview.html", campaign=campaign, launched=campaign.launched_at is not None
    )  # fmt: skip


@pages.get("/<reference>/apercu.pdf")
@access(*LETTER_READERS)
def preview_file(reference: str) -> Response:
    """The pages themselves."""
    return _pdf(
        reference,
        lambda session, campaign: preview_pages(session, office(), current_actor(), campaign, PREVIEWED),
        f"apercu-{reference}.pdf",
    )


@pages.get("/<reference>/bon-a-tirer")
@access(Role.CAMPAIGN_MANAGER)
def proof(reference: str) -> str:
    """The bon à tirer of a campaign that has not left."""
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, current_actor(), reference)
        opened = opened_by(session, campaign, current_actor().login)
    steps = possible_steps(campaign.status, current_actor(), campaign.hands)
    return render_template(
        "campaigns/proof.html", campaign=campaign, opened=opened, approving="approve" in {step.name for step in steps}
    )


@pages.get("/<reference>/bon-a-tirer.pdf")
@access(Role.CAMPAIGN_MANAGER)
def proof_file(reference: str) -> Response:
    """Its pages; that they were opened is written down."""

    def make(session: Session, campaign: Campaign) -> bytes:
        return bon_a_tirer(session, office(), current_actor(), campaign)

    return _pdf(reference, make, f"bon-a-tirer-{reference}.pdf")


@pages.get("/<reference>/courriers")
@access(*LETTER_READERS)
def find_letter(reference: str) -> ResponseReturnValue:
    """From a number typed or scanned (`?numero=`) to its letter."""
    typed = request.args.get("numero", "")
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, current_actor(), reference)
    try:
        letter_id = parse_letter_id(typed)
    except Invalid as refusal:
        return render_template("campaigns/find.html", campaign=campaign, typed=typed[:60], error=str(refusal)), 422
    return redirect(url_for(".letter", reference=reference, letter_id=letter_id), 303)


@pages.get("/<reference>/courriers/<letter_id>")
@access(*LETTER_READERS)
def letter(reference: str, letter_id: str) -> str:
    """One letter."""
    number, caisse, rank = _parts(letter_id)
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, current_actor(), reference)
        found = letter_of(session, campaign, caisse, rank)
        of_lot = lot_of_letter(session, found)
    return render_template(
        "campaigns/letter.html", campaign=campaign, letter_id=number, letter=found, lot=of_lot,
        state=LETTER_STATES[LetterState(found.state)], laid_out=found.state != LetterState.EXCEPTION,
    )  # fmt: skip


@pages.get("/<reference>/courriers/<letter_id>/courrier.pdf")
@access(*LETTER_READERS)
def letter_file(reference: str, letter_id: str) -> Response:
    """Its page."""
    number, caisse, rank = _parts(letter_id)

    def page(session: Session, campaign: Campaign) -> bytes:
        return preview_letter(session, office(), current_actor(), campaign, caisse, rank)

    return _pdf(reference, page, f"courrier-{number}.pdf")


def _parts(letter_id: str) -> tuple[str, str, int]:
    """A letter id as printed, its caisse, its number."""
    printed = parse_letter_id(letter_id)
    digits = letter_id_digits(printed)
    return printed, digits[:3], int(digits[3:12])


def _pdf(reference: str, make: Callable[[Session, Campaign], bytes], name: str) -> Response:
    return framed_pdf(lambda session: make(session, access_campaign(session, current_actor(), reference)), name)
