"""A representative in a real Chromium, on a telephone and at a desk: whose DMP, its pages, one's own profile; axe on each."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect
from portal.windows import DESK, PHONE, Open, address, axe_source, chromium, faults, open_window
from portal_account.test_browser_account import give_code
from portal_account.world import GOOD
from professionals.world import Record, RecordWorld

from .world import AGENT, a_guardian, declare

__all__ = ["address", "chromium", "open_window"]
pytestmark = pytest.mark.browser


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["téléphone", "bureau"])
def test_a_guardian_chooses_a_person_and_each_page_satisfies_axe(
    open_window: Open, world: RecordWorld, size: tuple[int, int]
) -> None:
    someone, other = world.someone(), world.someone(given_name="Odile", civilite="MME")
    record = Record(world, someone.dossier)
    document = record.put("analyses de sang", masked=True)
    who = declare(world, someone)
    world.enrolment.representatives.declare(uuid4(), other.person, a_guardian(login=who.login), AGENT)
    page = open_window(size)
    page.goto("/connexion")
    page.get_by_label("Identifiant de connexion").fill(who.login)
    page.get_by_label("Mot de passe", exact=True).fill(who.password)
    page.get_by_role("button", name="Me connecter").click()
    give_code(page, world.outside.code(who.mail))
    page.get_by_label("Nouveau mot de passe").fill(GOOD)
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("De qui ouvrez-vous le DMP")
    found = {"choix": faults(page, axe_source())}
    page.get_by_role("button", name="Ouvrir le DMP de Nicolas Dupond").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Le DMP de Nicolas Dupond")
    for where in (
        "/mon-dmp/represente", "/mon-dmp/documents", "/mon-dmp/documents/liste/tous", f"/mon-dmp/documents/{document.id}",
        "/mon-dmp/professionnels", "/mon-dmp/acces", "/mon-dmp/profil", "/mon-dmp/connexions",
    ):  # fmt: skip
        page.goto(where)
        expect(page.get_by_text("que vous représentez").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), where
        found[where] = faults(page, axe_source())
    assert {where: each for where, each in found.items() if each} == {}
