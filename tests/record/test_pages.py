"""The record's pages as a browser without a window sees them."""

import csv
import io
import re
import zipfile
from typing import Any
from uuid import uuid4

from flask import Flask
from portal.world import token_of
from portal_account.world import AccountWorld, Holder
from werkzeug.test import TestResponse

from dmp_core.record.contents import LARGEST

from .samples import a_pdf, a_photo
from .test_gate import received

ADD = "/mon-dmp/documents/ajouter"


def send(holder: Holder, where: str, *files: tuple[bytes, str], at: str = "", **typed: str) -> TestResponse:
    token = token_of(holder.get(at or where).text)
    data: dict[str, Any] = {"csrf_token": token, **typed, "fichier": [(io.BytesIO(data), name) for data, name in files]}
    return holder.client.post(
        where, data=data, content_type="multipart/form-data", environ_base={"REMOTE_ADDR": holder.address}
    )  # fmt: skip


def add(holder: Holder, title: str = "Ordonnance du docteur Martin", data: bytes | None = None) -> str:
    answer = send(holder, ADD, (data or a_pdf(title), "scan.pdf"), titre=title, type="EXPPAT_2")
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def test_a_document_is_added_found_read_and_kept_as_a_file(signed_in: Holder) -> None:
    where = add(signed_in)
    assert "Ordonnance du docteur Martin" in signed_in.get("/mon-dmp/documents/liste/expression-libre").text
    assert "1 document<" in signed_in.get("/mon-dmp/documents").text
    shown = signed_in.get(f"{where}/contenu")
    assert (shown.mimetype, shown.data) == ("application/pdf", a_pdf("Ordonnance du docteur Martin"))
    assert shown.headers["Cache-Control"] == "no-store"
    kept = signed_in.get(f"{where}/contenu?garder=1")
    assert kept.headers["Content-Disposition"] == 'attachment; filename="Ordonnance du docteur Martin.pdf"'


def test_a_photo_and_a_text_are_shown_where_they_can_reach_nothing(signed_in: Holder) -> None:
    for title, data in (("Photo", a_photo()), ("Texte", "Allergie : pénicilline".encode())):
        shown = signed_in.get(f"{add(signed_in, title, data)}/contenu")
        assert "sandbox" in shown.headers["Content-Security-Policy"]
        assert shown.headers["X-Content-Type-Options"] == "nosniff"


def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_stays(signed_in: Holder) -> None:
    page = send(signed_in, ADD, (b"PK\x03\x04", "a.docx"), titre="", type="EXPPAT_1")
    assert page.status_code == 422
    assert "Donnez un titre à ce document" in page.text
    assert "enregistrez-le en PDF" in page.text
    assert re.search(r'value="EXPPAT_1" checked', page.text)
    page = send(signed_in, ADD, titre="Mon titre", type="REMB")
    assert 'value="Mon titre"' in page.text
    assert "Choisissez un fichier" in page.text
    assert "Choisissez ce que c’est" in page.text


def test_the_same_document_sent_twice_is_told_and_kept_once(signed_in: Holder) -> None:
    add(signed_in)
    again = send(signed_in, ADD, (a_pdf("Ordonnance du docteur Martin"), "b.pdf"), titre="Encore", type="EXPPAT_2")
    assert again.status_code == 422
    assert "déjà dans votre DMP" in again.text


def test_a_file_that_is_too_large_is_refused_before_it_is_read_through(signed_in: Holder) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="fichier"; filename="gros.pdf"\r\n\r\n'
    body = head + b"a" * (LARGEST + 10**6) + b"\r\n--b--\r\n"
    answer = signed_in.client.post(ADD, data=body, content_type="multipart/form-data; boundary=b")
    assert answer.status_code == 413
    other = signed_in.client.post("/mon-dmp/profil/mot-de-passe", data={"actuel": "a" * 100_000})
    assert other.status_code == 413


def test_masking_archiving_and_deleting_go_by_a_click_each(signed_in: Holder) -> None:
    where = add(signed_in)
    for gesture, told in (
        ("masquer", "Le document est masqué"), ("montrer", "de nouveau visible"), ("archiver", "documents archivés"),
        ("desarchiver", "de nouveau parmi vos documents courants"),
    ):  # fmt: skip
        assert signed_in.send(f"{where}/{gesture}", where).location == where
        assert told in signed_in.get(where).text
    assert signed_in.send(f"{where}/supprimer", where).location == f"{where}#supprimer"
    assert "cochez la case pour confirmer" in signed_in.get(where).text
    assert signed_in.send(f"{where}/supprimer", where, confirmation="oui").location == "/mon-dmp/documents"
    assert signed_in.get(where).status_code == 404
    assert signed_in.send("/mon-dmp/documents/" + str(uuid4()) + "/brûler", "/mon-dmp/documents").status_code == 404


def test_a_professional_s_document_can_be_masked_and_not_deleted(signed_in: Holder, world: AccountWorld) -> None:
    theirs = received(world, signed_in.who.dossier)
    where = f"/mon-dmp/documents/{theirs.id}"
    page = signed_in.get(where).text
    assert "Dr Anne Martin" in page
    assert "Supprimer" not in page
    assert signed_in.send(f"{where}/masquer", where).status_code == 303
    refusal = signed_in.send(f"{where}/supprimer", where, confirmation="oui")
    assert refusal.status_code == 409
    assert "Seul son auteur peut" in refusal.text


def test_another_holder_s_document_and_none_at_all_are_one_answer_by_bytes(
    signed_in: Holder, app: Flask, world: AccountWorld
) -> None:
    where = add(signed_in)
    other = Holder(app, world, world.someone()).sign_in()
    for suffix in ("", "/contenu", "/remplacer"):
        theirs, nobodys = other.get(where + suffix), other.get(f"/mon-dmp/documents/{uuid4()}{suffix}")
        assert (theirs.status_code, len(theirs.data)) == (404, len(nobodys.data))
        assert re.sub(r"[0-9a-f-]{36}", "", theirs.text) == re.sub(r"[0-9a-f-]{36}", "", nobodys.text)


def test_a_new_version_is_offered_from_the_old_one(signed_in: Holder) -> None:
    where = add(signed_in)
    answer = send(signed_in, f"{where}/remplacer", (a_pdf("corrigée"), "b.pdf"), titre="Ordonnance corrigée")
    assert answer.status_code == 303
    assert "Version 2" in signed_in.get(str(answer.location)).text
    old = signed_in.get(where).text
    assert "Cette version a été remplacée" in old
    assert str(answer.location) in old


def test_the_whole_dmp_is_a_zip_with_an_index_that_leads_to_each_file(signed_in: Holder) -> None:
    for number in range(2):
        add(signed_in, "Même titre", a_pdf(str(number)))
    add(signed_in, "../../etc/passwd <b>", a_photo())
    answer = signed_in.send("/mon-dmp/documents/telecharger", "/mon-dmp/documents")
    data = answer.data
    answer.close()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = set(archive.namelist())
        index = archive.read("index.html").decode()
    assert {"Expression libre/Même titre.pdf", "Expression libre/Même titre (2).pdf"} < names
    assert not any(".." in name or name.startswith("/") for name in names)
    assert len(names) == 4
    assert "&lt;b&gt;" in index
    assert "Expression%20libre/M%C3%AAme%20titre.pdf" in index


def test_the_history_filters_and_is_kept_as_a_table(signed_in: Holder) -> None:
    where = add(signed_in, "=HYPERLINK(1)")
    signed_in.get(f"{where}/contenu")
    page = signed_in.get("/mon-dmp/acces").text
    assert "Document consulté" in page
    assert "Aucun accès de cette sorte" in signed_in.get("/mon-dmp/acces?voir=urgence").text
    assert "Document consulté" in signed_in.get("/mon-dmp/acces?voir=moi").text
    table = signed_in.send("/mon-dmp/acces/telecharger", "/mon-dmp/acces").data.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table), delimiter=";"))
    assert [row["numero"] for row in rows] == [str(one) for one in range(1, len(rows) + 1)]
    assert rows[0]["action"] == "document ajouté"
    assert rows[0]["document"] == "'=HYPERLINK(1)"
    assert rows[-1]["action"] == "historique des accès téléchargé"


def test_pages_and_categories_that_do_not_exist_are_told_so(signed_in: Holder) -> None:
    assert signed_in.get("/mon-dmp/documents/liste/autre").status_code == 404
    for page in ("0", "-1", "x", "99999999999"):
        assert signed_in.get(f"/mon-dmp/documents/liste/tous?page={page}").status_code == 200


def test_no_address_of_the_record_holds_anything_about_its_owner(signed_in: Holder) -> None:
    where = add(signed_in)
    pages = "".join(signed_in.get(one).text for one in (where, "/mon-dmp/documents", "/mon-dmp/acces"))
    addresses = " ".join(re.findall(r'(?:href|action)="([^"]+)"', pages))
    assert signed_in.who.person.nir not in addresses
    assert "ordonnance" not in addresses.lower()


def test_new_directives_take_the_place_of_the_former_ones_and_the_form_says_so(
    signed_in: Holder, world: AccountWorld
) -> None:
    assert "Directives anticipées<" not in signed_in.get(ADD).text
    world.clock.now = world.clock.now.replace(year=2018, month=3, day=5)
    signed_in.sign_in()
    assert "prennent la place des précédentes" in signed_in.get(ADD).text
    for title, told in (("Un", "Le document est dans votre DMP"), ("Deux", "ont pris la place des précédentes")):
        answer = send(signed_in, ADD, (a_pdf(title), "a.pdf"), titre=title, type="EXPPAT_3")
        assert told in signed_in.get(str(answer.location)).text
    listed = signed_in.get("/mon-dmp/documents/liste/expression-libre").text
    assert ("Deux" in listed, ">Un<" in listed) == (True, False)
