"""A code sent again from counter and telephone: mon-dmp's rule, told with its reason; nothing to an old address."""

import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest
from campaigns.world import SYSTEM, World, a_person, new_nir

from backoffice.adapters.dmp import Consent, Contacts, Insured
from backoffice.correspondence.gathering import gather
from backoffice.correspondence.receiving import receive
from backoffice.parameters.limits import RESENDS_PER_DAY
from backoffice.population.insured import InsuredPersons
from backoffice.population.notices import NoticeKind, give_notice
from dmp_core.holder.code_request import CodeRequests
from dmp_core.holder.guard import Guard
from dmp_core.holder.store import HolderStore
from dmp_core.storage.keyring import Keyring

from .conftest import ADVISOR, AGENT, Browser, SignIn, journal, token_of
from .test_person_file_pages import give

NIR = new_nir()


@pytest.fixture
def person(world: World) -> int:
    row = a_person(prenom="ZOÉ", nom_naissance="VASSEUR", nom_usage="", nir=NIR, date_naissance="1950-08-12")
    world.load([row])
    return int(world.sql("SELECT id FROM person")[0][0])


def ask(browser: Browser, person: int, name: str = "", way: str = "accueil") -> "tuple[int, str]":
    place = f"/personnes/631/{person}"
    if "Pourquoi ouvrir" in (page := browser.get(f"{place}/code").text):
        give(browser, place)
        page = browser.get(f"{place}/code").text
    form = {"csrf_token": token_of(page), "demande": name or str(uuid.uuid4()), "voie": way}
    answer = browser.client.post(f"{place}/code", data=form, follow_redirects=True)
    return answer.status_code, answer.text.replace("\u00a0", " ")


def test_the_address_is_shown_masked_before_anything_is_sent_and_the_letter_follows(
    world: World, person: int, sign_in: SignIn
) -> None:
    agent, place = sign_in(AGENT), f"/personnes/631/{person}"
    give(agent, place)
    page = agent.get(f"{place}/code").text
    assert "12 R•• D•• L••••, 63000 CLERMONT-FERRAND" in page
    assert "12 RUE DES LILAS" not in page
    status, page = ask(agent, person)
    assert status == 200
    assert "un code pour créer son DMP partira par La Poste" in page
    receive(world.office)
    gather(world.office, SYSTEM, post_now=True)
    assert [row[0] for row in world.sql("SELECT kind FROM campaign")] == ["code_request"]
    assert journal(world, "code.renvoyer") == [(AGENT, f"personne {person}")]


def test_asked_for_twice_by_one_form_it_is_asked_once_and_the_second_form_is_told_when(
    world: World, person: int, sign_in: SignIn
) -> None:
    agent, name = sign_in(AGENT), str(uuid.uuid4())
    assert ask(agent, person, name)[0] == 200
    assert ask(agent, person, name)[0] == 200
    status, page = ask(agent, person)
    assert status == 409
    assert "le prochain sera possible le 3 novembre 2016 à 9 h 30" in page
    assert len(world.sql("SELECT 1 FROM enrolment.outbox WHERE kind = 'code.requested'", "dmp")) == 1
    world.clock.move(days=1, minutes=1)
    assert ask(sign_in(ADVISOR), person, way="telephone")[0] == 200


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (NoticeKind.UNDELIVERABLE, "à une adresse d’où le courrier est revenu"),
        (NoticeKind.DECEASED, "signalée décédée"),
    ],
)
def test_nothing_leaves_to_an_old_address_nor_for_the_dead(
    world: World, person: int, sign_in: SignIn, kind: NoticeKind, said: str
) -> None:
    with world.session() as session:
        give_notice(session, SYSTEM, "631", person, kind, source="courrier", at=world.clock())
    status, page = ask(sign_in(AGENT), person)
    assert status == 409
    assert said in page
    assert world.sql("SELECT 1 FROM enrolment.outbox WHERE kind = 'code.requested'", "dmp") == []


def test_an_undeliverable_address_does_not_stop_an_e_mail_but_a_refused_mailbox_does(
    world: World, sign_in: SignIn
) -> None:
    world.load([a_person(canal="mail", email="zoe.vasseur@example.org", date_naissance="1950-08-12")])
    person = int(world.sql("SELECT id FROM person")[0][0])
    with world.session() as session:
        give_notice(session, SYSTEM, "631", person, NoticeKind.UNDELIVERABLE, source="courrier", at=world.clock())
    agent = sign_in(AGENT)
    give(agent, f"/personnes/631/{person}")
    assert "z***@example.org" in agent.get(f"/personnes/631/{person}/code").text
    with world.session() as session:
        give_notice(session, SYSTEM, "631", person, NoticeKind.MAIL_REFUSED, source="courriel", at=world.clock())
    assert "d’où le courrier est revenu" in agent.get(f"/personnes/631/{person}/code").text


def test_who_has_a_dmp_is_sent_an_access_code_by_post_alone(world: World, person: int, sign_in: SignIn) -> None:
    insured = Insured("631", person, NIR, "MME", "VASSEUR", "", "ZOÉ", "1950-08-12", "12345678", "photo", True)
    consent = Consent("2016-11-02", b"\1" * 32, "J’accepte", collected_by=AGENT)
    world.office.dmp.open_dossier(uuid.uuid4(), insured, Contacts("zoe@example.org"), consent)
    assert "retrouver l’accès à son DMP partira par La Poste" in ask(sign_in(AGENT), person)[1]
    world.office.dmp.suspend("631", person, "contestée")
    world.clock.move(days=2)
    assert "L’accès au DMP est suspendu" in ask(sign_in(AGENT), person)[1]


def test_a_minor_gets_none_and_it_is_said_why(world: World, sign_in: SignIn) -> None:
    world.load([a_person(date_naissance="2005-01-01")])
    person = int(world.sql("SELECT id FROM person")[0][0])
    assert "elle est mineure" in ask(sign_in(AGENT), person)[1]


def test_an_administrator_may_suspend_resending(world: World, person: int, sign_in: SignIn) -> None:
    world.sql(
        "INSERT INTO parameter_version (name, version, value, set_by, set_at, reason) "
        "VALUES (:n, 1, '0', 'vincent.lemaire', now(), 'incident')", n=RESENDS_PER_DAY.name,
    )  # fmt: skip
    assert "aucun renvoi n’est possible" in ask(sign_in(AGENT), person)[1]


def test_a_form_that_is_not_ours_is_refused(person: int, sign_in: SignIn) -> None:
    agent = sign_in(AGENT)
    assert ask(agent, person, "n’importe quoi")[0] == 400
    assert ask(agent, person, way="fax")[0] == 422


@pytest.fixture
def requests(world: World) -> Iterator[CodeRequests]:
    """What mon-dmp does with a request for a code."""
    mondmp = world.settings.mondmp
    secrets = Keyring.create_if_missing(mondmp.holder_keyring)
    with (
        closing(HolderStore(mondmp.dmp_url)) as store,
        closing(InsuredPersons(mondmp.insured_url, world.clock)) as insured,
    ):
        yield CodeRequests(store, insured, Guard(store, secrets, world.clock), world.clock)


def test_counter_telephone_and_online_draw_on_one_limit(
    world: World, person: int, sign_in: SignIn, requests: CodeRequests
) -> None:
    """Four in thirty days, one a day, wherever they are asked for; then each channel refuses alike."""
    world.sql("UPDATE person SET vitale_serie = '1234567890'")

    def asked() -> int:
        return len(world.sql("SELECT 1 FROM enrolment.outbox WHERE kind = 'code.requested'", "dmp"))

    def online() -> bool:
        before = asked()
        requests.ask(NIR, "1950-08-12", "1234567890", "198.51.100.7")
        return asked() > before

    def at_the_counter() -> bool:
        return ask(sign_in(AGENT), person)[0] == 200

    def by_telephone() -> bool:
        return ask(sign_in(ADVISOR), person, way="telephone")[0] == 200

    for first, others in (
        (at_the_counter, (by_telephone, online)), (online, (at_the_counter, by_telephone)),
        (by_telephone, (online, at_the_counter)), (online, (by_telephone, at_the_counter)),
    ):  # fmt: skip
        assert first()
        assert [other() for other in others] == [False, False]
        world.clock.move(days=1, minutes=1)
    assert [channel() for channel in (online, at_the_counter, by_telephone)] == [False] * 3
    status, page = ask(sign_in(AGENT), person)
    assert (status, "Le nombre de codes possible en trente jours est atteint" in page) == (409, True)
    assert asked() == 4
    world.clock.move(days=27)
    assert by_telephone()
