"""Mes professionnels: who may come to the DMP, blocking, the médecin traitant, emergencies."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dmp_core.access.holder_circle import HolderCircle
from dmp_core.access.preview import HolderPreview
from dmp_core.errors import NotFound
from dmp_core.holder.sessions import Stage
from dmp_core.portals.mondmp.record.pages import BY_EITHER, blueprint, circle, own
from dmp_core.portals.mondmp.web.access import stage

_Gesture = Callable[[HolderCircle, UUID, str], None]
_GESTURES: Final[dict[str, tuple[_Gesture, str]]] = {
    "bloquer": (
        lambda to, dossier, who: to.block(dossier, who),
        "Ce professionnel est bloqué : il n’accède plus à votre DMP, même en urgence.",
    ),
    "debloquer": (
        lambda to, dossier, who: to.unblock(dossier, who),
        "Ce professionnel n’est plus bloqué. L’autorisation qu’il avait vaut de nouveau.",
    ),
    "retirer": (
        lambda to, dossier, who: to.withdraw(dossier, who),
        "L’autorisation est retirée. Ce professionnel peut vous la redemander ; bloquez-le pour qu’il n’en ait plus.",
    ),
    "medecin-traitant": (
        lambda to, dossier, who: to.name_attending(dossier, who),
        "C’est votre médecin traitant : il voit tout, documents masqués compris. Le précédent n’est plus autorisé.",
    ),
    "tout-montrer": (
        lambda to, dossier, who: to.let_see_all(dossier, who, everything=True),
        "Ce professionnel voit maintenant aussi vos documents masqués.",
    ),
    "moins-montrer": (
        lambda to, dossier, who: to.let_see_all(dossier, who, everything=False),
        "Ce professionnel ne voit plus vos documents masqués.",
    ),
}
_EMERGENCIES: Final = {
    "refuser-urgence": (True, "Personne n’accédera à votre DMP en urgence sans votre accord."),
    "permettre-urgence": (False, "En urgence vitale, un professionnel pourra ouvrir votre DMP pendant une heure."),
}
_LONGEST: Final = 40
_TO_CONFIRM: Final = frozenset({"refuser-urgence"})


@blueprint.get("/professionnels")
@stage(*BY_EITHER)
def professionals() -> str:
    """Everybody around the DMP, and what may be done about each."""
    return render_template("record/professionals.html", circle=circle().circle(own()))


@blueprint.get("/professionnels/voir-comme")
@stage(Stage.OPEN)
def see_as() -> str:
    """The DMP as one of the professionals, or a profession, would find it."""
    chosen = request.args.get("comme", "")[:_LONGEST]
    preview = current_app.extensions["mondmp.preview"]
    assert isinstance(preview, HolderPreview)
    return render_template("record/see_as.html", found=preview.see_as(own(), chosen), chosen=chosen)


@blueprint.post("/professionnels/<gesture>")
@stage(*BY_EITHER)
def settle(gesture: str) -> ResponseReturnValue:
    """One gesture about one professional (`qui`), or about emergencies."""
    if gesture in _TO_CONFIRM and request.form.get("confirmation") != "oui":
        flash("Rien n’est changé : cochez la case pour confirmer.", "wait")
    elif gesture in _EMERGENCIES:
        refused, told = _EMERGENCIES[gesture]
        circle().refuse_emergencies(own(), refused=refused)
        flash(told, "done")
    elif gesture in _GESTURES:
        done, told = _GESTURES[gesture]
        done(circle(), own(), request.form.get("qui", ""))
        flash(told, "done")
    else:
        raise NotFound("Cette action n’existe pas : revenez à la liste de vos professionnels.")
    return redirect(url_for(".professionals"), 303)
