"""What practice software is told and may do, call by call: states, consent, documents, deposits, refusals, traces."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fhir.resources.R4B.documentreference import DocumentReference
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from werkzeug.test import TestResponse

from dmp_core.access import circle
from dmp_core.access.application import Deposit
from dmp_core.access.contesting import HolderContests, ProfessionalContests
from dmp_core.access.rules import Basis
from dmp_core.access.trace import Action, Mode, first_fault
from dmp_core.fhir import systems
from dmp_core.professionals.authority import TestAuthority
from dmp_core.record.metadata import Status

from .practice import (
    INS_C,
    NIR,
    Practice,
    a_practice,
    app,
    base,
    ins_c_of,
    patient,
    practice,
    refused,
    replacing,
    told,
)
from .world import Record, RecordWorld

__all__ = ["app", "patient", "practice"]


def test_every_state_of_an_authorisation_is_told(
    world: RecordWorld, practice: Practice, patient: tuple[Any, Record]
) -> None:
    person, record = patient

    def now() -> dict[str, Any]:
        return told(practice.state(INS_C, ins_c_of(person)))

    nothing = {"active": True, "state": "NON_EXISTE", "until": None, "attending": False, "closing": None}
    assert now() == nothing
    practice.consent(record)
    valid = now()
    assert (valid["state"], valid["until"] is None) == ("VALIDE", False)
    world.clock.forward(days=366)
    assert now() == nothing | {"state": "EXPIRE"}
    record.as_owner(circle.block, practice.member, world.clock())
    assert now() == nothing | {"state": "INTERDIT"}
    record.as_owner(circle.unblock, practice.member.id, world.clock())
    record.as_owner(circle.end_relation, practice.member.id, world.clock())
    record.relate(practice.who, Basis.ATTENDING)
    assert now() == nothing | {"state": "VALIDE", "attending": True}
    record.state("closed")
    closed = now()
    assert (closed["active"], closed["state"], closed["attending"]) == (False, None, False)
    assert closed["closing"] is not None
    assert "caisse" in closed["closing"][1].lower() or "patient" in closed["closing"][1].lower()
    lines = [line for line in record.chain() if line.action is Action.FIND]
    assert [line.reason.rpartition(" ")[2] for line in lines] == [
        "NON_EXISTE", "VALIDE", "EXPIRE", "INTERDIT", "VALIDE", "ouvert",
    ]  # fmt: skip
    assert first_fault(record.dossier, record.chain()) is None


def test_a_suspended_dmp_is_not_open_and_says_no_more(practice: Practice, patient: tuple[Any, Record]) -> None:
    person, record = patient
    record.state("suspended")
    assert told(practice.state(INS_C, ins_c_of(person))) == {
        "active": False, "state": None, "until": None, "attending": False, "closing": None,
    }  # fmt: skip


def test_an_emergency_is_no_authorisation(world: RecordWorld, practice: Practice, patient: tuple[Any, Record]) -> None:
    person, record = patient
    world.gate().break_glass(practice.who, record.dossier, Mode.EMERGENCY, "Inconscient")
    assert told(practice.state(INS_C, ins_c_of(person)))["state"] == "NON_EXISTE"


def test_by_nir_only_where_no_address_keeps_it(practice: Practice, patient: tuple[Any, Record]) -> None:
    person, _ = patient
    assert told(practice.state(NIR, person.nir))["active"] is True
    where = f"/api/v1/fhir/Patient?identifier={INS_C}|{ins_c_of(person)}"
    assert told(practice.ask("GET", where))["active"] is True
    refused(practice.ask("GET", f"/api/v1/fhir/Patient?identifier={NIR}|{person.nir}"), 422, "_search")


def test_nobody_is_an_empty_bundle_and_an_ins_that_is_none_is_said(practice: Practice) -> None:
    nobody = practice.state(INS_C, "1" * 22)
    assert (nobody.status_code, nobody.get_json()["total"]) == (200, 0)
    for data in ({}, {"identifier": "123"}, {"identifier": f"{INS_C}|12"}, {"identifier": [f"{INS_C}|{'1' * 22}"] * 2}):
        refused(practice.ask("POST", "/api/v1/fhir/Patient/_search", data=data), 422, "INS")


def test_consent_is_recorded_and_withdrawn(practice: Practice, patient: tuple[Any, Record]) -> None:
    person, record = patient
    where = f"/api/v1/dmp/{record.dossier}/autorisation"
    refused(practice.ask("PUT", where, json={"patient_informe": False}), 422, "consentement")
    refused(practice.ask("PUT", where, data="{", content_type="application/json"), 422, "patient_informe")
    refused(practice.ask("PUT", where, data="x"), 415, "espèce")
    practice.consent(record)
    practice.consent(record)
    assert practice.listed(record) == []
    assert practice.ask("DELETE", where).status_code == 204
    assert practice.ask("DELETE", where).status_code == 204
    assert told(practice.state(INS_C, ins_c_of(person)))["state"] == "NON_EXISTE"
    refused(practice.ask("GET", f"{base(record)}/DocumentReference"), 403, "consentement")
    actions = [line.action for line in record.chain()]
    assert (actions.count(Action.CONSENT), actions.count(Action.END)) == (1, 1)


def test_the_medecin_traitant_is_unmade_by_the_holder_alone(practice: Practice, patient: tuple[Any, Record]) -> None:
    _, record = patient
    record.relate(practice.who, Basis.ATTENDING)
    refused(practice.ask("DELETE", f"/api/v1/dmp/{record.dossier}/autorisation"), 409, "médecin traitant")


def test_patients_who_authorised_are_told_by_their_ins_alone(
    app: Flask, world: RecordWorld, authority: TestAuthority, practice: Practice
) -> None:
    people = [world.someone() for _ in range(4)]
    records = [Record(world, each.dossier) for each in people]
    for record in records:
        practice.consent(record)
    records[1].as_owner(circle.block, practice.member, world.clock())
    records[2].state("closed")
    a_practice(app, world, authority).consent(records[3])
    answer = practice.ask("GET", "/api/v1/patients")
    found = {each["dmp"]: each for each in answer.get_json()["patients"]}
    assert set(found) == {str(records[0].dossier), str(records[3].dossier)}
    assert found[str(records[0].dossier)]["ins_c"] == ins_c_of(people[0].person)
    assert found[str(records[0].dossier)]["autorisation"] == "VALIDE"
    assert people[0].person.birth_name not in answer.text
    refused(practice.ask("GET", "/api/v1/patients?page=0"), 422, "page")


def test_documents_are_listed_and_read_as_fhir_and_what_is_not_there_is_one_answer(
    app: Flask, world: RecordWorld, authority: TestAuthority, practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    practice.consent(record)
    seen = record.put("bilan")
    unannounced = record.put("annonce", hidden_until=world.clock() + timedelta(days=30))
    other = Record(world, world.someone().dossier)
    gone = [
        record.put("masque", masked=True).id, record.put("retire", status=Status.DELETED).id,
        record.put("gestion", "INSCR_RCP").id, other.put("ailleurs").id, uuid4(), uuid4(),
    ]  # fmt: skip
    assert set(practice.listed(record)) == {str(seen.id), str(unannounced.id)}
    assert practice.listed(record, patient=f"Patient/{record.dossier}", type="11502-2", _count="1") != []
    assert practice.listed(record, patient=f"Patient/{uuid4()}") == []
    assert practice.listed(record, **{"security-label": "MASQUE_PS"}) == []
    one = practice.ask("GET", f"{base(record)}/DocumentReference/{seen.id}")
    assert DocumentReference.model_validate(one.get_json()).id == str(seen.id)
    read = practice.ask("GET", f"{base(record)}/Binary/{seen.id}", headers={"Accept": "*/*"})
    assert read.data.startswith(b"bilan ")
    for kind in ("DocumentReference", "Binary"):
        answers = [practice.ask("GET", f"{base(record)}/{kind}/{each}") for each in gone]
        refused(answers[0], 404, "pas dans ce DMP")
        assert {(each.status_code, each.data, str(each.headers)) for each in answers} == {
            (404, answers[0].data, str(answers[0].headers))
        }
    nurse = a_practice(app, world, authority, profession="Infirmier")
    nurse.consent(record)
    record.put("remboursements", "REMB")
    assert len(practice.listed(record)) == len(nurse.listed(record)) + 1


def test_a_deposit_has_its_receipt_and_sent_twice_is_there_once(
    practice: Practice, patient: tuple[Any, Record]
) -> None:
    person, record = patient
    first = practice.deposit(record, b"Consultation du matin", context={"period": {"start": "2016-10-30"}})
    assert first.status_code == 201, first.text
    made = first.get_json()
    assert made["context"]["period"]["start"].startswith("2016-10-29T")
    assert made["contained"][1]["identifier"][0]["value"] == str(practice.who.id)
    assert person.birth_name.upper() in first.text.upper()
    again = practice.deposit(record, b"Consultation du matin")
    assert (again.status_code, again.get_json()["id"]) == (200, made["id"])
    (receipt,) = practice.ask("GET", "/api/v1/depots").get_json()["depots"]
    assert (receipt["document"], receipt["etat"], receipt["version"]) == (made["id"], "approved", 1)
    assert receipt["ins_c"] == ins_c_of(person)
    reasons = [(line.action, line.reason) for line in record.chain() if line.action is Action.ADD]
    assert reasons == [(Action.ADD, ""), (Action.ADD, "contenu déjà présent")]
    # Depositing gave no sight of the rest.
    refused(practice.ask("GET", f"{base(record)}/DocumentReference"), 403, "consentement")


def test_trying_a_content_does_not_tell_that_somebody_else_put_it_in_and_masked_it(
    app: Flask, world: RecordWorld, authority: TestAuthority, practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    other = a_practice(app, world, authority)
    name = {"masterIdentifier": {"system": systems.URI, "value": f"urn:uuid:{uuid4()}"}}
    hidden = other.deposit(record, b"Le compte rendu", **name).get_json()["id"]
    world.rows("UPDATE medical.document SET masked = true WHERE id = :id RETURNING id", id=UUID(hidden))
    practice.consent(record)
    mine = practice.deposit(record, b"Le compte rendu", **name)
    assert mine.status_code == 201
    assert practice.listed(record) == [mine.get_json()["id"]]


def test_an_author_corrects_and_withdraws(practice: Practice, patient: tuple[Any, Record]) -> None:
    _, record = patient
    first = practice.deposit(record, b"Tension 12/8").get_json()["id"]
    second = practice.deposit(record, b"Tension 13/8", **replacing(first))
    assert second.status_code == 201, second.text
    again = practice.deposit(record, b"Tension 13/8", **replacing(first))
    assert (again.status_code, again.get_json()["id"]) == (200, second.get_json()["id"])
    refused(practice.deposit(record, b"Tension 14/8", **replacing(first)), 409, "déjà été remplacé")
    practice.consent(record)
    assert practice.listed(record, status="current") == [second.get_json()["id"]]
    where = f"{base(record)}/DocumentReference/{second.get_json()['id']}"
    assert practice.ask("DELETE", where).status_code == 204
    refused(practice.ask("DELETE", where), 404, "pas dans ce DMP")
    assert practice.listed(record) == []
    states = [each["etat"] for each in practice.ask("GET", "/api/v1/depots").get_json()["depots"]]
    assert states == ["deleted", "deleted"]
    actions = [line.action for line in record.chain() if line.granted]
    assert (actions.count(Action.REPLACE), actions.count(Action.DELETE)) == (2, 1)


def test_a_withdrawal_leaves_what_the_holder_masked_masked(
    world: RecordWorld, practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    first = UUID(practice.deposit(record, b"Tension 12/8").get_json()["id"])
    world.rows("UPDATE medical.document SET masked = true WHERE id = :id RETURNING id", id=first)
    second = UUID(practice.deposit(record, b"Tension 13/8", **replacing(str(first))).get_json()["id"])
    (row,) = world.rows("SELECT masked FROM medical.document WHERE id = :id", id=second)
    assert row.masked
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        world.professionals.transaction(practice.who.id, world.clock(), record.dossier, feeding=True) as connection,
    ):
        connection.execute(text("UPDATE medical.document SET masked = false"))


def test_another_s_document_is_neither_corrected_nor_withdrawn(
    app: Flask, world: RecordWorld, authority: TestAuthority, practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    seen, masked = record.put("bilan"), record.put("masque", masked=True)
    practice.consent(record)
    for ask in (
        lambda one: practice.ask("DELETE", f"{base(record)}/DocumentReference/{one}"),
        lambda one: practice.deposit(record, b"Autre chose", **replacing(str(one))),
    ):
        refused(ask(seen.id), 409, "pas l’auteur")
        answers = [ask(one) for one in (masked.id, uuid4())]
        refused(answers[0], 404, "pas dans ce DMP")
        assert answers[0].data == answers[1].data
    stranger = a_practice(app, world, authority)
    refused(stranger.ask("DELETE", f"{base(record)}/DocumentReference/{seen.id}"), 404, "pas dans ce DMP")
    rows = world.rows("SELECT status FROM medical.document WHERE dossier_id = :d", d=record.dossier)
    assert {row.status for row in rows} == {"approved"}
    line = record.chain()[-1]
    assert (line.action, line.granted, line.who.id) == (Action.DELETE, False, str(stranger.who.id))


def test_what_may_not_enter_is_refused_in_one_sentence(
    app: Flask, world: RecordWorld, authority: TestAuthority, practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    refused(practice.deposit(record, b"x", "REMB"), 422, "profession")
    refused(practice.deposit(record, b"x", "EXPPAT_2"), 422, "profession")
    refused(practice.deposit(record, b"x", "astrologie"), 422, "pas en usage")
    refused(practice.deposit(record, b"<html>"), 422, "PDF")
    refused(practice.deposit(record, b"x", context={"period": {"start": "2050-01-01"}}), 422, "avenir")
    refused(practice.deposit(record, b"x", **replacing("urn:oid:1.2.3")), 422, "remplacer")
    where = f"{base(record)}/DocumentReference"
    refused(practice.ask("POST", where, data=b"{", content_type="application/fhir+json"), 400, "JSON")
    refused(practice.ask("POST", where, data=b"{}", content_type="text/plain"), 415, "espèce")
    refused(practice.ask("GET", f"{base(record)}/Patient/{uuid4()}"), 404, "existe")
    refused(practice.ask("GET", "/api/v1/ailleurs"), 404, "adresse")
    nurse = a_practice(app, world, authority, profession="Infirmier")
    first = nurse.ask("GET", "/api/v1/types").get_json()["types"][0]
    assert first["code"] == "11506-3"
    refused(nurse.deposit(record, b"x", "EXPPAT_1"), 422, "profession")
    assert world.rows("SELECT 1 FROM medical.document WHERE dossier_id = :d", d=record.dossier) == []


def test_what_is_new_since_the_last_visit_is_one_call(
    world: RecordWorld, practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    where = f"/api/v1/dmp/{record.dossier}/nouveautes"
    refused(practice.ask("GET", where), 403, "consentement")
    practice.consent(record)
    record.put("bilan")
    first = practice.ask("GET", where)
    assert first.content_type == "application/json"
    assert (first.get_json()["depuis"], len(first.get_json()["documents"])) == (None, 1)
    came = world.clock()
    world.clock.forward(days=1)
    made = record.put("radio", "11528-7")
    record.put("secret", masked=True)
    practice.deposit(record, b"De sa main")
    told = practice.ask("GET", where).get_json()
    assert datetime.fromisoformat(told["depuis"]) == came
    assert told["documents"] == [
        {
            "document": str(made.id), "version": 1, "type": "11528-7", "libelle_type": "CR d’imagerie médicale",
            "titre": "Titre radio", "auteur": "Dr Autre", "date_acte": told["documents"][0]["recu_le"],
            "recu_le": "2016-11-03T09:00:00Z", "format": "text/plain",
        }
    ]  # fmt: skip


def test_a_blocked_professional_and_a_closed_dmp_have_one_refusal_and_a_trace(
    world: RecordWorld, practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    practice.consent(record)
    mine = practice.deposit(record, b"Consultation").get_json()["id"]
    record.as_owner(circle.block, practice.member, world.clock())
    asks = (
        lambda d: practice.ask("GET", f"/api/v1/dmp/{d}/fhir/DocumentReference"),
        lambda d: practice.ask("GET", f"/api/v1/dmp/{d}/nouveautes"),
        lambda d: practice.ask("GET", f"/api/v1/dmp/{d}/fhir/Binary/{mine}"),
        lambda d: practice.ask("DELETE", f"/api/v1/dmp/{d}/fhir/DocumentReference/{mine}"),
        lambda d: practice.ask("PUT", f"/api/v1/dmp/{d}/autorisation", json={"patient_informe": True}),
        lambda d: practice.ask("DELETE", f"/api/v1/dmp/{d}/autorisation"),
    )

    def everything(dossier: UUID) -> list[tuple[int, bytes]]:
        return [(answer.status_code, answer.data) for answer in (ask(dossier) for ask in asks)]

    nobody = everything(uuid4())
    before = len(record.chain())
    assert everything(record.dossier) == nobody
    assert practice.deposit(record, b"Une autre").status_code == 404
    lines = record.chain()[before:]
    assert [line.granted for line in lines] == [False] * 7
    assert practice.ask("GET", "/api/v1/depots").get_json()["depots"] == []
    record.as_owner(circle.unblock, practice.member.id, world.clock())
    record.state("closed")
    assert everything(record.dossier) == nobody
    assert practice.deposit(record, b"Une autre").status_code == 404


def test_a_browser_and_who_has_no_card_are_told_so(practice: Practice) -> None:
    refused(practice.ask("GET", "/api/v1/types", headers={"Origin": "https://ailleurs.exemple"}), 403, "navigateur")
    refused(practice.ask("GET", "/api/v1/types", headers={"Sec-Fetch-Site": "cross-site"}), 403, "navigateur")
    refused(practice.ask("GET", "/api/v1/types", environ_base={}), 403, "carte")
    assert "Set-Cookie" not in practice.ask("GET", "/api/v1/types").headers


def test_the_button_says_one_word_and_is_framed_where_it_is_declared(
    world: RecordWorld, practice: Practice, patient: tuple[Any, Record]
) -> None:
    person, record = patient
    where = f"/bouton/{record.dossier}"

    def shown() -> TestResponse:
        page = practice.ask("GET", where)
        assert page.status_code == 200
        assert "frame-ancestors https://logiciel.exemple" in page.headers["Content-Security-Policy"]
        assert "X-Frame-Options" not in page.headers
        assert "Set-Cookie" not in page.headers
        assert person.birth_name not in page.text
        return page

    assert "DMP : Ouvert</title>" in shown().text
    practice.consent(record)
    page = shown().text
    assert "DMP : Autorisé</title>" in page
    assert f'href="/dossiers/{record.dossier}"' in page
    record.as_owner(circle.block, practice.member, world.clock())
    page = shown().text
    assert ("DMP : Interdit</title>" in page, 'href="/dossiers' in page) == (True, False)
    record.as_owner(circle.unblock, practice.member.id, world.clock())
    record.state("closed")
    assert "DMP : Fermé</title>" in shown().text
    assert "DMP : Absent</title>" in practice.ask("GET", f"/bouton/{uuid4()}").text
    assert practice.ask("GET", "/").headers["X-Frame-Options"] == "DENY"


def test_sent_at_the_same_moment_by_many_hands_it_is_there_once(
    world: RecordWorld, practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    gate = practice.client.application.extensions["professionals.button"]
    sent = Deposit("11488-4", "Consultation", b"Consultation du matin")
    with ThreadPoolExecutor(6) as hands:
        made = list(hands.map(lambda _: gate.deposit(practice.who, record.dossier, sent), range(6)))
    assert len({document.id for _, document, _ in made}) == 1
    assert [entered for _, _, entered in made].count(True) == 1
    assert len(world.rows("SELECT 1 FROM medical.document WHERE dossier_id = :d", d=record.dossier)) == 1
    assert len([path for path in world.folder.rglob("*") if path.is_file()]) == 1
    assert [line.action for line in record.chain()].count(Action.ADD) == 6
    assert first_fault(record.dossier, record.chain()) is None


def test_who_owes_an_answer_to_a_contest_gives_it_before_the_software_goes_on(
    world: RecordWorld, practice: Practice, patient: tuple[Any, Record]
) -> None:
    person, record = patient
    practice.consent(Record(world, world.someone().dossier))
    world.gate().break_glass(practice.who, record.dossier, Mode.EMERGENCY, "Malaise au marché")
    assert practice.ask("GET", f"{base(record)}/DocumentReference").status_code == 200
    holders = HolderContests(world.store, world.clock)
    (emergency,) = holders.emergencies(record.dossier)
    holders.contest(record.dossier, emergency.id, "J’étais chez moi.")
    refused(practice.ask("GET", f"{base(record)}/DocumentReference"), 409, "conteste")
    refused(practice.deposit(record, b"x"), 409, "conteste")
    assert told(practice.state(INS_C, ins_c_of(person)))["state"] == "NON_EXISTE"
    answers = ProfessionalContests(world.professionals, world.clock)
    (waiting,) = answers.waiting(practice.who)
    answers.answer(practice.who, waiting.id, "Appel des pompiers.")
    assert practice.ask("GET", f"{base(record)}/DocumentReference").status_code == 200
