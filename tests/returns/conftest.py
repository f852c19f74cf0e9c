from campaigns.world import world, world_settings

__all__ = ["world", "world_settings"]
