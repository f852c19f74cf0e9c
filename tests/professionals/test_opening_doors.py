"""The doors of an opening: the pages, the API of practice software, an establishment; what each shows, refuses and keeps."""

import base64
import io
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from portal.world import token_of
from pypdf import PdfReader
from werkzeug.test import TestResponse

from dmp_core.access.identifying import REFUSED
from dmp_core.access.opening import INELIGIBLE
from dmp_core.access.trace import Action
from dmp_core.enrolment.conditions import CONSENT, current_terms
from dmp_core.enrolment.insured import Insured
from dmp_core.portals.professionals.card import PEER
from dmp_core.professionals.authority import Issued, TestAuthority

from .assertions import vihf
from .practice import an_app
from .samples import NUMBERS, a_doctor, rpps
from .test_opening import Cards, card_of
from .world import Record, RecordWorld

SITE = "https://localhost"
_numbers = NUMBERS


@pytest.fixture
def app(world: RecordWorld, authority: TestAuthority) -> Flask:
    return an_app(world, authority, insured=Cards(world.base))


class Desk:
    """A browser, or a software, with one card, in front of the application itself."""

    def __init__(self, app: Flask, card: Issued) -> None:
        self.client, self.card = app.test_client(), card

    def get(self, where: str) -> TestResponse:
        return self.client.get(where, base_url=SITE, environ_base={PEER: self.card.der})

    def send(self, where: str, **typed: str) -> TestResponse:
        token = token_of(self.get("/creation").text)
        return self.client.post(
            where, data={"csrf_token": token, **typed}, headers={"Referer": f"{SITE}/creation"}, base_url=SITE,
            environ_base={PEER: self.card.der},
        )  # fmt: skip

    def call(self, method: str, where: str, told: Any = None) -> TestResponse:
        return self.client.open(
            f"/api/v1{where}", method=method, json=told, base_url=SITE, environ_base={PEER: self.card.der}
        )


@pytest.fixture
def desk(app: Flask, world: RecordWorld, authority: TestAuthority) -> Desk:
    return a_desk(app, world, authority)


def a_desk(app: Flask, world: RecordWorld, authority: TestAuthority) -> Desk:
    return Desk(app, a_doctor(authority, next(_numbers), world.clock() - timedelta(hours=1)))


def typed_card(person: Insured, **changes: str) -> dict[str, str]:
    told = {"nir": person.nir, "prenom": person.given_name, "naissance": person.birth_date, "serie": person.serial}
    return told | changes


def whole(person: Insured, **changes: str) -> dict[str, str]:
    """The form of a creation, as it is sent."""
    told = {
        "operation": str(uuid4()), "conditions": current_terms().version, "mail": "nicolas@exemple.fr",
        "mail_bis": "nicolas@exemple.fr", "informe": "oui", "consent": "oui", "acces": "oui",
    }  # fmt: skip
    return typed_card(person) | told | changes


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def alert(answer: TestResponse) -> str:
    return unescape(answer.text.partition('role="alert">')[2].partition("</p>")[0]).replace("\u00a0", " ")


def test_a_dmp_is_created_on_the_pages_and_its_document_is_printed_from_a_new_password(
    world: RecordWorld, desk: Desk
) -> None:
    person = world.person()
    assert "créez-le ou réactivez-le" in desk.get("/").text
    step = desk.send("/creation/patient", **typed_card(person))
    assert step.status_code == 200
    assert f"Créer un DMP pour {person.given_name} {person.birth_name}" in step.text
    assert CONSENT in step.text.replace("\u00a0", " ")
    terms = desk.get("/creation/conditions")
    assert terms.data.startswith(b"%PDF")
    form = whole(person)
    done = desk.send("/creation", **form)
    assert (done.status_code, "Le DMP est créé" in done.text) == (200, True)
    again = desk.send("/creation", **form)  # a second click
    assert (again.status_code, len(world.dossiers(person))) == (200, 1)
    sheets = [desk.send("/creation/document", **form, demande="oui") for _ in range(2)]
    login = world.rows("SELECT login FROM enrolment.account WHERE dossier_id = :d", d=world.dossiers(person)[0].id)[
        0
    ].login
    for sheet in sheets:
        assert (sheet.mimetype, sheet.headers["Cache-Control"]) == ("application/pdf", "no-store")
        assert login in text_of(sheet.data)
    assert text_of(sheets[0].data) != text_of(sheets[1].data)
    for secret in (person.nir, card_of(person).ins_c, person.serial):
        assert secret not in str(done.headers)
    assert login not in done.text + again.text
    dossier = world.dossiers(person)[0].id
    assert desk.get(f"/dossiers/{dossier}").status_code == 200
    known = desk.send("/creation/patient", **typed_card(person))
    assert "a un DMP" in known.text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mail_bis": "autre@exemple.fr"}, "ne sont pas identiques"),
        ({"mail": "", "mail_bis": "", "mobile": "", "mobile_bis": ""}, "Saisissez au moins une adresse"),
        ({"informe": ""}, "Informez d’abord le patient"),
        ({"consent": ""}, "Sans le consentement"),
        ({"acces": ""}, "oui ou non"),
        ({"representant": "Anne Tutrice"}, "à quel titre"),
        ({"qualite": "tutelle"}, "à quel titre"),
        ({"representant": "Anne Tutrice", "qualite": "parental"}, "tutelle, habilitation ou mandat"),
        ({"operation": "x"}, "présentez de nouveau la carte"),
        ({"conditions": "2015-01-01"}, "ont changé"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    world: RecordWorld, desk: Desk, wrong: dict[str, str], said: str
) -> None:
    person = world.person()
    answer = desk.send("/creation", **whole(person, mobile="06 12 34 56 78", mobile_bis="06 12 34 56 78") | wrong)
    assert (answer.status_code in (409, 422), said in alert(answer)) == (True, True), alert(answer)
    assert ("mobile" in wrong) or 'value="06 12 34 56 78"' in answer.text
    assert world.dossiers(person) == []


def test_the_card_is_refused_in_one_sentence_and_one_status_by_every_door(world: RecordWorld, desk: Desk) -> None:
    holder, nobody = world.someone().person, world.person()
    answers = [
        desk.send(where, **whole(person, serie="11111111", demande="oui", explique="oui"))
        for person in (holder, nobody)
        for where in ("/creation/patient", "/creation", "/creation/document")
    ]
    assert {(answer.status_code, alert(answer)) for answer in answers} == {(422, REFUSED)}
    told = {"vitale": typed_card(nobody, prenom="Jean"), "demande_par_le_titulaire": True}
    said = {each.text for each in (desk.call("POST", "/secrets", told), desk.call("POST", "/secrets", told | {
        "vitale": typed_card(holder, naissance="1952-05-12")}))}  # fmt: skip
    assert (len(said), REFUSED in said.pop()) == (1, True)
    for _ in range(2):
        desk.send("/creation/patient", **typed_card(nobody, serie="11111111"))
    late = desk.send("/creation/patient", **typed_card(nobody))
    assert (late.status_code, "Trop de cartes" in alert(late)) == (429, True)
    api = desk.call("POST", "/secrets", told)
    assert (api.status_code, int(api.headers["Retry-After"])) == (429, 3600)


def test_who_may_not_have_one_is_told_why_and_nothing_is_created(world: RecordWorld, desk: Desk) -> None:
    person = world.person(may_open=False)
    answer = desk.send("/creation/patient", **typed_card(person))
    assert (answer.status_code, alert(answer)) == (409, INELIGIBLE)


def test_a_closed_dmp_is_reopened_on_the_pages_and_a_closure_is_passed_on(world: RecordWorld, desk: Desk) -> None:
    someone = world.someone()
    record = Record(world, someone.dossier)
    asked = desk.send("/creation/cloture", **whole(someone.person, explique="oui", demande="oui"))
    assert "est transmise" in asked.text
    unexplained = desk.send("/creation/cloture", **whole(someone.person, demande="oui"))
    assert (unexplained.status_code, "Expliquez au patient" in alert(unexplained)) == (422, True)
    record.state("closed")
    step = desk.send("/creation/patient", **typed_card(someone.person))
    assert "Réactiver le DMP" in step.text
    done = desk.send("/creation/reactivation", **whole(someone.person, acces="non"))
    assert ("Le DMP est réactivé" in done.text, "ne vous a pas autorisé" in done.text) == (True, True)
    assert [row.state for row in world.dossiers(someone.person)] == ["open"]


def creation(person: Insured, **changes: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "vitale": typed_card(person), "coordonnees": {"mobile": "06 12 34 56 78"}, "autorisation": True,
        "consentement": {"patient_informe": True, "patient_consent": True, "conditions": current_terms().version},
    }  # fmt: skip
    return told | changes


def test_a_software_creates_asks_again_reopens_and_gives_secrets(
    app: Flask, world: RecordWorld, authority: TestAuthority, desk: Desk
) -> None:
    person, operation = world.person(), uuid4()
    told = desk.call("GET", "/conditions").get_json()
    assert (told["version"], told["consentement"]) == (current_terms().version, CONSENT)
    first = desk.call("PUT", f"/creations/{operation}", creation(person))
    assert first.status_code == 201, first.text
    made = first.get_json()
    assert (made["ins_c"], made["autorisation"]) == (card_of(person).ins_c, True)
    again = desk.call("PUT", f"/creations/{operation}", creation(person))
    assert (again.status_code, again.get_json()["dmp"]) == (200, made["dmp"])
    pages = [text_of(base64.b64decode(each.get_json()["document_secrets"])) for each in (first, again)]
    assert pages[0] != pages[1]
    other = a_desk(app, world, authority).call("PUT", f"/creations/{operation}", creation(person))
    assert (other.status_code, "déjà un DMP" in other.text) == (409, True)
    sheet = desk.call("POST", "/secrets", {"vitale": typed_card(person), "demande_par_le_titulaire": True})
    assert (sheet.mimetype, sheet.headers["Cache-Control"]) == ("application/pdf", "no-store")
    record = Record(world, UUID(made["dmp"]))
    facts = desk.call("GET", f"/dmp/{record.dossier}/administratif")
    assert facts.get_json() == {
        "ouvert_le": "2016-11-02T09:00:00Z", "voie": "chez un professionnel", "titulaire_connecte": False,
        "canaux": ["mobile"], "represente_par": [], "personne_de_confiance": None, "personnes_a_prevenir": [],
    }  # fmt: skip
    traits = {"nom": person.birth_name, "prenom": person.given_name, "naissance": person.birth_date}
    assert card_of(person).ins_c in desk.call("POST", "/patients/_recherche", traits).get_json()["ins_c"]
    closing = {"vitale": typed_card(person), "patient_informe": True, "demande_par_le_titulaire": True}
    assert desk.call("PUT", f"/clotures/{uuid4()}", closing).status_code == 202
    record.state("closed")
    reopening = creation(person)
    del reopening["coordonnees"]
    back = desk.call("PUT", f"/reactivations/{uuid4()}", reopening)
    assert (back.status_code, back.get_json()["document_secrets"]) == (201, None)
    unread = desk.call("PUT", f"/creations/{uuid4()}", {"vitale": {}})
    assert (unread.status_code, "vérifiez les noms" in unread.text) == (422, True)


def test_the_link_of_a_software_opens_the_site_once_at_its_patient_for_its_card_alone(
    app: Flask, world: RecordWorld, authority: TestAuthority, desk: Desk
) -> None:
    someone = world.someone()
    told = desk.call("POST", f"/dmp/{someone.dossier}/contexte")
    assert told.status_code == 201
    where = told.get_json()["adresse"]
    assert where.startswith(f"{SITE}/contexte/")
    assert not any(each in where for each in (someone.person.nir, card_of(someone.person).ins_c))
    path = where.removeprefix(SITE)
    arrived = desk.get(path)
    assert (arrived.status_code, arrived.location) == (303, f"/dossiers/{someone.dossier}")
    other = a_desk(app, world, authority).get(path)
    assert (other.status_code, "pour la carte qui l’a demandé" in other.text) == (403, True)
    assert desk.get(f"{path}x").status_code == 403
    world.clock.forward(minutes=2)
    assert desk.get(path).status_code == 403
    assert desk.call("POST", f"/dmp/{uuid4()}/contexte").status_code == 404


def test_an_establishment_creates_for_who_is_at_its_desk_and_reads_nothing(
    app: Flask, world: RecordWorld, authority: TestAuthority
) -> None:
    house = authority.establishment("1750712184", "CLINIQUE DE TEST", world.clock() - timedelta(hours=1))
    client, who, person = app.test_client(), rpps(next(_numbers)), world.person()

    def ask(assertion: bytes, **changes: str) -> TestResponse:
        told = whole(person) | {"demande": str(operation), "finalite": "creation"} | changes
        told["vihf"] = (io.BytesIO(assertion), "vihf.xml")  # type: ignore[assignment]
        return client.post("/etablissement/creations", data=told, base_url=SITE, environ_base={PEER: house.der})

    operation, ins_c = uuid4(), card_of(person).ins_c
    no_aim = ask(vihf(house, who, ins_c, world.clock()), finalite="consultation")
    assert (no_aim.status_code, "finalité" in no_aim.get_json()["erreur"]) == (422, True)
    another = ask(vihf(house, who, "1" * 22, world.clock()))
    assert (another.status_code, "un autre patient" in another.get_json()["erreur"]) == (403, True)
    assertion = vihf(house, who, ins_c, world.clock())
    done = ask(assertion)
    assert done.status_code == 201, done.text
    assert set(done.get_json()) == {"ins_c", "fait_le", "document_secrets"}
    assert "set-cookie" not in done.headers
    served = ask(assertion)
    assert (served.status_code, "déjà servi" in served.get_json()["erreur"]) == (403, True)
    again = ask(vihf(house, who, ins_c, world.clock()))
    assert (again.status_code, len(world.dossiers(person))) == (200, 1)
    record = Record(world, world.dossiers(person)[0].id)
    lines = record.chain()
    assert [line.action for line in lines] == [Action.CREATE, Action.SECRETS]
    assert (lines[0].who.id, lines[0].who.name) == (who, "ANNE MARTIN, CLINIQUE DE TEST")
    assert world.rows("SELECT id FROM medical.relation WHERE dossier_id = :d", d=record.dossier) == []
    card = client.get(f"/dossiers/{record.dossier}", base_url=SITE, environ_base={PEER: house.der})
    assert card.status_code == 403


def test_a_secretary_creates_by_her_card_for_a_professional_who_is_named_and_nothing_else(
    app: Flask, world: RecordWorld, authority: TestAuthority, desk: Desk
) -> None:
    now, who, person = world.clock(), rpps(next(_numbers)), world.person()
    card = authority.staff(
        "3750712184/42", "LEROY", "EVE", "1750712184", "CABINET DE TEST", now - timedelta(hours=1)
    )  # fmt: skip
    told = whole(person) | {"demande": str(uuid4()), "finalite": "creation"}
    where: dict[str, Any] = {"base_url": SITE, "environ_base": {PEER: card.der}}
    assertion = (io.BytesIO(vihf(card, who, card_of(person).ins_c, now)), "vihf.xml")
    done = app.test_client().post("/etablissement/creations", data=told | {"vihf": assertion}, **where)
    assert done.status_code == 201, done.text
    (line,) = Record(world, world.dossiers(person)[0].id).chain()
    assert (line.action, line.who.id) == (Action.CREATE, who)
    assert line.reason.startswith("envoyé par EVE LEROY, 3750712184/42, carte de personnel ; consentement recueilli")
    for page in ("/creation", "/api/v1/conditions", f"/dossiers/{world.dossiers(person)[0].id}"):
        assert app.test_client().get(page, **where).status_code == 403
    own = {"base_url": SITE, "environ_base": {PEER: desk.card.der}}
    professional = app.test_client().post("/etablissement/creations", data=told, **own)
    assert (professional.status_code, "établissements" in professional.get_json()["erreur"]) == (403, True)


def test_the_proof_of_consent_names_the_tuteur_who_gave_it_and_the_capacity(world: RecordWorld, desk: Desk) -> None:
    proof = "SELECT on_behalf_by, on_behalf_as FROM enrolment.consent WHERE dossier_id = :d"
    acting = {"representant": " Anne  Tutrice", "qualite": "tutelle"}
    person, other = world.person(), world.person()
    assert desk.send("/creation", **whole(person, **acting)).status_code == 200
    agreed = creation(other)["consentement"] | acting
    assert desk.call("PUT", f"/creations/{uuid4()}", creation(other, consentement=agreed)).status_code == 201
    for each in (person, other):
        (row,) = world.rows(proof, d=world.dossiers(each)[0].id)
        assert tuple(row) == ("Anne Tutrice", "Tuteur ou tutrice")
