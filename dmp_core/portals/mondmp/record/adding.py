"""Adding a document of one's own, with a file or photos of paper, and replacing it."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dmp_core.clock import PARIS
from dmp_core.errors import Invalid, WrongState
from dmp_core.holder.sessions import Stage
from dmp_core.portals.mondmp.account.pages import Errors
from dmp_core.portals.mondmp.record.pages import blueprint, gate, holder_name, own
from dmp_core.portals.mondmp.web import session as web
from dmp_core.portals.mondmp.web.access import stage
from dmp_core.record.contents import checked
from dmp_core.record.metadata import DIRECTIVES, Document, title_of
from dmp_core.record.nomenclatures import types_of_holder


@blueprint.get("/documents/ajouter")
@stage(Stage.OPEN)
def add() -> str:
    """An empty form."""
    return _form({}, {"titre": "", "type": "EXPPAT_2"})


@blueprint.post("/documents/ajouter")
@stage(Stage.OPEN)
def add_sent() -> ResponseReturnValue:
    """The document, checked and kept."""
    typed = {"titre": request.form.get("titre", ""), "type": request.form.get("type", "")}
    files = _files()
    errors = _errors(typed, files)
    if typed["type"] not in dict(_types()):
        errors["type"] = "Choisissez ce que c’est dans la liste."
    if not errors:
        try:
            made = gate().add(own(), typed["type"], typed["titre"], files, holder_name())
        except WrongState as refusal:
            errors["fichier"] = str(refusal)
        else:
            flash(_entered(made), "done")
            return redirect(url_for("record.document", document_id=made.id), 303)
    return _form(errors, typed), 422


@blueprint.get("/documents/<uuid:document_id>/remplacer")
@stage(Stage.OPEN)
def replace(document_id: UUID) -> str:
    """A new version of a document of one's own."""
    old = gate().look(own(), document_id).document
    return render_template("record/add.html", errors={}, typed={"titre": old.title}, old=old, types=[], alone="")


@blueprint.post("/documents/<uuid:document_id>/remplacer")
@stage(Stage.OPEN)
def replace_sent(document_id: UUID) -> ResponseReturnValue:
    """The new version, checked and kept; the old one stays among the versions."""
    typed, files = {"titre": request.form.get("titre", "")}, _files()
    errors = _errors(typed, files)
    if not errors:
        made = gate().replace(own(), document_id, typed["titre"], files, holder_name())
        flash("La nouvelle version est dans votre DMP.", "done")
        return redirect(url_for("record.document", document_id=made.id), 303)
    old = gate().look(own(), document_id).document
    return render_template("record/add.html", errors=errors, typed=typed, old=old, types=[], alone=""), 422


def _files() -> list[bytes]:
    return [data for sent in request.files.getlist("fichier") if (data := sent.read())]


def _errors(typed: dict[str, str], files: list[bytes]) -> Errors:
    """What is wrong with the title and the files, in the order of the page."""
    errors = Errors()
    for name, rule in (("titre", lambda: title_of(typed["titre"])), ("fichier", lambda: checked(files))):
        try:
            rule()
        except Invalid as refusal:
            errors[name] = str(refusal)
    return errors


def _entered(made: Document) -> str:
    """What became of it: directives take the place of those before, and stay masked as those were."""
    if made.version == 1:
        return "Le document est dans votre DMP."
    masked = " Elles restent masquées aux professionnels, comme les précédentes." if made.masked else ""
    return f"Vos nouvelles directives anticipées ont pris la place des précédentes.{masked}"


def _types() -> list[tuple[str, str]]:
    """What a holder may add today: (code, label)."""
    today = web.parts().clock().astimezone(PARIS).date()
    return [(each.code, each.label) for each in types_of_holder(today)]


def _form(errors: Errors, typed: dict[str, str]) -> str:
    types = _types()
    alone = DIRECTIVES if DIRECTIVES in dict(types) else ""
    return render_template("record/add.html", errors=errors, typed=typed, old=None, types=types, alone=alone)
