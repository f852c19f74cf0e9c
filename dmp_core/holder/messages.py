"""The port to the outside: e-mails and SMS to a holder. Served by the host; what is written is decided here."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Notice:
    """A short message to a holder. Never a document's title, a specialty or an establishment (RECORD 4, row 30)."""

    to: str = field(repr=False)
    """An e-mail address, or a mobile number in E.164."""
    subject: str
    """Of the e-mail; an SMS has none."""
    text: str = field(repr=False)


class Messenger(Protocol):
    """Sends at once or says why not. A message with a secret is never put into a queue."""

    def mail(self, notice: Notice) -> None:
        """Hand an e-mail to the mail server. Raises Invalid (address refused) and Unavailable (try again later)."""
        ...

    def sms(self, notice: Notice) -> None:
        """Hand an SMS to the gateway. Raises Invalid (number refused) and Unavailable (try again later)."""
        ...
