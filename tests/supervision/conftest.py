"""The world of a whole back office, over the real services."""

from campaigns.world import world, world_settings

__all__ = ["world", "world_settings"]
