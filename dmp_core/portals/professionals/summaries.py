"""The medical summary: read in eight minutes by whoever is let in, written by the médecin traitant."""

from typing import Any, Final
from uuid import UUID

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dmp_core.access.professional import NotIn, Patient
from dmp_core.access.summaries import Moved, OfAnother, SummaryGate
from dmp_core.clock import PARIS
from dmp_core.errors import Unavailable, WrongState
from dmp_core.portals.professionals.card import parts, professional
from dmp_core.portals.professionals.summary_form import (
    CHOICES,
    FIELDS,
    MORE,
    Block,
    Fault,
    form_in,
    form_of,
    summary_of,
)
from dmp_core.record.vsm.summary import TITLES
from dmp_core.record.vsm.words import COLUMNS, NOTHING, UNKNOWN, sections_of

blueprint = Blueprint("vsm", __name__, url_prefix="/dossiers/<uuid:dossier>/synthese")

_LATE: Final = (
    "Rien n’avait été fait pendant un quart d’heure : rien n’est déposé, et tout ce que vous avez saisi est là. Si c’est "
    "bien vous, déposez de nouveau."
)
_CHECKED: Final = "Rien à corriger : la synthèse peut être déposée."


def gate() -> SummaryGate:
    """The gate of this process."""
    found = current_app.extensions["professionals.summaries"]
    assert isinstance(found, SummaryGate)
    return found


@blueprint.get("")
def read(dossier: UUID) -> ResponseReturnValue:
    """The summary in force, what must not be missed first."""
    try:
        current = gate().summary(professional(), dossier)
    except NotIn:
        return redirect(url_for("ps.dossier", dossier=dossier), 303)
    except OfAnother as other:
        return redirect(url_for("ps.document", dossier=dossier, document_id=other.document), 303)
    return render_template(
        "summary.html", dossier=dossier, current=current, sections=sections_of(current.told.summary), unknown=UNKNOWN
    )


@blueprint.get("/ecrire")
def begin(dossier: UUID) -> ResponseReturnValue:
    """The form, filled with what the summary in force says."""
    try:
        begun = gate().begin(professional(), dossier)
    except NotIn:
        return redirect(url_for("ps.dossier", dossier=dossier), 303)
    return _form(dossier, form_of(begun.told.summary if begun.told else None), begun.seen, begun.patient)


@blueprint.post("/ecrire")
def write(dossier: UUID) -> ResponseReturnValue:
    """Add lines, check, or put the summary in place; whatever is refused, what was typed stays."""
    blocks, today = form_in(request.form), parts().clock().astimezone(PARIS).date()
    if g.get("late"):
        return _again(dossier, blocks, [Fault(_LATE, "deposer")], 409)
    for block in blocks:
        if block.name == request.form.get("ajouter"):
            block.grow(MORE)
            return _again(dossier, blocks, [], 200, opened=block.name)
    summary, faults = summary_of(blocks, today)
    if summary is None:
        return _again(dossier, blocks, faults, 422)
    if request.form.get("geste") != "deposer":
        return _again(dossier, blocks, [], 200, told=_CHECKED)
    try:
        gate().write(professional(), dossier, summary, _seen(request.form.get("vue", "")))
    except Moved as refusal:
        return _again(dossier, blocks, [Fault(str(refusal), "deposer")], 409, moved=refusal.current)
    except (WrongState, Unavailable) as refusal:
        status = 409 if isinstance(refusal, WrongState) else 503
        return _again(dossier, blocks, [Fault(str(refusal), "deposer")], status)
    except NotIn:
        return redirect(url_for("ps.dossier", dossier=dossier), 303)
    flash(
        "La synthèse médicale est déposée : le patient et les professionnels qu’il autorise la lisent dès maintenant."
    )
    return redirect(url_for(".read", dossier=dossier), 303)


def _again(
    dossier: UUID, blocks: list[Block], faults: list[Fault], status: int, *, told: str = "", opened: str = "",
    moved: UUID | None = None,
) -> ResponseReturnValue:  # fmt: skip
    """The form with all that was typed. Told that another summary took its place, the writer has seen that one."""
    seen = moved or _seen(request.form.get("vue", ""))
    whose = request.form.get("patient", "")[:300]
    return _form(dossier, blocks, seen, whose, faults=faults, told=told, opened=opened, moved=moved), status


def _form(dossier: UUID, blocks: list[Block], seen: UUID | None, whose: str | Patient, **more: Any) -> str:
    faults: list[Fault] = more.pop("faults", [])
    given = {"told": "", "opened": "", "moved": None} | more
    return render_template(
        "summary_form.html", dossier=dossier, blocks=blocks, seen=seen, whose=whose, faults=faults,
        wrong={fault.target: fault.short for fault in reversed(faults)}, titles=TITLES, columns=COLUMNS,
        fields=FIELDS, choices=CHOICES, nothing=NOTHING, unknown=UNKNOWN, **given,
    )  # fmt: skip


def _seen(written: str) -> UUID | None:
    try:
        return UUID(written)
    except ValueError:
        return None
