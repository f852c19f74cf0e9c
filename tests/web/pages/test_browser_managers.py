"""Two managers in Chromium: a segment to an approval that is void again; waves on a calendar, moved, their load read."""

from typing import Any

import pytest
from campaigns.world import World, a_person
from playwright.sync_api import Page, expect
from portal.windows import axe_source, chromium, faults

from backoffice.campaigns import actions
from backoffice.campaigns.approvals import void_stale
from backoffice.campaigns.rules import CampaignState, ChannelRule
from backoffice.following.responses import count_responses

from .conftest import MANAGER, NATIONAL_MANAGER, OTHER_MANAGER, journal
from .test_proof_pages import a_docx
from .windows import Open, address, open_as

__all__ = ["address", "chromium", "open_as"]
pytestmark = pytest.mark.browser


class Eye:
    """Looks at each page it is shown with axe-core, and says at the end what was wrong."""

    def __init__(self) -> None:
        self.source = axe_source()
        self.wrong: dict[str, Any] = {}

    def look(self, page: Page) -> None:
        if found := faults(page, self.source):
            self.wrong[page.url] = found


def press(page: Page, name: str, role: Any = "button", *, leaves: bool = True) -> None:
    """By the keyboard: it must be reachable, and Enter must do."""
    found = page.get_by_role(role, name=name, exact=True)
    found.focus()
    expect(found).to_be_focused()
    if leaves:
        with page.expect_navigation():
            page.keyboard.press("Enter")
    else:
        page.keyboard.press("Enter")


def test_from_a_segment_to_an_approval_that_a_new_template_voids(open_as: Open, world: World) -> None:
    world.load([a_person(date_naissance="1950-01-01") for _ in range(4)] + [a_person(date_naissance="1990-01-01")])
    eye = Eye()
    author = open_as(MANAGER)
    author.goto("/segments/nouveau")
    author.get_by_label("Nom du segment").fill("Soixante ans et plus")
    author.get_by_label("Âge minimal").fill("60")
    eye.look(author)
    press(author, "Enregistrer le segment")
    press(author, "Préparer une campagne", "link")
    expect(author.get_by_label("Âge minimal")).to_have_value("60")
    author.get_by_label("Nom de la campagne").fill("Recrutement des aînés")
    author.get_by_label("Courrier papier pour tous").check()
    expect(author.locator("[data-count-page] .result")).to_contain_text("4 personnes recevraient")
    eye.look(author)
    press(author, "Créer le brouillon")
    expect(author.get_by_role("heading", level=1)).to_have_text("Recrutement des aînés")
    reference = author.url.rsplit("/", 1)[1]
    press(author, "Compter les personnes", "link", leaves=False)
    expect(author.locator("[data-later-page] .result")).to_contain_text("4 personnes recevraient")
    eye.look(author)
    press(author, "Soumettre…", "link")
    expect(author.locator("[data-later-page] .result")).to_contain_text("4 personnes recevraient")
    press(author, "Soumettre")

    # The author may read the bon à tirer, and approves nothing.
    author.goto(f"/campagnes/{reference}/bon-a-tirer")
    expect(author.get_by_text("Préparation des pages…")).to_be_hidden()
    expect(author.get_by_role("link", name="Je l’ai lu")).to_have_count(0)
    eye.look(author)
    author.goto(f"/campagnes/{reference}/etapes/approuver")
    expect(author.get_by_text("L’auteur d’une campagne ne peut pas l’approuver")).to_be_visible()

    second = open_as(OTHER_MANAGER)
    second.goto(f"/campagnes/{reference}")
    press(second, "Approuver…", "link")
    expect(second.get_by_role("button", name="Approuver")).to_have_count(0)
    eye.look(second)
    press(second, "Lire le bon à tirer", "link")
    expect(second.get_by_text("Préparation des pages…")).to_be_hidden()
    press(second, "Je l’ai lu, passer à l’approbation…", "link")
    expect(second.get_by_text("Vous avez ouvert le bon à tirer le")).to_be_visible()
    eye.look(second)
    press(second, "Approuver")
    expect(second.get_by_text("qui avait ouvert le bon à tirer le")).to_be_visible()
    with world.session() as session:
        assert actions.freeze_now(session, world.office, world.campaign(reference).id)
    assert (world.status(reference).eligible, world.campaign(reference).approver) == (4, OTHER_MANAGER)

    # A colleague's new template, adopted by a national one: nothing of the approval holds any more.
    second.goto("/modeles/recruitment")
    file = {"name": "recrutement.docx", "mimeType": "application/octet-stream", "buffer": a_docx(world).read()}
    second.locator("input[type=file]").set_input_files(files=[file])
    second.get_by_label("Ce qui change").fill("Plus simple")
    press(second, "Envoyer et voir l’épreuve")
    eye.look(second)
    version = second.url
    national = open_as(NATIONAL_MANAGER)
    national.goto(version)
    press(national, "En faire la version courante")
    expect(national.get_by_text("courante").first).to_be_visible()
    assert void_stale(world.office) == 1
    author.goto(f"/campagnes/{reference}")
    expect(author.get_by_text("Le modèle du courrier a changé depuis l’approbation").first).to_be_visible()
    eye.look(author)
    assert world.campaign(reference).status is CampaignState.DRAFT
    assert (world.letters(reference), world.campaign(reference).proof_id) == ([], None)
    assert journal(world, "campagne.approve") == [(OTHER_MANAGER, reference)]
    assert eye.wrong == {}


def test_waves_on_a_calendar_moved_planned_again_and_their_load(open_as: Open, world: World) -> None:
    world.load([a_person(adresse_4=f"{rank} RUE HAUTE") for rank in range(9)])
    reference = world.frozen(channel_rule=ChannelRule.POST)
    eye = Eye()
    page = open_as(MANAGER)
    page.goto(f"/campagnes/{reference}")
    press(page, "Programmer les vagues…", "link")
    page.get_by_label("Premier départ").fill("2016-11-14")
    page.get_by_label("Envois par jour ouvré").fill("3")
    eye.look(page)
    press(page, "Voir les vagues")
    eye.look(page)
    press(page, "Programmer ces vagues")
    expect(page.get_by_role("heading", name="Le calendrier")).to_be_visible()
    days = "SELECT number, planned_on::text, letters FROM wave ORDER BY number"
    assert world.sql(days) == [(1, "2016-11-14", 3), (2, "2016-11-15", 3), (3, "2016-11-16", 3)]
    eye.look(page)

    # The second one a week later: before and after are read, the third one follows.
    page.goto(f"/campagnes/{reference}/vagues/2/deplacer")
    page.get_by_label("Nouveau jour").fill("2016-11-22")
    press(page, "Voir l’effet")
    expect(page.get_by_role("heading", name="Avant et après")).to_be_visible()
    eye.look(page)
    page.get_by_role("button", name="Confirmer le déplacement").dblclick()
    expect(page.get_by_role("heading", name="Le calendrier")).to_be_visible()
    assert [day for _, day, _ in world.sql(days)] == ["2016-11-14", "2016-11-22", "2016-11-23"]
    assert world.sql("SELECT count(*) FROM campaign_step WHERE step = 'move_wave'") == [(1,)]

    # The rest of the plan made again, in larger waves.
    press(page, "Refaire la suite du plan", "link")
    page.get_by_label("Premier départ").fill("2016-11-21")
    page.get_by_label("Envois par jour ouvré").fill("5")
    press(page, "Voir les vagues")
    press(page, "Programmer ces vagues")
    expect(page.get_by_role("heading", name="Le calendrier")).to_be_visible()
    assert world.sql(days) == [(1, "2016-11-21", 5), (2, "2016-11-22", 4)]

    page.goto("/calendrier")
    expect(page.get_by_text(reference).first).to_be_visible()
    eye.look(page)
    with world.session() as session:
        count_responses(session, "631", world.clock())
    page.goto("/charge?semaines=8")
    expect(page.get_by_role("heading", name="D’où viennent ces chiffres")).to_be_visible()
    eye.look(page)
    assert eye.wrong == {}
