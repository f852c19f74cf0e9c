"""Supervision: what chance picked to be read again, the journal of one's caisses, who looked at a person."""

from typing import Final

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.cases.colleagues import names_of
from backoffice.core.errors import DomainError, Invalid, NotAllowed
from backoffice.supervision import sampling
from backoffice.supervision.looking import Asked, lines, steps_in_words, who_looked
from backoffice.supervision.sampling import POINTS, Answer
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import CaseForm
from backoffice.web.pages.paging import asked_page
from backoffice.web.pages.supervision import READERS, pages

LINES: Final = 100


@pages.get("/qualite")
@access(*READERS)
def quality() -> str:
    """Cases to read again, or those that were."""
    actor, reviewed = current_actor(), "relues" in request.args
    with office().db.unit_of_work() as session:
        page = asked_page(sampling.count_samples(session, actor, reviewed=reviewed))
        rows = sampling.samples(session, actor, reviewed=reviewed, size=page.size, offset=page.offset)
        names = names_of(session, [login for sample, _ in rows for login in (sample.agent, sample.reviewed_by)])
    return render_template("supervision/quality.html", rows=rows, page=page, reviewed=reviewed, names=names)


@pages.get("/qualite/<int:sample_id>")
@access(*READERS)
def sample(sample_id: int) -> str:
    """One case that chance picked: the points to look at, or what was found."""
    return _sample(sample_id, CaseForm())


@pages.post("/qualite/<int:sample_id>")
@access(*READERS)
def review(sample_id: int) -> ResponseReturnValue:
    """Keep what was found."""
    form = CaseForm()
    answers = {point: request.form.get(point, "") for point in POINTS}
    try:
        with office().db.unit_of_work() as session:
            sampling.review(session, office(), current_actor(), sample_id, answers, form.texte.data or "")
    except (Invalid, NotAllowed) as refusal:
        return _sample(sample_id, form, refusal), status_of(refusal)
    flash("La relecture est enregistrée.", "done")
    return redirect(url_for(".quality"), 303)


def _sample(sample_id: int, form: CaseForm, refusal: DomainError | None = None) -> str:
    with office().db.unit_of_work() as session:
        found, case = sampling.access_sample(session, current_actor(), sample_id)
        names = names_of(session, [found.agent, found.reviewed_by])
    typed = {point: request.form.get(point, "") for point in POINTS} if refusal else found.answers or {}
    return render_template(
        "supervision/sample.html", sample=found, case=case, names=names, points=POINTS, choices=Answer, typed=typed,
        form=form, error=str(refusal) if refusal else "",
    )  # fmt: skip


@pages.get("/journal")
@access(*READERS)
def journal() -> ResponseReturnValue:
    """Who did what on which object, within one's caisses."""
    asked, error = Asked.read(request.args), ""
    before = request.args.get("avant", 0, int)
    with office().db.unit_of_work() as session:
        try:
            found = lines(session, current_actor(), asked, LINES + 1, before)
        except Invalid as refusal:
            found, error = [], str(refusal)
        names, words = names_of(session, [line.actor for line in found]), steps_in_words(session, found)
    more = found[LINES - 1].id if len(found) > LINES else 0
    page = render_template(
        "supervision/journal.html",
        lines=found[:LINES],
        more=more,
        asked=asked,
        names=names,
        words=words,
        error=error,
        first=not before,
    )
    return page, 422 if error else 200


@pages.get("/personnes/<caisse>/<int:person_id>")
@access(*READERS)
def looked(caisse: str, person_id: int) -> str:
    """Who looked at one person, and why."""
    with office().db.unit_of_work() as session:
        person, found = who_looked(session, office(), current_actor(), caisse, person_id, LINES)
        names, words = names_of(session, [line.actor for line in found]), steps_in_words(session, found)
    return render_template("supervision/looked.html", person=person, lines=found, names=names, words=words, most=LINES)
