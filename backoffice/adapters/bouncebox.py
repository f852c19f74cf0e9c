"""The mailbox where undelivered messages are told of: a maildir of this machine, or a folder over IMAP.

What was dealt with is deleted; what a person must read is moved to a folder of its own.
"""

import imaplib
import mailbox
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

from backoffice.core.errors import Unavailable

ASIDE: Final = "A-examiner"
"""Folder of what was not understood."""
_AT_ONCE: Final = 200
_TIMEOUT: Final = 20


class BounceBox(Protocol):
    """An open mailbox. `key` names a message for as long as it is open."""

    def messages(self) -> Iterator[tuple[str, bytes]]:
        """Messages to be dealt with, at most a few hundred."""
        ...

    def done(self, key: str) -> None:
        """Delete a message that was dealt with."""
        ...

    def set_aside(self, key: str) -> None:
        """Move a message to the folder that a person reads."""
        ...


@contextmanager
def open_box(url: str, ca_file: Path | None = None) -> Iterator[BounceBox]:
    """The mailbox at `url` (see Settings.mail_bounces_url). Raises Unavailable when it cannot be opened or read."""
    try:
        if url.startswith("maildir:"):
            yield _Maildir(Path(url.removeprefix("maildir:")))
        else:
            with _over_imap(url, ca_file) as box:
                yield box
    except (imaplib.IMAP4.error, OSError, mailbox.Error) as error:
        raise Unavailable("La boîte des courriels revenus n’est pas accessible : elle sera relue plus tard.") from error


class _Maildir:
    def __init__(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._box = mailbox.Maildir(folder, factory=None)
        self._folder = folder

    def messages(self) -> Iterator[tuple[str, bytes]]:
        for key in sorted(self._box.keys())[:_AT_ONCE]:
            with suppress(KeyError):  # taken away by another reader
                yield key, self._box.get_bytes(key)

    def done(self, key: str) -> None:
        self._box.discard(key)

    def set_aside(self, key: str) -> None:
        with suppress(KeyError):
            self._box.add_folder(ASIDE).add(self._box.get_bytes(key))
        self._box.discard(key)


@contextmanager
def _over_imap(url: str, ca_file: Path | None) -> Iterator["_Imap"]:
    parts = urlsplit(url)
    if parts.scheme not in ("imap", "imaps") or not parts.hostname:
        raise Unavailable("MAIL_BOUNCES_URL n’est ni maildir:, ni imap://, ni imaps:// : corrigez ce réglage.")
    tls = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    if parts.scheme == "imaps":
        server: imaplib.IMAP4 = imaplib.IMAP4_SSL(parts.hostname, parts.port or 993, ssl_context=tls, timeout=_TIMEOUT)
    else:
        server = imaplib.IMAP4(parts.hostname, parts.port or 143, timeout=_TIMEOUT)
    with server:
        if parts.scheme == "imap" and "STARTTLS" in server.capabilities:
            server.starttls(ssl_context=tls)
        server.login(unquote(parts.username or ""), unquote(parts.password or ""))
        yield _Imap(server, unquote(parts.path.lstrip("/")) or "INBOX")


class _Imap:
    def __init__(self, server: imaplib.IMAP4, folder: str) -> None:
        self._server = server
        self._ask("SELECT", server.select(f'"{folder}"'))

    def messages(self) -> Iterator[tuple[str, bytes]]:
        found = self._ask("SEARCH", self._server.uid("SEARCH", "UNDELETED"))
        uids = found[0] if found and isinstance(found[0], bytes) else b""
        for key in uids.decode().split()[:_AT_ONCE]:
            # A message somebody else has removed meanwhile is answered by nothing.
            for piece in self._ask("FETCH", self._server.uid("FETCH", key, "(BODY.PEEK[])")):
                if isinstance(piece, tuple):
                    yield key, piece[1]

    def done(self, key: str) -> None:
        self._ask("STORE", self._server.uid("STORE", key, "+FLAGS.SILENT", r"(\Deleted)"))
        self._server.expunge()

    def set_aside(self, key: str) -> None:
        self._server.create(ASIDE)  # answers NO when it is there
        self._ask("COPY", self._server.uid("COPY", key, ASIDE))
        self.done(key)

    @staticmethod
    def _ask(command: str, answer: tuple[str, Sequence[Any]]) -> Sequence[Any]:
        state, found = answer
        if state != "OK":
            raise imaplib.IMAP4.error(f"{command}: {state}")
        return found
