"""The life of an account in a real Chromium, on a telephone and at a desk, and axe-core on each page."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from portal.windows import PHONE, Open, address, axe_source, chromium, faults, open_window, tab_to

from backoffice.adapters.mailer import MailSettings
from backoffice.adapters.sms import SmsGateway
from backoffice.embedded.mailbox import Mailbox
from backoffice.embedded.mailcatcher import Catcher, SmtpDoor
from backoffice.mondmp import HostMessenger

from .world import GOOD, AccountWorld, Someone

__all__ = ["address", "chromium", "open_window"]
pytestmark = pytest.mark.browser


def sign_in(page: Page, world: AccountWorld, who: Someone) -> None:
    """As far as the home, whatever it takes."""
    page.goto("/connexion")
    page.get_by_label("Identifiant de connexion").fill(who.login)
    page.get_by_label("Mot de passe", exact=True).fill(who.password)
    page.get_by_role("button", name="Me connecter").click()
    expect(page.get_by_label("Code à 6 chiffres")).to_be_visible()
    give_code(page, world.outside.code(who.mail))
    if who.password != GOOD:
        page.get_by_label("Nouveau mot de passe").fill(GOOD)
        page.get_by_role("button", name="Enregistrer").click()
        who.password = GOOD
    expect(heading(page)).to_contain_text("Bonjour Monsieur Nicolas Dupond")


def heading(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def give_code(page: Page, code: str) -> None:
    page.get_by_label("Code à 6 chiffres").fill(code)
    page.get_by_role("button", name="Valider").click()


class Post:
    """The holder's mailbox, behind a real mail server."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    def code(self, to: str) -> str:
        """The latest code that reached `to`; the server has answered only once it is kept."""
        for envelope in self._mailbox.page(1, 20)[0]:
            body = self._mailbox.message(envelope.name).get_body()
            if envelope.recipients == to and body and (found := re.match(r"[0-9]{6}", body.get_content())):
                return found[0]
        raise AssertionError("no code came")


@pytest.fixture
def post(world: AccountWorld, tmp_path: Path) -> Iterator[Post]:
    """World and mailbox joined by SMTP; asked for before the application is made."""
    mailbox = Mailbox(tmp_path)
    door = SmtpDoor(Catcher(mailbox))
    door.start()
    gateway = SmsGateway("http://127.0.0.1:9/sms")
    world.messenger = HostMessenger(
        MailSettings(f"smtp://127.0.0.1:{door.port}", "mon-dmp <ne-pas-repondre@mon-dmp.example>"), gateway, world.clock
    )
    yield Post(mailbox)
    gateway.close()
    door.stop()


def test_from_the_first_sign_in_to_the_closure_with_codes_that_come_by_mail(
    post: Post, open_window: Open, world: AccountWorld
) -> None:
    who = world.someone(mobile=False)
    page = open_window(PHONE)
    page.goto("/")
    page.get_by_role("link", name="Accéder à votre Dossier Médical Partagé").click()
    page.get_by_label("Identifiant de connexion").fill(who.login)
    page.get_by_label("Mot de passe", exact=True).fill(who.password)
    page.get_by_role("button", name="Afficher").click()
    expect(page.get_by_label("Mot de passe", exact=True)).to_have_attribute("type", "text")
    page.get_by_role("button", name="Me connecter").dblclick()
    expect(page.get_by_text("n•••@exemple.fr")).to_be_visible()
    give_code(page, post.code(who.mail))
    expect(heading(page)).to_have_text("Choisissez votre mot de passe")
    page.get_by_label("Nouveau mot de passe").fill(GOOD)
    page.get_by_role("button", name="Enregistrer").click()
    expect(heading(page)).to_have_text("Bonjour Monsieur Nicolas Dupond")

    world.clock.forward(minutes=1)
    page.get_by_role("link", name="Mon profil").first.click()
    page.get_by_role("link", name="Modifier adresse mail").click()
    new = "nicolas.neuf@exemple.fr"
    page.get_by_label("Nouvelle adresse mail", exact=True).fill(new)
    page.get_by_label("Nouvelle adresse mail, une seconde fois").fill(new)
    page.get_by_label("Mot de passe actuel").fill(GOOD)
    page.get_by_role("button", name="Continuer").click()
    expect(page.get_by_text("Code 1 sur 2")).to_be_visible()
    give_code(page, post.code(who.mail))
    expect(page.get_by_text("Code 2 sur 2")).to_be_visible()
    give_code(page, post.code(new))
    expect(page.get_by_text(new)).to_be_visible()

    page.get_by_role("link", name="Mes connexions").click()
    expect(page.get_by_text("Cet appareil, maintenant")).to_be_visible()
    page.get_by_role("button", name="Déconnecter tous les autres appareils").click()
    expect(page.get_by_text("Aucun autre appareil n’était connecté.")).to_be_visible()
    page.get_by_role("button", name="Me déconnecter").click()
    expect(page.get_by_text("Vous êtes déconnecté.")).to_be_visible()
    page.go_back()
    expect(heading(page)).to_have_text("Accéder à votre DMP")
    expect(page.get_by_text(new)).to_have_count(0)

    world.clock.forward(minutes=1)
    page.get_by_label("Identifiant de connexion").fill(who.login)
    page.get_by_label("Mot de passe", exact=True).fill(GOOD)
    page.get_by_role("button", name="Me connecter").click()
    expect(page.get_by_text("n•••@exemple.fr")).to_be_visible()
    give_code(page, post.code(new))
    page.get_by_role("link", name="Clôturer mon DMP").click()
    page.get_by_label("Je n’en ai pas l’utilité").check()
    page.get_by_role("button", name="Continuer vers la clôture").click()
    expect(heading(page)).to_have_text("Confirmer la clôture de mon DMP")
    page.get_by_label("Code à 6 chiffres").fill(post.code(new))
    page.get_by_role("button", name="Clôturer mon DMP").click()
    expect(heading(page)).to_have_text("Votre DMP est clôturé")
    assert world.dossiers(who.person)[0].state == "closed"
    page.go_back()
    expect(heading(page)).to_have_text("Accéder à votre DMP")


def test_the_keyboard_alone_is_enough(open_window: Open, world: AccountWorld) -> None:
    who = world.someone()
    page = open_window()
    page.goto("/connexion")
    tab_to(page, "#identifiant")
    page.keyboard.type(who.login)
    tab_to(page, "#mot_de_passe")
    page.keyboard.type("faux")
    page.keyboard.press("Enter")
    expect(page.locator("#erreurs")).to_be_focused()
    tab_to(page, "#mot_de_passe")
    page.keyboard.type(who.password)
    tab_to(page, ".reveal button")
    page.keyboard.press("Space")
    expect(page.locator("#mot_de_passe")).to_have_attribute("type", "text")
    tab_to(page, ".button-main")
    page.keyboard.press("Enter")
    expect(page.locator("#code")).to_be_visible()
    tab_to(page, "#code")
    page.keyboard.type(world.outside.code(who.mail))
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text("Choisissez votre mot de passe")
    tab_to(page, "#nouveau")
    page.keyboard.type(GOOD)
    page.keyboard.press("Enter")
    expect(heading(page)).to_contain_text("Bonjour")
    tab_to(page, "a[href='/mon-dmp/profil/personne-de-confiance']")
    page.keyboard.press("Enter")
    expect(page.locator("#nom")).to_be_visible()
    for name, text in (("nom", "Claire Dupond"), ("telephone", "0123456789"), ("lien", "ma fille")):
        tab_to(page, f"#{name}")
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Votre personne de confiance est enregistrée.")).to_be_visible()
    tab_to(page, ".nav-last button")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Vous êtes déconnecté.")).to_be_visible()


def test_without_scripts_the_way_is_the_same(open_window: Open, world: AccountWorld) -> None:
    who = world.someone()
    page = open_window(PHONE, scripts=False)
    sign_in(page, world, who)
    expect(page.locator("#fin-de-session")).to_be_hidden()
    page.get_by_role("button", name="Me déconnecter").click()
    expect(page.get_by_text("Vous êtes déconnecté.")).to_be_visible()


def test_the_end_of_a_session_is_announced_put_off_and_loses_nothing_typed(
    open_window: Open, world: AccountWorld
) -> None:
    who = world.someone()
    page = open_window(PHONE)
    page.clock.install()
    sign_in(page, world, who)
    page.goto("/mon-dmp/profil/personne-de-confiance")
    page.get_by_label("Prénom et nom").fill("Claire Dupond")
    page.get_by_label("Numéro de téléphone").fill("01 23")
    warning = page.locator("#fin-de-session")
    expect(warning).to_be_hidden()
    for _ in range(2):
        world.clock.forward(minutes=13, seconds=30)
        page.clock.fast_forward("13:30")
        stay = warning.get_by_role("button", name="Rester connecté")
        expect(stay).to_be_focused()
        page.keyboard.press("Enter")
        expect(warning).to_be_hidden()
        expect(page.get_by_label("Numéro de téléphone")).to_be_focused()
    world.clock.forward(minutes=16)
    page.clock.fast_forward("16:00")
    expect(heading(page)).to_have_text("Accéder à votre DMP")
    expect(page.get_by_text("Votre session a expiré")).to_be_visible()
    sign_in(page, world, who)
    page.get_by_role("link", name="Ma personne de confiance").click()
    expect(page.get_by_label("Prénom et nom")).to_have_value("Claire Dupond")
    page.get_by_label("Numéro de téléphone").fill("01 23 45 67 89")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_text("est enregistrée")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0


def test_signing_out_in_one_window_leaves_nothing_open_in_the_other(open_window: Open, world: AccountWorld) -> None:
    who = world.someone()
    page = open_window()
    sign_in(page, world, who)
    other = page.context.new_page()
    other.goto("/mon-dmp/profil")
    page.get_by_role("button", name="Me déconnecter").click()
    expect(page.get_by_text("Vous êtes déconnecté.")).to_be_visible()
    other.get_by_role("link", name="Changer mon mot de passe").click()
    expect(heading(other)).to_have_text("Accéder à votre DMP")


def test_axe_finds_no_fault_at_a_desk_where_the_layout_differs(open_window: Open, world: AccountWorld) -> None:
    source, who, page = axe_source(), world.someone(), open_window()
    sign_in(page, world, who)
    wrong = {"/mon-dmp": faults(page, source)}
    for where in ("/mon-dmp/profil", "/mon-dmp/connexions", "/aide-connexion"):
        page.goto(where)
        wrong[where] = faults(page, source if where == "/mon-dmp/profil" else None)
    assert not any(wrong.values()), wrong


def test_axe_finds_no_fault_on_any_page(open_window: Open, world: AccountWorld) -> None:
    source = axe_source()
    who = world.someone()
    page = open_window((320, 740))
    wrong = {}

    def look(name: str) -> None:
        if found := faults(page, source):
            wrong[name] = found

    for where in (
        "/aide-connexion", "/aide-connexion/mot-de-passe", "/aide-connexion/identifiant", "/aide-connexion/courrier",
        "/aide-connexion/identifiant/demande-prise-en-compte", "/dmp-cloture", "/connexion",
    ):  # fmt: skip
        page.goto(where)
        look(where)
    page.get_by_role("button", name="Me connecter").click()
    expect(page.locator("#erreurs")).to_be_focused()
    look("sign-in refused")
    page.goto("/aide-connexion/mot-de-passe")
    page.get_by_label("Identifiant de connexion").fill("zzzz9999")
    page.get_by_label("Numéro de série").fill("12345678")
    page.get_by_role("button", name="Continuer").click()
    expect(heading(page)).to_have_text("Votre code à usage unique")
    look("recovery code")
    page.goto("/connexion")
    page.get_by_label("Identifiant de connexion").fill(who.login)
    page.get_by_label("Mot de passe", exact=True).fill(who.password)
    page.get_by_role("button", name="Me connecter").click()
    give_code(page, "000000")
    expect(page.locator("#erreurs")).to_be_focused()
    look("code refused")
    give_code(page, world.outside.code(who.mail))
    expect(heading(page)).to_have_text("Choisissez votre mot de passe")
    look("first password")
    page.get_by_label("Nouveau mot de passe").fill(GOOD)
    page.get_by_role("button", name="Enregistrer").click()
    expect(heading(page)).to_contain_text("Bonjour")
    for where in (
        "/mon-dmp", "/mon-dmp/profil", "/mon-dmp/profil/mot-de-passe", "/mon-dmp/profil/personne-de-confiance",
        "/mon-dmp/profil/personnes-a-prevenir", "/mon-dmp/profil/coordonnees/e-mail",
        "/mon-dmp/profil/coordonnees/mobile/retrait", "/mon-dmp/connexions",
    ):  # fmt: skip
        page.goto(where)
        look(where)
    page.goto("/mon-dmp/profil/personne-de-confiance")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.locator("#erreurs")).to_be_focused()
    look("trust refused")
    page.goto("/mon-dmp/profil/personnes-a-prevenir")
    page.get_by_label("Prénom et nom").first.fill("Claire Dupond")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.locator("#erreurs")).to_be_focused()
    look("to call refused")
    page.evaluate("document.getElementById('fin-de-session').hidden = false")
    look("end of session")
    page.goto("/mon-dmp/profil/application")
    look("application")
    page.get_by_label("Mot de passe actuel").fill(GOOD)
    page.get_by_role("button", name="Continuer").click()
    expect(page.get_by_role("img")).to_be_visible()
    look("application offered")
    world.clock.forward(minutes=1)
    page.goto("/mon-dmp/profil/coordonnees/mobile/retrait")
    page.get_by_label("Mot de passe actuel").fill(GOOD)
    page.get_by_role("button", name="Continuer").click()
    expect(heading(page)).to_have_text("Confirmer mes coordonnées")
    look("contact code")
    page.goto("/mon-dmp/fermeture")
    look("closure")
    page.get_by_role("button", name="Continuer vers la clôture").click()
    expect(heading(page)).to_have_text("Confirmer la clôture de mon DMP")
    look("closure code")
    assert wrong == {}
