"""Opening a dossier and changing its state, as the portal does it: in one transaction, whole or not at all."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from enrolment_clock import LETTER, SetClock
from enrolment_people import CONSENT, CONTACTS, NOTHING, WHOLE, an_insured, code_state, rows, the
from sqlalchemy import Connection, Engine, event, text

from dmp_core.enrolment import dossiers
from dmp_core.enrolment.api import Enrolment
from dmp_core.enrolment.checking import consume
from dmp_core.enrolment.credentials import verify_password
from dmp_core.enrolment.dossiers import ClosedBy, Contacts, Opened, Way, open_dossier
from dmp_core.enrolment.insured import Insured
from dmp_core.errors import Invalid, NotFound, WrongState
from dmp_core.identity.identifiers import System
from dmp_core.identity.insc import compute
from dmp_core.storage.keyring import Keyring


def opened(
    connection: Connection, person: Insured, now: datetime | None = None, contacts: Contacts = CONTACTS
) -> Opened:
    return open_dossier(connection, now or the(), uuid4(), person, contacts, CONSENT, Way.ONLINE)


def bound(connection: Connection, dossier: UUID) -> None:
    connection.execute(text("SELECT set_config('dmp.dossier', :d, true)"), {"d": str(dossier)})


def a_code(enrolment: Enrolment, person: Insured) -> str:
    return enrolment.issue_codes(uuid4(), person.caisse, [person.person_id], LETTER).codes[person.person_id]


def with_code(engine: Engine, ring: Keyring, person: Insured, code: str) -> Opened | None:
    """The portal's creation: the code is used and the dossier opened, or neither."""
    with engine.begin() as connection:
        if not consume(connection, ring, person, code, the()):
            return None
        return opened(connection, person)


def test_opening_writes_the_dossier_its_identifiers_consent_account_contacts_and_event(
    holder_engine: Engine, owner_engine: Engine
) -> None:
    person = an_insured(given_name="Jeanne Éloïse")
    with holder_engine.begin() as connection:
        made = opened(connection, person)
    ins_c = compute("JEANNE ELOISE", "310800", person.nir)
    assert made.ins_c == ins_c
    assert rows(owner_engine, person) == WHOLE
    with owner_engine.connect() as connection:
        of = {"d": made.dossier_id}
        dossier = connection.execute(text("SELECT * FROM enrolment.dossier WHERE id = :d"), of).one()
        identifiers = connection.execute(
            text("SELECT system, value, valid_from, valid_to FROM enrolment.identifier WHERE dossier_id = :d"), of
        ).all()
        consent = connection.execute(text("SELECT * FROM enrolment.consent WHERE dossier_id = :d"), of).one()
        login = connection.scalar(text("SELECT login FROM enrolment.account WHERE dossier_id = :d"), of)
        password = connection.execute(text("SELECT * FROM enrolment.password WHERE dossier_id = :d"), of).one()
        contacts = connection.execute(text("SELECT kind, value FROM enrolment.contact WHERE dossier_id = :d"), of).all()
        told = connection.execute(
            text("SELECT kind, detail FROM enrolment.outbox WHERE person_id = :p"), {"p": person.person_id}
        ).one()
    assert (dossier.state, dossier.way, dossier.opened_at, dossier.prenom) == ("open", "online", the(), "Jeanne Éloïse")
    assert set(identifiers) == {
        (System.INS_C.value, ins_c, the(), None),
        (System.NIR.value, person.nir, the(), None),
    }
    assert (consent.at, consent.way, consent.terms, bytes(consent.terms_sha256), consent.wording) == (
        the(), "online", CONSENT.terms, CONSENT.terms_sha256, CONSENT.wording,
    )  # fmt: skip
    assert login == made.login
    assert password.hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert verify_password(password.hash, made.password)
    assert (password.initial, password.expires_at, password.used_at) == (True, the() + timedelta(days=7), None)
    assert set(contacts) == {("mail", "jeanne.essai@courriel.example"), ("mobile", "+33639981234")}
    assert (told.kind, told.detail) == ("dossier.opened", {"way": "online"})


def test_neither_password_nor_contact_nor_nir_is_shown_by_a_repr() -> None:
    made = Opened(uuid4(), the(), None, "bcdf1234", "HEd2bMhG")
    assert "HEd2bMhG" not in repr((made, CONTACTS))
    assert "courriel" not in repr(CONTACTS)
    assert "23108" not in repr(an_insured())


def test_who_can_have_no_ins_c_is_known_by_their_nir_alone(holder_engine: Engine, owner_engine: Engine) -> None:
    person = an_insured()
    person = replace(person, nir="7" + person.nir[1:])
    with holder_engine.begin() as connection:
        assert opened(connection, person).ins_c is None
    assert rows(owner_engine, person) == {**WHOLE, "identifier": 1}


@pytest.mark.parametrize("contacts", [Contacts(), Contacts(mail="pas une adresse"), Contacts(mobile="0123456789")])
def test_a_dossier_without_a_way_to_send_codes_is_not_opened(
    holder_engine: Engine, owner_engine: Engine, contacts: Contacts
) -> None:
    person = an_insured()
    with pytest.raises(Invalid), holder_engine.begin() as connection:
        opened(connection, person, contacts=contacts)
    assert rows(owner_engine, person) == NOTHING


def test_away_from_the_portal_somebody_must_have_collected_the_consent(holder_engine: Engine) -> None:
    alone = replace(CONSENT, collected_by=None)
    with pytest.raises(Invalid, match="recueilli"), holder_engine.begin() as connection:
        open_dossier(connection, the(), uuid4(), an_insured(), CONTACTS, alone, Way.PS)


@pytest.mark.parametrize("moved", [False, True])
def test_nobody_gets_a_second_dossier_not_even_under_another_caisse(
    holder_engine: Engine, owner_engine: Engine, moved: bool
) -> None:
    person = an_insured()
    with holder_engine.begin() as connection:
        opened(connection, person)
    again = replace(person, caisse="311", person_id=person.person_id + 1_000_000) if moved else person
    with holder_engine.begin() as connection:
        with pytest.raises(WrongState) as refusal:
            opened(connection, again)
        assert connection.scalar(text("SELECT 1")) == 1  # the caller's transaction goes on
    assert refusal.value.__cause__ is None
    assert person.nir not in str(refusal.value)
    assert rows(owner_engine, person) == WHOLE
    assert not moved or rows(owner_engine, again) == NOTHING


def test_a_login_drawn_twice_is_drawn_again(
    holder_engine: Engine, owner_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with holder_engine.begin() as connection:
        first = opened(connection, an_insured()).login
    drawn = iter([first, first])
    real = dossiers.draw_login
    monkeypatch.setattr(dossiers, "draw_login", lambda: next(drawn, None) or real())
    person = an_insured()
    with holder_engine.begin() as connection:
        assert opened(connection, person).login != first
    assert rows(owner_engine, person) == WHOLE


def test_two_browsers_with_one_code_open_one_dossier(
    enrolment: Enrolment, holder_engine: Engine, owner_engine: Engine, ring: Keyring
) -> None:
    person = an_insured()
    code = a_code(enrolment, person)
    together = Barrier(4)

    def attempt(_: int) -> Opened | None:
        together.wait()
        return with_code(holder_engine, ring, person, code)

    with ThreadPoolExecutor(4) as browsers:
        answers = list(browsers.map(attempt, range(4)))
    assert sum(answer is not None for answer in answers) == 1
    assert rows(owner_engine, person) == WHOLE
    assert code_state(owner_engine, person) == ["used"]


def test_portal_and_counter_at_once_open_one_dossier_and_refuse_the_other_in_a_sentence(
    enrolment: Enrolment, holder_engine: Engine, owner_engine: Engine, ring: Keyring
) -> None:
    person = an_insured()
    code = a_code(enrolment, person)
    together = Barrier(4)

    def counter() -> object:
        return enrolment.dossiers.open(uuid4(), person, CONTACTS, CONSENT, Way.COUNTER)

    def portal() -> object:
        return with_code(holder_engine, ring, person, code)

    def attempt(way: Callable[[], object]) -> object:
        together.wait()
        try:
            return way()
        except WrongState:
            return None

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(attempt, [counter, portal, counter, portal]))
    assert sum(answer is not None for answer in answers) == 1
    assert rows(owner_engine, person) == WHOLE
    assert code_state(owner_engine, person) in (["used"], ["revoked"])


class Struck(Exception):
    """What happens in the midst."""


def test_struck_at_any_statement_nothing_is_left_and_the_code_still_lives(
    enrolment: Enrolment, holder_engine: Engine, owner_engine: Engine, ring: Keyring
) -> None:
    person = an_insured()
    code = a_code(enrolment, person)
    count = 0
    last = 0

    def strike(*_: Any) -> None:
        nonlocal count
        count += 1
        if count == last:
            raise Struck

    event.listen(holder_engine, "before_cursor_execute", strike)
    try:
        while True:
            last, count = last + 1, 0
            with suppress(Struck):
                if with_code(holder_engine, ring, person, code):
                    break
            assert rows(owner_engine, person) == NOTHING
            assert code_state(owner_engine, person) == ["live"]
    finally:
        event.remove(holder_engine, "before_cursor_execute", strike)
    assert last > 10
    assert rows(owner_engine, person) == WHOLE
    assert code_state(owner_engine, person) == ["used"]


KILLED = """
import json, os, sys, time
from datetime import datetime, UTC
from uuid import uuid4
from pathlib import Path
from sqlalchemy import event
from dmp_core.enrolment.checking import consume
from dmp_core.enrolment.dossiers import Consent, Contacts, Way, open_dossier
from dmp_core.enrolment.insured import Insured
from dmp_core.storage.engine import engine_for
from dmp_core.storage.keyring import Keyring

given = json.load(sys.stdin)
engine = engine_for(given["url"], application="killed")
ring = Keyring.load(Path(given["keys"]))
person = Insured(**given["person"])

def ready(*_):
    print("ready", flush=True)
    time.sleep(3600)

@event.listens_for(engine, "before_cursor_execute")
def strike(connection, cursor, statement, *_):
    if given["at"] and given["at"] in statement:
        ready()

now = datetime(2017, 1, 16, 9, tzinfo=UTC)
with engine.begin() as connection:
    assert consume(connection, ring, person, given["code"], now)
    consent = Consent("2016-07", bytes(32), "oui")
    open_dossier(connection, now, uuid4(), person, Contacts(mail="a.b@courriel.example", mobile="0639981234"),
        consent, Way.ONLINE)
ready()
"""


@pytest.mark.crash
@pytest.mark.parametrize("at", ["INTO enrolment.account", "INTO enrolment.outbox", ""])
def test_a_process_killed_in_the_midst_of_an_opening_leaves_none_or_one_whole(
    at: str, cluster: Any, caisse_engine: Engine, clock: SetClock, owner_engine: Engine, holder_engine: Engine,
    tmp_path: Any,
) -> None:  # fmt: skip
    path = tmp_path / "clés" / "codes.json"
    keys = Keyring.create_if_missing(path)
    person = an_insured()
    code = a_code(Enrolment(caisse_engine, keys, clock), person)
    given = {
        "url": cluster.url("titulaire", "dmp"), "keys": str(path), "person": dataclasses.asdict(person),
        "code": code, "at": at,
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as it:
        assert it.stdin is not None
        assert it.stdout is not None
        it.stdin.write(json.dumps(given))
        it.stdin.close()
        assert it.stdout.readline() == "ready\n"
        it.kill()
    # The dead one's locks last until its server process notices: the next attempt waits for that, no longer.
    again = with_code(holder_engine, keys, person, code)
    assert (again is None) == (at == "")
    assert rows(owner_engine, person) == WHOLE
    assert code_state(owner_engine, person) == ["used"]


def test_renewing_ends_the_password_before_and_keeps_the_login(holder_engine: Engine, owner_engine: Engine) -> None:
    with holder_engine.begin() as connection:
        made = opened(connection, an_insured())
    later = the(15)
    with holder_engine.begin() as connection:
        bound(connection, made.dossier_id)
        password = dossiers.renew_initial_password(connection, later, made.dossier_id)
    with owner_engine.connect() as connection:
        known = connection.execute(
            text("SELECT hash, ended_at, expires_at FROM enrolment.password WHERE dossier_id = :d ORDER BY created_at"),
            {"d": made.dossier_id},
        ).all()
    assert [row.ended_at for row in known] == [later, None]
    assert known[1].expires_at == later + timedelta(days=7)
    assert verify_password(known[1].hash, password)
    assert not verify_password(known[1].hash, made.password)


def test_two_renewals_at_once_leave_one_live_password(holder_engine: Engine, owner_engine: Engine) -> None:
    with holder_engine.begin() as connection:
        made = opened(connection, an_insured())
    together = Barrier(4)

    def renew(_: int) -> str:
        together.wait()
        with holder_engine.begin() as connection:
            bound(connection, made.dossier_id)
            return dossiers.renew_initial_password(connection, the(), made.dossier_id)

    with ThreadPoolExecutor(4) as pool:
        passwords = list(pool.map(renew, range(4)))
    with owner_engine.connect() as connection:
        live = connection.scalars(
            text("SELECT hash FROM enrolment.password WHERE dossier_id = :d AND ended_at IS NULL"),
            {"d": made.dossier_id},
        ).all()
    assert len(live) == 1
    assert sum(verify_password(live[0], password) for password in passwords) == 1


def test_the_holder_closes_and_the_dossier_is_kept_ten_years_from_that_day_in_paris(
    holder_engine: Engine, owner_engine: Engine
) -> None:
    person = an_insured()
    with holder_engine.begin() as connection:
        made = opened(connection, person)
    night = datetime(2020, 2, 28, 23, 30, tzinfo=UTC)  # 29 February in Paris
    with holder_engine.begin() as connection:
        bound(connection, made.dossier_id)
        dossiers.close(connection, night, made.dossier_id, ClosedBy.HOLDER)
    with owner_engine.connect() as connection:
        kept = connection.execute(
            text("SELECT state, keep_until, closed_by, reason FROM enrolment.dossier WHERE id = :d"),
            {"d": made.dossier_id},
        ).one()
        told = connection.execute(
            text("SELECT kind, detail FROM enrolment.outbox WHERE person_id = :p ORDER BY id"), {"p": person.person_id}
        ).all()
    assert tuple(kept) == ("closed", date(2030, 2, 28), "holder", None)
    assert [row.kind for row in told] == ["dossier.opened", "dossier.closed"]
    assert told[1].detail == {"by": "holder"}


@pytest.mark.parametrize("again", [False, True])
def test_a_holder_can_neither_close_twice_nor_reopen_nor_suspend(holder_engine: Engine, again: bool) -> None:
    with holder_engine.begin() as connection:
        made = opened(connection, an_insured())
        if again:
            dossiers.close(connection, the(), made.dossier_id, ClosedBy.HOLDER)
    acts: list[Callable[[Connection], None]] = [
        lambda c: dossiers.suspend(c, the(), made.dossier_id, "essai"),
        lambda c: dossiers.reopen(c, the(), made.dossier_id, "essai"),
        lambda c: dossiers.resume(c, the(), made.dossier_id, "essai"),
    ]
    if again:
        acts.append(lambda c: dossiers.close(c, the(), made.dossier_id, ClosedBy.HOLDER))
    for act in acts:
        with holder_engine.connect() as connection:
            bound(connection, made.dossier_id)
            # In our rules where the state forbids it, else in the database, whose trigger has the last word.
            with pytest.raises(Exception, match=r"il ne peut pas être|no change from"):
                act(connection)


def test_who_is_bound_to_another_dossier_finds_none_to_change(holder_engine: Engine) -> None:
    with holder_engine.begin() as connection:
        made = opened(connection, an_insured())
    with holder_engine.begin() as connection:
        other = opened(connection, an_insured())
    for binding in (other.dossier_id, None):
        with holder_engine.connect() as connection:
            if binding is not None:
                bound(connection, binding)
            with pytest.raises(NotFound):
                dossiers.close(connection, the(), made.dossier_id, ClosedBy.HOLDER)
            with pytest.raises(NotFound):
                dossiers.renew_initial_password(connection, the(), made.dossier_id)
