"""The one door of establishments: a document into a dossier, by their certificate or a card of their staff, and a VIHF which
says for which professional. There is none to read anything.
"""

from datetime import datetime
from hashlib import sha256
from typing import Final

from flask import Blueprint, current_app, g, request
from flask.typing import ResponseReturnValue

from dmp_core.access.feeding import FeedingGate, Receipt, Sent
from dmp_core.errors import DmpError, Invalid, NotFound, Unavailable, WrongState
from dmp_core.holder.guard import TooMany
from dmp_core.portals.professionals.card import PEER, parts
from dmp_core.portals.professionals.receipts import receipt
from dmp_core.portals.software.pace import Pace
from dmp_core.professionals.certificates import CertificateRefused, Establishment, Fault, Professional
from dmp_core.professionals.vihf import Acting, AssertionRefused, acting
from dmp_core.record.contents import LARGEST

blueprint = Blueprint("establishment", __name__, url_prefix="/etablissement")

LARGEST_REQUEST: Final = LARGEST + 256 * 1024
_STATUS: Final[dict[type[DmpError], int]] = {
    CertificateRefused: 403, AssertionRefused: 403, NotFound: 404, TooMany: 429, WrongState: 409, Invalid: 422,
    Unavailable: 503,
}  # fmt: skip


@blueprint.errorhandler(DmpError)
def refuse(error: DmpError) -> ResponseReturnValue:
    """A refusal as a program reads it: one sentence."""
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 400)
    return {"erreur": str(error)}, status


@blueprint.post("/documents")
def deposit() -> ResponseReturnValue:
    """Parts `vihf` and `document` (files); `type`, `titre`, `date` (of the act, with its offset) and, where there are any,
    `identifiant`, `remplace` (urns of the establishment's own) and `annonce` (`oui`: after its announcement). 201 and a
    receipt; 200 when it had been sent before.
    """
    request.max_content_length = LARGEST_REQUEST  # before the form is read
    who = who_acts()
    try:
        began = datetime.fromisoformat(request.form.get("date", ""))
    except ValueError:
        raise Invalid("La date de l’acte n’est pas une date avec son heure et son décalage.") from None
    if began.tzinfo is None:
        raise Invalid("La date de l’acte doit porter son décalage.")
    sent = Sent(
        request.form.get("type", ""), request.form.get("titre", ""), began, _file("document"), _urn("identifiant"),
        _urn("remplace"), held=request.form.get("annonce") == "oui",
    )  # fmt: skip
    return _receipt(who, gate().deposit(who, sent), 201)


@blueprint.post("/retraits")
def withdraw() -> ResponseReturnValue:
    """Part `vihf` (file) and `identifiant`: what was deposited under it is taken back. 200 and a receipt."""
    who, name = who_acts(), _urn("identifiant")
    if name is None:
        raise Invalid("Nommez le document à retirer par son identifiant.")
    return _receipt(who, gate().withdraw(who, name), 200)


@blueprint.before_request
def keep_pace() -> ResponseReturnValue | None:
    """Tell who comes too often how long to wait."""
    bearer = g.bearer
    name = bearer.id if isinstance(bearer, Establishment) else str(bearer.id)
    pace: Pace = current_app.extensions["professionals.pace"]
    if seconds := pace.wait(name, parts().clock()):
        return {"erreur": "Trop de demandes en peu de temps : patientez."}, 429, {"Retry-After": str(seconds)}
    return None


def who_acts() -> Acting:
    """Whom the assertion of this request names, and for which establishment. Raises AssertionRefused, CertificateRefused."""
    bearer = g.bearer
    if isinstance(bearer, Professional):
        raise CertificateRefused(Fault.NOT_A_STRUCTURE)
    return acting(_file("vihf"), request.environ[PEER], bearer, parts().clock())


def _receipt(who: Acting, made: Receipt, status: int) -> ResponseReturnValue:
    told = {"sha256": made.sha256, "recu_le": made.received_at.isoformat()}
    signed = receipt(structure=who.establishment.id, auteur=str(who.id), vihf=sha256(_file("vihf")).hexdigest(), **told)
    answer = told | {"nouveau": made.entered} | ({"recu": signed} if signed else {})
    return answer, status if made.entered else 200


def _urn(name: str) -> str | None:
    value = request.form.get(name, "")
    if value and not (value.startswith(("urn:oid:", "urn:uuid:")) and 12 <= len(value) <= 128):
        raise Invalid(f"« {name} » est une urn:oid ou une urn:uuid.")
    return value or None


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
