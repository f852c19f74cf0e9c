"""What a caisse may ask about dossiers, through the back office's door."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from enrolment_clock import LETTER, SetClock
from enrolment_people import CONSENT, CONTACTS, NOTHING, WHOLE, an_insured, code_state, enter, rows
from sqlalchemy import Engine, text

from backoffice.adapters.dmp import DmpGateway, DossierState, Kind, Way
from backoffice.core.errors import Invalid, NotFound, WrongState
from dmp_core.enrolment.api import Enrolment
from dmp_core.enrolment.credentials import verify_password
from dmp_core.enrolment.dossiers import open_dossier


@pytest.fixture
def gateway(enrolment: Enrolment) -> DmpGateway:
    return DmpGateway(enrolment)


@pytest.fixture
def drained(gateway: DmpGateway) -> None:
    """An outbox without the events of other tests."""
    while waiting := gateway.events(500):
        gateway.events_done([event.event_id for event in waiting])


def live_hash(owner: Engine, dossier_id: UUID) -> str:
    with owner.connect() as connection:
        return connection.scalars(
            text("SELECT hash FROM enrolment.password WHERE dossier_id = :d AND ended_at IS NULL"), {"d": dossier_id}
        ).one()


def test_opened_at_the_counter_a_dossier_is_whole_and_the_code_on_its_way_is_revoked(
    gateway: DmpGateway, owner_engine: Engine, clock: SetClock
) -> None:
    person = an_insured()
    gateway.issue_codes(uuid4(), "631", [person.person_id], LETTER)
    request = uuid4()
    made = gateway.open_dossier(request, person, CONTACTS, CONSENT)
    assert rows(owner_engine, person) == WHOLE
    assert code_state(owner_engine, person) == ["revoked"]
    facts = gateway.dossier_states("631", [person.person_id, person.person_id + 10**9])
    assert set(facts) == {person.person_id}
    found = facts[person.person_id]
    assert (found.state, found.way, found.opened_at, found.request_id) == (
        DossierState.OPEN, Way.COUNTER, clock.now, request,
    )  # fmt: skip
    assert (found.changed_at, found.closed_by, found.reason, found.keep_until) == (None, None, None, None)
    assert verify_password(live_hash(owner_engine, made.dossier_id), made.password)


def test_a_lost_answer_is_given_again_with_another_password(gateway: DmpGateway, owner_engine: Engine) -> None:
    person, request = an_insured(), uuid4()
    first = gateway.open_dossier(request, person, CONTACTS, CONSENT)
    second = gateway.open_dossier(request, person, CONTACTS, CONSENT)
    assert second == replace(first, password=second.password)
    assert second.password != first.password
    assert rows(owner_engine, person) == {**WHOLE, "password": 2}
    assert verify_password(live_hash(owner_engine, first.dossier_id), second.password)


def test_the_same_call_made_twice_at_once_opens_one_dossier_and_answers_both(
    gateway: DmpGateway, owner_engine: Engine
) -> None:
    person, request, together = an_insured(), uuid4(), Barrier(3)

    def call(_: int) -> UUID:
        together.wait()
        return gateway.open_dossier(request, person, CONTACTS, CONSENT).dossier_id

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(call, range(3)))) == 1
    assert rows(owner_engine, person) == {**WHOLE, "password": 3}


def test_once_its_holder_got_in_an_opening_is_not_answered_again_and_their_password_stays(
    gateway: DmpGateway, owner_engine: Engine
) -> None:
    person, request = an_insured(), uuid4()
    made = gateway.open_dossier(request, person, CONTACTS, CONSENT)
    enter(owner_engine, made.dossier_id)
    with pytest.raises(WrongState, match="s’y est connecté"):
        gateway.open_dossier(request, person, CONTACTS, CONSENT)
    assert verify_password(live_hash(owner_engine, made.dossier_id), made.password)


def test_a_second_request_for_the_same_person_is_refused_and_leaves_their_access_code(
    gateway: DmpGateway, owner_engine: Engine
) -> None:
    person = an_insured()
    gateway.open_dossier(uuid4(), person, CONTACTS, CONSENT)
    gateway.issue_codes(uuid4(), "631", [person.person_id], LETTER)
    with pytest.raises(WrongState, match="a déjà un DMP"):
        gateway.open_dossier(uuid4(), person, CONTACTS, CONSENT)
    assert code_state(owner_engine, person) == ["live"]


def test_a_request_made_for_somebody_else_is_refused(gateway: DmpGateway, owner_engine: Engine) -> None:
    request, other = uuid4(), an_insured()
    gateway.open_dossier(request, an_insured(), CONTACTS, CONSENT)
    with pytest.raises(Invalid, match="une autre personne"):
        gateway.open_dossier(request, other, CONTACTS, CONSENT)
    assert rows(owner_engine, other) == NOTHING


@pytest.mark.parametrize("way", [Way.ONLINE, Way.PS])
def test_a_caisse_cannot_say_that_the_holder_or_a_professional_opened(gateway: DmpGateway, way: Way) -> None:
    with pytest.raises(Invalid):
        gateway.open_dossier(uuid4(), an_insured(), CONTACTS, CONSENT, way)


def test_the_login_of_a_dossier_opened_online_is_not_told(
    gateway: DmpGateway, holder_engine: Engine, clock: SetClock
) -> None:
    person, request = an_insured(), uuid4()
    with holder_engine.begin() as connection:
        open_dossier(connection, clock.now, request, person, CONTACTS, CONSENT, Way.ONLINE)
    with pytest.raises(WrongState):
        gateway.open_dossier(request, person, CONTACTS, CONSENT)


def test_a_password_renewed_by_an_agent_lives_seven_days(
    gateway: DmpGateway, owner_engine: Engine, clock: SetClock
) -> None:
    person = an_insured()
    made = gateway.open_dossier(uuid4(), person, CONTACTS, CONSENT)
    renewed = gateway.renew_initial_password("631", person.person_id)
    assert renewed.expires_at == clock.now + timedelta(days=7)
    assert renewed.password not in repr(renewed)
    assert verify_password(live_hash(owner_engine, made.dossier_id), renewed.password)


def test_a_dossier_is_suspended_resumed_closed_and_reopened_each_with_its_event(
    gateway: DmpGateway, clock: SetClock, drained: None
) -> None:
    person = an_insured()
    gateway.open_dossier(uuid4(), person, CONTACTS, CONSENT)
    who = "631", person.person_id
    seen = []
    for act in (gateway.suspend, gateway.resume, gateway.suspend, gateway.close_dossier, gateway.reopen):
        clock.now += timedelta(days=1)
        act(*who, "création contestée")
        found = gateway.dossier_states("631", [person.person_id])[person.person_id]
        assert (found.changed_at, found.reason) == (clock.now, "création contestée")
        assert (found.closed_by, found.keep_until) == (
            ("caisse", date(2027, 1, 14)) if found.state is DossierState.CLOSED else (None, None)
        )
        seen.append(found.state.value)
    assert seen == ["suspended", "open", "suspended", "closed", "open"]
    told = [event for event in gateway.events(500) if event.person_id == person.person_id]
    assert [event.kind for event in told] == [
        Kind.DOSSIER_OPENED, Kind.DOSSIER_SUSPENDED, Kind.DOSSIER_RESUMED, Kind.DOSSIER_SUSPENDED,
        Kind.DOSSIER_CLOSED, Kind.DOSSIER_REOPENED,
    ]  # fmt: skip
    assert [event.detail for event in told] == [
        {"way": "counter"},
        {},
        {},
        {},
        {"by": "caisse", "motive": "request"},
        {},
    ]


@pytest.mark.parametrize(
    ("before", "refused"),
    [
        ((), ("resume", "reopen")),
        (("suspend",), ("suspend", "reopen")),
        (("close_dossier",), ("suspend", "resume", "close_dossier")),
    ],
)
def test_each_act_refuses_the_wrong_state_in_a_sentence_and_tells_nothing(
    gateway: DmpGateway, owner_engine: Engine, before: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    person = an_insured()
    gateway.open_dossier(uuid4(), person, CONTACTS, CONSENT)
    for act in before:
        getattr(gateway, act)("631", person.person_id, "essai")
    told = rows(owner_engine, person)["event"]
    for act in refused:
        with pytest.raises(WrongState, match=r"^Ce DMP est .*\.$"):
            getattr(gateway, act)("631", person.person_id, "essai")
    if before:
        with pytest.raises(WrongState, match="aucun mot de passe"):
            gateway.renew_initial_password("631", person.person_id)
    assert rows(owner_engine, person)["event"] == told


def test_a_closed_dossier_is_reopened_to_the_last_day_of_its_ten_years_and_not_after(
    gateway: DmpGateway, clock: SetClock
) -> None:
    start = clock.now
    for years, days, possible in ((10, 0, True), (10, 1, False)):
        clock.now = start
        person = an_insured()
        gateway.open_dossier(uuid4(), person, CONTACTS, CONSENT)
        gateway.close_dossier("631", person.person_id, "demande du titulaire")
        clock.now = start.replace(year=start.year + years) + timedelta(days=days)
        if possible:
            gateway.reopen("631", person.person_id, "demande du titulaire")
        else:
            with pytest.raises(WrongState, match="dix ans"):
                gateway.reopen("631", person.person_id, "demande du titulaire")


@pytest.mark.parametrize("act", ["suspend", "resume", "close_dossier", "reopen"])
def test_each_act_wants_a_reason_a_caisse_number_and_a_person_who_has_a_dossier(gateway: DmpGateway, act: str) -> None:
    person = an_insured()
    with pytest.raises(NotFound, match="n’a pas de DMP"):
        getattr(gateway, act)("631", person.person_id, "essai")
    with pytest.raises(Invalid, match="trois chiffres"):
        getattr(gateway, act)("63", person.person_id, "essai")
    gateway.open_dossier(uuid4(), person, CONTACTS, CONSENT)
    for reason in ("", "  ", "x" * 201):
        with pytest.raises(Invalid, match="motif"):
            getattr(gateway, act)("631", person.person_id, reason)
    with pytest.raises(NotFound):
        getattr(gateway, act)("311", person.person_id, "essai")


def test_an_event_is_given_to_every_consumer_until_one_marks_it_done(gateway: DmpGateway, drained: None) -> None:
    people = [an_insured() for _ in range(3)]
    for person in people:
        gateway.open_dossier(uuid4(), person, CONTACTS, CONSENT)
    given = [event for event in gateway.events(500) if event.person_id in {p.person_id for p in people}]
    assert [event.person_id for event in given] == [person.person_id for person in people]
    assert [event for event in gateway.events(500) if event in given] == given
    assert gateway.events(1) == gateway.events(500)[:1]
    assert gateway.events_done([given[0].event_id, uuid4()]) == 1
    assert gateway.events_done([given[0].event_id]) == 0
    assert [event for event in gateway.events(500) if event in given] == given[1:]
