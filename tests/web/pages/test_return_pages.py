"""The page of returns as a clerk with a scanner uses it, and the rates."""

import io

import pytest
from campaigns.world import World, a_person
from playwright.sync_api import expect
from portal.windows import axe_source, chromium, faults

from backoffice.letters.reference import format_letter_id
from backoffice.returns.applying import apply_returns

from .conftest import ADMINISTRATOR, AGENT, FOREIGN_AGENT, SignIn, token_of
from .test_browser_way import Open, address, open_as

__all__ = ["address", "chromium", "open_as"]


@pytest.fixture
def letters(world: World) -> list[str]:
    world.load([a_person(code_postal=code) for code in ("63000", "63100", "63170")])
    reference = world.sealed()
    world.clock.now = world.clock.now.replace(month=12)
    return [format_letter_id("631", letter.number) for letter in world.letters(reference)]


def test_one_letter_after_the_other_and_the_last_one_undone(letters: list[str], world: World, sign_in: SignIn) -> None:
    clerk = sign_in(AGENT)
    assert clerk.send("/retours", numero=letters[0]).status_code == 422  # no reason chosen
    answer = clerk.send("/retours", numero=letters[0].replace("-", ""), motif="inconnu")
    assert (answer.status_code, "motif=inconnu" in answer.location) == (303, True)
    wrong = clerk.send("/retours", numero="631-000000001-00", motif="inconnu")
    assert (wrong.status_code, "erreur de frappe" in wrong.text, "631-000000001-00" in wrong.text) == (422, True, True)
    twice = clerk.send("/retours", numero=letters[0], motif="inconnu")
    assert (twice.status_code, "déjà noté" in twice.text) == (409, True)
    assert clerk.send("/retours/annuler", "/retours").status_code == 303
    assert world.sql("SELECT count(*) FROM letter_return WHERE undone_at IS NULL") == [(0,)]
    clerk.send("/retours", numero=letters[1], motif="refuse")
    assert clerk.send("/retours/terminer", "/retours").status_code == 303
    assert sign_in(FOREIGN_AGENT).send("/retours", numero=letters[0], motif="inconnu").status_code == 404
    assert sign_in(ADMINISTRATOR).get("/retours").status_code == 403


def test_the_case_of_a_return_says_which_letter_and_why(letters: list[str], world: World, sign_in: SignIn) -> None:
    clerk = sign_in(AGENT)
    clerk.send("/retours", numero=letters[0], motif="inconnu")
    clerk.send("/retours/terminer", "/retours")
    assert apply_returns(world.office) == 1
    ((number,),) = world.sql("SELECT number FROM case_file")
    assert number in clerk.get("/retours").text
    page = clerk.get(f"/demandes/{number}").text
    assert letters[0] in page
    assert "destinataire inconnu à l’adresse" in page


def test_a_script_gets_one_line_a_letter(letters: list[str], sign_in: SignIn) -> None:
    clerk = sign_in(AGENT)
    token = token_of(clerk.get("/retours").text)

    def post(number: str) -> dict[str, object]:
        form = {"csrf_token": token, "numero": number, "motif": "inconnu", "le": ""}
        return clerk.client.post("/retours", data=form, headers={"Accept": "application/json"}).get_json() or {}

    assert post(letters[0])["fait"] is True
    assert post(letters[0])["fait"] is False


def test_a_file_is_read_and_its_bad_lines_are_shown(letters: list[str], sign_in: SignIn) -> None:
    clerk = sign_in(AGENT)
    content = f"lettre;motif;date\n{letters[0]};inconnu;\n{letters[1]};perdu;\n".encode()
    form = {"csrf_token": token_of(clerk.get("/retours").text), "fichier": (io.BytesIO(content), "retours.csv")}
    page = clerk.client.post("/retours/fichier", data=form, content_type="multipart/form-data").text
    assert "Ligne 3" in page.replace("\u00a0", " ")


def test_rates_are_shown_and_saved(letters: list[str], sign_in: SignIn) -> None:
    clerk = sign_in(AGENT)
    clerk.send("/retours", numero=letters[0], motif="inconnu")
    page = clerk.get("/retours/taux?du=2016-01-01&au=2016-12-31").text
    assert "33,3" in page
    assert "<svg" in page
    saved = clerk.get("/retours/taux.csv?du=2016-01-01&au=2016-12-31").data.decode("utf-8-sig").splitlines()
    assert saved[0].startswith("lieu;courriers;revenus;taux_pour_cent")
    assert saved[1] == "63000;1;1;100,00;0;1;0;0"
    assert clerk.get("/retours/taux?du=2017-01-01&au=2016-12-31").status_code == 422


@pytest.mark.browser
def test_a_scanner_is_never_slower_than_the_clerk(open_as: Open, letters: list[str], world: World) -> None:
    page = open_as(AGENT)
    page.goto("/retours")
    page.get_by_label("Destinataire inconnu à l’adresse").check()
    page.get_by_label("Numéro du courrier").focus()
    for number in (letters[0], letters[1], "631-000000001-00", letters[0], letters[2]):
        page.keyboard.type(number.replace("-", ""))
        page.keyboard.press("Enter")
    expect(page.locator("[data-lines] tr")).to_have_count(3)
    expect(page.get_by_role("alert").locator("li")).to_have_count(2)
    expect(page.get_by_label("Numéro du courrier")).to_be_focused()
    assert world.sql("SELECT count(*) FROM letter_return") == [(3,)]
    for place in ("/retours", "/retours/taux?du=2016-01-01&au=2016-12-31"):
        page.goto(place)
        assert faults(page, axe_source()) == [], place
