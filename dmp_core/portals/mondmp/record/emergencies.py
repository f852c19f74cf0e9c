"""Accès en urgence: each of them, contesting one, and what the professional answered."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dmp_core.access.contesting import LONGEST_CONTEST, HolderContests
from dmp_core.errors import Invalid, WrongState
from dmp_core.holder.sessions import Stage
from dmp_core.portals.mondmp.record.pages import blueprint, own
from dmp_core.portals.mondmp.web import session as web
from dmp_core.portals.mondmp.web.access import stage


@blueprint.get("/urgences")
@stage(Stage.OPEN)
def emergencies() -> str:
    """Every emergency access, the latest first."""
    return render_template("record/emergencies.html", found=_contests().emergencies(own()))


@blueprint.get("/urgences/<uuid:emergency>/contester")
@stage(Stage.OPEN)
def contest(emergency: UUID) -> ResponseReturnValue:
    """One of them, and a sentence to say."""
    found = _contests().emergency(own(), emergency)
    if found.contest is not None:
        return redirect(url_for(".emergencies"), 303)
    return render_template("record/contest.html", one=found, typed="", errors={}, longest=LONGEST_CONTEST)


@blueprint.post("/urgences/<uuid:emergency>/contester")
@stage(Stage.OPEN)
def contested(emergency: UUID) -> ResponseReturnValue:
    """Contested: the professional is asked at their next connection."""
    typed = request.form.get("phrase", "")
    try:
        _contests().contest(own(), emergency, typed)
    except Invalid as refusal:
        found = _contests().emergency(own(), emergency)
        page = render_template(
            "record/contest.html", one=found, typed=typed, errors={"phrase": str(refusal)}, longest=LONGEST_CONTEST
        )
        return page, 422
    except WrongState as refusal:
        flash(str(refusal), "wait")
    else:
        flash("Votre contestation est enregistrée. Le professionnel devra y répondre à sa prochaine connexion.", "done")
    return redirect(url_for(".emergencies"), 303)


def _contests() -> HolderContests:
    return HolderContests(web.parts().store, web.parts().clock)
