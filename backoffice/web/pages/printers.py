"""Printers: who they are, their return files, and the differences to settle."""

from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from backoffice.campaigns.differences import open_differences, settle
from backoffice.campaigns.posting import LARGEST, read_return, returns_of
from backoffice.campaigns.printers import WARN_BEFORE, PostalClass, access_printer, change, declare, printers_of, retire
from backoffice.core.actor import Role
from backoffice.core.errors import DomainError, Invalid
from backoffice.core.typography import thousands
from backoffice.web.access import access, current_actor, safe_target
from backoffice.web.errors import status_of
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import StepForm
from backoffice.web.pages.typed import hidden_number

READERS: Final = (Role.CAMPAIGN_MANAGER, Role.SUPERVISOR, Role.ADMINISTRATOR)

_BLANK: Final = {
    "code": "", "nom": "", "caisses": [], "certificat": "", "recto_verso": "", "reperes": "", "classe": "",
}  # fmt: skip

pages = Blueprint("printers", __name__, url_prefix="/imprimeurs")


@pages.get("")
@access(*READERS)
def index() -> str:
    """The printers of one's caisses, what they said last, and what does not agree."""
    return _index()


@pages.post("/retours")
@access(Role.CAMPAIGN_MANAGER)
def read_file() -> ResponseReturnValue:
    """Read a return file."""
    sent, code = request.files.get("fichier"), request.form.get("imprimeur", "")
    try:
        if not isinstance(sent, FileStorage) or not sent.filename:
            raise Invalid("Choisissez le fichier de retour de l’imprimeur.")
        if not code:
            raise Invalid("Choisissez l’imprimeur dans la liste.")
        content = sent.stream.read(LARGEST + 1)
        with office().db.unit_of_work() as session:
            found = read_return(session, office(), current_actor(), code, content, sent.filename)
    except DomainError as refusal:
        return _index(str(refusal)), status_of(refusal)
    if found.known_since is not None:
        flash("Ce fichier a déjà été lu : rien n’a changé.", "wait")
    elif found.differences:
        flash(
            f"{_lots(len(found.noted))} ; {thousands(found.differences)} "
            f"{'écarts' if found.differences > 1 else 'écart'} à régler ci-dessous.",
            "wait",
        )
    else:
        flash(f"{_lots(len(found.noted))} ; tout concorde.", "done")
    return redirect(url_for(".index"), 303)


@pages.post("/ecarts/<int:difference_id>")
@access(Role.CAMPAIGN_MANAGER)
def settle_difference(difference_id: int) -> ResponseReturnValue:
    """Settle one difference, in a sentence."""
    back = safe_target(request.args.get("suite")) or url_for(".index")
    try:
        with office().db.unit_of_work() as session:
            settle(session, office(), current_actor(), difference_id, request.form.get("motif", ""))
    except DomainError as refusal:
        return _index(str(refusal)), status_of(refusal)
    flash("L’écart est réglé.", "done")
    return redirect(back, 303)


@pages.get("/nouveau")
@access(Role.ADMINISTRATOR)
def new() -> str:
    """The form of a new printer."""
    return _form(None, {"classe": PostalClass.GREEN.value, "caisses": sorted(current_actor().caisses)[:1]})


@pages.post("/nouveau")
@access(Role.ADMINISTRATOR)
def create() -> ResponseReturnValue:
    """Declare a printer."""
    try:
        with office().db.unit_of_work() as session:
            made = declare(session, office(), current_actor(), code=request.form.get("code", ""), **_typed())
    except DomainError as refusal:
        return _form(None, _kept(), str(refusal)), status_of(refusal)
    flash(f"{made.name} est déclaré. Comparez l’empreinte de son certificat avec lui, au téléphone.", "done")
    return redirect(url_for(".show", code=made.code), 303)


@pages.get("/<code>")
@access(*READERS)
def show(code: str) -> str:
    """One printer."""
    with office().db.unit_of_work() as session:
        found = access_printer(session, current_actor(), code)
    values = {
        "code": found.code, "nom": found.name, "caisses": found.caisses, "certificat": found.certificate,
        "recto_verso": found.duplex, "reperes": found.marks, "classe": found.postal_class,
    }  # fmt: skip
    return _form(found, values)


@pages.post("/<code>")
@access(Role.ADMINISTRATOR)
def save(code: str) -> ResponseReturnValue:
    """Change a printer."""
    try:
        with office().db.unit_of_work() as session:
            change(session, office(), current_actor(), code, seen=hidden_number(request.form, "version"), **_typed())
    except DomainError as refusal:
        with office().db.unit_of_work() as session:
            found = access_printer(session, current_actor(), code)
        return _form(found, _kept(), str(refusal)), status_of(refusal)
    flash("L’imprimeur est enregistré.", "done")
    return redirect(url_for(".show", code=code), 303)


@pages.post("/<code>/retrait")
@access(Role.ADMINISTRATOR)
def remove(code: str) -> ResponseReturnValue:
    """Let a printer receive no more lots."""
    try:
        with office().db.unit_of_work() as session:
            retire(session, office(), current_actor(), code, request.form.get("motif", ""))
    except DomainError as refusal:
        return _index(str(refusal)), status_of(refusal)
    flash("Cet imprimeur ne reçoit plus de lots.", "done")
    return redirect(url_for(".index"), 303)


def _typed() -> dict[str, Any]:
    sent = request.form
    return {
        "name": sent.get("nom", ""), "caisses": sent.getlist("caisses"), "certificate": sent.get("certificat", ""),
        "duplex": "recto_verso" in sent, "marks": "reperes" in sent, "postal_class": sent.get("classe", ""),
    }  # fmt: skip


def _kept() -> dict[str, Any]:
    return {**request.form.to_dict(), "caisses": request.form.getlist("caisses")}


def _form(printer: Any, values: dict[str, Any], error: str = "") -> str:
    return render_template(
        "printers/form.html", printer=printer, values=_BLANK | values, error=error, form=StepForm(), classes=list(PostalClass),
        caisses=sorted(current_actor().caisses),
    )  # fmt: skip


def _index(error: str = "") -> str:
    with office().db.unit_of_work() as session:
        actor = current_actor()
        return render_template(
            "printers/index.html", printers=printers_of(session, actor, retired=True), returns=returns_of(session, actor),
            differences=open_differences(session, actor), form=StepForm(), error=error,
            soon=office().clock() + WARN_BEFORE, now=office().clock(),
        )  # fmt: skip


def _lots(number: int) -> str:
    return f"{thousands(number)} {'lots notés' if number > 1 else 'lot noté'}"
