"""How many letters a second a hospital puts in, with VIHF, gate, encryption and trace, against the same site answering nothing.

    .venv/bin/python benchmarks/batch.py                  two hundred letters in rounds, one process, about half a minute
    .venv/bin/python benchmarks/batch.py --letters 1000 --json

The site of professionals over its real databases, called without sockets by one process. Each letter (a PDF of 40 kB) has a
VIHF of its own, signed beforehand: what is timed is the server's part. The empty page is asked of the same door, with the same
certificate, and answers nothing. Every letter is counted in the database at the end, and every one sent again is recognised.
Persons are synthetic; the data folder goes when the benchmark ends.
"""

import argparse
import io
import json
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from bench import a_pdf, installed
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from flask.testing import FlaskClient
from sqlalchemy import text

from backoffice.professionals import create_app
from backoffice.settings import Settings
from dmp_core.enrolment.dossiers import Consent, Contacts, Way, open_dossier
from dmp_core.enrolment.insured import Insured
from dmp_core.identity import insc
from dmp_core.identity.nir import key_of
from dmp_core.portals.professionals.card import PEER
from dmp_core.professionals.authority import TestAuthority
from dmp_core.storage.engine import engine_for
from lps.card import Card
from lps.signing import SoftwareSigner
from lps.vihf import Author, House

DOSSIERS = 40
ROUND = 25
AUTHOR = Author("810000000017", "CLAIRE DUBOIS", "G15_10")


def patients(settings: Settings) -> list[str]:
    """The INS-C of as many holders of a DMP."""
    engine, found = engine_for(settings.dmp_owner_url, application="benchmark"), []
    for number in range(DOSSIERS):
        nir13 = f"1520548{number // 999 + 1:03}{number % 999 + 1:03}"
        person = Insured(
            caisse="631", person_id=number + 1, nir=nir13 + key_of(nir13), civilite="M", birth_name="Dupond",
            usual_name="", given_name="Nicolas", birth_date="1952-05-11", serial="1000000000", card_type="photo",
            may_open=True,
        )  # fmt: skip
        consent = Consent("2016-11-02", bytes(32), "J’accepte")
        with engine.begin() as connection:
            contacts = Contacts(mail="titulaire@exemple.fr")
            open_dossier(connection, datetime.now(UTC), uuid4(), person, contacts, consent, Way.ONLINE)
        found.append(insc.compute("Nicolas", "520511", person.nir))
    engine.dispose()
    return found


def sent(client: FlaskClient, der: bytes, vihf: bytes, letter: bytes, name: str) -> int:
    """One letter; the status of the answer."""
    form = {
        "vihf": (io.BytesIO(vihf), "vihf.xml"), "document": (io.BytesIO(letter), "lettre.pdf"), "type": "11490-0",
        "titre": "Lettre de sortie", "date": "2016-10-30T09:00:00+01:00", "identifiant": name,
    }  # fmt: skip
    answer = client.post(
        "/etablissement/documents", data=form, base_url="https://localhost", environ_base={PEER: der}
    )  # fmt: skip
    return answer.status_code


def measure(settings: Settings, letters: int) -> dict[str, float]:
    """Seconds by kind of call, for as many of each."""
    now = datetime.now(UTC)
    authority = TestAuthority(now)
    authority.publish(settings.professionals.trust, now)
    issued = authority.establishment("1750712184", "CLINIQUE DE TEST", now - timedelta(hours=1))
    held = load_pkcs12(issued.pkcs12("1234", []), b"1234")
    assert held.cert is not None
    card = Card(held.cert.certificate, held)
    house, people = House(card, SoftwareSigner(card)), patients(settings)
    app = create_app(settings)
    app.add_url_rule("/etablissement/vide", "establishment.empty", lambda: "")
    client, took = app.test_client(), {"empty page": 0.0, "letter": 0.0, "letter sent again": 0.0}
    for _ in range(0, letters, ROUND):
        round_ = [
            (random.choice(people), a_pdf(), f"urn:uuid:{uuid4()}") for _ in range(ROUND)
        ]  # fmt: skip
        began = time.perf_counter()
        for _ in range(ROUND):
            page = client.get("/etablissement/vide", base_url="https://localhost", environ_base={PEER: issued.der})
            if page.status_code != 200:
                raise RuntimeError(f"the empty page was refused: {page.status_code}")
        took["empty page"] += time.perf_counter() - began
        for kind, wanted in (("letter", 201), ("letter sent again", 200)):
            signed = [house.vihf(AUTHOR, ins_c) for ins_c, _, _ in round_]
            began = time.perf_counter()
            for vihf, (_, letter, name) in zip(signed, round_, strict=True):
                if (status := sent(client, issued.der, vihf, letter, name)) != wanted:
                    raise RuntimeError(f"a letter was answered by {status}")
            took[kind] += time.perf_counter() - began
    app.extensions["professionals"].store.close()
    return took


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--letters", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with installed(PS_CALLS_PER_MINUTE="0") as place:
        settings = place.settings
        took = measure(settings, options.letters)
        engine = engine_for(settings.dmp_owner_url, application="benchmark")
        with engine.connect() as connection:
            there = int(connection.scalar(text("SELECT count(*) FROM medical.document")) or 0)
        engine.dispose()
    made = -(-options.letters // ROUND) * ROUND
    results = [
        {"gesture": kind, "per_second": round(made / seconds, 1), "ratio": round(took["empty page"] / seconds, 3)}
        for kind, seconds in took.items()
    ]
    if options.json:
        print(json.dumps({"gestures": results, "letters": made, "there": there}, indent=1))
    else:
        for each in results:
            print(f"{each['gesture']:24} {each['per_second']:>8} a second   {each['ratio']} of the empty page")
        print(f"{made} letters sent twice, {there} in the record")
    if there != made:
        sys.exit("a letter is not there once")


if __name__ == "__main__":
    main()
