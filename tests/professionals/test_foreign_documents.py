"""Structured documents of other software: deposited by card and by establishment, never about somebody else."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from record.foreign import a_cda, a_vsm, around
from record.samples import a_pdf, a_rtf, a_tiff
from record.vsm.samples import FULL

from dmp_core.access import circle
from dmp_core.access.feeding import Sent
from dmp_core.access.rules import Basis
from dmp_core.access.summaries import SummaryGate
from dmp_core.errors import Invalid
from dmp_core.professionals.authority import TestAuthority
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.shelf import Folder

from .samples import rpps
from .test_software import Practice, a_practice, app, base, ins_c_of, patient, practice, refused, replacing
from .test_vihf import House, clinic
from .world import Record, RecordWorld

__all__ = ["app", "clinic", "patient", "practice"]


def read(practice: Practice, record: Record, document: str) -> bytes:
    answer = practice.ask("GET", f"{base(record)}/Binary/{document}", headers={"Accept": "*/*"})
    assert answer.status_code == 200, answer.text
    return answer.data


def test_a_laboratory_report_is_deposited_and_read_to_the_byte(practice: Practice, patient: tuple[Any, Record]) -> None:
    person, record = patient
    practice.consent(record)
    data = a_cda(ins_c_of(person), str(practice.who.id))
    made = practice.deposit(record, data, "11502-2")
    assert made.status_code == 201, made.text
    told = made.get_json()
    assert told["content"][0]["format"]["code"] == "urn:ihe:lab:xd-lab:2008"
    assert told["masterIdentifier"]["value"] == "urn:oid:1.2.3.4.5.6.7"
    assert told["context"]["period"]["start"].startswith("2016-10-15T06:30")
    assert read(practice, record, told["id"]) == data
    again = practice.deposit(record, data, "11502-2")
    assert (again.status_code, again.get_json()["id"]) == (200, told["id"])
    corrected = a_cda(ins_c_of(person), str(practice.who.id), root="1.2.3.4.5.6.8", more="<paragraph>Relu.</paragraph>")
    assert practice.deposit(record, corrected, "11502-2", **replacing(told["id"])).status_code == 201
    assert practice.listed(record, format="urn:ihe:lab:xd-lab:2008", status="current") != [told["id"]]


def test_a_body_in_a_structured_document_is_what_its_format_says(
    practice: Practice, patient: tuple[Any, Record]
) -> None:
    person, record = patient
    data = a_cda(ins_c_of(person), str(practice.who.id), code="11488-4", **around(a_pdf()))
    made = practice.deposit(record, data)
    assert made.get_json()["content"][0]["format"]["code"] == "urn:ihe:iti:xds-sd:pdf:2008"


@pytest.mark.parametrize("make", [a_tiff, a_rtf])
def test_a_scan_and_a_letter_are_kept_to_the_byte(make: Any, practice: Practice, patient: tuple[Any, Record]) -> None:
    _, record = patient
    practice.consent(record)
    made = practice.deposit(record, make())
    assert made.status_code == 201, made.text
    assert read(practice, record, made.get_json()["id"]) == make()
    attachment = made.get_json()["content"][0]["attachment"]
    assert base64.b64decode(attachment["hash"])
    assert attachment["contentType"] in ("image/tiff", "text/rtf")


def test_one_about_somebody_else_or_by_somebody_else_leaves_nothing(
    world: RecordWorld, practice: Practice, patient: tuple[Any, Record]
) -> None:
    person, record = patient
    other = world.someone().person
    for data, words in (
        (a_cda(ins_c_of(other), str(practice.who.id)), "pas au nom du titulaire"),
        (a_cda(ins_c_of(person), rpps(98_765)), "n’est pas vous"),
        (a_cda(ins_c_of(person), str(practice.who.id), begin="<!DOCTYPE a>"), "déclaration de type"),
        (a_cda(ins_c_of(person), str(practice.who.id), began="00010101"), "avant 1900"),
        (b"<html><script>alert(1)</script></html>", "ni un PDF"),
    ):
        answer = practice.deposit(record, data, "11502-2")
        refused(answer, 422, words)
        assert ins_c_of(other) not in answer.text
    assert world.rows("SELECT id FROM medical.document WHERE dossier_id = :d", d=record.dossier) == []


def test_who_feeds_reads_one_ins_and_only_while_feeding(
    world: RecordWorld, practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient

    def seen(feeding: bool) -> int:
        now = world.clock()
        with world.professionals.transaction(practice.who.id, now, record.dossier, feeding=feeding) as connection:
            return len(connection.exec_driver_sql("SELECT value FROM enrolment.identifier").all())

    assert (seen(False), seen(True)) == (0, 1)
    record.as_owner(circle.block, practice.member, world.clock())
    assert seen(True) == 0


def test_a_summary_of_another_software_is_the_attending_physicians_alone(
    app: Flask, world: RecordWorld, authority: TestAuthority, practice: Practice, patient: tuple[Any, Record]
) -> None:
    person, record = patient
    who = str(practice.who.id)
    refused(practice.deposit(record, a_vsm(ins_c_of(person), who), "SYNTH"), 403, "médecin traitant")
    record.relate(practice.who, Basis.ATTENDING)
    first = practice.deposit(record, a_vsm(ins_c_of(person), who), "SYNTH")
    assert first.status_code == 201, first.text
    assert first.get_json()["content"][0]["format"]["code"] == "urn:asip:ci-sis:vsm:2012"
    assert practice.deposit(record, a_vsm(ins_c_of(person), who), "SYNTH").status_code == 200
    second = a_vsm(ins_c_of(person), who, root="1.2.3.4.5.6.8", more="<paragraph>Revue.</paragraph>")
    refused(practice.deposit(record, second, "SYNTH"), 409, "en vigueur")
    made = practice.deposit(record, second, "SYNTH", **replacing(first.get_json()["id"]))
    assert made.status_code == 201, made.text
    # Our model would read half of it: who reads is sent to the document, who writes begins anew and covers nothing over.
    refused(practice.ask("GET", f"/api/v1/dmp/{record.dossier}/synthese"), 422, "autre logiciel")
    page = practice.ask("GET", f"/dossiers/{record.dossier}/synthese")
    assert page.headers["Location"].endswith(f"/documents/{made.get_json()['id']}")
    gate = SummaryGate(world.professionals, Folder(world.folder), DossierKeys(world.record), world.clock)
    begun = gate.begin(practice.who, record.dossier)
    assert (str(begun.seen), begun.told) == (made.get_json()["id"], None)
    ours = gate.write(practice.who, record.dossier, FULL, begun.seen)
    # The next médecin traitant's software puts its own in the place of a colleague's.
    record.as_owner(circle.end_attending, world.clock())
    next_one = a_practice(app, world, authority)
    record.relate(next_one.who, Basis.ATTENDING)
    data = a_vsm(ins_c_of(person), str(next_one.who.id))
    last = next_one.deposit(record, data, "SYNTH", **replacing(str(ours.id)))
    assert last.status_code == 201, last.text
    states = world.rows(
        "SELECT status, version FROM medical.document WHERE dossier_id = :d ORDER BY version", d=record.dossier
    )
    assert [(row.status, row.version) for row in states] == [
        ("deprecated", 1), ("deprecated", 2), ("deprecated", 3), ("approved", 4)
    ]  # fmt: skip


def test_an_establishment_feeds_structured_documents_of_its_professional(clinic: House, world: RecordWorld) -> None:
    def sent(data: bytes, code: str = "11502-2") -> Sent:
        return Sent(code, "Biologie", world.clock() - timedelta(days=1), data)

    data = a_cda(clinic.ins_c, rpps(71_001))
    receipt = clinic.gate.deposit(clinic.acting(71_001), sent(data))
    (row,) = world.rows(
        "SELECT sha256, format_code FROM medical.document WHERE dossier_id = :d", d=clinic.record.dossier
    )
    assert (row.sha256.hex(), row.format_code) == (receipt.sha256, "urn:ihe:lab:xd-lab:2008")
    for wrong, words in (
        (sent(a_cda("1" * 22, rpps(71_001))), "pas au nom du titulaire"),
        (sent(a_cda(clinic.ins_c, rpps(71_002))), "n’est pas vous"),
        (sent(a_vsm(clinic.ins_c, rpps(71_001)), "SYNTH"), "avec sa carte"),
    ):
        with pytest.raises(Invalid, match=words):
            clinic.gate.deposit(clinic.acting(71_001), wrong)
