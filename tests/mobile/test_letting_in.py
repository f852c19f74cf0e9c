"""An application is let in by its holder, kept by tokens that turn, and put out at once."""

from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from portal_account.world import GOOD, AccountWorld, Holder, settle

from dmp_core.enrolment.dossiers import DossierState

from .client import BACK, Telephone, agree, code_in


def test_a_holder_lets_an_application_in_and_is_told(
    app: Flask, signed_in: Holder, world: AccountWorld
) -> None:  # fmt: skip
    telephone = Telephone(app)
    page = signed_in.get(telephone.asks())
    assert "DMP de poche" in page.text
    assert "form-action 'self' fr.exemple.dmp:;" in page.headers["Content-Security-Policy"]
    answer = agree(signed_in, telephone.asks())
    back = urlsplit(str(answer.location))
    assert f"{back.scheme}:{back.path}" == BACK
    told = parse_qs(back.query)
    assert told["state"] == ["état"]
    assert told["iss"] == ["http://localhost/api"]
    made = telephone.exchange(told["code"][0])
    assert made.json is not None
    assert made.json["token_type"] == "Bearer"
    assert made.json["expires_in"] == 600
    assert made.headers["Cache-Control"] == "no-store"
    assert telephone.get("Patient?identifier=x")["total"] == 0
    settle(app)
    assert any("« DMP de poche »" in text for text in world.outside.told(signed_in.who.mail))
    assert "DMP de poche" in signed_in.get("/mon-dmp/connexions").text


def test_who_is_not_signed_in_signs_in_and_comes_back(app: Flask, holder: Holder) -> None:
    telephone = Telephone(app)
    assert holder.get(telephone.asks()).location == "/connexion"
    assert "DMP de poche" in holder.get("/connexion").text
    holder.give_password()
    holder.give_code()
    answer = holder.send("/connexion/mot-de-passe", nouveau=GOOD)
    assert answer.location == telephone.asks()


def test_a_refusal_goes_back_to_the_application(app: Flask, signed_in: Holder) -> None:
    answer = agree(signed_in, Telephone(app).asks(), reponse="non")
    assert parse_qs(urlsplit(str(answer.location)).query)["error"] == ["access_denied"]


def test_after_a_while_the_password_is_asked_for_again(app: Flask, signed_in: Holder, world: AccountWorld) -> None:
    telephone = Telephone(app)
    world.clock.forward(minutes=6)
    assert 'name="mot_de_passe"' in signed_in.get(telephone.asks()).text
    assert agree(signed_in, telephone.asks(), mot_de_passe="faux").status_code == 422
    assert code_in(agree(signed_in, telephone.asks(), mot_de_passe=GOOD))


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "inconnue"},
        {"redirect_uri": "https://pirate.example/retour"},
        {"redirect_uri": "fr.exemple.dmp:/retour/../ailleurs"},
        {"redirect_uri": "http://127.0.0.1@pirate.example/retour"},
        {"redirect_uri": None},
    ],
)
def test_nobody_is_sent_where_no_known_application_waits(
    app: Flask, signed_in: Holder, change: dict[str, str | None]
) -> None:
    answer = signed_in.get(Telephone(app).asks(**change))
    assert answer.status_code == 400
    assert "ne vient pas d’une application connue" in answer.text


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"scope": "launch"}, "invalid_scope"),
        ({"scope": "patient/*.write"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_what_may_not_be_asked_is_answered_to_the_application(
    app: Flask, signed_in: Holder, change: dict[str, str | None], error: str
) -> None:
    answer = signed_in.get(Telephone(app).asks(**change))
    assert answer.status_code == 302
    assert parse_qs(urlsplit(str(answer.location)).query)["error"] == [error]


def test_a_loopback_address_may_have_any_port(app: Flask, signed_in: Holder) -> None:
    telephone, back = Telephone(app), "http://127.0.0.1:51789/retour"
    code = code_in(agree(signed_in, telephone.asks(redirect_uri=back)))
    assert telephone.exchange(code, redirect_uri=back).status_code == 200


def test_a_code_serves_once_and_given_twice_it_ends_everything(app: Flask, signed_in: Holder) -> None:
    telephone = Telephone(app)
    code = code_in(agree(signed_in, telephone.asks()))
    assert telephone.exchange(code).status_code == 200
    assert telephone.call("GET", "fhir/DocumentReference").status_code == 200
    assert telephone.exchange(code).status_code == 400
    assert telephone.call("GET", "fhir/DocumentReference").status_code == 401
    assert telephone.refresh().status_code == 400


@pytest.mark.parametrize(
    "change",
    [
        {"code_verifier": "x" * 60},
        {"redirect_uri": "http://127.0.0.1/retour"},
        {"client_id": "autre"},
        {"code_verifier": ""},
    ],
)
def test_a_code_is_good_for_who_asked_for_it_alone(app: Flask, signed_in: Holder, change: dict[str, str]) -> None:
    telephone = Telephone(app)
    code = code_in(agree(signed_in, telephone.asks()))
    assert telephone.exchange(code, **change).status_code in (400, 401)
    assert "access_token" not in telephone.tokens


def test_a_code_lives_a_minute(app: Flask, signed_in: Holder, world: AccountWorld) -> None:
    telephone = Telephone(app)
    code = code_in(agree(signed_in, telephone.asks()))
    world.clock.forward(minutes=1)
    assert telephone.exchange(code).status_code == 400


def test_tokens_turn_and_one_used_twice_ends_everything(telephone: Telephone, world: AccountWorld) -> None:
    first = telephone.tokens["refresh_token"]
    world.clock.forward(minutes=11)
    assert telephone.call("GET", "fhir/DocumentReference").status_code == 401
    assert telephone.refresh().status_code == 200
    assert telephone.tokens["refresh_token"] != first
    assert telephone.call("GET", "fhir/DocumentReference").status_code == 200
    assert telephone.refresh(first).status_code == 400
    assert telephone.call("GET", "fhir/DocumentReference").status_code == 401
    assert telephone.refresh().status_code == 400


def test_a_refresh_never_gives_more_than_was_granted(app: Flask, signed_in: Holder) -> None:
    telephone = Telephone(app).let_in(signed_in, scope="patient/*.read offline_access")
    assert telephone.refresh(scope="patient/*.read patient/*.write").status_code == 400


def test_without_offline_access_there_is_no_staying(app: Flask, signed_in: Holder) -> None:
    assert "refresh_token" not in Telephone(app).let_in(signed_in, scope="patient/*.read").tokens


def test_thirty_days_without_a_call_put_it_out(telephone: Telephone, world: AccountWorld) -> None:
    world.clock.forward(days=30)
    assert telephone.refresh().status_code == 400


def test_the_holder_puts_it_out_and_its_next_call_is_refused(telephone: Telephone, signed_in: Holder) -> None:
    page = signed_in.get("/mon-dmp/connexions").text
    which = page.split('name="application" value="')[1].split('"')[0]
    signed_in.send("/mon-dmp/applications/retirer", form_at="/mon-dmp/connexions", application=which)
    assert telephone.call("GET", "fhir/DocumentReference").status_code == 401
    assert telephone.refresh().status_code == 400
    assert "DMP de poche" not in signed_in.get("/mon-dmp/connexions").text


def test_the_application_gives_up_by_itself(telephone: Telephone) -> None:
    form = {"token": telephone.tokens["refresh_token"], "client_id": "essai"}
    assert telephone.post("/api/oauth/revoke", form).status_code == 200
    assert telephone.call("GET", "fhir/DocumentReference").status_code == 401
    assert telephone.post("/api/oauth/revoke", {"token": "rien", "client_id": "essai"}).status_code == 200


def test_a_new_password_and_signing_out_elsewhere_put_every_application_out(
    telephone: Telephone, signed_in: Holder
) -> None:  # fmt: skip
    signed_in.send("/mon-dmp/connexions/deconnecter", form_at="/mon-dmp/connexions")
    assert "Un autre appareil a été déconnecté" in signed_in.get("/mon-dmp/connexions").text
    assert telephone.call("GET", "fhir/DocumentReference").status_code == 401


@pytest.mark.parametrize("state", [DossierState.CLOSED, DossierState.SUSPENDED])
def test_a_record_that_is_not_open_is_out_of_reach_at_once(
    telephone: Telephone, signed_in: Holder, world: AccountWorld, state: DossierState
) -> None:
    world.rows(
        "UPDATE enrolment.dossier SET state = :state, closed_by = CASE WHEN :closed THEN 'caisse' END, "
        "keep_until = CASE WHEN :closed THEN date '2026-11-02' END WHERE id = :id RETURNING id",
        state=state, closed=state is DossierState.CLOSED, id=signed_in.who.dossier,
    )  # fmt: skip
    assert telephone.call("GET", "fhir/DocumentReference").status_code == 401
    assert telephone.refresh().status_code == 400


def test_nothing_is_said_without_a_good_token(app: Flask) -> None:
    stranger = Telephone(app)
    sentences = set()
    for token in ("", "Bearer ", "Bearer inconnu", "Basic abc", f"Bearer {'x' * 5000}"):
        answer = app.test_client().get("/api/fhir/DocumentReference", headers={"Authorization": token})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        sentences.add(answer.data)
    assert len(sentences) == 1
    assert stranger.refused(401, "GET", "Patient")


def test_who_guesses_is_soon_no_longer_heard(app: Flask) -> None:
    stranger = Telephone(app, "198.51.100.9")
    answers = [stranger.refresh("rien").status_code for _ in range(61)]
    assert set(answers[:59]) == {400}
    assert answers[-1] == 429
    assert Telephone(app, "203.0.113.9").refresh("rien").status_code == 400
