"""Lots and letters: what is shown names nobody, what leaves is verified and journalled."""

import json
from dataclasses import replace
from html import unescape
from io import BytesIO

import pytest
from campaigns.world import CODE, World, a_person
from pypdf import PdfReader

from backoffice.adapters import environment
from backoffice.campaigns.rules import ChannelRule
from backoffice.letters.reference import format_letter_id
from backoffice.office import open_office

from .conftest import MANAGER, SUPERVISOR, Browser, SignIn, journal
from .test_campaign_pages_life import words

TOO_LONG = "RESIDENCE INTERMINABLE AUX NOMBREUSES ALLEES SANS NUMERO"


@pytest.fixture
def sealed(world: World) -> str:
    """A campaign of 60 letters in two lots, one of which cannot be set."""
    rows = [a_person(adresse_4=f"{number} RUE DES LILAS") for number in range(59)]
    world.load([*rows, a_person(adresse_3=TOO_LONG, adresse_4="99 RUE DES LILAS")])
    return world.sealed(channel_rule=ChannelRule.POST)


def lot_address(world: World, reference: str, number: int = 0) -> str:
    return f"/campagnes/{reference}/lots/{world.lots(reference)[number].id}"


def test_a_lot_lists_its_letters_by_page_without_naming_anybody(sealed: str, world: World, manager: Browser) -> None:
    page = manager.get(lot_address(world, sealed)).text
    for number in world.letters(sealed)[:50]:
        assert format_letter_id("631", number.number) in page
    names = {row.nom_usage or row.nom_naissance for row in world.sql("SELECT * FROM person")}
    nirs = {row.nir for row in world.sql("SELECT nir FROM person")}
    assert not any(nir[:13] in page for nir in nirs)
    assert not any(f">{name}" in page for name in names)


def test_exceptions_are_listed_with_their_reasons(sealed: str, world: World, manager: Browser) -> None:
    page = words(manager.get(f"/campagnes/{sealed}/exceptions").text)
    assert "1 exception" in page
    assert "dépasse" in page
    letter = next(letter for letter in world.letters(sealed) if letter.reason)
    assert "n’a pas pu être mis en page" in words(
        manager.get(f"/campagnes/{sealed}/courriers/{format_letter_id('631', letter.number)}").text
    )


@pytest.mark.parametrize("part", ["pdf", "csv", "json"])
def test_a_lot_is_downloaded_whole_under_its_name_and_journalled(
    part: str, sealed: str, world: World, manager: Browser
) -> None:
    lot = world.lots(sealed)[0]
    answer = manager.get(f"{lot_address(world, sealed)}/fichier.{part}")
    assert answer.status_code == 200
    assert answer.data == (world.folder_of(sealed) / f"{lot.name}.{part}").read_bytes()
    assert answer.headers["Content-Disposition"] == f"attachment; filename={lot.name}.{part}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers
    assert journal(world, "lot.telecharger") == [(MANAGER, lot.name)]


def test_only_part_of_a_lot_cannot_be_asked_for(sealed: str, world: World, manager: Browser) -> None:
    answer = manager.get(f"{lot_address(world, sealed)}/fichier.pdf", headers={"Range": "bytes=0-99"})
    assert (answer.status_code, len(answer.data) > 100) == (200, True)


def test_a_lot_changed_after_its_sealing_does_not_leave(sealed: str, world: World, manager: Browser) -> None:
    lot = world.lots(sealed)[0]
    manifest = world.folder_of(sealed) / f"{lot.name}.csv"
    manifest.chmod(0o600)
    manifest.write_text(manifest.read_text() + "\n")
    answer = manager.get(f"{lot_address(world, sealed)}/fichier.pdf")
    assert answer.status_code == 409
    assert "N’envoyez pas ce lot à l’imprimeur" in words(answer.text)
    assert journal(world, "lot.telecharger") == []


def test_a_lot_whose_proof_was_made_anew_does_not_leave_either(sealed: str, world: World, manager: Browser) -> None:
    world.sql("UPDATE lot SET pdf_sha256 = decode(repeat('00', 32), 'hex')")
    assert manager.get(f"{lot_address(world, sealed)}/fichier.pdf").status_code == 409


def test_a_lot_that_is_gone_or_not_made_yet_is_said_so(sealed: str, world: World, manager: Browser) -> None:
    lot = world.lots(sealed)[0]
    (world.folder_of(sealed) / f"{lot.name}.json").rename(world.folder / "ailleurs.json")
    assert manager.get(f"{lot_address(world, sealed)}/fichier.json").status_code == 404
    world.sql("UPDATE lot SET state = 'prevu' WHERE id = :id", id=lot.id)
    answer = manager.get(f"{lot_address(world, sealed)}/fichier.json")
    assert (answer.status_code, "n’est pas scellé" in words(answer.text)) == (409, True)
    assert manager.get(f"{lot_address(world, sealed)}/fichier.exe").status_code == 404


def test_a_copied_database_hands_no_lot_over(sealed: str, world: World, manager: Browser) -> None:
    elsewhere = open_office(
        replace(world.settings, environment_id="00000000-0000-4000-8000-000000000001"), clock=world.clock
    )
    environment.adopt(world.settings.caisse_owner_url, elsewhere.environment, world.clock())
    elsewhere.close()
    answer = manager.get(f"{lot_address(world, sealed)}/fichier.pdf")
    assert answer.status_code == 409
    assert "Envoi bloqué" in words(answer.text)


def test_the_preview_of_a_draft_shows_real_letters_with_a_code_that_opens_nothing(
    world: World, manager: Browser
) -> None:
    world.load([a_person(nom_naissance="MARTINEAU", adresse_4="12 RUE DES LILAS")])
    reference = world.create()
    assert f"/campagnes/{reference}/apercu.pdf" in manager.get(f"/campagnes/{reference}/apercu").text
    answer = manager.get(f"/campagnes/{reference}/apercu.pdf")
    content = "".join(page.extract_text() for page in PdfReader(BytesIO(answer.data)).pages)
    assert "12 RUE DES LILAS" in content
    assert "XXXX XXXX XXXX" in content
    assert answer.headers["Content-Disposition"].startswith("inline")
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    assert journal(world, "campagne.apercu") == [(MANAGER, reference)]


def test_without_anybody_to_write_to_the_preview_says_so(world: World, manager: Browser) -> None:
    answer = manager.get(f"/campagnes/{world.create()}/apercu.pdf")  # as the page's frame asks for it
    assert answer.status_code == 404
    assert "Rien à montrer" in words(answer.text)


def test_exceptions_do_not_take_the_place_of_letters_in_a_preview(world: World, manager: Browser) -> None:
    world.load([*(a_person(adresse_3=TOO_LONG) for _ in range(6)), a_person(adresse_4="12 RUE DES LILAS")])
    answer = manager.get(f"/campagnes/{world.create()}/apercu.pdf")
    assert "12 RUE DES LILAS" in PdfReader(BytesIO(answer.data)).pages[0].extract_text()


def test_a_preview_that_cannot_be_made_says_why_in_its_frame(world: World, manager: Browser) -> None:
    world.load([a_person(adresse_3=TOO_LONG)])
    answer = manager.get(f"/campagnes/{world.create()}/apercu.pdf")
    assert answer.status_code == 404
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    assert "<nav" not in answer.text


def test_a_letter_is_found_by_its_number_however_it_is_typed(sealed: str, world: World, manager: Browser) -> None:
    letter = world.letters(sealed)[3]
    printed = format_letter_id("631", letter.number)
    for typed in (printed, printed.replace("-", ""), printed.replace("-", " ")):
        answer = manager.get(f"/campagnes/{sealed}/courriers?numero={typed}")
        assert answer.location == f"/campagnes/{sealed}/courriers/{printed}"
    page = manager.get(answer.location).text
    assert "page 4" in words(page)
    pdf = manager.get(f"{answer.location}/courrier.pdf").data
    content = PdfReader(BytesIO(pdf)).pages[0].extract_text()
    assert printed in content
    assert CODE.findall(content) == ["XXXX XXXX XXXX"]
    assert journal(world, "courrier.apercu") == [(MANAGER, f"courrier {printed}")]


def test_a_slip_in_a_letter_number_is_said_and_what_was_typed_is_kept(
    sealed: str, world: World, manager: Browser
) -> None:
    answer = manager.get(f"/campagnes/{sealed}/courriers?numero=631-000000001-00")
    assert answer.status_code == 422
    assert "erreur de frappe" in words(answer.text)
    assert 'value="631-000000001-00"' in answer.text


def test_a_letter_or_a_lot_of_another_campaign_is_not_found(sealed: str, world: World, manager: Browser) -> None:
    other = world.create(name="Autre")
    printed = format_letter_id("631", world.letters(sealed)[0].number)
    assert manager.get(f"/campagnes/{other}/courriers/{printed}").status_code == 404
    assert manager.get(f"/campagnes/{other}/courriers/{printed}/courrier.pdf").status_code == 404
    assert manager.get(f"/campagnes/{other}/lots/{world.lots(sealed)[0].id}").status_code == 404
    assert manager.get(f"/campagnes/{other}/lots/{world.lots(sealed)[0].id}/fichier.pdf").status_code == 404


def test_a_supervisor_reads_letters_and_finds_no_file_to_take(sealed: str, world: World, sign_in: SignIn) -> None:
    page = sign_in(SUPERVISOR).get(lot_address(world, sealed)).text
    assert "Seuls les responsables de campagne" in page
    assert "fichier.pdf" not in page


def test_a_lot_in_quarantine_shows_its_reason_and_is_released_with_one(world: World, manager: Browser) -> None:
    world.load([a_person()])
    reference = world.launched(channel_rule=ChannelRule.POST)
    world.sql("UPDATE lot SET state = 'quarantaine', reason = 'Un lot du même nom est déjà sur le disque.'")
    page = words(manager.get(f"/campagnes/{reference}").text)
    assert "1 lot est en quarantaine" in page
    assert "Un lot du même nom est déjà sur le disque." in page
    address = f"{lot_address(world, reference)}/liberer"
    assert "refaits avec de nouveaux codes" in words(manager.get(address).text)
    assert manager.send(address, motif="").status_code == 422
    assert manager.send(address, motif="Fichier de trop retiré par l’exploitant").status_code == 303
    assert manager.send(address, motif="encore").status_code == 409
    assert json.loads(manager.get(f"/campagnes/{reference}/suivi").text)["version"].endswith(".0")
    assert [who for who, _ in journal(world, "lot.liberer")] == [MANAGER]
    assert "Fichier de trop" not in unescape(manager.get("/campagnes").text)
