"""TD0.9: a practice software opens the site at its patient's DMP. The link holds for a minute, for the card that asked for it,
and says nothing of the patient: whoever else follows it, or follows it later, finds no DMP at its end.
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeSerializer

from dmp_core.portals.professionals.card import begin, parts, professional

blueprint = Blueprint("context", __name__)

LIFE: Final = timedelta(minutes=1)
_PATH: Final = "/contexte/"


def link_to(dossier: UUID) -> tuple[str, datetime]:
    """Where on the site the caller's browser finds this DMP, and until when."""
    until = parts().clock() + LIFE
    told = [dossier.hex, professional().card.hex(), int(until.timestamp())]
    return f"{_PATH}{_signer().dumps(told)}", until


@blueprint.get("/contexte/<signed>")
def arrive(signed: str) -> ResponseReturnValue:
    """From the software, with the same card: a session begins, at the DMP."""
    who, now = professional(), parts().clock()
    try:
        dossier, card, until = _signer().loads(signed)
    except (BadData, ValueError, TypeError):
        return _over()
    if card != who.card.hex() or now > datetime.fromtimestamp(until, UTC):
        return _over()
    begin(who, now)
    return redirect(url_for("ps.dossier", dossier=UUID(dossier)), 303)


def _over() -> ResponseReturnValue:
    sentence = "Ce lien ne sert plus : il vaut une minute, pour la carte qui l’a demandé. Revenez à votre logiciel."
    return render_template("refusal.html", title="Lien dépassé", sentence=sentence, reference=""), 403


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(parts().secret_key, salt="dmp/contexte/1")
