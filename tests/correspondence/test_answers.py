"""From an event of the record to its letter: once, by the registered channel, in the next lot."""

import uuid
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from campaigns.world import SYSTEM, World, a_person, manifest_of, pages_of
from population.samples import nir_of
from pypdf import PdfReader

from backoffice.adapters.dmp import CodeStatus, Kind
from backoffice.campaigns import actions
from backoffice.campaigns.rules import Channel
from backoffice.cases.models import Case
from backoffice.core.errors import Invalid
from backoffice.correspondence import receiving
from backoffice.correspondence.answers import GATHERED_AT, answer_to, last_gathering
from backoffice.correspondence.counts import answer_counts
from backoffice.correspondence.gathering import GONE, gather
from backoffice.correspondence.receiving import receive

PARIS = ZoneInfo("Europe/Paris")
NIR = nir_of("2500863113042")


def load(world: World, **changes: str) -> int:
    world.load([a_person(**changes)])
    return int(world.sql("SELECT max(id) FROM person")[0][0])


def happen(world: World, kind: Kind, person: int, detail: str = "{}", event: uuid.UUID | None = None) -> uuid.UUID:
    event = event or uuid.uuid4()
    world.sql(
        "INSERT INTO enrolment.outbox (event_id, kind, caisse, person_id, at, detail) "
        "VALUES (:event, :kind, '631', :person, :at, CAST(:detail AS jsonb))",
        "dmp", event=event, kind=kind.value, person=person, at=world.clock.now, detail=detail,
    )  # fmt: skip
    return event


def events(world: World) -> list[Any]:
    return world.sql(
        "SELECT e.kind, r.answer, r.state, r.channel, r.reason FROM dmp_event e "
        "LEFT JOIN letter_request r ON r.request = e.event_id ORDER BY e.id"
    )


def make_lots(world: World) -> str:
    """Make the lots of the latest campaign; its reference."""
    reference = str(world.sql("SELECT reference FROM campaign ORDER BY id DESC LIMIT 1")[0][0])
    for channel in Channel:
        world.make_all(reference, channel)
    return reference


def text_of(world: World, reference: str) -> str:
    (path,) = sorted(world.folder_of(reference).glob("*.pdf"))
    (page,) = PdfReader(path).pages
    return page.extract_text().replace("\u00a0", " ")


def test_each_event_calls_for_its_letter_and_some_for_none() -> None:
    for way in ("online", "counter", "ps"):
        assert answer_to(Kind.DOSSIER_OPENED, {"way": way}) == "receipt"
    assert answer_to(Kind.CLOSURE_REQUESTED, {"way": "ps"}) is None
    assert answer_to(Kind.CODE_REQUESTED, {"purpose": "creation"}) == "code_request"
    assert answer_to(Kind.CODE_REQUESTED, {"purpose": "access"}) == "access_code"
    assert answer_to(Kind.DOSSIER_CLOSED, {"by": "caisse"}) == "closure_receipt"
    assert answer_to(Kind.DOSSIER_CLOSED, {"by": "caisse", "motive": "request"}) == "closure_receipt"
    assert answer_to(Kind.DOSSIER_CLOSED, {"by": "caisse", "motive": "contested"}) == "contested_closed"
    assert answer_to(Kind.DOSSIER_CLOSED, {"by": "caisse", "motive": "death"}) is None
    assert answer_to(Kind.DOSSIER_SUSPENDED, {}) == "contested_received"
    assert answer_to(Kind.DOSSIER_RESUMED, {}) == "contested_resumed"
    assert answer_to(Kind.DOSSIER_REOPENED, {}) == "reopening"
    assert answer_to(Kind.CREATION_CONTESTED, {}) is None


@pytest.mark.parametrize(
    ("now", "last"),
    [
        ("2016-11-14 15:59", "2016-11-10 16:00"),  # Monday before the hour: the 11th is a public holiday
        ("2016-11-14 16:00", "2016-11-14 16:00"),
        ("2016-11-15 00:30", "2016-11-14 16:00"),
        ("2016-11-12 18:00", "2016-11-10 16:00"),
        ("2016-10-31 09:00", "2016-10-28 16:00"),  # over the end of summer time
    ],
)
def test_the_post_is_gathered_at_four_on_working_days(now: str, last: str) -> None:
    found = last_gathering(datetime.fromisoformat(now).replace(tzinfo=PARIS))
    assert found == datetime.fromisoformat(last).replace(tzinfo=PARIS)
    assert found.astimezone(PARIS).time() == GATHERED_AT


def test_the_receipt_says_what_the_seed_says_and_carries_no_code(world: World) -> None:
    person = load(world, nir=NIR, prenom="Éloïse", nom_usage="Durand", civilite="MME")
    happen(world, Kind.DOSSIER_OPENED, person)
    receive(world.office)
    world.clock.move(days=1)
    gather(world.office, SYSTEM)
    reference = make_lots(world)
    assert reference.startswith("ACC-2016-")
    page = text_of(world, reference)
    for words in (
        "Mon numéro :", f"2 50 08 63 113 042 {NIR[-2:]}", "CONFIRMATION DE LA CRÉATION DE MON DOSSIER MÉDICAL PARTAGÉ",
        "Chère madame Durand,", "le 2 novembre 2016", "si toutefois vous n’êtes pas à l’origine", "0 810 331 133",
    ):  # fmt: skip
        assert words.casefold() in page.casefold().replace("\n", " "), words
    assert world.codes() == {}
    assert events(world) == [("dossier.opened", "receipt", "courrier", "courrier", None)]
    assert world.verify().faults == []


def test_post_waits_for_the_hour_and_an_e_mail_does_not(world: World) -> None:
    by_post, by_mail = load(world), load(world, canal="mail", email="a@exemple.fr")
    happen(world, Kind.DOSSIER_OPENED, by_post)
    happen(world, Kind.DOSSIER_OPENED, by_mail)
    receive(world.office)
    found = gather(world.office, SYSTEM)
    assert (found.letters, found.emails) == (0, 1)
    world.clock.now = datetime(2016, 11, 2, 16, 0, tzinfo=PARIS)
    found = gather(world.office, SYSTEM)
    assert (found.letters, found.emails) == (1, 0)
    assert world.sql("SELECT count(*) FROM campaign") == [(1,)]
    found = gather(world.office, SYSTEM, post_now=True)
    assert (found.letters, found.emails) == (0, 0)


def test_a_code_asked_for_replaces_the_one_in_force_when_its_page_is_made_and_not_before(world: World) -> None:
    world.load([a_person()])
    first = world.sealed()
    person = int(world.sql("SELECT id FROM person")[0][0])
    (old,) = world.codes()
    happen(world, Kind.CODE_REQUESTED, person, '{"purpose": "creation"}')
    receive(world.office)
    gather(world.office, SYSTEM, post_now=True)
    assert set(world.codes()) == {old}
    reference = make_lots(world)
    (live,) = world.codes()
    assert live != old
    (path,) = world.folder_of(reference).glob("*.pdf")
    (page,) = pages_of(path)
    assert world.digest("631", page.code) == live
    assert "Il remplace tout code reçu auparavant" in page.text.replace("\n", " ")
    assert manifest_of(path.parent, path.stem)[0]["personne"] == str(person)
    assert world.office.dmp.code_states("631", [person])[person].status is CodeStatus.LIVE
    assert world.verify(first, reference).faults == []


def test_an_access_code_never_goes_by_e_mail_and_not_to_a_closed_dmp(world: World) -> None:
    person = load(world, canal="mail", email="a@exemple.fr")
    happen(world, Kind.CODE_REQUESTED, person, '{"purpose": "access"}')
    receive(world.office)
    assert gather(world.office, SYSTEM).emails == 0
    assert gather(world.office, SYSTEM, post_now=True).letters == 1
    make_lots(world)
    assert world.sql("SELECT state, reason FROM letter") == [("exclue", "Le DMP a été clôturé depuis la demande.")]
    assert world.codes() == {}


def test_an_opposition_to_mailings_keeps_back_no_answer_a_death_does(world: World) -> None:
    opposed, dead = load(world, opposition="O"), load(world, date_deces="2016-10-01")
    for person in (opposed, dead):
        happen(world, Kind.DOSSIER_OPENED, person)
    receive(world.office)
    gather(world.office, SYSTEM, post_now=True)
    make_lots(world)
    found = dict(tuple(row) for row in world.sql("SELECT person_id, state FROM letter"))
    assert found == {opposed: "scellee", dead: "exclue"}
    with world.session() as session:
        (receipt, *_) = answer_counts(session, SYSTEM, world.clock.now)
    assert (receipt.asked, receipt.sealed, receipt.left_out, receipt.waiting) == (2, 1, 1, 0)


def test_an_event_given_again_after_a_crash_is_answered_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    person = load(world)
    event = happen(world, Kind.DOSSIER_OPENED, person)

    def dies(_: Any) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr("backoffice.adapters.dmp.DmpGateway.events_done", lambda _self, ids: dies(ids))
        with pytest.raises(KeyboardInterrupt):
            receive(world.office)
    assert world.sql("SELECT count(*) FROM enrolment.outbox WHERE done_at IS NULL", "dmp") == [(1,)]
    assert receive(world.office) == 0
    assert receive(world.office) == 0
    assert world.sql("SELECT event_id FROM dmp_event") == [(event,)]
    for _ in range(2):
        gather(world.office, SYSTEM, post_now=True)
    assert world.sql("SELECT count(*) FROM letter") == [(1,)]


def test_a_batch_larger_than_one_call_is_taken_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "BATCH", 2)
    person = load(world)
    for _ in range(5):
        happen(world, Kind.CREATION_CONTESTED, person)
    assert receive(world.office) == 5
    assert {row[1] for row in events(world)} == {None}


def test_a_second_answer_of_a_kind_waits_for_the_next_day(world: World) -> None:
    person = load(world)
    for _ in range(2):
        happen(world, Kind.DOSSIER_CLOSED, person, '{"by": "caisse"}')
    receive(world.office)
    assert gather(world.office, SYSTEM, post_now=True).letters == 1
    assert gather(world.office, SYSTEM, post_now=True).letters == 0
    world.clock.move(days=1)
    assert gather(world.office, SYSTEM, post_now=True).letters == 1
    assert world.sql("SELECT count(DISTINCT campaign_id) FROM letter") == [(2,)]


def test_who_is_no_longer_in_the_population_gets_no_letter_and_that_is_said(world: World) -> None:
    happen(world, Kind.DOSSIER_OPENED, 999_999)
    receive(world.office)
    gather(world.office, SYSTEM, post_now=True)
    assert events(world) == [("dossier.opened", "receipt", "sans_courrier", None, GONE)]


def test_a_closure_opens_a_case_that_ends_when_its_confirmation_has_left(world: World) -> None:
    person = load(world)
    event = happen(world, Kind.DOSSIER_CLOSED, person, '{"by": "holder"}')
    receive(world.office)
    with world.session() as session:
        case = session.query(Case).one()
    assert (case.origin, case.person_id, case.state) == (event, person, "received")
    gather(world.office, SYSTEM, post_now=True)
    make_lots(world)
    gather(world.office, SYSTEM)
    assert world.sql("SELECT state, ended_at IS NOT NULL FROM case_file") == [("confirmed", True)]


def test_a_closure_asked_for_at_a_professional_s_is_a_case_to_have_confirmed_and_closes_nothing(world: World) -> None:
    person = load(world)
    for _ in range(2):  # a second professional, or the same one the day after
        happen(world, Kind.CLOSURE_REQUESTED, person, '{"way": "ps"}')
    receive(world.office)
    with world.session() as session:
        case = session.query(Case).one()
    assert (case.kind, case.state, case.came_by.label) == ("closure", "received", "par un professionnel de santé")
    assert gather(world.office, SYSTEM, post_now=True).letters == 0


def test_the_day_of_answers_ends_with_the_day(world: World) -> None:
    person = load(world)
    happen(world, Kind.DOSSIER_OPENED, person)
    receive(world.office)
    gather(world.office, SYSTEM, post_now=True)
    reference = make_lots(world)
    assert world.campaign(reference).state == "en_cours"
    world.clock.move(days=1)
    with world.session() as session:
        assert actions.finish_if_done(session, world.office, SYSTEM, world.campaign(reference).id)
    assert world.campaign(reference).state == "terminee"


def test_nobody_prepares_answers_as_a_campaign(world: World) -> None:
    with pytest.raises(Invalid, match="partent d’eux-mêmes"):
        world.create(kind="receipt")


@pytest.mark.parametrize(
    ("kind", "detail", "prefix", "words"),
    [
        (Kind.DOSSIER_REOPENED, "{}", "ROU", "a été rouvert le 2 novembre 2016"),
        (Kind.DOSSIER_SUSPENDED, "{}", "CTS", "l’accès à ce dossier est suspendu depuis le 2 novembre 2016"),
        (Kind.DOSSIER_RESUMED, "{}", "CTR", "L’accès à votre dossier est rétabli depuis le 2 novembre 2016."),
        (Kind.DOSSIER_CLOSED, '{"motive": "contested"}', "CTC", "Ce dossier a été clôturé le 2 novembre 2016."),
    ],
)
def test_a_contested_creation_and_a_reopening_are_told_to_the_person(
    world: World, kind: Kind, detail: str, prefix: str, words: str
) -> None:
    happen(world, kind, load(world), detail)
    receive(world.office)
    world.clock.move(days=1)
    gather(world.office, SYSTEM)
    reference = make_lots(world)
    assert reference.startswith(f"{prefix}-2016-")
    assert words in text_of(world, reference).replace("\n", " ")
    assert world.verify().faults == []


def test_a_dmp_closed_for_death_writes_to_nobody(world: World) -> None:
    happen(world, Kind.DOSSIER_CLOSED, load(world), '{"by": "caisse", "motive": "death"}')
    receive(world.office)
    assert events(world) == [("dossier.closed", None, None, None, None)]
