"""The back office of the pages' tests, served to several windows at once."""

from web.pages.conftest import app, directory_url, settings, shared_clock, world

__all__ = ["app", "directory_url", "settings", "shared_clock", "world"]
