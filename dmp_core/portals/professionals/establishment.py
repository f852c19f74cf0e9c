"""The one door of establishments: a document into a dossier, by their certificate or a card of their staff, and a VIHF which
says for which professional. There is none to read anything.
"""

from datetime import datetime
from hashlib import sha256
from typing import Final

from flask import Blueprint, current_app, g, request
from flask.typing import ResponseReturnValue

from dmp_core.access.feeding import FeedingGate, Sent
from dmp_core.errors import DmpError, Invalid, NotFound, Unavailable
from dmp_core.portals.professionals.card import PEER, parts
from dmp_core.portals.professionals.receipts import receipt
from dmp_core.professionals.certificates import CertificateRefused, Fault, Professional
from dmp_core.professionals.vihf import AssertionRefused, acting
from dmp_core.record.contents import LARGEST

blueprint = Blueprint("establishment", __name__, url_prefix="/etablissement")

LARGEST_REQUEST: Final = LARGEST + 256 * 1024
_STATUS: Final[dict[type[DmpError], int]] = {
    CertificateRefused: 403, AssertionRefused: 403, NotFound: 404, Invalid: 422, Unavailable: 503,
}  # fmt: skip


@blueprint.errorhandler(DmpError)
def refuse(error: DmpError) -> ResponseReturnValue:
    """A refusal as a program reads it: one sentence."""
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 400)
    return {"erreur": str(error)}, status


@blueprint.post("/documents")
def deposit() -> ResponseReturnValue:
    """Parts `vihf` and `document` (files), `type`, `titre` and `date` (of the act, with its offset); 201 and a receipt."""
    request.max_content_length = LARGEST_REQUEST  # before the form is read
    bearer, now = g.feeds, parts().clock()
    if isinstance(bearer, Professional):
        raise CertificateRefused(Fault.NOT_A_STRUCTURE)
    who = acting(_file("vihf"), request.environ[PEER], bearer, now)
    try:
        began = datetime.fromisoformat(request.form.get("date", ""))
    except ValueError:
        raise Invalid("La date de l’acte n’est pas une date avec son heure et son décalage.") from None
    if began.tzinfo is None or began > now:
        raise Invalid("La date de l’acte doit porter son décalage et être passée.")
    sent = Sent(request.form.get("type", ""), request.form.get("titre", ""), began, _file("document"))
    found = gate().deposit(who, sent)
    told = {"sha256": found.sha256, "recu_le": found.received_at.isoformat()}
    signed = receipt(structure=who.establishment.id, auteur=str(who.id), vihf=sha256(_file("vihf")).hexdigest(), **told)
    return told | ({"recu": signed} if signed else {}), 201


def gate() -> FeedingGate:
    """The gate of this process."""
    found = current_app.extensions["professionals.feeding"]
    assert isinstance(found, FeedingGate)
    return found


def _file(name: str) -> bytes:
    found = request.files.getlist(name)
    if len(found) != 1:
        raise Invalid(f"Joignez un fichier « {name} », et un seul.")
    found[0].seek(0)
    content: bytes = found[0].read()
    return content
