"""Two versions of the letter tried in one campaign: chosen while it is a draft."""

from typing import Final

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, SelectField, StringField
from wtforms.fields import SelectChoice

from backoffice.campaigns.kinds import kind_of
from backoffice.campaigns.models import access_campaign
from backoffice.campaigns.trials import adopted_versions, try_versions
from backoffice.core.actor import Role
from backoffice.core.errors import Invalid, WrongState
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.campaigns import pages
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import StepForm

_NONE: Final = ""
HALF: Final = "50"


class TrialForm(StepForm):
    """The second version, and the share of persons who get it."""

    lue = HiddenField()
    """The draft's version that was read."""
    modele = SelectField("Version B du courrier", validate_choice=False)
    part = StringField("Part des personnes, en %")


@pages.get("/<reference>/essai")
@access(Role.CAMPAIGN_MANAGER)
def trial(reference: str) -> str:
    """The choice as it stands."""
    return _page(reference, None)


@pages.post("/<reference>/essai")
@access(Role.CAMPAIGN_MANAGER)
def try_two(reference: str) -> ResponseReturnValue:
    """Try two versions, or one again; refused, what was chosen stays on the page."""
    form = TrialForm()
    typed = (form.part.data or "").strip().removesuffix("%").strip()
    share = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 4 else None
    seen = int(form.lue.data) if (form.lue.data or "").isdigit() else -1
    try:
        with office().db.unit_of_work() as session:
            try_versions(session, office(), current_actor(), reference, seen, form.modele.data or None, share)
    except (Invalid, WrongState) as refusal:
        return _page(reference, form, str(refusal)), status_of(refusal)
    flash(
        "La campagne essaie deux versions du courrier." if form.modele.data else "La campagne a une seule version.",
        "done",
    )
    return redirect(url_for(".show", reference=reference), 303)


def _page(reference: str, form: TrialForm | None, error: str = "") -> str:
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, current_actor(), reference)
        offered = adopted_versions(session, office(), kind_of(campaign.kind).letter)
    if form is None:
        form = TrialForm(
            lue=str(campaign.version),
            modele=campaign.variant_version or _NONE,
            part=str(campaign.variant_share or HALF),
        )
    form.modele.choices = [
        SelectChoice(_NONE, "Aucune : tout le monde reçoit la version courante"),
        *(SelectChoice(one.version, one.label) for one in offered),
    ]
    return render_template("campaigns/trial.html", campaign=campaign, form=form, error=error, offered=offered)
