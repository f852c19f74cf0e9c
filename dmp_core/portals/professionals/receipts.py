"""Receipts under the house's seal: whoever put a document in can show later, without this site, that it was received.

A receipt says what came, whose it is and when; nothing of what else is in the dossier, nor what became of it since.
"""

from typing import Any, Final

import msgspec

from dmp_core.portals.professionals.card import parts

KIND: Final = "dmp-recu-de-depot"
"""`typ` of the signature."""


def receipt(**told: Any) -> str | None:
    """What was received, signed (JWS, compact); None on a server that was given no seal."""
    seal = parts().seal
    return None if seal is None else seal.jws(msgspec.json.encode(told), KIND)
