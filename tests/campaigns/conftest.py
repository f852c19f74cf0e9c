import pytest

from campaigns.world import World, a_person, post, world, world_settings

__all__ = ["post", "world", "world_settings"]


@pytest.fixture
def reference(world: World) -> str:
    """A running campaign: four persons, two lots to be made."""
    world.load([a_person(adresse_4=f"{n} RUE") for n in range(4)])
    return world.launched(lot_size=2)
