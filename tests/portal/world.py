"""mon-dmp over the real database `dmp`: a clock that tests set, and an insurance's base of a few invented persons."""

import itertools
import os
import re
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from dmp_core.enrolment.api import Enrolment
from dmp_core.enrolment.codes import group
from dmp_core.enrolment.insured import Insured
from dmp_core.errors import Unavailable
from dmp_core.holder.messages import Notice
from dmp_core.holder.store import HolderStore
from dmp_core.identity.nir import key_of
from dmp_core.portals.mondmp.app import create_app
from dmp_core.portals.mondmp.parts import Parts, PortalSettings
from dmp_core.record.shelf import Folder
from dmp_core.storage.keyring import Keyring, key_id
from dmp_core.storage.seal import Seal

SECRET = "une clé secrète pour les essais seulement"
_numbers = itertools.count(1)


class SetClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2016, 11, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


class SmallBase:
    """The insurance's base, in memory."""

    def __init__(self) -> None:
        self.persons: dict[str, Insured] = {}
        self.down = False

    def by_nir(self, nir: str) -> Insured | None:
        if self.down:
            raise Unavailable("Le service est momentanément indisponible : réessayez dans quelques minutes.")
        return self.persons.get(nir)


class Outside:
    """What left for the holders."""

    def __init__(self) -> None:
        self.sent: list[Notice] = []

    def mail(self, notice: Notice) -> None:
        self.sent.append(notice)

    sms = mail


def a_ring() -> Keyring:
    """Keys of one test alone: its counters and codes are out of every other test's reach."""
    key = os.urandom(32)
    return Keyring(key_id(key), {key_id(key): key})


A_SEAL = Seal.create_if_missing(
    Path(tempfile.mkdtemp(prefix="releves-")) / "releves.pem", datetime(2016, 1, 1, tzinfo=UTC)
)


class World:
    """The parts of one portal, and what a test does around it."""

    def __init__(self, store: HolderStore, owner: Engine, caisse: Engine) -> None:
        self.clock = SetClock()
        self.base = SmallBase()
        self.outside = Outside()
        self.store = store
        self.owner = owner
        self.codes = a_ring()
        self.record = a_ring()
        self.seal = A_SEAL
        self.folder = Path(tempfile.mkdtemp(prefix="documents-"))
        self.enrolment = Enrolment(caisse, self.codes, self.clock)

    def parts(self, **settings: Any) -> Parts:
        made = PortalSettings(dmp_url="", secret_key=SECRET, code_keyring=Path(), holder_keyring=Path())
        return Parts(
            replace(made, **settings), self.clock, self.store, self.codes, a_ring(), self.base, self.outside,
            self.record, Folder(self.folder), self.seal,
        )  # fmt: skip

    def app(self, **settings: Any) -> Flask:
        app = create_app(self.parts(**settings))
        app.testing = True
        return app

    def person(self, **changes: Any) -> Insured:
        """Somebody of the Somme whom nobody else knows."""
        number = next(_numbers)
        nir13 = f"1520548{number // 999 % 999 + 1:03}{number % 999 + 1:03}"
        made = Insured(
            caisse="801", person_id=7_000_000_000 + number, nir=nir13 + key_of(nir13), civilite="M",
            birth_name="Dupond", usual_name="", given_name="Nicolas", birth_date="1952-05-11",
            serial=f"{1_000_000_000 + number}", card_type="photo", may_open=True,
        )  # fmt: skip
        made = replace(made, **changes)
        self.base.persons[made.nir] = made
        return made

    def code(self, person: Insured, days_ago: int = 0) -> str:
        """A code as it is printed, issued so long ago; the one before is revoked."""
        now = self.clock.now
        self.clock.forward(days=-days_ago)
        self.enrolment.revoke(person.caisse, [person.person_id], "remplacé")
        issued = self.enrolment.issue_codes(uuid4(), person.caisse, [person.person_id], self.clock().date())
        self.clock.now = now
        return group(issued.codes[person.person_id])

    def rows(self, statement: str, **values: Any) -> list[Any]:
        """As the owner of the database sees them."""
        with self.owner.begin() as connection:
            return list(connection.execute(text(statement), values))

    def dossiers(self, person: Insured) -> list[Any]:
        return self.rows(
            "SELECT id, state FROM enrolment.dossier WHERE caisse = :c AND person_id = :p",
            c=person.caisse, p=person.person_id,
        )  # fmt: skip

    def events(self, person: Insured) -> list[tuple[str, dict[str, str]]]:
        found = self.rows(
            "SELECT kind, detail FROM enrolment.outbox WHERE caisse = :c AND person_id = :p ORDER BY id",
            c=person.caisse, p=person.person_id,
        )  # fmt: skip
        return [(row.kind, row.detail) for row in found]


class Visitor:
    """Somebody with a browser that has no window; comes from an address of their own."""

    def __init__(self, app: Flask, address: str = "") -> None:
        number = next(_numbers)
        self.address = address or f"198.18.{number // 250 % 250}.{number % 250 + 1}"
        self.client: FlaskClient = app.test_client()

    def get(self, where: str, **more: Any) -> TestResponse:
        return self.client.get(where, environ_base={"REMOTE_ADDR": self.address}, **more)

    def send(self, where: str, form_at: str | None = None, **typed: str) -> TestResponse:
        """Post `typed`, with the token of the form at `form_at`."""
        token = token_of(self.get(form_at or where).text)
        return self.client.post(
            where, data={"csrf_token": token, **typed}, environ_base={"REMOTE_ADDR": self.address}
        )  # fmt: skip

    def identify(self, person: Insured, code: str, **changes: str) -> TestResponse:
        typed = {"nir": person.nir, "code": code, "carte": "photo", "serie": person.serial} | changes
        return self.send("/creer", **typed)

    def validate(self, **changes: str) -> TestResponse:
        typed = {"mail": "nicolas@exemple.fr", "mail_bis": "nicolas@exemple.fr", "consentement": "oui"} | changes
        return self.send("/creer/informations", **typed)

    def create(self, person: Insured, code: str) -> TestResponse:
        """All three steps; the page of the third."""
        assert self.identify(person, code).location == "/creer/informations"
        assert self.validate().location == "/creer/termine"
        return self.get("/creer/termine")

    def cookie(self, name: str = "mondmp") -> str | None:
        found = self.client.get_cookie(name)
        return found.value if found else None


def token_of(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None, page
    return found[1]


def without_token(page: str) -> str:
    return re.sub(r'name="csrf_token" value="[^"]+"', "", page)


def shown(page: str) -> list[str]:
    """Login and password of step 3; the password alone may be missing."""
    return re.findall(r"<dd>([a-zA-Z0-9]{8})</dd>", page)
