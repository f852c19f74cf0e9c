"""Legal representatives at the desk: declared on a proof, printed once, ended; the caisse sees an administrative fact."""

import io
import re
from datetime import date

import pytest
from campaigns.world import World, a_person
from closure.test_closures import a_holder
from pypdf import PdfReader

from .conftest import ADVISOR, AGENT, Browser, SignIn, journal, token_of

MAIL = "claire.dupond@example.org"
FORM = {
    "civilite": "MME", "prenom": "Claire", "nom": "DUPOND", "piece": "cni", "qualite": "autorite", "preuve": "livret_famille",
    "preuve_vue": "oui", "mail": MAIL, "mail_bis": MAIL,
}  # fmt: skip
PARENT = FORM | {"qualite": "parental"}
GUARDIAN = FORM | {"qualite": "tutelle", "preuve": "jugement", "depuis": "2015-01-10", "jusqu_au": "2020-01-09"}


@pytest.fixture
def adult(world: World) -> int:
    return a_holder(world, date_naissance="1950-08-12")


@pytest.fixture
def minor(world: World) -> int:
    return a_holder(world, date_naissance="2000-03-15")


def page_of(browser: Browser, person: int) -> tuple[str, str]:
    """The address of the page, and the page, once the reason of the consultation is given."""
    place = f"/personnes/631/{person}/representants"
    if browser.get(place).status_code == 303:
        file = f"/personnes/631/{person}"
        form = {"csrf_token": token_of(browser.get(file).text), "raison": "accueil"}
        browser.client.post(f"{file}/raison", data=form)
    return place, browser.get(place).text


def send(browser: Browser, place: str, page_at: str = "", **typed: str) -> tuple[int, str]:
    token = token_of(browser.get(page_at or place).text)
    answer = browser.client.post(place, data={"csrf_token": token, **typed}, follow_redirects=True)
    return answer.status_code, answer.text.replace("\u00a0", " ")


def printed(browser: Browser, page: str) -> tuple[str, str, str]:
    """(login, password, text) of the document that the page sends to the printer."""
    address = re.search(r'src="(/personnes/representants/[^"]+)"', page)
    assert address is not None, page
    answer = browser.get(address[1])
    assert answer.mimetype == "application/pdf"
    assert browser.get(address[1]).status_code == 404  # it serves once
    text = "\n".join(each.extract_text() for each in PdfReader(io.BytesIO(answer.data)).pages)
    login = re.search(r"\b[a-z]{4}[0-9]{4}\b", text)
    password = re.search(r"^\s*([A-Za-z0-9]{8})\s*$", text.replace(login[0] if login else "", ""), re.M)
    return login[0] if login else "", password[1] if password else "", text


def test_a_parent_is_declared_their_document_printed_and_the_end_written_down(
    world: World, minor: int, sign_in: SignIn
) -> None:
    agent = sign_in(AGENT)
    place, page = page_of(agent, minor)
    assert "Personne." in page
    status, page = send(agent, place, **PARENT)
    assert status == 200
    assert "Claire DUPOND représente la personne" in page
    assert "14 mars 2018" in page
    login, password, text = printed(agent, page)
    assert login
    assert password
    assert "Récépissé" in text
    assert "livret de famille" in text
    row = world.sql("SELECT capacity, until, declared_by FROM enrolment.mandate", "dmp")[0]
    assert row == ("parental", date(2018, 3, 14), AGENT)
    for action in ("representant.declarer", "representant.document"):
        assert journal(world, action) == [(AGENT, f"personne {minor}")]
    details = str(world.sql("SELECT detail FROM audit_entry WHERE action LIKE 'representant.%'"))
    assert "DUPOND" not in details
    assert MAIL not in details


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"prenom": ""}, "le prénom du représentant"),
        ({"civilite": ""}, "la civilité"),
        ({"piece": ""}, "la pièce d’identité"),
        ({"qualite": "curateur"}, "à quel titre"),
        ({"preuve": ""}, "le document qui le prouve"),
        ({"preuve": "livret_famille"}, "se prouve par un autre document"),
        ({"preuve_vue": ""}, "vous avez vu ce document"),
        ({"depuis": ""}, "à partir de quand"),
        ({"depuis": "2030-01-01"}, "dans l’avenir"),
        ({"jusqu_au": ""}, "jusqu’à quand"),
        ({"jusqu_au": "2016-01-01"}, "est passée"),
        ({"jusqu_au": "demain"}, "n’est pas une date"),
        ({"mail_bis": "x@example.org"}, "ne sont pas identiques"),
        ({"mail": "", "mail_bis": ""}, "un code y est envoyé"),
        ({"identifiant": "abcd1234"}, "n’est pas celui d’un représentant"),
        ({"qualite": "parental", "preuve": "livret_famille"}, "l’autorité parentale a pris fin"),
    ],
)
def test_what_is_missing_is_said_and_what_was_typed_stays(
    world: World, adult: int, sign_in: SignIn, changes: dict[str, str], why: str
) -> None:
    agent = sign_in(AGENT)
    place, _ = page_of(agent, adult)
    status, page = send(agent, place, **(GUARDIAN | changes))
    assert (status, why in page) == (422, True), page
    assert 'value="DUPOND"' in page
    assert world.sql("SELECT 1 FROM enrolment.mandate", "dmp") == []


def test_the_same_form_twice_is_one_representative_and_two_persons_one_account(
    world: World, adult: int, minor: int, sign_in: SignIn
) -> None:
    agent = sign_in(AGENT)
    place, page = page_of(agent, adult)
    request = re.search(r'name="demande" value="([^"]+)"', page)
    assert request is not None
    for _ in range(2):
        status, page = send(agent, place, demande=request[1], **GUARDIAN)
        assert status == 200
    login, _, _ = printed(agent, page)
    assert world.sql("SELECT count(*) FROM enrolment.representative", "dmp") == [(1,)]
    other, _ = page_of(agent, minor)
    status, page = send(agent, other, **(PARENT | {"identifiant": login, "mail": "", "mail_bis": ""}))
    assert (status, "avec l’accès" in page) == (200, True)
    assert world.sql("SELECT count(*) FROM enrolment.representative", "dmp") == [(1,)]
    assert world.sql("SELECT count(*) FROM enrolment.mandate", "dmp") == [(2,)]
    status, page = send(agent, other, **(PARENT | {"identifiant": login}))
    assert (status, "représente déjà l’assuré" in page) == (409, True)


def test_an_access_ends_with_a_reason_and_a_document_is_printed_again_with_another_password(
    world: World, adult: int, sign_in: SignIn
) -> None:
    agent = sign_in(AGENT)
    place, _ = page_of(agent, adult)
    _, page = send(agent, place, **GUARDIAN)
    _, first, _ = printed(agent, page)
    mandate = world.sql("SELECT id FROM enrolment.mandate", "dmp")[0][0]
    _, page = send(agent, f"{place}/{mandate}/imprimer", place)
    login, second, _ = printed(agent, page)
    assert login
    assert second != first
    status, page = send(agent, f"{place}/{mandate}/fin", place)
    assert (status, "le motif de la fin d’accès" in page) == (422, True)
    status, page = send(agent, f"{place}/{mandate}/fin", place, motif="jugement levé")
    assert (status, "jugement levé" in page) == (200, True)
    assert "Mettre fin à son accès" not in page
    assert send(agent, f"{place}/{mandate}/fin", place, motif="encore")[0] == 404
    assert send(agent, f"{place}/{mandate}/imprimer", place)[0] == 404


def test_who_has_no_open_dmp_is_represented_by_nobody(world: World, sign_in: SignIn) -> None:
    world.load([a_person(date_naissance="1950-08-12")])
    person = int(world.sql("SELECT id FROM person")[0][0])
    agent = sign_in(AGENT)
    place, page = page_of(agent, person)
    assert "cette personne n’en a pas" in page
    assert send(agent, place, **GUARDIAN)[0] == 404


def test_an_advisor_on_the_telephone_declares_nobody(adult: int, sign_in: SignIn) -> None:
    assert sign_in(ADVISOR).get(f"/personnes/631/{adult}/representants").status_code == 403


def test_a_minor_of_sixteen_has_their_dmp_with_a_parent(world: World, sign_in: SignIn) -> None:
    world.load([a_person(date_naissance="2000-03-15", vitale_serie="1234567890")])
    person = int(world.sql("SELECT id FROM person")[0][0])
    agent = sign_in(AGENT)
    form = {"csrf_token": token_of(agent.get("/accueil").text)}
    visit = agent.client.post(f"/accueil/personnes/631/{person}", data=form).location
    status, page = send(agent, f"{visit}/identite", visit, piece="cni")
    assert (status, "Cette personne est mineure" in page) == (422, True)
    acting = {"piece": "cni", "represente": "oui", "representant": "Claire Dupond", "qualite": "autorite_parentale",
              "piece_representant": "cni", "mandat": "vu"}  # fmt: skip
    assert send(agent, f"{visit}/identite", visit, **acting)[0] == 200
    assert send(agent, f"{visit}/serie", visit, serie="1234567890")[0] == 200
    assert send(agent, f"{visit}/coordonnees", visit, mail=MAIL, mail_bis=MAIL)[0] == 200
    status, page = send(agent, f"{visit}/consentement", visit, informe="oui", accord="oui", avis="oui")
    assert status == 200
    assert "Donner un accès à son représentant" in page
    assert world.sql("SELECT on_behalf_by, on_behalf_as FROM enrolment.consent", "dmp") == [
        ("Claire Dupond", "Titulaire de l’autorité parentale")
    ]
