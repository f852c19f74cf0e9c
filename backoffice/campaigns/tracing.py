"""The mark a letter by e-mail carries in its Message-ID and in the address its bounces return to.

It holds the letter's id and is signed: an id can be guessed, and whoever writes to the mailbox of bounces must not be
able to have a letter's code revoked or its reader written off.
"""

import base64
import hashlib
import hmac
import re
from typing import Final

from backoffice.core.errors import Invalid
from backoffice.letters.reference import letter_id_digits, parse_letter_id

_MARK: Final = re.compile(r"(?<![0-9])([0-9]{3}-?[0-9]{9}-?[0-9]{2})[.-]([a-z2-7]{13})(?![a-z2-7])")


class Tracer:
    """Marks of this house; `secret` is the back office's own."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"courriels revenus\0" + secret.encode()).digest()

    def message_id(self, letter_id: str, domain: str) -> str:
        """The Message-ID: the same letter has always the same one, so that a repetition is known as one."""
        return f"<{letter_id}.{self._sign(letter_id)}@{domain}>"

    def return_address(self, letter_id: str, mailbox: str) -> str:
        """The mailbox's address with the letter's mark as its "+tag" (VERP)."""
        local, _, domain = mailbox.rpartition("@")
        return f"{local}+{letter_id_digits(letter_id)}-{self._sign(letter_id)}@{domain}"

    def find(self, text: str) -> str | None:
        """The id of the letter whose mark stands in this text; None when there is none of ours."""
        for written, signature in _MARK.findall(text.casefold()):
            try:
                letter_id = parse_letter_id(written)
            except Invalid:
                continue
            if hmac.compare_digest(signature, self._sign(letter_id)):
                return letter_id
        return None

    def _sign(self, letter_id: str) -> str:
        digest = hmac.digest(self._key, letter_id_digits(letter_id).encode(), "sha256")
        return base64.b32encode(digest[:8]).decode().rstrip("=").casefold()
