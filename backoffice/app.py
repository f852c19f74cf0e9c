"""The web application of the caisses: composition root. Importing it does nothing; `create_app` does everything."""

import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from datetime import timedelta

import waitress
from flask import Flask
from redis import Redis
from sqlalchemy.orm import Session

from backoffice.adapters.directory import Directory, DirectorySettings, active_directory
from backoffice.adapters.logs import quiet_logs
from backoffice.audit.journal import record
from backoffice.cases.colleagues import remember
from backoffice.core.actor import EMERGENCY_LOGIN, Actor, system_actor
from backoffice.core.clock import Clock, system_clock
from backoffice.core.errors import DomainError, Invalid, Unavailable
from backoffice.office import Office, open_office
from backoffice.parameters.rights import Groups, groups_now, version_now
from backoffice.settings import Settings
from backoffice.web.administration.pages import ADMINISTRATION
from backoffice.web.administration.views import mount_administration
from backoffice.web.emergency import StaffOrEmergency
from backoffice.web.pages import register_pages
from backoffice.web.registers import Reader, mount_registers
from backoffice.web.sessions import SessionLimits
from backoffice.web.shell import WebSettings, init_web
from backoffice.web.signin import SignInEvent
from backoffice.web.tables import REGISTERS

THREADS = 8
LARGEST_BODY = 3 * 1024**3
"""Bytes of a request waitress lets through; each page bounds its own (the upload of a population: 2 GB)."""


def create_app(settings: Settings, *, clock: Clock = system_clock) -> Flask:
    """The WSGI application over `settings`; no connection is made until a request needs one."""
    office = open_office(settings, clock=clock, application="back-office")
    app = Flask(__name__, static_folder=None)
    app.extensions["office"] = office
    directory = app.extensions["directory"] = Directory(directory_settings(settings), lambda: _groups(office))
    init_web(
        app,
        settings=WebSettings(
            secret_key=settings.secret_key,
            https=settings.https,
            proxy_hops=settings.proxy_hops,
            trusted_hosts=settings.trusted_hosts,
            environment_note=settings.environment_note,
            limits=SessionLimits(
                recheck=timedelta(seconds=settings.ldap_recheck), grace=timedelta(seconds=settings.ldap_grace)
            ),
        ),
        directory=StaffOrEmergency(directory, office),
        redis=office.redis,
        clock=clock,
        journal=lambda event, actor, detail: _journal(office, event, actor, detail),
        rights=lambda: _rights(office),
    )
    _put_pages(app, office.db.unit_of_work)
    return app


def bare_app() -> Flask:
    """The same routes and declarations over nothing at all: to be listed, never served."""
    app = Flask(__name__, static_folder=None)
    nowhere = DirectorySettings(("ldap://127.0.0.1:1",), "dc=nulle-part", bind_template="{login}")
    init_web(app, settings=WebSettings("-" * 32), directory=Directory(nowhere), redis=Redis())
    _put_pages(app, lambda: nullcontext(Session()))
    return app


def _put_pages(app: Flask, read: Reader) -> None:
    register_pages(app)
    admin = mount_registers(app, read, [register() for register in REGISTERS])
    mount_administration(admin, ADMINISTRATION)


def directory_settings(settings: Settings) -> DirectorySettings:
    """The directory as the settings describe it. Raises Unavailable when they do not say how to find a person."""
    if bool(settings.ldap_service_dn) == bool(settings.ldap_bind_template):
        raise Unavailable(
            "L’annuaire n’est pas configuré : indiquez LDAP_SERVICE_DN et LDAP_SERVICE_PASSWORD, ou bien LDAP_BIND_TEMPLATE."
        )
    shapes: dict[str, Callable[..., DirectorySettings]] = {
        "openldap": DirectorySettings, "active-directory": active_directory,
    }  # fmt: skip
    if settings.ldap_kind not in shapes:
        raise Invalid(f"LDAP_KIND vaut « {settings.ldap_kind[:30]} » : indiquez openldap ou active-directory.")
    return shapes[settings.ldap_kind](
        urls=tuple(settings.ldap_url.split()),
        base_dn=settings.ldap_base,
        starttls=settings.ldap_starttls,
        ca_file=settings.ldap_ca_file,
        service_dn=settings.ldap_service_dn or None,
        service_password=settings.ldap_service_password,
        bind_template=settings.ldap_bind_template or None,
        caisse_attribute=settings.ldap_caisse_attribute,
    )


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until a signal ends the process."""
    waitress.serve(
        create_app(settings),
        host=host,
        port=port,
        threads=THREADS,
        max_request_body_size=LARGEST_BODY,
        ident=None,
        # With a trusted proxy its headers must reach the application, which drops the others itself.
        clear_untrusted_proxy_headers=not settings.proxy_hops,
    )


def _groups(office: Office) -> Groups:
    with office.db.unit_of_work() as session:
        return groups_now(session)


def _rights(office: Office) -> int | None:
    """The version of the map of groups; None while the database does not answer, which ends nobody's session."""
    with suppress(Unavailable), office.db.unit_of_work() as session:
        return version_now(session)
    return None


def _journal(office: Office, event: SignInEvent, actor: Actor | None, detail: Mapping[str, str]) -> None:
    """Sign-ins are actions like any other; a journal that is away does not keep anybody from working."""
    with suppress(DomainError), office.db.unit_of_work() as session:
        who = actor or system_actor("connexion")
        refused = event is SignInEvent.REFUSED
        if actor and event is SignInEvent.SIGNED_IN:
            remember(session, actor, office.clock())
        action = "session.connexion" if event is not SignInEvent.SIGNED_OUT else "session.deconnexion"
        if actor and actor.login == EMERGENCY_LOGIN:
            action = action.replace("session", "secours")
        record(
            session, who, action,
            f"compte {actor.login}" if actor else "compte inconnu", at=office.clock(),
            result="refusé" if refused else "fait", detail=detail,
        )  # fmt: skip


if __name__ == "__main__":
    quiet_logs()
    serve(Settings.from_env(), "127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
