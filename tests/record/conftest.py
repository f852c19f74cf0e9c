"""Documents of a holder who is signed in, over the world of the account pages."""

import pytest
from portal_account.conftest import account_engines, account_store, app, holder, world
from portal_account.world import AccountWorld, Holder

from dmp_core.access.gate import HolderGate
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.shelf import Folder

__all__ = ["account_engines", "account_store", "app", "holder", "world"]


@pytest.fixture
def gate(world: AccountWorld) -> HolderGate:
    return HolderGate(world.store, Folder(world.folder), DossierKeys(world.record), world.clock)


@pytest.fixture
def signed_in(holder: Holder) -> Holder:
    return holder.sign_in()
