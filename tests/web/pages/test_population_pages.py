"""Importing through the web: taken or refused at once, nothing left of what is refused, counts that add up."""

import gzip
import json
import os
from html import unescape
from io import BytesIO
from pathlib import Path

import pytest
from campaigns.world import SYSTEM, World, a_person, write_rows
from campaigns.world import manager as world_manager
from werkzeug.test import TestResponse

from backoffice.core.errors import Invalid
from backoffice.population.actions import discard_upload, request_import, run_import, uploads_folder
from backoffice.web.pages import uploads

from .conftest import MANAGER, SUPERVISOR, Browser, SignIn, journal, token_of
from .test_campaign_pages_life import words

UPLOAD = "/population/importer"


def send(browser: Browser, content: bytes, name: str = "assurés 631.csv", **options: str) -> TestResponse:
    form = {"csrf_token": token_of(browser.get(UPLOAD).text), "encodage": "utf-8"} | options
    headers = {"Accept": form.pop("accept", "text/html")}
    return browser.client.post(UPLOAD, data=form | {"fichier": (BytesIO(content), name)}, headers=headers)


@pytest.fixture
def good(world: World) -> bytes:
    return write_rows(world.folder / "bon.csv", [a_person() for _ in range(5)] + [a_person(nir="1" * 15)]).read_bytes()


def waiting(world: World) -> list[Path]:
    folder = uploads_folder(world.office)
    return sorted(folder.iterdir()) if folder.is_dir() else []


@pytest.fixture(autouse=True)
def _no_files_from_before(world: World) -> None:
    for path in waiting(world):
        path.unlink()


def test_without_any_import_the_list_says_so(manager: Browser) -> None:
    assert "Aucun import dans votre périmètre." in manager.get("/population").text


def test_a_good_file_waits_on_the_disk_for_its_worker_then_is_gone(good: bytes, world: World, manager: Browser) -> None:
    answer = send(manager, good)
    assert answer.status_code == 303
    (path,) = waiting(world)
    assert path.read_bytes() == good
    assert path.stat().st_mode & 0o777 == 0o600
    assert "assurés" not in path.name
    page = words(manager.get(answer.location).text)
    assert "assurés 631.csv" in page
    assert "data-follow" in page
    import_id = int(answer.location.rsplit("/", 1)[1])
    run_import(world.office, SYSTEM, import_id)
    discard_upload(world.office, import_id)
    assert waiting(world) == []
    assert "6 lues = 5 créées + 0 modifiées + 0 identiques + 1 rejetées" in words(manager.get(answer.location).text)
    assert json.loads(manager.get(f"{answer.location}/suivi").text)["fini"] is True
    assert "assurés 631.csv" in manager.get("/population").text


def test_an_import_under_way_from_the_command_line_shows_its_progress_not_zeroes(
    good: bytes, world: World, sign_in: SignIn
) -> None:
    path = world.folder / "assures.csv"
    path.write_bytes(good)
    with world.office.db.unit_of_work() as session:
        asked = request_import(session, world.office, world_manager(MANAGER, "631"), path, ring=False)
        import_id = asked.id
    browser = sign_in(MANAGER)
    assert "data-follow" in browser.get(f"/population/{import_id}").text
    assert json.loads(browser.get(f"/population/{import_id}/suivi").text)["fini"] is False
    run_import(world.office, SYSTEM, import_id)
    assert json.loads(browser.get(f"/population/{import_id}/suivi").text)["fini"] is True


def test_a_compressed_file_is_taken_as_it_is(good: bytes, world: World, manager: Browser) -> None:
    assert send(manager, gzip.compress(good), "assures.csv.gz").status_code == 303


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Le fichier « x.csv » est vide."),
        (b"%PDF-1.7 rien", "x.csv"),
        (b"nom;prenom\nA;B\n", "manque"),
        (b"\xff\xfe\x00\x01", "x.csv"),
    ],
)
def test_what_is_no_population_file_is_refused_at_once_and_not_kept(
    content: bytes, sentence: str, world: World, manager: Browser
) -> None:
    answer = send(manager, content, "x.csv")
    page = words(answer.text)
    assert answer.status_code == 422
    assert sentence in page or "Des colonnes manquent" in page or "n’est pas connue" in page
    assert ".envoi" not in page
    assert waiting(world) == []
    assert world.sql("SELECT count(*) FROM population_import")[0][0] == 0


def test_sending_no_file_is_said_in_a_sentence(manager: Browser) -> None:
    answer = manager.send(UPLOAD)
    assert (answer.status_code, "Choisissez le fichier à importer." in answer.text) == (422, True)


def test_a_script_hears_where_to_go_or_why_not(good: bytes, manager: Browser) -> None:
    taken = send(manager, good, accept="application/json")
    assert json.loads(taken.text)["suite"].startswith("/population/")
    refused = send(manager, b"", "x.csv", accept="application/json")
    assert (refused.status_code, words(json.loads(refused.text)["erreur"])) == (422, "Le fichier « x.csv » est vide.")


def test_without_its_token_a_file_is_not_kept(good: bytes, world: World, manager: Browser) -> None:
    answer = manager.client.post(UPLOAD, data={"encodage": "utf-8", "fichier": (BytesIO(good), "x.csv")})
    assert answer.status_code == 400
    assert waiting(world) == []


def test_a_file_beyond_the_largest_is_refused(world: World, manager: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "LARGEST", 100_000)
    assert send(manager, b"a" * 200_000).status_code == 413
    assert waiting(world) == []


def test_a_full_disk_is_said_before_anything_is_written(
    good: bytes, world: World, manager: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "_MARGIN", 1 << 60)
    answer = send(manager, good)
    assert (answer.status_code, "assez de place" in answer.text) == (503, True)
    assert waiting(world) == []


def test_a_file_left_by_a_killed_process_goes_with_the_next_day_s_upload(
    good: bytes, world: World, manager: Browser
) -> None:
    folder = uploads_folder(world.office)
    folder.mkdir(parents=True, exist_ok=True)
    old, fresh = folder / "vieux.envoi", folder / "en cours.envoi"
    for path in (old, fresh):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    send(manager, good)
    assert not old.exists()
    assert fresh.exists()
    assert len(waiting(world)) == 2


def test_the_name_of_a_file_is_its_last_part(good: bytes, manager: Browser) -> None:
    answer = send(manager, good, "/home/Extractions/novembre.csv")
    page = manager.get(answer.location).text
    assert "novembre.csv" in page
    assert "Extractions" not in page


def test_an_import_refused_whole_shows_why(good: bytes, world: World, manager: Browser) -> None:
    place = send(manager, good[:-30]).location
    with pytest.raises(Invalid):
        run_import(world.office, SYSTEM, int(place.rsplit("/", 1)[1]))
    page = words(manager.get(place).text)
    assert "Le fichier a été refusé en entier. Rien n’a été changé." in page
    assert "refusé" in manager.get("/population").text


def test_the_reject_report_is_downloaded_masked_and_journalled(good: bytes, world: World, manager: Browser) -> None:
    rows = [a_person(), a_person(nir="185057800608499")]
    world.load_file(write_rows(world.folder / "rejets.csv", rows), world_manager(MANAGER, "631"))
    answer = manager.get(f"/population/{_first(world)}/rejets.csv")
    content = answer.data.decode("utf-8-sig")
    assert content.splitlines()[0] == "ligne;colonne;valeur;motif"
    assert "185057800608499" not in content
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=rejets-import-")
    assert answer.headers["Cache-Control"] == "no-store"
    assert journal(world, "population.rejets") == [(MANAGER, f"import {_first(world)}")]


def _first(world: World) -> int:
    return int(world.sql("SELECT min(id) FROM population_import")[0][0])


def test_a_supervisor_reads_the_counts_and_cannot_take_the_rows(world: World, sign_in: SignIn) -> None:
    world.load_file(
        write_rows(world.folder / "p.csv", [a_person(), a_person(nir="1" * 15)]), world_manager(MANAGER, "631")
    )
    supervisor = sign_in(SUPERVISOR)
    page = supervisor.get(f"/population/{_first(world)}").text
    assert "Rejetées" in unescape(page)
    assert "rejets.csv" not in page
    assert UPLOAD not in supervisor.get("/population").text
