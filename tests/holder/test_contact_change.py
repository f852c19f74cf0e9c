"""A contact changes by the password, a code on the old channel, and one on the new."""

import pytest

from dmp_core.errors import Invalid, WrongState
from dmp_core.holder.accounts import contacts_of
from dmp_core.holder.one_time import Channel, WrongCode

from .world import GOOD, Someone, World


def contacts(world: World, who: Someone) -> tuple[str | None, str | None]:
    with world.store.transaction(who.dossier) as connection:
        found = contacts_of(connection)
    return found.mail, found.mobile


def test_a_new_address_is_proved_on_both_sides_and_the_old_one_is_told(world: World) -> None:
    who = world.someone()
    session, change = world.signed_in(who), world.access.contact_change
    world.clock.forward(minutes=1)
    assert change.begin(session, GOOD, "mail", " nouvelle@Exemple.FR ", Channel.SMS).channel is Channel.SMS
    pending = change.pending(session)
    assert pending is not None
    assert (pending.hint, pending.old_proved) == ("n•••@exemple.fr", False)
    with pytest.raises(WrongState):
        change.prove_new(session, "123456")
    sent = change.prove_old(session, world.outside.code_for(who.mobile))
    assert sent is not None
    assert sent.hint == "n•••@exemple.fr"
    assert contacts(world, who) == (who.mail, who.mobile)
    change.prove_new(session, world.outside.code_for("nouvelle@exemple.fr"))
    assert contacts(world, who) == ("nouvelle@exemple.fr", who.mobile)
    assert change.pending(session) is None
    world.settle()
    assert who.mail in [notice.to for notice in world.outside.mails if "coordonnées" in notice.text]


def test_the_password_is_asked_again_and_the_old_channel_cannot_be_skipped(world: World) -> None:
    who = world.someone()
    session, change = world.signed_in(who), world.access.contact_change
    world.clock.forward(minutes=1)
    with pytest.raises(WrongState, match="mot de passe actuel"):
        change.begin(session, "faux", "mail", "nouvelle@exemple.fr")
    with pytest.raises(WrongState):
        change.prove_old(session, "123456")
    change.begin(session, GOOD, "mail", "nouvelle@exemple.fr")
    with pytest.raises(WrongCode):
        change.prove_old(session, "abcdef")
    with pytest.raises(WrongState):
        change.prove_new(session, "123456")
    assert contacts(world, who) == (who.mail, who.mobile)


def test_another_session_cannot_end_a_change(world: World) -> None:
    who = world.someone()
    first = world.signed_in(who)
    world.clock.forward(minutes=1)
    second, change = world.signed_in(who), world.access.contact_change
    world.clock.forward(minutes=1)
    change.begin(first, GOOD, "mail", "nouvelle@exemple.fr")
    with pytest.raises(WrongState):
        change.prove_old(second, world.outside.code_for(who.mail))


def test_a_mobile_is_added_and_withdrawn_but_one_contact_is_always_left(world: World) -> None:
    who = world.someone(mobile=False)
    session, change = world.signed_in(who), world.access.contact_change
    world.clock.forward(minutes=1)
    with pytest.raises(Invalid, match="seul moyen"):
        change.begin(session, GOOD, "mail", None)
    change.begin(session, GOOD, "mobile", "06 39 98 12 34")
    change.prove_old(session, world.outside.code_for(who.mail))
    change.prove_new(session, world.outside.code_for("+33639981234"))
    assert contacts(world, who) == (who.mail, "+33639981234")
    world.clock.forward(minutes=13)
    world.session(session.token)
    world.clock.forward(minutes=3)
    change.begin(session, GOOD, "mobile", None)
    assert change.prove_old(session, world.outside.code_for(who.mail)) is None
    assert contacts(world, who) == (who.mail, None)


@pytest.mark.parametrize(("kind", "value"), [("mail", "pas une adresse"), ("mobile", "01 23 45 67 89")])
def test_a_contact_that_cannot_be_one_is_refused_first(world: World, kind: str, value: str) -> None:
    who = world.someone()
    with pytest.raises(Invalid):
        world.access.contact_change.begin(world.signed_in(who), GOOD, kind, value)


def test_the_contact_there_is_already_is_no_change(world: World) -> None:
    who = world.someone()
    with pytest.raises(Invalid, match="déjà"):
        world.access.contact_change.begin(world.signed_in(who), GOOD, "mail", who.mail)
