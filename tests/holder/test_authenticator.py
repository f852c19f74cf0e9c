"""The authenticator application: RFC 6238, sealed, each code once, and instead of e-mail and SMS."""

import threading
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import text

from dmp_core.errors import DmpError, WrongState
from dmp_core.holder.one_time import Channel, WrongCode
from dmp_core.holder.recovery import Claim
from dmp_core.holder.sessions import Stage

from .world import GOOD, HERE, Someone, World


def set_up(world: World, who: Someone) -> pyotp.TOTP:
    """The holder's telephone."""
    session = world.signed_in(who)
    offered = world.access.application.offer(session, GOOD)
    phone = pyotp.parse_uri(offered.uri)
    assert isinstance(phone, pyotp.TOTP)
    assert phone.secret == offered.secret.replace(" ", "")
    with pytest.raises(WrongState):
        world.access.application.confirm(session, "000000" if shown(world, phone) != "000000" else "111111")
    assert not world.access.application.is_set_up(session)
    world.access.application.confirm(session, shown(world, phone))
    world.settle()
    world.clock.forward(minutes=1)
    return phone


def shown(world: World, phone: pyotp.TOTP, steps: int = 0) -> str:
    return phone.at(world.clock.now + timedelta(seconds=30 * steps))


def begun(world: World, who: Someone) -> tuple[str, Channel]:
    step = world.access.signing_in.give_password(who.login, GOOD, HERE, who.cookie)
    assert step.sent is not None
    return step.token, step.sent.channel


def test_once_set_up_it_replaces_e_mail_and_sms(world: World) -> None:
    who = world.someone()
    phone = set_up(world, who)
    before = len(world.outside.mails)
    token, channel = begun(world, who)
    assert channel is Channel.APPLICATION
    assert len(world.outside.mails) == before
    step = world.access.signing_in.give_code(world.session(token), shown(world, phone), HERE, who.cookie)
    assert step.stage is Stage.OPEN


def test_one_step_of_drift_is_taken_and_two_are_not(world: World) -> None:
    who = world.someone()
    phone = set_up(world, who)
    world.clock.forward(minutes=5)
    for drift, accepted in ((-2, False), (2, False), (-1, True), (1, True)):
        assert world.access.authenticator.accepts(who.dossier, shown(world, phone, drift)) is accepted


def test_a_step_that_served_never_serves_again_even_for_two_at_once(world: World) -> None:
    who = world.someone()
    phone = set_up(world, who)
    code, said = shown(world, phone), []
    ready = threading.Barrier(2)

    def give() -> None:
        ready.wait()
        said.append(world.access.authenticator.accepts(who.dossier, code))

    threads = [threading.Thread(target=give) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == [False, True]
    assert not world.access.authenticator.accepts(who.dossier, shown(world, phone, -1))


def test_its_tries_are_limited_like_the_others(world: World) -> None:
    who = world.someone()
    set_up(world, who)
    token, _ = begun(world, who)
    session, left = world.session(token), []
    for _ in range(3):
        with pytest.raises(WrongCode) as refusal:
            world.access.signing_in.give_code(session, "abcdef", HERE, who.cookie)
        left.append(refusal.value.left)
    assert left == [2, 1, 0]
    assert world.access.sessions.find(token) is None


def test_it_recovers_a_forgotten_password_without_any_message(world: World) -> None:
    who = world.someone()
    phone = set_up(world, who)
    world.settle()
    before = len(world.outside.mails) + len(world.outside.texts)
    token = world.access.recovery.forgotten_password(Claim(serial=who.person.serial, login=who.login), HERE)
    world.settle()
    assert len(world.outside.mails) + len(world.outside.texts) == before
    proved = world.access.recovery.give_code(world.session(token), shown(world, phone))
    assert world.session(proved).data["proved"]


def test_it_is_withdrawn_by_password_and_code_and_the_holder_is_told(world: World) -> None:
    who = world.someone()
    phone = set_up(world, who)
    token, _ = begun(world, who)
    session = world.session(
        world.access.signing_in.give_code(world.session(token), shown(world, phone), HERE, who.cookie).token
    )
    with pytest.raises(DmpError):
        world.access.application.offer(session, GOOD)
    world.clock.forward(seconds=30)
    with pytest.raises(WrongState):
        world.access.application.withdraw(session, "faux", shown(world, phone))
    world.access.application.withdraw(session, GOOD, shown(world, phone))
    assert not world.access.application.is_set_up(session)
    world.settle()
    assert "retirée" in world.outside.texts[-1].text


def test_the_secret_is_sealed_for_its_dossier(world: World) -> None:
    who, other = world.someone(), world.someone()
    phone = set_up(world, who)
    with world.store.transaction(who.dossier) as connection:
        secret, key = connection.execute(text("SELECT secret, key_id FROM enrolment.authenticator")).one()
    assert phone.secret.encode() not in bytes(secret)
    with world.store.transaction(other.dossier) as connection:
        connection.execute(
            text(
                "INSERT INTO enrolment.authenticator (dossier_id, secret, key_id, created_at, confirmed_at) "
                "VALUES (:d, :s, :k, :n, :n)"
            ),
            {"d": other.dossier, "s": secret, "k": key, "n": world.clock.now},
        )
    with pytest.raises(DmpError):
        world.access.authenticator.accepts(other.dossier, shown(world, phone))
