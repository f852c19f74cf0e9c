"""Waves over the real database: a plan, its days, and whatever may go wrong on one."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from backoffice.adapters.environment import adopt
from backoffice.campaigns import actions, cancelling, templates, wave_clock, waves
from backoffice.campaigns.production import Outcome
from backoffice.campaigns.rules import CampaignState, LetterState, LotState, WaveState
from backoffice.campaigns.scheduling import Embargo, Terms
from backoffice.campaigns.status import steps_of
from backoffice.campaigns.wave_clock import start_due_waves
from backoffice.campaigns.wave_models import NationalEmbargo, Wave, plan_of, waves_of
from backoffice.core.clock import PARIS, paris_date
from backoffice.core.errors import Invalid, NotAllowed, NotFound, WrongState
from backoffice.worker import sweep
from campaigns.world import SYSTEM, World, a_person, manager, pages_of

from .test_recovery import Killed, dies

MONDAY = date(2016, 11, 14)


def people(count: int, **changes: str) -> list[list[str]]:
    return [a_person(adresse_4=f"{n} RUE", **changes) for n in range(count)]


def terms(start: date = MONDAY, per_day: int = 2, **changes: Any) -> Terms:
    return Terms(start, per_day, **changes)


def schedule(world: World, reference: str, wanted: Terms | None = None, **options: Any) -> None:
    with world.session() as session:
        waves.schedule(session, world.office, options.pop("actor", SYSTEM), reference, wanted or terms(), **options)


def move(world: World, reference: str, number: int, day: date, **options: Any) -> None:
    with world.session() as session:
        waves.move_wave(
            session, world.office, options.pop("actor", SYSTEM), reference, number, day,
            follow=options.pop("follow", False), **options,
        )  # fmt: skip


def scheduled(world: World, count: int = 6, **changes: Any) -> str:
    world.load(people(count))
    reference = world.frozen(lot_size=4)
    schedule(world, reference, terms(**changes))
    return reference


def waves_at(world: World, reference: str) -> list[Wave]:
    with world.session() as session:
        return waves_of(session, world.campaign(reference))


def states(world: World, reference: str) -> list[WaveState]:
    return [wave.status for wave in waves_at(world, reference)]


def on(world: World, day: int, hour: int = 9, month: int = 11) -> int:
    world.clock.now = datetime(2016, month, day, hour, tzinfo=PARIS).astimezone(UTC)
    return start_due_waves(world.office)


def history(world: World, reference: str) -> list[tuple[str, str, str | None]]:
    with world.session() as session:
        return [(step.step, step.actor, step.reason) for step in steps_of(session, world.campaign(reference))]


def test_a_plan_cuts_the_lots_by_day_and_nothing_is_made_before(world: World) -> None:
    reference = scheduled(world)
    assert world.campaign(reference).status is CampaignState.SCHEDULED
    assert [(wave.planned_on.day, wave.latest_on.day, wave.letters) for wave in waves_at(world, reference)] == [
        (14, 15, 2), (15, 16, 2), (16, 17, 2),
    ]  # fmt: skip
    lots = world.lots(reference)
    assert sorted((lot.letter_date.day, lot.planned) for lot in lots) == [(14, 2), (15, 2), (16, 2)]
    assert {lot.status for lot in lots} == {LotState.SCHEDULED}
    assert {world.make(lot) for lot in lots} == {Outcome.NOTHING}
    assert on(world, 10) == 0
    with world.session():
        sweep(world.office)
    assert world.codes() == {}
    assert history(world, reference)[-1][:2] == ("schedule", SYSTEM.login)


def test_each_wave_leaves_on_its_day_with_its_date_and_the_campaign_ends_with_the_last(world: World) -> None:
    reference = scheduled(world)
    for day, number in ((14, 1), (15, 2), (16, 3)):
        assert on(world, day) == 1
        assert world.campaign(reference).status is CampaignState.RUNNING
        assert world.make_all(reference).count(Outcome.SEALED) == 1
        assert sum(lot.status is LotState.SEALED for lot in world.lots(reference)) == number
        assert world.status(reference).letters == 2 * number
    assert world.campaign(reference).status is CampaignState.FINISHED
    for lot in world.lots(reference):
        assert all(
            f"{lot.letter_date.day} novembre 2016" in page.text for page in pages_of(world.out / f"{lot.name}.pdf")
        )
    assert len({letter.person_id for letter in world.letters(reference)}) == len(world.codes()) == 6
    assert world.verify().clean


def test_the_letters_of_a_plan_keep_the_order_of_the_post_and_are_each_in_one_lot(world: World) -> None:
    world.load(people(10))
    reference = world.frozen(lot_size=4)
    before = [letter.number for letter in sorted(world.letters(reference), key=lambda one: one.number)]
    schedule(world, reference, terms(per_day=3))
    where = {lot.sequence: lot.letter_date for lot in world.lots(reference)}
    letters = sorted(world.letters(reference), key=lambda one: (where[one.lot_sequence], one.number))
    assert [letter.number for letter in letters] == before
    for lot in world.lots(reference):
        positions = [letter.position for letter in letters if letter.lot_sequence == lot.sequence]
        assert positions == list(range(1, lot.planned + 1))


def test_each_wave_takes_its_share_of_every_caisse_and_channel(world: World) -> None:
    world.load(
        [*people(12), *people(6, caisse="941", code_postal="94000"), *people(6, canal="mail", email="a@exemple.fr")]
    )
    reference = world.frozen(caisses=("631", "941"))
    schedule(world, reference, terms(per_day=8))
    with world.session() as session:
        rows = session.connection().exec_driver_sql(
            "SELECT w.number, l.caisse, l.channel, sum(l.planned) FROM lot l JOIN wave w ON w.id = l.wave_id GROUP BY 1, 2, 3"
        )
        found = {tuple(row[:3]): row[3] for row in rows}
    assert found == {
        (number, caisse, channel): share
        for number in (1, 2, 3)
        for caisse, channel, share in (("631", "courrier", 4), ("941", "courrier", 2), ("631", "mail", 2))
    }


def test_two_schedulers_at_once_start_a_wave_once(world: World) -> None:
    reference = scheduled(world)
    world.clock.now = datetime(2016, 11, 14, 9, tzinfo=PARIS).astimezone(UTC)
    started: list[int] = []
    threads = [threading.Thread(target=lambda: started.append(start_due_waves(world.office))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(started) == [0, 0, 0, 1]
    assert states(world, reference) == [WaveState.STARTED, WaveState.PLANNED, WaveState.PLANNED]
    assert [step for step, _, _ in history(world, reference)].count("start") == 1
    assert world.make_all(reference).count(Outcome.SEALED) == 1
    assert start_due_waves(world.office) == 0
    assert len(world.codes()) == 2


@pytest.mark.parametrize("name", ["advance", "let_go"])
def test_killed_while_a_wave_starts_it_starts_at_the_next_look(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    reference = scheduled(world)
    dies(monkeypatch, waves, name, after=True)
    with pytest.raises(Killed):
        on(world, 14)
    assert states(world, reference)[0] is WaveState.PLANNED
    assert world.campaign(reference).status is CampaignState.SCHEDULED
    assert on(world, 14) == 1
    assert world.make_all(reference).count(Outcome.SEALED) == 1
    assert len(world.codes()) == 2


def test_a_wave_missed_within_its_tolerance_leaves_dated_the_day_it_leaves_and_holds_the_next_a_day(
    world: World,
) -> None:
    reference = scheduled(world)
    assert on(world, 15) == 1
    assert start_due_waves(world.office) == 0  # one wave a day
    assert world.lots(reference)[0].letter_date == date(2016, 11, 15)
    assert on(world, 16) == 1
    assert states(world, reference) == [WaveState.STARTED, WaveState.STARTED, WaveState.PLANNED]
    assert on(world, 17) == 1


def test_workers_down_for_days_nothing_leaves_and_a_person_is_asked(world: World) -> None:
    reference = scheduled(world)
    assert on(world, 22) == 0
    assert states(world, reference) == [WaveState.LATE] * 3
    assert "n’est pas partie à temps" in (waves_at(world, reference)[0].reason or "")
    assert on(world, 23) == 0
    assert [step for step, _, _ in history(world, reference)].count("late_wave") == 3
    assert world.campaign(reference).status is CampaignState.SCHEDULED
    # The answer: leave tomorrow, the others behind.
    move(world, reference, 1, date(2016, 11, 24))
    assert [wave.planned_on.day for wave in waves_at(world, reference)] == [24, 25, 28]
    assert states(world, reference) == [WaveState.PLANNED] * 3
    assert on(world, 24) == 1


def test_a_clock_that_jumps_fires_nothing_even_on_the_day_of_a_later_wave(world: World) -> None:
    reference = scheduled(world, count=20)
    assert on(world, 14) == 1
    assert on(world, 22) == 0  # the day of wave 7; waves 2 to 5 are past, 6 and 7 are held behind them
    assert states(world, reference)[1:7] == [WaveState.LATE] * 4 + [WaveState.PLANNED] * 2
    assert on(world, 2) == 0  # and back: what has started stays started
    assert states(world, reference)[0] is WaveState.STARTED


def test_a_restored_copy_fires_nothing_then_asks_once_it_is_adopted(world: World) -> None:
    reference = scheduled(world)
    world.sql("UPDATE environment SET id = gen_random_uuid()")  # copied elsewhere
    assert on(world, 14) == 0
    assert states(world, reference)[0] is WaveState.PLANNED
    with world.session() as session, pytest.raises(WrongState, match="Envoi bloqué"):
        waves.start_wave(session, world.office, SYSTEM, reference, 1)
    adopt(world.settings.caisse_owner_url, world.office.environment, world.clock())
    assert on(world, 14, 10) == 0
    assert states(world, reference) == [WaveState.LATE, WaveState.PLANNED, WaveState.PLANNED]
    assert "peut-être déjà partie" in (waves_at(world, reference)[0].reason or "")
    with world.session() as session:
        waves.start_wave(session, world.office, manager(), reference, 1)
    assert states(world, reference)[0] is WaveState.STARTED
    assert on(world, 15) == 1  # the next was never in doubt


def test_paused_between_waves_nothing_starts_and_nothing_is_repeated_after(world: World) -> None:
    reference = scheduled(world)
    assert on(world, 14) == 1
    world.make_all(reference)
    world.do(actions.pause, reference, "grève annoncée")
    assert on(world, 15) == 0
    assert states(world, reference)[1] is WaveState.PLANNED
    with world.session() as session, pytest.raises(WrongState, match="reprenez-la"):
        waves.start_wave(session, world.office, SYSTEM, reference, 2)
    world.do(actions.resume, reference)
    assert world.campaign(reference).status is CampaignState.RUNNING
    assert start_due_waves(world.office) == 1
    world.make_all(reference)
    assert on(world, 16) == 1
    world.make_all(reference)
    assert world.campaign(reference).status is CampaignState.FINISHED
    people_written_to = [letter.person_id for letter in world.letters(reference) if letter.state == LetterState.SEALED]
    assert len(people_written_to) == len(set(people_written_to)) == len(world.codes()) == 6
    assert world.verify().clean


def test_paused_before_its_first_wave_a_campaign_is_scheduled_again_when_resumed(world: World) -> None:
    reference = scheduled(world)
    world.do(actions.pause, reference, "relecture")
    move(world, reference, 1, date(2016, 11, 15))  # a plan may change meanwhile
    assert world.status(reference).reason == "relecture"
    world.do(actions.resume, reference)
    assert world.campaign(reference).status is CampaignState.SCHEDULED
    assert on(world, 14) == 0
    assert on(world, 15) == 1


def test_a_pause_stops_a_lot_half_made_and_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from backoffice.campaigns import production

    monkeypatch.setattr(production, "LOOK_UP", 2)
    world.load(people(6))
    reference = world.launched(lot_size=6)
    (lot,) = world.lots(reference)
    real, calls = production._require_running, []

    def looked(office: Any, campaign: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            world.do(actions.pause, reference, "erreur vue à temps")
        real(office, campaign)

    monkeypatch.setattr(production, "_require_running", looked)
    assert world.make(lot) is Outcome.NOTHING
    assert len(calls) == 2
    assert not [path for path in world.out.rglob("*") if path.is_file()]
    assert {letter.state for letter in world.letters(reference)} == {LetterState.PLANNED}
    world.do(actions.resume, reference)
    assert world.make(lot) is Outcome.SEALED
    assert len(world.codes()) == 6
    assert world.verify().clean


def test_a_campaign_is_not_finished_while_a_wave_waits_or_asks(world: World) -> None:
    reference = scheduled(world)
    on(world, 14)
    world.make_all(reference)
    with world.session() as session:
        assert not actions.finish_if_done(session, world.office, SYSTEM, world.campaign(reference).id)
    on(world, 25)
    assert WaveState.LATE in states(world, reference)
    sweep(world.office)
    with world.session() as session:
        assert not actions.finish_if_done(session, world.office, SYSTEM, world.campaign(reference).id)
    assert world.verify().waiting == 4


def test_a_wave_given_up_frees_its_persons_and_lets_the_campaign_end(world: World) -> None:
    reference = scheduled(world, count=4)
    on(world, 14)
    world.make_all(reference)
    with world.session() as session, pytest.raises(Invalid, match="motif"):
        waves.abandon_wave(session, world.office, SYSTEM, reference, 2, " ")
    with world.session() as session:
        waves.abandon_wave(session, world.office, manager(), reference, 2, "quartier déjà écrit")
    assert states(world, reference) == [WaveState.STARTED, WaveState.CANCELLED]
    with world.session() as session:
        assert actions.finish_if_done(session, world.office, SYSTEM, world.campaign(reference).id)
    assert world.frozen(name="Seconde")
    assert world.status("REC-2016-0002").eligible == 2
    assert world.verify().clean
    with world.session() as session, pytest.raises(WrongState, match="ses vagues ne changent plus"):
        waves.abandon_wave(session, world.office, SYSTEM, reference, 1, "x")


def test_cancelling_gives_up_the_waves_to_come_and_keeps_what_left(world: World) -> None:
    reference = scheduled(world)
    on(world, 14)
    world.make_all(reference)
    world.do(cancelling.cancel, reference, "erreur de cible")
    assert states(world, reference) == [WaveState.STARTED, WaveState.CANCELLED, WaveState.CANCELLED]
    assert sorted(lot.status for lot in world.lots(reference)) == sorted(
        [LotState.SEALED, LotState.CANCELLED, LotState.CANCELLED]
    )
    assert len(world.codes()) == 2
    assert on(world, 15) == 0
    assert world.verify().clean


def test_unscheduled_a_campaign_is_approved_again_and_may_be_launched_in_one_go(world: World) -> None:
    reference = scheduled(world)
    with world.session() as session, pytest.raises(Invalid, match="motif"):
        waves.unschedule(session, world.office, SYSTEM, reference, "")
    with world.session() as session:
        waves.unschedule(session, world.office, manager(), reference, "imprimeur en congés")
    assert world.campaign(reference).status is CampaignState.APPROVED
    assert waves_at(world, reference) == []
    world.do(actions.launch, reference)
    assert [(wave.status, wave.letters) for wave in waves_at(world, reference)] == [(WaveState.STARTED, 6)]
    assert set(world.make_all(reference)) == {Outcome.SEALED}
    assert world.campaign(reference).status is CampaignState.FINISHED
    assert world.verify().clean


def test_a_campaign_launched_in_one_go_has_one_wave_a_letter_date(world: World) -> None:
    world.load(people(5))
    reference = world.sealed(per_day=2, letter_date=date(2016, 11, 10))
    assert [(wave.number, wave.planned_on.day, wave.letters) for wave in waves_at(world, reference)] == [
        (1, 10, 2), (2, 14, 2), (3, 15, 1),
    ]  # fmt: skip
    assert {lot.wave_id for lot in world.lots(reference)} == {wave.id for wave in waves_at(world, reference)}


def test_the_rest_of_a_running_plan_is_remade(world: World) -> None:
    reference = scheduled(world, count=8)
    on(world, 14)
    world.make_all(reference)
    with pytest.raises(Invalid, match="doit partir après"):
        schedule(world, reference, terms(MONDAY, 3))
    schedule(world, reference, terms(date(2016, 11, 21), 4))
    assert [(wave.number, wave.planned_on.day, wave.letters) for wave in waves_at(world, reference)] == [
        (1, 14, 2), (2, 21, 4), (3, 22, 2),
    ]  # fmt: skip
    for day in (21, 22):
        assert on(world, day) == 1
        world.make_all(reference)
    assert world.campaign(reference).status is CampaignState.FINISHED
    assert len(world.codes()) == 8
    assert world.verify().clean


def test_a_move_shows_before_and_after_and_writes_nothing_until_it_is_confirmed(world: World) -> None:
    reference = scheduled(world)
    with world.session() as session:
        shown = waves.planned_move(session, world.office, SYSTEM, reference, 2, date(2016, 11, 18), follow=False)
    assert [(old.day.day, new.day.day) for old, new in shown] == [(14, 14), (15, 18), (16, 21)]
    assert [wave.planned_on.day for wave in waves_at(world, reference)] == [14, 15, 16]
    move(world, reference, 2, date(2016, 11, 18))
    assert [(wave.planned_on.day, wave.latest_on.day) for wave in waves_at(world, reference)] == [
        (14, 15),
        (18, 21),
        (21, 22),
    ]
    assert sorted(lot.letter_date.day for lot in world.lots(reference)) == [14, 18, 21]
    assert history(world, reference)[-1][2] == "vague 2 : 15/11/2016 → 18/11/2016 ; vague 3 : 16/11/2016 → 21/11/2016"


def test_the_second_of_two_managers_is_told_who_changed_the_plan(world: World) -> None:
    reference = scheduled(world)
    with world.session() as session:
        plan = plan_of(session, world.campaign(reference))
        assert plan is not None
        seen = plan.version
    move(world, reference, 3, date(2016, 11, 18), actor=manager("helene.vidal"), seen=seen)
    late: list[Callable[[Session], object]] = [
        lambda session: waves.move_wave(
            session, world.office, manager(), reference, 3, date(2016, 11, 22), follow=False, seen=seen
        ),
        lambda session: waves.schedule(session, world.office, manager(), reference, terms(), seen=seen),
        lambda session: waves.start_wave(session, world.office, manager(), reference, 1, seen=seen),
        lambda session: waves.abandon_wave(session, world.office, manager(), reference, 1, "motif", seen=seen),
    ]
    for attempt in late:
        with world.session() as session, pytest.raises(WrongState, match=r"changé par helene\.vidal"):
            attempt(session)
    assert [wave.planned_on.day for wave in waves_at(world, reference)] == [14, 15, 18]


def test_two_managers_at_once_only_one_plan_is_written(world: World) -> None:
    world.load(people(6))
    reference = world.frozen()
    outcomes: list[str] = []

    def plan(per_day: int) -> None:
        try:
            schedule(world, reference, terms(per_day=per_day), seen=0)
            outcomes.append("fait")
        except WrongState as refusal:
            outcomes.append(str(refusal))

    threads = [threading.Thread(target=plan, args=(per_day,)) for per_day in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert outcomes.count("fait") == 1
    assert any("changé par" in outcome for outcome in outcomes)
    assert sum(lot.planned for lot in world.lots(reference)) == 6


def test_a_wave_started_by_hand_pushes_those_that_were_due(world: World) -> None:
    reference = scheduled(world)
    on(world, 17)
    assert states(world, reference)[:2] == [WaveState.LATE, WaveState.LATE]
    with world.session() as session, pytest.raises(WrongState, match="La vague 1 vient d’abord"):
        waves.start_wave(session, world.office, SYSTEM, reference, 2)
    with world.session() as session:
        waves.start_wave(session, world.office, manager(), reference, 1)
    found = waves_at(world, reference)
    assert [(wave.planned_on.day, wave.status) for wave in found] == [
        (17, WaveState.STARTED), (18, WaveState.PLANNED), (21, WaveState.PLANNED),
    ]  # fmt: skip
    assert found[0].started_by == manager().login
    with world.session() as session, pytest.raises(WrongState, match="rien à démarrer"):
        waves.start_wave(session, world.office, manager(), reference, 1)


def test_a_national_embargo_set_since_holds_a_wave_and_then_asks(world: World) -> None:
    reference = scheduled(world, tolerance=0)
    with world.session() as session:
        session.add(
            NationalEmbargo(
                first_day=MONDAY, last_day=MONDAY, label="grève postale", created_by="a", created_at=world.clock()
            )
        )
    assert on(world, 14) == 0
    assert "embargo (grève postale)" in (waves_at(world, reference)[0].reason or "")
    with pytest.raises(Invalid, match="grève postale"):
        move(world, reference, 1, MONDAY)
    other = world.frozen(name="Seconde")
    schedule(world, other, terms(embargoes=(Embargo(date(2016, 11, 15), date(2016, 11, 17), "fermeture"),)))
    assert waves_at(world, other)[0].planned_on == date(2016, 11, 18)


def test_who_may_plan_and_what_can_be_planned(world: World) -> None:
    world.load(people(2))
    draft = world.create(name="Brouillon")
    with pytest.raises(WrongState, match="brouillon"):
        schedule(world, draft)
    world.do(actions.submit, draft)
    world.do(actions.approve, draft)
    with pytest.raises(WrongState, match="en train d’être figée"):
        schedule(world, draft)
    reference = world.frozen()
    from backoffice.core.actor import Actor, Role

    supervisor = Actor("s", "s", frozenset({Role.SUPERVISOR}), frozenset({"631"}))
    with pytest.raises(NotAllowed):
        schedule(world, reference, actor=supervisor)
    with pytest.raises(NotFound):
        schedule(world, reference, actor=manager("x", "941"))
    with pytest.raises(WrongState, match="ses vagues ne changent plus"):
        move(world, reference, 1, MONDAY)
    done = world.sealed(name="Finie")
    with pytest.raises(WrongState, match="terminée"):
        schedule(world, done)
    assert paris_date(world.clock()) == date(2016, 11, 2)
    assert wave_clock.start_due_waves(world.office) == 0


def test_a_template_changed_since_the_approval_keeps_a_plan_from_being_made_and_its_first_wave_from_leaving(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.load(people(4))
    planned, approved = world.frozen(name="Programmée"), world.frozen(name="Approuvée")
    schedule(world, planned)
    monkeypatch.setattr(templates, "current_version", lambda *_: "autre")
    schedule(world, approved)
    with world.session() as session:
        waves.start_wave(session, world.office, manager(), planned, 1)
    for reference in (planned, approved):
        assert world.campaign(reference).status is CampaignState.DRAFT
        assert waves_at(world, reference) == []
    assert world.codes() == {}
