"""A doctor's way over real sockets with mutual TLS: in by the card, out by it, every access told, nothing leaks."""

import os
import random
import signal
import threading
from datetime import timedelta
from hashlib import sha256
from uuid import uuid4

import httpx
import psutil
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from portal.world import token_of

from dmp_core.access import circle
from dmp_core.access.circle import Member
from dmp_core.access.trace import Action, ActorKind, first_fault
from dmp_core.identity import insc
from dmp_core.professionals.authority import TestAuthority
from lps.receipts import received

from .assertions import vihf
from .samples import NUMBERS, a_secretary
from .served import Browser, Served, a_patient, number_of

_numbers = NUMBERS


def answered(response: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """All of an answer but its date and the moment in its cookie."""
    return response.status_code, response.content, sorted(
        (name, value) for name, value in response.headers.items() if name not in ("date", "set-cookie")
    )  # fmt: skip


def test_a_doctor_finds_a_patient_asks_for_consent_lists_and_reads(served: Served) -> None:
    person, record = a_patient(served.world)
    card = served.doctor(next(_numbers))
    document = record.put("bilan")
    record.put("masque", masked=True)
    browser = served.browser(card)
    where = browser.find(person)
    door = browser.get(where)
    assert (door.status_code, "Le patient consent" in door.text, "bilan" in door.text) == (403, True, False)
    assert person.birth_name not in door.text
    agreed = browser.send(f"{where}/consentement", where, consentement="oui")
    assert agreed.headers["location"] == where
    page = browser.get(where)
    assert "Nicolas Dupond, né le 11/05/1952" in page.text.replace("\u00a0", " ")
    assert "Titre bilan" in page.text
    assert "masque" not in page.text
    read = browser.get(f"{where}/documents/{document.id}/contenu")
    assert read.status_code == 200
    assert read.content.startswith(b"bilan ")
    assert read.headers["cache-control"] == "no-store"
    lines = [line for line in record.chain() if line.who.kind is ActorKind.PROFESSIONAL]
    told = [(line.action, line.granted) for line in lines]
    assert told[0] == (Action.FIND, True)
    assert (Action.LIST, False) in told
    assert told[-3:] == [(Action.CONSENT, True), (Action.LIST, True), (Action.READ, True)]
    assert {line.who.id for line in lines} == {number_of(card)}
    assert lines[-1].who.profession == "Médecin"
    assert first_fault(record.dossier, record.chain()) is None


def test_no_nir_nor_title_stands_in_an_address_nor_in_the_log(served: Served) -> None:
    person, record = a_patient(served.world)
    record.put("secret")
    browser = served.browser(served.doctor(next(_numbers)))
    where = browser.find(person)
    assert person.nir[:13] not in where
    browser.send(f"{where}/consentement", where, consentement="oui")
    browser.get(where)
    assert browser.send("/patients", "/", nir=person.nir, prenom="Autre", naissance="1950-01-01").status_code == 404
    for secret in (person.nir, person.nir[:13], "Titre secret", person.birth_name):
        assert secret not in served.told


def test_without_a_card_nothing_opens_and_the_page_says_so(served: Served) -> None:
    answer = served.browser(None).get("/")
    assert (answer.status_code, "insérez votre carte" in answer.text) == (403, True)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "header",
    [
        "SSL-Client-Cert", "X-SSL-Client-Cert", "X-Client-Cert", "Client-Cert", "X-Forwarded-Client-Cert",
        "X-SSL-Client-S-DN", "SSL-Client-Verify",
    ],
)  # fmt: skip
@pytest.mark.parametrize("with_card", [False, True])
def test_a_header_that_claims_a_card_opens_nothing(served: Served, header: str, with_card: bool) -> None:
    card = served.doctor(next(_numbers))
    pem = card.pem.decode().replace("\n", " ").strip()
    answer = served.browser(card if with_card else None, headers={header: pem}).get("/")
    assert (answer.status_code, "dans ses en-têtes" in answer.text) == (403, True)


def test_a_card_that_the_authorities_do_not_vouch_for_does_not_even_connect(served: Served) -> None:
    day = timedelta(days=1)
    for card in (
        served.doctor(next(_numbers), authority=TestAuthority(served.now)),
        served.doctor(next(_numbers), now=served.now - 9 * day, life=day),
        served.doctor(next(_numbers), now=served.now + day),
        served.doctor(next(_numbers), extended=(ExtendedKeyUsageOID.SERVER_AUTH,)),
    ):
        with pytest.raises((httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError)):
            served.browser(card).get("/")


def test_a_card_that_connects_but_is_not_a_professional_s_is_told_why(served: Served) -> None:
    for card, told in (
        (served.doctor(next(_numbers), national_id="ANNE"), "ni numéro RPPS"),
        (served.doctor(next(_numbers), profession="Astrologue"), "profession"),
        (
            served.authority.establishment("1750712184", "CLINIQUE", served.now - timedelta(hours=1)),
            "La consultation demande la carte (CPS)",
        ),
        (a_secretary(served.authority, served.now - timedelta(hours=1)), "La consultation demande la carte (CPS)"),
    ):
        answer = served.browser(card).get("/")
        assert answer.status_code == 403
        assert told in answer.text


def test_a_card_is_out_from_the_very_next_request_once_it_is_revoked(served: Served) -> None:
    card = served.doctor(next(_numbers))
    browser = served.browser(card)
    assert browser.get("/").status_code == 200
    served.authority.publish(served.folder, served.now, [card.certificate])
    try:
        answer = browser.get("/")  # on the same connection
        assert (answer.status_code, "mise en opposition" in answer.text) == (403, True)
    finally:
        served.authority.publish(served.folder, served.now)


def test_a_cookie_is_worth_nothing_with_another_card(served: Served) -> None:
    first, second = served.browser(served.doctor(next(_numbers))), served.browser(served.doctor(next(_numbers)))
    first.get("/")
    second.client.cookies.update(first.client.cookies)
    answer = second.get("/")
    assert (answer.status_code, "n’est plus celle" in answer.text) == (403, True)
    second.client.cookies.clear()
    assert second.get("/").status_code == 200


def test_what_is_not_there_is_one_answer_to_the_byte(served: Served) -> None:
    person, record = a_patient(served.world)
    _, other = a_patient(served.world)
    browser = served.browser(served.doctor(next(_numbers)))
    where = browser.find(person)
    browser.send(f"{where}/consentement", where, consentement="oui")
    browser.get(where)
    hidden = [record.put("masque", masked=True).id, record.put("gestion", "INSCR_RCP").id, other.put("autre").id]
    for end in ("", "/contenu"):
        answers = [answered(browser.get(f"{where}/documents/{one}{end}")) for one in (*hidden, uuid4(), uuid4())]
        assert answers[0][0] == 404
        assert all(each == answers[0] for each in answers)
        assert b"masque" not in answers[0][1]
    strangers = [answered(browser.get(f"/dossiers/{one}")) for one in (uuid4(), uuid4())]
    record.as_owner(circle.block, Member(browser.number, "X", "G15_10"), served.world.clock())
    assert answered(browser.get(where)) == strangers[0] == strangers[1]
    typed = {"nir": person.nir, "prenom": person.given_name, "naissance": person.birth_date}
    blocked = browser.send("/patients", "/", **typed)
    absent = browser.send("/patients", "/", **{**typed, "naissance": "1951-01-01"})
    assert blocked.status_code == absent.status_code == 404
    assert told_to(blocked) == told_to(absent)


def test_a_block_and_a_mask_hold_from_the_very_next_request_on_one_connection(served: Served) -> None:
    person, record = a_patient(served.world)
    document = record.put("bilan")
    browser = served.browser(served.doctor(next(_numbers)))
    where = browser.find(person)
    browser.send(f"{where}/consentement", where, consentement="oui")
    content = f"{where}/documents/{document.id}/contenu"
    assert browser.get(content).status_code == 200
    served.world.rows("UPDATE medical.document SET masked = true WHERE id = :id RETURNING id", id=document.id)
    assert browser.get(content).status_code == 404
    served.world.rows("UPDATE medical.document SET masked = false WHERE id = :id RETURNING id", id=document.id)
    assert browser.get(content).status_code == 200
    record.as_owner(circle.block, Member(browser.number, "X", "G15_10"), served.world.clock())
    assert browser.get(content).status_code == 404
    assert browser.get(where).status_code == 404
    assert browser.send(f"{where}/urgence", "/", motif="Vite", mode="urgence").status_code == 404


def test_an_emergency_opens_for_reading_and_says_so(served: Served) -> None:
    person, record = a_patient(served.world)
    record.put("bilan")
    browser = served.browser(served.doctor(next(_numbers)))
    where = browser.find(person)
    wrong = browser.send(f"{where}/urgence", where, motif=" ", mode="urgence")
    assert (wrong.status_code, "Dites en quelques mots" in wrong.text) == (422, True)
    assert browser.send(f"{where}/urgence", where, motif="Inconscient", mode="centre15").status_code == 404
    assert browser.send(f"{where}/urgence", where, motif="Inconscient", mode="urgence").status_code == 303
    page = browser.get(where)
    assert page.status_code == 200
    assert "Accès en urgence, en lecture seule" in page.text
    assert "Joindre" not in page.text
    assert record.chain()[-1].who.mode.value == "urgence"


def test_an_emergency_takes_the_card_again_on_a_connection_newer_than_its_page(served: Served) -> None:
    person, record = a_patient(served.world)
    card = served.doctor(next(_numbers))
    early, browser = served.browser(card), served.browser(card)
    assert early.get("/").status_code == 200  # a connection, and a proof, from before
    where = browser.find(person)
    form = {"csrf_token": token_of(browser.get(where).text), "motif": "Inconscient", "mode": "urgence"}
    headers = {"Referer": f"{browser.client.base_url}{where}"}
    early.client.cookies.update(browser.client.cookies)
    for client in (early.client, browser.client):
        answer = client.post(f"{where}/urgence", data=form, headers=headers)
        assert (answer.status_code, answer.headers["location"]) == (307, f"{where}/urgence")
        assert answer.headers["connection"] == "close"
    assert all(line.action is not Action.EMERGENCY for line in record.chain())
    opened = browser.client.post(f"{where}/urgence", data=form, headers=headers)
    assert opened.status_code == 303
    line = record.chain()[-1]
    assert line.reason.startswith("Inconscient (carte présentée de nouveau à ")
    assert line.reason.endswith(", raison non signée)")
    again = browser.client.post(f"{where}/urgence", data=form, headers=headers)  # the page served once
    assert (again.status_code, again.headers["location"]) == (303, where)
    assert record.chain()[-1] == line
    forged = served.browser(card, headers={"dmp.handshake": "2099-01-01", "dmp-handshake": "2099-01-01"})
    forged.client.cookies.update(browser.client.cookies)
    assert forged.get(where).status_code == 200


def test_an_establishment_puts_a_document_in_and_reads_nothing(served: Served) -> None:
    person, record = a_patient(served.world)
    house = served.authority.establishment("1750712184", "CLINIQUE DE TEST", served.now - timedelta(hours=1))
    ins_c = insc.compute(person.given_name, insc.birth_date_of(person.birth_date), person.nir)
    client = served.browser(house, headers={"Accept": "application/json"})

    def put(assertion: bytes, browser: Browser = client) -> httpx.Response:
        return browser.client.post(
            "/etablissement/documents", files={"vihf": assertion, "document": ("lettre.txt", b"Lettre de sortie")},
            data={"type": "11490-0", "titre": "Lettre de sortie", "date": served.now.isoformat()},
        )  # fmt: skip

    who = number_of(served.doctor(next(_numbers)))
    assertion = vihf(house, who, ins_c, served.now)
    done = put(assertion)
    assert (done.status_code, set(done.json())) == (201, {"sha256", "recu_le", "recu", "nouveau"})
    seal = x509.load_pem_x509_certificate((served.folder / "keys" / "recus.pem").read_bytes())
    assert received(done.json()["recu"], seal) == {
        "structure": "1750712184", "auteur": who, "vihf": sha256(assertion).hexdigest(),
        "sha256": sha256(b"Lettre de sortie").hexdigest(), "recu_le": done.json()["recu_le"],
    }  # fmt: skip
    assert "set-cookie" not in done.headers
    again = put(assertion)
    assert (again.status_code, "déjà servi" in again.json()["erreur"]) == (403, True)
    assert put(vihf(house, who, "1" * 22, served.now)).status_code == 404
    card = served.browser(served.doctor(next(_numbers)))
    assert put(vihf(house, who, ins_c, served.now), card).status_code == 403
    assert put(vihf(house, who, ins_c, served.now), served.browser(None)).status_code == 403
    (made,) = [line.document for line in record.chain() if line.action is Action.ADD and line.granted]
    for where in ("/", f"/dossiers/{record.dossier}", f"/dossiers/{record.dossier}/documents/{made}/contenu"):
        answer = client.get(where)
        assert (answer.status_code, b"Lettre" in answer.content) == (403, False)
    large = client.client.post("/etablissement/documents", content=b"x" * (12 * 1024 * 1024))
    assert large.status_code in (413, 422)


def test_a_secretary_s_card_feeds_for_a_professional_and_opens_nothing(served: Served) -> None:
    person, record = a_patient(served.world)
    card = a_secretary(served.authority, served.now - timedelta(hours=1))
    ins_c = insc.compute(person.given_name, insc.birth_date_of(person.birth_date), person.nir)
    desk, who = served.browser(card), number_of(served.doctor(next(_numbers)))
    sent = desk.client.post(
        "/etablissement/documents",
        files={"vihf": vihf(card, who, ins_c, served.now), "document": ("lettre.txt", b"Compte rendu")},
        data={"type": "11490-0", "titre": "Lettre", "date": served.now.isoformat()},
    )  # fmt: skip
    assert sent.status_code == 201, sent.text
    line = record.chain()[-1]
    assert (line.action, line.who.id, line.who.name) == (Action.ADD, who, "ANNE MARTIN, CLINIQUE DE TEST")
    assert line.reason == "envoyé par LUC AGENT, 3750712184/AG-12, carte de personnel"
    places = (
        "/", "/session", f"/dossiers/{record.dossier}", f"/bouton/{record.dossier}", f"/api/v1/dmp/{record.dossier}/synthese",
        f"/api/v1/dmp/{record.dossier}/fhir/Binary/{line.document}", "/api/v1/patients",
    )  # fmt: skip
    for where in places:
        answer = desk.get(where)
        assert (answer.status_code, "La consultation demande la carte (CPS)" in answer.text) == (403, True), where
    assert record.chain()[-1] == line


@pytest.mark.crash
def test_accesses_made_are_traces_found_whatever_is_killed(served: Served) -> None:
    person, record = a_patient(served.world)
    found = [record.put(f"document {number}") for number in range(5)]
    cards = [served.doctor(next(_numbers)) for _ in range(3)]
    made: list[tuple[str, str]] = []
    ended = threading.Event()

    def reads(number: int) -> None:
        card, draw = cards[number], random.Random(number)
        browser = served.browser(card)
        where = browser.find(person)
        browser.send(f"{where}/consentement", where, consentement="oui")
        while not ended.is_set():
            document = draw.choice(found)
            try:
                answer = browser.get(f"{where}/documents/{document.id}/contenu")
            except httpx.TransportError:
                browser = Browser(served, card)
                continue
            if answer.status_code == 200 and answer.content.startswith(b"document"):
                made.append((number_of(card), str(document.id)))

    readers = [threading.Thread(target=reads, args=(number,)) for number in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(6):
        ended.wait(0.7)
        for worker in random.sample(served.process.children(), 1):
            os.kill(worker.pid, signal.SIGKILL)
    ended.set()
    for reader in readers:
        reader.join(60)
    assert len(made) > 20
    lines = record.chain()
    assert first_fault(record.dossier, lines) is None
    traced = [(line.who.id, str(line.document)) for line in lines if line.action is Action.READ and line.granted]
    for each in set(made):
        assert traced.count(each) >= made.count(each)
    # A kill between the line and the answer leaves a line more, never one less: one for each request under way.
    assert len(traced) - len(made) <= 6 * 3
    assert psutil.pid_exists(served.process.pid)


def told_to(answer: httpx.Response) -> str:
    return answer.text.partition('role="alert">')[2].partition("</p>")[0]
