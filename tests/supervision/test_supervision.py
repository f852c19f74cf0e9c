"""Queues and their age, absences, the weekly draw, activity, and what the journal says, each within one's caisses."""

import threading
from datetime import date, datetime
from typing import Any

import pytest
from campaigns.world import SYSTEM, World, a_person
from cases.test_cases import AGENT, COLLEAGUE, STRANGER, SUPERVISOR

from backoffice.audit.journal import record
from backoffice.cases import actions
from backoffice.cases.colleagues import remember
from backoffice.cases.kinds.closure import CLOSURE_ONLINE
from backoffice.cases.models import Case
from backoffice.cases.queueing import Priority
from backoffice.core.actor import Actor, Role
from backoffice.core.clock import PARIS
from backoffice.core.errors import Invalid, NotAllowed, NotFound
from backoffice.supervision.absences import absences, end_absence, hand_over_absent, note_absence, staff
from backoffice.supervision.activity import activity, weeks_until
from backoffice.supervision.looking import Asked, lines, who_looked
from backoffice.supervision.queues import loads, queues
from backoffice.supervision.sampling import (
    PER_AGENT,
    POINTS,
    QualitySample,
    access_sample,
    count_samples,
    draw_last_week,
    review,
    samples,
)

OTHER = Actor("agathe.roux", "Agathe Roux", frozenset({Role.SUPERVISOR}), frozenset({"631"}))


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


@pytest.fixture
def person(world: World) -> int:
    world.load([a_person()])
    world.clock.now = paris("2016-11-14 08:30")
    with world.session() as session:
        for one in (AGENT, COLLEAGUE, SUPERVISOR, STRANGER, OTHER):
            remember(session, one, world.clock.now)
    return int(world.sql("SELECT id FROM person")[0][0])


def opened(world: World, person: int, owner: Actor | None = None, **options: Any) -> str:
    with world.session() as session:
        number = actions.open_case(session, world.office, SYSTEM, CLOSURE_ONLINE, "631", person, **options).number
        if owner:
            actions.take_charge(session, world.office, owner, number)
    return number


def owner_of(world: World, number: str) -> str | None:
    with world.session() as session:
        return session.query(Case).filter_by(number=number).one().owner


def test_queues_count_and_age_in_opening_days_over_week_ends_and_holidays(world: World, person: int) -> None:
    for moment in ("2016-10-21 10:00", "2016-11-03 09:00", "2016-11-09 09:00", "2016-11-10 17:00", "2016-11-14 09:00"):
        world.clock.now = paris(moment)
        opened(world, person)
    world.clock.now = paris("2016-11-14 10:00")  # a Monday; Friday the 11th and Tuesday the 1st are public holidays
    opened(world, person, AGENT, priority=Priority.URGENT)
    with world.session() as session:
        (queue,) = queues(session, SUPERVISOR, world.clock.now)
        assert queues(session, STRANGER, world.clock.now) == []
    assert (queue.open, queue.free, queue.waiting) == (6, 5, 0)
    assert queue.ages == (3, 1, 0, 1, 1)
    assert (queue.late, queue.soon, queue.today) == (2, 2, 3)


def test_who_has_what_in_hand_and_is_away(world: World, person: int) -> None:
    opened(world, person, COLLEAGUE)
    opened(world, person, AGENT)
    opened(world, person, AGENT)
    with world.session() as session:
        note_absence(session, world.office, SUPERVISOR, AGENT.login, date(2016, 11, 14), date(2016, 11, 16), None)
        found = [(one.name, one.open, one.absent_until) for one in loads(session, SUPERVISOR, world.clock.now)]
    assert found == [("Luc Morel", 1, ""), ("Sandrine Chabrol", 2, "16/11/2016")]


def test_an_absent_agents_cases_go_to_who_stands_in_or_to_the_queue_on_the_first_day(world: World, person: int) -> None:
    mine, theirs = opened(world, person, AGENT), opened(world, person, COLLEAGUE)
    with world.session() as session:
        note_absence(
            session, world.office, SUPERVISOR, AGENT.login, date(2016, 11, 15), date(2016, 11, 18), SUPERVISOR.login
        )
        note_absence(session, world.office, SUPERVISOR, COLLEAGUE.login, date(2016, 11, 15), date(2016, 11, 15), None)
    assert hand_over_absent(world.office) == 0
    world.clock.now = paris("2016-11-15 00:01")
    assert hand_over_absent(world.office) == 2
    assert hand_over_absent(world.office) == 0
    assert (owner_of(world, mine), owner_of(world, theirs)) == (SUPERVISOR.login, None)
    with world.session() as session, pytest.raises(Invalid, match="est absent"):
        actions.assign(session, world.office, SUPERVISOR, theirs, AGENT.login)
    with world.session() as session:
        ((absence, _), _) = absences(session, SUPERVISOR, date(2016, 11, 15))
        end_absence(session, world.office, SUPERVISOR, absence.id)
    with world.session() as session:
        assert actions.assign(session, world.office, SUPERVISOR, theirs, AGENT.login).owner == AGENT.login


@pytest.mark.parametrize(
    ("login", "first", "last", "deputy", "sentence"),
    [
        ("sandrine.chabrol", "2016-11-16", "2016-11-15", None, "avant le premier"),
        ("sandrine.chabrol", "2016-11-01", "2016-11-02", None, "est passée"),
        ("sandrine.chabrol", "2016-11-16", "2018-11-15", None, "dépasse 400 jours"),
        ("sandrine.chabrol", "2016-11-16", "2016-11-17", "sandrine.chabrol", "elle-même"),
        ("sandrine.chabrol", "2016-11-16", "2016-11-17", "luc.morel", "elle-même absente"),
        ("luc.morel", "2016-11-17", "2016-11-20", None, "déjà notée"),
    ],
)
def test_an_absence_that_cannot_be_is_refused(
    world: World, person: int, login: str, first: str, last: str, deputy: str | None, sentence: str
) -> None:
    with world.session() as session:
        note_absence(session, world.office, SUPERVISOR, "luc.morel", date(2016, 11, 14), date(2016, 11, 18), None)
    with world.session() as session, pytest.raises(Invalid, match=sentence):
        note_absence(
            session, world.office, SUPERVISOR, login, date.fromisoformat(first), date.fromisoformat(last), deputy
        )


def test_a_supervisor_knows_the_colleagues_of_their_caisses_alone(world: World, person: int) -> None:
    with world.session() as session:
        assert [one.name for one in staff(session, SUPERVISOR)] == [
            "Agathe Roux", "Luc Morel", "Patrick Ollier", "Sandrine Chabrol",
        ]  # fmt: skip
    with world.session() as session, pytest.raises(NotFound):
        note_absence(session, world.office, SUPERVISOR, "peio.larralde", date(2016, 11, 14), date(2016, 11, 14), None)
    with world.session() as session, pytest.raises(NotAllowed):
        note_absence(session, world.office, AGENT, "luc.morel", date(2016, 11, 14), date(2016, 11, 14), None)


def ended(world: World, person: int, actor: Actor) -> None:
    number = opened(world, person)
    with world.session() as session:
        actions.advance(session, world.office, actor, number, "file", "sans adresse")


def test_chance_picks_some_of_last_weeks_cases_of_each_agent_once(world: World, person: int) -> None:
    world.clock.now = paris("2016-11-08 10:00")
    for _ in range(PER_AGENT + 3):
        ended(world, person, SUPERVISOR)
    ended(world, person, OTHER)
    with world.session() as session:
        actions.advance(session, world.office, SYSTEM, opened(world, person), "confirm")
    world.clock.now = paris("2016-11-13 23:59")
    assert draw_last_week(world.office) == 0
    world.clock.now = paris("2016-11-14 00:00")
    ended(world, person, SUPERVISOR)  # this week's
    picked: list[int] = []
    threads = [threading.Thread(target=lambda: picked.append(draw_last_week(world.office))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(picked) == PER_AGENT + 1
    with world.session() as session:
        found = samples(session, SUPERVISOR, reviewed=False, size=10, offset=0)
        assert sorted(sample.agent for sample, _ in found) == ["agathe.roux", *[SUPERVISOR.login] * PER_AGENT]
        assert {sample.week for sample, _ in found} == {date(2016, 11, 7)}
        assert count_samples(session, STRANGER, reviewed=False) == 0


def sampled(world: World, person: int) -> int:
    world.clock.now = paris("2016-11-08 10:00")
    ended(world, person, SUPERVISOR)
    world.clock.now = paris("2016-11-14 09:00")
    assert draw_last_week(world.office) == 1
    with world.session() as session:
        return session.query(QualitySample).one().id


def test_a_case_is_read_again_once_point_by_point_by_somebody_else(world: World, person: int) -> None:
    sample = sampled(world, person)
    well = dict.fromkeys(POINTS, "oui")
    for actor, answers, note, refusal, sentence in (
        (SUPERVISOR, well, "", NotAllowed, "ses propres demandes"),
        (STRANGER, well, "", NotFound, "périmètre"),
        (AGENT, well, "", NotAllowed, "rôle"),
        (OTHER, well | {"delai": ""}, "", Invalid, "chaque point"),
        (OTHER, well | {"delai": "peut-être"}, "", Invalid, "chaque point"),
        (OTHER, well | {"delai": "non"}, " ", Invalid, "s’explique"),
        (OTHER, well, "x" * 1001, Invalid, "dépasse"),
    ):
        with world.session() as session, pytest.raises(refusal, match=sentence):
            review(session, world.office, actor, sample, answers, note)
    with world.session() as session:
        assert review(session, world.office, OTHER, sample, well | {"delai": "non"}, "Trois jours de trop.").faults == 1
    with world.session() as session, pytest.raises(Invalid, match=r"déjà été relue, par agathe\.roux"):
        review(session, world.office, OTHER, sample, well, "")
    with world.session() as session, pytest.raises(NotFound):
        access_sample(session, STRANGER, sample)


def test_activity_counts_cases_by_week_and_says_nothing_more(world: World, person: int) -> None:
    for moment, actor in (
        ("2016-10-31 00:30", AGENT), ("2016-11-06 23:30", AGENT), ("2016-11-07 08:30", AGENT), ("2016-09-01 10:00", AGENT),
        ("2016-11-14 08:30", COLLEAGUE),
    ):  # fmt: skip
        world.clock.now = paris(moment)
        number = opened(world, person)
        with world.session() as session:
            for words in ("un", "deux"):
                actions.note(session, world.office, actor, number, words)
    with world.session() as session:
        found = [(row.name, row.counts) for row in activity(session, SUPERVISOR, world.clock.now)]
        assert activity(session, STRANGER, world.clock.now) == []
    assert weeks_until(world.clock.now)[-3:] == [date(2016, 10, 31), date(2016, 11, 7), date(2016, 11, 14)]
    assert found == [("Luc Morel", (0, 0, 0, 0, 0, 1)), ("Sandrine Chabrol", (0, 0, 0, 2, 1, 0))]


def test_the_journal_is_searched_within_ones_caisses(world: World, person: int) -> None:
    number = opened(world, person, AGENT)
    world.clock.now = paris("2016-11-15 10:00")
    with world.session() as session:
        actions.note(session, world.office, COLLEAGUE, number, "Vue.")
        record(session, STRANGER, "demande.noter", "2016-641-000001", at=world.clock.now, caisse="641")
        record(session, SYSTEM, "session.connexion", "compte x", at=world.clock.now)

    def found(actor: Actor = SUPERVISOR, **asked: str) -> list[tuple[str, str]]:
        with world.session() as session:
            return [(line.actor, line.action) for line in lines(session, actor, Asked(**asked), 50)]

    assert found(who="luc.morel") == [("luc.morel", "demande.noter")]
    assert found(about=number) == [
        ("luc.morel", "demande.noter"), ("sandrine.chabrol", "demande.prendre"), ("systeme", "demande.ouvrir"),
    ]  # fmt: skip
    assert found(action="demande.p") == [("sandrine.chabrol", "demande.prendre")]
    assert found(since="2016-11-15", until="2016-11-15") == [("luc.morel", "demande.noter")]
    assert found(until="2016-11-14", action="demande") == found(about=number)[1:]
    assert found(STRANGER) == [("peio.larralde", "demande.noter")]
    assert found(action="%") == []
    with pytest.raises(Invalid, match="AAAA-MM-JJ"):
        found(since="hier")
    assert Asked.read(Asked(who="a", until="2016-11-14").args()) == Asked(who="a", until="2016-11-14")


def test_who_looked_at_a_person_is_told_to_their_caisses_supervisor_and_journalled(world: World, person: int) -> None:
    number = opened(world, person)
    with world.session() as session:
        record(
            session, AGENT, "personne.consulter", f"personne {person}", at=world.clock.now, caisse="631", reason="appel"
        )
        record(session, STRANGER, "personne.consulter", f"personne {person}", at=world.clock.now, caisse="641")
        record(session, COLLEAGUE, "demande.consulter", number, at=world.clock.now, caisse="631")
    with world.session() as session:
        _, found = who_looked(session, world.office, SUPERVISOR, "631", person, 50)
        told = [(line.actor, line.action, line.reason) for line in found]
    assert told == [
        ("luc.morel", "demande.consulter", None), ("sandrine.chabrol", "personne.consulter", "appel"),
        ("systeme", "demande.ouvrir", None),
    ]  # fmt: skip
    assert world.sql("SELECT actor FROM audit_entry WHERE action = 'personne.regards'") == [("patrick.ollier",)]
    for actor, caisse in ((STRANGER, "641"), (STRANGER, "631"), (SUPERVISOR, "641")):
        with world.session() as session, pytest.raises(NotFound):
            who_looked(session, world.office, actor, caisse, person, 50)
    with world.session() as session, pytest.raises(NotAllowed):
        who_looked(session, world.office, AGENT, "631", person, 50)
