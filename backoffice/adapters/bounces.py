"""What a mail server tells of messages it could not deliver: the reports (RFC 3464) of a mailbox, read and sorted.

A message of this mailbox is anybody's: only what our own mark is found in concerns a letter (campaigns.tracing), and
what is not understood is set aside for a person, never guessed at.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.utils import parseaddr
from enum import StrEnum
from typing import Final

from backoffice.adapters.mailer import Reason

_ENHANCED: Final = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_OURS: Final = ("To", "Delivered-To", "X-Original-To", "X-Envelope-To", "In-Reply-To", "References")
"""Headers of the report that may hold the address it was sent to, which is a letter's own."""
_THEIRS: Final = ("Message-ID", "Return-Path")
"""Headers of the message that it reports on."""
_QMAIL: Final = re.compile(r"\s*Hi\. This is the ")
"""How a notice of qmail and its like begins (QSBMF); its recipients each begin a line, within angle brackets."""
_QMAIL_RECIPIENT: Final = re.compile(r"(?m)^<([^<>\s]+@[^<>\s]+)>:")
_COPY: Final = re.compile(r"(?m)^-{3,} ?(?:Below this line is|This is) a copy of the message.*$")
_MESSAGE_ID: Final = re.compile(r"(?mi)^Message-ID:\s*(\S+)")
_GONE: Final = frozenset({(2, 1), (4, 1), (4, 4)})
"""Mailbox disabled, recipient unknown to its server, domain that leads nowhere (RFC 3463, and Exchange's use of 5.4.1)."""
_SENDERS_FAULT: Final = frozenset({(1, 7), (1, 8)})


class BounceKind(StrEnum):
    """What a message of the mailbox is."""

    RETURNED = "retour"
    """The report of a message that will not be delivered."""
    DELAYED = "retard"
    """The report of one that is still being tried, or was delivered: nothing to do."""
    AUTOMATIC = "reponse_automatique"
    """Somebody's absence message."""
    UNKNOWN = "inconnu"
    """For a person to read."""

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _LABELS[self]


_LABELS: Final = {
    BounceKind.RETURNED: "courriel revenu",
    BounceKind.DELAYED: "retard annoncé",
    BounceKind.AUTOMATIC: "réponse automatique",
    BounceKind.UNKNOWN: "message non reconnu",
}


@dataclass(frozen=True, slots=True)
class Bounce:
    """One message of the mailbox, sorted."""

    kind: BounceKind
    status: str = ""
    """Enhanced status (RFC 3463), e.g. "5.1.1"."""
    reason: Reason | None = None
    """Of a return: ADDRESS, POLICY, CONTENT, or BUSY when the same address may take a message later."""
    traces: str = ""
    """The headers that may hold the letter's mark."""
    addresses: frozenset[str] = frozenset()
    """Whom it was for, in lower case: the report's own word and the message's."""


def read_bounce(content: bytes) -> Bounce:
    """Sort one message; never raises, as anything may be in a mailbox."""
    try:
        message = BytesParser(policy=policy.default).parsebytes(content)
        return _sorted(message)
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError):
        return Bounce(BounceKind.UNKNOWN)  # the parser's own limits, met by messages made to meet them


def _sorted(message: EmailMessage) -> Bounce:
    traces = _traces(message)
    status_part = next((part for part in message.walk() if part.get_content_type() == "message/delivery-status"), None)
    if status_part is None:
        plain = _plain(message, traces)
        if plain is not None:
            return plain
        submitted = str(message.get("Auto-Submitted", "no")).split(";")[0].strip().casefold()
        automatic = submitted.startswith("auto-") or "X-Autoreply" in message or "X-Autorespond" in message
        is_report = message.get_content_type() == "multipart/report"
        return Bounce(BounceKind.AUTOMATIC if automatic and not is_report else BounceKind.UNKNOWN, traces=traces)
    actions = []
    for block in _blocks(status_part):
        action = str(block.get("Action", "")).strip().casefold()
        if action:
            actions.append((action, _status(block)))
    failed = [status for action, status in actions if action == "failed"]
    if failed:
        status = next((one for one in failed if one), "")
        return Bounce(BounceKind.RETURNED, status, reason_of(status), traces, _addresses(message, status_part))
    known = actions and all(action in ("delayed", "delivered", "relayed", "expanded") for action, _ in actions)
    return Bounce(BounceKind.DELAYED if known else BounceKind.UNKNOWN, traces=traces)


def _plain(message: EmailMessage, traces: str) -> Bounce | None:
    """The notice of a server that writes no report but says a failure in a form of its own: qmail's, Exim's.

    Both are written for failures alone; Exim's warnings of a delay carry no such header.
    """
    if message.get_content_type() != "text/plain":
        return None
    body = str(message.get_content())
    if _QMAIL.match(body):
        failed = _QMAIL_RECIPIENT.findall(_COPY.split(body)[0])
    else:
        failed = [one.strip() for one in str(message.get("X-Failed-Recipients", "")).split(",") if "@" in one]
    if not failed:
        return None
    said, *copied = _COPY.split(body, maxsplit=1)
    status = _ENHANCED.search(said)
    found = status.group(0) if status else ""
    ids = "\n".join(_MESSAGE_ID.findall("".join(copied)))
    addresses = frozenset(address.casefold() for address in failed)
    return Bounce(BounceKind.RETURNED, found, reason_of(found), f"{traces}\n{ids}", addresses)


def _blocks(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []


def _status(block: Message) -> str:
    """The most telling enhanced status: a relay's own 5.0.0 says less than what the far server answered."""
    said = _ENHANCED.search(str(block.get("Status", "")))
    answered = _ENHANCED.search(str(block.get("Diagnostic-Code", "")))
    if answered is not None and (said is None or said.group(0).endswith(".0.0")):
        return answered.group(0)
    return said.group(0) if said is not None else ""


def reason_of(status: str) -> Reason:
    """Why a message came back, by its enhanced status: hard and soft as RFC 3463 has them, but for a full mailbox."""
    found = _ENHANCED.fullmatch(status)
    if found is None:
        return Reason.CONTENT
    kind, subject, detail = (int(part) for part in found.groups())
    if kind == 4 or (subject, detail) == (2, 2):
        return Reason.BUSY
    if (subject == 1 and (subject, detail) not in _SENDERS_FAULT) or (subject, detail) in _GONE:
        return Reason.ADDRESS
    return Reason.POLICY if subject == 7 else Reason.CONTENT


def _traces(message: EmailMessage) -> str:
    found = [str(value) for name in _OURS for value in message.get_all(name, [])]
    found += [str(value) for returned in _returned(message) for name in _THEIRS for value in returned.get_all(name, [])]
    return "\n".join(found)


def _addresses(message: EmailMessage, status_part: Message) -> frozenset[str]:
    said = [
        str(block[name]).partition(";")[2].strip()
        for block in _blocks(status_part)
        for name in ("Original-Recipient", "Final-Recipient")
        if name in block
    ]
    written = [parseaddr(str(value))[1] for returned in _returned(message) for value in returned.get_all("To", [])]
    return frozenset(address.casefold() for address in said + written if address)


def _returned(message: EmailMessage) -> Iterator[Message]:
    """The message that the report is about, or its headers alone."""
    for part in message.walk():
        if part.get_content_type() == "text/rfc822-headers":
            headers = part.get_payload(decode=True)
            yield BytesParser(policy=policy.default).parsebytes(headers if isinstance(headers, bytes) else b"")
        elif part.get_content_type() == "message/rfc822" and _blocks(part):
            yield _blocks(part)[0]
