"""Signing in: password, one-time code, a password of one's own the first time, and nothing before that."""

import threading

import pytest
from sqlalchemy import text

from dmp_core.enrolment import dossiers
from dmp_core.errors import Invalid, Unavailable, WrongState
from dmp_core.holder import passwords
from dmp_core.holder.guard import TooMany
from dmp_core.holder.one_time import Channel, WrongCode
from dmp_core.holder.sessions import Client, Ending, Stage
from dmp_core.holder.signing_in import CLOSED, SHUT, SPENT, WRONG

from .world import AGENT, GOOD, HERE, World

ELSEWHERE = Client("198.51.100.200", AGENT)


def other(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def test_a_first_sign_in_asks_for_a_code_then_for_a_password_of_ones_own(world: World) -> None:
    who = world.someone(ready=False)
    sign_in = world.access.signing_in
    first = sign_in.give_password(f" {who.login.upper()} ", who.password, HERE)
    assert first.stage is Stage.CODE
    assert first.sent is not None
    assert first.sent.hint == "j•••@exemple.fr"
    second = sign_in.give_code(world.session(first.token), world.outside.code_for(who.mail), HERE)
    assert (second.stage, second.device_cookie) == (Stage.PASSWORD_CHANGE, None)
    third = sign_in.choose_password(world.session(second.token), GOOD, GOOD, HERE)
    assert third.stage is Stage.OPEN
    assert len({first.token, second.token, third.token}) == 3
    assert [world.access.sessions.find(old) for old in (first.token, second.token)] == [None, None]
    who.password = GOOD
    world.clock.forward(minutes=1)
    assert world.with_code(who, HERE, third.device_cookie or "").stage is Stage.OPEN


def test_wrong_password_and_unknown_login_get_one_answer(world: World) -> None:
    who = world.someone()
    for login, password in ((who.login, "autre chose"), ("zzzz0000", GOOD), ("", ""), ("é" * 3000, "x" * 5000)):
        with pytest.raises(WrongState) as refusal:
            world.access.signing_in.give_password(login, password, HERE)
        assert str(refusal.value) == WRONG


def test_a_known_and_an_unknown_login_cost_the_same_hashes_and_statements(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, hashes, statements = world.someone(), [], []
    real = passwords.verify_password
    monkeypatch.setattr(passwords, "verify_password", lambda stored, typed: hashes.append(1) or real(stored, typed))
    from sqlalchemy import event

    engine = world.store._engine
    listen = lambda conn, cursor, statement, *_: statements.append(statement)  # noqa: E731
    event.listen(engine, "before_cursor_execute", listen)
    try:
        work = []
        for login in (who.login, "zzzz9999"):
            hashes.clear()
            statements.clear()
            with pytest.raises(WrongState):
                world.access.signing_in.give_password(login, "faux", HERE)
            work.append((len(hashes), list(statements)))
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    assert work[0] == work[1]
    assert work[0][0] == 1


def test_an_initial_password_dies_once_its_code_was_given(world: World) -> None:
    who = world.someone(ready=False)
    world.with_code(who)
    world.clock.forward(minutes=1)
    with pytest.raises(WrongState) as refusal:
        world.access.signing_in.give_password(who.login, who.password, HERE)
    assert str(refusal.value) == SPENT


def test_an_initial_password_dies_after_seven_days(world: World) -> None:
    who = world.someone(ready=False)
    world.clock.forward(days=7)
    with pytest.raises(WrongState) as refusal:
        world.access.signing_in.give_password(who.login, who.password, HERE)
    assert str(refusal.value) == SPENT


def test_an_initial_password_cannot_be_kept(world: World) -> None:
    who = world.someone(ready=False)
    session = world.session(world.with_code(who).token)
    with pytest.raises(Invalid, match="celui que vous remplacez"):
        world.access.signing_in.choose_password(session, who.password, who.password, HERE)
    with pytest.raises(Invalid, match="diffèrent"):
        world.access.signing_in.choose_password(session, GOOD, GOOD + "e", HERE)


def test_three_wrong_codes_end_the_session_however_often_one_is_sent_again(world: World) -> None:
    who = world.someone()
    sign_in = world.access.signing_in
    session = world.session(sign_in.give_password(who.login, who.password, HERE).token)
    left = []
    for _ in range(3):
        with pytest.raises(WrongCode) as refusal:
            sign_in.give_code(session, other(world.outside.code_for(who.mail)), HERE)
        left.append(refusal.value.left)
        world.clock.forward(seconds=31)
        sign_in.resend_code(session)
    assert left == [2, 1, 0]
    assert world.access.sessions.find(session.token) is None


def test_five_wrong_codes_close_the_account_s_codes_whatever_the_session(world: World) -> None:
    who = world.someone()
    sign_in = world.access.signing_in
    for number in range(6):
        session = world.session(sign_in.give_password(who.login, who.password, HERE).token)
        with pytest.raises(TooMany if number == 5 else WrongCode):
            sign_in.give_code(session, other(world.outside.code_for(who.mail)), HERE)
        world.clock.forward(minutes=16)
    # The browser they signed in with before is counted apart.
    assert world.signed_in(who).stage is Stage.OPEN


def test_a_code_is_of_its_session_and_of_its_time(world: World) -> None:
    who = world.someone()
    sign_in = world.access.signing_in
    first = world.session(sign_in.give_password(who.login, who.password, HERE).token)
    code = world.outside.code_for(who.mail)
    second = world.session(sign_in.give_password(who.login, who.password, HERE).token)
    for session, typed in ((second, code), (first, code), (first, world.outside.code_for(who.mail))):
        with pytest.raises(WrongCode):
            sign_in.give_code(session, typed, HERE)
    world.clock.forward(minutes=10)
    with pytest.raises(WrongCode):
        sign_in.give_code(second, world.outside.code_for(who.mail), HERE)


def test_a_code_given_by_two_at_once_opens_one_session(world: World) -> None:
    who = world.someone()
    session = world.session(world.access.signing_in.give_password(who.login, who.password, HERE).token)
    code, opened, refused = world.outside.code_for(who.mail), [], []
    ready = threading.Barrier(2)

    def give() -> None:
        ready.wait()
        try:
            opened.append(world.access.signing_in.give_code(session, f" {code[:3]} {code[3:]} ", HERE))
        except WrongState as refusal:
            refused.append(refusal)

    threads = [threading.Thread(target=give) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(opened), len(refused)) == (1, 1)


def test_an_attack_on_the_login_does_not_keep_its_holder_out_of_their_own_browser(world: World) -> None:
    who = world.someone()
    for number in range(5):
        with pytest.raises(WrongState):
            world.access.signing_in.give_password(who.login, "faux", Client(f"203.0.113.{number}"))
    with pytest.raises(TooMany):
        world.access.signing_in.give_password(who.login, who.password, ELSEWHERE)
    assert world.signed_in(who).stage is Stage.OPEN
    with pytest.raises(TooMany):
        world.access.signing_in.give_password(who.login, who.password, ELSEWHERE)


def test_another_holder_s_device_is_no_device_of_mine(world: World) -> None:
    mine, theirs = world.someone(), world.someone()
    for _ in range(5):
        with pytest.raises(WrongState):
            world.access.signing_in.give_password(mine.login, "faux", ELSEWHERE, theirs.cookie)
    with pytest.raises(TooMany):
        world.access.signing_in.give_password(mine.login, mine.password, ELSEWHERE, theirs.cookie)


def test_two_holders_share_a_browser_and_a_planted_cookie_is_not_kept_as_a_device(world: World) -> None:
    first, second = world.someone(), world.someone(ready=True)
    planted = "A" * 43
    step = world.with_code(first, ELSEWHERE, f"{second.cookie}.{planted}")
    cookie = step.device_cookie or ""
    devices = world.access.devices
    assert devices.known(first.dossier, cookie)
    assert devices.known(second.dossier, cookie)
    assert devices.known(first.dossier, planted) is None


@pytest.mark.parametrize("change", ["suspend", "close"])
def test_a_dossier_that_is_shut_says_so_after_password_and_code_alone(world: World, change: str) -> None:
    who = world.someone()
    going_on = world.signed_in(who)
    world.clock.forward(minutes=1)
    with world.enrolment._engine.begin() as connection:
        if change == "suspend":
            dossiers.suspend(connection, world.clock(), who.dossier, "création contestée")
        else:
            dossiers.close(connection, world.clock(), who.dossier, dossiers.ClosedBy.CAISSE, "demande")
    assert world.access.sessions.find(going_on.token) is None
    with pytest.raises(WrongState) as refusal:
        world.access.signing_in.give_password(who.login, "faux", ELSEWHERE)
    assert str(refusal.value) == WRONG
    with pytest.raises(WrongState) as refusal:
        world.with_code(who, HERE, who.cookie)
    assert str(refusal.value) == (SHUT if change == "suspend" else CLOSED)


def test_a_new_device_is_told_to_the_holder_and_a_known_one_is_not(world: World) -> None:
    who = world.someone()
    world.outside.mails.clear()
    world.outside.texts.clear()
    world.signed_in(who)
    world.settle()
    assert not [notice for notice in world.outside.mails if "nouvel appareil" in notice.text]
    world.clock.forward(minutes=1)
    world.with_code(who, ELSEWHERE)
    world.settle()
    (told,) = [notice for notice in world.outside.mails if "nouvel appareil" in notice.text]
    assert "Firefox sur Windows" in told.text
    assert "10/01/2017 à 10 h 21" in told.text
    assert [notice.to for notice in world.outside.texts] == [who.mobile]
    for notice in world.outside.mails + world.outside.texts:
        for secret in (who.login, who.person.nir, "DUPONT", "LEGRAND", "JEANNE"):
            assert secret not in notice.subject + notice.text


def test_a_mail_server_that_refuses_is_one_clear_sentence_and_another_code_may_be_asked(world: World) -> None:
    who = world.someone()
    world.outside.away = True
    step = world.access.signing_in.give_password(who.login, who.password, HERE)
    assert step.problem is not None
    assert "n’a pas pu être envoyé" in step.problem
    assert "exemple.fr" not in step.problem
    world.outside.away = False
    world.clock.forward(seconds=31)
    sent = world.access.signing_in.resend_code(world.session(step.token), Channel.SMS)
    assert sent.hint == f"•• •• •• •• {who.mobile[-2:]}"
    code = world.outside.code_for(who.mobile)
    assert world.access.signing_in.give_code(world.session(step.token), code, HERE).stage is Stage.OPEN


def test_codes_are_sent_again_after_a_wait_and_five_times_in_fifteen_minutes(world: World) -> None:
    who = world.someone()
    sign_in = world.access.signing_in
    step = sign_in.give_password(who.login, who.password, HERE)
    session = world.session(step.token)
    with pytest.raises(TooMany, match="vient de vous être envoyé"):
        sign_in.resend_code(session)
    for _ in range(4):
        world.clock.forward(seconds=31)
        sign_in.resend_code(session)
    world.clock.forward(seconds=31)
    with pytest.raises(TooMany, match="Trop de codes"):
        sign_in.resend_code(session)
    another = sign_in.give_password(who.login, who.password, ELSEWHERE)
    assert another.problem is not None
    assert len([notice for notice in world.outside.mails if notice.to == who.mail and "votre code" in notice.text]) == 6


def test_changing_the_password_ends_the_other_sessions_and_is_told(world: World) -> None:
    who = world.someone()
    first = world.signed_in(who)
    world.clock.forward(minutes=1)
    second = world.signed_in(who)
    with pytest.raises(WrongState, match="mot de passe actuel"):
        world.access.signing_in.change_password(second, "faux", "la pluie du matin", "la pluie du matin")
    world.access.signing_in.change_password(second, GOOD, "la pluie du matin", "la pluie du matin")
    assert world.access.sessions.find(first.token) is None
    assert world.access.sessions.find(second.token) is not None
    world.settle()
    assert "mot de passe a été changé" in world.outside.mails[-1].text
    endings = [line.ending for line in world.access.connections.of(second)]
    assert endings[:2] == [None, Ending.PASSWORD]


def test_my_connections_tell_when_where_and_how_each_ended(world: World) -> None:
    who = world.someone()
    world.signed_in(who, Client("2001:db8:1:2::5", AGENT))
    world.clock.forward(hours=2)
    left = world.signed_in(who)
    world.access.signing_in.sign_out(left)
    world.clock.forward(minutes=1)
    third = world.signed_in(who)
    world.clock.forward(minutes=1)
    current = world.signed_in(who)
    assert world.access.signing_in.sign_out_everywhere(current) == 1
    assert world.access.sessions.find(third.token) is None
    lines = world.access.connections.of(current)
    assert [(line.ending, line.current) for line in lines] == [
        (None, True),
        (Ending.ELSEWHERE, False),
        (Ending.SIGNED_OUT, False),
        (Ending.EXPIRED, False),
        (Ending.SIGNED_OUT, False),
    ]
    assert lines[3].address == "2001:db8:1::/48"
    assert lines[0].address == "192.0.2.x"
    assert lines[0].device == "Firefox sur Windows"
    assert (lines[3].ended_at or world.clock()) - lines[3].began_at == world.access.limits.session_idle
    world.access.sessions.tidy()
    assert world.access.connections.of(current) == lines


def test_a_forgotten_device_is_a_stranger_again(world: World) -> None:
    who = world.someone()
    (device,) = world.access.devices.all_of(who.dossier)
    world.access.devices.forget(who.dossier, device.id)
    assert world.access.devices.known(who.dossier, who.cookie) is None


def test_no_secret_is_kept_in_clear(world: World) -> None:
    who = world.someone(ready=False)
    step = world.access.signing_in.give_password(who.login, who.password, HERE)
    code = world.outside.code_for(who.mail)
    with world.store.transaction(who.dossier) as connection:
        tables = [
            connection.execute(text(f"SELECT {columns} FROM enrolment.{table}")).all()
            for table, columns in (("password", "*"), ("one_time_code", "*"), ("session", "id, stage, device_label"))
        ]
    kept = str(tables) + repr(step) + repr(world.session(step.token))
    for secret in (who.password, step.token, code):
        assert secret not in kept


def test_a_database_that_is_away_is_said_in_one_sentence(world: World) -> None:
    from dmp_core.holder.store import HolderStore

    away = HolderStore("postgresql+psycopg://titulaire:x@127.0.0.1:1/dmp")
    with pytest.raises(Unavailable), away.transaction():
        pass
    away.close()
