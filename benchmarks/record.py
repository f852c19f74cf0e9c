"""How fast the record answers with its gate, trace and encryption on, against the same application answering an empty page.

    .venv/bin/python benchmarks/record.py                    five seconds a gesture on two processes, about two minutes
    .venv/bin/python benchmarks/record.py --seconds 20 --processes 4 --json

The mobile API (FHIR R4) over its real databases, called without sockets: sixty dossiers of twenty documents of 40 kB. Every
gesture is timed in each round, in an order that changes, so that a busy machine slows all alike. Told for each: calls a
second over all processes, and their ratio to the empty page. At the end the trace is counted: one line for each access made.
Persons are synthetic; the data folder goes when the benchmark ends.
"""

import argparse
import base64
import json
import multiprocessing
import os
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pikepdf
from flask import Flask, Response
from flask.testing import FlaskClient
from sqlalchemy import text

from backoffice.mondmp import create_app
from backoffice.settings import Settings
from dmp_core.enrolment.dossiers import Consent, Contacts, Way, open_dossier
from dmp_core.enrolment.insured import Insured
from dmp_core.holder.access import Access
from dmp_core.holder.mobile import OFFLINE, READ, WRITE, Application, Kind
from dmp_core.identity.nir import key_of
from dmp_core.portals.mobile.access import public
from dmp_core.storage.engine import engine_for
from dmp_core.storage.keyring import Keyring

CAISSE: Final = Path(sys.executable).with_name("caisse")
DOSSIERS: Final = 60
DOCUMENTS: Final = 20
BYTES: Final = 40_000
ROUNDS: Final = 3


@dataclass(frozen=True)
class Holder:
    """A dossier, the token of its holder's application, and the ids of its documents."""

    dossier: UUID
    token: str
    documents: list[str]


def command(env: dict[str, str], *words: str) -> None:
    """One `caisse` command, quietly."""
    subprocess.run([str(CAISSE), *words], env=env, check=True, stdout=subprocess.DEVNULL)


def a_pdf() -> bytes:
    """A PDF of its own, of about `BYTES` bytes."""
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(595, 842))
    page.Contents = pdf.make_stream(b"% " + secrets.token_hex(BYTES // 2).encode())
    with tempfile.TemporaryFile() as file:
        pdf.save(file, compress_streams=False)
        file.seek(0)
        return file.read()


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


def gestures(holders: list[Holder]) -> dict[str, Callable[[FlaskClient], object]]:
    """By name, one call; every answer is read to its end and must be a good one."""

    def get(path: Callable[[Holder], str]) -> Callable[[FlaskClient], object]:
        def call(client: FlaskClient) -> object:
            holder = random.choice(holders)
            answer = client.get(path(holder), headers={"Authorization": f"Bearer {holder.token}"})
            if answer.status_code != 200:
                raise RuntimeError(f"refused: {answer.status_code}")
            return answer.get_data()

        return call

    return {
        "empty page": get(lambda _: "/api/vide"),
        "list of 20 documents": get(lambda _: f"/api/fhir/DocumentReference?status=current&_count={DOCUMENTS}"),
        "a document read": get(lambda holder: f"/api/fhir/Binary/{random.choice(holder.documents)}"),
        "a document deposited": lambda client: deposit(client, random.choice(holders).token),
    }


def work(settings: Settings, holders: list[Holder], name: str, seconds: float, done: Any) -> None:
    """Call for so long; how many calls were answered."""
    client = served(settings).test_client()
    call = gestures(holders)[name]
    call(client)
    end, calls = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        call(client)
        calls += 1
    done.put((calls, calls + 1))


def measure(settings: Settings, holders: list[Holder], seconds: float, processes: int) -> dict[str, tuple[int, int]]:
    """By gesture, calls that were timed, and calls in all."""
    context = multiprocessing.get_context("spawn")
    timed: dict[str, tuple[int, int]] = {}
    for _ in range(ROUNDS):
        names = list(gestures(holders))
        random.shuffle(names)
        for name in names:
            done = context.Queue()
            running = [
                context.Process(target=work, args=(settings, holders, name, seconds / ROUNDS, done))
                for _ in range(processes)
            ]
            for each in running:
                each.start()
            for _ in running:
                calls, whole = done.get(timeout=seconds + 120)
                before = timed.get(name, (0, 0))
                timed[name] = (before[0] + calls, before[1] + whole)
            for each in running:
                each.join()
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
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL refuses root and runs as another user
        env = os.environ | {"CAISSE_DATA": str(folder / "data")}
        try:
            command(env, "services", "start")
            command(env, "migrate")
            settings = Settings.from_env(env)
            Keyring.create_if_missing(settings.code_keyring)  # which the back office makes
            holders = list(holders_of(served(settings)))
            before = lines(settings)
            timed = measure(settings, holders, options.seconds, options.processes)
            traced = lines(settings) - before
        finally:
            command(env, "services", "stop")
    accesses = sum(whole for name, (_, whole) in timed.items() if name != "empty page")
    empty = timed["empty page"][0]
    results = [
        {"gesture": name, "per_second": round(calls / options.seconds, 1), "ratio": round(calls / empty, 3)}
        for name, (calls, _) in timed.items()
    ]
    if options.json:
        print(json.dumps({"gestures": results, "accesses": accesses, "traced": traced}, indent=1))
    else:
        for each in sorted(results, key=lambda one: -float(one["ratio"])):
            print(f"{each['gesture']:24} {each['per_second']:>8} a second   {each['ratio']} of the empty page")
        print(f"{accesses} accesses made, {traced} lines in the trace")
    if accesses != traced:
        sys.exit("an access has no line, or a line no access")


if __name__ == "__main__":
    main()
