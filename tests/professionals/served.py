"""The access of professionals as a real process behind real sockets, and clients that bear cards."""

import json
import os
import ssl
import subprocess
import sys
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
from portal.world import token_of
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from backoffice.core.errors import Unavailable
from backoffice.embedded.processes import free_port, listens, wait_until
from dmp_core.enrolment.insured import Insured
from dmp_core.professionals.authority import Issued, TestAuthority
from dmp_core.storage.keyring import Keyring

from .samples import a_doctor
from .world import Record, RecordWorld

SECRET = "un secret des professionnels, assez long pour signer"


class Served:
    """One server over one world, whose clock is the real one; `more`: variables of its environment."""

    def __init__(self, world: RecordWorld, url: str, folder: Path, **more: str) -> None:
        self.world, self.folder = world, folder
        self.browsers: list[Browser] = []
        self.now = world.clock.now = datetime.now(UTC)
        self.authority = TestAuthority(self.now)
        self.authority.publish(folder, self.now)
        server = self.authority.server("localhost", self.now - timedelta(hours=1))
        (folder / "serveur.pem").write_bytes(server.pem + self.authority.establishments.pem)
        (folder / "serveur.key").write_bytes(server.key_pem)
        write_ring(world.record, folder / "record.json")
        # Workers of the tests look for their ports apart: one that is free now may be another's in a moment.
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        self.port = free_port(28301 + 300 * worker, lambda _: None, "professionnels")
        with (folder / "journal").open("wb") as journal:
            self.process = psutil.Popen(
                [sys.executable, "-m", "backoffice.professionals", str(self.port)],
                env={
                    **{name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ},
                    "CAISSE_DATA": str(folder), "DMP_PS_URL": url, "PS_SECRET_KEY": SECRET, "PS_TRUST": str(folder),
                    "RECORD_KEYRING": str(folder / "record.json"), "MONDMP_DOCUMENTS": str(world.folder), **more,
                },
                stdout=subprocess.DEVNULL, stderr=journal,
            )  # fmt: skip
        try:
            wait_until(lambda: listens(self.process, self.port), 60, "le serveur ne démarre pas")
        except Unavailable:
            self.stop()
            raise

    @property
    def told(self) -> str:
        """What it wrote to its log."""
        return (self.folder / "journal").read_text()

    def stop(self) -> None:
        for browser in self.browsers:
            browser.client.close()
        self.process.terminate()
        self.process.wait(30)

    def doctor(self, number: int, **more: Any) -> Issued:
        now = more.pop("now", self.now - timedelta(hours=1))
        return a_doctor(more.pop("authority", self.authority), number, now, **more)

    def context(self, card: Issued | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.authority.root.pem.decode())
        if card is not None:
            file = self.folder / f"{card.certificate.serial_number}.pem"
            file.write_bytes(card.pem + card.key_pem)
            context.load_cert_chain(file)
        return context

    def browser(self, card: Issued | None, **more: Any) -> "Browser":
        return Browser(self, card, **more)


class Browser:
    """A browser with a card in its reader: follows no redirect by itself."""

    def __init__(self, served: Served, card: Issued | None, **more: Any) -> None:
        self.number = number_of(card) if card else ""
        self.client = httpx.Client(
            base_url=f"https://localhost:{served.port}",
            verify=served.context(card),
            timeout=30,
            headers=more.get("headers"),
        )
        served.browsers.append(self)

    def get(self, where: str, **more: Any) -> httpx.Response:
        return self.client.get(where, **more)

    def send(self, where: str, at: str, **typed: str) -> httpx.Response:
        token = token_of(self.get(at).text)
        return self.again(where, at, csrf_token=token, **typed)

    def again(self, where: str, at: str, **form: str) -> httpx.Response:
        """A form, sent; as a browser does, once more when the server asks for another connection."""
        headers = {"Referer": f"{self.client.base_url}{at}"}
        answer = self.client.post(where, data=form, headers=headers)
        if answer.status_code == 307:
            assert answer.headers["connection"] == "close"
            answer = self.client.post(answer.headers["location"], data=form, headers=headers)
        return answer

    def find(self, person: Any) -> str:
        """The address of a patient's dossier."""
        answer = self.send("/patients", "/", nir=person.nir, prenom=person.given_name, naissance=person.birth_date)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])


def insure(owner_url: str, person: Insured) -> Insured:
    """Have the insurance's base know this person, in the database of the caisses."""
    engine = create_engine(owner_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO person (caisse, id, nir, civilite, nom_naissance, nom_usage, prenom, date_naissance, "
                "birth_latest, qualite, nir_od, regime, adresse_2, adresse_3, adresse_4, adresse_5, code_postal, ville, pays, "
                "email, mobile, canal, vitale_serie, vitale_type, dmp, opposition, pnd, digest, created_at, updated_at) "
                "VALUES (:caisse, :id, :nir, :civilite, :name, '', :given, :born, '1952-05-11', 'OD', '', '01', '', '', "
                "'1 RUE DE LA PAIX', '', '80000', 'AMIENS', '', '', '', 'courrier', :serial, 'photo', false, false, false, "
                "sha256(:nir_bytes), now(), now())"
            ),
            {
                "caisse": person.caisse, "id": person.person_id, "nir": person.nir, "civilite": person.civilite,
                "name": person.birth_name, "given": person.given_name, "born": person.birth_date,
                "serial": person.serial, "nir_bytes": person.nir.encode(),
            },
        )  # fmt: skip
    return person


def write_ring(ring: Keyring, file: Path) -> None:
    keys = {name: b64encode(key).decode() for name, key in ring.keys.items()}
    file.write_text(json.dumps({"current": ring.current, "keys": keys}))
    file.chmod(0o600)


def number_of(card: Issued) -> str:
    name = card.certificate.subject.rfc4514_string()
    found = next(part for part in name.replace("+", ",").split(",") if part.startswith("CN="))
    return found[3:]


def a_patient(world: RecordWorld) -> tuple[Any, Record]:
    someone = world.someone()
    return someone.person, Record(world, someone.dossier)
