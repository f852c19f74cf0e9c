"""The patient's page, for a doctor with eight minutes; the documents looked for; biology over time."""

from datetime import date
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dmp_core.access.professional import NotIn
from dmp_core.access.visit import Overview, VisitGate
from dmp_core.errors import Invalid, NotFound
from dmp_core.portals.charts import series_chart, timeline_chart
from dmp_core.portals.professionals.card import professional
from dmp_core.record.categories import Category
from dmp_core.record.reimbursements.timeline import Kind, months_of
from dmp_core.record.selection import Asked
from dmp_core.record.treatments import SILENT_MONTHS
from dmp_core.record.vsm.summary import TITLES, Absence, Allergy, Finding, Line, Problem, Summary
from dmp_core.record.vsm.words import UNKNOWN, said, shown

blueprint = Blueprint("visit", __name__, url_prefix="/dossiers/<uuid:dossier>")

PAGE: Final = 20
NEW: Final = 6
"""Documents told as new at once; the others under a fold."""
FIRST: Final = 10
"""Documents on the patient's page; the others are one step away."""
_LAST_PAGE: Final = 500
_LONGEST: Final = 80
_KEY_FACTS: Final = ("allergies", "findings", "problems")
"""Sections of the summary that a doctor reads first; its treatments stand among those in progress."""


def gate() -> VisitGate:
    """The gate of this process."""
    found = current_app.extensions["professionals.visits"]
    assert isinstance(found, VisitGate)
    return found


def patient_page(dossier: UUID, colleagues: tuple[str, ...]) -> str:
    """Everything on one page. Raises NotIn."""
    found = gate().overview(professional(), dossier)
    return render_template(
        "dossier.html", dossier=dossier, found=found, facts=_facts(found), silent=SILENT_MONTHS, first=FIRST, new=NEW,
        professions=colleagues, asked=Asked(), categories=list(Category), **_repaid(found),
    )  # fmt: skip


@blueprint.get("/documents")
def documents(dossier: UUID) -> ResponseReturnValue:
    """The documents that answer to words, a category, an author, dates; by relevance."""
    page = _page()
    try:
        asked, wrong = _asked(), ""
    except Invalid as refusal:
        asked, wrong = Asked(), str(refusal)
    try:
        listing = gate().listing(professional(), dossier, asked)
    except NotIn:
        return redirect(url_for("ps.dossier", dossier=dossier), 303)
    shown = listing.found.documents[(page - 1) * PAGE : page * PAGE]
    more = len(listing.found.documents) > page * PAGE
    told = render_template(
        "documents.html", dossier=dossier, listing=listing, asked=asked, wrong=wrong, shown=shown, more=more, page=page,
        typed={name: request.args.get(name, "")[:_LONGEST] for name in ("q", "du", "au")},
        query={name: value for name, value in request.args.items() if name != "page" and value},
    )  # fmt: skip
    return (told, 422) if wrong else told


@blueprint.get("/biologie")
def biology(dossier: UUID) -> ResponseReturnValue:
    """The results of structured reports, analyte by analyte."""
    try:
        found = gate().biology(professional(), dossier)
    except NotIn:
        return redirect(url_for("ps.dossier", dossier=dossier), 303)
    charts = [series_chart(each, f"analyte-{number}") for number, each in enumerate(found.series, 1)]
    return render_template(
        "biology.html", dossier=dossier, found=found, series=list(zip(found.series, charts, strict=True))
    )


def _facts(found: Overview) -> list[dict[str, Any]]:
    """The sections that come first, each with its lines or what it says without any."""
    if found.summary is None or found.summary[1] is None:
        return []
    summary = found.summary[1].summary
    return [
        {
            "title": TITLES[name], "lines": _lines(summary, name), "nothing": said(summary, name),
            "alert": name != "problems" and (bool(_lines(summary, name)) or said(summary, name) == UNKNOWN),
        }
        for name in _KEY_FACTS
    ]  # fmt: skip


def _lines(summary: Summary, name: str) -> list[tuple[str, str]]:
    """(what it is, what is said besides), a line each."""
    lines = getattr(summary, name)
    if isinstance(lines, Absence):
        return []
    return [_line(each) for each in lines]


def _line(line: Line) -> tuple[str, str]:
    match line:
        case Allergy():
            told = (line.reaction, line.kind.label, shown(line.since))
            return line.agent, ", ".join(filter(None, told))
        case Problem():
            return line.label, f"depuis {shown(line.since)}" if line.since else ""
        case Finding():
            return line.label, shown(line.day)
        case _:
            raise ValueError("not a key fact")


def _repaid(found: Overview) -> dict[str, Any]:
    """The reimbursements, drawn and month by month."""
    history = found.history[1] if found.history else None
    if history is None or history.is_empty:
        return {"drawing": None, "months": [], "kinds": list(Kind)}
    return {"drawing": timeline_chart(history), "months": months_of(history), "kinds": list(Kind)}


def _asked() -> Asked:
    """What the form asks for. Raises Invalid for a day that is none, NotFound for a category that is none."""
    what = request.args.get("categorie", "")
    try:
        category = Category(what) if what else None
    except ValueError:
        raise NotFound("Cette catégorie n’existe pas : revenez à la liste des documents.") from None
    return Asked(
        " ".join(request.args.get("q", "")[:_LONGEST].split()), category, request.args.get("auteur", "")[:20], _day("du"),
        _day("au"), request.args.get("etat") == "archives",
    )  # fmt: skip


def _day(name: str) -> date | None:
    typed = request.args.get(name, "")
    try:
        return date.fromisoformat(typed) if typed else None
    except ValueError:
        raise Invalid("Une date s’écrit JJ/MM/AAAA : corrigez-la, ou laissez le champ vide.") from None


def _page() -> int:
    asked = request.args.get("page", "1")
    return min(int(asked), _LAST_PAGE) if asked.isascii() and asked.isdigit() and int(asked) > 0 else 1
