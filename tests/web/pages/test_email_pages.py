"""E-mails that did not arrive, as a campaign manager meets them."""

from pathlib import Path

import pytest
from campaigns.world import SYSTEM, Post, World, a_person

from backoffice.adapters.mailer import Mailer
from backoffice.campaigns.work import make_lot
from backoffice.correspondence.bounces import read_bounces
from backoffice.correspondence.relaying import relay
from backoffice.office import Office

from .conftest import (
    ADMINISTRATOR,
    AGENT,
    FOREIGN_MANAGER,
    MANAGER,
    NATIONAL_MANAGER,
    SUPERVISOR,
    Browser,
    SignIn,
    journal,
)

PLACE = "/courriels"


@pytest.fixture
def office(world: World, tmp_path: Path) -> Office:
    post = Post(tmp_path / "courriels")
    return world.with_settings(**post.settings())


def make_everything(world: World, office: Office) -> None:
    for (lot,) in world.sql("SELECT id FROM lot WHERE state = 'prevu' ORDER BY id"):
        make_lot(office, lot)


def text_of(browser: Browser, address: str = PLACE) -> str:
    return browser.get(address).text.replace("\u00a0", " ").replace("&nbsp;", " ")


def troubled(world: World, office: Office) -> str:
    domains = ("inconnue.example.org", "saturee.example.org", "pleine.example.org", "introuvable.example.org")
    world.load([a_person(canal="mail", email=f"a@{domain}") for domain in domains])
    reference = world.launched()
    make_everything(world, office)
    read_bounces(office)
    return reference


def test_every_trouble_is_shown_with_what_follows(manager: Browser, world: World, office: Office) -> None:
    reference = troubled(world, office)
    page = text_of(manager)
    for words in (
        "Revenu : adresse inconnue de son serveur", "5.1.1", "Mis en attente : boîte pleine ou serveur occupé",
        "essai n° 2 le 02/11/2016 à 09 h 45", "par un second courriel le 03/11/2016", "par La Poste, au prochain lot",
        "Tous : 4", "À relayer : 3", reference,
    ):  # fmt: skip
        assert words in page, words
    assert "@" not in page.split("<main")[1]
    relay(office, SYSTEM, post_now=True)
    make_everything(world, office)
    page = text_of(manager, f"{PLACE}?etat=relaye")
    relayed = world.sql("SELECT reference FROM campaign WHERE relay_of IS NOT NULL")[0][0]
    assert page.count(f"/campagnes/{relayed}/courriers/") == 2
    origin = text_of(manager, f"/campagnes/{reference}")
    assert "Relais des courriels non remis" in origin
    assert f"/campagnes/{relayed}" in origin
    shown = text_of(manager, f"/campagnes/{relayed}")
    assert f'href="/campagnes/{reference}"' in shown
    assert "Chaque code remplace celui du courriel non remis" in shown
    assert relayed in text_of(manager, "/courriers-a-la-demande")


def test_each_role_sees_its_own(sign_in: SignIn, world: World, office: Office) -> None:
    reference = troubled(world, office)
    assert reference in text_of(sign_in(SUPERVISOR))
    assert reference not in text_of(sign_in(FOREIGN_MANAGER))
    for login in (AGENT, ADMINISTRATOR):
        assert sign_in(login).get(PLACE).status_code == 403


def doubtful(world: World, office: Office, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    world.load([a_person(canal="mail", email="a@exemple.fr")])
    reference = world.launched()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Mailer, "send", killed)
        with pytest.raises(KeyboardInterrupt):
            make_everything(world, office)
    make_everything(world, office)
    return world.sql("SELECT id FROM lot")[0][0], world.letters(reference)[0].number


def test_a_doubt_is_settled_once_by_a_manager_of_the_caisse(
    sign_in: SignIn, world: World, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    lot, number = doubtful(world, office, monkeypatch)
    address = f"{PLACE}/douteux/{lot}/{number}"
    manager, supervisor, foreign = sign_in(MANAGER), sign_in(SUPERVISOR), sign_in(FOREIGN_MANAGER)
    assert "1 courriel peut-être parti" in text_of(manager)
    assert "Il n’était pas parti" not in text_of(supervisor)
    assert "peut-être parti" not in text_of(foreign)
    assert foreign.client.post(address, data={"csrf_token": "x", "parti": "oui"}).status_code == 400
    nothing = manager.send(address, form_at=PLACE)
    assert nothing.status_code == 422
    assert "Indiquez si le courriel" in nothing.text
    assert manager.send(address, form_at=PLACE, parti="non").status_code == 303
    again = manager.client.post(address, data={"parti": "non", "csrf_token": _token(manager)})
    assert again.status_code == 409
    assert "plus douteux" in again.text
    assert "À relayer : 1" in text_of(manager)
    assert len(journal(world, "courriel.trancher")) == 1


def _token(browser: Browser) -> str:
    from .conftest import token_of

    return token_of(browser.get("/campagnes/nouvelle").text)


def test_what_belongs_to_no_caisse_is_for_who_sees_them_all(sign_in: SignIn, world: World, office: Office) -> None:
    from mailbox import Maildir

    Maildir(office.settings.mail_bounces_url.removeprefix("maildir:")).add(b"Subject: ?\n\n?\n")
    read_bounces(office)
    (number,) = world.sql("SELECT id FROM mail_return")[0]
    national = sign_in(NATIONAL_MANAGER)
    assert f"Message n° {number}" in text_of(national)
    assert "Messages non reconnus" not in text_of(sign_in(MANAGER))
    assert national.send(f"{PLACE}/retours/{number}/classer", form_at=PLACE).status_code == 303
    assert "Messages non reconnus" not in text_of(national)
    assert journal(world, "courriel.classer") == [(NATIONAL_MANAGER, f"message {number}")]
