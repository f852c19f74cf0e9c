"""A day of one counter and of the platform: ten pieces of work, three at once, by the keyboard alone; a supervisor.

What the pages say at the end is held against the tables.
"""

from collections.abc import Iterator

import pytest
from campaigns.world import SYSTEM, World, a_person
from closure.test_closures import a_holder
from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect
from portal.windows import chromium, served
from web.pages.conftest import ADVISOR, AGENT, SUPERVISOR
from web.pages.test_call_pages import RIGHT, ZOE

from backoffice.cases.actions import open_case
from backoffice.cases.escalation import escalate
from backoffice.cases.kinds.undeliverable import UNDELIVERABLE

from .desk import Desk
from .journals import require_whole_journal

__all__ = ["chromium"]
pytestmark = pytest.mark.browser

COLLEAGUE = "mathilde.roche"
_NUMBERS = "SELECT number FROM case_file ORDER BY id"


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    with served(app) as found:
        yield found


@pytest.fixture
def holder(world: World) -> int:
    return a_holder(world, **ZOE)


@pytest.fixture
def waiting(world: World, holder: int) -> list[str]:
    """Six letters that came back, the first of them nine opening days ago."""
    world.load([a_person() for _ in range(6)])
    persons = [row[0] for row in world.sql("SELECT id FROM person WHERE id <> :one ORDER BY id", one=holder)]
    found = []
    for rank, person in enumerate(persons):
        world.clock.move(days=-14 if rank == 0 else 0)
        with world.session() as session:
            found.append(open_case(session, world.office, SYSTEM, UNDELIVERABLE, "631", person).number)
        world.clock.move(days=14 if rank == 0 else 0)
    return found


def numbers(world: World) -> list[str]:
    return [row[0] for row in world.sql(_NUMBERS)]


def ended(desk: Desk, number: str, step: str, words: str) -> None:
    """The step of this name, with its reason."""
    desk.type(f"#motif-{step}", words).press("Tab").send()
    desk.reads(f"La demande {number} est maintenant")


def a_call(desk: Desk, subject: str) -> None:
    """From F2 to F9: a caller who proves who they are."""
    desk.press("F2")
    expect(desk.page.get_by_label("Nom", exact=True)).to_be_focused()
    desk.type("#nom", "Quillec").type("#naissance", "03/08/1950").send()
    desk.button("Poser les questions")
    for _ in range(3):
        asked = desk.page.locator(".asked").inner_text()
        desk.type("#reponse", next(answer for words, answer in RIGHT.items() if words in asked)).send()
    desk.reads("Zoé Quillec")
    desk.choose("#fin-sujet", subject)
    desk.focus("#note").send()
    desk.reads("L’appel est terminé.")


def figures(desk: Desk, world: World) -> None:
    """What the supervisor reads is what the tables hold."""
    now = world.clock.now
    desk.go("/supervision")
    said = sorted(tuple(map(int, row[1:])) for row in desk.rows("Files"))
    held = world.sql(
        "SELECT count(*), count(*) FILTER (WHERE owner IS NULL), count(*) FILTER (WHERE running_since IS NULL), "
        "count(*) FILTER (WHERE (due_at AT TIME ZONE 'Europe/Paris')::date <= (:now AT TIME ZONE 'Europe/Paris')::date), "
        "count(*) FILTER (WHERE escalates_at <= :now), count(*) FILTER (WHERE due_at < :now) "
        "FROM case_file WHERE ended_at IS NULL GROUP BY team, kind",
        now=now,
    )
    assert said == sorted(map(tuple, held))
    in_hand = {row[0]: int(row[1]) for row in desk.rows("En main")}
    assert in_hand == dict(
        map(tuple, world.sql(
            "SELECT name, count(*) FROM case_file JOIN colleague ON login = owner WHERE ended_at IS NULL GROUP BY name"
        ))
    )  # fmt: skip
    desk.go("/supervision/activite")
    handled = {row[0]: int(row[-1]) for row in desk.rows("Activité")}
    assert handled == dict(
        map(tuple, world.sql(
            "SELECT name, count(DISTINCT case_id) FROM case_entry JOIN colleague ON login = actor "
            "WHERE what IN ('step', 'note') AND at >= date_trunc('week', :now AT TIME ZONE 'Europe/Paris') "
            "AT TIME ZONE 'Europe/Paris' GROUP BY name",
            now=now,
        ))
    )  # fmt: skip


def test_a_day_of_ten_by_the_keyboard_with_a_supervisor(
    chromium: Chromium, address: str, world: World, holder: int, waiting: list[str]
) -> None:
    one, other, advisor, chief = (Desk(chromium, address, login) for login in (AGENT, COLLEAGUE, ADVISOR, SUPERVISOR))
    desks = (one, other, advisor, chief)

    # Each takes the next, the soonest due first: two at once never get the same.
    for desk, number in ((one, waiting[0]), (other, waiting[1]), (one, waiting[2])):
        desk.go("/demandes").send("F4").reads(f"La demande {number} est à vous.")
    ended(one, waiting[2], "confirm", "Vue sur place, l’adresse est bonne.")

    # One is interrupted; the other takes it up where it was left.
    other.press("F7")
    expect(other.page.locator("#texte")).to_be_focused()
    other.press(*"Rue mal lue, je suis au guichet.").press("Tab").send()
    other.send("F4").reads("est rendue à l’équipe")
    one.go(f"/demandes/{waiting[1]}").reads("Rue mal lue").send("F4").reads("La demande est à vous.")
    ended(one, waiting[1], "file", "Personne au numéro indiqué.")

    # Two meet on one: each is told, and the later one is refused in a sentence that keeps what was typed.
    one.go(f"/demandes/{waiting[3]}")
    other.go(f"/demandes/{waiting[3]}").reads("Sandrine Chabrol est aussi sur cette demande.")
    one.send("F4").reads("La demande est à vous.")
    other.type("#motif-file", "Introuvable à la mairie").press("Tab").send()
    other.reads("a été modifiée par sandrine.chabrol").reads("relisez-la, puis recommencez")
    expect(other.page.locator("#motif-file")).to_have_value("Introuvable à la mairie")
    ended(one, waiting[3], "ask", "Message laissé au fils.")

    # The desk and the line at the same time: a death told, two calls, a closure.
    person = world.sql("SELECT person_id FROM case_file WHERE number = :one", one=waiting[5])[0][0]
    for desk, who in ((other, person), (one, holder)):
        desk.go(f"/personnes/631/{who}").reads("Pourquoi ouvrir").focus("[name=raison]:checked").send()
    other.go(f"/clotures/631/{person}/deces").type("#precisions", "sa fille").send()
    other.reads("Clôtures")
    a_call(advisor, "connexion")
    one.go(f"/clotures/631/{holder}/cloture").tick("#identite-piece").tick("#explique").tick("#confirme")
    one.button("Demander la clôture").reads("Clôtures")
    a_call(advisor, "cloture")
    assert world.sql("SELECT subject, outcome, login FROM phone_call ORDER BY id") == [
        ("connexion", "repondu", ADVISOR), ("cloture", "repondu", ADVISOR),
    ]  # fmt: skip
    closure = next(number for number in numbers(world) if world.sql(
        "SELECT 1 FROM case_file WHERE number = :one AND kind = 'closure'", one=number
    ))  # fmt: skip
    advisor.go(f"/demandes/{closure}").reads("délai de réflexion")
    advisor.type("#motif-withdraw", "Ne veut plus clôturer.").press("Tab").send()
    advisor.reads("est maintenant « abandonnée par la personne »")

    # The supervisor is told of what runs out, gives it to somebody else, who ends it.
    figures(chief, world)
    assert escalate(world.office) == 1
    chief.go("/demandes?echeance=proche").reads(waiting[0])
    chief.go(f"/demandes/{waiting[0]}").reads("Échéance proche : superviseur prévenu")
    chief.focus("summary:has-text('affectation')").press("Enter")
    chief.choose("#qui", COLLEAGUE).button("Affecter").reads("est affectée à Mathilde Roche")
    other.go("/demandes?miennes=1").reads(waiting[0])
    other.go(f"/demandes/{waiting[0]}")
    ended(other, waiting[0], "confirm", "Bail vu au guichet.")

    figures(chief, world)
    found = numbers(world)
    assert len(found) + len(world.sql("SELECT id FROM phone_call")) == 10
    for number in found:
        require_whole_journal(world, number)
    assert [fault for desk in desks for fault in desk.faults] == []
    for desk in desks:
        desk.context.close()
