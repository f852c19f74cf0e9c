"""The whole way in a real Chromium, on a telephone and at a desk, with and without a mouse, and axe-core on each page."""

import re

import pytest
from playwright.sync_api import Page, expect

from dmp_core.enrolment.insured import Insured
from portal.windows import DESK, PHONE, Open, address, axe_source, chromium, faults, open_window, tab_to, turn

from .world import World

__all__ = ["address", "chromium", "open_window"]
pytestmark = pytest.mark.browser


def fill_step_1(page: Page, person: Insured, code: str) -> None:
    page.goto("/creer")
    page.get_by_label("Numéro de sécurité sociale").fill(person.nir)
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("radio", name="Avec photo").check()
    page.get_by_role("textbox", name="numéro de série").fill(person.serial)


def fill_step_2(page: Page) -> None:
    page.get_by_label("Adresse mail", exact=False).first.fill("nicolas@exemple.fr")
    page.get_by_label("Adresse mail, une seconde fois").fill("nicolas@exemple.fr")
    page.get_by_role("checkbox").check()


def press_validate(page: Page) -> None:
    page.get_by_role("button", name="Valider").click()


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_a_person_creates_their_dmp_prints_the_document_and_leaves(
    open_window: Open, world: World, size: tuple[int, int]
) -> None:
    person = world.person()
    code = world.code(person)
    page = open_window(size)
    page.goto("/")
    page.get_by_role("link", name="Créer votre Dossier Médical Partagé").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Je crée mon Dossier Médical Partagé")
    fill_step_1(page, person, code)
    press_validate(page)
    expect(page.locator("[aria-current=step]")).to_have_text("Je saisis mes informations personnelles")
    expect(page.locator(".facts")).to_contain_text("Dupond")
    fill_step_2(page)
    press_validate(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Monsieur Nicolas Dupond,")
    password = page.locator(".secrets dd").nth(1).inner_text()
    link = page.get_by_role("link", name="J’imprime mon accusé de réception").get_attribute("href")
    document = page.context.request.get(link or "")
    assert document.body().startswith(b"%PDF-")
    page.reload()
    expect(page.locator(".secrets dd").nth(1)).to_have_text(password)
    page.get_by_role("button", name="Me déconnecter").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Un meilleur suivi pour une meilleure santé")
    assert page.context.request.get(link or "", max_redirects=0).status == 303
    page.go_back()
    expect(page.get_by_text(password)).to_have_count(0)
    assert len(world.dossiers(person)) == 1


def test_the_keyboard_alone_is_enough(open_window: Open, world: World) -> None:
    person = world.person()
    page = open_window()
    page.goto("/creer")
    page.keyboard.press("Tab")
    expect(page.locator(".skip-link")).to_be_focused()
    page.keyboard.press("Enter")
    go_to(page, "nir")
    page.keyboard.type(person.nir)
    expect(page.locator("#nir-direct")).to_have_text("✓ Numéro complet, la clé est juste.")
    go_to(page, "code")
    page.keyboard.type(world.code(person).replace(" ", "").lower())
    expect(page.locator("#code")).to_have_value(re.compile(r"[0-9A-Z]{4} [0-9A-Z]{4} [0-9A-Z]{4}"))
    go_to(page, "carte")
    page.keyboard.press("ArrowDown")
    go_to(page, "serie")
    page.keyboard.type(person.serial)
    page.keyboard.press("Enter")
    expect(page.locator(".reader")).to_be_visible()
    go_to(page, "mail")
    page.keyboard.type("nicolas@exemple.fr")
    go_to(page, "mail_bis")
    page.keyboard.type("nicolas@exemple.fr")
    tab_to(page, ".reader")
    page.keyboard.press("End")
    expect(page.locator(".reader h3").last).to_be_in_viewport()
    go_to(page, "consentement")
    page.keyboard.press("Space")
    tab_to(page, ".actions .button-main")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Votre DMP a bien été créé")


def go_to(page: Page, name: str) -> None:
    tab_to(page, f"#{name}")


def test_a_double_click_on_validate_makes_one_dmp_and_shows_its_page(open_window: Open, world: World) -> None:
    person = world.person()
    page = open_window()
    fill_step_1(page, person, world.code(person))
    page.get_by_role("button", name="Valider").dblclick()
    expect(page.locator(".reader")).to_be_visible()
    fill_step_2(page)
    page.get_by_role("button", name="Valider").dblclick()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Votre DMP a bien été créé")
    assert len(world.dossiers(person)) == 1
    assert len(world.events(person)) == 1


def test_without_scripts_the_way_is_the_same(open_window: Open, world: World) -> None:
    person = world.person()
    page = open_window(PHONE, scripts=False)
    fill_step_1(page, person, world.code(person).lower())
    press_validate(page)
    fill_step_2(page)
    press_validate(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Votre DMP a bien été créé")


def test_two_browsers_with_one_code_make_one_dmp(open_window: Open, world: World) -> None:
    person = world.person()
    code = world.code(person)
    first, second = open_window(), open_window(PHONE)
    for page in (first, second):
        fill_step_1(page, person, code)
        press_validate(page)
        fill_step_2(page)
    press_validate(first)
    expect(first.get_by_role("heading", level=1)).to_contain_text("Votre DMP a bien été créé")
    press_validate(second)
    expect(second.get_by_role("heading", level=1)).to_have_text("Votre DMP existe déjà")
    assert len(world.dossiers(person)) == 1


def test_what_is_wrong_is_told_while_typing_and_after(open_window: Open, world: World) -> None:
    person = world.person()
    page = open_window(PHONE)
    page.goto("/creer")
    nir = page.get_by_label("Numéro de sécurité sociale")
    nir.press_sequentially(person.nir[:-2] + ("01" if person.nir[-2:] != "01" else "02"))
    expect(page.locator("#nir-direct")).to_contain_text("La clé (les deux derniers chiffres) ne correspond pas")
    expect(nir).to_have_value(re.compile(r"1 52 05 48 \d{3} \d{3} \d{2}"))
    nir.press("ArrowLeft")
    nir.press("Backspace")
    expect(page.locator("#nir-direct")).to_have_text("")
    press_validate(page)
    summary = page.locator("#erreurs")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("4 champs sont à corriger")
    summary.get_by_role("link").nth(1).click()
    expect(page.locator("#code")).to_be_focused()
    expect(page.locator("#code")).to_have_attribute("aria-describedby", "code-aide code-erreur")


def test_an_address_is_typed_twice_by_hand_but_assistive_technology_may_fill_it(
    open_window: Open, world: World
) -> None:
    person = world.person()
    page = open_window()
    fill_step_1(page, person, world.code(person))
    press_validate(page)
    first, again = page.locator("#mail"), page.locator("#mail_bis")
    first.fill("nicolas@exemple.fr")
    first.press("Control+a")
    first.press("Control+c")
    again.focus()
    again.press("Control+v")
    expect(again).to_have_value("")
    expect(page.locator("#mail_bis-direct")).to_contain_text("Retapez-le plutôt que de le coller")
    again.fill("nicolas@exemple.fr")  # set whole, as a screen reader or a switch device does
    again.blur()
    expect(page.locator("#mail_bis-direct")).to_have_text("✓ Les deux saisies sont identiques.")


AT_A_DESK = {"/", "/creer", "step 2", "step 3"}
"""Pages laid out otherwise there; the others differ by their margins alone."""


@pytest.mark.parametrize("size", [(320, 740), DESK], ids=["phone", "desk"])
def test_axe_finds_no_fault_on_any_page(open_window: Open, world: World, size: tuple[int, int]) -> None:
    source = axe_source()
    person = world.person()
    code = world.code(person)
    page = open_window(size)
    wrong = {}

    def look(name: str) -> None:
        if found := faults(page, source if size != DESK or name in AT_A_DESK else None):
            wrong[name] = found

    for where in (
        "/", "/decouvrir", "/conditions", "/mentions-legales", "/accessibilite", "/recevoir-un-code",
        "/recevoir-un-code/demande-prise-en-compte", "/nulle-part", "/creer",
    ):  # fmt: skip
        page.goto(where)
        look(where)
    press_validate(page)
    look("step 1 refused")
    fill_step_1(page, person, world.code(world.person()))
    press_validate(page)
    expect(page.locator("#erreurs")).to_be_visible()
    look("step 1 not identified")
    page.goto("/recevoir-un-code")
    turn(page, page.get_by_role("button", name="Demander un code"))
    look("request refused")
    fill_step_1(page, person, code)
    press_validate(page)
    expect(page.locator(".reader")).to_be_visible()
    look("step 2")
    press_validate(page)
    expect(page.locator("#erreurs")).to_be_visible()
    look("step 2 refused")
    fill_step_2(page)
    press_validate(page)
    expect(page.locator(".secrets")).to_be_visible()
    look("step 3")
    world.clock.forward(minutes=14)
    page.reload()
    world.clock.forward(minutes=14)
    page.reload()
    expect(page.get_by_role("button", name="Obtenir un nouveau mot de passe initial")).to_be_visible()
    look("step 3, later")
    page.context.clear_cookies()
    fill_step_1(page, person, code)
    press_validate(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Votre DMP existe déjà")
    look("stopped")
    assert wrong == {}
