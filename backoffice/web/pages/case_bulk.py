"""Many cases at once, and views of the queue kept under a name."""

import uuid
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.cases import bulk, views
from backoffice.cases.bulk import GESTURES, BulkRun
from backoffice.cases.wanted import Wanted
from backoffice.core.errors import Invalid
from backoffice.core.typography import thousands
from backoffice.web.access import access, current_actor
from backoffice.web.pages.case_gestures import APART
from backoffice.web.pages.cases import READERS, pages
from backoffice.web.pages.composition import office
from backoffice.web.pages.live import percentage


@pages.post("/lot")
@access(*READERS)
def act_on_many() -> ResponseReturnValue:
    """Ask for one gesture over the boxes ticked."""
    gesture, _, argument = request.form.get("geste", "").partition(APART)
    try:
        items = [_item(text) for text in request.form.getlist("choix")]
        with office().db.unit_of_work() as session:
            run = bulk.ask(session, office(), current_actor(), gesture, argument, items, _request())
    except Invalid as refusal:
        flash(str(refusal), "wait")
        return redirect(url_for(".index", **Wanted.read(request.form).args()), 303)
    return redirect(url_for(".many", run_id=run.id), 303)


@pages.get("/lot/<int:run_id>")
@access(*READERS)
def many(run_id: int) -> str:
    """How far it is, and what became of each case."""
    with office().db.unit_of_work() as session:
        run = bulk.access_run(session, current_actor(), run_id)
    rows = [(number, *outcome) for (number, _), outcome in zip(run.items, run.results, strict=False)]
    return render_template("cases/many.html", run=run, rows=rows, news=_news(run), gesture=GESTURES[run.gesture])


@pages.get("/lot/<int:run_id>/suivi")
@access(*READERS, background=True)
def many_news(run_id: int) -> dict[str, Any]:
    """The figures that move, for the page's script."""
    with office().db.unit_of_work() as session:
        return _news(bulk.access_run(session, current_actor(), run_id))


def _news(run: BulkRun) -> dict[str, Any]:
    treated, total = len(run.results), len(run.items)
    part = percentage(treated, total)
    return {
        "version": "fini" if run.finished_at else "en cours",
        "fini": run.finished_at is not None,
        "fait": treated,
        "total": total,
        "annonce": f"{thousands(treated)} demandes traitées sur {thousands(total)}.",
        "textes": {"traitees": f"{thousands(treated)} traitées sur {thousands(total)}", "part": part},
        "etats": {},
    }


def _item(text: str) -> tuple[str, int]:
    number, _, version = text.partition(APART)
    if not version.isdecimal() or len(version) > 9:
        raise Invalid("La liste a changé : rechargez-la, puis cochez à nouveau.")
    return number[:30], int(version)


def _request() -> uuid.UUID:
    try:
        return uuid.UUID(request.form.get("demande", ""))
    except ValueError:
        return uuid.uuid4()


@pages.post("/vues")
@access(*READERS)
def save_view() -> ResponseReturnValue:
    """Keep the filters of the list under a name."""
    wanted = Wanted.read(request.form)
    try:
        with office().db.unit_of_work() as session:
            kept = views.save_view(
                session,
                office(),
                current_actor(),
                request.form.get("nom", ""),
                wanted,
                shared="partagee" in request.form,
            )
    except Invalid as refusal:
        flash(str(refusal), "wait")
    else:
        flash(
            f"La vue « {kept.name} » est enregistrée{' et partagée avec votre équipe' if kept.teams else ''}.", "done"
        )
    return redirect(url_for(".index", **wanted.args()), 303)


@pages.post("/vues/<int:view_id>/supprimer")
@access(*READERS)
def drop_view(view_id: int) -> ResponseReturnValue:
    """Forget one of one's own views."""
    with office().db.unit_of_work() as session:
        gone = views.drop_view(session, current_actor(), view_id)
    flash(f"La vue « {gone.name} » est supprimée.", "done")
    return redirect(url_for(".index"), 303)
