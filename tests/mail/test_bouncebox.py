"""The mailbox of bounces: a maildir, and a real IMAP server."""

import mailbox
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backoffice.adapters.bouncebox import ASIDE, open_box
from backoffice.core.errors import Unavailable


def contents(url: str) -> list[bytes]:
    with open_box(url) as box:
        return [content for _, content in box.messages()]


def test_a_maildir_is_emptied_one_message_at_a_time_and_what_is_unclear_is_set_aside(tmp_path: Path) -> None:
    folder = tmp_path / "mail" / "retours"
    url = f"maildir:{folder}"
    assert contents(url) == []  # made by the first look
    kept = mailbox.Maildir(folder)
    for text in (b"Subject: un\n\n1\n", b"Subject: deux\n\n2\n", b"Subject: trois\n\n3\n"):
        kept.add(text)
    with open_box(url) as box:
        (first, _), (second, aside), (third, left) = box.messages()
        box.done(first)
        box.set_aside(second)
        box.done(first)  # another reader was quicker
        box.set_aside(first)
    assert contents(url) == [left]
    assert [bytes(one) for one in mailbox.Maildir(folder).get_folder(ASIDE)] == [aside]
    assert third


def test_a_mailbox_that_cannot_be_reached_is_a_delay(tmp_path: Path) -> None:
    (tmp_path / "fichier").write_text("")
    for url in ("imap://u:p@127.0.0.1:1/INBOX", "pop3://x", f"maildir:{tmp_path}/fichier/retours"):
        with pytest.raises(Unavailable, match=r"relue plus tard|corrigez"), open_box(url) as box:
            list(box.messages())


@pytest.fixture
def imap() -> Iterator[str]:
    """Address of the folder of a running IMAP server."""
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("imap_server.py"))], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    yield f"imap://retours%40x:mot%20de%20passe@127.0.0.1:{int(server.stdout.readline())}/Retours"
    server.kill()
    server.communicate()


def test_a_folder_over_imap_is_emptied_and_what_is_unclear_is_set_aside(imap: str) -> None:
    with open_box(imap) as box:
        (first, one), (second, two), (_, three) = box.messages()
        assert (one, two) == (b"Subject: 1\r\n\r\n1\r\n", b"Subject: 2\r\n\r\n2\r\n")
        box.done(first)
        box.set_aside(second)
    assert contents(imap) == [three]
    assert contents(imap.replace("Retours", ASIDE)) == [two]
    with pytest.raises(Unavailable), open_box(imap.replace("passe@", "faux@")) as box:
        list(box.messages())
