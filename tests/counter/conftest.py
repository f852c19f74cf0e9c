"""Visits over the back office of the campaigns' tests."""

from campaigns.world import world, world_settings

__all__ = ["world", "world_settings"]
