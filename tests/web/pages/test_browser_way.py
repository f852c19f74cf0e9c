"""The whole way as a manager goes it, in a real Chromium, and every page looked at by axe-core."""

import pytest
from campaigns.world import SYSTEM, World, a_person
from playwright.sync_api import expect
from portal.windows import axe_source, faults

from backoffice.campaigns import actions
from backoffice.campaigns.rules import CampaignState, ChannelRule
from backoffice.letters.reference import format_letter_id
from backoffice.population.actions import discard_upload, run_import
from backoffice.population.synthetic import write_population

from .conftest import ADMINISTRATOR, MANAGER, OTHER_MANAGER, journal
from .windows import Open, address, chromium, open_as

__all__ = ["address", "chromium", "open_as"]
pytestmark = pytest.mark.browser


def test_a_manager_imports_a_file_and_sees_a_campaign_through_to_its_lots(open_as: Open, world: World) -> None:
    source = world.folder / "assurés.csv.gz"
    write_population(source, ["631"], 120, 3)
    page = open_as(MANAGER)
    page.get_by_role("link", name="Population", exact=True).first.click()
    page.get_by_role("link", name="Importer un fichier").click()
    page.get_by_label("Fichier", exact=True).set_input_files(source)
    page.get_by_role("button", name="Importer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("assurés.csv.gz")
    import_id = int(page.url.rsplit("/", 1)[1])
    run_import(world.office, SYSTEM, import_id)
    discard_upload(world.office, import_id)
    expect(page.get_by_text("120 lues =", exact=False)).to_be_visible()

    page.goto("/campagnes")
    page.get_by_role("link", name="Nouvelle campagne").click()
    page.get_by_label("Nom de la campagne").fill("Recrutement de novembre")
    page.get_by_label("Courrier papier pour tous").check()
    page.get_by_role("button", name="Compter les personnes").click()
    expect(page.get_by_role("heading", name="Décompte d’aujourd’hui")).to_be_visible()
    page.get_by_role("button", name="Créer le brouillon").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recrutement de novembre")
    reference = page.url.rsplit("/", 1)[1]
    page.get_by_role("link", name="Soumettre…").click()
    page.get_by_role("button", name="Soumettre").click()
    expect(page.get_by_text("vous ne pouvez pas l’approuver vous-même")).to_be_visible()

    other = open_as(OTHER_MANAGER)
    other.goto(f"/campagnes/{reference}")
    other.get_by_role("link", name="Approuver…").click()
    other.get_by_role("link", name="Lire le bon à tirer").click()
    expect(other.get_by_text("Préparation des pages…")).to_be_hidden()
    other.get_by_role("link", name="Je l’ai lu, passer à l’approbation…").click()
    other.get_by_role("button", name="Approuver").click()
    expect(other.get_by_text("est en train d’être figée").first).to_be_visible()
    with world.session() as session:
        assert actions.freeze_now(session, world.office, world.campaign(reference).id)
    other.get_by_role("link", name="Lancer…").click()
    other.get_by_role("button", name="Lancer la production").dblclick()
    expect(other.get_by_text("La campagne est lancée.")).to_be_visible()
    assert journal(world, "campagne.launch") == [(OTHER_MANAGER, reference)]

    lots = world.lots(reference)
    assert len(lots) > 1
    world.make(lots[0])
    expect(other.locator("[data-live='lots']")).to_have_text("1")
    for lot in lots[1:]:
        world.make(lot)
    expect(other.get_by_text("terminée", exact=True)).to_be_visible()
    assert world.campaign(reference).status is CampaignState.FINISHED

    other.get_by_role("link", name="Courriers n°").first.click()
    with other.expect_download() as download:
        other.get_by_role("link", name="Télécharger les pages").click()
    lot = world.lots(reference)[0]
    assert download.value.suggested_filename == f"{lot.name}.pdf"
    assert download.value.path().read_bytes() == (world.folder_of(reference) / f"{lot.name}.pdf").read_bytes()
    letter = format_letter_id("631", world.letters(reference)[0].number)
    other.get_by_role("link", name=letter).click()
    source_of_frame = other.locator("iframe").get_attribute("src")
    assert source_of_frame is not None
    answer = other.request.get(source_of_frame)
    assert (answer.status, answer.body()[:5]) == (200, b"%PDF-")
    assert world.verify().clean


def test_a_refused_file_is_said_on_the_spot_and_the_keyboard_is_there(open_as: Open, world: World) -> None:
    wrong = world.folder / "wrong.csv"
    wrong.write_text("nom;prenom\nA;B\n", encoding="utf-8")
    page = open_as(MANAGER)
    page.goto("/population/importer")
    page.get_by_label("Fichier", exact=True).set_input_files(wrong)
    page.get_by_role("button", name="Importer").click()
    summary = page.get_by_role("alert")
    expect(summary).to_be_visible()
    expect(summary).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Fichier", exact=True)).to_be_focused()


def test_faults_of_a_form_lead_the_keyboard_to_their_fields(open_as: Open) -> None:
    page = open_as(MANAGER)
    page.goto("/campagnes/nouvelle")
    page.get_by_label("Âge minimal").fill("60")
    page.get_by_label("Âge maximal").fill("30")
    page.get_by_role("button", name="Créer le brouillon").click()
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    summary.get_by_role("link", name="dépasse").click()
    expect(page.get_by_label("Âge maximal")).to_be_focused()
    expect(page.get_by_label("Âge minimal")).to_have_value("60")


def test_a_lost_connection_is_said_and_found_again_by_itself(open_as: Open, world: World) -> None:
    world.load([a_person() for _ in range(4)])
    reference = world.launched(lot_size=2, channel_rule=ChannelRule.POST)
    page = open_as(MANAGER)
    page.goto(f"/campagnes/{reference}")
    page.route("**/suivi", lambda route: route.abort())
    expect(page.get_by_text("Connexion perdue, nouvel essai dans")).to_be_visible()
    world.make(world.lots(reference)[0])
    page.unroute("**/suivi")
    expect(page.locator("[data-live='faits']")).to_have_text("2")
    expect(page.get_by_text("Connexion perdue")).to_be_hidden()


@pytest.fixture
def places(world: World) -> list[str]:
    """Every page of these features, with something on it."""
    world.load(
        [*(a_person() for _ in range(5)), a_person(canal="mail", email="a@example.org"), a_person(opposition="O")]
    )
    world.load([a_person(nir="1" * 15)])
    running, draft = world.launched(lot_size=3), world.create(name="Brouillon")
    lot = world.lots(running)[0]
    world.make(lot)
    world.do(actions.pause, running, "Panne de mise sous pli")
    import_id = world.sql("SELECT max(id) FROM population_import")[0][0]
    letter = format_letter_id("631", world.letters(running)[0].number)
    return [
        "/campagnes", "/campagnes/nouvelle", f"/campagnes/{running}", f"/campagnes/{draft}?decompte=1",
        f"/campagnes/{draft}/etapes/annuler", f"/campagnes/{draft}/etapes/soumettre", f"/campagnes/{draft}/apercu",
        f"/campagnes/{draft}/etapes/lancer", f"/campagnes/{running}/lots/{lot.id}", f"/campagnes/{running}/exceptions",
        f"/campagnes/{running}/courriers/{letter}", f"/campagnes/{running}/courriers?numero=1",
        "/population", "/population/importer", f"/population/{import_id}",
    ]  # fmt: skip


@pytest.mark.parametrize(("width", "every"), [(1280, 1), (390, 5)])
def test_axe_finds_no_fault_in_any_page(width: int, every: int, open_as: Open, places: list[str]) -> None:
    source = axe_source()
    page = open_as(MANAGER, width)
    wrong = {}
    for place in places[::every]:  # a narrow window changes the layout, not the structure: some pages tell
        page.goto(place)
        if found := faults(page, source):
            wrong[place] = found
    assert wrong == {}


@pytest.mark.parametrize("width", [320, 640])
def test_no_page_scrolls_sideways_at_twice_or_four_times_its_size(width: int, open_as: Open, places: list[str]) -> None:
    page = open_as(MANAGER, width)
    wide = []
    for place in places:
        page.goto(place)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(place)
    assert wide == []


def test_registers_are_without_fault_too(open_as: Open, places: list[str]) -> None:
    source = axe_source()
    page = open_as(ADMINISTRATOR)
    wrong = {}
    for name in ("", "campagnes/", "lots/", "imports/", "journal/"):
        page.goto(f"/registres/{name}")
        if found := faults(page, source):
            wrong[name] = found
    assert wrong == {}
