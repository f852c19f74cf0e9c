"""Notices over the real database, the mail server of the tests, and professionals who come to dossiers."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mail.conftest import door, mailbox, settings
from portal_account.conftest import account_engines, account_store, app, holder
from professionals.conftest import gate, professional_store, world
from professionals.world import RecordWorld
from sqlalchemy import text

from dmp_core.notices.sending import NoticeSender, Outlet

__all__ = [
    "account_engines", "account_store", "app", "door", "gate", "holder", "mailbox", "professional_store", "settings", "world",
]  # fmt: skip


@pytest.fixture
def calm(world: RecordWorld) -> None:
    """What other tests left to be told is not told here."""
    with world.owner.begin() as connection:
        connection.execute(text("UPDATE medical.notice SET state = 'declined' WHERE state IN ('waiting', 'sending')"))


@pytest.fixture
def sender(cluster: Any, world: RecordWorld, calm: None) -> Iterator[Callable[[Outlet], NoticeSender]]:
    """Makes a sender over an outlet, on the clock of the world."""
    made: list[NoticeSender] = []

    def make(outlet: Outlet) -> NoticeSender:
        made.append(NoticeSender(cluster.url("avis", "dmp"), outlet, world.clock, application="tests"))
        return made[-1]

    yield make
    for one in made:
        one.close()
