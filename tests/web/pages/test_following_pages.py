"""What became of letters, as a campaign manager and a director read it."""

from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from campaigns.test_trials import adopt, freeze, of_persons, trial
from campaigns.world import World, a_person
from following.test_counts import called, opened, people
from playwright.sync_api import expect
from portal.windows import chromium
from pypdf import PdfReader

from backoffice.campaigns import actions
from backoffice.core.clock import PARIS
from backoffice.following.counting import recount

from .conftest import ADMINISTRATOR, AGENT, FOREIGN_MANAGER, MANAGER, SUPERVISOR, Browser, SignIn, journal
from .test_browser_way import Open, address, open_as

__all__ = ["address", "chromium", "open_as"]
NOON = datetime(2016, 11, 14, 12, tzinfo=PARIS)


def followed(world: World) -> str:
    world.load([a_person(adresse_4=f"{n} RUE HAUTE") for n in range(1, 41)])
    reference = world.sealed()
    for rank, person in enumerate(people(world)[:9]):
        called(world, person, NOON + timedelta(days=2 + rank))
        opened(world, person, NOON + timedelta(days=5 + rank))
    world.clock.now = NOON + timedelta(days=35)
    recount(world.office, "631")
    return reference


def text_of(browser: Browser, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    return answer.text.replace("\u00a0", " ").replace("&nbsp;", " ")


def test_the_funnel_is_shown_with_its_tables_and_meanings(sign_in: SignIn, world: World) -> None:
    reference = followed(world)
    manager = sign_in(MANAGER)
    assert f'href="/envois/{reference}"' in text_of(manager, "/envois")
    page = text_of(manager, f"/envois/{reference}")
    for words in (
        "9 (22,5 %)", "La courbe en nombres", "Ce que disent ces nombres", "dernier envoi de campagne", "Jour par jour",
        "<svg class=\"drawing\"", "16/11/2016",
    ):  # fmt: skip
        assert words in page, words
    assert "style=" not in page.split("<main")[1]  # refused by the page's own policy
    for dimension in ("vague", "caisse", "age", "canal", "version", "autre"):
        assert "La Poste" in text_of(manager, f"/envois/{reference}?par={dimension}") or dimension != "canal"
    sheet = text_of(manager, f"/envois/{reference}/synthese")
    assert "DMP créés" in sheet
    assert "22,5 % (12,3 % à 37,5 %)" in sheet


def test_nothing_sent_is_said(manager: Browser, world: World) -> None:
    assert "Aucun envoi de campagne" in text_of(manager, "/envois")
    world.load([a_person()])
    reference = world.create()
    assert "Rien n’est encore parti" in text_of(manager, f"/envois/{reference}")
    assert "Rien n’est encore parti" in text_of(manager, f"/envois/{reference}/synthese")


def test_each_role_sees_its_own(sign_in: SignIn, world: World) -> None:
    reference = followed(world)
    assert reference in text_of(sign_in(SUPERVISOR), "/envois")
    foreign = sign_in(FOREIGN_MANAGER)
    assert reference not in text_of(foreign, "/envois")
    for place in (f"/envois/{reference}", f"/envois/{reference}/synthese", f"/envois/{reference}/envois.csv"):
        assert foreign.get(place).status_code == 404
        for login in (AGENT, ADMINISTRATOR):
            assert sign_in(login).get(place).status_code == 403


def test_exports_are_files_and_journalled(sign_in: SignIn, world: World) -> None:
    reference = followed(world)
    manager = sign_in(MANAGER)
    answer = manager.get(f"/envois/{reference}/envois.csv")
    assert answer.data.startswith(b"\xef\xbb\xbfcampagne;version")
    assert f"envois-{reference}-2016-12-19.csv" in answer.headers["Content-Disposition"]
    assert manager.get(f"/envois/{reference}/envois.xlsx").data[:2] == b"PK"
    assert manager.get(f"/envois/{reference}/envois.pdf").status_code == 404
    assert journal(world, "envois.exporter") == [(MANAGER, reference), (MANAGER, reference)]


@pytest.mark.browser
def test_two_versions_are_compared_and_still_printed_on_one_sheet(open_as: Open, world: World, tmp_path: Path) -> None:
    adopt(world, tmp_path)
    world.load([a_person(adresse_4=f"{n} RUE HAUTE") for n in range(1, 61)])
    reference = freeze(world, trial(world))
    world.do(actions.launch, reference)
    world.make_all(reference)
    for rank, (person, version) in enumerate(of_persons(world, reference).items()):
        if version == "B" or rank % 8 == 0:
            opened(world, person, NOON + timedelta(days=3 + rank % 9))
    world.clock.now = NOON + timedelta(days=40)
    recount(world.office, "631")
    page = open_as(MANAGER)
    page.goto(f"/envois/{reference}")
    expect(page.get_by_text("la version B fait mieux", exact=False)).to_be_visible()
    expect(page.get_by_role("row", name="Écart (Version B moins Version A)")).to_contain_text("points")
    page.goto(f"/envois/{reference}/synthese")
    expect(page.get_by_role("heading", name="Les deux versions du courrier")).to_be_visible()
    assert len(PdfReader(BytesIO(page.pdf(prefer_css_page_size=True, print_background=True))).pages) == 1
