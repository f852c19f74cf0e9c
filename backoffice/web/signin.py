"""Signing in and out, with a delay that grows with the failures and that nobody can turn against somebody else."""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from itsdangerous import BadData, URLSafeTimedSerializer
from redis import Redis

from backoffice.core.actor import Actor
from backoffice.core.errors import NotAllowed, Unavailable
from backoffice.web.access import EVERY_ROLE, access, actor_or_none, current_actor, public, safe_target
from backoffice.web.sessions import StaffDirectory, StaffSessions

_DEVICE_COOKIE: Final = "caisse_poste"
_DEVICE_LIFE: Final = 180 * 24 * 3600
_DEVICE_LOGINS: Final = 5
"""A desk is shared: a browser is known for the last five persons who signed in on it."""

LIMIT_BY_LOGIN_AND_PLACE: Final = "5 per minute; 10 per 10 minutes; 20 per hour"
"""Failures of one login from one address, or from one browser that signed in as this login before."""
LIMIT_BY_LOGIN: Final = "60 per hour"
"""Failures of one login from everywhere, browsers known for it excepted: they go on whatever others try."""
LIMIT_BY_ADDRESS: Final = "200 per 15 minutes"
"""Failures of one address: a whole caisse may stand behind one."""


class SignInEvent(StrEnum):
    """What the journal is told."""

    SIGNED_IN = "connexion"
    REFUSED = "connexion refusée"
    SIGNED_OUT = "déconnexion"


SignInJournal = Callable[[SignInEvent, Actor | None, Mapping[str, str]], None]
"""Told after each event. Of a refusal it hears a keyed digest of the login: people type passwords in its place."""


def sign_in_pages(
    app: Flask, directory: StaffDirectory, sessions: StaffSessions, redis: Redis, journal: SignInJournal | None
) -> Blueprint:
    """The pages /connexion and /deconnexion."""
    pages = Blueprint("session", __name__)
    limiter = Limiter(
        lambda: request.remote_addr or "",
        app=app,
        storage_uri="redis://",
        storage_options={"connection_pool": redis.connection_pool},  # type: ignore[dict-item]
        strategy="moving-window",
        key_prefix="caisse:connexion",
        default_limits=[],
        headers_enabled=False,
    )
    tell: SignInJournal = journal or (lambda *_: None)

    def limited(view: Callable[[], ResponseReturnValue]) -> Callable[[], ResponseReturnValue]:
        for limit, key, exempt in (
            (LIMIT_BY_ADDRESS, _address, None),
            (LIMIT_BY_LOGIN, _login_digest, _known_device),
            (LIMIT_BY_LOGIN_AND_PLACE, _login_and_place, None),
        ):
            view = limiter.limit(
                limit, key_func=key, methods=["POST"], exempt_when=exempt, deduct_when=_failed, scope="connexion"
            )(view)
        return view

    def sign_in() -> ResponseReturnValue:
        target = safe_target(request.values.get("suite")) or url_for("home.index")
        if request.method != "POST":
            return redirect(target, 303) if actor_or_none() else _form(target)
        login, password = request.form.get("identifiant", ""), request.form.get("mot_de_passe", "")
        try:
            actor = directory.sign_in(login, password)
        except (NotAllowed, Unavailable) as refusal:
            failed = isinstance(refusal, NotAllowed)
            if failed:
                tell(SignInEvent.REFUSED, None, {"compte": _login_digest()})
            return _form(target, str(refusal), login.strip()[:128]), 403 if failed else 503
        sessions.begin(actor)
        tell(SignInEvent.SIGNED_IN, actor, {})
        return _remember_device(redirect(target, 303))

    guarded = limited(sign_in)
    pages.add_url_rule("/connexion", "sign_in", public(guarded), methods=["GET", "POST"])

    @pages.post("/deconnexion")
    @access(*EVERY_ROLE)
    def sign_out() -> ResponseReturnValue:
        actor = current_actor()
        sessions.end()
        tell(SignInEvent.SIGNED_OUT, actor, {})
        flash("Vous êtes déconnecté.", "done")
        return redirect(url_for(".sign_in"), 303)

    return pages


def _form(target: str, error: str = "", login: str = "") -> str:
    return render_template("session/sign_in.html", suite=target, error=error, login=login)


def _failed(response: Response) -> bool:
    """Whether this attempt counts: a refusal; not a directory that is down, nor a success."""
    return response.status_code == 403


def _address() -> str:
    return request.remote_addr or ""


def _login_digest() -> str:
    login = request.form.get("identifiant", "").strip().casefold()
    return hmac.digest(_secret(), b"identifiant:" + login.encode(), hashlib.sha256).hex()[:24]


def _login_and_place() -> str:
    nonce, logins = _device()
    login = _login_digest()
    return f"{login}:{nonce if login in logins else _address()}"


def _known_device() -> bool:
    return _login_digest() in _device()[1]


def _device() -> tuple[str, list[str]]:
    """The random name of this browser, and the digests of the logins that signed in on it."""
    try:
        content = _serializer().loads(request.cookies.get(_DEVICE_COOKIE, ""), max_age=_DEVICE_LIFE)
    except BadData:
        return secrets.token_hex(8), []
    return str(content["poste"]), [str(login) for login in content["comptes"]]


def _remember_device(response: Any) -> ResponseReturnValue:
    nonce, logins = _device()
    login = _login_digest()
    logins = [login, *(other for other in logins if other != login)][:_DEVICE_LOGINS]
    response.set_cookie(
        _DEVICE_COOKIE,
        _serializer().dumps({"poste": nonce, "comptes": logins}),
        max_age=_DEVICE_LIFE,
        path=url_for("session.sign_in"),
        secure=bool(current_app.config["SESSION_COOKIE_SECURE"]),
        httponly=True,
        samesite="Strict",
    )
    return response  # type: ignore[no-any-return]


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(_secret(), salt="poste")


def _secret() -> bytes:
    key = current_app.secret_key or ""
    return key if isinstance(key, bytes) else key.encode()
