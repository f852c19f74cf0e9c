"""Two managers at one campaign at once, each before a page read earlier: the second is told, and nothing is lost."""

import threading
from datetime import date

import pytest
from campaigns.test_waves import people, schedule, terms, waves_at
from campaigns.world import World
from web.pages.conftest import MANAGER, OTHER_MANAGER, Browser, SignIn
from web.pages.test_campaign_pages_life import step
from web.pages.test_wave_pages import hidden, words

from backoffice.campaigns import actions
from backoffice.campaigns.rules import CampaignState


def posted(browser: Browser, address: str, page: str, **typed: str) -> tuple[int, str]:
    answer = browser.client.post(address, data=hidden(page) | typed)
    return answer.status_code, words(answer.text)


def test_two_approvals_at_the_same_instant_are_one(world: World, sign_in: SignIn) -> None:
    world.load(people(4))
    reference = world.create()
    world.do(actions.submit, reference)
    browsers = [sign_in(MANAGER), sign_in(OTHER_MANAGER)]
    for browser in browsers:
        browser.get(f"/campagnes/{reference}/bon-a-tirer.pdf")
    address = step(reference, "approuver")
    pages = [browser.get(address).text for browser in browsers]
    answers: list[tuple[int, str]] = []

    def approve(browser: Browser, page: str) -> None:
        answers.append(posted(browser, address, page))

    threads = [threading.Thread(target=approve, args=both) for both in zip(browsers, pages, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    (_, sentence) = max(answers)
    assert sorted(code for code, _ in answers) == [303, 409]
    assert "approuvée" in sentence
    assert world.sql("SELECT count(*) FROM campaign_step WHERE step = 'approve'") == [(1,)]
    assert world.campaign(reference).approver in (MANAGER, OTHER_MANAGER)


@pytest.mark.parametrize(("first", "second", "state"), [
    ("suspendre", "annuler", CampaignState.CANCELLED),
    ("annuler", "suspendre", CampaignState.CANCELLED),
])  # fmt: skip
def test_a_pause_and_a_cancellation_meet(
    world: World, sign_in: SignIn, first: str, second: str, state: CampaignState
) -> None:
    world.load(people(4))
    reference = world.launched(lot_size=2)
    world.make(world.lots(reference)[0])
    damien, helene = sign_in(MANAGER), sign_in(OTHER_MANAGER)
    mine = helene.get(step(reference, second)).text
    assert posted(damien, step(reference, first), damien.get(step(reference, first)).text, motif="mien")[0] == 303
    code, sentence = posted(helene, step(reference, second), mine, motif="sien")
    if first == "annuler":
        assert code == 409
        assert "annulée" in sentence
    else:
        assert code == 303
    assert world.campaign(reference).status is state
    reasons = [row[0] for row in world.sql("SELECT reason FROM campaign_step WHERE reason IS NOT NULL ORDER BY id")]
    assert reasons == (["mien"] if first == "annuler" else ["mien", "sien"])
    assert len(world.codes()) == 2  # what had been sealed stays what it is
    assert world.verify().clean


def test_a_plan_moved_by_one_while_the_other_remakes_it(world: World, sign_in: SignIn) -> None:
    world.load(people(6))
    reference = world.frozen(lot_size=4)
    schedule(world, reference, terms())
    damien, helene = sign_in(MANAGER), sign_in(OTHER_MANAGER)
    plan = f"/campagnes/{reference}/vagues"
    typed = {"debut": "2016-11-21", "par_jour": "3", "fin": "", "tolerance": "1"}
    shown = helene.client.post(
        f"{plan}/programmer", data=hidden(helene.get(f"{plan}/programmer").text) | typed | {"geste": "voir"}
    ).text
    moving = damien.get(f"{plan}/3/deplacer?jour=2016-11-25").text
    assert damien.client.post(f"{plan}/3/deplacer", data=hidden(moving)).status_code == 303
    code, sentence = posted(helene, f"{plan}/programmer", shown, **typed, geste="confirmer")
    assert code == 409
    assert f"Le plan vient d’être changé par {MANAGER}" in sentence
    assert [wave.planned_on for wave in waves_at(world, reference)] == [
        date(2016, 11, 14), date(2016, 11, 15), date(2016, 11, 25),
    ]  # fmt: skip
    assert len({letter.person_id for letter in world.letters(reference)}) == 6
