"""The pages of printers and of a lot's paper life, as an administrator and two managers use them."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from campaigns.printers import keys, opened
from campaigns.world import World, a_person
from playwright.sync_api import expect
from portal.windows import axe_source, chromium, faults

from backoffice.campaigns.posting import HEADER
from backoffice.letters.reference import format_letter_id

from .conftest import ADMINISTRATOR, AGENT, FOREIGN_MANAGER, MANAGER, OTHER_MANAGER, SignIn, token_of
from .test_browser_way import Open, address, open_as

__all__ = ["address", "chromium", "open_as"]

PRINTER: dict[str, Any] = {
    "code": "imprimeur-63", "nom": "Imprimerie des Dômes", "caisses": "631", "classe": "verte", "certificat": keys().certificate,
}  # fmt: skip


@pytest.fixture
def sealed(world: World, sign_in: SignIn) -> str:
    world.load([a_person() for _ in range(3)])
    reference = world.sealed()
    assert sign_in(ADMINISTRATOR).send("/imprimeurs/nouveau", **PRINTER).status_code == 303
    return reference


def place(world: World, reference: str, what: str) -> str:
    return f"/campagnes/{reference}/lots/{world.lots(reference)[0].id}/{what}"


def test_an_administrator_declares_a_printer_and_what_was_typed_stays(sign_in: SignIn) -> None:
    browser = sign_in(ADMINISTRATOR)
    answer = browser.send("/imprimeurs/nouveau", **PRINTER | {"certificat": "n’importe quoi"})
    assert (answer.status_code, "n’est pas un certificat" in answer.text) == (422, True)
    assert "Imprimerie des Dômes" in answer.text
    assert browser.send("/imprimeurs/nouveau", **PRINTER).status_code == 303
    page = browser.get("/imprimeurs/imprimeur-63").text
    assert "Comparez cette empreinte" not in page
    assert "comparez cette empreinte" in page
    version = re.search(r'name="version" value="(\d)"', page)
    assert version is not None
    typed = PRINTER | {"nom": "Imprimerie du Puy", "version": version[1], "recto_verso": "1"}
    assert browser.send("/imprimeurs/imprimeur-63", **typed).status_code == 303
    stale = browser.send("/imprimeurs/imprimeur-63", **typed | {"nom": "Autre"})
    assert (stale.status_code, "modifié pendant" in stale.text, "Autre" in stale.text) == (409, True, True)
    assert browser.send("/imprimeurs/imprimeur-63/retrait", "/imprimeurs/imprimeur-63", motif="").status_code == 422
    assert browser.send("/imprimeurs/imprimeur-63/retrait", "/imprimeurs/imprimeur-63", motif="fini").status_code == 303
    assert "ne reçoit plus de lots" in browser.get("/imprimeurs").text


def test_a_lot_goes_to_its_printer_and_to_the_post(world: World, sign_in: SignIn, sealed: str, tmp_path: Path) -> None:
    manager = sign_in(MANAGER)
    paper = place(world, sealed, "papier")
    assert "Chiffrer et remettre" in manager.get(paper).text
    for _ in range(2):  # a double click
        assert manager.send(place(world, sealed, "remise"), paper, imprimeur="imprimeur-63").status_code == 303
    assert world.sql("SELECT count(*) FROM handover") == [(1,)]
    file = manager.get(place(world, sealed, "remise.p7m"))
    (tmp_path / "lot.p7m").write_bytes(file.data)
    assert f"{world.lots(sealed)[0].name}.pdf" in opened(tmp_path / "lot.p7m", tmp_path)
    slip = manager.get(place(world, sealed, "bordereau.pdf"))
    assert slip.data.startswith(b"%PDF")
    world.clock.move(days=30)
    manager = sign_in(MANAGER)  # the session has ended meanwhile
    typed = {"version": "1", "recu_le": "2016-11-03", "depose_le": "01/12/2016", "lettres": "2"}
    report = place(world, sealed, "retour")
    wrong = manager.send(report, paper, **typed | {"depose_le": "01/13/2016"})
    assert (wrong.status_code, "« Déposé à La Poste le » n’est pas une date" in wrong.text.replace("\u00a0", " ")) == (
        422,
        True,
    )
    assert 'value="2016-11-03"' in wrong.text
    assert manager.send(report, paper, **typed).status_code == 303
    assert manager.send(report, paper, **typed).status_code == 303  # a double click
    page = manager.get(paper).text
    assert "1er février 2017" in page
    assert "1 écart à régler" in page.replace("\u00a0", " ")
    (number,) = world.sql("SELECT id FROM printer_difference")[0]
    assert manager.send(f"/imprimeurs/ecarts/{number}?suite={paper}", paper, motif="recompté : 3").status_code == 303
    assert "écart à régler" not in manager.get(paper).text
    stale = sign_in(OTHER_MANAGER).send(report, paper, version="1", imprime_le="2016-11-05")
    assert (stale.status_code, "modifié pendant" in stale.text) == (409, True)


def test_a_damaged_letter_is_printed_again_once_a_form(world: World, sign_in: SignIn, sealed: str) -> None:
    manager = sign_in(MANAGER)
    paper, again = place(world, sealed, "papier"), place(world, sealed, "reimpression")
    letter = world.letters(sealed)[1]
    page = manager.get(paper).text
    demande = re.search(r'name="demande" value="([^"]+)"', page)
    assert demande is not None
    typed = {
        "csrf_token": token_of(page), "demande": demande[1], "numero": format_letter_id("631", letter.number), "motif": "tachée",
    }  # fmt: skip
    first = manager.client.post(again, data=typed)
    assert (first.status_code, first.data[:4]) == (200, b"%PDF")
    second = manager.client.post(again, data=typed)
    assert (second.status_code, "vient d’être réimprimé" in second.text) == (409, True)
    assert world.sql("SELECT count(*) FROM letter_reprint") == [(1,)]
    wrong = manager.send(again, paper, numero="631-000000001-00", motif="tachée")
    assert (wrong.status_code, "631-000000001-00" in wrong.text) == (422, True)


def test_a_return_file_is_read_from_its_page(world: World, sign_in: SignIn, sealed: str) -> None:
    manager = sign_in(MANAGER)
    paper = place(world, sealed, "papier")
    manager.send(place(world, sealed, "remise"), paper, imprimeur="imprimeur-63")
    content = "\n".join((";".join(HEADER), f"{world.lots(sealed)[0].name};3;3;2016-11-02;;", "LOT-X;1;1;;;")).encode()

    def send(data: bytes) -> Any:
        page = manager.get("/imprimeurs").text
        form = {"csrf_token": token_of(page), "imprimeur": "imprimeur-63", "fichier": (io.BytesIO(data), "retour.csv")}
        return manager.client.post("/imprimeurs/retours", data=form, content_type="multipart/form-data")

    assert send(b"x;y").status_code == 422
    assert send(content).status_code == 303
    page = manager.get("/imprimeurs").text.replace("\u00a0", " ")
    assert "1 lot noté ; 1 écart à régler ci-dessous" in page
    assert "LOT-X" in page
    assert send(content).status_code == 303
    assert "déjà été lu" in manager.get("/imprimeurs").text


def test_the_printer_of_a_campaign_is_chosen_while_it_is_a_draft(world: World, sign_in: SignIn, sealed: str) -> None:
    manager = sign_in(MANAGER)
    sign_in(ADMINISTRATOR).send("/imprimeurs/nouveau", **PRINTER | {"code": "autre", "recto_verso": "1"})
    reference = world.create()
    address = f"/campagnes/{reference}/imprimeur"
    assert manager.send(address, imprimeur="autre").status_code == 303
    assert world.campaign(reference).printer_id is not None
    assert manager.send(f"/campagnes/{sealed}/imprimeur", address, imprimeur="autre").status_code == 409
    assert "cela ne change plus" in manager.get(f"/campagnes/{sealed}/imprimeur").text


def test_others_do_not_reach_it(world: World, sign_in: SignIn, sealed: str) -> None:
    paper = place(world, sealed, "papier")
    assert sign_in(AGENT).get("/imprimeurs").status_code == 403
    foreign = sign_in(FOREIGN_MANAGER)
    assert foreign.get(paper).status_code == 404
    assert foreign.get("/imprimeurs/imprimeur-63").status_code == 404
    assert "Imprimerie des Dômes" not in foreign.get("/imprimeurs").text
    assert sign_in(MANAGER).get("/imprimeurs/nouveau").status_code == 403


@pytest.mark.browser
def test_the_whole_way_to_the_post_in_a_browser_and_a_fault_comes_into_sight(
    open_as: Open, world: World, sealed: str
) -> None:
    (lot,) = world.lots(sealed)
    page = open_as(MANAGER)
    page.goto(f"/campagnes/{sealed}/lots/{lot.id}")
    page.get_by_role("link", name="Impression et dépôt").click()
    page.get_by_role("button", name="Chiffrer et remettre").click()
    expect(page.get_by_text("attendu", exact=True)).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("link", name="Fichier chiffré pour l’imprimeur").click()
    assert taken.value.suggested_filename.endswith(".p7m")
    page.get_by_label("Numéro du courrier").fill("631-000000001-00")
    page.get_by_label("Ce qui lui est arrivé").fill("tachée par la presse")
    page.get_by_role("button", name="Télécharger sa page").click()
    refusal = page.get_by_role("alert")
    expect(refusal).to_contain_text("erreur de frappe")
    expect(refusal).to_be_in_viewport()
    expect(page.get_by_label("Ce qui lui est arrivé")).to_have_value("tachée par la presse")
    page.get_by_label("Numéro du courrier").fill(format_letter_id("631", world.letters(sealed)[0].number))
    with page.expect_download() as again:
        page.get_by_role("button", name="Télécharger sa page").click()
    assert again.value.suggested_filename.endswith(".pdf")
    page.goto(f"/campagnes/{sealed}/lots/{lot.id}/papier")
    assert faults(page, axe_source()) == []
