"""The registers: what a supervisor and an administrator look up, each within their caisses."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from campaigns.world import World, a_person
from campaigns.world import manager as world_manager
from sqlalchemy import event, inspect, text

from backoffice.campaigns.rules import ChannelRule
from backoffice.web.tables import REGISTERS

from .conftest import ADMINISTRATOR, SUPERVISOR, SignIn


def test_a_supervisor_finds_the_campaigns_lots_and_imports_of_the_own_caisse_only(
    world: World, sign_in: SignIn
) -> None:
    world.load([a_person(), a_person(caisse="641")], world_manager("x", "631", "641"))
    world.load([a_person()], world_manager("y", "631"))
    ours = world.sealed(name="La nôtre", channel_rule=ChannelRule.POST)
    world.create(name="Commune", caisses=("631", "641"))
    supervisor = sign_in(SUPERVISOR)
    campaigns, lots, imports = (supervisor.get(f"/registres/{name}/").text for name in ("campagnes", "lots", "imports"))
    assert "La nôtre" in campaigns
    assert "Commune" not in campaigns
    assert ours in lots
    assert ">y<" in imports
    assert ">x<" not in imports
    everything = sign_in(ADMINISTRATOR).get("/registres/campagnes/").text
    assert "Commune" in everything
    assert "terminée" in everything


def test_the_journal_of_a_supervisor_holds_the_lines_of_the_own_caisse(world: World, sign_in: SignIn) -> None:
    world.load([a_person()])
    world.sealed(channel_rule=ChannelRule.POST)
    page = sign_in(SUPERVISOR).get("/registres/journal/").text
    assert "lot.sceller" in page
    assert "session.connexion" not in page
    assert "session.connexion" in sign_in(ADMINISTRATOR).get("/registres/journal/").text


def test_a_row_of_another_caisse_is_not_found_by_its_number(world: World, sign_in: SignIn) -> None:
    world.create(name="Ailleurs", caisses=("641",))
    number = world.sql("SELECT id FROM campaign")[0][0]
    answer = sign_in(SUPERVISOR).get(f"/registres/campagnes/details/?id={number}")
    assert answer.status_code == 404
    assert "Ailleurs" not in answer.text


@contextmanager
def statements(world: World) -> Iterator[list[tuple[str, Any]]]:
    """What is asked of the database meanwhile, with what it is asked with."""
    del world
    from sqlalchemy.engine import Engine

    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("register", [one for one in REGISTERS if one.least_search == 3], ids=lambda one: one.place)
def test_a_large_register_is_searched_by_its_trigram_index(world: World, sign_in: SignIn, register: Any) -> None:
    with statements(world) as asked:
        assert sign_in(ADMINISTRATOR).get(f"/registres/{register.place}/?search=2016-631-000017").status_code == 200
    table = register.table.__tablename__
    [(counting, parameters)] = [one for one in asked if table in one[0] and "count(" in one[0]]
    others = world.sql(
        "SELECT indexname FROM pg_indexes WHERE tablename = :table AND indexdef NOT LIKE '%UNIQUE%' "
        "AND indexname NOT LIKE '%_alike'",
        table=table,
    )
    with world.caisse_owner.connect() as connection:  # rolled back at its end
        for name in others:
            connection.execute(text(f"DROP INDEX {name[0]}"))
        for way in ("seqscan", "indexscan", "indexonlyscan"):
            connection.execute(text(f"SET LOCAL enable_{way} = off"))  # an empty table would be read whole
        plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {counting}", parameters))
    assert f"{table}_alike" in plan, plan


def test_every_register_that_grows_with_persons_or_acts_has_such_an_index(world: World) -> None:
    indexed = {row[0] for row in world.sql("SELECT tablename FROM pg_indexes WHERE indexname LIKE '%_alike'")}
    small = {"campaign", "lot", "population_import"}
    for register in REGISTERS:
        table = inspect(register.table).local_table.name
        assert table in small or (table in indexed and register.least_search == 3), table
