"""A cancellation between the issue of new codes and their letters: who is left without is counted, and can be written to."""

from collections import Counter
from datetime import timedelta

import pytest

from backoffice.adapters.dmp import CodeStatus
from backoffice.campaigns import cancelling, sealing
from backoffice.campaigns.cancelling import left_by_cancelling, left_without_code
from backoffice.campaigns.criteria import Criteria, Earlier, Fate
from backoffice.campaigns.mailing import Mailer
from backoffice.campaigns.rules import CampaignState, Channel, ChannelRule
from campaigns.test_kinds import REMINDER_DAY, persons
from campaigns.world import Post, World, a_person


def reminder(world: World, **changes: object) -> str:
    """A reminder to four persons who hold the code of a first letter, in two lots."""
    first = world.sealed(channel_rule=ChannelRule.POST)
    world.clock.move(days=21)
    return world.launched(
        lot_size=2, kind="reminder", letter_date=REMINDER_DAY,
        criteria=Criteria(earlier=Earlier(first, Fate.LIVE)), **changes,
    )  # fmt: skip


def without(world: World, reference: str) -> int:
    with world.session() as session:
        return left_without_code(session, world.office, world.campaign(reference))


def told(world: World, reference: str) -> int:
    with world.session() as session:
        return left_by_cancelling(session, world.campaign(reference))


def live(world: World) -> set[int]:
    states = world.office.dmp.code_states("631", persons(world))
    return {person for person, state in states.items() if state.status is CodeStatus.LIVE}


def test_a_lot_killed_before_its_seal_is_counted_before_the_cancellation_and_its_persons_can_be_written_to(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.load([a_person() for _ in range(4)])
    reference = reminder(world, channel_rule=ChannelRule.POST)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    lot, _ = world.lots(reference)
    assert without(world, reference) == 0
    with monkeypatch.context() as patched:
        patched.setattr(sealing, "seal", killed)
        with pytest.raises(KeyboardInterrupt):
            world.make(lot)
    assert without(world, reference) == 2
    world.do(cancelling.cancel, reference, "erreur de cible")
    assert world.campaign(reference).status is CampaignState.CANCELLED
    assert told(world, reference) == 2
    assert len(live(world)) == 2  # of the lot that nobody had begun, the first letters still serve
    assert world.verify().clean
    again = world.launched(
        kind="remake", letter_date=REMINDER_DAY + timedelta(days=3), channel_rule=ChannelRule.POST,
        criteria=Criteria(earlier=Earlier(reference, Fate.WITHOUT)),
    )  # fmt: skip
    assert world.status(again).eligible == 2
    world.make_all(again)
    assert live(world) == set(persons(world))
    assert world.verify().clean


def test_an_email_put_off_when_the_campaign_is_cancelled_is_counted(
    world: World, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.load([a_person(canal="mail", email=f"{name}@exemple.fr") for name in "ab"])
    reference = reminder(world)
    (lot,) = world.lots(reference, Channel.MAIL)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Mailer, "send", killed)
        with pytest.raises(KeyboardInterrupt):
            world.make(lot, world.with_settings(**post.settings()))
    # The one whose message was being handed over may have it: doubtful, not counted.
    assert Counter(letter.state for letter in world.letters(reference)) == {"envoi": 1, "prevue": 1}
    assert without(world, reference) == 1
    world.do(cancelling.cancel, reference, "texte faux")
    assert told(world, reference) == 1
    assert len(live(world)) == 1


def test_a_recruitment_takes_no_code_from_anybody(world: World) -> None:
    world.load([a_person()])
    reference = world.launched()
    assert without(world, reference) == 0
    world.do(cancelling.cancel, reference, "erreur")
    assert told(world, reference) == 0
