"""Mes connexions, and closing one's DMP."""

import re

import pytest
from flask import Flask

from .world import AccountWorld, Holder

CONFIRM = "/mon-dmp/fermeture/confirmation"


@pytest.fixture
def signed_in(holder: Holder, world: AccountWorld) -> Holder:
    holder.sign_in()
    world.clock.forward(minutes=1)
    return holder


def test_connections_tell_when_from_where_and_how_they_ended_and_mark_this_one(
    signed_in: Holder, app: Flask, world: AccountWorld
) -> None:
    elsewhere = Holder(app, world, signed_in.who).sign_in()
    page = signed_in.get("/mon-dmp/connexions").text
    assert page.count("Cet appareil, maintenant") == 1
    assert "Encore ouverte" in page
    assert "Mercredi\u00a02\u00a0novembre\u00a02016 à 10\u00a0h\u00a001" in page
    assert elsewhere.address not in page
    assert f"{elsewhere.address.rpartition('.')[0]}.x" in page
    elsewhere.send("/deconnexion", "/mon-dmp")
    assert "Terminée par «\u00a0Me déconnecter\u00a0»" in signed_in.get("/mon-dmp/connexions").text.replace(
        "« Me déconnecter »", "«\u00a0Me déconnecter\u00a0»"
    )


def test_signing_out_everywhere_ends_every_other_device_at_once(
    signed_in: Holder, app: Flask, world: AccountWorld
) -> None:
    others = [Holder(app, world, signed_in.who).sign_in()]
    world.clock.forward(minutes=1)
    others.append(Holder(app, world, signed_in.who).sign_in())
    assert signed_in.send("/mon-dmp/connexions/deconnecter", "/mon-dmp/connexions").status_code == 303
    assert "2 autres appareils ont été déconnectés" in signed_in.get("/mon-dmp/connexions").text.replace("\u00a0", " ")
    assert [other.get("/mon-dmp").location for other in others] == ["/connexion"] * 2
    assert signed_in.get("/mon-dmp").status_code == 200


def test_a_device_is_forgotten_and_another_holder_s_cannot_be(
    signed_in: Holder, app: Flask, world: AccountWorld
) -> None:
    device = re.search(r'name="appareil" value="([^"]+)"', signed_in.get("/mon-dmp/connexions").text)
    assert device is not None
    stranger = Holder(app, world, world.someone()).sign_in()
    form = {"form_at": "/mon-dmp/connexions"}
    assert stranger.send("/mon-dmp/connexions/oublier", appareil=device[1], **form).status_code == 404
    assert signed_in.send("/mon-dmp/connexions/oublier", appareil="n'importe quoi", **form).status_code == 404
    assert signed_in.send("/mon-dmp/connexions/oublier", appareil=device[1], **form).location == "/mon-dmp/connexions"
    assert device[1] not in signed_in.get("/mon-dmp/connexions").text


def test_closing_tells_what_it_does_and_takes_effect_with_the_code_alone(
    signed_in: Holder, app: Flask, world: AccountWorld
) -> None:
    elsewhere = Holder(app, world, signed_in.who).sign_in()
    world.clock.forward(minutes=1)
    page = signed_in.get("/mon-dmp/fermeture").text
    for said in ("directives anticipées", "conservées dix ans", "rouvrir votre DMP", "sans dire pourquoi"):
        assert said in page
    assert signed_in.get(CONFIRM).location == "/mon-dmp/fermeture"
    assert "Choisissez une raison" in signed_in.send("/mon-dmp/fermeture", raison="inventée").text
    assert signed_in.send("/mon-dmp/fermeture", raison="inutile").location == CONFIRM
    assert "il vous reste 2 essais" in signed_in.send(CONFIRM, code="000000").text
    assert world.dossiers(signed_in.who.person)[0].state == "open"
    code = world.outside.code(signed_in.who.mail)
    assert signed_in.send(CONFIRM, code=code).location == "/dmp-cloture"
    assert "Pensez à remettre vos directives anticipées" in signed_in.get("/dmp-cloture").text
    assert "Votre DMP est clôturé" in signed_in.get("/dmp-cloture").text
    row = world.rows("SELECT * FROM enrolment.dossier WHERE id = :d", d=signed_in.who.dossier)[0]
    assert (row.state, row.closed_by, row.reason) == ("closed", "holder", "Je n’en ai pas l’utilité")
    assert str(row.keep_until) == "2026-11-02"
    assert world.events(signed_in.who.person)[-1] == ("dossier.closed", {"by": "holder"})
    assert [each.get("/mon-dmp").location for each in (signed_in, elsewhere)] == ["/connexion"] * 2
    told = world.rows(
        "SELECT channel, state FROM medical.notice WHERE dossier_id = :d AND kind = 'closed' ORDER BY channel",
        d=signed_in.who.dossier,
    )  # fmt: skip
    assert [tuple(row) for row in told] == [("mail", "waiting"), ("mobile", "waiting")]


def test_who_closed_is_told_so_only_after_the_right_password_and_code(
    signed_in: Holder, app: Flask, world: AccountWorld
) -> None:
    signed_in.send("/mon-dmp/fermeture", raison="")
    signed_in.send(CONFIRM, code=world.outside.code(signed_in.who.mail))
    world.clock.forward(minutes=1)
    later = Holder(app, world, signed_in.who)
    assert "clôturé" not in later.give_password(mot_de_passe="faux").text
    assert later.give_password().location == "/connexion/code"
    assert "clôturé" not in later.get("/connexion/code").text
    assert "clôturé" not in later.send("/connexion/code", code="000000").text
    assert later.give_code().location == "/connexion"
    page = later.get("/connexion").text
    assert "Ce DMP est clôturé" in page
    assert "0\u00a0810\u00a0331\u00a0133" in page


def test_two_windows_close_once_and_the_second_is_led_to_the_sign_in(signed_in: Holder, world: AccountWorld) -> None:
    signed_in.send("/mon-dmp/fermeture", raison="")
    page = signed_in.get(CONFIRM).text
    code = world.outside.code(signed_in.who.mail)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    answers = [signed_in.client.post(CONFIRM, data={"csrf_token": token[1], "code": code}) for _ in range(2)]
    assert [answer.location for answer in answers] == ["/dmp-cloture", "/connexion"]
    kinds = [kind for kind, _ in world.events(signed_in.who.person)]
    assert kinds.count("dossier.closed") == 1
