"""The web application's frame: everything that every page has, put on a Flask application in one call."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from flask import Blueprint, Flask, Response, send_from_directory
from flask_wtf.csrf import CSRFProtect
from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined
from redis import Redis

from backoffice.core.clock import Clock, system_clock
from backoffice.web import sessions as staff_sessions
from backoffice.web.access import guard, public
from backoffice.web.errors import translate_errors
from backoffice.web.home import pages as home_pages
from backoffice.web.rendering import SECTIONS, STATIC_FOLDER, TEMPLATE_FOLDER, Section, equip_templates
from backoffice.web.security import protect_responses, trust_proxies
from backoffice.web.sessions import Rights, SessionLimits, StaffDirectory, StaffSessions
from backoffice.web.signin import SignInJournal, sign_in_pages

LARGEST_FORM: Final = 1024 * 1024
"""Bytes of a request; a page that takes a file raises `request.max_content_length` itself."""


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What the frame needs to know of the place it runs in."""

    secret_key: str = field(repr=False)
    """Signs CSRF tokens and the cookie that knows a browser; this application's own."""
    https: bool = False
    """Whether browsers reach the application over https: `__Host-` and Secure cookies, HSTS."""
    proxy_hops: int = 0
    """Trusted reverse proxies in front; 0: forwarded headers are dropped."""
    trusted_hosts: tuple[str, ...] = ()
    """Host names it answers to; empty: any."""
    environment_note: str = ""
    """A sentence over every page, e.g. for a demonstration."""
    limits: SessionLimits = field(default_factory=SessionLimits)

    def __post_init__(self) -> None:
        if len(self.secret_key) < 32:
            raise ValueError("the secret key needs at least 32 characters")


def init_web(
    app: Flask,
    *,
    settings: WebSettings,
    directory: StaffDirectory,
    redis: Redis,
    clock: Clock = system_clock,
    journal: SignInJournal | None = None,
    rights: Rights = lambda: 0,
    sections: Iterable[Section] = SECTIONS,
) -> None:
    """Put the frame on `app`: layout, sessions, sign-in, access check, CSRF, errors, headers.

    Make the application with `Flask(__name__, static_folder=None)`; register the features' blueprints before or after.
    No connection is made yet.
    """
    app.secret_key = settings.secret_key
    app.config.update(
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        WTF_CSRF_TIME_LIMIT=None,  # a token lives as long as its session
        TRUSTED_HOSTS=list(settings.trusted_hosts) or None,
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    own = FileSystemLoader(TEMPLATE_FOLDER)
    app.jinja_loader = ChoiceLoader([own, app.jinja_loader]) if app.jinja_loader else own

    staff_sessions.install(app, redis, settings.limits, https=settings.https)
    sessions = StaffSessions(app, directory, settings.limits, clock, rights)
    # First of all the checks: a request that may not be here is not read any further.
    guard(app, lambda declared: sessions.actor(background=declared.background))
    CSRFProtect(app)
    translate_errors(app)
    protect_responses(app, https=settings.https)
    trust_proxies(app, settings.proxy_hops)
    equip_templates(app, sections, settings.environment_note)

    shell = Blueprint("shell", __name__)

    @shell.get(f"{staff_sessions.STATIC_PREFIX}/<path:filename>")
    @public
    def static(filename: str) -> Response:
        return send_from_directory(STATIC_FOLDER, filename)

    app.register_blueprint(shell)
    app.register_blueprint(home_pages)
    app.register_blueprint(sign_in_pages(app, directory, sessions, redis, journal))
