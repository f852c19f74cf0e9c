"""The file of a person: opened with a reason, the number hidden until asked for, dated facts first, nothing medical."""

import uuid

import pytest
from campaigns.world import SYSTEM, World, a_person, new_nir
from pypdf import PdfReader

from backoffice.adapters.dmp import Consent, Contacts, Insured
from backoffice.cases.actions import open_case, take_charge
from backoffice.cases.kinds.closure import CLOSURE_ONLINE
from backoffice.core.actor import Actor, Role
from backoffice.population.notices import NoticeKind, give_notice
from dmp_core.identity.nir import grouped, mask

from .conftest import AGENT, SUPERVISOR, Browser, SignIn, journal, token_of

NIR = new_nir()


@pytest.fixture
def person(world: World) -> int:
    world.load([
        a_person(prenom="ZOÉ", nom_naissance="VASSEUR", nom_usage="", nir=NIR, date_naissance="1950-08-12"),
        a_person(prenom="LUC", nom_naissance="AILLEURS", caisse="941"),
    ])  # fmt: skip
    return int(world.sql("SELECT id FROM person WHERE nir = :n", n=NIR)[0][0])


def give(browser: Browser, place: str, **typed: str) -> str:
    """Open a file, saying why."""
    token = token_of(browser.get(place).text)
    form = {"csrf_token": token, "raison": "accueil"} | typed
    return browser.client.post(f"{place}/raison", data=form, follow_redirects=True).text


def test_a_file_is_opened_with_a_reason_that_serves_for_half_an_hour(
    world: World, person: int, sign_in: SignIn
) -> None:
    agent, place = sign_in(AGENT), f"/personnes/631/{person}"
    asked = agent.get(place).text
    assert "Pourquoi ouvrir cette fiche" in asked
    assert "12 RUE DES LILAS" not in asked
    assert journal(world, "personne.consulter") == []
    page = give(agent, place)
    assert "12 RUE DES LILAS" in page
    assert "La personne est devant moi" in page
    assert "12 RUE DES LILAS" in agent.get(place).text
    assert set(journal(world, "personne.consulter")) == {(AGENT, f"personne {person}")}
    assert len(journal(world, "personne.consulter")) == 3
    world.clock.move(minutes=31)
    assert "Pourquoi ouvrir cette fiche" in sign_in(AGENT).get(place).text


def test_another_reason_is_put_in_words_and_what_was_typed_is_kept(person: int, sign_in: SignIn) -> None:
    agent, place = sign_in(AGENT), f"/personnes/631/{person}"
    assert "en quelques mots" in give(agent, place, raison="autre")
    assert "Choisissez un motif" in give(agent, place, raison="inconnue")
    assert "demande du médiateur" in give(agent, place, raison="autre", mots="demande du médiateur")


def test_no_reason_is_asked_of_who_has_the_case_in_hand(world: World, person: int, sign_in: SignIn) -> None:
    me = Actor(AGENT, "Sandrine", frozenset({Role.AGENT}), frozenset({"631"}))
    with world.session() as session:
        number = open_case(session, world.office, SYSTEM, CLOSURE_ONLINE, "631", person).number
        take_charge(session, world.office, me, number)
    page = sign_in(AGENT).get(f"/personnes/631/{person}").text
    assert f"demande {number}" in page
    assert "Pourquoi" in sign_in(SUPERVISOR).get(f"/personnes/631/{person}").text


def test_a_person_of_another_caisse_does_not_exist(world: World, person: int, sign_in: SignIn) -> None:
    other = int(world.sql("SELECT id FROM person WHERE caisse = '941'")[0][0])
    agent = sign_in(AGENT)
    pages = [agent.get(place).text for place in (f"/personnes/941/{other}", "/personnes/941/999999")]
    # But for the token of their forms, in which stands the second they were made.
    assert len({page.replace(token_of(page), "") for page in pages}) == 1
    assert agent.get(f"/personnes/941/{other}").status_code == 404
    assert agent.get(f"/personnes/631/{other}").status_code == 404


def test_the_number_is_hidden_until_asked_for_and_asking_is_written_down(
    world: World, person: int, sign_in: SignIn
) -> None:
    agent, place = sign_in(AGENT), f"/personnes/631/{person}"
    page = give(agent, place)
    assert mask(NIR) in page
    assert grouped(NIR) not in page
    shown = agent.client.post(f"{place}/numero", data={"csrf_token": token_of(page)})
    assert grouped(NIR) in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    assert journal(world, "personne.numero") == [(AGENT, f"personne {person}")]
    assert NIR not in str(world.sql("SELECT object, reason, detail::text FROM audit_entry"))


def test_the_number_is_not_shown_without_a_reason(world: World, person: int, sign_in: SignIn) -> None:
    agent, place = sign_in(AGENT), f"/personnes/631/{person}"
    asked = agent.client.post(f"{place}/numero", data={"csrf_token": token_of(agent.get(place).text)})
    assert grouped(NIR) not in asked.text
    assert journal(world, "personne.numero") == []


def test_letters_with_their_picture_cases_and_the_state_of_the_code(world: World, person: int, sign_in: SignIn) -> None:
    reference = world.sealed()
    letter = world.letters(reference)[0]
    agent, place = sign_in(AGENT), f"/personnes/631/{person}"
    page = give(agent, place)
    assert "valable jusqu’au 14 janvier 2017" in page
    assert f"{place}/courriers/{letter.number}" in page
    assert "courrier.pdf" in agent.get(f"{place}/courriers/{letter.number}").text
    answer = agent.get(f"{place}/courriers/{letter.number}/courrier.pdf")
    assert answer.mimetype == "application/pdf"
    (world.folder / "copie.pdf").write_bytes(answer.data)
    text = PdfReader(world.folder / "copie.pdf").pages[0].extract_text()
    assert "XXXX XXXX XXXX" in text
    assert "COPIE SANS CODE" in text
    assert NIR not in text.replace(" ", "")
    assert journal(world, "courrier.voir") == [(AGENT, f"personne {person}")]
    assert agent.get(f"{place}/courriers/{letter.number + 1}").status_code == 404


def test_a_letter_is_not_shown_without_a_reason(world: World, person: int, sign_in: SignIn) -> None:
    reference = world.sealed()
    number = world.letters(reference)[0].number
    answer = sign_in(AGENT).get(f"/personnes/631/{person}/courriers/{number}/courrier.pdf")
    assert (answer.status_code, answer.mimetype) == (403, "text/html")


def test_what_matters_comes_first_with_its_date(world: World, person: int, sign_in: SignIn) -> None:
    with world.session() as session:
        give_notice(session, SYSTEM, "631", person, NoticeKind.UNDELIVERABLE, source="courrier", at=world.clock())
        give_notice(session, SYSTEM, "631", person, NoticeKind.DECEASED, source="appel", at=world.clock())
    page = give(sign_in(AGENT), f"/personnes/631/{person}")
    assert page.index("Décès signalé.") < page.index("Son courrier est revenu") < page.index("Identité")
    assert "depuis le 2 novembre 2016" in page
    assert "La personne est signalée décédée" in page


def test_a_contested_creation_says_to_give_nothing(world: World, person: int, sign_in: SignIn) -> None:
    insured = Insured("631", person, NIR, "MME", "VASSEUR", "", "ZOÉ", "1950-08-12", "12345678", "photo", True)
    consent = Consent("2016-11-02", b"\1" * 32, "J’accepte", collected_by=AGENT)
    world.office.dmp.open_dossier(uuid.uuid4(), insured, Contacts("zoe@example.org"), consent)
    world.office.dmp.suspend("631", person, "création contestée")
    page = give(sign_in(AGENT), f"/personnes/631/{person}")
    assert "Création contestée" in page
    assert "Ne délivrez ni code ni mot de passe" in page
    assert "accès suspendu" in page
    assert "zoe@example.org" not in page


def test_without_the_record_the_file_opens_and_says_what_is_unknown(
    world: World, person: int, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backoffice.adapters.dmp import DmpGateway
    from backoffice.core.errors import Unavailable

    def away(*_: object) -> None:
        raise Unavailable("absent")

    monkeypatch.setattr(DmpGateway, "dossier_states", away)
    page = give(sign_in(AGENT), f"/personnes/631/{person}")
    assert "Le DMP ne répond pas" in page
    assert "12 RUE DES LILAS" in page


def test_nothing_medical_and_it_says_so(person: int, sign_in: SignIn) -> None:
    page = give(sign_in(AGENT), f"/personnes/631/{person}")
    assert "Rien de médical n’est connu ici" in page
