"""The bon à tirer and the templates of letters, as a manager meets them."""

import hashlib
import io
from html import unescape

import docx
from campaigns.world import World, a_person

from backoffice.campaigns import actions, templates

from .conftest import ADMINISTRATOR, AGENT, MANAGER, NATIONAL_MANAGER, OTHER_MANAGER, Browser, SignIn, journal

LETTER = "/modeles/recruitment"


def plain(page: str) -> str:
    return unescape(page).replace("\u00a0", " ")


def a_docx(world: World, before: str = "Gratuit et confidentiel", after: str = "Simple et gratuit") -> io.BytesIO:
    document = docx.Document(str(templates.delivered(world.office, "recruitment")))
    for paragraph in document.paragraphs:
        for run in paragraph.runs:
            run.text = run.text.replace(before, after)
    out = io.BytesIO()
    document.save(out)
    out.seek(0)
    return out


def test_an_approval_says_which_bon_a_tirer_was_read(manager: Browser, sign_in: SignIn, world: World) -> None:
    world.load([a_person() for _ in range(3)])
    reference = world.create()
    world.do(actions.submit, reference)
    step, address = f"/campagnes/{reference}/etapes/approuver", f"/campagnes/{reference}"
    page = plain(manager.get(step).text)
    assert "Vous ne l’avez pas encore ouvert." in page
    assert "<button class" not in page[page.index("<main") :]  # nothing to press before it is read
    refused = manager.send(step, address)
    assert refused.status_code == 422
    assert "Ouvrez d’abord le bon à tirer" in plain(refused.text)
    assert "page de garde" in manager.get(f"{address}/bon-a-tirer").text
    answer = manager.get(f"{address}/bon-a-tirer.pdf")
    assert (answer.status_code, answer.data[:5]) == (200, b"%PDF-")
    digest = hashlib.sha256(answer.data).hexdigest()
    mark = " ".join(digest[at : at + 4] for at in range(0, 16, 4))
    # Opened by one of them, it is not read by the other.
    assert "Vous ne l’avez pas encore ouvert." in plain(sign_in(OTHER_MANAGER).get(step).text)
    assert mark in plain(manager.get(step).text)
    assert manager.send(step).status_code == 303
    shown = plain(manager.get(address).text)
    assert f"bon à tirer lu, empreinte {mark}" in shown
    assert "qui avait ouvert le bon à tirer le" in shown
    assert journal(world, "campagne.bon_a_tirer") == [(MANAGER, reference)]
    assert sign_in(AGENT).get(f"{address}/bon-a-tirer.pdf").status_code == 403


def test_a_template_changed_since_the_bon_a_tirer_is_to_be_read_again(
    manager: Browser, sign_in: SignIn, world: World
) -> None:
    world.load([a_person()])
    reference = world.create()
    world.do(actions.submit, reference)
    step = f"/campagnes/{reference}/etapes/approuver"
    manager.get(f"/campagnes/{reference}/bon-a-tirer.pdf")
    answer = sign_in(OTHER_MANAGER).send(LETTER, fichier=(a_docx(world), "recrutement.docx"), commentaire="Plus simple")
    assert sign_in(NATIONAL_MANAGER).send(f"{answer.location}/adopter", form_at=answer.location).status_code == 303
    assert "Le modèle du courrier a changé depuis que vous l’avez ouvert." in plain(manager.get(step).text)
    assert "a changé depuis que vous avez ouvert" in plain(manager.send(step, f"/campagnes/{reference}").text)
    manager.get(f"/campagnes/{reference}/bon-a-tirer.pdf")
    assert manager.send(step).status_code == 303


def test_a_template_goes_from_word_to_its_proof_to_every_letter(
    manager: Browser, sign_in: SignIn, world: World
) -> None:
    assert "Livrée avec l’application" in plain(manager.get("/modeles").text)
    delivered = manager.get(f"{LETTER}/modele.docx")
    assert docx.Document(io.BytesIO(delivered.data)).paragraphs
    assert manager.get(f"{LETTER}/epreuve.pdf").data[:5] == b"%PDF-"
    answer = manager.send(LETTER, fichier=(a_docx(world), "recrutement.docx"), commentaire="Plus simple")
    version = answer.location
    page = plain(manager.get(version).text)
    assert "Retiré :</strong> Gratuit et confidentiel" in page
    assert "Ajouté :</strong> Simple et gratuit" in page
    assert "demandez à un autre responsable" in page
    assert manager.get(f"{version}/epreuve.pdf").data[:5] == b"%PDF-"
    assert manager.get(f"{version}/modele.docx").status_code == 200
    assert manager.send(f"{version}/adopter", form_at=version).status_code == 403
    assert sign_in(OTHER_MANAGER).send(f"{version}/adopter", form_at=version).status_code == 403
    national = sign_in(NATIONAL_MANAGER)
    assert national.send(f"{version}/adopter", form_at=version).status_code == 303
    assert "Plus simple" in manager.get(LETTER).text
    assert "damien.faure" in manager.get("/modeles").text
    again = manager.send(f"{version}/ecarter", form_at=LETTER)
    assert again.status_code == 409


def test_a_template_that_cannot_be_printed_says_where_and_by_how_much(manager: Browser, world: World) -> None:
    long = a_docx(world, "Gratuit", "Gratuit " * 900)
    answer = manager.send(LETTER, fichier=(long, "trop long.docx"), commentaire="Un texte plus riche")
    page = plain(answer.text)
    assert answer.status_code == 422
    assert "dépasse la place de la page de" in page
    assert " mm ; raccourcir le texte" in page
    assert 'value="Un texte plus riche"' in page
    assert "Choisissez le fichier Word" in plain(manager.send(LETTER, commentaire="x").text)
    assert "ce qui change" in plain(manager.send(LETTER, fichier=(a_docx(world), "a.docx"), commentaire="").text)
    assert manager.get("/modeles/inconnu").status_code == 404


def test_an_administrator_reads_templates_and_sends_none(sign_in: SignIn) -> None:
    administrator = sign_in(ADMINISTRATOR)
    assert administrator.get(LETTER).status_code == 200
    assert "Envoyer et voir l’épreuve" not in administrator.get(LETTER).text
    assert sign_in(AGENT).get("/modeles").status_code == 403
