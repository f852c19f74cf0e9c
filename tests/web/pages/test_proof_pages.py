"""The bon à tirer and the templates of letters, as a manager meets them."""

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


def test_who_approves_is_told_whether_they_opened_the_bon_a_tirer(
    manager: Browser, sign_in: SignIn, world: World
) -> None:
    world.load([a_person() for _ in range(3)])
    reference = world.create()
    world.do(actions.submit, reference)
    step = f"/campagnes/{reference}/etapes/approuver"
    assert "Vous ne l’avez pas encore ouvert." in plain(manager.get(step).text)
    assert "Bon à tirer" in manager.get(f"/campagnes/{reference}").text
    assert "page de garde" in manager.get(f"/campagnes/{reference}/bon-a-tirer").text
    answer = manager.get(f"/campagnes/{reference}/bon-a-tirer.pdf")
    assert (answer.status_code, answer.data[:5]) == (200, b"%PDF-")
    assert "vous l’avez ouvert le" in plain(manager.get(step).text)
    assert journal(world, "campagne.bon_a_tirer") == [(MANAGER, reference)]
    assert sign_in(AGENT).get(f"/campagnes/{reference}/bon-a-tirer.pdf").status_code == 403


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
