"""Every number of the following is a count made straight from the tables, whatever happened in whatever order."""

import uuid
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

from campaigns.world import SYSTEM, Post, World, a_person
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backoffice.adapters.dmp import Kind
from backoffice.campaigns.models import Campaign
from backoffice.campaigns.rules import Channel
from backoffice.campaigns.work import make_lot
from backoffice.core.clock import PARIS
from backoffice.correspondence.bounces import read_bounces
from backoffice.correspondence.relaying import relay
from backoffice.following.counting import PAUSE, WINDOW, recount, refresh
from backoffice.following.curves import Choice, created_within, creations_by_age_of_letter
from backoffice.following.funnel import Dimension, days_of, funnel_of, funnels_by, funnels_of
from backoffice.following.models import Fact

NOON = datetime(2016, 11, 14, 12, 0, tzinfo=PARIS)
TODAY = date(2016, 12, 20)


def opened(world: World, person: int, at: datetime) -> None:
    world.sql(
        "INSERT INTO dmp_event (event_id, kind, caisse, person_id, at, received_at) VALUES (:e, :k, '631', :p, :at, :at)",
        e=uuid.uuid4(), k=Kind.DOSSIER_OPENED.value, p=person, at=at,
    )  # fmt: skip


def called(world: World, person: int, at: datetime) -> None:
    world.sql(
        "INSERT INTO phone_call (login, opened_at, caisse, person_id, found_by, letter_at_hand, subject, outcome, ended_at) "
        "VALUES ('k', :at, '631', :p, '{}', true, 'creation', 'information', :at)",
        at=at, p=person,
    )  # fmt: skip


def people(world: World) -> list[int]:
    return [row[0] for row in world.sql("SELECT id FROM person ORDER BY id")]


def choice(world: World, reference: str, **only: Any) -> Choice:
    return Choice([world.campaign(reference).id], ["631"], **only)


def funnel(world: World, reference: str, today: date = TODAY, **only: Any) -> tuple[int, ...]:
    with world.session() as session:
        one = funnel_of(session, choice(world, reference, **only), today)
    return one.sent, one.delivered, one.returned, one.calls, one.codes, one.opened


def sealed(world: World, count: int = 4) -> str:
    world.load([a_person(adresse_4=f"{n} RUE HAUTE") for n in range(1, count + 1)])
    return world.sealed()


def test_a_letter_counts_once_whatever_befalls_its_reader(world: World) -> None:
    reference = sealed(world)
    first, second, *_ = people(world)
    for days in (3, 5, 9):
        called(world, first, NOON + timedelta(days=days))
    opened(world, first, NOON + timedelta(days=9))
    opened(world, second, NOON - timedelta(days=1))  # before the letter
    called(world, second, NOON + timedelta(days=WINDOW + 1))  # long after it
    recount(world.office, "631")
    assert funnel(world, reference) == (4, 4, 0, 1, 0, 1)
    assert funnel(world, reference, date(2016, 11, 17)) == (4, 4, 0, 1, 0, 0)
    assert funnel(world, reference, date(2016, 11, 13)) == (0, 0, 0, 0, 0, 0)
    with world.session() as session:
        days = days_of(session, choice(world, reference), TODAY)
    assert [(one.day, {fact: n for fact, n in one.counts.items() if n}) for one in days] == [
        (date(2016, 11, 14), {Fact.SENT: 4}), (date(2016, 11, 17), {Fact.CALL: 1}), (date(2016, 11, 23), {Fact.OPENED: 1}),
    ]  # fmt: skip


def test_a_code_counts_with_the_letter_that_carried_it(world: World) -> None:
    reference = sealed(world, 2)
    person = people(world)[0]
    world.sql(
        "UPDATE enrolment.creation_code SET state = 'used', state_changed_at = :at WHERE person_id = :p", "dmp",
        at=NOON + timedelta(days=4), p=person,
    )  # fmt: skip
    recount(world.office, "631")
    assert funnel(world, reference) == (2, 2, 0, 0, 1, 0)


def test_what_follows_is_put_down_to_the_last_letter(world: World) -> None:
    earlier = sealed(world, 1)
    (person,) = people(world)
    world.sql(
        "UPDATE enrolment.creation_code SET state = 'revoked', state_changed_at = issued_at, reason = 'essai'", "dmp"
    )
    world.clock.move(days=20)
    later = world.sealed(letter_date=date(2016, 12, 1))
    opened(world, person, datetime(2016, 11, 30, 12, tzinfo=PARIS))
    called(world, person, datetime(2016, 12, 2, 12, tzinfo=PARIS))
    recount(world.office, "631")
    assert funnel(world, earlier) == (1, 1, 0, 0, 0, 1)
    assert funnel(world, later) == (1, 1, 0, 1, 0, 0)


def test_letters_posted_later_are_counted_from_their_posting(world: World) -> None:
    reference = sealed(world, 1)
    (lot,) = world.lots(reference)
    world.sql(
        "INSERT INTO printer (code, name, caisses, certificate, fingerprint, certificate_until, duplex, marks, "
        "postal_class, version, declared_by, declared_at) VALUES ('I', 'I', '{631}', '', sha256(''), now(), false, false, "
        "'verte', 1, 'x', now())"
    )
    world.sql(
        "INSERT INTO handover (lot_id, printer_id, file_name, content_sha256, file_sha256, size, certificate, handed_at, "
        "handed_by, posted_on, version) SELECT :lot, id, 'f', sha256(''), sha256(''), 1, sha256(''), now(), 'x', :on, 1 "
        "FROM printer", lot=lot.id, on=date(2016, 11, 18),
    )  # fmt: skip
    opened(world, people(world)[0], NOON + timedelta(days=10))
    recount(world.office, "631")
    with world.session() as session:
        points = creations_by_age_of_letter(session, choice(world, reference), TODAY)
    assert [point.age for point in points if point.created] == [6]
    assert funnel(world, reference, date(2016, 11, 17))[0] == 0


def test_an_e_mail_that_came_back_and_its_relay_count_with_their_mailing(world: World, post: Post) -> None:
    office = world.with_settings(**post.settings())
    world.load([a_person(canal="mail", email="b@inconnue.example.org"), a_person(canal="mail", email="a@exemple.fr")])
    reference = world.launched()
    for lot in world.lots(reference, Channel.MAIL):
        make_lot(office, lot.id)
    read_bounces(office)
    world.clock.move(days=1)
    relay(office, SYSTEM, post_now=True)
    for (lot_id,) in world.sql("SELECT id FROM lot WHERE state = 'prevu'"):
        make_lot(office, lot_id)
    opened(world, people(world)[0], world.clock.now + timedelta(days=3))
    recount(office, "631")
    assert funnel(world, reference) == (3, 2, 1, 0, 0, 1)
    assert funnel(world, reference, channel="mail") == (2, 1, 1, 0, 0, 0)
    assert funnel(world, reference, channel="courrier") == (1, 1, 0, 0, 0, 1)


def test_ages_are_those_of_the_day_of_sending(world: World) -> None:
    world.load(
        [
            a_person(date_naissance=born)
            for born in ("1998-11-14", "1986-11-15", "1986-11-14", "1941-11-14", "1941-11-15")
        ]
    )
    reference = world.sealed()
    recount(world.office, "631")
    with world.session() as session:
        found = {one.label: one.sent for _, one in funnels_by(session, choice(world, reference), TODAY, Dimension.BAND)}
    assert found == {"18 à 29 ans": 2, "30 à 44 ans": 1, "60 à 74 ans": 1, "75 ans et plus": 1}
    assert list(found) == sorted(found)


def test_counted_again_only_when_something_happened(world: World) -> None:
    reference = sealed(world, 2)
    assert refresh(world.office) == 9
    assert funnel(world, reference)[0] == 2
    assert refresh(world.office) == 0
    world.clock.now += 2 * PAUSE
    assert refresh(world.office) == 1  # what was under way during the first count is looked at once more
    world.clock.now += 2 * PAUSE
    assert refresh(world.office) == 0
    called(world, people(world)[0], NOON + timedelta(days=1))
    world.clock.now = NOON + timedelta(days=1, minutes=1)
    assert refresh(world.office) == 1
    assert funnel(world, reference)[3] == 1


def test_what_is_settled_stays_and_can_be_counted_again(world: World) -> None:
    reference = sealed(world, 1)
    recount(world.office, "631")
    world.clock.move(days=200)
    opened(world, people(world)[0], NOON + timedelta(days=5))
    assert recount(world.office, "631") == 0
    assert funnel(world, reference)[5] == 0
    assert recount(world.office, "631", everything=True) == 1
    assert funnel(world, reference)[5] == 1


def test_a_second_counter_leaves_it_to_the_first(world: World) -> None:
    from sqlalchemy import text

    sealed(world, 1)
    with world.session() as session:
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext('following'), 631)"))
        assert recount(world.office, "631") is None


MOVES = st.lists(
    st.tuples(st.sampled_from(["dmp", "appel", "retour", "code"]), st.integers(0, 5), st.integers(-3, WINDOW + 5)),
    max_size=25,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES)
def test_every_number_is_a_count_made_straight_from_the_tables(world: World, moves: list[tuple[str, int, int]]) -> None:
    world.empty()
    world.clock.now = datetime(2016, 11, 2, 9, 30, tzinfo=PARIS)
    reference = sealed(world, 6)
    persons = people(world)
    numbers = {letter.person_id: letter.number for letter in world.letters(reference)}
    firsts: dict[tuple[str, int], int] = {}
    for what, who, age in moves:
        at = NOON + timedelta(days=age)
        if what == "dmp":
            opened(world, persons[who], at)
        elif what == "appel":
            called(world, persons[who], at)
        elif what == "retour" and ("retour", who) in firsts:
            continue
        elif what == "retour" and who % 2:
            world.sql(
                "INSERT INTO letter_return (caisse, number, lot_id, reason, returned_on, code_postal, pays, noted_at, "
                "noted_by, source) SELECT '631', :n, min(id), 'inconnu', :on, '63000', '', now(), 'x', 'saisie' FROM lot",
                n=numbers[persons[who]], on=at.date(),
            )  # fmt: skip
        elif what == "retour":
            world.sql(
                "INSERT INTO mail_return (digest, kind, status, caisse, letter_number, received_at) "
                "VALUES (:d, 'retour', '5.1.1', '631', :n, :at)",
                d=uuid.uuid4().bytes, n=numbers[persons[who]], at=at,
            )  # fmt: skip
        elif ("code", who) in firsts or age < 0:
            continue
        else:
            world.sql(
                "UPDATE enrolment.creation_code SET state = 'used', state_changed_at = :at WHERE person_id = :p", "dmp",
                at=at, p=persons[who],
            )  # fmt: skip
        if what in ("dmp", "appel") and not 0 <= age <= WINDOW:
            continue
        firsts[what, who] = min(age, firsts.get((what, who), age))
    today = NOON.date() + timedelta(days=WINDOW + 10)
    recount(world.office, "631", everything=True)
    counts = Counter(what for what, _ in firsts)
    assert funnel(world, reference, today) == (
        6, 6 - counts["retour"], counts["retour"], counts["appel"], counts["code"], counts["dmp"],
    )  # fmt: skip
    with world.session() as session:
        picked = choice(world, reference)
        for dimension in Dimension:
            parts = funnels_by(session, picked, today, dimension)
            assert sum(one.sent for _, one in parts) == 6
            assert sum(one.opened for _, one in parts) == counts["dmp"]
        ((_, alone),) = funnels_of(session, session.query(Campaign).all(), today)
        assert (alone.sent, alone.calls) == (6, counts["appel"])
        by_day = Counter(
            one.day for one in days_of(session, picked, today) for n in [one.counts[Fact.OPENED]] for _ in range(n)
        )
        assert by_day == Counter(
            NOON.date() + timedelta(days=age) for (what, _), age in firsts.items() if what == "dmp"
        )
        points = creations_by_age_of_letter(session, picked, today)
        kept = {
            who: age for (what, who), age in firsts.items()
            if what == "dmp" and not firsts.get(("retour", who), age + 1) <= age
        }  # fmt: skip
        assert Counter(kept.values()) == Counter({point.age: point.created for point in points if point.created})
        assert points[0].at_risk == 6
        assert points[-1].age <= WINDOW
        within = created_within(session, picked, today, 30)
        assert (within.part, within.whole) == (sum(age <= 30 for age in kept.values()), 6)
