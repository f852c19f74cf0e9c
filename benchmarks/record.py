"""How fast the record answers with its gate, trace and encryption on, against the same application answering an empty page.

    .venv/bin/python benchmarks/record.py                    five seconds a gesture on two processes, about two minutes
    .venv/bin/python benchmarks/record.py --seconds 20 --processes 4 --json

The mobile API and that of practice software (FHIR R4) over their real databases, called without sockets: sixty dossiers of
twenty documents of 40 kB, all of one doctor's patients. Every gesture is timed in each round, in an order that changes, so
that a busy machine slows all alike. Told for each: calls a second over all processes, their ratio to the empty page, and the
milliseconds of processor that a call takes of the application (its caller's too) and of PostgreSQL, which a busy machine
changes little: two cores hold at most 2,000 by their sum. At the end the trace is counted: one line for each access made.
Persons and cards are synthetic; the data folder goes when the benchmark ends.
"""

import argparse
import base64
import json
import multiprocessing
import random
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import psutil
from bench import a_pdf, installed
from cryptography.hazmat.primitives.serialization import Encoding
from flask import Flask, Response
from flask.testing import FlaskClient
from sqlalchemy import text

from backoffice import professionals
from backoffice.mondmp import create_app
from backoffice.settings import Settings
from dmp_core.access import circle
from dmp_core.access.circle import Member
from dmp_core.access.rules import Basis, Relation
from dmp_core.enrolment.dossiers import Consent, Contacts, Way, open_dossier
from dmp_core.enrolment.insured import Insured
from dmp_core.holder.access import Access
from dmp_core.holder.mobile import OFFLINE, READ, WRITE, Application, Kind
from dmp_core.identity.nir import key_of
from dmp_core.portals.mobile.access import public
from dmp_core.portals.professionals.card import PEER
from dmp_core.professionals.authority import TestAuthority
from dmp_core.storage.engine import engine_for

DOSSIERS: Final = 60
DOCUMENTS: Final = 20
ROUNDS: Final = 3
EMPTY: Final = "empty page"


@dataclass(frozen=True)
class Holder:
    """A dossier, the token of its holder's application, and the ids of its documents."""

    dossier: UUID
    token: str
    documents: list[str]


def deposit(client: FlaskClient, token: str) -> str:
    """One document deposited by the API; its id."""
    told = {
        "resourceType": "DocumentReference",
        "status": "current",
        "type": {"coding": [{"code": "EXPPAT_2"}]},
        "content": [{"attachment": {"title": "Document d’essai", "data": base64.b64encode(a_pdf()).decode()}}],
    }
    answer = client.post(
        "/api/fhir/DocumentReference", data=json.dumps(told), headers={"Authorization": f"Bearer {token}"},
        content_type="application/fhir+json",
    )  # fmt: skip
    if answer.status_code != 201:
        raise RuntimeError(f"a deposit was refused: {answer.status_code}")
    return str((answer.json or {})["id"])


def served(settings: Settings) -> Flask:
    """The portal, with an empty page beside the calls of its API."""
    app = create_app(settings)
    api: Flask = app.extensions["mondmp.api"]
    api.add_url_rule("/vide", "empty", public(lambda: Response("", content_type="application/fhir+json")))
    return app


def a_doctor(settings: Settings, holders: list[Holder]) -> bytes:
    """The certificate of a doctor whom each of these holders authorised."""
    now = datetime.now(UTC)
    authority = TestAuthority(now)
    authority.publish(settings.professionals.trust, now)
    card = authority.card("810000000017", "MARTIN", "ANNE", "Médecin", now - timedelta(hours=1))
    who = Member("810000000017", "ANNE MARTIN", "G15_10")
    with engine_for(settings.dmp_owner_url, application="benchmark").begin() as connection:
        for each in holders:
            relation = Relation(Basis.CONSENT, sees_all=False, since=now, until=now + timedelta(days=365))
            circle.relate(connection, each.dossier, who, relation, circle.BY_HOLDER)
    return card.certificate.public_bytes(Encoding.DER)


def holders_of(app: Flask) -> Iterator[Holder]:
    """Dossiers with their documents, deposited by the API as an application would."""
    parts, access = app.extensions["mondmp"], app.extensions["mondmp.access"]
    assert isinstance(access, Access)
    consent, application = Consent("2016-11-02", bytes(32), "J’accepte"), Application("demonstration", "Essai", ())
    client, _contacts = app.test_client(), Contacts(mail="titulaire@exemple.fr")
    for number in range(DOSSIERS):
        nir13 = f"1520548{number // 999 + 1:03}{number % 999 + 1:03}"
        person = Insured(
            caisse="631", person_id=number + 1, nir=nir13 + key_of(nir13), civilite="M", birth_name="Dupond",
            usual_name="", given_name="Nicolas", birth_date="1952-05-11", serial="1000000000", card_type="photo",
            may_open=True,
        )  # fmt: skip
        with parts.store.transaction() as connection:
            opened = open_dossier(
                connection, parts.clock(), uuid4(), person, Contacts(mail="titulaire@exemple.fr"), consent, Way.ONLINE
            )
        scope = f"{READ} {WRITE} {OFFLINE}"
        code = access.mobile.grant(opened.dossier_id, application, scope, "http://127.0.0.1/retour", "x")
        granted = access.mobile.take_code(code, "demonstration")
        assert granted is not None
        token = secrets.token_urlsafe(32)
        access.mobile.keep(granted, Kind.ACCESS, token, scope)
        yield Holder(opened.dossier_id, token, [deposit(client, token) for _ in range(DOCUMENTS)])


Call = Callable[[FlaskClient, FlaskClient], object]


def gestures(holders: list[Holder], card: bytes) -> dict[str, Call]:
    """By name, one call of the mobile API or of practice software's; every answer is read to its end, and is a good one."""

    def read(client: FlaskClient, path: str, **more: Any) -> None:
        answer = client.get(path, **more)
        if answer.status_code != 200:
            raise RuntimeError(f"refused: {answer.status_code}")
        answer.get_data()

    def mobile(path: Callable[[Holder], str]) -> Call:
        def call(client: FlaskClient, _: FlaskClient) -> None:
            holder = random.choice(holders)
            read(client, path(holder), headers={"Authorization": f"Bearer {holder.token}"})

        return call

    def software(path: Callable[[Holder], str]) -> Call:
        def call(_: FlaskClient, client: FlaskClient) -> None:
            holder = random.choice(holders)
            address = f"/api/v1/dmp/{holder.dossier}/fhir/{path(holder)}"
            read(client, address, base_url="https://localhost", environ_overrides={PEER: card})

        return call

    searched = f"DocumentReference?status=current&_count={DOCUMENTS}"
    return {
        EMPTY: mobile(lambda _: "/api/vide"),
        "list of 20 documents": mobile(lambda _: f"/api/fhir/{searched}"),
        "a document read": mobile(lambda holder: f"/api/fhir/Binary/{random.choice(holder.documents)}"),
        "a document deposited": lambda client, _: deposit(client, random.choice(holders).token),
        "list of 20, by a doctor": software(lambda _: searched),
        "a document read by a doctor": software(lambda holder: f"Binary/{random.choice(holder.documents)}"),
    }


@dataclass
class Timed:
    """What was measured of one gesture."""

    calls: int = 0
    """That were timed."""
    whole: int = 0
    """With those before the clock started."""
    application: float = 0.0
    """Seconds of processor."""
    database: float = 0.0


def work(settings: Settings, holders: list[Holder], card: bytes, name: str, seconds: float, done: Any) -> None:
    """Call for so long; how many calls were answered, and the processor they took."""
    clients = served(settings).test_client(), professionals.create_app(settings).test_client()
    call = gestures(holders, card)[name]
    call(*clients)
    end, calls, began = time.perf_counter() + seconds, 0, time.process_time()
    while time.perf_counter() < end:
        call(*clients)
        calls += 1
    done.put((calls, time.process_time() - began))


def of_database(settings: Settings) -> float:
    """Seconds of processor of PostgreSQL, its ended processes too."""
    server = psutil.Process(int((settings.data / "pg" / "postmaster.pid").read_text().split()[0]))
    times = [server.cpu_times(), *(each.cpu_times() for each in server.children())]
    ended = times[0].children_user + times[0].children_system
    return ended + sum(each.user + each.system for each in times)


def measure(settings: Settings, holders: list[Holder], card: bytes, seconds: float, processes: int) -> dict[str, Timed]:
    """By gesture."""
    context = multiprocessing.get_context("spawn")
    timed: dict[str, Timed] = {name: Timed() for name in gestures(holders, card)}
    for _ in range(ROUNDS):
        for name in random.sample(sorted(timed), len(timed)):
            done, one, before = context.Queue(), timed[name], of_database(settings)
            running = [
                context.Process(target=work, args=(settings, holders, card, name, seconds / ROUNDS, done))
                for _ in range(processes)
            ]
            for each in running:
                each.start()
            for _ in running:
                calls, processor = done.get(timeout=seconds + 120)
                one.calls, one.whole, one.application = (
                    one.calls + calls,
                    one.whole + calls + 1,
                    one.application + processor,
                )
            for each in running:
                each.join()
            one.database += of_database(settings) - before
    return timed


def lines(settings: Settings) -> int:
    """Lines of the trace, of every dossier."""
    engine = engine_for(settings.dmp_owner_url, application="benchmark")
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM medical.trace")) or 0)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=5, help="of each gesture, over all rounds")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with installed() as place:
        settings = place.settings
        holders = list(holders_of(served(settings)))
        card = a_doctor(settings, holders)
        before = lines(settings)
        timed = measure(settings, holders, card, options.seconds, options.processes)
        traced = lines(settings) - before
    accesses = sum(each.whole for name, each in timed.items() if name != EMPTY)
    results = [
        {
            "gesture": name, "per_second": round(each.calls / options.seconds, 1),
            "ratio": round(each.calls / timed[EMPTY].calls, 3),
            "ms_of_application": round(each.application / each.calls * 1000, 2),
            "ms_of_database": round(each.database / each.calls * 1000, 2),
        }
        for name, each in timed.items()
    ]  # fmt: skip
    if options.json:
        print(json.dumps({"gestures": results, "accesses": accesses, "traced": traced}, indent=1))
    else:
        for each in sorted(results, key=lambda one: -float(one["ratio"])):
            print(
                f"{each['gesture']:28} {each['per_second']:>8} a second   {each['ratio']:>5} of the empty page   "
                f"{each['ms_of_application']:>6} + {each['ms_of_database']:>5} ms of processor"
            )
        print(f"{accesses} accesses made, {traced} lines in the trace")
    if accesses != traced:
        sys.exit("an access has no line, or a line no access")


if __name__ == "__main__":
    main()
