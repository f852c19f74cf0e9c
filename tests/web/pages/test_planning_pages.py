"""The load of the plans on its page, the figures behind it, and plans that fit the staff."""

from datetime import UTC, datetime

import pytest
from campaigns.test_waves import people, schedule, terms
from campaigns.world import World

from backoffice.core.clock import PARIS

from .conftest import AGENT, MANAGER, NATIONAL_MANAGER, SUPERVISOR, Browser, SignIn, journal
from .test_wave_pages import hidden, typed, words


def staff(number: int = 5, **changes: str) -> dict[str, str]:
    return {f"{day}_{half}": str(number) for day in range(5) for half in range(2)} | {
        "duree": "330", "matin": "55", "pointe": "130", "source": "planning de novembre",
    } | changes  # fmt: skip


def test_without_waves_and_staff_the_page_says_so(manager: Browser) -> None:
    page = words(manager.get("/charge").text)
    assert "Aucune vague n’amène d’appel dans ces semaines." in page
    assert "L’effectif n’est pas saisi" in page
    assert "Hypothèse de départ, sans mesure" in page


def test_the_table_behind_the_drawing_says_what_is_needed_and_missing(
    world: World, manager: Browser, sign_in: SignIn
) -> None:
    world.load(people(4))
    reference = world.frozen()
    schedule(world, reference, terms())
    world.sql("UPDATE wave SET letters = 400000 WHERE number = 1")
    national = sign_in(NATIONAL_MANAGER)
    form = national.get("/charge/effectif").text
    assert national.client.post("/charge/effectif", data=hidden(form) | staff()).status_code == 303
    assert len(journal(world, "planification.effectif")) == 1
    page = manager.get("/charge").text
    assert "lun. 14/11/2016 400 000" in words(page)
    assert "manquent de conseillers" in words(page)
    assert "il en manque" in words(page)
    assert page.count('class="load-bar"') == 18  # four weeks from Monday 31 October, less two holidays
    assert page.count("url(#hachures)") > 2
    assert "planning de novembre" in words(page)
    assert 'aria-current="page">8 semaines' in manager.get("/charge?semaines=8").text
    assert manager.get("/charge?semaines=x").status_code == 200


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"0_0": ""}, "lundi matin » attend un nombre"),
        ({"0_0": "dix"}, "attend un nombre entier"),
        ({"0_0": "1000"}, "de 0 à 999"),
        ({"duree": "5"}, "30 secondes"),
        ({"source": ""}, "d’où viennent"),
    ],
)
def test_a_staff_that_cannot_be_is_said_and_kept(sign_in: SignIn, change: dict[str, str], sentence: str) -> None:
    national = sign_in(NATIONAL_MANAGER)
    form = national.get("/charge/effectif").text
    answer = national.client.post("/charge/effectif", data=hidden(form) | staff(**change))
    assert answer.status_code == 422
    assert sentence in words(answer.text)
    assert 'value="5"' in answer.text


def test_curves_are_edited_with_their_source(sign_in: SignIn) -> None:
    national = sign_in(NATIONAL_MANAGER)
    form = national.get("/charge/courbes").text
    assert 'value="25"' in form
    values = {f"{name}_{field}": value for name in ("appels", "accueil", "creations") for field, value in
              {"pour_mille": "2,5", "premier": "2", "fort": "4", "moitie": "6"}.items()}  # fmt: skip
    for change, sentence in (
        ({"appels_pour_mille": "beaucoup"}, "pour 1 000 envois"),
        ({"appels_pour_mille": "nan"}, "de 0 à 1 000"),
        ({"creations_fort": "1"}, "Créations en ligne"),
        ({"source": " "}, "d’où viennent"),
    ):
        answer = national.client.post("/charge/courbes", data=hidden(form) | values | {"source": "x"} | change)
        assert answer.status_code == 422
        assert sentence in words(answer.text)
    done = national.client.post("/charge/courbes", data=hidden(form) | values | {"source": "mesure de Pâques"})
    assert done.status_code == 303
    assert "mesure de Pâques" in words(national.get("/charge").text)
    late = national.client.post("/charge/courbes", data=hidden(form) | values | {"source": "autre"})
    assert late.status_code == 409
    assert f"changés par {NATIONAL_MANAGER}" in words(late.text)


def test_the_planner_proposes_sizes_that_fit_and_they_are_what_is_scheduled(world: World, sign_in: SignIn) -> None:
    world.load(people(6))
    reference = world.frozen()
    manager, national = sign_in(MANAGER), sign_in(NATIONAL_MANAGER)
    address = f"/campagnes/{reference}/vagues/programmer"
    form = manager.get(address).text
    refused = manager.client.post(address, data=hidden(form) | typed(geste="proposer"))
    assert refused.status_code == 422
    assert "Entrez d’abord l’effectif" in words(refused.text)
    national.client.post("/charge/effectif", data=hidden(national.get("/charge/effectif").text) | staff())
    shown = manager.client.post(address, data=hidden(form) | typed(geste="proposer"))
    assert shown.status_code == 200
    assert "L’effectif suffit." in words(shown.text)
    sizes = hidden(shown.text)["vagues"]
    assert sizes == "2016-11-14:6"
    done = manager.client.post(address, data=hidden(shown.text) | typed(geste="confirmer", par_jour="6"))
    assert done.status_code == 303
    (row,) = world.sql("SELECT planned_on, letters FROM wave")
    assert f"{row.planned_on}:{row.letters}" == sizes


def test_who_reads_the_load_and_who_sets_its_figures(world: World, sign_in: SignIn) -> None:
    world.clock.now = datetime(2016, 11, 4, 9, tzinfo=PARIS).astimezone(UTC)
    supervisor = sign_in(SUPERVISOR)
    form = supervisor.get("/charge/effectif").text
    assert "<fieldset disabled>" in form
    assert supervisor.client.post("/charge/effectif", data=hidden(form) | staff()).status_code == 404
    for address in ("/charge", "/charge/effectif", "/charge/courbes"):
        assert sign_in(AGENT).get(address).status_code == 403
