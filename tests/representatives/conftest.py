"""Legal representatives in front of the real database `dmp`, under its role `titulaire`."""

from portal_account.conftest import account_engines, account_store, app
from professionals.conftest import professional_store, world

__all__ = ["account_engines", "account_store", "app", "professional_store", "world"]
