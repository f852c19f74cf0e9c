"""Documents in a real Chromium: on a telephone with photos, at a desk by the keyboard, without scripts; axe on each page."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from portal.windows import DESK, PHONE, Open, address, axe_source, chromium, faults, open_window
from portal_account.test_browser_account import sign_in
from portal_account.world import AccountWorld

from .samples import a_pdf, a_photo

__all__ = ["address", "chromium", "open_window"]
pytestmark = pytest.mark.browser


def paper(folder: Path) -> list[str]:
    """Photos of the pages of a paper, as files."""
    files = []
    for number, colour in enumerate(("ivory", "beige"), 1):
        path = folder / f"page-{number}.jpg"
        path.write_bytes(a_photo(colour, turned=True))
        files.append(str(path))
    return files


def add(page: Page, title: str, files: list[str]) -> None:
    page.goto("/mon-dmp/documents/ajouter")
    page.get_by_label("Titre du document").fill(title)
    page.get_by_label("Fichier ou photos").set_input_files(files)
    page.get_by_role("button", name="Ajouter à mon DMP").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)


@pytest.mark.parametrize(("size", "scripts"), [(PHONE, True), (DESK, False)], ids=["téléphone", "sans script"])
def test_photos_of_a_paper_are_added_read_masked_and_traced(
    open_window: Open, world: AccountWorld, tmp_path: Path, size: tuple[int, int], scripts: bool
) -> None:
    page = open_window(size, scripts=scripts)
    sign_in(page, world, world.someone())
    page.get_by_role("link", name="Mes documents Lire").click()
    add(page, "Carnet de vaccination", paper(tmp_path))
    with page.expect_download() as kept:
        page.get_by_role("link", name="Télécharger", exact=True).click()
    assert Path(kept.value.path()).read_bytes().startswith(b"%PDF-")
    page.get_by_role("button", name="Masquer aux professionnels").click()
    expect(page.get_by_role("status")).to_contain_text("Le document est masqué")
    page.get_by_role("link", name="Qui a accédé").click()
    expect(page.get_by_text(re.compile("Document masqué aux professionnels"))).to_be_visible()
    page.goto("/mon-dmp/documents")
    with page.expect_download() as whole:
        page.get_by_role("button", name="Télécharger tout mon DMP").click()
    assert whole.value.suggested_filename == "mon-dmp-2016-11-02.zip"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_every_page_of_the_record_satisfies_axe(open_window: Open, world: AccountWorld, tmp_path: Path) -> None:
    page = open_window()
    sign_in(page, world, world.someone())
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(a_pdf())
    add(page, "Ordonnance", [str(scan)])
    own = page.url
    page.goto("/mon-dmp/documents/ajouter")
    page.get_by_role("button", name="Ajouter à mon DMP").click()
    expect(page.locator("#erreurs")).to_be_focused()
    found = {"refus": faults(page, axe_source())}
    for where in (own, f"{own}/remplacer", "/mon-dmp/documents", "/mon-dmp/documents/liste/tous", "/mon-dmp/acces"):
        page.goto(where)
        found[where] = faults(page, axe_source())
    assert {where: each for where, each in found.items() if each} == {}
