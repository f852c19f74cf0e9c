"""The file of a call on the screen: nothing of the person in any response until their identity is proved."""

import re
from datetime import timedelta

import pytest
from campaigns.world import SYSTEM, World, a_person
from werkzeug.test import TestResponse

from backoffice.cases.actions import open_case
from backoffice.cases.kinds.undeliverable import UNDELIVERABLE
from backoffice.population.notices import NoticeKind, give_notice

from .conftest import ADVISOR, AGENT, SUPERVISOR, Browser, SignIn, journal, token_of

ZOE = {
    "prenom": "Zoé", "nom_naissance": "Vasseur", "nom_usage": "Quillec", "date_naissance": "1950-08-03",
    "code_postal": "63119", "ville": "CHATEAUGAY", "mobile": "0639981237", "email": "zoe.q@exemple.fr", "canal": "mail",
    "vitale_serie": "9876543210", "vitale_type": "sans_photo", "adresse_4": "12 RUE DU PUITS",
}  # fmt: skip
RIGHT = {
    "carte Vitale": "3210", "téléphone mobile": "1237", "adresse électronique": "zoe.q@exemple.fr",
    "code postal": "63119", "premier prénom": "Zoé",
}  # fmt: skip
SECRETS = (
    "Zoé",
    "Vasseur",
    "Quillec",
    "1950",
    "63119",
    "CHATEAUGAY",
    "1237",
    "exemple.fr",
    "3210",
    "PUITS",
    "Puy-de-Dôme",
)
NEVER = ("9876543210", "639981237", "zoe.q@")


@pytest.fixture
def zoe(world: World) -> str:
    world.load([a_person(**ZOE)])
    return str(world.sql("SELECT nir FROM person")[0][0])


@pytest.fixture
def advisor(sign_in: SignIn, zoe: str) -> Browser:
    return sign_in(ADVISOR)


def opened(advisor: Browser) -> str:
    return str(advisor.send("/appels", "/appels").location)


def search(advisor: Browser, call: str, **said: str) -> TestResponse:
    typed = {"appelant": "titulaire", "nom": "Quillec", "naissance": "03/08/1950"} | said
    return advisor.send(f"{call}/personne", call, **typed)


def body(page: str, *typed: str) -> str:
    """What the page shows, without the person asking's own caisse and what they have just typed."""
    main = page.split('<main id="contenu"', 1)[1]
    for words in typed:
        main = main.replace(f'value="{words}"', "")
    return main


def reply(advisor: Browser, call: str, right: bool = True) -> TestResponse:
    page = advisor.get(call).text
    question = page.split('class="asked"')[1].split("</label>")[0]
    asked = next(key for key in RIGHT if key in question)
    (number,) = re.findall(r'name="question" value="(\d+)"', page)
    return advisor.send(f"{call}/reponse", call, question=number, reponse=RIGHT[asked] if right else "rien")


def test_nothing_of_the_person_is_in_any_response_before_the_third_right_answer(advisor: Browser, zoe: str) -> None:
    call = opened(advisor)
    answers = [advisor.get(call), search(advisor, call)]
    answers += [advisor.get(call), advisor.send(f"{call}/identite", call), advisor.get(call)]
    for _ in range(2):
        answers += [reply(advisor, call), advisor.get(call)]
    answers += [advisor.get("/appels")]
    for answer in answers:
        # A redirect carries no data either.
        shown = body(answer.text) if answer.status_code == 200 else answer.text + (answer.location or "")
        for secret in (*SECRETS, *NEVER, zoe, zoe[:13]):
            assert secret not in shown, (secret, answer.request.path)
    assert "Une personne correspond" in answers[2].text
    reply(advisor, call)
    page = advisor.get(call).text
    for known in ("Zoé Quillec", "CHATEAUGAY", "Puy-de-Dôme", "jamais envoyé"):
        assert known in page
    for secret in (*NEVER, zoe):
        assert secret not in page


def test_the_advisor_is_told_that_a_letter_came_back_from_this_address(
    advisor: Browser, world: World, zoe: str
) -> None:
    def said() -> bool:
        call = opened(advisor)
        search(advisor, call)
        advisor.send(f"{call}/identite", call)
        for _ in range(3):
            reply(advisor, call)
        return "courrier revenu de cette adresse" in advisor.get(call).text

    assert not said()
    (person,) = world.sql("SELECT id FROM person")[0]
    with world.session() as session:
        give_notice(
            session, SYSTEM, "631", person, NoticeKind.UNDELIVERABLE, source="courrier 631-000000001-98",
            at=world.clock.now,
        )  # fmt: skip
    assert said()
    world.load([a_person(**ZOE | {"nir": zoe, "adresse_4": "3 RUE NEUVE"})])
    assert not said()


def test_a_search_that_finds_nobody_or_several_shows_nothing_and_keeps_what_was_typed(
    advisor: Browser, world: World
) -> None:
    world.load(
        [a_person(prenom=name, nom_naissance="Quillec", date_naissance="1950-08-03") for name in ("Anne", "Luc")]
    )
    call = opened(advisor)
    page = search(advisor, call, prenom="Inconnue").text
    assert "Personne ne correspond" in page
    assert 'value="Inconnue"' in page
    page = search(advisor, call).text
    assert "Plusieurs personnes correspondent" in page
    for secret in ("Anne", "Luc", "Zoé", "CHATEAUGAY"):
        assert secret not in body(page)


def test_two_errors_close_the_way_and_say_what_to_do(advisor: Browser, world: World) -> None:
    call = opened(advisor)
    search(advisor, call)
    advisor.send(f"{call}/identite", call)
    reply(advisor, call, right=False)
    assert "1 réponse fausse" in advisor.get(call).text
    reply(advisor, call, right=False)
    page = advisor.get(call).text
    assert "Passez à l’accueil" in page
    for secret in SECRETS:
        assert secret not in body(page)
    again = opened(advisor)
    search(advisor, again)
    page = advisor.send(f"{again}/identite", again)
    assert page.status_code == 409
    assert "pas d’autre essai" in page.text
    assert [entry[0] for entry in journal(world, "appel.identite")] == [ADVISOR]


@pytest.mark.parametrize(("relation", "words"), [("proche", "Un proche peut signaler"), ("professionnel", "carte CPS")])
def test_somebody_else_is_told_nothing_and_asked_nothing(advisor: Browser, relation: str, words: str) -> None:
    call = opened(advisor)
    search(advisor, call, appelant=relation)
    page = advisor.get(call).text
    assert words in page
    assert "Poser les questions" not in page


def test_the_data_are_gone_once_the_call_is_over(advisor: Browser, world: World) -> None:
    call = opened(advisor)
    search(advisor, call)
    advisor.send(f"{call}/identite", call)
    for _ in range(3):
        reply(advisor, call)
    assert "Quillec" in advisor.get(call).text
    assert [one[0] for one in journal(world, "personne.consulter")] == [ADVISOR]
    refused = advisor.send(f"{call}/terminer", call, sujet="", suite="repondu", note="À garder")
    assert refused.status_code == 422
    assert "À garder" in refused.text
    for _ in range(2):  # a second click
        ended = advisor.client.post(
            f"{call}/terminer",
            data={"csrf_token": token_of(advisor.get("/appels").text), "sujet": "autre", "suite": "repondu"},
        )
        assert ended.status_code == 303
    assert "Quillec" not in body(advisor.get(call).text)
    assert "Réponse donnée" in advisor.get("/appels").text


def test_a_call_is_booked_rung_and_says_its_reference_first(advisor: Browser, world: World) -> None:
    call = opened(advisor)
    page = advisor.get(call).text
    slot = re.findall(r'<option value="(2016-[^"]+)"', page)[0]
    refused = advisor.send(f"{call}/rappel", call, creneau=slot, sujet="code_perdu", numero_de="dit", numero="12")
    assert refused.status_code == 422
    assert "10 chiffres" in refused.text
    advisor.send(
        f"{call}/rappel",
        call,
        creneau=slot,
        sujet="code_perdu",
        numero_de="dit",
        numero="06 39 98 12 37",
        demander="Mme Q",
    )
    (reference,) = world.sql("SELECT reference FROM call_back")[0]
    assert reference in advisor.get(call).text
    for _ in range(2):  # a session left alone for half an hour ends
        world.clock.move(minutes=25)
        page = advisor.get("/appels").text
    assert "à faire maintenant" in page
    assert "+33639981237" not in page
    ring = str(
        advisor.send(
            "/appels/rappels/1/appeler".replace("1", str(world.sql("SELECT id FROM call_back")[0][0])), "/appels"
        ).location
    )
    page = advisor.get(ring).text
    assert page.index(reference) < page.index("Qui a répondu, et au sujet de qui")
    assert "06\u00a039\u00a098\u00a012\u00a037" in page
    assert "Mme Q" in page
    advisor.send(f"{ring}/terminer", ring, sujet="code_perdu", suite="repondu")
    assert world.sql("SELECT state, number FROM call_back") == [("fait", None)]


def test_only_advisors_open_calls_and_supervisors_read_counts(sign_in: SignIn, world: World) -> None:
    agent, supervisor = sign_in(AGENT), sign_in(SUPERVISOR)
    assert agent.get("/appels").status_code == 403
    assert "Nouvel appel" not in agent.get("/").text
    assert supervisor.get("/appels").status_code == 200
    assert "Nouvel appel" not in supervisor.get("/").text
    assert supervisor.get("/appels/statistiques").status_code == 200


@pytest.mark.parametrize("by", ["semaine", "jour"])
def test_the_counts_are_a_picture_a_table_and_a_file(advisor: Browser, world: World, by: str) -> None:
    for _ in range(3):
        call = opened(advisor)
        world.clock.now += timedelta(minutes=3)
        advisor.send(f"{call}/terminer", call, sujet="contestation", suite="repondu")
    page = advisor.get(f"/appels/statistiques?par={by}").text
    assert "<svg" in page
    assert "Je ne suis pas à l’origine" in page
    assert "3\u00a0min 00" in page or "3&nbsp;min 00" in page
    answer = advisor.get(f"/appels/statistiques.csv?par={by}")
    assert answer.mimetype == "text/csv"
    assert answer.text.splitlines()[-1].endswith(";3")


def test_on_the_line_the_search_of_the_site_and_the_files_show_nobody_but_who_proved_it(
    advisor: Browser, world: World
) -> None:
    world.load([a_person(prenom="Odile", nom_naissance="Autrepersonne")])
    persons = {name: int(number) for name, number in world.sql("SELECT prenom, id FROM person")}
    zoe, other = persons["Zoé"], persons["Odile"]
    call = opened(advisor)
    token = token_of(advisor.get(call).text)

    def answers() -> list[TestResponse]:
        found = [advisor.get(one) for one in (f"/personnes/631/{zoe}", "/personnes/recherche")]
        found.extend(
            advisor.client.post(place, data={"csrf_token": token, "quoi": "Quillec"})
            for place in ("/personnes/recherche", "/personnes/suggestions")
        )
        return found

    for answer in answers():
        assert answer.status_code == 409
        for secret in ("Zoé", "CHATEAUGAY", "exemple.fr"):
            assert secret not in answer.text
    search(advisor, call)
    advisor.send(f"{call}/identite", call)
    for _ in range(3):
        reply(advisor, call)
    assert advisor.get(f"/personnes/631/{zoe}").status_code == 200
    assert advisor.get(f"/personnes/631/{other}").status_code == 409
    advisor.send(f"{call}/terminer", call, sujet="autre", suite="repondu")
    assert advisor.get("/personnes/recherche").status_code == 200


def test_on_the_line_a_case_opens_for_who_proved_to_be_its_person_alone(advisor: Browser, world: World) -> None:
    world.load([a_person(prenom="Odile", nom_naissance="Autrepersonne")])
    persons = {name: int(number) for name, number in world.sql("SELECT prenom, id FROM person")}
    with world.session() as session:
        hers, other = (
            open_case(session, world.office, SYSTEM, UNDELIVERABLE, "631", persons[name]).number
            for name in ("Zoé", "Odile")
        )
    call = opened(advisor)
    assert hers in advisor.get("/demandes").text
    for place in (f"/demandes/{hers}", f"/clotures/{hers}/confirmer"):
        answer = advisor.get(place)
        assert (answer.status_code, "Zoé" in answer.text) == (409, False)
    search(advisor, call)
    advisor.send(f"{call}/identite", call)
    for _ in range(3):
        reply(advisor, call)
    assert "Zoé" in advisor.get(f"/demandes/{hers}").text
    assert [advisor.get(f"/demandes/{one}").status_code for one in (other, "2016-631-009999")] == [409, 409]
    advisor.send(f"{call}/terminer", call, sujet="autre", suite="repondu")
    assert "Odile" in advisor.get(f"/demandes/{other}").text
