"""The life of a campaign through its pages: who may do what, said before and after."""

import json
from html import unescape

import pytest
from campaigns.world import World, a_person

from backoffice.campaigns import actions
from backoffice.campaigns.rules import CampaignState, ChannelRule

from .conftest import MANAGER, OTHER_MANAGER, SUPERVISOR, Browser, SignIn, journal


def words(page: str) -> str:
    return unescape(page).replace("\u00a0", " ")


def step(reference: str, slug: str) -> str:
    return f"/campagnes/{reference}/etapes/{slug}"


@pytest.fixture
def draft(world: World, manager: Browser) -> str:
    """A campaign of the manager's for twelve persons, one of them by e-mail."""
    world.load([a_person() for _ in range(11)] + [a_person(canal="mail", email="a@example.org")])
    form = {"nom": "Essai", "date": "2016-11-14", "canal": "registered", "qualite": "", "geste": "creer"}
    return str(manager.send("/campagnes/nouvelle", **form).location).rsplit("/", 1)[1]


def freeze(world: World, reference: str) -> None:
    with world.session() as session:
        assert actions.freeze_now(session, world.office, world.campaign(reference).id)


def test_a_campaign_goes_from_draft_to_launched_by_two_persons(
    draft: str, world: World, manager: Browser, sign_in: SignIn
) -> None:
    other = sign_in(OTHER_MANAGER)
    asked = manager.get(step(draft, "soumettre")).text
    # The count comes by itself, apart from the page, or within it without a script.
    assert f'data-later="/campagnes/{draft}/decompte"' in asked
    piece = words(manager.get(f"/campagnes/{draft}/decompte").json["page"])
    assert "<strong>12</strong> personnes recevraient ce courrier" in piece
    whole = words(manager.get(step(draft, "soumettre") + "?decompte=1").text)
    assert "<strong>12</strong> personnes recevraient ce courrier" in whole
    assert manager.send(step(draft, "soumettre")).status_code == 303
    other.get(f"/campagnes/{draft}/bon-a-tirer.pdf")
    assert "seront figés" in words(other.get(step(draft, "approuver")).text)
    assert other.send(step(draft, "approuver")).status_code == 303
    freeze(world, draft)
    page = words(other.get(step(draft, "lancer")).text)
    assert "11 courriers seront produits en 1 lot, datés du 14 novembre 2016." in page
    assert "1 courriel, daté du 14 novembre 2016, partira aussitôt et ne pourra plus être rappelé." in page
    assert other.send(step(draft, "lancer")).status_code == 303
    assert world.campaign(draft).status is CampaignState.RUNNING
    history = words(manager.get(f"/campagnes/{draft}").text)
    for line in ("Créée", "Soumise à l’approbation", "Approuvée", "Lancée"):
        assert f"<strong>{line}</strong>" in history


def test_the_author_cannot_approve_and_reads_who_can(draft: str, world: World, manager: Browser) -> None:
    manager.send(step(draft, "soumettre"))
    page = words(manager.get(f"/campagnes/{draft}").text)
    assert "vous ne pouvez pas l’approuver vous-même" in page
    assert step(draft, "approuver") not in page
    for answer in (
        manager.get(step(draft, "approuver")),
        manager.send(step(draft, "approuver"), f"/campagnes/{draft}"),
    ):
        assert answer.status_code == 403
        assert "demandez à un autre responsable de campagne" in words(answer.text)
    assert world.campaign(draft).status is CampaignState.SUBMITTED


def test_a_step_asked_for_twice_is_taken_once(draft: str, world: World, manager: Browser) -> None:
    page = manager.get(step(draft, "soumettre")).text
    token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    answers = [manager.client.post(step(draft, "soumettre"), data={"csrf_token": token}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert journal(world, "campagne.submit") == [(MANAGER, draft)]


def test_a_step_that_is_no_longer_possible_is_a_readable_page(
    draft: str, world: World, manager: Browser, sign_in: SignIn
) -> None:
    manager.send(step(draft, "soumettre"))
    other = sign_in(OTHER_MANAGER)
    other.get(f"/campagnes/{draft}/bon-a-tirer.pdf")
    other.send(step(draft, "approuver"))
    for answer in (
        manager.get(step(draft, "soumettre")),
        manager.send(step(draft, "soumettre"), f"/campagnes/{draft}"),
    ):
        assert answer.status_code == 409
        assert "la campagne est « approuvée »" in words(answer.text)
        assert f'href="/campagnes/{draft}"' in answer.text


@pytest.mark.parametrize("slug", ["renvoyer", "annuler"])
def test_a_step_that_needs_a_reason_keeps_waiting_for_it(slug: str, draft: str, world: World, manager: Browser) -> None:
    manager.send(step(draft, "soumettre"))
    refused = manager.send(step(draft, slug), motif="  ")
    assert refused.status_code == 422
    assert 'aria-invalid="true"' in refused.text
    assert "demande un motif" in words(refused.text)
    assert manager.send(step(draft, slug), motif="Date à revoir avec l’imprimeur").status_code == 303
    assert "Date à revoir avec l’imprimeur" in unescape(manager.get(f"/campagnes/{draft}").text)


def test_a_step_that_does_not_exist_is_not_found(draft: str, manager: Browser) -> None:
    assert manager.get(step(draft, "finish")).status_code == 404
    assert manager.get(step(draft, "terminer")).status_code == 404


def test_pausing_and_resuming_say_how_much_is_left(world: World, manager: Browser) -> None:
    world.load([a_person() for _ in range(12)])
    reference = world.launched(lot_size=5, channel_rule=ChannelRule.POST)
    world.make(world.lots(reference)[0])
    assert "7 envois sur 12 attendront la reprise" in words(manager.get(step(reference, "suspendre")).text)
    manager.send(step(reference, "suspendre"), motif="Panne de mise sous pli")
    assert "Motif : Panne de mise sous pli" in words(manager.get(f"/campagnes/{reference}").text)
    assert "7 envois restants seront produits en 2 lots" in words(manager.get(step(reference, "reprendre")).text)
    assert "7 envois ne seront jamais produits. 5 courriers en 1 lot" in words(
        manager.get(step(reference, "annuler")).text
    )


def test_a_supervisor_reads_and_finds_no_button(draft: str, sign_in: SignIn) -> None:
    page = sign_in(SUPERVISOR).get(f"/campagnes/{draft}").text
    assert "Essai" in page
    assert "/etapes/" not in page
    assert "/campagnes/nouvelle" not in page


def test_the_figures_move_with_the_lots_and_say_when_it_is_over(world: World, manager: Browser) -> None:
    world.load([a_person() for _ in range(12)])
    reference = world.launched(lot_size=5, channel_rule=ChannelRule.POST)
    address = f"/campagnes/{reference}/suivi"
    page = manager.get(f"/campagnes/{reference}").text
    assert f'data-follow="{address}"' in page
    before = json.loads(manager.get(address).text)
    assert f'data-version="{before["version"]}"' in page
    assert (before["fait"], before["total"], before["fini"]) == (0, 12, False)
    lots = world.lots(reference)
    world.make(lots[0])
    news = json.loads(manager.get(address).text)
    assert (news["fait"], news["textes"]["courriers"], news["textes"]["lots"]) == (5, "5", "1")
    assert news["etats"][f"lot-{lots[0].id}-etat"] == {"genre": "done", "texte": "scellé"}
    assert news["version"] == before["version"]
    for lot in lots[1:]:
        world.make(lot)
    over = json.loads(manager.get(address).text)
    assert (over["fait"], over["fini"]) == (12, True)
    assert "data-follow" not in manager.get(f"/campagnes/{reference}").text


def test_following_a_page_does_not_keep_a_session_alive(world: World, manager: Browser) -> None:
    world.load([a_person()])
    reference = world.launched()
    for _ in range(4):
        world.clock.move(minutes=9)
        answer = manager.get(f"/campagnes/{reference}/suivi", headers={"Accept": "application/json"})
    assert answer.status_code == 401


def test_the_list_shows_its_campaigns_newest_first_page_by_page(world: World, manager: Browser) -> None:
    references = [world.create(name=f"Campagne {number}") for number in range(23)]
    first, second = manager.get("/campagnes").text, manager.get("/campagnes?page=2").text
    assert first.index(references[22]) < first.index(references[21])
    assert references[2] not in first
    assert references[2] in second
    assert "23 campagnes, page 1 sur 2" in words(first)


def test_every_page_of_a_campaign_is_served_without_inline_script_or_style(draft: str, manager: Browser) -> None:
    for address in (
        f"/campagnes/{draft}",
        f"/campagnes/{draft}?decompte=1",
        step(draft, "annuler"),
        "/campagnes/nouvelle",
    ):
        page = manager.get(address)
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]
        assert "style=" not in page.text
        assert "<style" not in page.text
        assert page.text.count("<script ") == page.text.count("<script src=")
