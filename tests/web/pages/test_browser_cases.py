"""A day of cases in a real Chromium: ten taken in three windows by the keyboard alone, a supervisor shares them out."""

from pathlib import Path

import pytest
from campaigns.world import SYSTEM, World, a_person
from playwright.sync_api import Page, expect
from portal.windows import axe_source, faults

from backoffice.cases.actions import note, open_case
from backoffice.cases.attachments import attach
from backoffice.cases.bulk import carry_out
from backoffice.cases.kinds import WORKFLOWS
from backoffice.cases.kinds.closure import CLOSURE_ONLINE
from backoffice.core.actor import Actor, Role
from backoffice.supervision.sampling import draw_last_week

from .conftest import AGENT, SUPERVISOR
from .windows import Open, address, chromium, open_as

__all__ = ["address", "chromium", "open_as"]
pytestmark = pytest.mark.browser

NOTED = "Rappelée, elle attend le courrier."


@pytest.fixture
def numbers(world: World) -> list[str]:
    world.load([a_person() for _ in range(10)])
    persons = [person for (person,) in world.sql("SELECT id FROM person ORDER BY id")]
    with world.session() as session:
        return [
            open_case(session, world.office, SYSTEM, CLOSURE_ONLINE, "631", person).number for person in persons
        ]  # fmt: skip


def handle_next(page: Page) -> bool:
    """Take the next case and note something in it, by the keyboard alone; False when none waits."""
    page.goto("/demandes")
    page.keyboard.press("F4")
    expect(page.get_by_role("status").filter(has_text="demande").first).to_be_visible()
    if page.get_by_text("Aucune demande n’attend").count():
        return False
    page.keyboard.press("F7")
    expect(page.get_by_label("Note", exact=True)).to_be_focused()
    page.keyboard.type(NOTED)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("La note est ajoutée.")).to_be_visible()
    return True


def test_ten_cases_in_three_windows_with_the_keyboard_alone_and_a_supervisor_who_shares_them(
    open_as: Open, world: World, numbers: list[str]
) -> None:
    windows = [open_as(AGENT) for _ in range(3)]
    taken, at_work = 0, [True]
    while any(at_work):
        at_work = [handle_next(page) for page in windows]
        taken += sum(at_work)
    assert taken == 10
    assert world.sql("SELECT owner, count(*) FROM case_file GROUP BY owner") == [(AGENT, 10)]
    assert world.sql("SELECT count(*), count(DISTINCT case_id) FROM case_entry WHERE text = :n", n=NOTED) == [(10, 10)]

    supervisor = open_as(SUPERVISOR)
    supervisor.goto("/supervision")
    supervisor.get_by_role("row", name="Sandrine Chabrol").get_by_role("link", name="10").click()
    supervisor.get_by_label("Tout cocher").check()
    expect(supervisor.get_by_text("10 cochées")).to_be_visible()
    supervisor.get_by_label("Pour les demandes cochées").select_option(label="Patrick Ollier")
    supervisor.get_by_role("button", name="Appliquer").click()
    expect(supervisor.get_by_role("heading", name="Affecter à un collègue, 10 demandes")).to_be_visible()
    carry_out(world.office, int(supervisor.url.rsplit("/", 1)[1]))
    expect(supervisor.get_by_text("10 demandes traitées.")).to_be_visible()
    assert world.sql("SELECT owner, count(*) FROM case_file GROUP BY owner") == [(SUPERVISOR, 10)]


def test_keys_do_nothing_to_who_types_and_the_others_on_the_case_are_said(open_as: Open, numbers: list[str]) -> None:
    agent, supervisor = open_as(AGENT), open_as(SUPERVISOR)
    agent.goto(f"/demandes/{numbers[0]}")
    supervisor.goto(f"/demandes/{numbers[0]}")
    expect(supervisor.get_by_text("Sandrine Chabrol est aussi sur cette demande.")).to_be_visible()
    agent.get_by_label("Note", exact=True).fill("")
    agent.keyboard.type("f4 F7 prendre rendre")
    expect(agent.get_by_label("Note", exact=True)).to_have_value("f4 F7 prendre rendre")
    supervisor.keyboard.press("F8")
    expect(supervisor.get_by_label("Motif").first).to_be_focused()


def test_every_page_of_cases_and_supervision_is_clean_at_every_width(
    open_as: Open, world: World, numbers: list[str], tmp_path: Path
) -> None:
    other = Actor("agathe.roux", "Agathe Roux", frozenset({Role.SUPERVISOR}), frozenset({"631"}))
    person = world.sql("SELECT min(id) FROM person")[0][0]
    supervisor = open_as(SUPERVISOR)
    with world.session() as session:
        open_case(session, world.office, SYSTEM, CLOSURE_ONLINE, "631", person)
        note(session, world.office, other, numbers[0], f"@{SUPERVISOR} à voir")
        attach(session, world.office, other, numbers[0], "courrier.txt", b"Bonjour.")
        world.sql(
            "UPDATE case_file SET ended_at = :at, running_since = NULL, due_at = NULL, state = 'filed' WHERE number = :n",
            at=world.clock.now, n=numbers[1],
        )  # fmt: skip
    world.sql(
        "INSERT INTO case_entry (case_id, at, actor, what, step) SELECT id, ended_at, 'agathe.roux', 'step', 'file' "
        "FROM case_file WHERE number = :n", n=numbers[1],
    )  # fmt: skip
    world.clock.move(days=7)
    assert draw_last_week(world.office) == 1
    sample = world.sql("SELECT id FROM quality_sample")[0][0]
    supervisor = open_as(SUPERVISOR)
    wrong, source = [], axe_source()
    for place in (
        "/demandes", "/demandes?echeance=proche", "/demandes/mentions", f"/demandes/{numbers[0]}",
        *(f"/demandes/types/{workflow.name}" for workflow in WORKFLOWS), "/supervision", "/supervision/absences",
        "/supervision/qualite", f"/supervision/qualite/{sample}", "/supervision/activite", "/supervision/journal",
        f"/supervision/personnes/631/{person}",
    ):  # fmt: skip
        for width in (1280, 640, 360):
            supervisor.set_viewport_size({"width": width, "height": 900})
            supervisor.goto(place)
            wrong += [(place, width, one) for one in faults(supervisor, source if width == 360 else None)]
    assert wrong == []
