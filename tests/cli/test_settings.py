"""What the environment says wrongly is told by the name of its variable; what a command does itself, no worker redoes."""

from pathlib import Path

import pytest
from campaigns.world import World, a_person, write_rows

from backoffice.core.actor import system_actor
from backoffice.core.errors import Invalid
from backoffice.population.actions import request_import
from backoffice.settings import Settings
from backoffice.worker import sweep
from cli.test_commands import environ


@pytest.mark.parametrize(
    ("variable", "value"), [("CAISSE_LOT_SIZE", "0"), ("CAISSE_PROCESSES", "deux"), ("CAISSE_PROXY_HOPS", "-1")]
)
def test_a_setting_that_is_no_number_is_named(world: World, variable: str, value: str) -> None:
    with pytest.raises(Invalid, match=f"{variable} vaut « {value} »"):
        Settings.from_env({**environ(world), variable: value})


def test_an_import_made_by_a_command_is_not_taken_up_by_a_worker_later(world: World, tmp_path: Path) -> None:
    path = tmp_path / "assures.csv"
    write_rows(path, [a_person()])
    with world.office.db.unit_of_work() as session:
        request_import(session, world.office, system_actor(), path, ring=False)
    assert sweep(world.office) == 0
    with world.office.db.unit_of_work() as session:
        request_import(session, world.office, system_actor(), path)
    assert sweep(world.office) == 1
