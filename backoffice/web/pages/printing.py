"""A lot's life on paper, on its own page: handed to a printer, received, printed, posted; a letter printed again."""

from datetime import date
from io import BytesIO
from typing import Any, Final

from flask import Response, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backoffice.campaigns.codes import carries_codes
from backoffice.campaigns.differences import open_differences
from backoffice.campaigns.keeping import pages_gone
from backoffice.campaigns.models import Campaign, Lot, access_campaign
from backoffice.campaigns.printers import Printer, access_printer, choose_printer, printers_of
from backoffice.campaigns.printing import (
    Handover,
    Report,
    envelope_file,
    hand_to_printer,
    handover_of,
    handovers_of,
    note_report,
    valid_until,
)
from backoffice.campaigns.reprint import reprint, reprints_in
from backoffice.campaigns.rules import CampaignState, Channel, LotState
from backoffice.campaigns.slip import slip_file
from backoffice.campaigns.status import lot_of
from backoffice.core.actor import Role
from backoffice.core.errors import DomainError, Invalid, WrongState
from backoffice.letters.reference import parse_letter_id
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.campaigns import pages
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import StepForm
from backoffice.web.pages.once import new_request, once
from backoffice.web.pages.typed import hidden_number, typed_day, typed_number

READERS: Final = (Role.CAMPAIGN_MANAGER, Role.SUPERVISOR)
_DAYS: Final = {"recu_le": "Reçu le", "imprime_le": "Imprimé le", "depose_le": "Déposé à La Poste le"}


@pages.get("/<reference>/lots/<int:lot_id>/papier")
@access(*READERS)
def paper(reference: str, lot_id: int) -> str:
    """Where the lot stands on its way to the post, and what can be done next."""
    return _page(reference, lot_id)


@pages.post("/<reference>/lots/<int:lot_id>/remise")
@access(Role.CAMPAIGN_MANAGER)
def hand(reference: str, lot_id: int) -> ResponseReturnValue:
    """Encrypt the lot for a printer; sent twice, it is handed over once."""
    code, reason = request.form.get("imprimeur", ""), request.form.get("motif", "")
    try:
        with office().db.unit_of_work() as session:
            campaign, lot = _held(session, reference, lot_id)
            if not code:
                raise Invalid("Choisissez l’imprimeur dans la liste.")
            hand_to_printer(session, office(), current_actor(), campaign, lot, code, reason)
    except DomainError as refusal:
        return _page(reference, lot_id, "hand", str(refusal)), status_of(refusal)
    flash("Le lot est chiffré pour l’imprimeur et lui est remis. Transmettez-lui le fichier.", "done")
    return redirect(url_for(".paper", reference=reference, lot_id=lot_id), 303)


@pages.get("/<reference>/lots/<int:lot_id>/remise.p7m")
@access(Role.CAMPAIGN_MANAGER)
def envelope(reference: str, lot_id: int) -> Response:
    """The encrypted file, for the printer alone."""
    with office().db.unit_of_work() as session:
        _, lot = _held(session, reference, lot_id)
        found = envelope_file(session, office(), current_actor(), lot)
    return send_file(
        found.path, mimetype="application/pkcs7-mime", as_attachment=True, download_name=found.path.name,
        conditional=False, etag=False, last_modified=None, max_age=0,
    )  # fmt: skip


@pages.get("/<reference>/lots/<int:lot_id>/bordereau.pdf")
@access(*READERS)
def slip(reference: str, lot_id: int) -> Response:
    """The deposit slip."""
    with office().db.unit_of_work() as session:
        campaign, lot = _held(session, reference, lot_id)
        content = slip_file(session, office(), current_actor(), campaign, lot)
    return send_file(
        BytesIO(content), mimetype="application/pdf", as_attachment=True, download_name=f"bordereau-{lot.name}.pdf"
    )


@pages.post("/<reference>/lots/<int:lot_id>/retour")
@access(Role.CAMPAIGN_MANAGER)
def report(reference: str, lot_id: int) -> ResponseReturnValue:
    """Note what the printer says of the lot."""
    try:
        said = Report(
            _day("recu_le"), _day("imprime_le"), _day("depose_le"),
            typed_number(request.form.get("lettres", ""), "Courriers comptés"),
            typed_number(request.form.get("pages", ""), "Pages comptées"),
        )  # fmt: skip
        with office().db.unit_of_work() as session:
            _, lot = _held(session, reference, lot_id)
            note_report(
                session, office(), current_actor(), lot, said, reason=request.form.get("motif", ""),
                seen=hidden_number(request.form, "version"),
            )  # fmt: skip
            differences = len(open_differences(session, current_actor(), lot))
    except WrongState as refusal:
        if not _said_already(reference, lot_id):
            return _page(reference, lot_id, "report", str(refusal)), status_of(refusal)
        differences = 0
    except DomainError as refusal:
        return _page(reference, lot_id, "report", str(refusal)), status_of(refusal)
    if differences:
        flash("C’est noté. Des nombres ne sont pas ceux du lot : réglez les écarts ci-dessous.", "wait")
    else:
        flash("C’est noté.", "done")
    return redirect(url_for(".paper", reference=reference, lot_id=lot_id), 303)


@pages.post("/<reference>/lots/<int:lot_id>/reimpression")
@access(Role.CAMPAIGN_MANAGER)
def print_again(reference: str, lot_id: int) -> ResponseReturnValue:
    """One damaged letter of the lot, as a file; sent twice by the same form, it is printed once."""
    letter_id, reason = request.form.get("numero", ""), request.form.get("motif", "")
    actor = current_actor()
    try:
        with once(office().redis, actor.login, request.form.get("demande", "")) as claim:
            if not claim.first:
                raise WrongState("Ce courrier vient d’être réimprimé : le fichier est déjà dans vos téléchargements.")
            with office().db.unit_of_work() as session:
                _, lot = _held(session, reference, lot_id)
                wanted = parse_letter_id(letter_id)
                copy = reprint(session, office(), actor, wanted, reason, of_lot=lot)
            claim.outcome = copy.letter_id
    except DomainError as refusal:
        return _page(reference, lot_id, "again", str(refusal)), status_of(refusal)
    return send_file(
        BytesIO(copy.pages), mimetype="application/pdf", as_attachment=True,
        download_name=f"reimpression-{copy.letter_id}-{copy.rank}.pdf",
    )  # fmt: skip


@pages.get("/<reference>/imprimeur")
@access(Role.CAMPAIGN_MANAGER)
def printer_of(reference: str) -> str:
    """Who prints the campaign."""
    return _printer_page(reference)


@pages.post("/<reference>/imprimeur")
@access(Role.CAMPAIGN_MANAGER)
def set_printer(reference: str) -> ResponseReturnValue:
    """Choose who prints the campaign, before it is approved."""
    try:
        with office().db.unit_of_work() as session:
            choose_printer(session, office(), current_actor(), reference, request.form.get("imprimeur", ""))
    except DomainError as refusal:
        return _printer_page(reference, str(refusal)), status_of(refusal)
    flash("L’imprimeur de la campagne est noté.", "done")
    return redirect(url_for(".show", reference=reference), 303)


def _printer_page(reference: str, error: str = "") -> str:
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, current_actor(), reference)
        found = printers_of(session, current_actor(), serving=campaign.caisses)
    return render_template(
        "campaigns/printer.html", campaign=campaign, printers=found, form=StepForm(), error=error,
        open=campaign.status in (CampaignState.DRAFT, CampaignState.SUBMITTED),
    )  # fmt: skip


def _held(session: Session, reference: str, lot_id: int) -> tuple[Campaign, Lot]:
    campaign = access_campaign(session, current_actor(), reference)
    return campaign, lot_of(session, campaign, lot_id)


def _day(name: str) -> date | None:
    try:
        return typed_day(request.form.get(name, ""))
    except Invalid:
        raise Invalid(f"« {_DAYS[name]} » n’est pas une date : indiquez-la sous la forme JJ/MM/AAAA.") from None


def _said_already(reference: str, lot_id: int) -> bool:
    """Whether what the form says is noted already: a second click."""
    with office().db.unit_of_work() as session:
        _, lot = _held(session, reference, lot_id)
        known = handover_of(session, lot)
        if known is None:
            return False
        noted = (known.received_on, known.printed_on, known.posted_on)
    return noted == tuple(_day(name) for name in _DAYS) and any(noted)


def _page(reference: str, lot_id: int, wrong: str = "", error: str = "") -> str:
    with office().db.unit_of_work() as session:
        actor = current_actor()
        campaign, lot = _held(session, reference, lot_id)
        history = handovers_of(session, lot)
        current = next(((one, who) for one, who in history if one.ended_at is None), None)
        shown: dict[str, Any] = {
            "printers": [one for one in printers_of(session, actor, serving=[lot.caisse]) if one.duplex == lot.duplex],
            "history": history, "current": current, "differences": open_differences(session, actor, lot),
            "reprints": reprints_in(session, lot), "usual": _usual(session, campaign, current),
            "until": _until(campaign, lot, current), "gone": pages_gone(session, lot),
        }  # fmt: skip
    return render_template(
        "campaigns/paper.html", campaign=campaign, lot=lot, form=StepForm(), wrong=wrong, error=error, typed=request.form,
        demande=new_request(), sealed=lot.status is LotState.SEALED and lot.channel == Channel.POST, **shown,
    )  # fmt: skip


def _usual(session: Session, campaign: Campaign, current: tuple[Handover, Printer] | None) -> str:
    if current is not None:
        return current[1].code
    printer = session.get(Printer, campaign.printer_id) if campaign.printer_id is not None else None
    return access_printer(session, current_actor(), printer.code).code if printer else ""


def _until(campaign: Campaign, lot: Lot, current: tuple[Handover, Printer] | None) -> date | None:
    """The last day of the lot's codes, as the record has them."""
    if lot.status is not LotState.SEALED or not carries_codes(campaign):
        return None
    ends = office().dmp.ends(lot.uid)
    return max(ends, default=valid_until(lot, current[0].posted_on if current else None))
