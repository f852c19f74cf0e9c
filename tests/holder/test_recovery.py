"""Ways back in, none of which a NIR, or a NIR and a card, opens alone."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from dmp_core.enrolment.dossiers import Contacts
from dmp_core.errors import DmpError, Invalid, WrongState
from dmp_core.holder.guard import TooMany
from dmp_core.holder.one_time import Channel, WrongCode
from dmp_core.holder.recovery import REFUSED, Claim
from dmp_core.holder.sessions import Client, Session, Stage

from .world import AGENT, GOOD, HERE, Someone, World

NEW = "la pluie du matin"
ELSEWHERE = Client("198.51.100.200", AGENT)


def by_login(who: Someone, **changes: str) -> Claim:
    return Claim(**{"serial": who.person.serial, "login": who.login} | changes)


def by_nir(who: Someone, **changes: str) -> Claim:
    whole = {"serial": who.person.serial, "nir": who.person.nir, "birth_date": who.person.birth_date}
    return Claim(**whole | changes)


def begun(world: World, claim: Claim) -> Session:
    session = world.session(world.access.recovery.forgotten_password(claim, HERE))
    world.settle()
    return session


@pytest.mark.parametrize("claim", [by_login, by_nir])
def test_a_forgotten_password_is_replaced_by_card_and_one_time_code(world: World, claim) -> None:  # type: ignore[no-untyped-def]
    who = world.someone()
    going_on = world.signed_in(who)
    world.clock.forward(minutes=1)
    session = begun(world, claim(who))
    proved = world.session(world.access.recovery.give_code(session, world.outside.code_for(who.mail)))
    cookie = world.access.recovery.choose_password(proved, NEW, NEW, ELSEWHERE)
    world.settle()
    assert [world.access.sessions.find(s.token) for s in (going_on, session, proved)] == [None, None, None]
    assert [notice.to for notice in world.outside.texts if "mot de passe a été changé" in notice.text] == [who.mobile]
    assert [notice.to for notice in world.outside.mails if "mot de passe a été changé" in notice.text] == [who.mail]
    with pytest.raises(WrongState):
        world.access.signing_in.give_password(who.login, GOOD, HERE)
    who.password, who.cookie = NEW, cookie
    world.clock.forward(minutes=1)
    assert world.signed_in(who, ELSEWHERE).stage is Stage.OPEN


def test_whoever_asks_gets_a_session_and_only_the_right_one_a_code(world: World) -> None:
    who, nobody = world.someone(), world.insured()
    claims = [
        by_login(who, serial="0000000000"),
        by_login(who, login="zzzz0000"),
        by_nir(who, birth_date="1985-04-08"),
        by_nir(who, serial="123456789"),
        by_nir(who, nir="100000000000001"),
        Claim(serial=nobody.serial, nir=nobody.nir, birth_date=nobody.birth_date),  # insured, without a DMP
    ]
    before = len(world.outside.mails) + len(world.outside.texts)
    for claim in claims:
        session = begun(world, claim)
        assert session.stage is Stage.RECOVERY
        assert session.dossier_id is None
        left = []
        for _ in range(3):
            with pytest.raises(WrongCode) as refusal:
                world.access.recovery.give_code(session, "123456")
            left.append(refusal.value.left)
        assert left == [2, 1, 0]
        assert world.access.sessions.find(session.token) is None
    assert len(world.outside.mails) + len(world.outside.texts) == before


def test_the_work_of_the_answer_is_the_same_for_who_exists_and_who_does_not(world: World) -> None:
    who = world.someone()
    statements: list[str] = []
    engine = world.store._engine
    listen = lambda conn, cursor, statement, *_: statements.append(re.sub(r"\s+", " ", statement))  # noqa: E731
    event.listen(engine, "before_cursor_execute", listen)
    work = []
    world.access.afterwards.run = lambda _: None  # type: ignore[method-assign] - what comes after the answer is not it
    try:
        for claim in (by_login(who), by_login(who, login="zzzz0000"), by_nir(who), by_nir(who, serial="1")):
            statements.clear()
            asked = world.base.asked
            session = world.session(world.access.recovery.forgotten_password(claim, HERE))
            with pytest.raises(WrongCode):
                world.access.recovery.give_code(session, "000000")
            work.append((world.base.asked - asked, list(statements)))
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    assert work[0] == work[1] == work[2] == work[3]
    assert work[0][0] == 1


def test_a_password_cannot_be_chosen_before_the_code_is_given(world: World) -> None:
    who = world.someone()
    session = begun(world, by_login(who))
    with pytest.raises(WrongState):
        world.access.recovery.choose_password(session, NEW, NEW, HERE)
    with pytest.raises(WrongState):
        world.access.recovery.set_contacts(session, Contacts("a@exemple.fr"), NEW, NEW, HERE)
    with pytest.raises(WrongState):
        world.access.signing_in.give_code(session, world.outside.code_for(who.mail), HERE)


def test_a_code_to_recover_does_not_sign_in(world: World) -> None:
    who = world.someone()
    begun(world, by_login(who))
    recovering = world.outside.code_for(who.mail)
    world.clock.forward(minutes=1)
    session = world.session(world.access.signing_in.give_password(who.login, GOOD, HERE).token)
    if world.outside.code_for(who.mail) != recovering:
        with pytest.raises(WrongCode):
            world.access.signing_in.give_code(session, recovering, HERE)


def test_another_code_may_be_asked_after_a_wait_by_the_other_channel_and_the_answer_is_the_same(world: World) -> None:
    who = world.someone()
    for claim in (by_login(who), by_login(who, serial="1")):
        session = begun(world, claim)
        with pytest.raises(TooMany, match="vient d’être demandé"):
            world.access.recovery.resend_code(session)
        world.clock.forward(seconds=31)
        assert world.session(world.access.recovery.resend_code(session, Channel.SMS)).stage is Stage.RECOVERY
        world.settle()
    assert world.outside.code_for(who.mobile)


def test_asking_is_limited_by_login_whoever_asks(world: World) -> None:
    for login in (world.someone().login, "zzzz0000"):
        for number in range(5):
            claim = Claim(serial="1", login=login)
            world.access.recovery.forgotten_password(claim, Client(f"203.0.113.{number}"))
        with pytest.raises(TooMany):
            world.access.recovery.forgotten_password(claim, ELSEWHERE)


def test_a_forgotten_login_is_sent_to_the_contact_of_the_account_alone(world: World) -> None:
    who = world.someone()
    world.access.recovery.forgotten_login(by_nir(who), HERE)
    world.access.recovery.forgotten_login(by_nir(who, serial="1"), HERE)
    world.settle()
    (sent,) = [notice for notice in world.outside.mails if who.login in notice.text]
    assert sent.to == who.mail
    assert who.person.nir not in sent.text


def test_lost_channels_are_replaced_by_a_code_sent_by_post(world: World) -> None:
    who = world.someone()
    going_on = world.signed_in(who)
    offered = world.access.application.offer(going_on, GOOD)
    assert offered.secret
    code = world.code_by_post(who.person)
    recovery, person = world.access.recovery, who.person
    session = world.session(recovery.enter_code(person.nir, code, person.serial, ELSEWHERE))
    contacts = Contacts("nouvelle@Exemple.FR", None)
    with pytest.raises(Invalid):
        recovery.set_contacts(session, contacts, "jeanne1985", "jeanne1985", ELSEWHERE)
    cookie = recovery.set_contacts(session, contacts, NEW, NEW, ELSEWHERE)
    world.settle()
    told = [n.to for n in world.outside.mails + world.outside.texts if "code reçu par courrier" in n.text]
    assert told == [who.mail, who.mobile]
    assert world.access.sessions.find(going_on.token) is None
    assert [d.label for d in world.access.devices.all_of(who.dossier)] == ["Firefox sur Windows"]
    who.mail, who.password, who.cookie = "nouvelle@exemple.fr", NEW, cookie
    assert world.signed_in(who, ELSEWHERE).stage is Stage.OPEN
    with pytest.raises(WrongState, match="déjà servi"):
        recovery.enter_code(person.nir, code, person.serial, ELSEWHERE)


def test_the_code_is_consumed_with_the_change_or_not_at_all(world: World) -> None:
    who = world.someone()
    code, recovery, person = world.code_by_post(who.person), world.access.recovery, who.person
    tokens = [recovery.enter_code(person.nir, code, person.serial, HERE) for _ in range(2)]
    for bad in (Contacts(), Contacts("pas une adresse"), Contacts(None, "0123456789")):
        with pytest.raises(Invalid):
            recovery.set_contacts(world.session(tokens[0]), bad, NEW, NEW, HERE)
    sessions = [world.session(token) for token in tokens]
    recovery.set_contacts(sessions[0], Contacts("une@exemple.fr"), NEW, NEW, HERE)
    with pytest.raises(DmpError):
        recovery.set_contacts(
            sessions[1], Contacts("autre@exemple.fr"), "encore un autre mot", "encore un autre mot", HERE
        )
    with world.store.transaction(who.dossier) as connection:
        live = connection.scalars(text("SELECT value FROM enrolment.contact WHERE until IS NULL")).all()
    assert live == ["une@exemple.fr"]


def test_every_wrong_combination_of_nir_serial_and_code_gets_one_answer(world: World) -> None:
    who, other = world.someone(), world.someone()
    code, theirs = world.code_by_post(who.person), world.code_by_post(other.person)
    mine = who.person
    wrong = [
        (mine.nir, code, "000000000"),
        (mine.nir, theirs, mine.serial),
        (other.person.nir, code, other.person.serial),
        ("100000000000001", code, mine.serial),
        (mine.nir, "", ""),
    ]
    for nir, typed, serial in wrong:
        with pytest.raises(Invalid) as refusal:
            world.access.recovery.enter_code(nir, typed, serial, HERE)
        assert str(refusal.value) == REFUSED


def test_an_expired_code_is_said_to_who_gave_nir_and_serial_right_and_a_new_one_gets_through_an_attack(
    world: World,
) -> None:
    who = world.someone()
    person, recovery = who.person, world.access.recovery
    old = world.code_by_post(person)
    world.clock.forward(days=63)
    with pytest.raises(WrongState, match="deux mois"):
        recovery.enter_code(person.nir, old, person.serial, HERE)
    for number in range(5):
        with pytest.raises(DmpError):
            recovery.enter_code(person.nir, "FAUX", "1", Client(f"203.0.113.{number}"))
    world.clock.now += timedelta(minutes=1)
    new = world.code_by_post(person)
    world.clock.forward(minutes=1)
    with pytest.raises(TooMany):
        recovery.enter_code(person.nir, "FAUX", "1", ELSEWHERE)
    session = world.session(recovery.enter_code(person.nir, new, person.serial, HERE))
    assert session.stage is Stage.RECOVERY
