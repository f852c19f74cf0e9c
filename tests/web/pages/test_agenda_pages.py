"""The manager's to-do and calendar, against counts made straight from the tables."""

from datetime import UTC, datetime

from campaigns.test_waves import on, people, schedule, terms
from campaigns.world import World, a_person

from backoffice.campaigns import actions
from backoffice.core.clock import PARIS

from .conftest import AGENT, MANAGER, NATIONAL_MANAGER, OTHER_MANAGER, SUPERVISOR, Browser, SignIn, journal
from .test_wave_pages import hidden, words


def at(world: World, day: int, month: int = 11, hour: int = 9) -> None:
    world.clock.now = datetime(2016, month, day, hour, tzinfo=PARIS).astimezone(UTC)


def test_the_home_page_and_the_calendar_say_what_is_to_be_done(world: World, manager: Browser, sign_in: SignIn) -> None:
    world.load(people(4))
    for page in (manager.get("/").text, manager.get("/calendrier").text):
        assert "Rien ne part aujourd’hui et rien ne vous attend." in words(page)
    waiting = world.create(name="En attente")
    world.do(actions.submit, waiting)
    approved = world.frozen(name="Prête")
    planned = world.frozen(name="Programmée")
    schedule(world, planned, terms())
    page = words(manager.get("/").text)
    assert f"{waiting} « En attente », soumise" in page
    assert f"{approved} « Prête », approuvée" in page
    assert "Ce qui part aujourd’hui" not in page
    calendar = words(manager.get("/calendrier").text)
    assert f"{planned} vague 1, 2 envois, programmée" in calendar
    assert f"lundi 14 novembre 2016 {planned} Programmée 1 programmée 2" in calendar
    at(world, 14)
    today = words(sign_in(MANAGER).get("/calendrier").text)
    assert f"{planned}, vague 1 « Programmée » : 2 envois, programmée" in today
    at(world, 22)
    on(world, 22)
    late = words(sign_in(MANAGER).get("/").text)
    assert f"{planned} « Programmée » : 2 vagues à confirmer" in late


def test_what_is_stuck_is_named_with_its_reason(world: World, sign_in: SignIn) -> None:
    world.load(people(4))
    stuck = world.launched(lot_size=2)
    world.sql(
        "UPDATE lot SET state = 'quarantaine', reason = 'fichier abîmé' WHERE id = :id", id=world.lots(stuck)[0].id
    )
    world.do(actions.pause, stuck, "imprimeur en panne")
    page = words(sign_in(MANAGER).get("/calendrier").text)
    assert f"{stuck} « Essai » : 1 lot en quarantaine fichier abîmé" in page
    assert "suspendue depuis" not in page
    world.clock.move(days=3)
    page = words(sign_in(MANAGER).get("/calendrier").text)
    assert f"{stuck} « Essai » : suspendue depuis 3 jours imprimeur en panne" in page


def test_codes_that_end_this_week_are_counted_by_campaign_as_the_record_has_them(world: World, sign_in: SignIn) -> None:
    world.load([*people(5), a_person(canal="mail", email="a@exemple.fr")])
    reference = world.sealed()
    at(world, 7, month=1)
    world.clock.now = world.clock.now.replace(year=2017)
    assert "Aucun." in words(sign_in(MANAGER).get("/calendrier").text)
    world.clock.now = world.clock.now.replace(day=9)
    (live,) = world.sql("SELECT count(*) FROM enrolment.creation_code WHERE state = 'live'", "dmp")[0]
    assert live == 5
    page = words(sign_in(MANAGER).get("/calendrier").text)
    assert f"{reference} Essai samedi 14 janvier 2017 {live}" in page
    world.clock.now = world.clock.now.replace(day=15)
    assert "Aucun." in words(sign_in(MANAGER).get("/calendrier").text)


def test_a_national_embargo_is_for_a_national_manager_and_names_the_waves_it_meets(
    world: World, manager: Browser, sign_in: SignIn
) -> None:
    world.load(people(4))
    reference = world.frozen()
    schedule(world, reference, terms())
    assert "Poser un embargo" not in manager.get("/calendrier/embargos").text
    national = sign_in(NATIONAL_MANAGER)
    form = national.get("/calendrier/embargos").text
    for typed, sentence in (
        ({"du": "", "pour": "x"}, "premier jour"),
        ({"du": "2016-11-32", "pour": "x"}, "n’existe pas"),
        ({"du": "2016-10-03", "pour": "x"}, "passés"),
        ({"du": "2016-11-15", "au": "2016-11-14", "pour": "x"}, "échangez"),
        ({"du": "2016-11-15", "pour": ""}, "pourquoi"),
    ):
        refused = national.client.post("/calendrier/embargos", data=hidden(form) | typed)
        assert refused.status_code == 422
        assert sentence in words(refused.text)
    refused = manager.client.post(
        "/calendrier/embargos", data=hidden(manager.get("/").text) | {"du": "2016-11-15", "pour": "x"}
    )
    assert refused.status_code == 404
    done = national.client.post(
        "/calendrier/embargos", data=hidden(form) | {"du": "2016-11-15", "au": "2016-11-16", "pour": "grève"}
    )
    assert done.status_code == 303
    page = words(national.get("/calendrier/embargos").text)
    assert f"{reference} vague 2 (15/11)" in page
    assert "grève" in page
    assert "embargo (grève)" in words(manager.get("/calendrier").text)
    twice = national.client.post("/calendrier/embargos", data=hidden(form) | {"du": "2016-11-16", "pour": "y"})
    assert twice.status_code == 422
    assert national.client.post("/calendrier/embargos/1/lever", data=hidden(form)).status_code in (303, 404)
    (found,) = world.sql("SELECT id FROM embargo")
    national.client.post(f"/calendrier/embargos/{found.id}/lever", data=hidden(form))
    assert national.client.post(f"/calendrier/embargos/{found.id}/lever", data=hidden(form)).status_code == 404
    assert len(journal(world, "embargo.lever")) == 1
    assert "Aucun embargo en vigueur." in words(national.get("/calendrier/embargos").text)


def test_each_sees_the_waves_of_their_caisses_alone(world: World, sign_in: SignIn) -> None:
    world.load(people(4, caisse="941", code_postal="94000"))
    reference = world.frozen(caisses=("941",))
    schedule(world, reference, terms())
    for login in (MANAGER, OTHER_MANAGER, SUPERVISOR):
        assert reference not in sign_in(login).get("/calendrier").text
    assert reference in sign_in(NATIONAL_MANAGER).get("/calendrier").text
    agent = sign_in(AGENT)
    assert agent.get("/calendrier").status_code == 403
    assert "À faire" not in agent.get("/").text
