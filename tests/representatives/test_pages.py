"""A representative on mon-dmp: signing in, whose DMP, what the pages let them do; and the person they act for."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from portal_account.world import GOOD, Holder, Someone, settle
from professionals.world import Record, RecordWorld, a_professional
from sqlalchemy import text

from dmp_core.holder.sessions import Stage
from dmp_core.portals.mondmp.web.access import declared

from .world import AGENT, MINOR, Acting, a_declaration, a_guardian, declare

HOLDER_ONLY = "Votre session a expiré ou cette page n’est pas encore ouverte"


class Representative(Holder):
    """In front of one browser, with an account of their own."""

    def __init__(self, app: Flask, world: RecordWorld, who: Acting, someone: Someone) -> None:
        super().__init__(app, world, Someone(someone.person, who.id, who.login, who.password, who.mail, ""))

    def come_in(self) -> "Representative":
        assert self.give_password().location == "/connexion/code"
        if self.give_code().location == "/connexion/mot-de-passe":
            self.send("/connexion/mot-de-passe", nouveau=GOOD)
            self.who.password = GOOD
        return self

    def press(self, where: str, **typed: str) -> Any:
        """A button of some page of theirs."""
        return self.send(where, "/mon-dmp/profil", **typed)


def here(app: Flask, world: RecordWorld, **identity: str) -> tuple[Representative, Record, Someone]:
    someone = world.someone(**identity)
    return Representative(app, world, declare(world, someone), someone), Record(world, someone.dossier), someone


def test_a_parent_signs_in_reads_and_is_named_in_the_history(app: Flask, world: RecordWorld) -> None:
    parent, record, someone = here(app, world, birth_date=MINOR, given_name="Zoé", civilite="MME")
    record.put("bilan"), record.put("gynecologie", hidden_from_representatives=True)
    parent.come_in()
    home = parent.get("/mon-dmp/represente").text
    assert "Le DMP de Zoé Dupond" in home
    assert "Bonjour Claire Dupond" in home
    assert "titulaire de l’autorité parentale" in home
    documents = parent.get("/mon-dmp/documents/liste/tous").text
    assert "Titre bilan" in documents
    assert "gynecologie" not in documents
    page = parent.get(f"/mon-dmp/documents/{record.documents['bilan'].id}")
    assert page.status_code == 200
    for action in ("Archiver", "Supprimer", "invisible"):
        assert action not in page.text
    assert parent.get(f"/mon-dmp/documents/{record.documents['bilan'].id}/contenu").status_code == 200
    hidden, absent = (
        parent.get(f"/mon-dmp/documents/{each}") for each in (record.documents["gynecologie"].id, uuid4())
    )
    assert (hidden.status_code, hidden.text) == (absent.status_code, absent.text) == (404, hidden.text)
    with parent.press("/mon-dmp/documents/telecharger") as kept:
        assert kept.status_code == 200
    assert parent.press(f"/mon-dmp/documents/{record.documents['bilan'].id}/masquer").status_code == 303
    own = Holder(app, world, someone).sign_in()
    history = own.get("/mon-dmp/acces?voir=representants").text
    assert "Claire Dupond" in history
    assert "Document masqué aux professionnels" in history
    profile = own.get("/mon-dmp/profil").text
    assert "Qui me représente" in profile
    assert "Retirer son accès" not in profile  # a minor does not


def test_a_page_that_does_not_say_so_is_not_open_to_a_representative(app: Flask, world: RecordWorld) -> None:
    parent, record, _ = here(app, world, birth_date=MINOR)
    document = record.put("bilan").id
    parent.come_in()
    opened = set()
    with app.test_request_context():
        rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    for rule in rules:
        access = declared(app.view_functions[rule.endpoint])
        if access is None or access.public or not (access.stages & {Stage.OPEN, Stage.REPRESENTING}):
            continue
        given = {"what": "tous", "document_id": document, "kind": "e-mail", "emergency": uuid4()}
        with app.test_request_context():
            place = app.url_map.bind("localhost").build(
                rule.endpoint, {name: given[name] for name in rule.arguments if name in given}
            )
        answer = parent.get(place)
        if Stage.REPRESENTING in access.stages:
            assert answer.status_code in (200, 303), place
            opened.add(rule.endpoint)
        else:
            assert (answer.status_code, answer.location) == (303, "/connexion"), place
    assert opened == {
        "account.represented", "account.represented_home", "account.profile", "account.password", "account.application",
        "account.contact", "account.contact_withdrawal", "account.contact_code", "account.connections",
        "record.overview", "record.listing", "record.document", "record.content", "record.biology",
        "record.professionals", "record.history",
    }  # fmt: skip
    for refused in ("/mon-dmp/documents/ajouter", "/mon-dmp/acces/releve", "/mon-dmp/acces/telecharger"):
        assert parent.press(refused).location == "/connexion"
    for gesture in ("archiver", "supprimer", "lever-secret"):
        answer = parent.press(f"/mon-dmp/documents/{document}/{gesture}", confirmation="oui")
        assert answer.status_code == 409
        assert "représentant légal ne le peut pas" in answer.text
    assert parent.press("/mon-dmp/professionnels/refuser-urgence", confirmation="oui").status_code == 409


def test_whose_dmp_is_chosen_among_several_and_nobody_else_s(app: Flask, world: RecordWorld) -> None:
    guardian, record, _ = here(app, world)
    record.put("un")
    second = world.someone(given_name="Odile", civilite="MME")
    Record(world, second.dossier).put("deux")
    again = a_guardian(login=guardian.who.login, contacts=a_declaration().contacts)
    made = world.enrolment.representatives.declare(uuid4(), second.person, again, AGENT)
    assert made.login is None  # the account is the one they have
    stranger = world.someone()
    guardian.come_in()
    choice = guardian.get("/mon-dmp/representes").text
    assert "Nicolas Dupond" in choice
    assert "Odile Dupond" in choice
    assert guardian.get("/mon-dmp/documents").location == "/connexion"  # nobody is chosen
    assert guardian.send("/mon-dmp/representes", qui=str(stranger.dossier)).status_code == 404
    assert guardian.send("/mon-dmp/representes", qui="x").status_code == 404
    assert guardian.send("/mon-dmp/representes", qui=str(second.dossier)).location == "/mon-dmp/represente"
    assert "Titre deux" in guardian.get("/mon-dmp/documents/liste/tous").text
    assert guardian.send("/mon-dmp/representes", qui=str(record.dossier)).location == "/mon-dmp/represente"
    listing = guardian.get("/mon-dmp/documents/liste/tous").text
    assert "Titre un" in listing
    assert "Titre deux" not in listing


def test_the_person_of_age_withdraws_an_access_and_it_ends_at_the_next_request(app: Flask, world: RecordWorld) -> None:
    guardian, record, someone = here(app, world)
    record.put("bilan")
    guardian.come_in()
    assert guardian.get("/mon-dmp/documents").status_code == 200
    own = Holder(app, world, someone).sign_in()
    row = world.rows("SELECT id FROM enrolment.mandate WHERE dossier_id = :d", d=someone.dossier)[0]
    own.send("/mon-dmp/profil/representants/fin", "/mon-dmp/profil", mandat=str(row.id))
    assert guardian.get("/mon-dmp/documents").status_code == 200  # not confirmed
    done = own.send("/mon-dmp/profil/representants/fin", "/mon-dmp/profil", mandat=str(row.id), confirmation="oui")
    assert done.location == "/mon-dmp/profil"
    assert guardian.get("/mon-dmp/documents").location == "/connexion"
    assert "Claire Dupond" in own.get("/mon-dmp/acces").text
    settle(app)
    assert any("a pris fin" in told for told in world.outside.told(guardian.who.mail))
    assert guardian.give_password().location == "/connexion/code"
    ended = guardian.give_code()
    assert ended.location == "/connexion"
    assert "ne représentez plus personne" in guardian.get("/connexion").text


def test_eighteen_years_end_it_by_themselves_in_the_middle_of_a_session(app: Flask, world: RecordWorld) -> None:
    world.clock.now = world.clock.now.replace(year=2018, month=3, day=14, hour=22, minute=55)  # 23 h 55 in Paris
    parent, record, _ = here(app, world, birth_date=MINOR)
    record.put("bilan")
    parent.come_in()
    assert parent.get("/mon-dmp/documents").status_code == 200
    world.clock.forward(minutes=6)
    assert parent.get("/mon-dmp/documents").location == "/connexion"


def test_contacts_and_password_are_the_representative_s_own(app: Flask, world: RecordWorld) -> None:
    parent, _, someone = here(app, world, birth_date=MINOR)
    parent.come_in()
    profile = parent.get("/mon-dmp/profil").text
    assert parent.who.mail in profile
    assert someone.mail not in profile
    assert someone.login not in profile
    form = "/mon-dmp/profil/coordonnees/mobile"
    sent = parent.send(form, contact="06 39 98 12 34", contact_bis="06 39 98 12 34", actuel=GOOD)
    assert sent.location == "/mon-dmp/profil/coordonnees/code"
    parent.send("/mon-dmp/profil/coordonnees/code", code=world.outside.code(parent.who.mail))
    parent.send("/mon-dmp/profil/coordonnees/code", code=world.outside.code("+33639981234"))
    assert "06 39 98 12 34".replace(" ", "\N{NO-BREAK SPACE}") in parent.get("/mon-dmp/profil").text
    theirs = world.rows(
        "SELECT value FROM enrolment.contact WHERE dossier_id = :d AND until IS NULL", d=someone.dossier
    )
    assert {each.value for each in theirs} == {someone.mail, someone.mobile}
    other = "un grand bol de café noir"
    parent.send("/mon-dmp/profil/mot-de-passe", actuel=GOOD, nouveau=other)
    parent.who.password = other
    assert parent.press("/deconnexion").status_code == 303
    parent.come_in()
    assert parent.get("/mon-dmp/represente").status_code == 200


def test_what_a_professional_did_in_secret_is_not_on_the_first_page(app: Flask, world: RecordWorld) -> None:
    parent, record, someone = here(app, world, birth_date=MINOR)
    who = a_professional(8_001, name="SECRETE")
    world.gate().consent(who, record.dossier, informed=True)
    document = record.put("secret", by=who, hidden_from_representatives=True)
    world.gate().read(who, record.dossier, document.id)
    parent.come_in()
    assert (
        "SECRETE" not in parent.get("/mon-dmp/represente").text
    )  # the document is not there, nor what was done with it
    own = Holder(app, world, someone).sign_in()
    assert "SECRETE" in own.get("/mon-dmp").text


@pytest.mark.parametrize("days", [0, 8])
def test_the_initial_password_serves_once_within_seven_days(app: Flask, world: RecordWorld, days: int) -> None:
    someone = world.someone(birth_date=MINOR)
    who = declare(world, someone)
    world.clock.forward(days=days)
    browser = Representative(app, world, who, someone)
    answer = browser.give_password()
    assert (answer.location == "/connexion/code") == (days == 0)
    if days:
        renewed = world.enrolment.representatives.renew_password(
            someone.person.caisse, someone.person.person_id, who.mandate
        )
        browser.who.password = renewed.password
        browser.come_in()
        assert browser.get("/mon-dmp/represente").status_code == 200


def test_a_representative_s_own_id_opens_nothing(world: RecordWorld) -> None:
    someone = world.someone(birth_date=MINOR)
    who = declare(world, someone)
    with world.store.transaction(UUID(str(who.id))) as connection:
        assert connection.scalar(text("SELECT count(*) FROM medical.document")) == 0
        assert connection.scalar(text("SELECT count(*) FROM enrolment.dossier")) == 0
    assert date(2018, 3, 14) == world.rows("SELECT until FROM enrolment.mandate WHERE id = :m", m=who.mandate)[0].until
