"""Creating one's DMP, step after step, and whatever may happen between two of them."""

import threading
from datetime import datetime, timedelta
from io import BytesIO

import pytest
from flask import Flask
from pypdf import PdfReader

from dmp_core.enrolment.conditions import CONSENT, current_terms
from dmp_core.errors import Unavailable
from dmp_core.holder.creation import REFUSED

from .world import Visitor, World, shown, without_token


def test_the_whole_way_opens_one_dossier_and_tells_the_back_office_once(world: World, visitor: Visitor) -> None:
    person = world.person()
    page = visitor.create(person, world.code(person)).text
    assert "Monsieur Nicolas Dupond,<br>Votre DMP a bien été créé." in page
    login, _ = shown(page)
    (dossier,) = world.dossiers(person)
    assert world.events(person) == [("dossier.opened", {"way": "online"})]
    assert world.rows("SELECT login FROM enrolment.account WHERE dossier_id = :d", d=dossier.id) == [(login,)]
    (contact,) = world.rows("SELECT kind, value FROM enrolment.contact WHERE dossier_id = :d", d=dossier.id)
    assert tuple(contact) == ("mail", "nicolas@exemple.fr")


def test_a_notice_to_the_contacts_just_given_waits_to_be_sent_once(world: World, visitor: Visitor) -> None:
    person = world.person()
    visitor.create(person, world.code(person))
    (dossier,) = world.dossiers(person)
    waiting = world.rows("SELECT kind, channel, state FROM medical.notice WHERE dossier_id = :d", d=dossier.id)
    assert sorted(map(tuple, waiting)) == [("created", "mail", "waiting"), ("created", "mobile", "waiting")]


def test_the_proof_of_consent_holds_the_terms_shown_and_the_sentence(world: World, visitor: Visitor) -> None:
    person = world.person()
    visitor.create(person, world.code(person))
    (proof,) = world.rows(
        "SELECT c.* FROM enrolment.consent c JOIN enrolment.dossier d ON d.id = c.dossier_id WHERE d.person_id = :p",
        p=person.person_id,
    )  # fmt: skip
    terms = current_terms()
    assert (proof.terms, bytes(proof.terms_sha256), proof.wording) == (terms.version, terms.sha256, CONSENT)
    assert (proof.way, proof.collected_by, proof.at) == ("online", None, world.clock.now)


@pytest.mark.parametrize("typed", ["{}", " {} ", "{}\u00a0"])
@pytest.mark.parametrize("change", [str.lower, lambda code: code.replace(" ", "-"), lambda code: code.replace(" ", "")])
def test_the_code_is_taken_however_it_is_typed(world: World, visitor: Visitor, typed: str, change: object) -> None:
    person = world.person()
    code = typed.format(change(world.code(person)))  # type: ignore[operator]
    assert visitor.identify(person, code, nir=f" {person.nir[:5]} {person.nir[5:]}").location == "/creer/informations"


def test_every_wrong_combination_gets_the_same_answer(world: World, app: Flask) -> None:
    person, other, child = world.person(), world.person(), world.person(may_open=False)
    no_card, holder = world.person(serial=""), world.person()
    code, others_code, childs_code, holders_code = map(world.code, (person, other, child, holder))
    no_cards_code = world.code(no_card)
    expired = world.person()
    old = world.code(expired, days_ago=90)
    Visitor(app).create(holder, holders_code)
    unknown = world.person()
    del world.base.persons[unknown.nir]
    tries = {
        "unknown person": (unknown, code, unknown.serial),
        "wrong serial": (person, code, "99999999"),
        "wrong code": (person, others_code, person.serial),
        "all wrong but the person": (person, others_code, "99999999"),
        "somebody else's serial": (person, code, other.serial),
        "not eligible, wrong serial": (child, childs_code, "99999999"),
        "not eligible, wrong code": (child, code, child.serial),
        "has a DMP, wrong serial": (holder, holders_code, "99999999"),
        "has a DMP, wrong code": (holder, code, holder.serial),
        "expired code, wrong serial": (expired, old, "99999999"),
        "no serial known to the base": (no_card, no_cards_code, "00000000"),
    }
    answers = {}
    for name, (who, typed, serial) in tries.items():
        answer = Visitor(app).identify(who, typed, serie=serial)
        body = without_token(answer.text)
        for value in (who.nir, typed, serial):
            body = body.replace(f'value="{value}"', "")
        answers[name] = (answer.status_code, body, answer.headers.get_all("Set-Cookie")[1:])
    assert answers["unknown person"][0] == 422
    assert REFUSED.partition(".")[0] in answers["unknown person"][1]
    assert {name: answer == answers["unknown person"] for name, answer in answers.items()} == dict.fromkeys(tries, True)


def test_expired_and_replaced_codes_are_told_to_who_gave_nir_and_serial_right(world: World, app: Flask) -> None:
    late, replaced = world.person(), world.person()
    expired = world.code(late, days_ago=90)
    revoked = world.code(replaced)
    world.code(replaced)
    answers = [Visitor(app).identify(late, expired), Visitor(app).identify(replaced, revoked)]
    assert [answer.status_code for answer in answers] == [409, 409]
    assert "ses deux mois sont passés" in answers[0].text
    assert "a été remplacé ou annulé" in answers[1].text
    assert all('href="/recevoir-un-code"' in answer.text for answer in answers)


def test_who_has_a_dmp_is_shown_the_way_in_also_with_a_code_sent_since(world: World, app: Flask) -> None:
    person = world.person()
    used = world.code(person)
    Visitor(app).create(person, used)
    for code in (used, world.code(person)):
        answer = Visitor(app).identify(person, code)
        assert answer.status_code == 409
        assert "Vous avez déjà un DMP" in answer.text
        assert 'href="/aide-connexion"' in answer.text
    assert len(world.dossiers(person)) == 1


def test_who_may_not_open_one_online_is_told_why(world: World, visitor: Visitor) -> None:
    person = world.person(may_open=False)
    answer = visitor.identify(person, world.code(person))
    assert "Ce service n’est actuellement disponible que pour les assurés du Régime Général" in answer.text


def test_a_slip_of_the_hand_is_told_by_the_field_and_costs_no_attempt(world: World, app: Flask) -> None:
    person = world.person()
    code = world.code(person)
    visitor = Visitor(app)
    wrong = ("3" if code[0] == "2" else "2") + code[1:]
    for _ in range(8):
        answer = visitor.identify(person, wrong, nir=person.nir[:-2] + "00", carte="", serie="12")
    page = answer.text
    assert answer.status_code == 422
    assert page.count('class="field-error"') == 4
    assert "faute de frappe" in page
    assert "La clé du numéro" in page
    assert f'value="{wrong}"' in page
    assert visitor.identify(person, code).location == "/creer/informations"


def test_five_wrong_codes_close_the_person_for_half_an_hour_wherever_they_come_from(world: World, app: Flask) -> None:
    person = world.person()
    code = world.code(person)
    for _ in range(5):
        assert Visitor(app).identify(person, world.code(world.person())).status_code == 422
    refused = Visitor(app).identify(person, code)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "1800"
    assert "réessayez dans 30 minutes" in refused.text
    world.clock.forward(minutes=31)
    assert Visitor(app).identify(person, code).location == "/creer/informations"


def test_a_person_under_attack_gets_through_with_a_code_sent_since(world: World, app: Flask) -> None:
    person = world.person()
    world.code(person)
    for _ in range(6):
        Visitor(app).identify(person, world.code(world.person()))
    world.clock.forward(minutes=1)
    fresh = world.code(person)
    assert Visitor(app).identify(person, world.code(world.person())).status_code == 429
    assert Visitor(app).identify(person, fresh).location == "/creer/informations"


def test_an_old_code_does_not_buy_new_guesses(world: World, app: Flask) -> None:
    person = world.person()
    old = world.code(person)
    world.code(person)
    statuses = []
    for _ in range(4):
        statuses.append(Visitor(app).identify(person, old).status_code)
        statuses.append(Visitor(app).identify(person, world.code(world.person())).status_code)
    assert statuses == [409, 422, 409, 422, 409, 429, 429, 429]


def test_each_step_has_a_session_of_its_own_and_the_one_before_is_dead(world: World, visitor: Visitor) -> None:
    person = world.person()
    visitor.identify(person, world.code(person))
    first = visitor.cookie()
    assert first is not None
    visitor.validate()
    second = visitor.cookie()
    assert second not in (None, first)
    visitor.client.set_cookie("mondmp", first)
    assert visitor.get("/creer/informations").location == "/creer"
    assert visitor.get("/creer/termine").location == "/creer"


@pytest.mark.parametrize("where", ["/creer/informations", "/creer/termine", "/creer/document"])
def test_no_step_opens_without_the_one_before(world: World, visitor: Visitor, where: str) -> None:
    assert visitor.get(where).location == "/creer"
    person = world.person()
    visitor.identify(person, world.code(person))
    if where != "/creer/informations":
        assert visitor.get(where).location == "/creer"


def test_without_consent_or_contact_nothing_is_created_and_what_was_typed_stays(world: World, visitor: Visitor) -> None:
    person = world.person()
    visitor.identify(person, world.code(person))
    for wrong, name in (
        ({"consentement": ""}, "consentement"),
        ({"mail": "", "mail_bis": ""}, "mail"),
        ({"mail_bis": "nicolas@exemple.com"}, "mail_bis"),
        ({"mail": "nicolas", "mail_bis": "nicolas"}, "mail"),
        ({"mobile": "06 39 98 00 01", "mobile_bis": "06 39 98 00 02"}, "mobile_bis"),
        ({"mobile": "01 39 98 00 01", "mobile_bis": "01 39 98 00 01"}, "mobile"),
    ):
        answer = visitor.validate(**wrong)
        assert answer.status_code == 422
        assert f'id="{name}-erreur"' in answer.text
        assert answer.text.count("field-error") == 1
    assert 'value="nicolas@exemple.fr"' in answer.text
    assert world.dossiers(person) == []
    sms = {"mail": "", "mail_bis": "", "mobile": "06 39 98 00 01", "mobile_bis": "+33 6 39 98 00 01"}
    assert visitor.validate(**sms).location == "/creer/termine"


def test_giving_up_keeps_nothing_and_leaves_the_code_usable(world: World, visitor: Visitor) -> None:
    person = world.person()
    code = world.code(person)
    visitor.identify(person, code)
    left = visitor.send("/creer/abandon", "/creer/informations")
    assert left.location == "/"
    assert "votre code reste utilisable" in visitor.get("/").text
    assert visitor.cookie() is None
    assert world.dossiers(person) == []
    visitor.create(person, code)


def test_two_browsers_with_one_code_make_one_dmp(world: World, app: Flask) -> None:
    person = world.person()
    code = world.code(person)
    browsers = [Visitor(app), Visitor(app)]
    for browser in browsers:
        assert browser.identify(person, code).location == "/creer/informations"
    start, answers = threading.Barrier(2), []

    def validate(browser: Visitor) -> None:
        start.wait()
        answers.append(browser.validate().status_code)

    threads = [threading.Thread(target=validate, args=[browser]) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 409]
    assert len(world.dossiers(person)) == 1
    assert len(world.events(person)) == 1


def test_a_code_replaced_between_two_steps_opens_nothing(world: World, visitor: Visitor) -> None:
    person = world.person()
    visitor.identify(person, world.code(person))
    world.code(person)
    answer = visitor.validate()
    assert answer.status_code == 409
    assert "a été remplacé" in answer.text
    assert world.dossiers(person) == []


def test_a_database_that_fails_during_the_creation_leaves_the_code_live(
    world: World, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = world.person()
    code = world.code(person)
    visitor.identify(person, code)

    def fail(*args: object, **more: object) -> None:
        raise Unavailable("Le service est momentanément indisponible : réessayez dans quelques minutes.")

    with monkeypatch.context() as patched:
        patched.setattr("dmp_core.holder.sessions.Sessions.advance", fail)
        assert visitor.validate().status_code == 503
    assert world.dossiers(person) == []
    assert visitor.validate().location == "/creer/termine"


def test_the_password_is_shown_on_reload_for_a_quarter_of_an_hour(world: World, visitor: Visitor) -> None:
    person = world.person()
    page = visitor.create(person, world.code(person)).text
    assert shown(visitor.get("/creer/termine").text) == shown(page)
    world.clock.forward(minutes=14)
    assert shown(visitor.get("/creer/termine").text) == shown(page)
    world.clock.forward(minutes=2)
    later = visitor.get("/creer/termine").text
    assert shown(later) == shown(page)[:1]
    assert "Obtenir un nouveau mot de passe initial" in later
    assert visitor.get("/creer/document").location == "/creer/termine"


def test_who_lost_the_answer_gets_a_new_password_in_the_same_browser(world: World, visitor: Visitor) -> None:
    person = world.person()
    code = world.code(person)
    visitor.identify(person, code)
    visitor.validate()
    visitor.client.delete_cookie("mondmp")  # the answer never came
    assert visitor.identify(person, code).location == "/creer/termine"
    assert len(shown(visitor.get("/creer/termine").text)) == 1
    visitor.send("/creer/nouveau-mot-de-passe", "/creer/termine")
    login, password = shown(visitor.get("/creer/termine").text)
    assert len(password) == 8
    (dossier,) = world.dossiers(person)
    passwords = world.rows(
        "SELECT ended_at IS NULL AS live FROM enrolment.password WHERE dossier_id = :d ORDER BY live", d=dossier.id
    )  # fmt: skip
    assert [row.live for row in passwords] == [False, True]
    assert world.events(person) == [("dossier.opened", {"way": "online"})]
    assert world.rows("SELECT login FROM enrolment.account WHERE dossier_id = :d", d=dossier.id) == [(login,)]


def test_who_knows_the_request_from_the_database_is_not_that_browser(world: World, app: Flask) -> None:
    person = world.person()
    code = world.code(person)
    Visitor(app).create(person, code)
    (dossier,) = world.rows("SELECT request_id FROM enrolment.dossier WHERE person_id = :p", p=person.person_id)
    thief = Visitor(app)
    thief.client.set_cookie("mondmp-creation", str(dossier.request_id))
    assert thief.identify(person, code).status_code == 409


def test_once_used_the_initial_password_is_neither_shown_nor_renewed(world: World, visitor: Visitor) -> None:
    person = world.person()
    page = visitor.create(person, world.code(person)).text
    (dossier,) = world.dossiers(person)
    world.rows(
        "UPDATE enrolment.password SET used_at = :now WHERE dossier_id = :d RETURNING 1", d=dossier.id, now=world.clock.now
    )  # fmt: skip
    after = visitor.get("/creer/termine").text
    assert shown(after) == shown(page)[:1]
    assert "a déjà servi" in after
    assert "nouveau-mot-de-passe" not in after
    assert visitor.send("/creer/nouveau-mot-de-passe", "/creer/termine").status_code == 409
    assert len(world.rows("SELECT 1 FROM enrolment.password WHERE dossier_id = :d", d=dossier.id)) == 1


def test_the_document_is_one_page_with_the_five_blocks_and_is_kept_nowhere(world: World, visitor: Visitor) -> None:
    person = world.person()
    login, password = shown(visitor.create(person, world.code(person)).text)
    answer = visitor.get("/creer/document")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.mimetype == "application/pdf"
    reader = PdfReader(BytesIO(answer.data))
    assert len(reader.pages) == 1
    text = " ".join(reader.pages[0].extract_text().split())
    (row,) = world.rows(
        "SELECT i.value FROM enrolment.identifier i JOIN enrolment.dossier d ON d.id = i.dossier_id "
        "WHERE d.person_id = :p AND i.system = '1.2.250.1.213.1.4.2'", p=person.person_id,
    )  # fmt: skip
    for wanted in ("Nicolas Dupond", "2 novembre 2016", login, password, "0 810 331 133", "loi n°78-17"):
        assert wanted in text, wanted
    assert row.value in text.replace(" ", "")
    fonts = [font.get_object() for font in reader.pages[0]["/Resources"]["/Font"].values()]  # type: ignore[index]
    used = [font for font in fonts if font["/Subtype"] == "/TrueType"]
    assert used
    assert all("/FontFile2" in font["/FontDescriptor"] for font in used)
    assert reader.metadata is not None
    assert reader.metadata.title == "Pour accéder à votre Dossier Médical Partagé"


def test_neither_password_nor_code_nor_nir_is_readable_in_the_sessions(world: World, visitor: Visitor) -> None:
    person = world.person()
    code = world.code(person)
    visitor.identify(person, code)
    before = world.rows("SELECT data FROM enrolment.session WHERE person_id = :p", p=person.person_id)
    _, password = shown((visitor.validate(), visitor.get("/creer/termine"))[1].text)
    after = world.rows("SELECT data FROM enrolment.session WHERE person_id = :p", p=person.person_id)
    stored = b"".join(bytes(row.data) for row in (*before, *after))
    assert stored
    for secret in (person.nir, code.replace(" ", ""), password):
        assert secret.encode() not in stored


def test_the_session_ends_by_itself_and_says_so(world: World, visitor: Visitor) -> None:
    person = world.person()
    visitor.identify(person, world.code(person))
    world.clock.now = world.clock.now + timedelta(minutes=16)
    assert visitor.get("/creer/informations").location == "/creer"
    assert "Votre session a expiré" in visitor.get("/creer").text


def test_the_day_shown_is_that_of_paris(world: World, visitor: Visitor) -> None:
    world.clock.now = datetime.fromisoformat("2016-11-30T23:30:00+00:00")
    person = world.person()
    visitor.create(person, world.code(person))
    text = PdfReader(BytesIO(visitor.get("/creer/document").data)).pages[0].extract_text()
    assert "1er décembre 2016" in text.replace("\u00a0", " ")
