"""An emergency by a reason that the card signs outside of the browser: the words to sign in a file, and the file that was
signed (0042). For who has software that signs, and no software that speaks to the DMP.
"""

from uuid import UUID

from flask import Blueprint, Response, current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from dmp_core.access.professional import reason_of
from dmp_core.access.signed_reason import KIND, Reasons
from dmp_core.access.trace import Mode
from dmp_core.errors import Invalid
from dmp_core.portals.professionals.card import parts, professional
from dmp_core.portals.professionals.pages import gate
from dmp_core.professionals.signing import LARGEST, SignatureRefused, signed

blueprint = Blueprint("signature", __name__, url_prefix="/dossiers/<uuid:dossier>/urgence")


@blueprint.post("/raison")
def to_sign(dossier: UUID) -> ResponseReturnValue:
    """The words to sign, as a file. Nothing is looked up of the dossier, and nothing told."""
    mode = Mode.CENTRE_15 if request.form.get("mode") == Mode.CENTRE_15.value else Mode.EMERGENCY
    try:
        reason = reason_of(request.form.get("motif", ""))
    except Invalid as wrong:
        flash(str(wrong), "wrong")
        return redirect(url_for("ps.dossier", dossier=dossier), 303)
    words = reasons().to_sign(professional(), dossier, mode, reason, parts().clock())
    response = Response(words, content_type="application/json")
    response.headers.set("Content-Disposition", "attachment", filename="raison-a-signer.json")
    return response


@blueprint.post("/signee")
def begin(dossier: UUID) -> ResponseReturnValue:
    """The same, signed: the dossier is open for reading, an hour at most."""
    sent, who = request.files.get("signature"), professional()
    presented = sent.read(LARGEST + 1).decode("ascii", "replace").strip() if sent else ""
    try:
        gate().break_glass_signed(
            who, dossier, lambda now: reasons().proved(signed(presented, KIND, parts().trust, now), who, dossier, now)
        )
    except SignatureRefused as refusal:
        flash(str(refusal), "wrong")
    else:
        flash(
            "L’accès en urgence est ouvert pour une heure, en lecture, par la raison que votre carte a signée. Le patient "
            "et son médecin traitant en sont avertis."
        )
    return redirect(url_for("ps.dossier", dossier=dossier), 303)


def reasons() -> Reasons:
    """What makes the words to sign, and knows them again."""
    found = current_app.extensions["professionals.reasons"]
    assert isinstance(found, Reasons)
    return found
