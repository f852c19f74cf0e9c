"""The registers: what a supervisor and an administrator look up, each within their caisses."""

from campaigns.world import World, a_person
from campaigns.world import manager as world_manager

from backoffice.campaigns.rules import ChannelRule

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
