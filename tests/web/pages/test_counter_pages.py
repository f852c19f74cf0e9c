"""The counter on the screen: a card read, a visit seen through, the document given to the printer once."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from campaigns.world import SYSTEM, World, a_person, new_nir
from closure.test_closures import a_holder
from flask import Flask

from backoffice.cases.actions import open_case
from backoffice.cases.kinds.undeliverable import UNDELIVERABLE
from backoffice.correspondence.receiving import receive
from backoffice.embedded.card_reader import Reader, insert, slot_of

from .conftest import ADVISOR, AGENT, SUPERVISOR, Browser, SignIn, journal, token_of

NIR, SERIAL = new_nir(), "1234567890"
MAIL = "zoe.vasseur@example.org"


@pytest.fixture
def person(world: World) -> int:
    row = a_person(
        prenom="ZOÉ", nom_naissance="VASSEUR", nom_usage="", nir=NIR, date_naissance="1950-08-12", vitale_serie=SERIAL
    )
    world.load([row])
    return int(world.sql("SELECT id FROM person")[0][0])


@pytest.fixture
def slot(app: Flask, tmp_path: Path) -> Iterator[Path]:
    """The reader of every desk, with the person's card in it."""
    with Reader(0, slot_of(tmp_path)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        before = app.extensions["office"]
        known = replace(before.settings, card_reader=f"tcp://127.0.0.1:{server.server_address[1]}")
        app.extensions["office"] = replace(before, settings=known)
        insert(tmp_path, NIR, SERIAL)
        yield tmp_path
        app.extensions["office"] = before
        server.shutdown()
        thread.join()


def post(browser: Browser, place: str, page_at: str = "", **typed: str) -> tuple[int, str]:
    page = browser.get(page_at or place.rpartition("/")[0]).text
    answer = browser.client.post(place, data={"csrf_token": token_of(page), **typed}, follow_redirects=True)
    return answer.status_code, answer.text.replace("\u00a0", " ")


def opened(browser: Browser, person: int) -> str:
    form = {"csrf_token": token_of(browser.get("/accueil").text)}
    return browser.client.post(f"/accueil/personnes/631/{person}", data=form).location


def to_document(browser: Browser, person: int) -> str:
    place = opened(browser, person)
    assert post(browser, f"{place}/identite", place, piece="cni")[0] == 200
    assert post(browser, f"{place}/carte", place)[0] == 200
    assert post(browser, f"{place}/coordonnees", place, mail=MAIL, mail_bis=MAIL)[0] == 200
    assert post(browser, f"{place}/consentement", place, informe="oui", accord="oui")[0] == 200
    return place


def test_a_visit_from_the_card_to_the_printed_document(world: World, person: int, slot: Path, sign_in: SignIn) -> None:
    agent = sign_in(AGENT)
    status, page = post(agent, "/accueil/carte", "/accueil")
    assert status == 200
    assert "création possible" in page
    assert "Quelle pièce d’identité" in page
    place = f"/accueil/visites/{world.sql('SELECT id FROM visit')[0][0]}"
    _, page = post(agent, f"{place}/identite", place, piece="cni")
    assert "Où envoyer les codes" in page  # the card was read already
    _, page = post(agent, f"{place}/coordonnees", place, mail=MAIL, mail_bis=MAIL)
    assert "Ni l’Assurance Maladie" in page
    _, page = post(agent, f"{place}/consentement", place, informe="oui", accord="oui")
    assert "Le DMP est créé" in page
    form = {"csrf_token": token_of(agent.get(place).text)}
    token = agent.client.post(f"{place}/imprimer", data=form).location.partition("document=")[2]
    document = agent.get(f"/accueil/documents/{token}")
    assert (document.mimetype, document.data[:5]) == ("application/pdf", b"%PDF-")
    assert document.headers["Cache-Control"] == "no-store"
    assert agent.get(f"/accueil/documents/{token}").status_code == 404
    _, page = post(agent, f"{place}/terminer", place)
    assert "La visite est terminée" in page
    receive(world.office)
    assert world.sql("SELECT answer FROM letter_request")[0][0] == "receipt"
    assert journal(world, "document.imprimer") == [(AGENT, f"personne {person}")]


def test_the_documents_address_is_its_askers_alone(world: World, person: int, slot: Path, sign_in: SignIn) -> None:
    agent = sign_in(AGENT)
    place = to_document(agent, person)
    form = {"csrf_token": token_of(agent.get(place).text)}
    token = agent.client.post(f"{place}/imprimer", data=form).location.partition("document=")[2]
    assert sign_in(SUPERVISOR).get(f"/accueil/documents/{token}").status_code == 404
    assert world.sql("SELECT prints FROM visit")[0][0] == 0
    assert post(agent, f"{place}/terminer", place)[0] == 409


def test_a_supervisor_takes_the_visit_up_and_the_agent_is_told(person: int, slot: Path, sign_in: SignIn) -> None:
    agent, other = sign_in(AGENT), sign_in(SUPERVISOR)
    place = opened(agent, person)
    assert "Visite suivie par sandrine.chabrol" in other.get(place).text
    post(other, f"{place}/reprendre", place)
    assert "Visite suivie par patrick.ollier" in agent.get(place).text
    status, page = post(agent, f"{place}/identite", place, piece="cni")
    assert (status, "suivie par patrick.ollier" in page) == (409, True)


def test_without_a_card_the_number_is_typed_and_what_was_typed_stays(person: int, slot: Path, sign_in: SignIn) -> None:
    from backoffice.embedded.card_reader import remove

    remove(slot)
    agent = sign_in(AGENT)
    place = opened(agent, person)
    post(agent, f"{place}/identite", place, piece="cni")
    status, page = post(agent, f"{place}/carte", place)
    assert (status, "Aucune carte dans le lecteur" in page) == (404, True)
    status, page = post(agent, f"{place}/serie", place, serie="12 34")
    assert (status, 'value="12 34"' in page) == (422, True)
    assert "Où envoyer les codes" in post(agent, f"{place}/serie", place, serie="1234 567 890")[1]
    status, page = post(agent, f"{place}/coordonnees", place, mail=MAIL, mail_bis="autre@example.org")
    assert (status, f'value="{MAIL}"' in page) == (422, True)
    assert "abandonnée" in post(agent, f"{place}/abandonner", place, motif="change_avis")[1]


NOT_ELIGIBLE = {
    "minor": ({"date_naissance": "2005-01-01"}, "de moins de 16 ans", "Proposez à ses parents"),
    "dependant": ({"qualite": "AD", "nir_od": new_nir()}, "Elle est ayant droit", "Proposez à l’ouvrant droit"),
    "another scheme": ({"regime": "02"}, "un autre régime que le régime général (régime 02)", "son propre régime"),
    "told by the file": ({"dmp": "O"}, "Le fichier de la caisse dit qu’elle a déjà un DMP", "votre superviseur"),
    "dead": ({"date_deces": "2016-05-04"}, "La personne est signalée décédée", "se corrige dans le fichier"),
}


@pytest.mark.parametrize(("row", "why", "then"), NOT_ELIGIBLE.values(), ids=NOT_ELIGIBLE)
def test_who_may_not_have_a_dmp_is_told_why_and_what_else_and_the_visit_ends_with_one_key(
    world: World, sign_in: SignIn, row: dict[str, str], why: str, then: str
) -> None:
    world.load([a_person(**({"date_naissance": "1950-08-12", "vitale_serie": SERIAL} | row))])
    somebody = int(world.sql("SELECT id FROM person")[0][0])
    agent = sign_in(AGENT)
    place = opened(agent, somebody)
    page = agent.get(place).text.replace("\u00a0", " ")
    assert "création impossible" in page
    assert why in page
    assert then in page
    assert "Quelle pièce d’identité" not in page
    # A page kept open from before is refused as well, at the last moment.
    post(agent, f"{place}/identite", place, piece="cni")
    post(agent, f"{place}/serie", place, serie=SERIAL)
    post(agent, f"{place}/coordonnees", place, mail=MAIL, mail_bis=MAIL)
    status, page = post(agent, f"{place}/consentement", place, informe="oui", accord="oui")
    assert (status, why in page) == (409, True)
    assert "Aucun DMP ne peut être créé pour elle" in post(agent, f"{place}/abandonner", place, motif="impossible")[1]
    assert world.sql("SELECT 1 FROM enrolment.dossier", "dmp") == []


@pytest.mark.parametrize(
    ("what", "why", "then"),
    [
        ("open_dossier", "La personne a déjà un DMP", "renvoyez-lui un code"),
        ("suspend", "dont l’accès est suspendu", "un superviseur décide"),
        ("close_dossier", "un DMP, clôturé", "la réouverture"),
    ],
)
def test_who_has_or_had_a_dmp_is_told_so(world: World, sign_in: SignIn, what: str, why: str, then: str) -> None:
    holder = a_holder(world, date_naissance="1950-08-12", vitale_serie=SERIAL)
    if what != "open_dossier":
        getattr(world.office.dmp, what)("631", holder, "essai")
    agent = sign_in(AGENT)
    page = agent.get(opened(agent, holder)).text.replace("\u00a0", " ")
    assert why in page
    assert then in page


def test_whoever_acts_for_the_person_is_named_with_their_proof_or_not_at_all(
    world: World, person: int, slot: Path, sign_in: SignIn
) -> None:
    agent = sign_in(AGENT)
    place = opened(agent, person)
    acting = {"piece": "cni", "represente": "oui", "representant": "Anne Tutrice", "qualite": "tuteur",
              "piece_representant": "passeport"}  # fmt: skip
    status, page = post(agent, f"{place}/identite", place, **acting)
    assert (status, "Sans livret de famille, jugement, habilitation ou mandat" in page) == (422, True)
    assert 'value="Anne Tutrice"' in page
    assert "Lire la carte" in post(agent, f"{place}/identite", place, **acting, mandat="vu")[1]
    assert world.sql("SELECT representative->>'nom', representative->>'qualite' FROM visit") == [
        ("Anne Tutrice", "tuteur")
    ]
    post(agent, f"{place}/carte", place)
    post(agent, f"{place}/coordonnees", place, mail=MAIL, mail_bis=MAIL)
    assert "Le représentant dit" in agent.get(place).text


def test_a_case_under_way_is_seen_during_the_visit(world: World, person: int, sign_in: SignIn) -> None:
    with world.session() as session:
        number = open_case(session, world.office, SYSTEM, UNDELIVERABLE, "631", person).number
    agent = sign_in(AGENT)
    page = agent.get(opened(agent, person)).text
    assert "Demande en cours" in page
    assert f"/demandes/{number}" in page


def test_an_open_visit_opens_the_file_without_a_reason_and_shows_in_it(person: int, sign_in: SignIn) -> None:
    agent = sign_in(AGENT)
    place = opened(agent, person)
    page = agent.get(f"/personnes/631/{person}").text
    assert "à l’accueil" in page
    assert place in page
    assert "Reprendre la visite" in page


def test_the_queue_calls_each_number_once_and_names_nobody(world: World, sign_in: SignIn) -> None:
    agent, other = sign_in(AGENT), sign_in(SUPERVISOR)
    for _ in range(3):
        post(agent, "/accueil/tickets", "/accueil")
    assert "Indiquez votre guichet" in post(agent, "/accueil/tickets/suivant", "/accueil")[1]
    assert "A001 est appelé" in post(agent, "/accueil/tickets/suivant", "/accueil", guichet="Guichet 1")[1]
    assert "A002 est appelé" in post(other, "/accueil/tickets/suivant", "/accueil", guichet="Guichet 2")[1]
    screen = agent.get("/accueil/ecran").text
    assert screen.index("A002") < screen.index("A001")
    assert "Guichet 1" in screen
    assert AGENT not in screen
    post(agent, "/accueil/tickets/absent", "/accueil")
    assert "A001" not in agent.get("/accueil/ecran").text
    assert "A003 est appelé" in post(agent, "/accueil/tickets/suivant", "/accueil", guichet="Guichet 1")[1]
    assert "Personne n’attend" in post(other, "/accueil/tickets/suivant", "/accueil", guichet="Guichet 2")[1]
    world.clock.move(days=1)
    assert "Ticket A001" in post(sign_in(AGENT), "/accueil/tickets", "/accueil")[1]


def test_an_advisor_receives_nobody(sign_in: SignIn) -> None:
    assert sign_in(ADVISOR).get("/accueil").status_code == 403
