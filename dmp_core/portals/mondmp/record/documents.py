"""Mes documents: the categories, a list, one document and its content, the whole DMP as a zip."""

from typing import Final
from uuid import UUID

from flask import Response, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from dmp_core.access.gate import RECENT
from dmp_core.clock import PARIS
from dmp_core.enrolment.majority import is_minor
from dmp_core.errors import NotFound
from dmp_core.portals.charts import series_chart
from dmp_core.portals.contents import shown
from dmp_core.portals.mondmp.record.pages import (
    BY_EITHER,
    PAGE,
    asked_page,
    blueprint,
    circle,
    gate,
    holder,
    holder_name,
    own,
)
from dmp_core.portals.mondmp.web import session as web
from dmp_core.portals.mondmp.web.access import stage
from dmp_core.record.categories import Category
from dmp_core.record.contents import LABORATORY, Format
from dmp_core.record.laboratory.following import MOST_REPORTS, followed
from dmp_core.record.metadata import Document, Status, Wanted
from dmp_core.record.reimbursements.history import History
from dmp_core.record.reimbursements.words import EMPTY, HOSPITAL, USE, has_marks, tables_of
from dmp_core.record.structured import Readable, beside, readable, told_by
from dmp_core.record.vsm.reading import Written
from dmp_core.record.vsm.words import sections_of

_LONGEST_SEARCH: Final = 80
_ALL: Final = "tous"
_RECENT: Final = "recents"
_ARCHIVED: Final = "archives"
_TITLES: Final = {
    _ALL: "Tous les documents courants",
    _RECENT: "Documents récents",
    _ARCHIVED: "Documents archivés",
}


@blueprint.get("/documents")
@stage(*BY_EITHER)
def overview() -> str:
    """The nine categories with what each holds, as on the patient application's screen."""
    return render_template("record/overview.html", categories=list(Category), overview=gate().overview(own()))


@blueprint.get("/documents/liste/<what>")
@stage(*BY_EITHER)
def listing(what: str) -> str:
    """One category, or all, recent or archived documents; `?q=` those whose title or author has these words."""
    title, wanted = _wanted(what)
    words, page = request.args.get("q", "")[:_LONGEST_SEARCH].strip(), asked_page()
    shown = gate().browse(own(), wanted, PAGE, page * PAGE, words)
    return render_template("record/list.html", title=title, what=what, shown=shown, words=words, page=page + 1)


@blueprint.get("/documents/biologie-en-courbes")
@stage(*BY_EITHER)
def biology() -> str:
    """The numbers of structured laboratory reports over time."""
    read = gate().read_all(own(), LABORATORY, MOST_REPORTS)
    contents = {each.id: data for each, data in read}
    series, unread = followed([each for each, _ in read], lambda each: contents[each.id])
    charts = [series_chart(each, f"analyte-{number}") for number, each in enumerate(series, 1)]
    return render_template("record/biology.html", series=list(zip(series, charts, strict=True)), unread=unread)


@blueprint.get("/documents/<uuid:document_id>")
@stage(*BY_EITHER)
def document(document_id: UUID) -> str:
    """Everything about one document but what it says."""
    seen = gate().look(own(), document_id)
    viewers = circle().viewers(own(), seen.document)
    return render_template(
        "record/document.html", seen=seen, document=seen.document, viewers=viewers, Status=Status,
        secret_is_mine=web.represented() is None and _settles_the_secret(seen.document),
    )  # fmt: skip


@blueprint.get("/documents/<uuid:document_id>/contenu")
@stage(*BY_EITHER)
def content(document_id: UUID) -> ResponseReturnValue:
    """What the document says, shown by the browser or kept in a file (`?garder=1`; `?garder=original`, as it was put in)."""
    found, data = gate().read(own(), document_id)
    kept = request.args.get("garder")
    if kept == "original":
        return shown(found, Readable(data, found.format.value, found.format.suffix, shown=False))
    if kept is None and found.format is Format.CDA:
        told = told_by(found, data)
        if isinstance(told, Written):
            return render_template("record/summary.html", document=found, told=told, sections=sections_of(told.summary))
        if isinstance(told, History):
            return render_template(
                "record/reimbursements.html", document=found, history=told, tables=tables_of(told), use=USE,
                empty=EMPTY, hospital=HOSPITAL, marked=any(map(has_marks, tables_of(told))),
            )  # fmt: skip
    return shown(found, readable(found, data), keep=kept is not None)


@blueprint.post("/documents/<uuid:document_id>/<gesture>")
@stage(*BY_EITHER)
def change(document_id: UUID, gesture: str) -> ResponseReturnValue:
    """Mask, show, archive, bring back, delete; keep from representatives, or show them."""
    match gesture:
        case "masquer" | "montrer":
            gate().mask(own(), document_id, masked=gesture == "masquer")
            flash(
                "Le document est masqué : seuls vous, votre médecin traitant et son auteur le voient."
                if gesture == "masquer"
                else "Le document est de nouveau visible des professionnels autorisés.",
                "done",
            )
        case "archiver" | "desarchiver":
            gate().archive(own(), document_id, archived=gesture == "archiver")
            flash(
                "Le document est rangé dans vos documents archivés." if gesture == "archiver"
                else "Le document est de nouveau parmi vos documents courants.",
                "done",
            )  # fmt: skip
        case "secret" | "lever-secret":
            gate().hide_from_representatives(own(), document_id, hidden=gesture == "secret")
            flash(
                "Le document est invisible à vos représentants légaux." if gesture == "secret"
                else "Le document est de nouveau visible de vos représentants légaux.",
                "done",
            )  # fmt: skip
        case "supprimer":
            if request.form.get("confirmation") != "oui":
                flash("Le document n’est pas supprimé : cochez la case pour confirmer.", "wait")
                return redirect(url_for(".document", document_id=document_id, _anchor="supprimer"), 303)
            gate().delete(own(), document_id)
            flash("Le document est supprimé. Il reste une ligne dans l’historique des accès.", "done")
            return redirect(url_for(".overview"), 303)
        case _:
            raise NotFound("Cette action n’existe pas : revenez au document.")
    return redirect(url_for(".document", document_id=document_id), 303)


@blueprint.post("/documents/telecharger")
@stage(*BY_EITHER)
def download() -> Response:
    """The whole DMP as a zip with an index."""
    name, now = holder_name(), web.parts().clock()
    whole = gate().export(
        own(), lambda named: render_template("record/index_of_zip.html", named=named, holder=name, at=now), _beside
    )
    return send_file(whole, mimetype="application/zip", as_attachment=True, download_name=f"mon-dmp-{now:%Y-%m-%d}.zip")


def _settles_the_secret(found: Document) -> bool:
    """Whether the holder may keep a document from representatives, or lift that: of age, and with reason to."""
    of_age = not is_minor(holder().birth_date, web.parts().clock().astimezone(PARIS).date())
    return of_age and (found.hidden_from_representatives or bool(web.who_represents()))


def _beside(found: Document, data: bytes) -> tuple[str, bytes] | None:
    """What stands beside a document in the zip, and how its name ends."""
    told = beside(found, data)
    return None if told is None else (told.suffix, told.data)


def _wanted(what: str) -> tuple[str, Wanted]:
    if what == _RECENT:
        return _TITLES[what], Wanted(since=web.parts().clock() - RECENT)
    if what == _ARCHIVED:
        return _TITLES[what], Wanted(Status.ARCHIVED)
    if what == _ALL:
        return _TITLES[what], Wanted()
    try:
        category = Category(what)
    except ValueError:
        raise NotFound("Cette catégorie n’existe pas : revenez à vos documents.") from None
    return category.label, Wanted(category=category)
