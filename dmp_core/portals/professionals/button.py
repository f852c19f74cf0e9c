"""The DMP button: a small page that a practice software shows within its own, one word, and the way to the record.

It names nobody, changes nothing and keeps no session; which sites may frame it, its host declares.
"""

from typing import Final
from uuid import UUID

from flask import Blueprint, Response, current_app, make_response, render_template

from dmp_core.access.authorisation import Authorisation, State
from dmp_core.access.software import SoftwareGate
from dmp_core.portals.professionals.card import parts, professional

blueprint = Blueprint("button", __name__)

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
)


@blueprint.get("/bouton/<uuid:dossier>")
def show(dossier: UUID) -> Response:
    """The state in one word."""
    gate = current_app.extensions["professionals.button"]
    assert isinstance(gate, SoftwareGate)
    state = gate.state_of(professional(), dossier)
    word, sentence, leads = _said(state)
    response = make_response(render_template("button.html", dossier=dossier, word=word, sentence=sentence, leads=leads))
    ancestors = " ".join(parts().embedders) or "'none'"
    response.headers["Content-Security-Policy"] = _POLICY.format(ancestors=ancestors)
    return response


def _said(state: State | None) -> tuple[str, str, bool]:
    if state is None:
        return "Absent", "Aucun DMP n’est connu ici.", False
    if state.authorisation is None:
        return "Fermé", "Le DMP de ce patient n’est pas ouvert.", False
    return state.authorisation.word, state.authorisation.sentence, state.authorisation is not Authorisation.FORBIDDEN
