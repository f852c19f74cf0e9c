"""A mail server that delivers nothing: it keeps messages, and SMS, for a person to read on a page of this machine.

Runs in its own process: `python -m backoffice.embedded.mailcatcher --smtp-port 10025 --http-port 8025 --dir var/mail`;
prints one line once it answers and ends on SIGTERM. Loopback only.

Three made-up domains let one see what happens to a letter by e-mail that fails: an address `@introuvable.example.org`
is refused for good (550 5.1.1), `@saturee.example.org` for now (452 4.2.2), and `@filtree.example.org` takes the
address but refuses the message (554 5.7.1). Two more take the message and send it back, into the maildir `retours`
beside the others: `@inconnue.example.org` as the address is not known (5.1.1), `@pleine.example.org` as the mailbox is
full (5.2.2).
"""

import signal
import socket
import ssl
import sys
from collections.abc import Awaitable
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText
from mailbox import Maildir
from pathlib import Path
from typing import Any, Final

import click
from aiosmtpd.controller import Controller
from waitress.server import create_server

from backoffice.embedded.mail_page import create_mail_page
from backoffice.embedded.mailbox import Mailbox

LARGEST: Final = 30 * 1024 * 1024
_REFUSED_ADDRESS: Final = {
    "introuvable.example.org": "550 5.1.1 Adresse inconnue",
    "saturee.example.org": "452 4.2.2 Boite pleine",
}
_REFUSED_MESSAGE: Final = {"filtree.example.org": "554 5.7.1 Message refuse par la politique du destinataire"}
_SENT_BACK: Final = {"inconnue.example.org": "5.1.1", "pleine.example.org": "5.2.2"}
RETURNS: Final = "retours"
"""Maildir of the messages sent back, in the catcher's folder."""


class Catcher:
    """What aiosmtpd calls as a conversation goes on."""

    def __init__(self, mailbox: Mailbox, returns: Path | None = None) -> None:
        self._mailbox = mailbox
        self._returns = returns

    async def handle_RCPT(  # noqa: N802
        self,
        server: Any,  # noqa: ARG002
        session: Any,  # noqa: ARG002
        envelope: Any,
        address: str,
        rcpt_options: list[str],
    ) -> str:
        """Take the recipient, or refuse one of the made-up domains."""
        if refusal := _REFUSED_ADDRESS.get(_domain(address)):
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802
        """Keep the message; the answer comes once it is on disk."""
        for address in envelope.rcpt_tos:
            if refusal := _REFUSED_MESSAGE.get(_domain(address)):
                return refusal
        status = _SENT_BACK.get(_domain(envelope.rcpt_tos[0]))
        if status is not None and self._returns is not None:
            report = delivery_report(
                envelope.original_content, envelope.mail_from or "", envelope.rcpt_tos[0], status
            ).as_bytes()  # fmt: skip
            Maildir(self._returns, factory=None).add(report)
            return "250 2.0.0 pris en charge"
        try:
            name = self._mailbox.keep(envelope.original_content, envelope.mail_from or "", envelope.rcpt_tos)
        except OSError:
            return "452 4.3.1 Espace disque insuffisant"
        return f"250 2.0.0 {name}"


def delivery_report(content: bytes, sender: str, recipient: str, status: str, action: str = "failed") -> Message:
    """What a server sends back to `sender` of a message it could not deliver (RFC 3462, 3464): headers alone returned."""
    report = MIMEMultipart("report")
    report.set_param("report-type", "delivery-status")
    report["From"] = "Mail Delivery System <MAILER-DAEMON@courriel.example.org>"
    report["To"] = sender
    report["Subject"] = "Message non remis"
    report["Auto-Submitted"] = "auto-replied"
    report.attach(MIMEText("Votre message n'a pas pu etre remis a son destinataire.\n", _charset="us-ascii"))
    told = MIMENonMultipart("message", "delivery-status")
    server, one = Message(), Message()
    server["Reporting-MTA"] = "dns; courriel.example.org"
    one["Final-Recipient"] = f"rfc822; {recipient}"
    one["Action"], one["Status"] = action, status
    one["Diagnostic-Code"] = f"smtp; {550 if status.startswith('5') else 450} {status} refus du serveur distant"
    told.set_payload([server, one])
    report.attach(told)
    headers = MIMENonMultipart("text", "rfc822-headers")
    headers.set_payload(content.replace(b"\r\n", b"\n").split(b"\n\n")[0].decode("ascii", "replace") + "\n")
    report.attach(headers)
    return report


def _domain(address: str) -> str:
    return address.rpartition("@")[2].casefold()


class SmtpDoor(Controller):
    """The SMTP server, in a thread, on a port of 127.0.0.1; 0 takes a free one, told by `port` at once.

    With a TLS context it offers STARTTLS. Raises OSError when the port is taken.
    """

    port: int

    def __init__(self, handler: Any, port: int = 0, tls: ssl.SSLContext | None = None, **options: Any) -> None:
        self._listener = socket.create_server(("127.0.0.1", port), backlog=100)
        chosen = self._listener.getsockname()[1]
        super().__init__(
            handler, hostname="127.0.0.1", port=chosen, tls_context=tls, data_size_limit=LARGEST, ident="courriel",
            **options,
        )  # fmt: skip

    def _create_server(self) -> Awaitable[Any]:
        return self.loop.create_server(self._factory_invoker, sock=self._listener, ssl=self.ssl_context)


@click.command()
@click.option("--smtp-port", type=int, default=0, help="0 : un port libre.")
@click.option("--http-port", type=int, default=0, help="0 : un port libre.")
@click.option("--dir", "folder", type=click.Path(file_okay=False, path_type=Path), required=True)
def main(smtp_port: int, http_port: int, folder: Path) -> None:
    """Courriels et SMS de démonstration, gardés sur cette machine et lisibles sur une page web."""
    mailbox = Mailbox(folder)
    port = http_port  # the one that is being opened, for the sentence below
    try:
        page = create_server(create_mail_page(mailbox), host="127.0.0.1", port=http_port, threads=4)
        port = smtp_port
        door = SmtpDoor(Catcher(mailbox, folder / RETURNS), smtp_port)
    except OSError:
        click.echo(
            f"Le serveur de courriels de démonstration ne peut pas écouter sur le port {port} : il est pris.", err=True
        )
        sys.exit(1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    door.start()
    click.echo(f"courriel {door.port} {page.effective_port}")
    sys.stdout.flush()
    try:
        page.run()  # returns on SystemExit and KeyboardInterrupt
    finally:
        page.close()
        door.stop()


if __name__ == "__main__":
    main()
