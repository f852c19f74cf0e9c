from campaigns.world import post, world, world_settings

__all__ = ["post", "world", "world_settings"]
