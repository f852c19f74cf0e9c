"""What this server can do, in FHIR's words."""

from datetime import date
from typing import Final

from flask import Blueprint, Response

from dmp_core.fhir.capability import DOCUMENTS, SETS, resource, statement
from dmp_core.portals.mobile.access import public
from dmp_core.portals.mobile.errors import answer
from dmp_core.portals.mobile.oauth import issuer

calls = Blueprint("capability", __name__, url_prefix="/fhir")

AS_OF: Final = date(2016, 11, 2)
"""Day of this statement: changed with what it says."""


@calls.get("/metadata")
@public
def metadata() -> Response:
    """The CapabilityStatement; it is open to all, and says nothing of anybody."""
    return answer(
        statement(
            AS_OF, "mon-dmp, API de l’application mobile", f"{issuer()}/fhir", "SMART-on-FHIR",
            [
                resource("Patient", ["read", "search-type"], ("_id", "identifier")),
                resource("DocumentReference", ["read", "search-type", "create", "patch"], DOCUMENTS),
                resource("List", ["read", "search-type"], SETS),
                resource("Binary", ["read"]),
            ],
        )
    )  # fmt: skip
