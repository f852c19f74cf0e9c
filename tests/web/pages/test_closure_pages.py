"""Acts about a person's DMP, at the desk and during a call, and the closures that wait for their day."""

import re
from datetime import UTC, datetime
from io import BytesIO
from uuid import uuid4

import pytest
from campaigns.world import World, a_person
from cases.files import a_pdf
from closure.test_closures import a_holder, state_of, stopped
from pypdf import PdfReader

from backoffice.adapters.dmp import DossierState

from .conftest import ADVISOR, AGENT, OTHER_SUPERVISOR, SUPERVISOR, Browser, SignIn, journal, token_of
from .test_call_pages import ZOE, body, opened, reply, search
from .test_person_file_pages import give

FOREIGN = "peio.larralde"


@pytest.fixture
def zoe(world: World) -> int:
    return a_holder(world, **ZOE)


@pytest.fixture
def agent(sign_in: SignIn, zoe: int) -> Browser:
    """An agent who has said why they opened the person's file."""
    found = sign_in(AGENT)
    give(found, f"/personnes/631/{zoe}")
    return found


def proved(advisor: Browser) -> str:
    call = opened(advisor)
    search(advisor, call)
    advisor.send(f"{call}/identite", call)
    for _ in range(3):
        reply(advisor, call)
    return call


def test_a_closure_at_the_desk_is_explained_confirmed_and_waits_for_its_day(
    agent: Browser, world: World, zoe: int
) -> None:
    form = f"/clotures/631/{zoe}/cloture"
    page = agent.get(form).text
    for words in ("dix ans", "directives anticipées", "même en", "Zoé Quillec", "délai de réflexion"):
        assert words in page
    refused = agent.send(form, form, identite="piece", motif="sans_motif", confirme="on")
    assert refused.status_code == 422
    assert "Expliquez d’abord" in refused.text
    assert 'id="confirme" name="confirme" checked' in refused.text
    for _ in range(2):
        done = agent.send(form, form, identite="piece", motif="sans_motif", explique="on", confirme="on")
        assert done.status_code == 303
    page = agent.get("/clotures").text
    assert "9 novembre 2016" in page
    assert "pièce d’identité vue" in page
    (number,) = world.sql("SELECT number FROM case_file")[0]
    case = agent.get(f"/demandes/{number}").text
    for words in ("La personne renonce", "pièce d’identité vue", "le 9 novembre 2016, confirmée par le titulaire"):
        assert words in case
    assert state_of(world, zoe) is DossierState.OPEN
    assert stopped(world)


def test_a_legal_representative_asks_with_the_proof_of_their_right(agent: Browser, world: World, zoe: int) -> None:
    form = f"/clotures/631/{zoe}/cloture"
    ticked = {"identite": "piece", "motif": "sans_motif", "explique": "on", "confirme": "on"}
    for typed, sentence in (
        ({"titre": "tuteur"}, "Sans jugement, mandat ou livret de famille"), ({"titre": "voisin"}, "à quel titre"),
    ):  # fmt: skip
        refused = agent.send(form, form, **ticked | typed)
        assert (refused.status_code, sentence in refused.text) == (422, True)
    assert 'value="tuteur" selected' in agent.send(form, form, **ticked, titre="tuteur").text
    assert not stopped(world)
    assert agent.send(form, form, **ticked, titre="tuteur", titre_vu="on").status_code == 303
    (number,) = world.sql("SELECT number FROM case_file")[0]
    case = agent.get(f"/demandes/{number}").text
    assert "un représentant légal" in case
    assert "Tuteur ou tutrice, jugement de tutelle vu" in case
    assert "confirmée par le représentant légal" in case


def test_an_act_asks_for_the_reason_of_the_file_first(sign_in: SignIn, world: World, zoe: int) -> None:
    agent, place = sign_in(AGENT), f"/clotures/631/{zoe}/contestation"
    for answer in (
        agent.get(place),
        agent.client.post(place, data={"csrf_token": token_of(agent.get("/").text), "motif": "pas_moi"}),
    ):
        assert (answer.status_code, answer.location) == (303, f"/personnes/631/{zoe}")
    assert state_of(world, zoe) is DossierState.OPEN
    assert "Pourquoi ouvrir" in agent.get(f"/personnes/631/{zoe}").text
    give(agent, f"/personnes/631/{zoe}")
    assert agent.send(place, place, motif="pas_moi").status_code == 303
    assert state_of(world, zoe) is DossierState.SUSPENDED
    assert world.sql("SELECT count(*) FROM audit_entry WHERE detail->>'quoi' = 'acte contestation'")[0][0] == 2


def test_what_cannot_be_done_is_said_before_anything_is_filled_in(
    agent: Browser, sign_in: SignIn, world: World, zoe: int
) -> None:
    world.load([a_person(prenom="Odile")])  # without a DMP
    odile = int(world.sql("SELECT id FROM person WHERE prenom = 'Odile'")[0][0])
    give(agent, f"/personnes/631/{odile}")
    for person, slug, said in (
        (odile, "cloture", "n’a pas de DMP"), (odile, "contestation", "n’a pas de DMP"), (odile, "reouverture", "n’a pas de DMP"),
        (zoe, "reouverture", "Ce DMP est ouvert"),
    ):  # fmt: skip
        page = agent.get(f"/clotures/631/{person}/{slug}").text.replace("\u00a0", " ")
        assert said in page, slug
        assert 'class="panel confirm" method="post"' not in page
    assert "Demander la clôture</button>" in agent.get(f"/clotures/631/{zoe}/cloture").text


def test_a_letter_is_recorded_then_confirmed_on_its_own_page(agent: Browser, world: World, zoe: int) -> None:
    form = f"/clotures/631/{zoe}/cloture"
    assert "Si la lettre ne suffit pas" in agent.get(f"{form}?voie=courrier").text
    agent.send(form, form, voie="courrier", motif="sans_motif")
    (number,) = world.sql("SELECT number FROM case_file")[0]
    page = agent.get(f"/demandes/{number}").text
    assert f"/clotures/{number}/confirmer" in page
    confirm = f"/clotures/{number}/confirmer"
    refused = agent.send(confirm, confirm, identite="copie", explique="on", version="1")
    assert refused.status_code == 422
    late = agent.send(confirm, confirm, identite="copie", explique="on", confirme="on", version="7")
    assert late.status_code == 409
    without = agent.send(confirm, confirm, identite="copie", explique="on", confirme="on", version="1")
    assert (without.status_code, "Joignez la lettre numérisée" in without.text) == (422, True)
    ticked = {"identite": "copie", "explique": "on", "confirme": "on", "version": "1"}
    bad = agent.send(confirm, confirm, **ticked, lettre=(BytesIO(b"MZ\x00\x01"), "lettre.exe"))
    assert (bad.status_code, "n’est pas accepté" in bad.text) == (422, True)
    done = agent.send(confirm, confirm, **ticked, lettre=(BytesIO(a_pdf()), "lettre.pdf"))
    assert done.status_code == 303
    assert "lettre.pdf" in agent.get(f"/demandes/{number}").text
    assert world.sql("SELECT state FROM case_file") == [("cooling",)]


def test_a_letter_joined_at_once_is_kept_with_its_closure(agent: Browser, world: World, zoe: int) -> None:
    form = f"/clotures/631/{zoe}/cloture"
    ticked = {"voie": "courrier", "identite": "copie", "motif": "sans_motif", "explique": "on", "confirme": "on"}
    assert agent.send(form, f"{form}?voie=courrier", **ticked).status_code == 422
    assert not stopped(world)
    sent = agent.send(form, f"{form}?voie=courrier", **ticked, lettre=(BytesIO(a_pdf()), "lettre.pdf"))
    assert sent.status_code == 303
    assert world.sql("SELECT state, way FROM case_file") == [("cooling", "courrier")]
    assert world.sql("SELECT name FROM case_attachment") == [("lettre.pdf",)]


def test_a_case_that_is_open_already_is_shown_before_another_is_asked_for(
    agent: Browser, sign_in: SignIn, world: World, zoe: int
) -> None:
    form = f"/clotures/631/{zoe}/cloture"
    assert "déjà ouverte" not in agent.get(form).text
    agent.send(form, form, voie="courrier", motif="sans_motif")
    (number,) = world.sql("SELECT number FROM case_file")[0]
    page = agent.get(form).text
    assert "Une demande de ce type est déjà ouverte" in page
    assert f"Reprendre la demande {number}" in page
    assert "Autres demandes en cours" in agent.get(f"/clotures/631/{zoe}/deces").text
    # Going on completes it: no second one.
    agent.send(form, form, identite="piece", motif="sans_motif", explique="on", confirme="on")
    assert world.sql("SELECT number FROM case_file") == [(number,)]
    # On the line it is said to who proved to be the person, and to nobody else.
    advisor = sign_in(ADVISOR)
    call = opened(advisor)
    search(advisor, call, appelant="proche")
    assert number not in advisor.get(f"{call}/actes/deces").text
    call = proved(advisor)
    assert number in advisor.get(f"{call}/actes/deces").text
    assert f"Reprendre la demande {number}" in advisor.get(f"{call}/actes/cloture").text


def test_a_death_is_established_on_its_deed_alone(agent: Browser, world: World, zoe: int) -> None:
    form = f"/clotures/631/{zoe}/deces"
    agent.send(form, form, precisions="Sa fille.")
    (number,) = world.sql("SELECT number FROM case_file")[0]
    place = f"/demandes/{number}"
    assert "Joindre l’acte de décès" in agent.get(place).text
    assert "motif-close" not in agent.get(place).text
    refused = agent.send(f"{place}/close", place, texte="Acte n° 42.", demande=str(uuid4()))
    assert (refused.status_code, "au vu de l’acte de décès" in refused.text) == (422, True)
    agent.send(f"{place}/pieces", place, fichier=(BytesIO(a_pdf()), "acte.pdf"), demande=str(uuid4()))
    assert "motif-close" in agent.get(place).text
    assert agent.send(f"{place}/close", place, texte="Acte n° 42.", demande=str(uuid4())).status_code == 303
    assert state_of(world, zoe) is DossierState.CLOSED


def test_an_agent_of_another_caisse_finds_nobody(sign_in: SignIn, zoe: int) -> None:
    stranger = sign_in("elodie.schmitt")
    for slug in ("cloture", "contestation", "deces", "opposition", "reouverture"):
        answer = stranger.get(f"/clotures/631/{zoe}/{slug}")
        assert answer.status_code == 404
        assert "Zoé" not in answer.text


def test_during_a_call_nothing_is_done_for_who_proved_nothing(sign_in: SignIn, world: World, zoe: int) -> None:
    advisor = sign_in(ADVISOR)
    call = opened(advisor)
    search(advisor, call)
    page = advisor.get(call).text
    assert "Signaler un décès" in page
    assert "Demander la clôture" not in page
    for slug in ("cloture", "contestation", "opposition", "reouverture"):
        answer = advisor.get(f"{call}/actes/{slug}")
        assert answer.status_code == 303
        sent = advisor.send(f"{call}/actes/{slug}", call, motif="pas_moi", explique="on", confirme="on")
        assert sent.status_code == 303
    assert world.sql("SELECT count(*) FROM case_file") == [(0,)]
    assert state_of(world, zoe) is DossierState.OPEN


def test_a_contested_creation_is_suspended_while_the_person_is_on_the_line(
    sign_in: SignIn, world: World, zoe: int
) -> None:
    advisor = sign_in(ADVISOR)
    call = proved(advisor)
    form = f"{call}/actes/contestation"
    assert "dès que vous validez" in advisor.get(form).text
    for _ in range(2):
        assert advisor.send(form, form, motif="pas_moi").status_code == 303
    assert state_of(world, zoe) is DossierState.SUSPENDED
    page = advisor.get(call).text
    assert "accès suspendu" in page
    (number,) = world.sql("SELECT number FROM case_file")[0]
    supervisor = sign_in(SUPERVISOR)
    page = supervisor.get(f"/demandes/{number}").text
    for step in ("Maintenir la suspension", "Rétablir l’accès", "Clôturer le DMP"):
        assert step in page


def test_a_closure_by_phone_needs_the_holder_s_word(sign_in: SignIn, world: World, zoe: int) -> None:
    advisor = sign_in(ADVISOR)
    call = proved(advisor)
    form = f"{call}/actes/cloture"
    refused = advisor.send(form, form, motif="sans_motif", explique="on")
    assert refused.status_code == 422
    advisor.send(form, form, motif="sans_motif", explique="on", confirme="on")
    assert world.sql("SELECT state, way, facts->>'identite' FROM case_file") == [
        ("cooling", "telephone", "questions d’identité pendant l’appel")
    ]


def test_a_death_is_told_by_a_relative_who_learns_nothing(sign_in: SignIn, world: World, zoe: int) -> None:
    advisor = sign_in(ADVISOR)
    call = opened(advisor)
    search(advisor, call, appelant="proche")
    form = f"{call}/actes/deces"
    page = advisor.get(form).text
    done = advisor.send(form, form, precisions="Sa fille, acte par courrier.")
    assert done.status_code == 303
    for shown in (page, advisor.get(call).text):
        for secret in ("Zoé", "Quillec", "CHATEAUGAY", "Puy-de-Dôme", "ouvert depuis"):
            assert secret not in body(shown)
    assert stopped(world, "deces")
    assert world.sql("SELECT kind FROM case_file") == [("death",)]


def test_an_opposition_is_put_and_lifted(sign_in: SignIn, world: World, zoe: int) -> None:
    advisor = sign_in(ADVISOR)
    call = proved(advisor)
    form = f"{call}/actes/opposition"
    advisor.send(form, form)
    assert stopped(world)
    assert "en vigueur depuis" in advisor.get(form).text
    advisor.send(form, form, souhait="reprendre")
    assert not stopped(world)
    assert len(journal(world, "personne.signaler")) == 1


def test_two_supervisors_destroy_and_one_alone_does_not(sign_in: SignIn, world: World) -> None:
    world.clock.now = datetime(2010, 3, 1, 9, tzinfo=UTC)
    person = a_holder(world)
    world.office.dmp.close_dossier("631", person, "essai")
    world.clock.now = datetime(2020, 3, 2, 9, tzinfo=UTC)
    first, place = sign_in(SUPERVISOR), "/clotures/destructions"
    assert f"n° {person}" in first.get(place).text
    assert first.send(f"{place}/proposer", place, dmp="").status_code == 422
    assert first.send(f"{place}/proposer", place, dmp=f"631-{person}").status_code == 303
    (asked,) = world.sql("SELECT id FROM destruction")[0]
    assert "la vôtre" in first.get(place).text
    assert first.send(f"{place}/detruire", place, proposition=str(asked), definitif="on").status_code == 403
    second = sign_in(OTHER_SUPERVISOR)
    refused = second.send(f"{place}/detruire", place, proposition=str(asked))
    assert refused.status_code == 422
    assert "définitive" in refused.text
    for _ in range(2):
        assert second.send(f"{place}/detruire", place, proposition=str(asked), definitif="on").status_code in (303, 400)
    assert world.sql("SELECT count(*) FROM enrolment.dossier", "dmp") == [(0,)]
    (proof,) = world.sql("SELECT proof FROM destruction")[0]
    assert proof in second.get(place).text
    minutes = second.get(f"{place}/{asked}/proces-verbal.pdf")
    assert minutes.mimetype == "application/pdf"
    page = PdfReader(BytesIO(minutes.data)).pages[0].extract_text()
    for words in ("Patrick Ollier", "Nathalie Besse", f"n° {person}", proof[:8], str(asked)):
        assert words in page.replace("\u00a0", " ")
    assert sign_in("catherine.weiss").get(f"{place}/{asked}/proces-verbal.pdf").status_code == 404


def test_a_code_is_sent_again_during_a_call_once_a_form_and_within_the_limits(sign_in: SignIn, world: World) -> None:
    world.load([a_person(**ZOE)])
    advisor = sign_in(ADVISOR)
    call = proved(advisor)
    form = f"{call}/actes/code"
    page = advisor.get(form).text
    assert "par courriel" in page
    assert "zoe.q@exemple.fr" not in page
    asked = re.findall(r'name="demande" value="([^"]+)"', page)[0]
    for _ in range(2):
        assert advisor.send(form, form, demande=asked).status_code == 303
    assert world.sql("SELECT count(*) FROM enrolment.outbox WHERE kind = 'code.requested'", "dmp") == [(1,)]
    page = advisor.get(form).text
    assert "moins de 24" in page
    assert "Renvoyer un code</button>" not in page
