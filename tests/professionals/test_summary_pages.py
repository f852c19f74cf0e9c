"""Reading and writing the medical summary on the site of professionals, by its form and by a software in JSON."""

import html
import json
import re
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from lxml import html as pages
from portal.world import token_of
from pypdf import PdfReader
from record.vsm.samples import FULL, NOTHING
from werkzeug.test import TestResponse

from dmp_core.access.rules import Basis
from dmp_core.access.summaries import SummaryGate
from dmp_core.access.trace import Action
from dmp_core.portals.professionals.card import PEER
from dmp_core.professionals.authority import TestAuthority
from dmp_core.record.vsm.form import summary_in, written_summary
from dmp_core.record.vsm.summary import Absence

from .samples import NUMBERS, a_doctor
from .test_relatives import with_relatives
from .test_session import Desk, app
from .world import Record, RecordWorld, a_professional

__all__ = ["app"]
_numbers = NUMBERS


@pytest.fixture
def record(world: RecordWorld) -> Record:
    return world.a_record()


class Office(Desk):
    """A physician's desk in front of one dossier, in a relation with it."""

    def __init__(self, app: Flask, authority: TestAuthority, record: Record, basis: Basis) -> None:
        number = next(_numbers)
        super().__init__(app, a_doctor(authority, number, record.world.clock(), speciality="G15_10/SM54"))
        self.who, self.record = a_professional(number), record
        self.where = f"/dossiers/{record.dossier}/synthese"
        record.relate(self.who, basis)

    def form(self) -> dict[str, str]:
        """The form as it stands, every field with what it holds."""
        answer = self.ask(f"{self.where}/ecrire")
        assert answer.status_code == 200, answer.text
        return fields_of(answer.text)

    def send(self, typed: dict[str, str], gesture: str = "deposer") -> TestResponse:
        return self.ask(f"{self.where}/ecrire", **typed, geste=gesture)

    def software(self, method: str, body: bytes | None = None, **headers: str) -> TestResponse:
        return self.client.open(
            f"/api/v1/dmp/{self.record.dossier}/synthese", method=method, data=body, base_url="https://localhost",
            environ_base={PEER: self.card.der}, headers={"Content-Type": "application/json"} | headers,
        )  # fmt: skip


@pytest.fixture
def office(app: Flask, authority: TestAuthority, record: Record) -> Office:
    return Office(app, authority, record, Basis.ATTENDING)


@pytest.fixture
def colleague(app: Flask, authority: TestAuthority, record: Record) -> Office:
    return Office(app, authority, record, Basis.CONSENT)


def fields_of(page: str) -> dict[str, str]:
    form = next(each for each in pages.fromstring(page).forms if each.get("action", "").endswith("/ecrire"))
    return {name: value for name, value in form.form_values() if name != "csrf_token"}


def words(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).replace("\u00a0", " ").split())


def none_of_all(typed: dict[str, str]) -> dict[str, str]:
    return typed | {name: "aucun" for name in typed if name.endswith("-etat")}


def in_force(record: Record) -> list[Any]:
    statement = "SELECT id, version FROM medical.document WHERE dossier_id = :d AND status = 'approved'"
    return list(record.world.rows(statement, d=record.dossier))


def test_a_first_summary_is_typed_deposited_read_and_begins_the_next(record: Record, office: Office) -> None:
    typed = none_of_all(office.form()) | {
        "allergies-etat": "lignes", "allergies-0-kind": "DALG", "allergies-0-agent": "  Amoxicilline ",
        "allergies-0-since": "06/2012", "treatments-etat": "lignes", "treatments-1-medicine": "PERINDOPRIL 5 mg",
        "findings-etat": "non_renseigne",
    }  # fmt: skip
    checked = office.send(typed, "verifier")
    assert "Rien à corriger" in words(checked.text)
    assert in_force(record) == []
    answer = office.send(typed)
    assert (answer.status_code, answer.location) == (303, office.where)
    page = words(office.ask(office.where).text)
    assert "La synthèse médicale est déposée" in page
    assert "06/2012 Allergie à un médicament Amoxicilline" in page
    assert "Points de vigilance et résultats Non renseigné." in page
    assert "Aucun antécédent chirurgical." in page
    again = office.form()
    assert (again["allergies-0-agent"], again["allergies-0-since"]) == ("Amoxicilline", "06/2012")
    assert (again["treatments-0-medicine"], again["past-etat"]) == ("PERINDOPRIL 5 mg", "aucun")
    assert again["vue"] == str(in_force(record)[0].id)
    assert office.send(again | {"past-etat": "non_renseigne"}).status_code == 303
    assert [row.version for row in in_force(record)] == [2]


def test_every_fault_is_one_sentence_and_nothing_typed_is_lost(record: Record, office: Office) -> None:
    typed = none_of_all(office.form()) | {
        "problems-etat": "lignes", "problems-1-label": "<b>HTA</b>", "problems-1-since": "31/02/2014", "problems-1-code": "zz",
        "past-etat": "lignes", "family-0-label": "Diabète", "allergies-etat": "lignes", "allergies-1-reaction": "Urticaire",
        "habits-etat": "lignes", "habits-0-label": "25 PA",
    }  # fmt: skip
    answer = office.send(typed)
    assert answer.status_code == 422
    page = words(answer.text)
    for told in (
        "Pathologies en cours, ligne 2 : « depuis » n’est pas une date passée",
        "Pathologies en cours, ligne 2 : ce n’est pas un code CIM-10",
        "Antécédents médicaux : remplissez une ligne",
        "Mode de vie, ligne 1 : choisissez le type.",
        "Antécédents familiaux : des lignes sont remplies",
        "Allergies et intolérances, ligne 2 : le champ « agent » est vide",
    ):
        assert told in page
    assert "<b>HTA</b>" not in answer.text
    kept = fields_of(answer.text)
    assert {name: kept[name] for name in typed} == typed
    root = pages.fromstring(answer.text)
    for link in root.xpath("//*[@role='alert']//a[starts-with(@href, '#')]/@href"):
        assert root.get_element_by_id(link[1:]) is not None
    assert in_force(record) == []


def test_lines_are_added_to_one_section_and_the_rest_stays(office: Office) -> None:
    typed = none_of_all(office.form()) | {"allergies-0-agent": "Latex"}
    grown = fields_of(office.ask(f"{office.where}/ecrire", **typed, ajouter="allergies").text)
    assert (typed["allergies-lignes"], grown["allergies-lignes"]) == ("2", "5")
    assert {name: grown[name] for name in typed if name != "allergies-lignes"} == {
        name: value for name, value in typed.items() if name != "allergies-lignes"
    }
    many = grown | {"allergies-lignes": "99999"}
    assert fields_of(office.ask(f"{office.where}/ecrire", **many, ajouter="allergies").text)["allergies-lignes"] == "60"


def test_what_was_written_meanwhile_is_shown_before_it_is_replaced(
    world: RecordWorld, record: Record, office: Office
) -> None:
    typed = none_of_all(office.form())
    gate = office.client.application.extensions["professionals.summaries"]
    assert isinstance(gate, SummaryGate)
    other = gate.write(office.who, record.dossier, FULL, None)
    answer = office.send(typed)
    assert answer.status_code == 409
    assert "a changé depuis que vous l’avez ouverte" in words(answer.text)
    assert "Lire la version actuelle" in words(answer.text)
    assert [row.id for row in in_force(record)] == [other.id]
    assert office.send(fields_of(answer.text)).status_code == 303
    assert [row.version for row in in_force(record)] == [2]


def test_a_form_that_was_typed_for_long_comes_back_whole(world: RecordWorld, record: Record, office: Office) -> None:
    typed = none_of_all(office.form()) | {"past-etat": "lignes", "past-0-label": "Pneumonie"}
    given: dict[str, Any] = {"base_url": "https://localhost", "environ_base": {PEER: office.card.der}}
    token = token_of(office.client.get(f"{office.where}/ecrire", **given).text)
    world.clock.forward(minutes=40)
    late = office.client.post(
        f"{office.where}/ecrire", data={"csrf_token": token, "geste": "deposer", **typed},
        headers={"Referer": "https://localhost/"}, **given,
    )  # fmt: skip
    assert late.status_code == 409
    assert "tout ce que vous avez saisi est là" in words(late.text)
    assert in_force(record) == []
    kept = fields_of(late.text)
    assert {name: kept[name] for name in typed} == typed
    assert office.send(kept).status_code == 303
    assert len(in_force(record)) == 1


def test_a_second_click_changes_nothing(record: Record, office: Office) -> None:
    typed = none_of_all(office.form())
    assert [office.send(typed).status_code for _ in range(2)] == [303, 303]
    assert [row.version for row in in_force(record)] == [1]


def test_a_colleague_reads_and_does_not_write(record: Record, office: Office, colleague: Office) -> None:
    assert "Écrire la synthèse" not in colleague.ask(f"/dossiers/{record.dossier}").text
    assert "Écrire la synthèse" in office.ask(f"/dossiers/{record.dossier}").text
    absent = colleague.ask(colleague.where)
    assert absent.status_code == 404
    office.send(none_of_all(office.form()))
    page = colleague.ask(colleague.where)
    assert (page.status_code, "Écrire la nouvelle synthèse" in page.text) == (200, False)
    for answer in (colleague.ask(f"{colleague.where}/ecrire"), colleague.send(fields_none())):
        assert (answer.status_code, "Seul le médecin traitant" in words(answer.text)) == (403, True)
    refused = [line for line in record.chain() if not line.granted and line.who.id == str(colleague.who.id)]
    assert [line.action for line in refused] == [Action.READ, Action.REPLACE, Action.REPLACE]
    (row,) = in_force(record)
    masked(record, row.id)
    again = colleague.ask(colleague.where)
    assert (again.status_code, again.data) == (absent.status_code, absent.data)


def test_who_is_not_in_is_shown_the_door(app: Flask, authority: TestAuthority, record: Record, office: Office) -> None:
    stranger = Desk(app, a_doctor(authority, next(_numbers), record.world.clock()))
    for where in (office.where, f"{office.where}/ecrire"):
        answer = stranger.ask(where)
        assert (answer.status_code, answer.location) == (303, f"/dossiers/{record.dossier}")


def test_those_whom_the_patient_named_are_on_its_page_and_in_its_pdf(record: Record, office: Office) -> None:
    with_relatives(record)
    office.software("PUT", written_summary(FULL))
    page = office.ask(office.where).text
    assert "Ses proches, à cette date" in page
    for said in ("Claire Dupond", "ma fille", 'href="tel:+33142345678"', "Paul Dupond", "Anne Voisin"):
        assert said in page
    document = re.search(rf"/dossiers/{record.dossier}/documents/[0-9a-f-]+/contenu", page)
    assert document is not None
    told = PdfReader(BytesIO(office.ask(document[0]).data)).pages[0].extract_text()
    assert "Personne de confiance : Claire Dupond, ma fille, 01" in told.replace("\u00a0", " ")


def test_a_software_writes_reads_and_replaces(record: Record, office: Office) -> None:
    assert office.software("GET").status_code == 404
    first = office.software("PUT", written_summary(FULL))
    assert first.status_code == 201
    read = office.software("GET")
    assert (summary_in(read.data), read.headers["ETag"]) == (FULL, first.headers["ETag"])
    blind = office.software("PUT", written_summary(NOTHING))
    assert (blind.status_code, "a changé" in blind.get_json()["issue"][0]["diagnostics"]) == (412, True)
    second = office.software("PUT", written_summary(NOTHING), **{"If-Match": read.headers["ETag"]})
    assert second.status_code == 200
    assert office.software("PUT", written_summary(FULL), **{"If-Match": read.headers["ETag"]}).status_code == 412
    assert [row.version for row in in_force(record)] == [2]


def test_masked_it_is_absent_for_a_software_too(record: Record, office: Office, colleague: Office) -> None:
    absent = colleague.software("GET")
    office.software("PUT", written_summary(FULL))
    assert colleague.software("GET").status_code == 200
    (row,) = in_force(record)
    masked(record, row.id)
    again = colleague.software("GET")
    assert (again.status_code, again.data, "ETag" in again.headers) == (404, absent.data, False)
    assert office.software("GET").status_code == 200


def test_what_a_software_sends_wrong_is_told_as_json(record: Record, office: Office, colleague: Office) -> None:
    wrong = json.loads(written_summary(FULL)) | {"allergies": [{"type": "DALG", "agent": "  "}]}
    for body, status, told in (
        (b"{", 422, "JSON"), (b"{}", 422, "il manque « pathologies_en_cours »"),
        (json.dumps(wrong).encode(), 422, "Allergies et intolérances, ligne 1 : le champ « agent » est vide"),
    ):  # fmt: skip
        answer = office.software("PUT", body)
        assert (answer.status_code, told in answer.get_json()["issue"][0]["diagnostics"]) == (status, True)
    assert office.software("PUT", written_summary(FULL), **{"Content-Type": "text/plain"}).status_code == 415
    large = office.software("PUT", b" " * (256 * 1024 + 1))
    assert large.status_code == 413
    refused = colleague.software("PUT", written_summary(FULL))
    assert (refused.status_code, "médecin traitant" in refused.get_json()["issue"][0]["diagnostics"]) == (403, True)
    assert in_force(record) == []


def fields_none() -> dict[str, str]:
    sections = (
        "problems",
        "past",
        "operations",
        "allergies",
        "habits",
        "exposures",
        "family",
        "findings",
        "treatments",
    )
    return {f"{name}-etat": Absence.NONE.value for name in sections}


def masked(record: Record, document: UUID) -> None:
    record.world.rows("UPDATE medical.document SET masked = true WHERE id = :i RETURNING id", i=document)
