"""Sending e-mails over SMTP: one connection a batch, and failures told apart by what to do about them."""

import smtplib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from email_validator import EmailNotValidError, validate_email

from backoffice.core.errors import DomainError, Invalid, Unavailable

_PORTS: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class Reason(StrEnum):
    """Why a message did not leave, for the journal and the follow-up of the letter."""

    ADDRESS = "adresse"
    """The address is malformed, or its server says it does not exist: write by post."""
    POLICY = "politique"
    """The recipient's side refuses the message whatever the address (RFC 3463 class x.7): write by post."""
    CONTENT = "contenu"
    """This message was refused once it was read."""
    BUSY = "attente"
    """Full mailbox, greylisting, server too busy: the same message may pass later."""
    SERVER = "serveur"
    """Our own mail server does not answer, or does not let us in: nothing can be said of the recipient."""


class MailRefused(Invalid):
    """A permanent failure of this message: do not send it again. `str()` holds no address."""

    def __init__(self, sentence: str, reason: Reason, code: str = "") -> None:
        super().__init__(sentence)
        self.reason = reason
        self.code = code
        """Reply and enhanced status of the server, e.g. "550 5.1.1"; empty when we refused it ourselves."""


class MailDelayed(Unavailable):
    """A temporary failure: the same message, with the same Message-ID, may be sent again later.

    With `reason` SERVER it concerns every message: the batch should stop and be taken up again.
    """

    def __init__(self, sentence: str, reason: Reason, code: str = "", *, doubtful: bool = False) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.code = code
        self.doubtful = doubtful
        """Whether the message may have left all the same: the connection was lost after its content was on the way."""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """The mail server to hand messages to, and who they come from. Raises ValueError when the URL means nothing."""

    url: str = field(repr=False)
    """smtp://host[:25], smtp+starttls://user:password@host[:587] or smtps://host[:465]; user and password quoted."""
    sender: str
    """"Name <address>" of the From header; the address alone is the envelope's sender unless a message has its own."""
    ca_file: Path | None = None
    """PEM authorities to trust for TLS; None: those of the system."""
    timeout: float = 20
    """Seconds, for each exchange."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("the mail server's address is smtp://, smtp+starttls:// or smtps:// and a host")
        if parts.username and parts.scheme == "smtp":
            raise ValueError("a password never travels in clear: use smtp+starttls:// or smtps://")
        _sender(self.sender)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file joined to a message."""

    name: str
    content: bytes
    media_type: str = "application/pdf"


@dataclass(frozen=True, slots=True)
class Mail:
    """What is to be said, to one person."""

    to: str
    """One bare address."""
    subject: str
    text: str
    message_id: str
    """"<unique@domain>": chosen by the caller from what the message is about, so that a repetition is known as one."""
    html: str | None = None
    attachments: Sequence[Attachment] = ()
    bounces_to: str | None = None
    """The envelope's sender, where a message that cannot be delivered is told of; None: the sender's address."""


def compose(mail: Mail, sender: str, at: datetime) -> EmailMessage:
    """The message as it travels (RFC 5322, 2045; Auto-Submitted of RFC 3834), dated `at` (aware).

    Raises MailRefused when the address, subject or Message-ID cannot be one.
    """
    message = EmailMessage(policy=SMTP)
    try:
        message["From"] = _sender(sender)
        message["To"] = Address(addr_spec=_deliverable(mail.to))
        message["Subject"] = mail.subject
        message["Message-ID"] = mail.message_id
    except (ValueError, IndexError) as error:
        raise MailRefused("L’en-tête du courriel contient un caractère interdit.", Reason.CONTENT) from error
    message["Date"] = format_datetime(at)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"  # what Exchange reads instead of RFC 3834
    message.set_content(mail.text, cte="quoted-printable")
    if mail.html is not None:
        message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    for attachment in mail.attachments:
        kind, _, subtype = attachment.media_type.partition("/")
        message.add_attachment(attachment.content, maintype=kind, subtype=subtype, filename=attachment.name)
    message["Content-Language"] = "fr"  # last: setting a body takes every Content- header for its own
    return message


class Mailer:
    """Hands messages to the mail server. A context manager: inside it one connection serves every message.

    Not to be shared between threads.
    """

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings
        self._smtp: smtplib.SMTP | None = None
        sender = _sender(settings.sender)
        self._envelope_sender = sender.addr_spec
        self._content_under_way = False
        self._hello = sender.domain  # the standard library would ask the network who we are, for seconds at times

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye to the server; the next `send` opens a new connection."""
        connection, self._smtp = self._smtp, None
        if connection is not None:
            with suppress(smtplib.SMTPException, OSError):
                connection.quit()
            connection.close()

    def reach(self) -> None:
        """Open the connection now. Raises MailDelayed when the server cannot be reached: nothing has left then."""
        try:
            if self._smtp is None:
                self._smtp = self._connect()
        except (smtplib.SMTPException, OSError) as error:
            raise MailDelayed(
                "Le serveur de courriels ne répond pas : l’envoi reprendra plus tard.", Reason.SERVER
            ) from error

    def send(self, mail: Mail, at: datetime) -> None:
        """Hand over one message, dated `at`; returning means that the server has taken charge of it.

        Raises MailRefused (permanent) and MailDelayed (temporary; after a connection lost half-way the message may
        have left all the same, which the Message-ID lets the recipient's side see).
        """
        message = compose(mail, self._settings.sender, at)
        recipient = message["To"].addresses[0].addr_spec
        self._content_under_way = False
        try:
            self._hand_over(message.as_bytes(), recipient, mail.bounces_to or self._envelope_sender)
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise MailDelayed(
                "Le serveur de courriels ne répond pas : l’envoi reprendra plus tard.",
                Reason.SERVER,
                doubtful=self._content_under_way,
            ) from error

    def _hand_over(self, content: bytes, recipient: str, bounces_to: str) -> None:
        connection = self._begin(len(content), bounces_to)
        # RFC 3461: failures alone are told of, and by the headers alone, as the text holds a code.
        code, answer = connection.rcpt(recipient, ["NOTIFY=FAILURE"] if connection.has_extn("dsn") else [])
        if code not in (250, 251):
            self._forget(code)
            raise _recipient_failure(code, answer)
        self._content_under_way = True
        try:
            code, answer = connection.data(content)
        except smtplib.SMTPDataError as error:  # refused before the first byte
            told = error.smtp_error
            code, answer = error.smtp_code, told if isinstance(told, bytes) else told.encode()
        if code != 250:
            self._forget(code)
            raise _content_failure(code, answer)

    def _forget(self, code: int) -> None:
        """Make the connection ready for the next message after a refusal; 421 announces that it closes."""
        if code == 421 or self._smtp is None:
            self._drop()
            return
        try:
            self._smtp.rset()
        except (smtplib.SMTPException, OSError):
            self._drop()

    def _begin(self, size: int, bounces_to: str) -> smtplib.SMTP:
        """A connection that has accepted MAIL FROM: the one in hand, or a new one if the server has closed it."""
        for fresh in (False, True):
            if self._smtp is None:
                self._smtp = self._connect()
                fresh = True
            options = [f"size={size}"] if self._smtp.has_extn("size") else []
            options += ["RET=HDRS"] if self._smtp.has_extn("dsn") else []
            try:
                code, answer = self._smtp.mail(bounces_to, options)
            except smtplib.SMTPServerDisconnected:
                code, answer = 421, b""
            if code == 250:
                return self._smtp
            self._drop()
            if code == 552:
                raise MailRefused(
                    "Le courriel est trop volumineux pour le serveur.", Reason.CONTENT, _status(code, answer)
                )
            if fresh or code != 421:
                break
        # Refusing our sender concerns every message: no recipient must be thought unreachable for it.
        raise MailDelayed(
            "Le serveur de courriels refuse nos envois pour l’instant.", Reason.SERVER, _status(code, answer)
        )

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        parts = urlsplit(settings.url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        tls = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        if parts.scheme == "smtps":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(host, port, self._hello, timeout=settings.timeout, context=tls)
        else:
            connection = smtplib.SMTP(host, port, self._hello, timeout=settings.timeout)
        try:
            if parts.scheme == "smtp+starttls":
                connection.starttls(context=tls)
            connection.ehlo_or_helo_if_needed()
            if parts.username:
                connection.login(unquote(parts.username), unquote(parts.password or ""))
        except (smtplib.SMTPException, OSError):
            connection.close()
            raise
        return connection

    def _drop(self) -> None:
        connection, self._smtp = self._smtp, None
        if connection is not None:
            connection.close()


def _sender(text: str) -> Address:
    name, address = parseaddr(text)
    try:
        return Address(display_name=name, addr_spec=validate_email(address, check_deliverability=False).normalized)
    except EmailNotValidError as error:
        raise ValueError(f"the sender {text!r} is not an e-mail address") from error


def _deliverable(address: str) -> str:
    """The address in ASCII: an accented domain is written in its IDNA form."""
    try:
        checked = validate_email(address, check_deliverability=False)
    except EmailNotValidError as error:
        raise MailRefused("L’adresse électronique est mal formée.", Reason.ADDRESS) from error
    if checked.ascii_email is None:
        raise MailRefused("L’adresse électronique contient un caractère accentué.", Reason.ADDRESS)
    return checked.ascii_email


def _recipient_failure(code: int, answer: bytes) -> DomainError:
    status = _status(code, answer)
    if code == 421 or code < 400:
        return MailDelayed("Le serveur de courriels suspend nos envois pour l’instant.", Reason.SERVER, status)
    if code < 500:
        return MailDelayed("L’adresse ne peut pas recevoir ce courriel pour l’instant.", Reason.BUSY, status)
    if " 5.7." in f"{status}.":
        return MailRefused("Le destinataire refuse nos courriels.", Reason.POLICY, status)
    return MailRefused("L’adresse électronique n’existe pas ou n’existe plus.", Reason.ADDRESS, status)


def _content_failure(code: int, answer: bytes) -> DomainError:
    status = _status(code, answer)
    if code < 500:
        return MailDelayed("Le courriel n’a pas pu être remis pour l’instant.", Reason.BUSY, status)
    reason = Reason.POLICY if " 5.7." in f"{status}." else Reason.CONTENT
    return MailRefused("Le courriel est refusé par le serveur du destinataire.", reason, status)


def _status(code: int, answer: bytes) -> str:
    """Reply code and enhanced status alone: the rest of an answer may repeat the address."""
    first = answer.decode("ascii", "replace").split(" ", 1)[0]
    enhanced = first if first[:2] in ("4.", "5.") and first.replace(".", "").isdigit() else ""
    return f"{code} {enhanced}".strip()
