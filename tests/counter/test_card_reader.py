"""A carte Vitale read through the demonstration's reader, APDU by APDU, and everything that goes wrong at a desk."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from campaigns.world import new_nir
from hypothesis import given
from hypothesis import strategies as st

from backoffice.adapters.cards import (
    AID,
    GET_ATR,
    POWER_ON,
    READ_HOLDER,
    SELECT,
    Card,
    DeskReader,
    receive_frame,
    send_frame,
    tags_of,
)
from backoffice.core.errors import Invalid, NotFound, Unavailable
from backoffice.embedded.card_reader import Reader, VirtualCard, insert, remove, slot_of

NIR, SERIAL = new_nir(), "1234567890"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[DeskReader]:
    with Reader(0, slot_of(tmp_path)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield DeskReader(f"tcp://{{poste}}:{server.server_address[1]}", "127.0.0.1")
        server.shutdown()
        thread.join()


def test_the_card_in_the_reader_is_read_again_and_again(reader: DeskReader, tmp_path: Path) -> None:
    insert(tmp_path, NIR, SERIAL)
    assert [reader.read() for _ in range(3)] == [Card(NIR, SERIAL)] * 3
    assert slot_of(tmp_path).stat().st_mode & 0o077 == 0
    assert NIR not in repr(reader.read())


def test_no_card_is_said(reader: DeskReader, tmp_path: Path) -> None:
    insert(tmp_path, NIR, SERIAL)
    remove(tmp_path)
    with pytest.raises(NotFound, match="Aucune carte"):
        reader.read()


@pytest.mark.parametrize(("nir", "serial"), [("1" * 15, SERIAL), (NIR, "12"), (NIR, "abcdefghij")])
def test_a_card_with_nonsense_on_it_is_refused_without_repeating_it(
    reader: DeskReader, tmp_path: Path, nir: str, serial: str
) -> None:
    insert(tmp_path, nir, serial)
    with pytest.raises(Invalid, match="ne se lit pas") as refusal:
        reader.read()
    assert nir not in str(refusal.value)


def test_a_reader_that_is_not_there_leaves_the_typed_number(unused_port: int) -> None:
    with pytest.raises(Unavailable, match="ne répond pas"):
        DeskReader(f"tcp://127.0.0.1:{unused_port}", "").read()
    for address in ("", "http://127.0.0.1:1", "tcp://"):
        with pytest.raises(Unavailable, match="Aucun lecteur"):
            DeskReader(address, "").read()


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_reader_unplugged_while_it_reads_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            line, _ = server.accept()
            receive_frame(line)
            line.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(Unavailable):
            DeskReader(f"tcp://127.0.0.1:{server.getsockname()[1]}", "").read()
        thread.join()


def test_the_card_answers_as_iso_7816_says(tmp_path: Path) -> None:
    insert(tmp_path, NIR, SERIAL)
    card = VirtualCard(slot_of(tmp_path))
    assert card.answer(SELECT) == b"\x69\x85"
    assert card.answer(POWER_ON) is None
    assert (card.answer(GET_ATR) or b"")[:1] == b"\x3b"
    assert card.answer(READ_HOLDER) == b"\x69\x85"
    assert card.answer(SELECT.replace(AID, b"\xf0autre appl"[: len(AID)])) == b"\x6a\x82"
    assert card.answer(SELECT) == b"\x90\x00"
    assert card.answer(READ_HOLDER[:2] + b"\x02" + READ_HOLDER[3:]) == b"\x6a\x83"
    assert card.answer(b"\x00\x20\x00\x00\x00") == b"\x6d\x00"
    assert (card.answer(READ_HOLDER) or b"")[-2:] == b"\x90\x00"


@given(st.binary(max_size=40))
def test_whatever_a_card_says_is_read_or_refused(content: bytes) -> None:
    try:
        found = tags_of(content)
    except ValueError:
        return
    assert sum(2 + len(value) for value in found.values()) <= len(content)


def test_frames_go_through_whole() -> None:
    one, other = socket.socketpair()
    with one, other:
        send_frame(one, b"a" * 300)
        assert receive_frame(other) == b"a" * 300
