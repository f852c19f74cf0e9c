"""The record in FHIR R4; every resource is read again by a library that did not make it."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from portal_account.world import AccountWorld, Holder
from record.samples import a_pdf, a_photo
from record.test_gate import received

from dmp_core.fhir import systems

from .client import Telephone, a_document, judged

ARCHIVED = f"/extension[url:'{systems.IS_ARCHIVED}']/valueBoolean"
MASKED = {"coding": [{"system": systems.VISIBILITY, "code": "MASQUE_PS"}]}


def deposit(telephone: Telephone, title: str = "Ordonnance", **changes: Any) -> dict[str, Any]:
    answer = telephone.call("POST", "fhir/DocumentReference", a_document(a_pdf(title), title, **changes))
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json or {}
    judged(told)
    assert answer.headers["Location"].endswith(f"DocumentReference/{told['id']}/_history/{told['meta']['versionId']}")
    return told


def titles(bundle: dict[str, Any]) -> list[str]:
    return [each["resource"]["content"][0]["attachment"]["title"] for each in bundle["entry"]]


def patch(telephone: Telephone, document: str, *operations: dict[str, Any], **headers: str) -> Any:
    return telephone.call(
        "PATCH", f"fhir/DocumentReference/{document}", list(operations), kind="application/json-patch+json", **headers
    )


def test_a_document_is_deposited_found_read_and_told_whole(telephone: Telephone, signed_in: Holder) -> None:
    made = deposit(telephone)
    found = telephone.get("DocumentReference?status=current")
    assert (found["total"], titles(found)) == (1, ["Ordonnance"])
    told = telephone.get(f"DocumentReference/{made['id']}")
    assert told == found["entry"][0]["resource"] == made
    assert told["meta"]["profile"] == [systems.COMPREHENSIVE]
    assert told["extension"] == [{"url": systems.IS_ARCHIVED, "valueBoolean": False}]
    assert told["category"][0]["coding"][0]["code"] == "90"
    assert told["context"]["practiceSetting"]["coding"][0]["code"] == "EXP_PATIENT"
    attachment = told["content"][0]["attachment"]
    content = telephone.call("GET", f"fhir/{attachment['url']}")
    assert (content.mimetype, content.data) == ("application/pdf", a_pdf("Ordonnance"))
    assert attachment["size"] == len(content.data)
    assert content.headers["Content-Disposition"] == "attachment"
    assert "Ordonnance" in signed_in.get("/mon-dmp/documents/liste/expression-libre").text


def test_a_content_comes_in_fhirs_envelope_for_who_asks(telephone: Telephone) -> None:
    made = deposit(telephone)
    where = f"fhir/Binary/{made['id']}"
    wrapped = telephone.call("GET", where, Accept="application/fhir+json")
    assert (wrapped.json or {})["resourceType"] == "Binary"
    assert base64.b64decode((wrapped.json or {})["data"]) == a_pdf("Ordonnance")
    assert telephone.call("GET", where, Accept="application/pdf").mimetype == "application/pdf"
    assert telephone.call("GET", where, Accept="image/png").status_code == 406


def test_the_patient_is_told_to_the_application_of_nobody_else(telephone: Telephone, signed_in: Holder) -> None:
    dossier = signed_in.who.dossier
    told = telephone.get(f"Patient/{dossier}")
    assert told["active"] is True
    assert signed_in.who.person.nir not in str(told)
    (known,) = told["identifier"]
    assert telephone.get(f"Patient?identifier={known['system']}|{known['value']}")["total"] == 1
    other = str(int(known["value"][:5]) + 1) + known["value"][5:]
    assert telephone.get(f"Patient?identifier={known['system']}|{other}")["total"] == 0
    assert telephone.refused(404, "GET", "Patient/00000000-0000-4000-8000-000000000000")
    of_another = f"DocumentReference?patient.identifier={known['system']}|{other}"
    deposit(telephone)
    assert telephone.get(of_another)["total"] == 0
    assert telephone.get(f"DocumentReference?patient=Patient/{dossier}")["total"] == 1


def test_pages_follow_one_another_and_lose_nothing(telephone: Telephone) -> None:
    made = {deposit(telephone, f"Document {number}")["id"] for number in range(5)}
    seen, where = [], "DocumentReference?status=current&_count=2"
    while where:
        page = telephone.get(where)
        assert page["total"] == 5
        seen += [each["resource"]["id"] for each in page["entry"]]
        following = [each["url"] for each in page["link"] if each["relation"] == "next"]
        where = following[0].partition("/fhir/")[2] if following else ""
    assert len(seen) == 5
    assert set(seen) == made
    empty = telephone.get("DocumentReference?_count=0")
    assert (empty["total"], empty.get("entry")) == (5, None)


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("type=urn:oid:1.2.250.1.213.1.1.4.12|EXPPAT_2", 1),
        ("type=http://loinc.org|EXPPAT_2", 0),
        ("type=EXPPAT_1,EXPPAT_2", 1),
        ("category=90", 1),
        ("category=60", 0),
        ("status=superseded", 0),
        ("status=current,superseded", 1),
        ("status=entered-in-error", 0),
        ("date=2016-11-02", 1),
        ("date=2016", 1),
        ("date=lt2016-11-02", 0),
        ("date=ge2016-11-02T10:00:00%2B01:00&date=le2016-11", 1),
        ("date=gt2016-11-02", 0),
        ("_lastUpdated=ge2016-11-01", 1),
        ("_lastUpdated=gt2016-11-03", 0),
        ("period=sa2016-10", 1),
        ("author.identifier=EXP_PATIENT", 1),
        ("author.identifier=899700218896", 0),
        ("security-label=MASQUE_PS", 0),
        ("security-label=N", 1),
        ("isArchived=true", 0),
        ("_id=pas-un-id", 0),
        ("format=urn:ihe:iti:xds-sd:pdf:2008", 1),
    ],
)
def test_each_criterion_keeps_what_it_names(telephone: Telephone, question: str, found: int) -> None:
    deposit(telephone)
    bundle = telephone.get(f"DocumentReference?{question}")
    assert (bundle["total"], len(bundle.get("entry", []))) == (found, found)
    posted = telephone.client.post(
        "/api/fhir/DocumentReference/_search", data=question.replace("%2B", "%2B"),
        headers={"Authorization": f"Bearer {telephone.tokens['access_token']}"},
        content_type="application/x-www-form-urlencoded",
    )  # fmt: skip
    assert (posted.json or {})["total"] == found


@pytest.mark.parametrize(
    "question", ["date=hier", "date=2016-13", "status=vu", "_count=-1", "_sort=titre", "isArchived=oui"]
)
def test_a_value_that_cannot_be_read_is_said(telephone: Telephone, question: str) -> None:
    assert telephone.refused(422, "GET", f"DocumentReference?{question}").endswith(".")


def test_what_is_not_understood_is_said_and_refused_to_who_is_strict(telephone: Telephone) -> None:
    deposit(telephone)
    bundle = telephone.get("DocumentReference?couleur=bleu")
    assert [each["search"]["mode"] for each in bundle["entry"]] == ["match", "outcome"]
    assert "couleur" in str(bundle["entry"][1])
    assert "couleur" in telephone.refused(400, "GET", "DocumentReference?couleur=bleu", Prefer="handling=strict")
    assert telephone.refused(406, "GET", "DocumentReference?_format=xml")
    assert telephone.refused(406, "GET", "DocumentReference", Accept="application/fhir+xml")


def test_masking_and_archiving_hold_from_the_next_request(telephone: Telephone, signed_in: Holder) -> None:
    made = deposit(telephone)
    labels = [*made["securityLabel"], MASKED]
    changed = patch(
        telephone, made["id"], {"op": "replace", "path": "/securityLabel", "value": labels},
        {"op": "replace", "path": ARCHIVED, "value": True}, If_Match=f'W/"{made["meta"]["versionId"]}"',
    )  # fmt: skip
    assert changed.status_code == 200, changed.text
    judged(changed.json)
    assert telephone.get("DocumentReference?isArchived=true&security-label=MASQUE_PS")["total"] == 1
    assert "masqué" in signed_in.get(f"/mon-dmp/documents/{made['id']}").text
    late = patch(
        telephone, made["id"], {"op": "replace", "path": ARCHIVED, "value": False},
        If_Match=f'W/"{made["meta"]["versionId"]}"',
    )  # fmt: skip
    assert late.status_code == 412
    named = made["masterIdentifier"]["value"]
    back = telephone.call(
        "PATCH", f"fhir/DocumentReference?identifier=urn:ietf:rfc:3986|{named}",
        [{"op": "replace", "path": "/extension/0/valueBoolean", "value": False}], kind="application/json-patch+json",
    )  # fmt: skip
    assert back.status_code == 200
    assert telephone.get("DocumentReference?isArchived=false")["total"] == 1


@pytest.mark.parametrize(
    ("operations", "status"),
    [
        ([{"op": "replace", "path": "/status", "value": "superseded"}], 405),
        ([{"op": "replace", "path": "/content/0/attachment/title", "value": "Autre"}], 405),
        ([{"op": "remove", "path": "/subject"}], 405),
        ([{"op": "replace", "path": "/securityLabel", "value": [MASKED]}], 422),
        ([{"op": "replace", "path": "/securityLabel", "value": "restricted"}], 422),
        ([{"op": "replace", "path": ARCHIVED, "value": "oui"}], 422),
        ([{"op": "add", "path": "/extension/-", "value": {"url": "https://x.example", "valueBoolean": True}}], 422),
        ([{"op": "replace", "path": "/nulle/part", "value": 1}], 422),
        ([{"op": "casser", "path": "/status"}], 422),
        ([], 422),
        ([7], 422),
    ],
)
def test_nothing_else_can_be_changed(telephone: Telephone, operations: list[Any], status: int) -> None:
    made = deposit(telephone)
    where = f"DocumentReference/{made['id']}"
    assert telephone.refused(status, "PATCH", where, operations, kind="application/json-patch+json").endswith(".")
    assert telephone.get(where) == made
    assert telephone.refused(415, "PATCH", where, operations)


@pytest.mark.parametrize(
    ("change", "status", "where"),
    [
        ({"type": {"coding": [{"code": "11488-4"}]}}, 422, None),
        ({"type": {"text": "ordonnance"}}, 422, "type"),
        ({"content": []}, 422, "content"),
        ({"masterIdentifier": {"value": "7"}}, 422, "masterIdentifier.value"),
        (
            {"relatesTo": [{"code": "replaces", "target": {"reference": "DocumentReference/7"}}]},
            422,
            "relatesTo[0].target",
        ),
        ({"relatesTo": [{"code": "transforms", "target": {"reference": "x"}}]}, 422, "relatesTo"),
        ({"couleur": "bleu"}, 400, "DocumentReference.couleur"),
        ({"status": 7}, 400, "DocumentReference.status"),
        ({"resourceType": "Patient"}, 400, "resourceType"),
    ],
)
def test_what_may_not_be_deposited_is_said_and_nothing_enters(
    telephone: Telephone, change: dict[str, Any], status: int, where: str | None
) -> None:
    answer = telephone.call("POST", "fhir/DocumentReference", a_document(a_pdf(), **change))
    assert answer.status_code == status, answer.text
    judged(answer.json or {})
    assert (answer.json or {})["issue"][0].get("expression") == ([where] if where else None)
    assert telephone.get("DocumentReference")["total"] == 0


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"size": 3}, "size"), ({"hash": base64.b64encode(bytes(20)).decode()}, "hash"), ({"data": "%%%"}, "data"),
        ({"data": base64.b64encode(b"PK\x03\x04").decode(), "size": 4, "hash": None}, None), ({"data": None}, "data"),
        ({"title": ""}, None),
    ],
)  # fmt: skip
def test_a_content_that_is_damaged_or_of_another_kind_is_refused(
    telephone: Telephone, change: dict[str, Any], where: str | None
) -> None:
    told = a_document(a_pdf())
    attachment = told["content"][0]["attachment"] | change
    told["content"][0]["attachment"] = {name: value for name, value in attachment.items() if value is not None}
    answer = telephone.call("POST", "fhir/DocumentReference", told)
    assert answer.status_code in (400, 422), answer.text
    if where is not None and answer.status_code == 422:
        assert where in (answer.json or {})["issue"][0]["expression"][0]
    assert telephone.get("DocumentReference")["total"] == 0


def test_the_same_content_and_the_same_identifier_enter_once(telephone: Telephone) -> None:
    deposit(telephone, masterIdentifier={"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.250.1.999.1"})
    assert telephone.refused(409, "POST", "DocumentReference", a_document(a_pdf("Ordonnance"), "Autre titre"))
    again = a_document(a_pdf("autre"), masterIdentifier={"value": "urn:oid:1.2.250.1.999.1"})
    assert telephone.refused(409, "POST", "DocumentReference", again)
    assert telephone.get("DocumentReference")["total"] == 1


def test_a_new_version_takes_the_place_of_the_old_one(telephone: Telephone, signed_in: Holder) -> None:
    old = deposit(telephone)
    target = {"reference": f"DocumentReference/{old['id']}"}
    new = deposit(telephone, "Ordonnance corrigée", relatesTo=[{"code": "replaces", "target": target}])
    assert titles(telephone.get("DocumentReference?status=current")) == ["Ordonnance corrigée"]
    assert telephone.get(f"DocumentReference/{old['id']}")["status"] == "superseded"
    named = {"identifier": {"system": "urn:ietf:rfc:3986", "value": new["masterIdentifier"]["value"]}}
    deposit(telephone, "Ordonnance définitive", relatesTo=[{"code": "replaces", "target": named}])
    assert telephone.get("DocumentReference?status=superseded")["total"] == 2


def a_set(*documents: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A transaction of ITI-65: each content apart, in a Binary."""
    entries: list[dict[str, Any]] = [
        {
            "fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000000",
            "resource": {
                "resourceType": "List", "status": "current", "mode": "working",
                "code": {"coding": [{"system": systems.LIST_TYPES, "code": "submissionset"}]},
            },
            "request": {"method": "POST", "url": "List"},
        }
    ]  # fmt: skip
    for number, document in enumerate(documents, 1):
        attachment = document["content"][0]["attachment"]
        url = f"urn:uuid:00000000-0000-4000-8000-00000000010{number}"
        binary = {"resourceType": "Binary", "contentType": "application/pdf", "data": attachment.pop("data")}
        attachment["url"] = url
        entries += [
            {"resource": document, "request": {"method": "POST", "url": "DocumentReference"}},
            {"fullUrl": url, "resource": binary, "request": {"method": "POST", "url": "Binary"}},
        ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries} | changes


def test_a_set_enters_whole_and_is_found_as_one(telephone: Telephone) -> None:
    answer = telephone.call("POST", "fhir", a_set(*(a_document(a_pdf(each), each) for each in ("Un", "Deux"))))
    assert answer.status_code == 200, answer.text
    judged(answer.json or {})
    told = [each["response"]["location"] for each in (answer.json or {})["entry"] if "location" in each["response"]]
    assert [each.partition("/")[0] for each in told] == ["List", "DocumentReference", "DocumentReference"]
    deposit(telephone, "Seul")
    sets = telephone.get("List?code=submissionset&status=current")
    assert sets["total"] == 2
    assert sorted(len(each["resource"]["entry"]) for each in sets["entry"]) == [1, 2]
    assert len(telephone.get(told[0])["entry"]) == 2
    assert telephone.get("List?date=lt2016-11-02")["total"] == 0
    assert telephone.get("List?_count=1")["link"][-1]["relation"] == "next"


def test_one_bad_document_keeps_the_whole_set_out(telephone: Telephone) -> None:
    good, same = a_document(a_pdf("Un"), "Un"), a_document(a_pdf("Un"), "Un encore")
    assert telephone.refused(409, "POST", "", a_set(good, same))
    assert telephone.get("DocumentReference")["total"] == 0
    bad = a_set(a_document(a_pdf("Un"), "Un"), a_document(a_pdf("Deux"), "Deux"))
    bad["entry"][4]["resource"]["data"] = "%%%"
    assert telephone.call("POST", "fhir", bad).status_code in (400, 422)
    assert telephone.get("DocumentReference")["total"] == 0


@pytest.mark.parametrize(
    "change",
    [{"type": "batch"}, {"entry": []}, {"type": "collection"}, {"entry": [{"resource": {"resourceType": "Patient"}}]}],
)
def test_what_is_no_set_is_refused(telephone: Telephone, change: dict[str, Any]) -> None:
    assert telephone.refused(422, "POST", "", a_set(a_document(a_pdf()), **change))


def test_what_awaits_its_announcement_does_not_exist(
    telephone: Telephone, signed_in: Holder, world: AccountWorld
) -> None:
    hidden = received(world, signed_in.who.dossier, hidden_until=world.clock() + timedelta(days=30)).id
    for where in (f"DocumentReference/{hidden}", f"Binary/{hidden}"):
        absent = where.replace(str(hidden), "00000000-0000-4000-8000-000000000000")
        one, other = telephone.call("GET", f"fhir/{where}"), telephone.call("GET", f"fhir/{absent}")
        assert (one.status_code, one.data, list(one.headers)) == (404, other.data, list(other.headers))
    assert telephone.get("DocumentReference")["total"] == telephone.get("List")["total"] == 0
    assert telephone.get(f"DocumentReference?_id={hidden}")["total"] == 0
    world.clock.forward(days=365)
    assert telephone.refresh().status_code == 400


def test_every_access_is_in_the_holders_trace_with_the_applications_name(
    telephone: Telephone, signed_in: Holder
) -> None:  # fmt: skip
    made = deposit(telephone)
    telephone.call("GET", f"fhir/Binary/{made['id']}")
    telephone.call("GET", "fhir/Binary/00000000-0000-4000-8000-000000000000")
    page = signed_in.get("/mon-dmp/acces").text
    assert page.count("par l’application DMP de poche") == 3
    assert "refusé" in page


def test_reading_is_not_writing(telephone: Telephone, signed_in: Holder) -> None:
    reader = Telephone(telephone.client.application, "192.0.2.8").let_in(signed_in, scope="patient/*.read")
    assert reader.refused(403, "POST", "DocumentReference", a_document(a_pdf()))
    made = deposit(telephone)
    assert reader.refused(403, "PATCH", f"DocumentReference/{made['id']}", [], kind="application/json-patch+json")
    assert reader.get("DocumentReference")["total"] == 1


def test_one_application_never_reaches_another_holders_record(
    telephone: Telephone, signed_in: Holder, world: AccountWorld
) -> None:
    app = telephone.client.application
    other = Holder(app, world, world.someone()).sign_in()
    stranger = Telephone(app, "192.0.2.9").let_in(other)
    made = deposit(telephone)
    assert stranger.get("DocumentReference")["total"] == 0
    for method, where in (("GET", "DocumentReference"), ("GET", "Binary"), ("PATCH", "DocumentReference")):
        told = [{"op": "replace", "path": ARCHIVED, "value": True}] if method == "PATCH" else None
        assert stranger.refused(404, method, f"{where}/{made['id']}", told, kind="application/json-patch+json")
    assert stranger.refused(404, "GET", f"Patient/{signed_in.who.dossier}")


def test_too_large_a_deposit_is_refused_before_it_is_read(telephone: Telephone) -> None:
    answer = telephone.client.post(
        "/api/fhir/DocumentReference", data=b" " * (15 * 1024 * 1024), content_type="application/fhir+json",
        headers={"Authorization": f"Bearer {telephone.tokens['access_token']}"},
    )  # fmt: skip
    assert answer.status_code == 413
    judged(answer.json or {})
    deep = "[" * 5000 + "]" * 5000
    assert telephone.client.post(
        "/api/fhir", data=deep, content_type="application/fhir+json",
        headers={"Authorization": f"Bearer {telephone.tokens['access_token']}"},
    ).status_code == 400  # fmt: skip


def test_a_photo_is_deposited_without_what_the_camera_wrote(telephone: Telephone) -> None:
    told = a_document(a_photo(), "Carnet")
    told["content"][0]["attachment"]["contentType"] = "image/jpeg"
    made = telephone.call("POST", "fhir/DocumentReference", told).json or {}
    kept = telephone.call("GET", f"fhir/Binary/{made['id']}")
    assert kept.mimetype == "image/jpeg"
    assert "Téléphone d’essai".encode() not in kept.data
