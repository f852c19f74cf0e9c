"""The card of a request: the certificate that its own connection proved, verified at each request, and the session that it
carries. No header is ever believed.
"""

import re
from datetime import datetime, timedelta
from typing import Final

import structlog
from flask import Flask, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from dmp_core.portals.professionals.parts import Parts
from dmp_core.professionals.certificates import CertificateRefused, Fault, Professional
from dmp_core.professionals.rights import Act

PEER: Final = "dmp.peer_certificate"
"""Where the server puts the certificate (DER) that the connection proved: no header's name begins so in WSGI."""
HANDSHAKE: Final = "dmp.handshake"
"""Where the server puts the moment (datetime) at which the connection proved it."""
OF_ESTABLISHMENTS: Final = {"establishment": Act.FEED, "admissions": Act.CREATE}
"""Doors that ask for an establishment's certificate, or a card of its staff, and keep no session."""
IDLE: Final = timedelta(minutes=15)
_CLAIMS: Final = re.compile(
    r"HTTP_(X_)?(FORWARDED_)?(SSL_|TLS_)*CLIENT_(CERT|S_DN|I_DN|M_SERIAL|VERIFY|DN)|HTTP_CLIENT_CERT"
)
"""Headers by which a proxy would tell a client's certificate: only somebody who tries sends one here."""
_RESUME: Final = "ps.resume"
_LONG_TO_WRITE: Final = "vsm.write"
"""A form whose typing outlasts a session: it comes back as it was, and does nothing (`g.late`)."""
_log = structlog.get_logger(__name__)


def parts() -> Parts:
    """The parts of this process."""
    found = current_app.extensions["professionals"]
    assert isinstance(found, Parts)
    return found


def professional() -> Professional:
    """Whose card opened this request."""
    found = g.professional
    assert isinstance(found, Professional)
    return found


def require_card(app: Flask) -> None:
    """Let no request in without a card that is believed now, and bind its session to that card; the door of
    establishments asks for their certificate, or a card of their staff, and keeps no session."""

    @app.before_request
    def check() -> ResponseReturnValue | None:
        if request.endpoint == "shell.static":
            return None
        now = parts().clock()
        if request.blueprint in OF_ESTABLISHMENTS:
            g.bearer = parts().trust.bearer(_peer(), now, OF_ESTABLISHMENTS[request.blueprint])
            return None
        g.professional = presented(now)
        if request.blueprint == "button":  # a frame within another site, which is sent no cookie of ours
            return None
        return _session(g.professional, now)


def begin(who: Professional, now: datetime) -> None:
    """A session of this card begins."""
    session.clear()
    session["card"], session["seen"] = who.card.hex(), now.timestamp()


def presented(now: datetime) -> Professional:
    """Whose card the connection proved, verified now. Raises CertificateRefused."""
    try:
        return parts().trust.professional(_peer(), now)
    except CertificateRefused as refusal:
        if session:
            session.clear()
        _log.warning("card_refused", fault=refusal.fault.value)
        raise


def ask_for_card() -> None:
    """From now on, what this session asks in an emergency takes a connection that is made after this page."""
    session["asked"] = parts().clock().timestamp()


def shown_again() -> datetime | None:
    """When the card was proved anew: after the page on which it was asked for; None on an older connection."""
    asked, shaken = session.get("asked"), request.environ.get(HANDSHAKE)
    if not isinstance(asked, float) or not isinstance(shaken, datetime) or shaken.timestamp() <= asked:
        return None
    return shaken


def _peer() -> bytes:
    """The certificate that the connection proved. Raises CertificateRefused: FORGED, ABSENT."""
    if any(_CLAIMS.match(name) for name in request.environ):
        raise CertificateRefused(Fault.FORGED)
    presented = request.environ.get(PEER)
    if not isinstance(presented, bytes):
        raise CertificateRefused(Fault.ABSENT)
    return presented


def _session(who: Professional, now: datetime) -> ResponseReturnValue | None:
    card, seen = session.get("card"), session.get("seen")
    if not isinstance(card, str) or not isinstance(seen, float):
        begin(who, now)
        return None
    if card != who.card.hex():
        session.clear()
        raise CertificateRefused(Fault.CHANGED)
    if now.timestamp() - seen > IDLE.total_seconds():
        if request.endpoint != _LONG_TO_WRITE:
            return None if request.endpoint == _RESUME else redirect(url_for(_RESUME), 303)
        g.late = True
    session["seen"] = now.timestamp()
    return None
