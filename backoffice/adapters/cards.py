"""Reading a carte Vitale: a port, and an adapter that speaks APDUs to the reader of the agent's desk over TCP.

The frames are those of virtual smart card readers (vsmartcard's vpcd): a length of two bytes, then one byte of control
(power, ATR) or an APDU. In service a small relay on the desk passes them to PC/SC; in the demonstration
`backoffice.embedded.card_reader` answers as a reader with a card in it. The layout of the real card is SESAM-Vitale's and
is not public: what is read here is our own, in the one function that would change (decision 0028).
"""

import socket
import struct
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import urlsplit

from backoffice.core.errors import Invalid, NotFound, Unavailable
from dmp_core.identity.nir import NirFault, validate

POWER_OFF, POWER_ON, RESET, GET_ATR = b"\x00", b"\x01", b"\x02", b"\x04"
AID: Final = b"\xf0DMP-ESSAI"
"""Proprietary, as ISO 7816-5 lets anybody choose after F0: the test card's only application."""
SELECT: Final = bytes([0x00, 0xA4, 0x04, 0x00, len(AID)]) + AID
READ_HOLDER: Final = bytes([0x00, 0xB2, 0x01, 0x04, 0x00])
DONE: Final = b"\x90\x00"
TAG_NIR, TAG_SERIAL = 0x5A, 0x5B

_TIMEOUT_S: Final = 3.0
_NO_CARD: Final = (
    "Aucune carte dans le lecteur : introduisez la carte Vitale, puce vers l’avant, ou saisissez son numéro."
)
_NOT_READ: Final = "Cette carte ne se lit pas : essayez de nouveau, ou saisissez son numéro de série."
_AWAY: Final = "Le lecteur de ce poste ne répond pas : vérifiez qu’il est branché, ou saisissez le numéro de série."
_NONE: Final = "Aucun lecteur n’est réglé pour ce poste : saisissez le numéro de série de la carte."


@dataclass(frozen=True, slots=True)
class Card:
    """What is taken from a carte Vitale; compared at once, and kept nowhere."""

    nir: str = field(repr=False)
    serial: str = field(repr=False)


class CardReader(Protocol):
    """The reader of one desk."""

    def read(self) -> Card:
        """The card that is in it. Raises NotFound (no card), Invalid (cannot be read), Unavailable (no reader)."""


class DeskReader:
    """Implements `CardReader` over the reader's address, "tcp://host:port"; {poste} stands for the desk's own address."""

    def __init__(self, address: str, desk: str) -> None:
        self._address = address.replace("{poste}", desk)

    def read(self) -> Card:
        """See `CardReader`: one connection a reading, the card is powered off at its end."""
        parts = urlsplit(self._address)
        if parts.scheme != "tcp" or not parts.hostname or not parts.port:
            raise Unavailable(_NONE)
        try:
            with socket.create_connection((parts.hostname, parts.port), timeout=_TIMEOUT_S) as line:
                return _read(line)
        except (OSError, EOFError) as error:
            raise Unavailable(_AWAY) from error


def _read(line: socket.socket) -> Card:
    send_frame(line, POWER_ON)
    send_frame(line, GET_ATR)
    if not receive_frame(line):
        raise NotFound(_NO_CARD)
    try:
        _exchange(line, SELECT)
        found = tags_of(_exchange(line, READ_HOLDER))
        nir, serial = (found[tag].decode("ascii") for tag in (TAG_NIR, TAG_SERIAL))
        if not (serial.isdigit() and 8 <= len(serial) <= 12):
            raise ValueError("serial")
        return Card(validate(nir), serial)
    except (KeyError, ValueError, NirFault) as error:
        raise Invalid(_NOT_READ) from error
    finally:
        send_frame(line, POWER_OFF)


def _exchange(line: socket.socket, command: bytes) -> bytes:
    """The data of the answer. Raises ValueError for any status but 90 00."""
    send_frame(line, command)
    answer = receive_frame(line)
    if answer[-2:] != DONE:
        raise ValueError(f"status {answer[-2:].hex()}")
    return answer[:-2]


def tags_of(content: bytes) -> dict[int, bytes]:
    """BER-TLV with tags and lengths of one byte. Raises ValueError when it is cut short."""
    found, at = {}, 0
    while at < len(content):
        if at + 2 > len(content) or at + 2 + content[at + 1] > len(content):
            raise ValueError("truncated")
        found[content[at]] = content[at + 2 : at + 2 + content[at + 1]]
        at += 2 + content[at + 1]
    return found


def send_frame(line: socket.socket, content: bytes) -> None:
    """One frame."""
    line.sendall(struct.pack(">H", len(content)) + content)


def receive_frame(line: socket.socket) -> bytes:
    """One frame. Raises EOFError when the other side has gone."""
    (length,) = struct.unpack(">H", _exactly(line, 2))
    return _exactly(line, length)


def _exactly(line: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        piece = line.recv(length - len(found))
        if not piece:
            raise EOFError
        found += piece
    return found
