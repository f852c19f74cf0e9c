"""Home and profile: what the holder reads, and what they change with the proofs it takes."""

from datetime import timedelta

import pyotp
import pytest
from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from dmp_core.access.trace import Action, ActorKind, Mode, Who, write

from .world import GOOD, AccountWorld, Holder, settle

BETTER = "quatre mots sans aucun rapport"
TRUST = "/mon-dmp/profil/personne-de-confiance"
MAIL = "/mon-dmp/profil/coordonnees/e-mail"
CODE = "/mon-dmp/profil/coordonnees/code"
APPLICATION = "/mon-dmp/profil/application"


@pytest.fixture
def signed_in(holder: Holder, world: AccountWorld) -> Holder:
    holder.sign_in()
    world.clock.forward(minutes=1)
    return holder


def trace(world: AccountWorld, holder: Holder, mode: str, minutes_ago: int, who: str) -> None:
    """An access of a professional, written by the owner of the database as the gate would."""
    dossier, at = holder.who.dossier, world.clock.now - timedelta(minutes=minutes_ago)
    with world.owner.begin() as connection:
        professional = Who(ActorKind.PROFESSIONAL, "810000000001", who, "médecin", Mode(mode))
        write(connection, dossier, at, professional, Action.LIST)


def test_the_home_shows_the_latest_access_and_the_latest_urgent_one_as_they_are_kept(
    signed_in: Holder, world: AccountWorld
) -> None:
    trace(world, signed_in, "urgence", 90, "Dr Yves Ancien")
    trace(world, signed_in, "centre15", 60, "Dr Zoé Régulatrice")
    trace(world, signed_in, "normal", 30, "Dr Anne Récente")
    page = signed_in.get("/mon-dmp").text
    assert "Dr Anne Récente, médecin" in page
    assert "<strong>Centre 15</strong>&nbsp;: Dr Zoé Régulatrice" in page
    assert "Dr Yves Ancien" not in page


def test_the_profile_shows_the_identity_and_the_ins_c_and_lets_nobody_change_them(signed_in: Holder) -> None:
    page = signed_in.get("/mon-dmp/profil").text
    ins_c = signed_in.world.rows(
        "SELECT value FROM enrolment.identifier WHERE dossier_id = :d AND system = '1.2.250.1.213.1.4.2'",
        d=signed_in.who.dossier,
    )[0].value  # fmt: skip
    assert ins_c in page.replace("\u00a0", "")
    assert "11\u00a0mai\u00a01952" in page
    assert signed_in.who.mail in page
    assert "<input" not in page.split("Mon identité")[1].split("</section>")[0]


def test_an_incomplete_birth_date_is_shown_as_far_as_it_is_known(app: Flask, world: AccountWorld) -> None:
    for birth_date, shown in (("1931-08-00", "août\u00a01931"), ("1931-00-00", "en 1931")):
        page = Holder(app, world, world.someone(birth_date=birth_date)).sign_in().get("/mon-dmp/profil").text
        assert f"<dd>{shown}</dd>" in page


def test_the_mail_changes_once_both_codes_are_given_and_the_old_address_is_told(
    signed_in: Holder, world: AccountWorld
) -> None:
    old, new = signed_in.who.mail, "neuf.dupond@exemple.fr"
    typed = {"contact": new, "contact_bis": new, "actuel": GOOD}
    assert "Ce n’est pas votre mot de passe actuel" in signed_in.send(MAIL, **typed | {"actuel": "faux"}).text
    assert "ne sont pas identiques" in signed_in.send(MAIL, **typed | {"contact_bis": "n@exemple.fr"}).text
    assert "n’est pas valide" in signed_in.send(MAIL, **typed | {"contact": "neuf@", "contact_bis": "neuf@"}).text
    assert signed_in.send(MAIL, **typed).location == CODE
    page = signed_in.get(CODE).text
    assert "Code 1 sur 2" in page
    assert new not in page
    assert "il vous reste 2 essais" in signed_in.send(CODE, code="000000").text
    assert signed_in.send(CODE, code=world.outside.code(old)).location == CODE
    assert "Code 2 sur 2" in signed_in.get(CODE).text
    assert new not in signed_in.get("/mon-dmp/profil").text
    assert signed_in.send(CODE, code=world.outside.code(new)).location == "/mon-dmp/profil"
    assert new in signed_in.get("/mon-dmp/profil").text
    settle(signed_in.client.application)
    assert "coordonnées" in world.outside.told(old)[-1]
    assert signed_in.get(CODE).location == "/mon-dmp/profil"


def test_one_of_two_contacts_may_be_withdrawn_and_the_last_one_never(signed_in: Holder, world: AccountWorld) -> None:
    mobile = "/mon-dmp/profil/coordonnees/mobile"
    assert signed_in.send(f"{mobile}/retrait", actuel=GOOD).location == CODE
    assert signed_in.send(CODE, code=world.outside.code(signed_in.who.mail)).location == "/mon-dmp/profil"
    page = signed_in.get("/mon-dmp/profil").text
    assert "Non renseigné" in page
    assert "/retrait" not in page.split("Mon mot de passe")[0]
    assert "seul moyen de recevoir un code" in signed_in.send(f"{MAIL}/retrait", actuel=GOOD).text
    world.clock.forward(minutes=1)
    typed = {"contact": "06 39 98 55 44", "contact_bis": "0639985544", "actuel": GOOD}
    assert signed_in.send(mobile, **typed).location == CODE
    assert signed_in.send(CODE, code=world.outside.code(signed_in.who.mail)).location == CODE
    assert signed_in.send(CODE, code=world.outside.code("+33639985544")).location == "/mon-dmp/profil"
    assert "06 39 98 55 44" in signed_in.get("/mon-dmp/profil").text.replace("\u00a0", " ")


def test_the_password_changes_with_the_present_one_and_ends_the_other_sessions(
    signed_in: Holder, app: Flask, world: AccountWorld
) -> None:
    elsewhere = Holder(app, world, signed_in.who).sign_in()
    where = "/mon-dmp/profil/mot-de-passe"
    assert "Ce n’est pas votre mot de passe actuel" in signed_in.send(where, actuel="faux", nouveau=BETTER).text
    assert "celui que vous remplacez" in signed_in.send(where, actuel=GOOD, nouveau=GOOD).text
    assert "Saisissez votre mot de passe actuel" in signed_in.send(where, nouveau=BETTER).text
    assert signed_in.send(where, actuel=GOOD, nouveau=BETTER).location == "/mon-dmp/profil"
    assert elsewhere.get("/mon-dmp").location == "/connexion"
    assert signed_in.get("/mon-dmp").status_code == 200


def test_an_application_is_put_in_force_by_its_code_gives_the_codes_and_is_withdrawn_by_one(
    signed_in: Holder, app: Flask, world: AccountWorld
) -> None:
    assert "Ce n’est pas votre mot de passe actuel" in signed_in.send(APPLICATION, actuel="faux").text
    page = signed_in.send(APPLICATION, actuel=GOOD).text
    assert 'src="data:image/svg+xml' in page
    secret = page.split('key">')[1].split("</strong>")[0].replace(" ", "")
    assert secret not in signed_in.get(APPLICATION).text
    totp = pyotp.TOTP(secret)
    wrong = signed_in.send(f"{APPLICATION}/confirmation", APPLICATION, code="000000")
    assert (wrong.status_code, "vérifiez l’heure de votre téléphone" in wrong.text) == (422, True)
    code = totp.at(world.clock.now)
    assert signed_in.send(f"{APPLICATION}/confirmation", APPLICATION, code=code).location == "/mon-dmp/profil"
    world.clock.forward(minutes=2)
    elsewhere = Holder(app, world, signed_in.who)
    elsewhere.give_password()
    page = elsewhere.get("/connexion/code").text
    assert "Ouvrez votre application" in page
    assert "Vous n’avez rien reçu" not in page
    assert elsewhere.send("/connexion/code", code=totp.at(world.clock.now)).location == "/mon-dmp"
    world.clock.forward(minutes=2)
    retreat = {"actuel": GOOD, "code": totp.at(world.clock.now)}
    assert "il vous reste 2 essais" in (
        signed_in.send(f"{APPLICATION}/retrait", APPLICATION, **retreat | {"code": "000000"}).text
    )
    assert signed_in.send(f"{APPLICATION}/retrait", APPLICATION, **retreat).location == "/mon-dmp/profil"
    assert "Aucune. Elle donne" in signed_in.get("/mon-dmp/profil").text


def test_the_person_of_trust_is_named_replaced_and_withdrawn(signed_in: Holder, world: AccountWorld) -> None:
    answer = signed_in.send(TRUST, nom=" ", telephone="12", lien="x" * 61)
    assert answer.status_code == 422
    for said in ("le prénom et le nom", "numéro de téléphone à dix chiffres", "en 60 caractères au plus"):
        assert said in answer.text.replace("\u00a0", " ")
    assert "Retirer" not in answer.text
    for name, phone in (("Claire  Dupond", "01 23 45 67 89"), ("Paul Dupond", "+32 2 555 12 34")):
        assert signed_in.send(TRUST, nom=name, telephone=phone, lien="ma fille").location == "/mon-dmp/profil"
    page = signed_in.get("/mon-dmp/profil").text
    assert "<strong>Paul Dupond</strong> (ma fille), +3225551234" in page
    assert "Paul Dupond" in signed_in.get("/mon-dmp").text
    kept = world.rows(
        "SELECT name, phone, until IS NULL AS now FROM medical.trusted_person WHERE dossier_id = :d ORDER BY name",
        d=signed_in.who.dossier,
    )  # fmt: skip
    assert [tuple(row) for row in kept] == [
        ("Claire Dupond", "+33123456789", False), ("Paul Dupond", "+3225551234", True)
    ]  # fmt: skip
    assert signed_in.send(f"{TRUST}/retrait", TRUST).location == "/mon-dmp/profil"
    assert "Vous n’avez pas désigné" in signed_in.get("/mon-dmp/profil").text


def test_what_a_holder_settles_is_out_of_reach_of_another_holder_of_the_caisse_and_of_a_closed_dossier(
    signed_in: Holder, world: AccountWorld, account_engines: tuple[Engine, Engine]
) -> None:
    signed_in.send(TRUST, nom="Claire Dupond", telephone="01 23 45 67 89", lien="")
    trace(world, signed_in, "normal", 5, "Dr Anne Récente")
    other = world.someone()
    count = text("SELECT (SELECT count(*) FROM medical.trusted_person) + (SELECT count(*) FROM medical.trace)")
    with world.store.transaction(other.dossier) as connection:
        assert connection.scalar(count) == 0
    with world.store.transaction() as connection:
        assert connection.scalar(count) == 0
    with world.store.transaction(signed_in.who.dossier) as connection:
        assert connection.scalar(count) == 2
    for table in ("trusted_person", "trace"):
        with account_engines[1].connect() as caisse, pytest.raises(ProgrammingError, match="permission denied"):
            caisse.execute(text(f"SELECT count(*) FROM medical.{table}"))
    for forbidden in (
        "UPDATE medical.trace SET granted = true", "DELETE FROM medical.trace",
        "UPDATE medical.trusted_person SET name = 'x'",
    ):  # fmt: skip
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            world.store.transaction(signed_in.who.dossier) as connection,
        ):
            connection.execute(text(forbidden))
    world.rows(
        "UPDATE enrolment.dossier SET state = 'closed', closed_by = 'caisse', keep_until = '2026-11-02' "
        "WHERE id = :d RETURNING id",
        d=signed_in.who.dossier,
    )  # fmt: skip
    with world.store.transaction(signed_in.who.dossier) as connection:
        assert connection.scalar(count) == 0


def test_those_to_call_in_an_emergency_are_named_in_order_corrected_and_withdrawn(
    signed_in: Holder, world: AccountWorld
) -> None:
    where = "/mon-dmp/profil/personnes-a-prevenir"
    wrong = {"nom-1": "Claire Dupond", "telephone-1": "12", "lien-3": "voisine"}
    answer = signed_in.send(where, **wrong)
    assert answer.status_code == 422
    page = answer.text.replace("\u00a0", " ")
    for said in ('id="telephone-1-erreur"', 'id="nom-3-erreur"', 'id="telephone-3-erreur"', 'value="Claire Dupond"'):
        assert said in page
    assert 'id="nom-2-erreur"' not in page
    assert "Vous n’avez pas désigné de personne à prévenir" in signed_in.get("/mon-dmp/profil").text
    named = {
        "nom-1": "Claire  Dupond", "telephone-1": "01 23 45 67 89", "lien-1": "ma fille",
        "nom-3": "Paul Dupond", "telephone-3": "+32 2 555 12 34",
    }  # fmt: skip
    assert signed_in.send(where, **named).location == "/mon-dmp/profil"
    page = signed_in.get("/mon-dmp/profil").text
    assert "<li><strong>Claire Dupond</strong> (ma fille), 01\u00a023\u00a045\u00a067\u00a089</li>" in page
    assert "<li><strong>Paul Dupond</strong>, +3225551234</li>" in page
    assert 'value="Paul Dupond"' in signed_in.get(where).text
    assert signed_in.send(where).location == "/mon-dmp/profil"
    assert "Vous n’avez pas désigné de personne à prévenir" in signed_in.get("/mon-dmp/profil").text
    kept = "SELECT rank, until IS NULL AS now FROM medical.emergency_contact WHERE dossier_id = :d ORDER BY rank"
    assert [tuple(row) for row in world.rows(kept, d=signed_in.who.dossier)] == [(1, False), (2, False)]
