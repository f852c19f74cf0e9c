"""TD0.2 in one call: is there a DMP for this INS, is it open, may this professional consult it."""

from flask import Blueprint, Response, request

from dmp_core.errors import Invalid
from dmp_core.fhir.resources import searchset
from dmp_core.fhir.states import ins_of, patient_state
from dmp_core.identity.identifiers import System
from dmp_core.portals.answers import negotiate
from dmp_core.portals.mobile.errors import answer
from dmp_core.portals.professionals.card import professional
from dmp_core.portals.software.gates import gate, site

calls = Blueprint("state", __name__, url_prefix="/fhir")


@calls.before_request
def negotiated() -> None:
    """Before anything is read."""
    negotiate(any_kind=False)


@calls.get("/Patient")
def patient() -> Response:
    """By INS-C. A NIR is never written in an address."""
    system, value = ins_of(_one(request.args.getlist("identifier")))
    if system is System.NIR:
        raise Invalid("Un NIR ne s’écrit pas dans une adresse : cherchez par POST Patient/_search.")
    return _found(system, value)


@calls.post("/Patient/_search")
def patient_posted() -> Response:
    """By INS-C or by NIR: nothing of it stands in an address."""
    return _found(*ins_of(_one(request.form.getlist("identifier"))))


def _found(system: System, value: str) -> Response:
    state = gate().state(professional(), system, value)
    found = [] if state is None else [patient_state(state, (system, value))]
    base = f"{site()}/fhir"
    return answer(searchset(base, found, len(found), [("self", f"{base}/Patient")]))


def _one(values: list[str]) -> str:
    if len(values) != 1:
        raise Invalid("Indiquez l’INS du patient dans « identifier », et un seul.")
    return values[0]
