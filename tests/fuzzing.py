"""Drawn damages of whatever comes from outside, and a watch over what a reader of it may do meanwhile.

`FUZZ_EXAMPLES=20000 pytest tests/record/test_fuzz.py tests/professionals/test_fuzz.py` looks for longer than the suite does.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
fuzzed = settings(
    max_examples=EXAMPLES, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
_Test = TypeVar("_Test", bound=Callable[..., Any])


def said(refusal: Exception) -> None:
    """A refusal is one sentence."""
    assert str(refusal).endswith((".", "»."))


_watching = False
_reached: list[str] = []
_PIECES = st.one_of(
    st.binary(max_size=24),
    st.sampled_from(
        [
            b"<", b">", b"&", b"&#0;", b"<!DOCTYPE a>", b"]]>", b"<!--", b"\0", b"\xff\xfe", b"\xc3", b'"', b"'", b"{", b"}",
            b"\\object", b"/JS", b"/OpenAction", b"stream\n", b"endobj", b"[[[[", b"9" * 30, b"-1", b"null", b"\xff\xd9",
            b'xmlns="urn:x"', b"<script xmlns='http://www.w3.org/1999/xhtml'/>", b"\\u55296", b"1e999", b"\xed\xa0\x80",
        ]
    ),
)  # fmt: skip


def damaged(data: bytes) -> st.SearchStrategy[bytes]:
    """`data` with a few pieces cut out, doubled, put in or written over."""
    where = st.integers(0, len(data))
    change = st.tuples(where, st.sampled_from(["cut", "put", "over", "double"]), st.integers(1, 64), _PIECES)
    return st.lists(change, min_size=1, max_size=6).map(lambda changes: _done(data, changes))


def _done(data: bytes, changes: list[tuple[int, str, int, bytes]]) -> bytes:
    for at, how, size, piece in changes:
        match how:
            case "cut":
                data = data[:at] + data[at + size :]
            case "put":
                data = data[:at] + piece + data[at:]
            case "over":
                data = data[:at] + piece + data[at + len(piece) :]
            case _:
                data = data[:at] + data[at : at + size] * 3 + data[at + size :]
    return data


@contextmanager
def reaching_nothing(allowed: str = "") -> Iterator[None]:
    """Fail when a file is written (but below `allowed`), a connection made or a programme started within the block."""
    global _watching
    _reached.clear()
    _allowed[0] = allowed
    _watching = True
    try:
        yield
    finally:
        _watching = False
    assert not _reached, _reached


_allowed = [""]


def _seen(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching:
        return
    if event == "open":
        path, mode, flags = arguments
        writes = (isinstance(mode, str) and any(one in mode for one in "wax+")) or (
            isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        )
        # A descriptor was told when it was opened.
        if not writes or isinstance(path, int) or (_allowed[0] and str(path).startswith(_allowed[0])):
            return
    elif not event.startswith(
        ("socket.connect", "socket.getaddrinfo", "subprocess.", "os.system", "os.exec", "os.posix_spawn")
    ):
        return
    _reached.append(f"{event} {arguments!r}"[:200])


sys.addaudithook(_seen)
