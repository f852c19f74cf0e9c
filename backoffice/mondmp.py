"""mon-dmp served: its composition root. The portal is `dmp_core`'s; the insurance's base, mail and SMS are its host's."""

import signal
import sys
import uuid
from pathlib import Path

import msgspec
import structlog
import waitress
from flask import Flask

from backoffice.adapters.logs import quiet_logs
from backoffice.adapters.mailer import Mail, Mailer, MailSettings
from backoffice.adapters.sms import SmsGateway
from backoffice.core import errors
from backoffice.core.clock import Clock, system_clock
from backoffice.population.insured import InsuredPersons
from backoffice.settings import Settings
from dmp_core import errors as dmp_errors
from dmp_core.holder.messages import Notice
from dmp_core.holder.mobile import Application
from dmp_core.holder.store import HolderStore
from dmp_core.portals.mondmp.app import create_app as create_portal
from dmp_core.portals.mondmp.parts import Parts, PortalSettings
from dmp_core.record.contents import LARGEST
from dmp_core.record.shelf import shelf_at
from dmp_core.storage.keyring import Keyring
from dmp_core.storage.seal import Seal

THREADS = 8
LARGEST_BODY = LARGEST + 1024 * 1024
"""A document and the form around it."""
MAIL_TIMEOUT_S = 8
"""Somebody waits in front of the page for the code."""


log = structlog.get_logger(__name__)


class HostMessenger:
    """Implements the portal's port over the house's mail server and SMS gateway; safe to share between threads."""

    def __init__(self, mail: MailSettings, sms: SmsGateway, clock: Clock) -> None:
        self._mail, self._sms, self._clock = mail, sms, clock

    def mail(self, notice: Notice) -> None:
        """One connection a message: two threads never share one."""
        domain = self._mail.sender.rpartition("@")[2].rstrip("> ")
        message = Mail(notice.to, notice.subject, notice.text, f"<{uuid.uuid4()}@{domain}>")
        try:
            with Mailer(self._mail) as mailer:
                mailer.send(message, self._clock())
        except errors.Invalid as refusal:
            raise dmp_errors.Invalid(str(refusal)) from refusal
        except errors.DomainError as refusal:
            raise dmp_errors.Unavailable(
                "Le courriel n’a pas pu partir : demandez un nouveau code dans quelques minutes."
            ) from refusal

    def sms(self, notice: Notice) -> None:
        """Hand the SMS over."""
        try:
            self._sms.send(notice.to, notice.text)
        except errors.Invalid as refusal:
            raise dmp_errors.Invalid(str(refusal)) from refusal
        except errors.DomainError as refusal:
            raise dmp_errors.Unavailable(str(refusal)) from refusal


def applications_in(path: Path | None) -> tuple[Application, ...]:
    """The mobile applications of a JSON file: a list of `client_id`, `name`, `redirect_uris`.

    Raises Unavailable when it cannot be read.
    """
    if path is None:
        return ()
    try:
        return tuple(msgspec.json.decode(path.read_bytes(), type=list[Application]))
    except (OSError, msgspec.DecodeError) as error:
        raise errors.Unavailable(
            f"Le fichier des applications mobiles ne se lit pas : vérifiez {path.name} (MONDMP_APPLICATIONS)."
        ) from error


def create_app(settings: Settings, *, clock: Clock = system_clock) -> Flask:
    """mon-dmp over `settings`. Raises Unavailable when its address, secret or key files are not there."""
    own = settings.mondmp
    for variable, value in (
        ("DMP_TITULAIRE_URL", own.dmp_url),
        ("CAISSE_TITULAIRE_URL", own.insured_url),
        ("MONDMP_SECRET_KEY", own.secret_key),
    ):
        if not value:
            raise errors.Unavailable(f"mon-dmp n’est pas configuré : indiquez {variable}.")
    portal = PortalSettings(
        dmp_url=own.dmp_url, secret_key=own.secret_key, code_keyring=settings.code_keyring,
        holder_keyring=own.holder_keyring, record_keyring=own.record_keyring,
        documents=own.documents, applications=applications_in(own.applications),
        https=own.https, proxy_hops=own.proxy_hops, trusted_hosts=own.trusted_hosts,
        note=settings.environment_note,
    )  # fmt: skip
    mail = MailSettings(settings.smtp_url, settings.mail_sender, settings.mail_ca_file, timeout=MAIL_TIMEOUT_S)
    try:
        # The back office makes the first; a lost one must not be made anew here, every code sent would turn wrong.
        codes, secrets = Keyring.load(portal.code_keyring), Keyring.create_if_missing(portal.holder_keyring)
        record = Keyring.create_if_missing(portal.record_keyring)
        seal = Seal.create_if_missing(own.seal, clock())
        shelf = shelf_at(own.documents, own.shelf_url, own.shelf_credentials, own.shelf_ca_file)
    except dmp_errors.DmpError as refusal:
        raise errors.Unavailable(str(refusal)) from refusal
    return create_portal(
        Parts(
            settings=portal, clock=clock, store=HolderStore(portal.dmp_url), codes=codes, secrets=secrets,
            insured=InsuredPersons(own.insured_url, clock),
            messenger=HostMessenger(mail, SmsGateway(settings.sms_url), clock), record=record,
            shelf=shelf, seal=seal,
        )
    )  # fmt: skip


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until a signal ends the process."""
    app = create_app(settings)
    try:
        app.extensions["mondmp"].shelf.require_ready()
    except dmp_errors.Unavailable as away:  # everything but documents works without it
        log.warning("documents_away", reason=str(away))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # which waitress takes for the end of its work
    waitress.serve(
        app, host=host, port=port, threads=THREADS, max_request_body_size=LARGEST_BODY, ident=None,
        # With a trusted proxy its headers must reach the application, which drops the others itself.
        clear_untrusted_proxy_headers=not settings.mondmp.proxy_hops,
    )  # fmt: skip
    app.extensions["mondmp.access"].close()  # messages to holders that wait leave first


if __name__ == "__main__":
    quiet_logs()
    serve(Settings.from_env(), "127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8001)
