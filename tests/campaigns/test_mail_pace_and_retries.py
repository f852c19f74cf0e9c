"""What a mail server puts off comes back later, and leaves at the pace of the house."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from backoffice.adapters.mailer import Mailer
from backoffice.campaigns import actions, cancelling, mailing
from backoffice.campaigns.incidents import BACK_OFF, IncidentState
from backoffice.campaigns.pace import take_turn
from backoffice.campaigns.production import Outcome
from backoffice.campaigns.rules import CampaignState, Channel, LotState
from backoffice.campaigns.work import work_until_done
from backoffice.office import Office
from backoffice.worker import sweep
from campaigns.world import Post, World, a_person


@pytest.fixture
def office(world: World, post: Post) -> Office:
    return world.with_settings(**post.settings())


def by_mail(name: str, domain: str = "exemple.fr") -> list[str]:
    return a_person(canal="mail", email=f"{name}@{domain}", adresse_4=f"{name} RUE")


def make(world: World, office: Office, reference: str) -> Outcome:
    (lot,) = world.lots(reference, Channel.MAIL)
    return world.make(lot, office)


def states(world: World, reference: str) -> list[str]:
    return [letter.state for letter in world.letters(reference)]


def incidents(world: World) -> list[Any]:
    return world.sql("SELECT state, cause, channel, attempts, next_at FROM mail_incident ORDER BY letter_number")


def test_a_full_mailbox_is_tried_again_less_and_less_often_then_left_to_the_post(
    world: World, office: Office, post: Post
) -> None:
    world.load([by_mail("a"), by_mail("b", "saturee.example.org")])
    reference = world.launched()
    assert make(world, office, reference) is Outcome.NOTHING
    assert states(world, reference) == ["envoyee", "prevue"]
    for attempt, pause in enumerate(BACK_OFF, 1):
        assert incidents(world) == [(IncidentState.RETRY, "attente", "mail", attempt, world.clock.now + pause)]
        assert world.lots(reference, Channel.MAIL)[0].retry_at == world.clock.now + pause
        assert world.campaign(reference).status is CampaignState.RUNNING  # not over before all is settled
        world.clock.now += pause - timedelta(seconds=1)
        assert make(world, office, reference) is Outcome.NOTHING
        assert incidents(world)[0].attempts == attempt
        world.clock.move(seconds=1)
        make(world, office, reference)
    assert incidents(world) == [(IncidentState.RELAY, "attente", "courrier", len(BACK_OFF) + 1, None)]
    assert states(world, reference) == ["envoyee", "exception"]
    assert world.lots(reference, Channel.MAIL)[0].status is LotState.SENT
    assert world.campaign(reference).status is CampaignState.FINISHED
    assert len(world.codes()) == 1
    assert post.recipients() == ["a@exemple.fr"]
    assert world.verify().clean


def test_a_message_put_off_leaves_once_when_its_server_takes_it(world: World, office: Office, post: Post) -> None:
    world.load([by_mail("b", "saturee.example.org")])
    reference = world.launched()
    make(world, office, reference)
    (earlier,) = world.codes()
    world.sql("UPDATE person SET email = 'b@exemple.fr'")
    world.clock.now += BACK_OFF[0]
    assert make(world, office, reference) is Outcome.SEALED
    assert post.recipients() == ["b@exemple.fr"]
    assert incidents(world)[0][:2] == (IncidentState.SOLVED, "attente")
    assert set(world.codes()).isdisjoint({earlier})
    assert len(world.codes()) == 1
    assert world.verify().clean


def test_no_bell_is_rung_for_a_lot_whose_messages_were_all_put_off(world: World, office: Office) -> None:
    world.load([by_mail("b", "saturee.example.org")])
    reference = world.launched()
    make(world, office, reference)
    assert sweep(office) == 0
    work_until_done(office, world.campaign(reference).id)  # comes back instead of turning round
    world.clock.now += BACK_OFF[0]
    assert sweep(office) == 1


def test_a_pause_between_a_message_put_off_and_others_that_wait_holds_none_of_them_back(
    world: World, office: Office, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.load([by_mail("a", "saturee.example.org"), by_mail("b")])
    reference = world.launched()
    real = mailing._Sending._put_off

    def pausing(self: Any, *arguments: Any) -> None:
        real(self, *arguments)
        world.do(actions.pause, reference, "imprévu")

    with monkeypatch.context() as patched:
        patched.setattr(mailing, "LOOK_UP", 1)
        patched.setattr(mailing._Sending, "_put_off", pausing)
        make(world, office, reference)
    assert world.lots(reference, Channel.MAIL)[0].retry_at is None
    world.do(actions.resume, reference)
    make(world, office, reference)
    assert post.recipients() == ["b@exemple.fr"]


def test_a_campaign_cancelled_tries_nothing_again(world: World, office: Office, post: Post) -> None:
    world.load([by_mail("a", "saturee.example.org")])
    reference = world.launched()
    make(world, office, reference)
    world.do(cancelling.cancel, reference, "erreur")
    assert incidents(world)[0].state == IncidentState.CLOSED
    assert world.codes() == {}
    world.clock.now += BACK_OFF[0]
    assert make(world, office, reference) is Outcome.NOTHING


def test_a_server_that_refuses_us_before_the_message_leaves_no_doubt(
    world: World, office: Office, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    import smtplib

    from backoffice.core.errors import Unavailable

    world.load([by_mail("a"), by_mail("b")])
    reference = world.launched()
    with monkeypatch.context() as patched:
        patched.setattr(smtplib.SMTP, "rcpt", lambda *_: (421, b"4.3.2 fermeture"))
        with pytest.raises(Unavailable):
            make(world, office, reference)
    assert states(world, reference) == ["prevue", "prevue"]
    make(world, office, reference)
    assert post.recipients() == ["a@exemple.fr", "b@exemple.fr"]
    assert world.status(reference).doubtful == 0


def test_turns_are_handed_out_one_interval_apart_whoever_asks(world: World) -> None:
    office = world.with_settings(mail_per_minute=60)
    take_turn(office)
    world.sql("UPDATE mail_pace SET next_at = now() + interval '1 hour'")
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda _: take_turn(office), range(40)))
    ((spent,),) = world.sql("SELECT next_at - now() FROM mail_pace")
    assert timedelta(hours=1, seconds=40) - timedelta(minutes=2) < spent <= timedelta(hours=1, seconds=40)
    world.sql("UPDATE mail_pace SET next_at = now() - interval '1 day'")
    assert take_turn(office) <= 0  # what was not used yesterday is not made up for
    assert 0 < take_turn(office) <= 1
    assert take_turn(world.office) == 0.0  # no limit


def test_a_slow_pace_sends_everything_and_a_pause_is_seen_while_waiting(
    world: World, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = world.with_settings(**post.settings(), mail_per_minute=60)
    world.load([by_mail(name) for name in "abc"])
    reference = world.launched()
    waited: list[float] = []
    real = Mailer.send

    def send(self: Mailer, mail: Any, at: Any) -> None:
        real(self, mail, at)
        if len(post.recipients()) == 2:
            world.do(actions.pause, reference, "imprévu")

    with monkeypatch.context() as patched:
        patched.setattr(mailing.time, "sleep", waited.append)
        patched.setattr(Mailer, "send", send)
        make(world, office, reference)
    assert post.recipients() == ["a@exemple.fr", "b@exemple.fr"]
    assert waited
    assert max(waited) <= 1
    world.do(actions.resume, reference)
    with monkeypatch.context() as patched:
        patched.setattr(mailing.time, "sleep", waited.append)
        make(world, office, reference)
    assert post.recipients() == ["a@exemple.fr", "b@exemple.fr", "c@exemple.fr"]
    assert world.verify().clean
