"""A holder who is signed in, and an application that asks to be let in."""

from collections.abc import Iterator

import pytest
from flask import Flask
from portal_account.conftest import account_engines, account_store, holder, world
from portal_account.world import AccountWorld, Holder, settle

from .client import APPLICATION, Telephone

__all__ = ["account_engines", "account_store", "holder", "world"]


@pytest.fixture
def app(world: AccountWorld) -> Iterator[Flask]:
    app = world.app(applications=(APPLICATION,))
    yield app
    settle(app)


@pytest.fixture
def signed_in(holder: Holder) -> Holder:
    return holder.sign_in()


@pytest.fixture
def telephone(app: Flask, signed_in: Holder) -> Telephone:
    """An application that the holder has let in, to read and to write."""
    return Telephone(app, signed_in.address).let_in(signed_in)
