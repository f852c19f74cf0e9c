"""The plan of a campaign as its manager sees it and changes it."""

import re
from datetime import UTC, date, datetime
from html import unescape

import pytest
from campaigns.test_waves import on, people, schedule, states, terms, waves_at
from campaigns.world import World

from backoffice.campaigns import actions, cancelling
from backoffice.campaigns.rules import CampaignState, WaveState
from backoffice.core.clock import PARIS

from .conftest import FOREIGN_MANAGER, MANAGER, OTHER_MANAGER, SUPERVISOR, Browser, SignIn, journal, token_of


def words(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)).replace("\xa0", " "))


@pytest.fixture
def reference(world: World) -> str:
    """An approved campaign of six letters."""
    world.load(people(6))
    return world.frozen(lot_size=4)


def hidden(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="(demande|version|vagues|jour|suivre)" value="([^"]*)"', page)
    return dict(found) | {"csrf_token": token_of(page)}


def typed(**changes: str) -> dict[str, str]:
    return {"debut": "2016-11-14", "par_jour": "2", "fin": "", "tolerance": "1", "geste": "voir"} | changes


def plan_at(reference: str) -> str:
    return f"/campagnes/{reference}/vagues"


def test_a_plan_is_shown_on_a_calendar_before_it_is_written(reference: str, world: World, manager: Browser) -> None:
    page = manager.get(f"/campagnes/{reference}").text
    assert "Programmer les vagues" in page
    form = manager.get(f"{plan_at(reference)}/programmer").text
    assert 'value="2016-11-02"' in form  # today, a working day
    shown = manager.client.post(f"{plan_at(reference)}/programmer", data=hidden(form) | typed())
    assert shown.status_code == 200
    assert "3 vagues, du 14 novembre 2016 au 16 novembre 2016." in words(shown.text)
    assert "<caption>Novembre 2016</caption>" in shown.text
    assert "jour férié (Armistice)" in words(shown.text)
    assert waves_at(world, reference) == []
    done = manager.client.post(f"{plan_at(reference)}/programmer", data=hidden(shown.text) | typed(geste="confirmer"))
    assert done.status_code == 303
    assert world.campaign(reference).status is CampaignState.SCHEDULED
    plan = words(manager.get(plan_at(reference)).text)
    assert "Vague 1 2 envois, programmée" in plan
    assert "lun. 14/11/2016 15/11/2016" in plan
    history = words(manager.get(f"/campagnes/{reference}").text)
    assert "Programmée" in history
    assert "3 vagues du 14/11/2016 au 16/11/2016, 2 envois par jour au plus" in history


def test_confirmed_twice_the_plan_is_written_once(reference: str, world: World, manager: Browser) -> None:
    form = manager.get(f"{plan_at(reference)}/programmer").text
    sent = hidden(form) | typed(geste="confirmer")
    answers = [manager.client.post(f"{plan_at(reference)}/programmer", data=sent) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert journal(world, "campagne.schedule") == [(MANAGER, reference)]
    assert journal(world, "campagne.replan") == []


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"debut": ""}, "debut", "Indiquez le jour du premier départ."),
        ({"debut": "31/02/2016"}, "debut", "Cette date n’existe pas"),
        ({"debut": "2016-11-01"}, "debut", "est passé"),
        ({"par_jour": "beaucoup"}, "par_jour", "attend un nombre entier"),
        ({"par_jour": "0"}, "par_jour", "au moins 1"),
        ({"fin": "2016-11-10"}, "fin", "vient avant le premier départ"),
        ({"fin": "2016-11-15"}, "par_jour", "après la fin demandée"),
        ({"tolerance": "99"}, "tolerance", "de 0 à 10"),
        ({"du_0": "2016-11-20", "au_0": "2016-11-18", "pour_0": "congés"}, "au_0", "échangez"),
        ({"au_0": "2016-11-18"}, "du_0", "premier jour"),
        ({"du_0": "2016-11-18"}, "pour_0", "pourquoi"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_kept(
    reference: str, manager: Browser, change: dict[str, str], field: str, sentence: str
) -> None:
    form = manager.get(f"{plan_at(reference)}/programmer").text
    answer = manager.client.post(f"{plan_at(reference)}/programmer", data=hidden(form) | typed(**change))
    assert answer.status_code == 422
    (fault,) = re.findall(rf'id="{field}-erreur">(.*?)</p>', answer.text)
    assert sentence in words(fault)
    for name, value in change.items():
        assert f'name="{name}"' in answer.text
        assert value == "" or f'value="{value}"' in answer.text


def test_a_move_shows_before_and_after_and_asks_to_confirm(reference: str, world: World, manager: Browser) -> None:
    schedule(world, reference, terms())
    address = f"{plan_at(reference)}/2/deplacer"
    page = manager.get(address).text
    assert "celle-ci" in page
    assert 'value="2016-11-18"' in page  # a day to choose
    assert 'value="2016-11-19"' not in page  # a Saturday
    assert 'value="2016-11-14"' not in page  # before wave 1
    assert "vendredi 18 novembre 2016" in words(manager.get(f"{address}?jour=&choix=2016-11-18").text)
    shown = manager.get(f"{address}?jour=2016-11-18").text
    assert "Vague 2 2 mardi 15 novembre 2016 vendredi 18 novembre 2016" in words(shown)
    assert "Vague 3 2 mercredi 16 novembre 2016 lundi 21 novembre 2016" in words(shown)
    assert "Vague 1 2 lundi" not in words(shown.split("Avant et après")[1].split("</table>")[0])
    assert manager.client.post(address, data=hidden(shown)).status_code == 303
    assert [wave.planned_on.day for wave in waves_at(world, reference)] == [14, 18, 21]


def test_a_day_that_cannot_be_says_why(reference: str, world: World, manager: Browser) -> None:
    schedule(world, reference, terms())
    address = f"{plan_at(reference)}/2/deplacer"
    for day, sentence in (
        ("2016-11-19", "samedi"),
        ("2016-11-10", "doit rester après la vague 1"),
        ("x", "n’existe pas"),
    ):
        answer = manager.get(f"{address}?jour={day}")
        assert answer.status_code == 422
        assert sentence in words(answer.text)
        assert "Avant et après" not in answer.text
    sent = hidden(manager.get(f"{address}?jour=2016-11-18").text) | {"jour": "2016-11-19"}
    assert manager.client.post(address, data=sent).status_code == 422


def test_two_managers_the_second_is_told_and_nothing_of_theirs_is_written(
    reference: str, world: World, manager: Browser, sign_in: SignIn
) -> None:
    schedule(world, reference, terms())
    other = sign_in(OTHER_MANAGER)
    address = f"{plan_at(reference)}/3/deplacer"
    mine, theirs = (one.get(f"{address}?jour=2016-11-{day}").text for one, day in ((manager, 21), (other, 22)))
    assert other.client.post(address, data=hidden(theirs)).status_code == 303
    answer = manager.client.post(address, data=hidden(mine))
    assert answer.status_code == 409
    assert f"Le plan vient d’être changé par {OTHER_MANAGER}" in words(answer.text)
    assert waves_at(world, reference)[2].planned_on == date(2016, 11, 22)


def test_a_late_wave_asks_on_the_page_and_is_started_or_given_up_there(
    reference: str, world: World, sign_in: SignIn
) -> None:
    schedule(world, reference, terms())
    on(world, 21)
    manager = sign_in(MANAGER)
    assert "3 vagues attendent votre accord" in words(manager.get(f"/campagnes/{reference}").text)
    page = words(manager.get(plan_at(reference)).text)
    assert "3 vagues attendent votre accord" in page
    assert "n’est pas partie à temps" in page
    address = f"{plan_at(reference)}/1/demarrer"
    shown = manager.get(address).text
    assert "datés du 21 novembre 2016 au lieu du 14 novembre 2016" in words(shown)
    assert "Vérifiez d’abord auprès de l’imprimeur" in words(shown)
    sent = hidden(shown)
    assert [manager.client.post(address, data=sent).status_code for _ in range(2)] == [303, 303]
    assert states(world, reference) == [WaveState.STARTED, WaveState.PLANNED, WaveState.PLANNED]
    give_up = f"{plan_at(reference)}/3/abandonner"
    shown = manager.get(give_up).text
    refused = manager.client.post(give_up, data=hidden(shown) | {"motif": " "})
    assert refused.status_code == 422
    assert "demande un motif" in words(refused.text)
    assert manager.client.post(give_up, data=hidden(refused.text) | {"motif": "doublon"}).status_code == 303
    assert states(world, reference)[2] is WaveState.CANCELLED
    assert "Partie 21/11/2016" in words(manager.get(plan_at(reference)).text)


def test_unscheduling_pausing_and_cancelling_say_what_they_do_to_the_waves(
    reference: str, world: World, manager: Browser
) -> None:
    schedule(world, reference, terms())
    steps = f"/campagnes/{reference}/etapes"
    assert "3 vagues sont retirées du calendrier" in words(manager.get(f"{steps}/deprogrammer").text)
    assert "aucune vague ne partira" in words(manager.get(f"{steps}/suspendre").text)
    world.do(actions.pause, reference, "relecture")
    assert "6 envois partiront le jour de leur vague" in words(manager.get(f"{steps}/reprendre").text)
    world.do(actions.resume, reference)
    assert manager.send(f"{steps}/deprogrammer", motif="autre date").status_code == 303
    assert world.campaign(reference).status is CampaignState.APPROVED


def test_a_cancelled_campaign_says_which_letters_had_left(reference: str, world: World, sign_in: SignIn) -> None:
    schedule(world, reference, terms())
    on(world, 14)
    world.make_all(reference)
    world.do(cancelling.cancel, reference, "erreur de cible")
    page = words(sign_in(MANAGER).get(f"/campagnes/{reference}").text)
    assert "Ce qui était parti" in page
    assert "2 courriers en 1 lot scellé" in page
    assert "4 envois ne partiront jamais" in page


def test_who_reads_a_plan_and_who_changes_it(reference: str, world: World, sign_in: SignIn) -> None:
    schedule(world, reference, terms())
    supervisor, foreign = sign_in(SUPERVISOR), sign_in(FOREIGN_MANAGER)
    page = supervisor.get(plan_at(reference)).text
    assert "Déplacer" not in page
    assert supervisor.get(f"{plan_at(reference)}/programmer").status_code == 403
    for address in ("", "/programmer", "/1/deplacer", "/1/demarrer", "/1/abandonner"):
        assert foreign.get(plan_at(reference) + address).status_code == 404


def test_what_is_over_or_not_yet_approved_is_not_planned(world: World, manager: Browser) -> None:
    world.load(people(2))
    draft = world.create(name="Brouillon")
    assert manager.get(f"{plan_at(draft)}/programmer").status_code == 409
    done = world.sealed(name="Finie")
    for address in ("/programmer", "/1/deplacer", "/1/demarrer"):
        assert manager.get(plan_at(done) + address).status_code == 409
    assert manager.get(f"{plan_at(done)}/9/deplacer").status_code == 404
    assert "Vague 1" in manager.get(plan_at(done)).text


def test_between_two_waves_the_page_does_not_follow(reference: str, world: World, sign_in: SignIn) -> None:
    schedule(world, reference, terms())
    world.clock.now = datetime(2016, 11, 14, 9, tzinfo=PARIS).astimezone(UTC)
    assert on(world, 14) == 1
    manager = sign_in(MANAGER)
    assert "data-follow" in manager.get(f"/campagnes/{reference}").text
    world.make_all(reference)
    assert "data-follow" not in manager.get(f"/campagnes/{reference}").text
