"""What the mail catcher keeps: one `.eml` file a message and one JSON line an SMS, in a folder."""

import os
import re
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from pathlib import Path

import msgspec

from backoffice.core.clock import Clock, system_clock
from backoffice.core.errors import Invalid, NotFound

_NAME = re.compile(r"[0-9]{20}-[0-9a-f]{8}\Z")
_NUMBER = re.compile(r"\+[1-9][0-9]{5,14}\Z")
_FROM, _TO = "X-Envelope-From", "X-Envelope-To"
LONGEST_SMS = 1530
"""Characters: ten joined segments of 153, the most that gateways take."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A line of the list of messages."""

    name: str
    received_at: datetime
    """UTC."""
    recipients: str
    subject: str
    size: int
    """Bytes."""


class Sms(msgspec.Struct, frozen=True):
    """A text message as the gateway took it."""

    id: str
    """The sender's own reference: the same one is kept once."""
    to: str
    """E.164, e.g. "+33639980001"."""
    text: str
    at: datetime
    """UTC."""


class Mailbox:
    """Messages and SMS of one folder; threads may share it. The newest come first."""

    def __init__(self, folder: Path, clock: Clock = system_clock) -> None:
        self._mails = folder / "courriels"
        self._mails.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._sms_file = folder / "sms.jsonl"
        self._clock = clock
        self._lock = threading.Lock()
        self._sms: dict[str, Sms] = {sms.id: sms for sms in self._kept_sms()}

    def keep(self, content: bytes, sender: str, recipients: Sequence[str]) -> str:
        """Store a message as it came, its envelope in two headers before the others; returns its name."""
        micros = int(self._clock().timestamp() * 1_000_000)
        name = f"{micros:020d}-{secrets.token_hex(4)}"
        head = f"{_FROM}: {_flat(sender)}\r\n{_TO}: {_flat(', '.join(recipients))}\r\n".encode()
        aside = self._mails / f".{name}.part"
        aside.write_bytes(head + content)
        aside.rename(self._mails / f"{name}.eml")
        return name

    def page(self, number: int, size: int) -> tuple[list[Envelope], int]:
        """The messages of page `number` (from 1), and how many there are in all. Only this page's files are opened."""
        names = sorted((entry.name for entry in os.scandir(self._mails) if entry.name.endswith(".eml")), reverse=True)
        wanted = names[(number - 1) * size : number * size]
        return [self._envelope(name.removesuffix(".eml")) for name in wanted], len(names)

    def message(self, name: str) -> EmailMessage:
        """A whole message. Raises NotFound."""
        return BytesParser(policy=policy.default).parsebytes(self.source(name))

    def source(self, name: str) -> bytes:
        """The file of a message. Raises NotFound."""
        if _NAME.match(name):
            try:
                return (self._mails / f"{name}.eml").read_bytes()
            except FileNotFoundError:
                pass
        raise NotFound("Ce courriel n’existe pas ou n’existe plus.")

    def received_at(self, name: str) -> datetime:
        """When a message came, UTC."""
        return datetime.fromtimestamp(int(name[:20]) / 1_000_000, UTC)

    def keep_sms(self, reference: str, to: str, text: str) -> bool:
        """Store an SMS; False when this reference was kept before. Raises Invalid with one sentence."""
        if not reference or len(reference) > 100:
            raise Invalid("La référence « id » du SMS manque ou dépasse 100 caractères.")
        if not _NUMBER.match(to):
            raise Invalid("Le numéro « to » n’est pas au format international (+33639980001).")
        if not text.strip() or len(text) > LONGEST_SMS:
            raise Invalid(f"Le texte « text » du SMS est vide ou dépasse {LONGEST_SMS} caractères.")
        with self._lock:
            if reference in self._sms:
                return False
            sms = Sms(reference, to, text, self._clock())
            with self._sms_file.open("ab") as lines:
                lines.write(msgspec.json.encode(sms) + b"\n")
            self._sms[reference] = sms
        return True

    def sms_page(self, number: int, size: int) -> tuple[list[Sms], int]:
        """The SMS of page `number` (from 1), and how many there are in all."""
        with self._lock:
            every = list(self._sms.values())
        every.reverse()
        return every[(number - 1) * size : number * size], len(every)

    def _kept_sms(self) -> list[Sms]:
        try:
            lines = self._sms_file.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        kept = []
        for line in lines:
            try:
                kept.append(msgspec.json.decode(line, type=Sms))
            except msgspec.DecodeError:
                continue  # half a line, from a process that was killed
        return kept

    def _envelope(self, name: str) -> Envelope:
        path = self._mails / f"{name}.eml"
        with path.open("rb") as stream:
            headers = BytesHeaderParser(policy=policy.default).parse(stream)
        return Envelope(
            name=name,
            received_at=self.received_at(name),
            recipients=str(headers.get(_TO, "")),
            subject=str(headers.get("Subject", "")) or "(sans objet)",
            size=path.stat().st_size,
        )


def _flat(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
