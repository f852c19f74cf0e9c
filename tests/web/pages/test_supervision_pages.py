"""Supervision on the screen: queues, giving cases, absences, quality, journal, who looked."""

import re
from datetime import timedelta

import pytest
from campaigns.world import SYSTEM, World, a_person

from backoffice.cases.actions import advance, open_case
from backoffice.cases.kinds.closure import CLOSURE_ONLINE
from backoffice.core.actor import Actor, Role
from backoffice.supervision.sampling import POINTS, draw_last_week

from .conftest import AGENT, MANAGER, SUPERVISOR, SignIn, journal, token_of

OTHER = Actor("agathe.roux", "Agathe Roux", frozenset({Role.SUPERVISOR}), frozenset({"631"}))


@pytest.fixture
def number(world: World) -> str:
    world.load([a_person(prenom="Zoé", nom_naissance="Vasseur", nom_usage="")])
    person = int(world.sql("SELECT id FROM person")[0][0])
    with world.session() as session:
        return open_case(session, world.office, SYSTEM, CLOSURE_ONLINE, "631", person).number


def test_a_supervisor_sees_the_queues_and_gives_a_case_to_an_agent(number: str, sign_in: SignIn) -> None:
    sign_in(AGENT)
    supervisor = sign_in(SUPERVISOR)
    page = supervisor.get("/supervision").text
    assert "Clôture en ligne" in page
    assert "Ancienneté" in page
    place = f"/demandes/{number}"
    assert "Sandrine Chabrol" in supervisor.get(place).text
    assert supervisor.send(f"{place}/affecter", place, qui=AGENT, version="1").status_code == 303
    page = supervisor.get("/supervision").text
    assert f"suivie={AGENT}" in page
    assert "Sandrine Chabrol" in page
    assert supervisor.send(f"{place}/affecter", place, qui="inconnu", version="2").status_code == 422


@pytest.mark.parametrize("login", [AGENT, MANAGER])
def test_supervision_is_the_supervisors(login: str, sign_in: SignIn) -> None:
    browser = sign_in(login)
    for place in ("", "/activite", "/absences", "/qualite", "/journal", "/personnes/631/1"):
        assert browser.get(f"/supervision{place}").status_code == 403
    assert "/supervision" not in browser.get("/").text


def test_an_absence_is_noted_once_and_ended(world: World, number: str, sign_in: SignIn) -> None:
    sign_in(AGENT)
    supervisor = sign_in(SUPERVISOR)
    day = world.clock.now.date()
    typed = {"qui": AGENT, "du": str(day), "au": str(day + timedelta(days=2)), "remplacant": SUPERVISOR}
    form = {"csrf_token": token_of(supervisor.get("/supervision/absences").text), "demande": "une fois"} | typed
    for _ in range(2):
        assert supervisor.client.post("/supervision/absences", data=form).status_code == 303
    page = supervisor.get("/supervision/absences").text
    assert page.count("Terminer<span") == 1
    assert "en cours" in page
    for change, sentence in (
        ({"du": ""}, "premier et le dernier jour"), ({"au": "31/02/2016"}, "premier et le dernier jour"),
        ({"du": str(day), "au": str(day)}, "déjà notée"),
    ):  # fmt: skip
        answer = supervisor.send("/supervision/absences", **typed | change)
        assert (answer.status_code, sentence in answer.text) == (422, True)
    (place,) = re.findall(r'action="(/supervision/absences/[0-9]+/terminer)"', page)
    assert supervisor.send(place, "/supervision/absences").status_code == 303
    assert supervisor.send(place, "/supervision/absences").status_code == 404


def test_a_case_that_chance_picked_is_read_again_point_by_point(world: World, number: str, sign_in: SignIn) -> None:
    with world.session() as session:
        advance(session, world.office, OTHER, number, "file", "sans adresse")
    world.clock.move(days=7)
    assert draw_last_week(world.office) == 1
    supervisor = sign_in(SUPERVISOR)
    assert "1 demande terminée est à relire" in supervisor.get("/supervision").text
    (place,) = re.findall(r'href="(/supervision/qualite/[0-9]+)"', supervisor.get("/supervision/qualite").text)
    answers = dict.fromkeys(POINTS, "oui") | {"delai": "non"}
    refused = supervisor.send(place, **answers)
    assert refused.status_code == 422
    assert refused.text.count("checked") == len(POINTS)
    assert supervisor.send(place, **answers, texte="Deux jours de trop.").status_code == 303
    assert "1 point à revoir" in supervisor.get("/supervision/qualite?relues=1").text
    assert "Deux jours de trop." in supervisor.get(place).text
    assert supervisor.get("/supervision/activite").status_code == 200


def test_the_journal_and_who_looked_at_a_person(world: World, number: str, sign_in: SignIn) -> None:
    agent, supervisor = sign_in(AGENT), sign_in(SUPERVISOR)
    agent.get(f"/demandes/{number}")
    page = supervisor.get(f"/supervision/journal?objet={number}").text
    assert "demande.consulter" in page
    assert supervisor.get("/supervision/journal?du=hier").status_code == 422
    person = world.sql("SELECT id FROM person")[0][0]
    page = supervisor.get(f"/supervision/personnes/631/{person}").text
    assert "Zoé Vasseur" in page
    assert "Sandrine Chabrol" in page
    assert journal(world, "personne.regards") == [(SUPERVISOR, f"personne {person}")]
    assert supervisor.get("/supervision/personnes/631/999999").status_code == 404
    assert supervisor.get(f"/supervision/personnes/641/{person}").status_code == 404


def test_the_journal_names_the_steps_of_cases_in_french(number: str, world: World, sign_in: SignIn) -> None:
    with world.session() as session:
        advance(session, world.office, SYSTEM, number, "confirm", seen=1)
    page = sign_in(SUPERVISOR).get("/supervision/journal?action=demande").text
    assert "demande.confirm" in page
    assert "Confirmation partie" in page
