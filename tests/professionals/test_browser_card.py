"""A real Chromium with a card in its reader, over mutual TLS; the holder's side in another; axe on each page."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from portal.windows import Open, address, axe_source, chromium, faults, open_window, turn
from portal_account.test_browser_account import sign_in
from portal_account.world import Someone

from dmp_core.access.rules import Basis
from dmp_core.access.trace import Action, Mode
from dmp_core.professionals.authority import Issued
from lps.signing import EMERGENCY, SoftwareSigner, signed

from .samples import NUMBERS
from .served import Served
from .world import Record, RecordWorld, a_professional

__all__ = ["address", "chromium", "open_window"]
pytestmark = pytest.mark.browser
_numbers = NUMBERS


def with_card(chromium: Chromium, served: Served, card: Issued) -> Page:
    context = chromium.new_context(
        base_url=f"https://localhost:{served.port}", ignore_https_errors=True, viewport={"width": 1280, "height": 900},
        client_certificates=[
            {
                "origin": f"https://localhost:{served.port}",
                "pfx": card.pkcs12("1234", [served.authority.cards.certificate]), "passphrase": "1234",
            }
        ],
    )  # fmt: skip
    return context.new_page()


def find(page: Page, someone: Someone) -> None:
    page.goto("/")
    page.get_by_label("NIR, clé comprise").fill(someone.person.nir)
    page.get_by_label("Prénom").fill(someone.person.given_name)
    page.get_by_label("Date de naissance").fill(someone.person.birth_date)
    page.get_by_role("button", name="Chercher").click()


def test_a_doctor_s_way_with_a_card(chromium: Chromium, served: Served) -> None:
    someone = served.world.someone()
    record = Record(served.world, someone.dossier)
    for code, title in (("11502-2", "Bilan lipidique"), ("11488-4", "Consultation de cardiologie"), ("REMB", "Mois")):
        record.put(title, code, by=a_professional(next(_numbers), name="DURAND"))
    nurse = a_professional(next(_numbers), "G15_60", "PETIT")
    served.world.gate().break_glass(nurse, record.dossier, Mode.EMERGENCY, "Malaise au domicile")
    page = with_card(chromium, served, served.doctor(next(_numbers), speciality="G15_10/SM54"))
    found: dict[str, list[str]] = {}
    page.goto("/")
    found["home"] = faults(page, axe_source())
    page.get_by_role("button", name="Chercher").click()
    expect(page).to_have_url(f"https://localhost:{served.port}/")  # the browser asks for what is missing
    find(page, someone)
    expect(page.get_by_role("heading", level=1)).to_have_text("Entrer dans le DMP")
    found["not in"] = faults(page, axe_source())
    page.get_by_label("Le patient, informé, consent").check()
    page.get_by_role("button", name="Enregistrer le consentement").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Nicolas Dupond")
    turn(page, page.get_by_role("link", name="Titre Bilan lipidique"))
    found["document"] = faults(page, axe_source())
    page.get_by_role("link", name="Lire le document").click()
    expect(page.get_by_text("Bilan lipidique")).to_be_visible()
    page.go_back()
    page.goto(page.url.partition("/documents/")[0])
    page.get_by_text("Joindre un professionnel").click()
    found["documents"] = faults(page, axe_source())
    page.goto("/dossiers/00000000-0000-0000-0000-000000000000")
    expect(page.get_by_role("heading", level=1)).to_have_text("Introuvable")
    found["refusal"] = faults(page, axe_source())
    assert {where: each for where, each in found.items() if each} == {}
    attending = with_card(chromium, served, served.doctor(number := next(_numbers)))
    record.relate(a_professional(number), Basis.ATTENDING)
    attending.goto("/")
    expect(attending.get_by_role("row", name="Nicolas Dupond")).to_contain_text("Accès en urgence le")
    assert faults(attending, axe_source()) == []
    find(attending, someone)
    expect(attending.get_by_text("Malaise au domicile")).to_be_visible()
    assert faults(attending, axe_source()) == []


def test_an_emergency_opens_by_a_fresh_proof_of_the_card(chromium: Chromium, served: Served) -> None:
    someone = served.world.someone()
    record = Record(served.world, someone.dossier)
    record.put("Bilan lipidique")
    page = with_card(chromium, served, served.doctor(next(_numbers)))
    find(page, someone)
    page.get_by_label("Motif").fill("Malaise, ne répond plus")
    page.get_by_role("button", name="Ouvrir en urgence").click()
    expect(page.get_by_role("status")).to_contain_text("L’accès en urgence est ouvert pour une heure")
    expect(page.get_by_role("link", name="Titre Bilan lipidique")).to_be_visible()
    begun = [line.reason for line in record.chain() if line.action is Action.EMERGENCY]
    assert len(begun) == 1
    assert begun[0].startswith("Malaise, ne répond plus (carte présentée de nouveau à ")


def test_an_emergency_opens_by_a_reason_signed_beside_the_browser(
    chromium: Chromium, served: Served, tmp_path: Path
) -> None:
    someone, card = served.world.someone(), served.doctor(next(_numbers))
    record, signature = Record(served.world, someone.dossier), served.authority.signature(card, served.now)
    page = with_card(chromium, served, card)
    find(page, someone)
    page.get_by_label("Motif").fill("Malaise, ne répond plus")
    for summary in ("Signer la raison avec ma carte", "Déposer la raison signée"):
        page.get_by_text(summary).click()
    assert faults(page, axe_source()) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    with page.expect_download() as download:
        page.get_by_role("button", name="Télécharger la raison à signer").click()
    assert download.value.suggested_filename == "raison-a-signer.json"
    made = tmp_path / "raison.jws"
    card_file = tmp_path / "signature.p12"
    card_file.write_bytes(signature.pkcs12("1234", [served.authority.cards.certificate]))
    made.write_text(signed(download.value.path().read_bytes(), EMERGENCY, SoftwareSigner.open(card_file, "1234")))
    page.get_by_label("Raison signée (.jws)").set_input_files(made)
    page.get_by_role("button", name="Ouvrir en urgence par cette signature").click()
    expect(page.get_by_role("status")).to_contain_text("par la raison que votre carte a signée")
    (begun,) = [line.reason for line in record.chain() if line.action is Action.EMERGENCY]
    assert begun.startswith("Malaise, ne répond plus (raison signée par la carte de ANNE MARTIN")


def test_the_holder_chooses_who_comes(open_window: Open, world: RecordWorld) -> None:
    someone = world.someone()
    record, gate = Record(world, someone.dossier), world.gate()
    doctor, nurse, other = (
        a_professional(next(_numbers), *who) for who in (("G15_10",), ("G15_60", "PETIT"), ("G15_40", "ROY"))
    )
    for who in (doctor, nurse, other):
        gate.consent(who, record.dossier, informed=True)
    gate.break_glass(
        a_professional(next(_numbers), name="GARDE"), record.dossier, Mode.EMERGENCY, "Malaise au domicile"
    )
    document = record.put("Bilan lipidique", by=doctor)
    page = open_window()
    sign_in(page, world, someone)
    turn(page, page.get_by_role("link", name="Mes professionnels"))
    assert faults(page, axe_source()) == []
    page.get_by_role("button", name="C’est mon médecin traitant : ANNE MARTIN").click()
    expect(page.get_by_role("status")).to_contain_text("voit tout")
    page.get_by_role("button", name="Bloquer : ANNE ROY").click()
    expect(page.get_by_role("status")).to_contain_text("même en urgence")
    assert faults(page, axe_source()) == []
    page.goto(f"/mon-dmp/documents/{document.id}")
    page.get_by_text("Ceux qui ne le voient pas").click()
    expect(page.get_by_text("ANNE ROY, Chirurgien-Dentiste : vous l’avez bloqué.")).to_be_visible()
    assert faults(page, axe_source()) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_emergency_is_contested_answered_and_read(
    chromium: Chromium, served: Served, open_window: Open, world: RecordWorld
) -> None:
    someone, number = world.someone(), next(_numbers)
    world.gate().break_glass(a_professional(number), someone.dossier, Mode.EMERGENCY, "Malaise au marché")
    found: dict[str, list[str]] = {}
    page = open_window()
    sign_in(page, world, someone)
    turn(page, page.get_by_role("link", name="Voir les accès en urgence, en contester un"))
    found["emergencies"] = faults(page, axe_source())
    page.get_by_role("link", name="Contester cet accès").click()
    page.get_by_role("button", name="Contester cet accès").click()
    expect(page.get_by_role("alert")).to_contain_text("Dites en une phrase")
    found["contest"] = faults(page, axe_source())
    page.get_by_label("Pourquoi contestez-vous cet accès").fill("J’étais chez moi ce jour-là.")
    page.get_by_role("button", name="Contester cet accès").click()
    expect(page.get_by_role("status")).to_contain_text("est enregistrée")
    found["contested"] = faults(page, axe_source())
    desk = with_card(chromium, served, served.doctor(number))
    desk.goto("/")
    expect(desk.get_by_role("heading", level=1)).to_have_text("Un accès en urgence est contesté")
    found["to answer"] = faults(desk, axe_source())
    desk.get_by_label("Votre réponse").fill("Appelée par les pompiers : personne inconsciente sur la voie publique.")
    desk.get_by_role("button", name="Répondre au patient").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("Trouver un patient")
    page.goto("/mon-dmp/urgences")
    expect(page.get_by_text("Appelée par les pompiers")).to_be_visible()
    found["answered"] = faults(page, axe_source())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto("/mon-dmp/profil/avis")
    found["notices"] = faults(page, axe_source())
    assert {where: each for where, each in found.items() if each} == {}
