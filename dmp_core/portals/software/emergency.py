"""An access in an emergency by practice software: the reason is given to sign, and comes back signed by the card (0042)."""

from uuid import UUID

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from dmp_core.access.professional import reason_of
from dmp_core.access.signed_reason import KIND
from dmp_core.access.trace import Mode
from dmp_core.errors import Invalid
from dmp_core.portals.answers import require
from dmp_core.portals.professionals.card import parts, professional
from dmp_core.portals.professionals.signed_emergency import reasons
from dmp_core.portals.software.gates import gate
from dmp_core.professionals.signing import LARGEST, signed

calls = Blueprint("emergency", __name__, url_prefix="/dmp/<uuid:dossier>/urgence")


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """Why it cannot wait."""

    motif: str
    mode: Mode = Mode.EMERGENCY


@calls.post("/raison")
def to_sign(dossier: UUID) -> Response:
    """The very bytes to sign, for a few minutes. Nothing is told of the dossier, not even whether it is there."""
    require({"application/json"})
    try:
        asked = msgspec.json.decode(request.get_data(), type=Asked)
    except msgspec.MsgspecError:
        raise Invalid('La raison se dit ainsi : {"motif": "…", "mode": "urgence"}.') from None
    if asked.mode is Mode.NORMAL:
        raise Invalid("Un accès en urgence a pour mode « urgence » ou « centre15 ».")
    reason = reason_of(asked.motif)
    words = reasons().to_sign(professional(), dossier, asked.mode, reason, parts().clock())
    return Response(words, content_type="application/json")


@calls.post("")
def begin(dossier: UUID) -> Response:
    """The reason, signed: the dossier is open for reading, an hour at most."""
    require({"application/jose"})
    if (request.content_length or 0) > LARGEST:
        raise RequestEntityTooLarge
    presented, who = request.get_data().decode("ascii", "replace").strip(), professional()
    until = gate().break_glass_signed(
        who, dossier, lambda now: reasons().proved(signed(presented, KIND, parts().trust, now), who, dossier, now)
    )
    return Response(
        msgspec.json.encode({"jusqu_a": until}), status=201, content_type="application/json"
    )  # fmt: skip
