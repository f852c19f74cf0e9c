"""Returns: a pile of letters scanned or typed one after the other, a file of them, and how many come back from where."""

import csv
import io
from datetime import date, timedelta
from typing import Any, Final

from flask import Blueprint, Response, flash, jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from backoffice.audit.journal import record
from backoffice.core.actor import Role
from backoffice.core.clock import paris_date
from backoffice.core.errors import DomainError, Invalid
from backoffice.core.typography import no_break_spaces, thousands
from backoffice.returns.noting import LARGEST, FileNotes, end_batch, note_return, read_file, recent_notes, undo_last
from backoffice.returns.rates import Rates, return_rates
from backoffice.returns.reasons import ReturnReason, reason_of
from backoffice.web.access import access, current_actor, wants_json
from backoffice.web.errors import status_of
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import StepForm
from backoffice.web.pages.typed import typed_day

CLERKS: Final = (Role.AGENT, Role.CAMPAIGN_MANAGER, Role.SUPERVISOR)
SHOWN_BARS: Final = 20
_YEAR: Final = timedelta(days=365)

pages = Blueprint("returns", __name__, url_prefix="/retours")


@pages.get("")
@access(*CLERKS)
def index() -> str:
    """The pile: one field, and what was noted."""
    return _page()


@pages.post("")
@access(*CLERKS)
def note() -> ResponseReturnValue:
    """Note one letter; a script that sends them one after the other gets the line to show."""
    typed = request.form.get("numero", "")
    try:
        if not request.form.get("motif"):
            raise Invalid("Choisissez d’abord le motif coché par La Poste.")
        with office().db.unit_of_work() as session:
            found = note_return(
                session, office(), current_actor(), typed, reason_of(request.form["motif"]),
                returned_on=typed_day(request.form.get("le", "")),
            )  # fmt: skip
    except DomainError as refusal:
        if wants_json():
            return jsonify({"fait": False, "numero": typed[:40], "phrase": no_break_spaces(str(refusal))})
        return _page(str(refusal)), status_of(refusal)
    if wants_json():
        line = render_template("returns/line.html", one=found)
        return jsonify({"fait": True, "phrase": f"Noté : {found.letter_id}, {found.why.label.lower()}.", "ligne": line})
    flash(f"Noté : {found.letter_id}, {found.why.label.lower()}.", "done")
    return redirect(url_for(".index", motif=found.reason, le=request.form.get("le", "")), 303)


@pages.post("/annuler")
@access(*CLERKS)
def undo() -> ResponseReturnValue:
    """Take the last note back."""
    try:
        with office().db.unit_of_work() as session:
            found = undo_last(session, office(), current_actor())
    except DomainError as refusal:
        return _page(str(refusal)), status_of(refusal)
    flash(f"Annulé : le courrier {found.letter_id} n’est plus noté comme revenu.", "done")
    return redirect(
        url_for(".index", motif=request.form.get("motif", found.reason), le=request.form.get("le", "")), 303
    )


@pages.post("/terminer")
@access(*CLERKS)
def finish() -> ResponseReturnValue:
    """The pile is done: let the notes have their effects."""
    with office().db.unit_of_work() as session:
        waiting = end_batch(session, office(), current_actor())
    if waiting:
        flash(
            f"{thousands(waiting)} {'retours prennent' if waiting > 1 else 'retour prend'} effet dans un instant.",
            "done",
        )
    else:
        flash("Tous vos retours ont déjà pris effet.", "done")
    return redirect(url_for(".index"), 303)


@pages.post("/fichier")
@access(*CLERKS)
def upload() -> ResponseReturnValue:
    """Read a file of returns."""
    sent = request.files.get("fichier")
    try:
        if not isinstance(sent, FileStorage) or not sent.filename:
            raise Invalid("Choisissez le fichier de retours.")
        with office().db.unit_of_work() as session:
            found = read_file(session, office(), current_actor(), sent.stream.read(LARGEST + 1), sent.filename)
    except DomainError as refusal:
        return _page(str(refusal)), status_of(refusal)
    if found.refused:
        return _page(notes=found), 200
    flash(
        f"{thousands(found.noted)} {'retours notés' if found.noted > 1 else 'retour noté'}, "
        f"{thousands(found.known)} déjà {'connus' if found.known > 1 else 'connu'}.",
        "done",
    )
    return redirect(url_for(".index"), 303)


@pages.get("/taux")
@access(*CLERKS)
def rates() -> ResponseReturnValue:
    """How many come back, by postal code: a table, and bars that need no colour."""
    try:
        wanted = _wanted()
    except Invalid as refusal:
        today = paris_date(office().clock())
        wanted = {"since": today - _YEAR, "until": today, "by_departement": False, "caisse": ""}
        return _rates_page(wanted, str(refusal)), 422
    return _rates_page(wanted)


@pages.get("/taux.csv")
@access(*CLERKS)
def rates_file() -> Response:
    """The same, for a spreadsheet."""
    wanted = _wanted()
    with office().db.unit_of_work() as session:
        found = return_rates(session, current_actor(), **wanted)
        record(session, current_actor(), "retour.taux", "retours", at=office().clock())
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(["lieu", "courriers", "revenus", "taux_pour_cent", *ReturnReason])
    for one in (*found.places, found.total):
        counts = [one.reasons.get(reason, 0) for reason in ReturnReason]
        writer.writerow([one.place, one.letters, one.returned, f"{100 * one.share:.2f}".replace(".", ","), *counts])
    response = make_response(out.getvalue().encode("utf-8-sig"))
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = 'attachment; filename="retours.csv"'
    return response


def _wanted() -> dict[str, Any]:
    today = paris_date(office().clock())
    since, until = typed_day(request.args.get("du", "")), typed_day(request.args.get("au", ""))
    chosen: tuple[date, date] = (since or today - _YEAR, until or today)
    if chosen[0] > chosen[1]:
        raise Invalid("La première date suit la dernière : vérifiez-les.")
    caisse = request.args.get("caisse", "")
    return {
        "since": chosen[0], "until": chosen[1], "by_departement": request.args.get("par") == "departement",
        "caisse": caisse if caisse in current_actor().caisses else "",
    }  # fmt: skip


def _rates_page(wanted: dict[str, Any], error: str = "") -> str:
    with office().db.unit_of_work() as session:
        found: Rates = return_rates(session, current_actor(), **wanted)
    bars = [one for one in found.places if one.returned][:SHOWN_BARS]
    return render_template(
        "returns/rates.html", rates=found, bars=bars, most=max((one.share for one in bars), default=0.0), wanted=wanted,
        reasons=list(ReturnReason), caisses=sorted(current_actor().caisses), error=error,
    )  # fmt: skip


def _page(error: str = "", notes: FileNotes | None = None) -> str:
    with office().db.unit_of_work() as session:
        found = recent_notes(session, current_actor())
    typed = request.form if request.method == "POST" else request.args
    return render_template(
        "returns/index.html", notes=found, reasons=list(ReturnReason), form=StepForm(), error=error, file=notes,
        motif=typed.get("motif", ""), day=typed.get("le", "") or paris_date(office().clock()).isoformat(),
        numero=typed.get("numero", "") if error else "", today=paris_date(office().clock()).isoformat(),
    )  # fmt: skip
