"""What the sweep costs every four seconds, and the long works: counting a target, freezing a caisse, counting what became.

    .venv/bin/python benchmarks/duties.py /tmp/monde             a few minutes
    .venv/bin/python benchmarks/duties.py /tmp/monde --plans     with the slowest plans of each

The folder is one of `make_world.py`. A duty is run until it finds nothing more to do, then measured: milliseconds of
database time of a round with nothing to do, its statements, and the large tables that it reads from end to end. Long
works are told in seconds; a freezing is undone. `retain` is only asked what it would do: it destroys.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import text
from world.folder import NOW, owners, services
from world.told import say
from world.watch import Watch

from backoffice.audit.journal import record
from backoffice.campaigns import freezing, targeting
from backoffice.campaigns.criteria import Criteria
from backoffice.campaigns.models import Campaign
from backoffice.campaigns.retention import retain, run_retention
from backoffice.campaigns.rules import ChannelRule
from backoffice.core.actor import system_actor
from backoffice.core.caisse import CAISSE_CODES
from backoffice.following.counting import recount
from backoffice.office import Office, open_office
from backoffice.worker import DUTIES

ROUNDS = 5
SETTLING = 8
"""Rounds at most in which a duty does what is left to do."""


def watched(office: Office) -> Watch:
    watch = Watch()
    watch.over(office.db.engine)
    watch.over(office.dmp._enrolment._engine)
    return watch


def duty_of(office: Office, watch: Watch, duty: Callable[[Office], object], plans: bool) -> dict[str, Any]:
    for _ in range(SETTLING):
        if not duty(office):
            break
    inside, statements = [], 0
    read: set[str] = set()
    for number in range(ROUNDS):
        watch.clear()
        duty(office)
        inside.append(watch.milliseconds)
        statements = max(statements, len(watch.statements))
        if number == ROUNDS - 1:
            seen = list(watch.statements)
            read |= set(watch.read_whole())
            watch.statements[:] = seen
            if plans:
                say(f"\n=== {duty.__name__}\n" + "\n\n".join(watch.plans()))
    return {
        "devoir": duty.__name__,
        "base_mediane_ms": round(statistics.median(inside), 1),
        "pire_ms": round(max(inside), 1),
        "requetes": statements,
        "lues_en_entier": sorted(read),
    }


def would_retain(office: Office) -> object:
    """What `retain` looks up, without destroying anything."""
    return run_retention(office, system_actor(), dry_run=True) and 0


def seconds(name: str, act: Callable[[], object]) -> dict[str, Any]:
    began = time.perf_counter()
    told = act()
    row = {"travail": name, "secondes": round(time.perf_counter() - began, 1), "trouve": told}
    say(f"{name:<60}{row['secondes']:>9.1f} s   {told}")
    return row


def draft(caisses: list[str], criteria: Criteria) -> Campaign:
    """A campaign that is not kept, for its target alone."""
    return Campaign(
        reference="ESSAI", kind="recruitment", caisses=caisses, letter_date=NOW.date(), criteria=criteria.as_json(),
        channel_rule=ChannelRule.REGISTERED, lot_size=5000, excluded={}, state="approuvee", name="Essai", author="essai",
        created_at=NOW,
    )  # fmt: skip


def count(office: Office, caisses: list[str], criteria: Criteria) -> int:
    with office.db.unit_of_work() as session:
        targeting.load_record_facts(session, office.dmp, caisses)
        return targeting.count(session, draft(caisses, criteria)).eligible


def freeze(office: Office, caisse: str) -> int:
    """Persons frozen; undone."""
    with office.db._sessions() as session:
        campaign = draft([caisse], Criteria())
        session.add(campaign)
        session.flush()
        freezing.freeze(session, campaign, office.dmp)
        found = campaign.eligible
        session.rollback()
    return found


def journal(office: Office, lines: int = 300) -> str:
    """Milliseconds a line of the journal takes, among millions."""
    took = []
    for _ in range(lines):
        began = time.perf_counter()
        with office.db.unit_of_work() as session:
            record(session, system_actor(), "essai.mesurer", "personne 42", at=NOW, caisse="631")
        took.append((time.perf_counter() - began) * 1000)
    ordered = sorted(took)
    return (
        f"médiane {statistics.median(took):.1f} ms, p95 {ordered[int(lines * 0.95)]:.1f} ms, pire {ordered[-1]:.1f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--plans", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default="", choices=("", "devoirs", "travaux"))
    asked = parser.parse_args()
    with services(asked.folder) as settings:
        office = open_office(settings, clock=lambda: NOW, application="mesure")
        watch, duties, works = watched(office), [], []
        if asked.only != "travaux":
            for duty in (*(one for one in DUTIES if one is not retain), would_retain):
                row = duty_of(office, watch, duty, asked.plans)
                duties.append(row)
                say(
                    f"{row['devoir']:<28}{row['base_mediane_ms']:>9.1f} ms{row['pire_ms']:>9.1f} ms{row['requetes']:>5}  "
                    f"{', '.join(row['lues_en_entier'])}"
                )
            say(f"{'un tour entier':<28}{sum(row['base_mediane_ms'] for row in duties):>9.1f} ms")
        if asked.only != "devoirs":
            with owners(settings)[0].connect() as connection:
                largest = connection.scalar(text("SELECT caisse FROM share ORDER BY count DESC LIMIT 1"))
            nine = list(CAISSE_CODES)
            works = [
                seconds("une ligne du journal", lambda: journal(office)),
                seconds("décompte d’une cible, une caisse", lambda: count(office, ["631"], Criteria())),
                seconds("décompte d’une cible, neuf caisses", lambda: count(office, nine, Criteria())),
                seconds(
                    "décompte d’une cible par âge et code postal",
                    lambda: count(office, ["631"], Criteria(age_min=50, age_max=60, postal_codes=("63000",))),
                ),
                seconds("gel d’une caisse", lambda: freeze(office, largest or "941")),
                seconds("suivi recompté, la plus grande caisse", lambda: recount(office, largest or "941")),
                seconds("suivi recompté, neuf caisses", lambda: sum(recount(office, one) or 0 for one in nine)),
            ]
        office.close()
    if asked.json:
        told = {"charge": os.getloadavg()[0], "devoirs": duties, "travaux": works}
        print(json.dumps(told, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
