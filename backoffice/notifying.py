"""Notices to holders at work: their composition root. It serves nobody; it sends what is due, seconds after it happened."""

import signal
import sys
import threading

import structlog

from backoffice.adapters.logs import quiet_logs
from backoffice.adapters.mailer import Mail, MailDelayed, Mailer, MailSettings
from backoffice.adapters.sms import SmsDoubtful, SmsGateway
from backoffice.core import errors
from backoffice.core.clock import Clock, system_clock
from backoffice.settings import Settings
from dmp_core import errors as dmp_errors
from dmp_core.notices.sending import Done, Doubtful, Message, NoticeSender

PAUSE_S = 3.0
"""Between two looks: a holder knows of an emergency well within a minute."""
MAIL_TIMEOUT_S = 20
log = structlog.get_logger(__name__)


class HouseOutlet:
    """Implements the notices' port over the house's mail server and SMS gateway."""

    def __init__(self, mail: MailSettings, sms: SmsGateway, clock: Clock) -> None:
        self._mail, self._sms, self._clock = mail, sms, clock

    def mail(self, message: Message) -> None:
        """One connection a message."""
        domain = self._mail.sender.rpartition("@")[2].rstrip("> ")
        mail = Mail(message.to, message.subject, message.text, f"<avis-{message.id}@{domain}>")
        try:
            with Mailer(self._mail) as mailer:
                mailer.send(mail, self._clock())
        except errors.Invalid as refusal:
            raise dmp_errors.Invalid(str(refusal)) from refusal
        except MailDelayed as delay:
            raise (Doubtful if delay.doubtful else dmp_errors.Unavailable)(str(delay)) from delay

    def sms(self, message: Message) -> None:
        """Hand the SMS over."""
        try:
            self._sms.send(message.to, message.text, str(message.id))
        except errors.Invalid as refusal:
            raise dmp_errors.Invalid(str(refusal)) from refusal
        except errors.Unavailable as refusal:
            doubtful = isinstance(refusal, SmsDoubtful)
            raise (Doubtful if doubtful else dmp_errors.Unavailable)(str(refusal)) from refusal


def open_sender(settings: Settings, clock: Clock = system_clock) -> NoticeSender:
    """A sender over `settings`. Raises Unavailable when the address of its database is not there."""
    if not settings.notices_url:
        raise errors.Unavailable("Les avis aux titulaires ne sont pas configurés : indiquez DMP_NOTICES_URL.")
    mail = MailSettings(settings.smtp_url, settings.mail_sender, settings.mail_ca_file, timeout=MAIL_TIMEOUT_S)
    return NoticeSender(settings.notices_url, HouseOutlet(mail, SmsGateway(settings.sms_url), clock), clock)


def work(settings: Settings) -> None:
    """Send until a signal ends the process; what keeps it from working is told in the log once, and tried again."""
    ended = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: ended.set())
    sender, said = open_sender(settings), ""
    while not ended.wait(PAUSE_S):
        try:
            done = sender.round()
            said = ""
            if done != Done():
                log.info("notices", sent=done.sent, later=done.later, refused=done.refused, doubtful=done.doubtful)
        except dmp_errors.DmpError as refusal:
            if str(refusal) != said:
                said = str(refusal)
                log.warning("notices_wait", reason=said)
    sender.close()


if __name__ == "__main__":
    quiet_logs()
    try:
        work(Settings.from_env())
    except errors.DomainError as refusal:
        sys.exit(str(refusal))
