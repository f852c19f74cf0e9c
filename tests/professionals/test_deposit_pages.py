"""Depositing on the site of professionals: a file and one click; one's own deposits corrected, announced, archived, withdrawn."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from portal.world import token_of
from record.samples import a_pdf
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, stream_encode_multipart

from dmp_core.access import circle
from dmp_core.access.rules import Basis
from dmp_core.access.trace import Action, first_fault
from dmp_core.portals.professionals.card import PEER
from dmp_core.professionals.authority import TestAuthority

from .practice import app
from .samples import NUMBERS, a_doctor
from .world import Record, RecordWorld, member

__all__ = ["app"]
_numbers = NUMBERS


class Desk:
    """A browser with a card, in front of the application itself."""

    def __init__(self, app: Flask, authority: TestAuthority, world: RecordWorld, **more: Any) -> None:
        self.client = app.test_client()
        self.card = a_doctor(authority, next(_numbers), world.clock() - timedelta(hours=1), **more)
        self.who = app.extensions["professionals"].trust.professional(self.card.der, world.clock())

    def get(self, where: str) -> TestResponse:
        return self.client.get(where, base_url="https://localhost", environ_base={PEER: self.card.der})

    def post(self, where: str, at: str, **typed: Any) -> TestResponse:
        typed["csrf_token"] = token_of(self.get("/").text)
        if "fichier" in typed:
            typed["fichier"] = FileStorage(*typed["fichier"])
        stream, length, boundary = stream_encode_multipart(typed, use_tempfile=False)
        return self.client.post(
            where, input_stream=stream, base_url="https://localhost", environ_base={PEER: self.card.der},
            headers={"Referer": f"https://localhost{at}", "Content-Length": str(length)},
            content_type=f'multipart/form-data; boundary="{boundary}"',
        )  # fmt: skip

    def deposit(
        self, record: Record, data: bytes = b"Tension 12/8", name: str = "consultation.txt", **typed: Any
    ) -> TestResponse:
        where = f"/dossiers/{record.dossier}/deposer"
        return self.post(where, where, type="11488-4", fichier=(io.BytesIO(data), name), **typed)


@pytest.fixture
def record(world: RecordWorld) -> Record:
    return world.a_record()


@pytest.fixture
def desk(app: Flask, authority: TestAuthority, world: RecordWorld) -> Desk:
    return Desk(app, authority, world)


def rows(world: RecordWorld, record: Record) -> list[Any]:
    return list(world.rows("SELECT * FROM medical.document WHERE dossier_id = :d ORDER BY version", d=record.dossier))


def test_a_file_and_one_click_with_the_type_chosen_and_the_title_of_the_file(
    world: RecordWorld, desk: Desk, record: Record
) -> None:
    entrance = desk.get(f"/dossiers/{record.dossier}")
    assert (entrance.status_code, f"/dossiers/{record.dossier}/deposer" in entrance.text) == (403, True)
    form = desk.get(f"/dossiers/{record.dossier}/deposer")
    first = re.search(r'<option value="([^"]+)"', form.text)
    assert first is not None
    assert first[1] == "11488-4"
    answer = desk.deposit(record, a_pdf("Compte rendu"), "Compte_rendu de cardiologie.pdf")
    assert answer.status_code == 303
    page = desk.get(answer.location)
    assert page.text.count("Compte rendu de cardiologie") >= 2
    (row,) = rows(world, record)
    assert (row.type_code, row.author_id, row.hidden_until) == ("11488-4", str(desk.who.id), None)
    again = desk.deposit(record, a_pdf("Compte rendu"), "autre nom.pdf")
    assert "déjà déposé ce contenu" in desk.get(again.location).text
    # Nothing else of the dossier was shown, and its holder is told of no access.
    assert desk.get(f"/dossiers/{record.dossier}").status_code == 403
    assert (
        world.rows("SELECT 1 FROM medical.notice WHERE dossier_id = :d AND kind = 'first_access'", d=record.dossier)
        == []
    )


@pytest.mark.parametrize(
    ("data", "typed", "words"),
    [
        (b"", {}, "Choisissez le fichier"),
        (b"<html>", {}, "PDF"),
        (b"x", {"date": "2050-01-01"}, "avenir"),
        (b"x", {"date": "hier"}, "AAAA-MM-JJ"),
        (b"x", {"titre": "y" * 200}, "120 caractères"),
    ],
)
def test_what_cannot_enter_is_said_and_what_was_typed_is_kept(
    desk: Desk, record: Record, data: bytes, typed: dict[str, str], words: str
) -> None:
    answer = desk.deposit(record, data, **{"titre": "Ma consultation", "annonce": "oui"} | typed)
    assert answer.status_code == 422
    assert words in answer.text
    assert "checked" in answer.text
    assert f'value="{typed.get("titre", "Ma consultation")}"' in answer.text


def test_a_file_of_ten_megabytes_passes_and_a_larger_form_is_one_sentence(desk: Desk, record: Record) -> None:
    assert desk.deposit(record, b"a" * (9 * 1024 * 1024)).status_code == 303
    too_large = desk.deposit(record, b"a" * (11 * 1024 * 1024))
    assert (too_large.status_code, "taille" in too_large.text) == (413, True)


def test_its_author_corrects_archives_and_withdraws(world: RecordWorld, desk: Desk, record: Record) -> None:
    where = desk.deposit(record).location
    corrected = desk.post(f"{where}/corriger", where, fichier=(io.BytesIO(b"Tension 13/8"), "x.txt"), titre="")
    assert corrected.status_code == 303
    assert [row.status for row in rows(world, record)] == ["deprecated", "approved"]
    assert "Cette version a été remplacée" in desk.get(where).text
    now = corrected.location
    assert "consultation" in desk.get(now).text
    assert desk.post(f"{now}/corriger", now, fichier=(io.BytesIO(b""), "")).status_code == 422
    for archived, status in (("oui", "archived"), ("non", "approved")):
        assert desk.post(f"{now}/archiver", now, archive=archived).status_code == 303
        assert rows(world, record)[-1].status == status
    done = desk.post(f"{now}/retirer", now)
    assert (done.location, [row.status for row in rows(world, record)]) == ("/depots", ["deleted", "deleted"])
    assert desk.get(now).status_code == 404
    actions = [line.action for line in record.chain() if line.granted]
    for action, times in (
        (Action.ADD, 1),
        (Action.REPLACE, 1),
        (Action.ARCHIVE, 1),
        (Action.RESTORE, 1),
        (Action.DELETE, 1),
    ):
        assert actions.count(action) == times
    assert first_fault(record.dossier, record.chain()) is None


def test_held_back_then_announced_by_its_author_or_the_attending_physician(
    app: Flask, authority: TestAuthority, world: RecordWorld, desk: Desk, record: Record
) -> None:
    where = desk.deposit(record, annonce="oui").location
    assert "ne voit pas encore" in desk.get(where).text
    assert desk.post(f"{where}/archiver", where, archive="oui").status_code == 303  # which announces nothing
    assert "ne voit pas encore" in desk.get(where).text
    assert desk.post(f"{where}/archiver", where, archive="non").status_code == 303
    attending, colleague = (Desk(app, authority, world) for _ in range(2))
    record.relate(attending.who, Basis.ATTENDING)
    record.relate(colleague.who, Basis.CONSENT)
    page = where.replace("/depots/", "/documents/")
    assert "est annoncé au patient" not in colleague.get(page).text
    assert "est annoncé au patient" in attending.get(page).text
    refused = colleague.post(f"{where}/annoncer", page)
    assert (refused.status_code, "pas l’auteur" in refused.text) == (409, True)
    done = attending.post(f"{where}/annoncer", page)
    assert (done.status_code, done.location) == (303, page)
    assert "ne voit pas ce document" not in attending.get(page).text
    assert rows(world, record)[0].hidden_until == world.clock()


def test_another_s_document_is_not_theirs_to_touch_and_a_blocked_one_finds_nothing(
    app: Flask, authority: TestAuthority, world: RecordWorld, desk: Desk, record: Record
) -> None:
    where = desk.deposit(record).location
    other = Desk(app, authority, world)
    assert other.get(where).status_code == 404
    form = f"/dossiers/{record.dossier}/deposer"
    for gesture in ("corriger", "annoncer", "archiver", "retirer"):
        answer = other.post(f"{where}/{gesture}", form, fichier=(io.BytesIO(b"Faux"), "x.txt"), archive="oui")
        assert answer.status_code == 404, gesture
    record.as_owner(circle.block, member(desk.who), world.clock())
    assert desk.get(where).status_code == 404
    assert desk.deposit(record, b"Encore").status_code == 404
    assert [row.status for row in rows(world, record)] == ["approved"]


def test_everything_deposited_is_on_a_page_and_in_a_file(world: RecordWorld, desk: Desk, record: Record) -> None:
    assert "n’avez rien déposé" in desk.get("/depots").text
    for number in range(3):
        desk.deposit(record, f"Note {number}".encode())
    page = desk.get("/depots").text
    assert page.count("/depots/") >= 3
    assert 'href="/depots"' in desk.get("/").text
    answer = desk.get("/depots.csv")
    assert answer.data.startswith(b"\xef\xbb\xbf")
    table = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))
    assert [each["etat"] for each in table] == ["en vigueur"] * 3
    assert {len(each["ins_c"]) for each in table} == {22}
    assert "attachment" in answer.headers["Content-Disposition"]


def test_a_secret_asked_for_by_a_minor_is_put_at_the_deposit_lifted_and_set_again(
    world: RecordWorld, desk: Desk, record: Record
) -> None:
    where = desk.deposit(record, secret="oui").location
    assert rows(world, record)[0].hidden_from_representatives
    assert "Ce document leur est invisible" in desk.get(where).text
    for secret in ("non", "oui"):
        assert desk.post(f"{where}/secret", where, secret=secret).location == where
        assert rows(world, record)[0].hidden_from_representatives is (secret == "oui")
