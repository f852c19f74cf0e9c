"""The world of a whole back office, over the real services."""

from campaigns.world import post, world, world_settings

__all__ = ["post", "world", "world_settings"]
