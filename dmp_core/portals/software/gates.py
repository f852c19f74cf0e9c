"""The gate of this process, and where it answers."""

from flask import current_app, request

from dmp_core.access.software import SoftwareGate


def gate() -> SoftwareGate:
    """The gate in front of practice software."""
    found = current_app.extensions["software.gate"]
    assert isinstance(found, SoftwareGate)
    return found


def site() -> str:
    """The address of the API, whichever of its calls is made."""
    return f"{request.scheme}://{request.host}{request.script_root}"
