"""Cases and answers on the screen: the queue, one case, two agents, the workflow drawn, lots asked for by hand."""

import io
import re
import uuid

import pytest
from campaigns.world import SYSTEM, World, a_person
from werkzeug.test import TestResponse

from backoffice.cases.actions import note, open_case
from backoffice.cases.bulk import carry_out
from backoffice.cases.kinds.closure import CLOSURE_ONLINE
from backoffice.core.actor import Actor, Role
from backoffice.correspondence.receiving import receive

from .conftest import AGENT, FOREIGN_AGENT, MANAGER, SUPERVISOR, SignIn, journal, token_of


@pytest.fixture
def number(world: World) -> str:
    world.load([a_person(prenom="Zoé", nom_naissance="Vasseur", nom_usage="")])
    person = int(world.sql("SELECT id FROM person")[0][0])
    with world.session() as session:
        return open_case(session, world.office, SYSTEM, CLOSURE_ONLINE, "631", person).number


def test_an_agent_finds_the_case_takes_it_and_writes_a_note(world: World, number: str, sign_in: SignIn) -> None:
    agent = sign_in(AGENT)
    queue = agent.get("/demandes").text
    assert number in queue
    assert "Clôture en ligne" in queue
    page = agent.get(f"/demandes/{number}").text
    assert "Zoé Vasseur" in page
    assert "Rien de médical" in page
    assert agent.send(f"/demandes/{number}/prendre", f"/demandes/{number}", version="1").status_code == 303
    assert agent.send(f"/demandes/{number}/noter", f"/demandes/{number}", texte="Rappelée.").status_code == 303
    assert "Rappelée." in agent.get(f"/demandes/{number}").text
    assert number in agent.get("/demandes?miennes=1").text
    assert journal(world, "demande.prendre") == [(AGENT, number)]
    assert journal(world, "demande.consulter")[0] == (AGENT, number)


def test_an_agent_is_offered_no_step_of_the_supervisors_and_is_refused_one_sent_all_the_same(
    number: str, sign_in: SignIn
) -> None:
    agent = sign_in(AGENT)
    page = agent.get(f"/demandes/{number}").text
    assert "Rouvrir le DMP" not in page
    answer = agent.client.post(f"/demandes/{number}/file", data={"csrf_token": token_of(page), "texte": "motif"})
    assert answer.status_code == 403


def test_a_refused_step_keeps_what_was_typed_and_says_why(world: World, number: str, sign_in: SignIn) -> None:
    supervisor = sign_in(SUPERVISOR)
    page = supervisor.get(f"/demandes/{number}").text
    colleague = Actor("luc.morel", "Luc Morel", frozenset({Role.AGENT}), frozenset({"631"}))
    with world.session() as session:
        note(session, world.office, colleague, number, "Vue à l’accueil.")
    form = {"csrf_token": token_of(page), "version": "1", "texte": "sans adresse connue"}
    answer = supervisor.client.post(f"/demandes/{number}/file", data=form)
    assert answer.status_code == 409
    assert "modifiée par luc.morel" in answer.text
    assert "sans adresse connue" in answer.text
    assert supervisor.client.post(f"/demandes/{number}/file", data=form | {"version": "2"}).status_code == 303
    assert number in supervisor.get("/demandes?terminees=1").text
    assert number not in supervisor.get("/demandes").text


def test_an_empty_note_is_refused_in_a_sentence(number: str, sign_in: SignIn) -> None:
    answer = sign_in(AGENT).send(f"/demandes/{number}/noter", f"/demandes/{number}", texte=" ")
    assert answer.status_code == 422
    assert "La note est vide" in answer.text


def test_the_most_urgent_case_is_taken_in_one_gesture(world: World, number: str, sign_in: SignIn) -> None:
    agent = sign_in(AGENT)
    answer = agent.send("/demandes/suivante", "/demandes")
    assert answer.headers["Location"].endswith(f"/demandes/{number}")
    assert journal(world, "demande.prendre") == [(AGENT, number)]
    assert agent.send("/demandes/suivante", "/demandes").headers["Location"].endswith("/demandes")
    assert "Aucune demande n’attend" in agent.get("/demandes").text


def test_a_note_sent_twice_is_one_note(number: str, sign_in: SignIn) -> None:
    agent = sign_in(AGENT)
    page = agent.get(f"/demandes/{number}").text
    form = {"csrf_token": token_of(page), "demande": "une fois", "texte": "Rappelée deux fois."}
    for _ in range(2):
        assert agent.client.post(f"/demandes/{number}/noter", data=form).status_code == 303
    assert agent.get(f"/demandes/{number}").text.count("Rappelée deux fois.") == 1


def test_a_colleague_named_in_a_note_sees_it_counted_then_listed_then_read(number: str, sign_in: SignIn) -> None:
    agent, supervisor = sign_in(AGENT), sign_in(SUPERVISOR)
    answer = agent.send(f"/demandes/{number}/noter", f"/demandes/{number}", texte="@patrick.ollier à voir")
    assert answer.status_code == 303
    assert '1<span class="visually-hidden"> non lue' in supervisor.get("/demandes").text
    page = supervisor.get("/demandes/mentions").text
    assert "@patrick.ollier à voir" in page
    assert "Sandrine Chabrol" in page
    assert supervisor.get(f"/demandes/{number}").status_code == 200
    assert "non lue" not in supervisor.get("/demandes/mentions").text
    refused = agent.send(f"/demandes/{number}/noter", f"/demandes/{number}", texte="@damien.faure à voir")
    assert refused.status_code == 422
    assert "@damien.faure à voir" in refused.text


def test_priority_and_queue_are_changed_from_the_case_and_filtered_in_the_list(number: str, sign_in: SignIn) -> None:
    agent = sign_in(AGENT)
    place = f"/demandes/{number}"
    assert agent.send(f"{place}/priorite", place, priorite="3", version="1").status_code == 303
    assert "priorité urgente" in agent.get(place).text
    assert agent.send(f"{place}/priorite", place, priorite="9", version="2").status_code == 422
    assert agent.send(f"{place}/confier", place, file="plateforme", version="2", texte="à rappeler").status_code == 303
    assert "plateforme 0 810" in agent.get(place).text
    assert number in agent.get("/demandes?file=plateforme&priorite=3").text
    assert "Aucune demande ne répond à ces filtres" in agent.get("/demandes?file=accueil").text


def test_each_declared_workflow_is_drawn(world: World, sign_in: SignIn) -> None:
    page = sign_in(SUPERVISOR).get("/demandes/types/closure_online").text
    for state in CLOSURE_ONLINE.states:
        assert state.label in page
    for step in CLOSURE_ONLINE.steps:
        assert step.label in page
    assert sign_in(AGENT).get("/demandes/types/inconnu").status_code == 404


def test_a_manager_sees_what_was_asked_for_and_has_it_put_into_lots_once(world: World, sign_in: SignIn) -> None:
    world.load([a_person()])
    world.sql(
        "INSERT INTO enrolment.outbox (event_id, kind, caisse, person_id, at, detail) "
        "VALUES (:event, 'dossier.opened', '631', :person, :at, CAST('{}' AS jsonb))",
        "dmp", event=uuid.uuid4(), person=world.sql("SELECT id FROM person")[0][0], at=world.clock.now,
    )  # fmt: skip
    receive(world.office)
    manager = sign_in(MANAGER)
    page = manager.get("/courriers-a-la-demande").text
    assert "1 courrier attend le suivant" in page
    form = {"csrf_token": token_of(page)}
    assert manager.client.post("/courriers-a-la-demande/rassembler", data=form).status_code == 303
    assert "Mis en lots : 1 par La Poste, 0 par courriel." in manager.get("/courriers-a-la-demande").text
    manager.client.post("/courriers-a-la-demande/rassembler", data=form)
    assert "rien à mettre en lots" in manager.get("/courriers-a-la-demande").text
    assert "ACC-2016-0001" not in manager.get("/campagnes").text
    assert "Accusés de réception du 02/11/2016" in manager.get("/courriers-a-la-demande").text
    assert "DMP créé" in sign_in(SUPERVISOR).get("/registres/evenements/").text


def test_a_file_is_joined_read_back_as_a_file_to_save_and_withdrawn(number: str, sign_in: SignIn) -> None:
    agent = sign_in(AGENT)
    place = f"/demandes/{number}"

    def join(content: bytes, name: str) -> TestResponse:
        form = {"csrf_token": token_of(agent.get(place).text), "fichier": (io.BytesIO(content), name)}
        return agent.client.post(f"{place}/pieces", data=form, content_type="multipart/form-data")

    assert join("Vu à l’accueil.".encode(), "note d’accueil.txt").status_code == 303
    page = agent.get(place).text
    (address,) = re.findall(rf'href="({place}/pieces/[0-9a-f-]+)"', page)
    answer = agent.get(address)
    assert answer.data.decode() == "Vu à l’accueil."
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert "filename*=UTF-8''note%20d%E2%80%99accueil.txt" in answer.headers["Content-Disposition"]
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    refused = join(b"<html><script>alert(1)</script></html>", "page.pdf")
    assert (refused.status_code, "n’est pas accepté" in refused.text) == (422, True)
    assert join(b"", "vide.txt").status_code == 422
    whole = {"data": bytes(11 * 1024**2), "content_type": "multipart/form-data; boundary=fin"}
    assert agent.client.post(f"{place}/pieces", **whole).status_code == 413
    assert sign_in(FOREIGN_AGENT).get(address).status_code == 404
    assert agent.send(f"{address}/retirer", place, texte=" ").status_code == 422
    assert agent.send(f"{address}/retirer", place, texte="joint par erreur").status_code == 303
    assert agent.get(address).status_code == 404
    assert "Pièce retirée" in agent.get(place).text


def another(world: World) -> str:
    person = int(world.sql("SELECT min(id) FROM person")[0][0])
    with world.session() as session:
        return open_case(session, world.office, SYSTEM, CLOSURE_ONLINE, "631", person).number


def test_a_second_case_of_the_same_person_is_proposed_for_merging(world: World, number: str, sign_in: SignIn) -> None:
    other, agent = another(world), sign_in(AGENT)
    page = agent.get(f"/demandes/{other}").text
    assert f"Réunir à la demande {number}" in page
    assert agent.send(f"/demandes/{other}/reunir", f"/demandes/{other}", autre=number, version="1").status_code == 303
    assert "la suite se passe là-bas" in agent.get(f"/demandes/{other}").text
    assert f"La demande {other} est réunie à celle-ci" in agent.get(f"/demandes/{number}").text
    assert agent.send(f"/demandes/{number}/reunir", f"/demandes/{number}", autre=other).status_code == 409


def test_cases_are_linked_and_unlinked_by_their_numbers(world: World, number: str, sign_in: SignIn) -> None:
    other, agent = another(world), sign_in(AGENT)
    place = f"/demandes/{number}"
    assert agent.send(f"{place}/lier", place, autre=other).status_code == 303
    assert f"Liée à la demande {other}" in agent.get(place).text
    assert agent.send(f"{place}/lier", place, autre=number).status_code == 422
    assert agent.send(f"{place}/delier", place, autre=other).status_code == 303


def test_who_else_is_on_the_case_is_said(number: str, sign_in: SignIn) -> None:
    agent, supervisor = sign_in(AGENT), sign_in(SUPERVISOR)
    assert "aussi sur cette demande" not in agent.get(f"/demandes/{number}").text
    assert "Sandrine Chabrol est aussi sur cette demande." in supervisor.get(f"/demandes/{number}").text
    assert agent.get(f"/demandes/{number}/presence").json == {"phrase": "Patrick Ollier est aussi sur cette demande."}
    assert sign_in(FOREIGN_AGENT).get(f"/demandes/{number}/presence").status_code == 404


def test_boxes_ticked_are_handled_at_once_with_a_result_each(world: World, number: str, sign_in: SignIn) -> None:
    other, agent = another(world), sign_in(AGENT)
    page = agent.get("/demandes").text
    form = {"csrf_token": token_of(page), "geste": "priorite:2", "choix": [f"{number}:1", f"{other}:7"]}
    place = agent.client.post("/demandes/lot", data=form).headers["Location"]
    assert "data-follow" in agent.get(place).text
    carry_out(world.office, int(place.rsplit("/", 1)[1]))
    assert agent.get(f"{place}/suivi").json["fini"] is True
    page = agent.get(place).text
    assert "1 demande traitée, 1 refusée, avec son motif" in page
    assert "pendant que vous la lisiez" in page
    assert sign_in(SUPERVISOR).get(place).status_code == 404
    for choice, sentence in (([], "Cochez au moins"), ("x", "La liste a changé")):
        answer = agent.client.post("/demandes/lot", data=form | {"choix": choice}, follow_redirects=True)
        assert sentence in answer.text


def test_filters_are_kept_as_a_view_of_the_team(number: str, sign_in: SignIn) -> None:
    agent = sign_in(AGENT)
    place = "/demandes?priorite=1&echeance=proche"
    typed = {"priorite": "1", "echeance": "proche", "nom": "À surveiller", "partagee": "1"}
    assert agent.send("/demandes/vues", place, **typed).headers["Location"] == place
    assert "À surveiller" in agent.get("/demandes").text
    (address,) = re.findall(r'action="(/demandes/vues/[0-9]+/supprimer)"', agent.get(place).text)
    assert agent.send(address, place).status_code == 303
    page = agent.get("/demandes").text
    assert 'aria-label="Vues enregistrées"' not in page
    typed |= {"nom": " ", "csrf_token": token_of(page)}
    assert "Donnez à la vue un nom" in agent.client.post("/demandes/vues", data=typed, follow_redirects=True).text


def test_as_many_as_may_be_done_at_once_can_be_shown_and_ticked(
    world: World, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backoffice.web.pages.cases.SIZE", 2)
    monkeypatch.setattr("backoffice.web.pages.cases.MOST", 3)
    world.load([a_person() for _ in range(4)])
    with world.session() as session:
        for (person,) in world.sql("SELECT id FROM person"):
            open_case(session, world.office, SYSTEM, CLOSURE_ONLINE, "631", person)
    supervisor = sign_in(SUPERVISOR)
    page = supervisor.get("/demandes").text
    assert page.count('name="choix"') == 2
    assert "Montrer 3 demandes par page" in page
    page = supervisor.get("/demandes?par=3").text
    assert page.count('name="choix"') == 3
    assert "par=3" in page
    assert "par page" not in page
    assert supervisor.get("/demandes?par=1000000").text.count('name="choix"') == 2
