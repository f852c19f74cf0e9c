"""A card reader of the demonstration: a process that answers APDUs over TCP, with the card that lies in its slot.

The slot is a file: `{"nir": ..., "serial": ...}` is a card, no file is none. Only invented persons have one.
"""

import argparse
import json
import socketserver
from collections.abc import Sequence
from pathlib import Path

from backoffice.settings import read_json

# The wire format, and the invented card: the same words on both sides (backoffice.adapters.cards).
_POWER_OFF, _POWER_ON, _RESET, _GET_ATR = 0x00, 0x01, 0x02, 0x04
_ATR = bytes.fromhex("3b 1f 11 00") + b"DMP-ESSAI"
_AID = b"\xf0DMP-ESSAI"
_OK, _NO_FILE, _NO_RECORD, _NO_INSTRUCTION, _NOT_READY = b"\x90\x00", b"\x6a\x82", b"\x6a\x83", b"\x6d\x00", b"\x69\x85"


def slot_of(run: Path) -> Path:
    """Where the card of a data folder's reader lies."""
    return run / "card.json"


def insert(run: Path, nir: str, serial: str) -> None:
    """Put the card of an invented person into the reader."""
    path = slot_of(run)
    aside = path.with_suffix(".new")
    aside.touch(mode=0o600)
    aside.write_text(json.dumps({"nir": nir, "serial": serial}), encoding="utf-8")
    aside.replace(path)


def remove(run: Path) -> None:
    """Take the card out."""
    slot_of(run).unlink(missing_ok=True)


class VirtualCard:
    """The card in the slot, as long as one connection lasts."""

    def __init__(self, slot: Path) -> None:
        self._slot = slot
        self._holder: dict[str, str] = {}
        self._selected = False

    def answer(self, command: bytes) -> bytes | None:
        """What goes back for one frame; None for nothing."""
        if len(command) == 1:
            return self._control(command[0])
        if not self._holder:
            return _NOT_READY
        instruction = command[1]
        if instruction == 0xA4:
            self._selected = command[5 : 5 + command[4]] == _AID
            return _OK if self._selected else _NO_FILE
        if instruction == 0xB2:
            if not self._selected:
                return _NOT_READY
            return self._record() if command[2] == 1 else _NO_RECORD
        return _NO_INSTRUCTION

    def _control(self, what: int) -> bytes | None:
        if what in (_POWER_ON, _RESET):
            self._holder, self._selected = read_json(self._slot), False
        elif what == _POWER_OFF:
            self._holder = {}
        elif what == _GET_ATR:
            return _ATR if self._holder else b""
        return None

    def _record(self) -> bytes:
        fields = ((0x5A, self._holder["nir"]), (0x5B, self._holder["serial"]))
        return b"".join(bytes([tag, len(value)]) + value.encode("ascii") for tag, value in fields) + _OK


class _Line(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        card = VirtualCard(self.server.slot)  # type: ignore[attr-defined]
        while head := self.rfile.read(2):
            command = self.rfile.read(int.from_bytes(head, "big"))
            answer = card.answer(command) if command else None
            if answer is not None:
                self.wfile.write(len(answer).to_bytes(2, "big") + answer)


class Reader(socketserver.ThreadingTCPServer):
    """The reader on a port of loopback."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, slot: Path) -> None:
        self.slot = slot
        super().__init__(("127.0.0.1", port), _Line)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until a signal ends the process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--slot", type=Path, required=True)
    asked = parser.parse_args(arguments)
    with Reader(asked.port, asked.slot) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
