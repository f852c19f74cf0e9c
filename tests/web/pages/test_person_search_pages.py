"""The search field of every page: nothing typed reaches an address, a script may not list the population."""

import pytest
from campaigns.world import World, a_person, new_nir

from backoffice.web.pages.persons import TYPED_A_MINUTE
from dmp_core.identity.nir import mask

from .conftest import ADMINISTRATOR, ADVISOR, AGENT, MANAGER, SUPERVISOR, Browser, SignIn, journal, token_of

NIR = new_nir()


@pytest.fixture
def person(world: World) -> int:
    world.load(
        [a_person(prenom="ZOÉ", nom_naissance="VASSEUR", nom_usage="", nir=NIR), a_person(prenom="LUC", caisse="941")]
    )
    return int(world.sql("SELECT id FROM person WHERE nir = :n", n=NIR)[0][0])


def typed(browser: Browser, words: str, at: str = "/personnes/recherche") -> str:
    token = token_of(browser.get("/").text)
    return browser.client.post(at, data={"csrf_token": token, "quoi": words}, follow_redirects=True).text


@pytest.mark.parametrize(
    ("login", "there"), [(AGENT, 1), (ADVISOR, 1), (SUPERVISOR, 1), (MANAGER, 0), (ADMINISTRATOR, 0)]
)
def test_the_field_is_on_the_page_of_those_who_look_for_persons(sign_in: SignIn, login: str, there: int) -> None:
    assert sign_in(login).get("/").text.count('role="search"') == there


def test_a_number_never_stands_in_an_address_nor_in_the_answer(world: World, person: int, sign_in: SignIn) -> None:
    agent = sign_in(AGENT)
    token = token_of(agent.get("/").text)
    sent = agent.client.post("/personnes/recherche", data={"csrf_token": token, "quoi": NIR})
    assert sent.status_code == 303
    assert NIR not in sent.location
    page = agent.get(sent.location).text
    assert "VASSEUR" in page
    assert mask(NIR) in page
    assert NIR not in page.replace(" ", "").replace(f'value="{NIR}"', "")
    assert agent.client.get("/personnes/suggestions").status_code == 405
    assert [about for _, about in journal(world, "personne.rechercher")] == ["recherche"]
    written = world.sql("SELECT reason, detail::text FROM audit_entry WHERE action = 'personne.rechercher'")
    assert NIR not in str(written)
    assert '"par": "numéro"' in str(written)


def test_an_answer_is_kept_for_its_own_asker_and_for_a_while(world: World, person: int, sign_in: SignIn) -> None:
    agent = sign_in(AGENT)
    token = token_of(agent.get("/").text)
    place = agent.client.post("/personnes/recherche", data={"csrf_token": token, "quoi": "vasseur"}).location
    assert "VASSEUR" in agent.get(place).text
    assert "VASSEUR" not in sign_in(SUPERVISOR).get(place).text
    assert agent.get("/personnes/recherche/inconnue").location == "/personnes/recherche"


def test_suggestions_are_a_fragment_with_the_way_to_the_file(person: int, sign_in: SignIn) -> None:
    found = typed(sign_in(AGENT), "vass", "/personnes/suggestions")
    assert f'href="/personnes/631/{person}"' in found
    assert "<html" not in found
    assert "Personne ne correspond" in typed(sign_in(AGENT), "zzzz", "/personnes/suggestions")


def test_what_cannot_be_asked_is_said_and_kept(sign_in: SignIn) -> None:
    page = typed(sign_in(AGENT), "1")
    assert "au moins deux lettres" in page


def test_a_script_that_lists_the_population_is_stopped(world: World, person: int, sign_in: SignIn) -> None:
    agent = sign_in(AGENT)
    token = token_of(agent.get("/").text)
    form = {"csrf_token": token, "quoi": "1"}
    answers = [agent.client.post("/personnes/suggestions", data=form).status_code for _ in range(TYPED_A_MINUTE + 1)]
    assert (answers[0], answers[-1]) == (200, 429)
    world.clock.move(minutes=1)
    assert agent.client.post("/personnes/suggestions", data=form).status_code == 200


def test_a_case_number_leads_to_the_case(sign_in: SignIn) -> None:
    agent = sign_in(AGENT)
    token = token_of(agent.get("/").text)
    sent = agent.client.post("/personnes/recherche", data={"csrf_token": token, "quoi": "2016-631-000042"})
    assert sent.location == "/demandes/2016-631-000042"
