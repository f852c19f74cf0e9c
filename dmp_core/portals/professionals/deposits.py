"""Depositing by those without software: a file and one click, and what one deposited oneself: to correct, announce, archive,
withdraw. No consent is asked for (DOMAIN 4.3), and nothing of the dossier is shown.
"""

import csv
import io
from datetime import date, datetime, time
from typing import Final
from uuid import UUID

from flask import Blueprint, Flask, Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dmp_core.access.application import Deposit
from dmp_core.access.depositing import Settled, depositable
from dmp_core.access.software import SoftwareGate
from dmp_core.clock import PARIS
from dmp_core.errors import DmpError, Invalid, NotFound, Unavailable
from dmp_core.portals.professionals.card import parts, professional
from dmp_core.record.contents import LARGEST
from dmp_core.record.metadata import LONGEST_TITLE, Status
from dmp_core.record.nomenclatures import label_of_type

blueprint = Blueprint("deposits", __name__)

PAGE: Final = 50
MOST_ROWS: Final = 10_000
"""Of the file of receipts."""
LARGEST_FORM: Final = LARGEST + 64 * 1024
_LAST_PAGE: Final = 2_000
_WITH_A_FILE: Final = frozenset({"deposits.send", "deposits.correct"})
_STATES: Final = {
    Status.APPROVED: "en vigueur", Status.ARCHIVED: "archivé", Status.DEPRECATED: "remplacé", Status.DELETED: "retiré",
}  # fmt: skip
_HEADER: Final = ("recu_le", "ins_c", "code_type", "type", "version", "etat", "sha256", "document")


def allow_files(app: Flask) -> None:
    """Let forms that bear a file be as large as one; before anything reads a form."""

    @app.before_request
    def larger() -> None:
        if request.endpoint in _WITH_A_FILE:
            request.max_content_length = LARGEST_FORM


@blueprint.get("/depots")
def receipts() -> str:
    """What this professional deposited, the latest first."""
    page = _page()
    found, more = gate().deposited_by(professional(), PAGE, (page - 1) * PAGE)
    return render_template("receipts.html", receipts=found, more=more, page=page, states=_STATES)


@blueprint.get("/depots.csv")
def receipts_as_file() -> Response:
    """The same, to keep or to count: UTF-8 with its mark, `;`."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(_HEADER)
    more, offset = True, 0
    while more and offset < MOST_ROWS:
        found, more = gate().deposited_by(professional(), 100, offset)
        offset += len(found)
        for each in found:
            writer.writerow(
                (
                    each.submitted_at.astimezone(PARIS).isoformat(timespec="seconds"), each.ins_c or "", each.type_code,
                    label_of_type(each.type_code), each.version, _STATES[each.status], each.sha256.hex(), each.document,
                )
            )  # fmt: skip
    response = Response("\N{BOM}" + out.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers.set("Content-Disposition", "attachment", filename="depots.csv")
    return response


@blueprint.get("/dossiers/<uuid:dossier>/deposer")
def form(dossier: UUID) -> str:
    """An empty form, its type already chosen."""
    return _form(dossier, {})


@blueprint.post("/dossiers/<uuid:dossier>/deposer")
def send(dossier: UUID) -> ResponseReturnValue:
    """The document, deposited."""
    try:
        form = request.form
        sent = _sent(form.get("type", ""), held=form.get("annonce") == "oui", secret=form.get("secret") == "oui")
        _, made, entered = gate().deposit(professional(), dossier, sent)
    except (NotFound, Unavailable):
        raise
    except DmpError as refusal:
        return _form(dossier, request.form.to_dict(), str(refusal)), 422
    flash(
        f"« {made.title} » est déposé dans le DMP."
        if entered
        else f"Vous aviez déjà déposé ce contenu, sous le titre « {made.title} » : rien n’a été ajouté."
    )
    return redirect(url_for(".own", dossier=dossier, document_id=made.id), 303)


@blueprint.get("/dossiers/<uuid:dossier>/depots/<uuid:document_id>")
def own(dossier: UUID, document_id: UUID) -> str:
    """One of their own documents, and what may be done with it."""
    return _own(dossier, document_id)


@blueprint.post("/dossiers/<uuid:dossier>/depots/<uuid:document_id>/corriger")
def correct(dossier: UUID, document_id: UUID) -> ResponseReturnValue:
    """A new version in its place."""
    old = gate().mine(professional(), dossier, document_id)
    try:
        sent = _sent(old.type_code, replaces=document_id, title=old.title)
        _, made, _ = gate().deposit(professional(), dossier, sent)
    except (NotFound, Unavailable):
        raise
    except DmpError as refusal:
        return _own(dossier, document_id, str(refusal)), 422
    flash(f"« {made.title} » remplace la version précédente.")
    return redirect(url_for(".own", dossier=dossier, document_id=made.id), 303)


@blueprint.post("/dossiers/<uuid:dossier>/depots/<uuid:document_id>/annoncer")
def announce(dossier: UUID, document_id: UUID) -> ResponseReturnValue:
    """The patient sees it from now on: by its author, or the médecin traitant."""
    _, found, _ = gate().settle(
        professional(), dossier, document_id,
        lambda document, _person, _held: Settled(held=False, archived=document.status is Status.ARCHIVED),
    )  # fmt: skip
    flash("Le patient voit désormais ce document.")
    by_author = found.author.id == str(professional().id)
    return redirect(url_for(".own" if by_author else "ps.document", dossier=dossier, document_id=document_id), 303)


@blueprint.post("/dossiers/<uuid:dossier>/depots/<uuid:document_id>/secret")
def keep_secret(dossier: UUID, document_id: UUID) -> ResponseReturnValue:
    """Hidden from the patient's legal representatives, or shown to them again (CSP L.1111-5)."""
    secret = request.form.get("secret") == "oui"
    gate().settle(
        professional(), dossier, document_id,
        lambda document, _person, held: Settled(held, document.status is Status.ARCHIVED, secret),
    )  # fmt: skip
    flash(
        "Le document est invisible aux représentants légaux du patient."
        if secret
        else "Les représentants légaux du patient voient désormais ce document."
    )
    return redirect(url_for(".own", dossier=dossier, document_id=document_id), 303)


@blueprint.post("/dossiers/<uuid:dossier>/depots/<uuid:document_id>/archiver")
def archive(dossier: UUID, document_id: UUID) -> ResponseReturnValue:
    """Out of the current documents, or back among them."""
    archived = request.form.get("archive") == "oui"
    gate().settle(
        professional(), dossier, document_id, lambda _document, _person, held: Settled(held=held, archived=archived)
    )  # fmt: skip
    flash("Le document est archivé." if archived else "Le document est de nouveau parmi les documents courants.")
    return redirect(url_for(".own", dossier=dossier, document_id=document_id), 303)


@blueprint.post("/dossiers/<uuid:dossier>/depots/<uuid:document_id>/retirer")
def withdraw(dossier: UUID, document_id: UUID) -> ResponseReturnValue:
    """Taken back, all its versions."""
    gate().withdraw(professional(), dossier, document_id)
    flash("Le document est retiré du DMP : plus personne ne le lit.")
    return redirect(url_for(".receipts"), 303)


def gate() -> SoftwareGate:
    """The gate of who deposits, with software or without."""
    found = current_app.extensions["professionals.button"]
    assert isinstance(found, SoftwareGate)
    return found


def _form(dossier: UUID, typed: dict[str, str], wrong: str = "") -> str:
    today = parts().clock().astimezone(PARIS).date()
    return render_template(
        "deposit.html", dossier=dossier, typed=typed, wrong=wrong, today=today.isoformat(),
        types=depositable(professional().profession.code, today), longest=LONGEST_TITLE,
    )  # fmt: skip


def _own(dossier: UUID, document_id: UUID, wrong: str = "") -> str:
    found = gate().mine(professional(), dossier, document_id)
    return render_template(
        "own.html", dossier=dossier, document=found, wrong=wrong, state=_STATES[found.status], longest=LONGEST_TITLE,
        held=found.awaits(parts().clock()),
    )  # fmt: skip


def _sent(
    kind: str, *, replaces: UUID | None = None, title: str = "", held: bool = False, secret: bool = False
) -> Deposit:
    """What the form bears. Without a title, the one given or the file's name. Raises Invalid."""
    file = request.files.get("fichier")
    data = file.read() if file else b""
    if not data:
        raise Invalid("Choisissez le fichier à déposer : aucun n’a été reçu, ou il est vide.")
    named = (file.filename or "").rpartition("/")[2].rpartition("\\")[2] if file else ""
    stem = " ".join((named.rpartition(".")[0] or named).replace("_", " ").split())
    written = request.form.get("titre", "").strip() or title or stem[:LONGEST_TITLE]
    return Deposit(kind, written, data, replaces=replaces, service_start=_act(), held=held, secret=secret)


def _act() -> datetime | None:
    """The day of the act at noon in Paris; None for today, and for none told. Raises Invalid."""
    written = request.form.get("date", "")
    if not written:
        return None
    try:
        day = date.fromisoformat(written)
    except ValueError:
        raise Invalid("La date de l’acte s’écrit AAAA-MM-JJ.") from None
    today = parts().clock().astimezone(PARIS).date()
    return None if day == today else datetime.combine(day, time(12), tzinfo=PARIS)


def _page() -> int:
    asked = request.args.get("page", "1")
    return min(int(asked), _LAST_PAGE) if asked.isascii() and asked.isdigit() and int(asked) > 0 else 1
