"""The whole back office with its pages, over the real services."""

from campaigns.world import post
from web.pages.conftest import app, directory_url, manager, settings, shared_clock, sign_in, world

__all__ = ["app", "directory_url", "manager", "post", "settings", "shared_clock", "sign_in", "world"]
