"""Does a document that is masked take as long to be absent as one that never was? Ratio of medians, way by way.

    .venv/bin/python benchmarks/masked_timing.py                     200 requests a side and a way, about a minute
    .venv/bin/python benchmarks/masked_timing.py --requests 1000 --json

A doctor whom each of sixty holders authorised, in front of half of their documents, the rest being masked: what they ask of
the site and of practice software's API is about a masked document, and about one that never was, in turns, so that a busy
machine slows both alike. Answers are compared too, but for what changes with every answer. `low` and `high` bound the
difference of means, in milliseconds, with 95 % confidence. Persons and cards are synthetic.
"""

import argparse
import json
import random
import re
import sys
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from bench import compare, installed
from flask.testing import FlaskClient
from record import Holder, a_doctor, holders_of, served
from sqlalchemy import text

from backoffice import professionals
from backoffice.settings import Settings
from dmp_core.portals.professionals.card import PEER
from dmp_core.storage.engine import engine_for

WAYS = {
    "API: metadata": "/api/v1/dmp/{dossier}/fhir/DocumentReference/{document}",
    "API: content": "/api/v1/dmp/{dossier}/fhir/Binary/{document}",
    "API: search by id": "/api/v1/dmp/{dossier}/fhir/DocumentReference?_id={document}",
    "site: page of the document": "/dossiers/{dossier}/documents/{document}",
    "site: content": "/dossiers/{dossier}/documents/{document}/contenu",
}
_OF_EACH = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|nonce-[\w-]+|value=\"[\w.-]{40,}\"")
"""Identifiers that were asked for, and what is drawn for each answer."""


def mask_half(settings: Settings, holders: list[Holder]) -> dict[UUID, list[str]]:
    """Documents that their holder hid, by dossier."""
    hidden = {each.dossier: each.documents[: len(each.documents) // 2] for each in holders}
    with engine_for(settings.dmp_owner_url, application="benchmark").begin() as connection:
        for ids in hidden.values():
            connection.execute(
                text("UPDATE medical.document SET masked = true WHERE id = ANY(CAST(:ids AS uuid[]))"), {"ids": ids}
            )
    return hidden


def measure(client: FlaskClient, card: bytes, hidden: dict[UUID, list[str]], requests: int) -> list[dict[str, Any]]:
    """Each way in turn, both sides interleaved in an order that changes."""

    def ask(path: str, dossier: UUID, document: str) -> tuple[float, int, bytes]:
        address = path.format(dossier=dossier, document=document)
        began = time.perf_counter()
        answer = client.get(address, base_url="https://localhost", environ_overrides={PEER: card})
        told = answer.get_data()
        return (time.perf_counter() - began) * 1000, answer.status_code, _OF_EACH.sub(b"-", told)

    results = []
    sides: list[Callable[[UUID], str]] = [lambda dossier: random.choice(hidden[dossier]), lambda _: str(uuid4())]
    for name, path in WAYS.items():
        for _ in range(20):
            ask(path, next(iter(hidden)), str(uuid4()))
        took: tuple[list[float], list[float]] = ([], [])
        answers: set[tuple[int, bytes]] = set()
        for _ in range(requests):
            dossier = random.choice(list(hidden))
            for side in random.sample(range(2), 2):
                seconds, status, told = ask(path, dossier, sides[side](dossier))
                took[side].append(seconds)
                answers.add((status, told))
        told_apart = compare(*took)
        results.append(
            {
                "way": name, "status": sorted({status for status, _ in answers}), "different_answers": len(answers),
                "masked_ms": told_apart.medians[0], "absent_ms": told_apart.medians[1], "ratio": told_apart.ratio,
                "low": told_apart.low, "high": told_apart.high,
            }
        )  # fmt: skip
    return results


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with installed() as place:
        settings = place.settings
        holders = list(holders_of(served(settings)))
        card, hidden = a_doctor(settings, holders), mask_half(settings, holders)
        client = professionals.create_app(settings).test_client()
        results = measure(client, card, hidden, options.requests)
    if options.json:
        print(json.dumps(results, indent=1))
    else:
        for line in results:
            print(
                f"{line['way']:28} {line['status']}   masked {line['masked_ms']:>6} ms   absent {line['absent_ms']:>6} ms   "
                f"ratio {line['ratio']}   difference {line['low']} to {line['high']} ms"
            )
    if any(line["different_answers"] != 1 for line in results):
        sys.exit("a masked document and an absent one have different answers")


if __name__ == "__main__":
    main()
