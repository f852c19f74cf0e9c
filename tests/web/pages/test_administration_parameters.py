"""The administrator sets what the other pages go by, in forms that say why not and keep what was typed."""

import re
from datetime import date, time
from typing import Any

import pytest
from campaigns.world import World, a_person

from backoffice.calls.scripts import SCRIPTS
from backoffice.cases import actions as case_actions
from backoffice.cases.kinds import WORKFLOWS
from backoffice.closure.explanation import EXPLANATION
from backoffice.core.actor import Role, system_actor
from backoffice.parameters.declared import PARAMETERS
from backoffice.parameters.hours import CLOSED_DAYS, CLOSED_EVERYWHERE, WEEK, hours_of
from backoffice.parameters.limits import COOLING_OFF_DAYS
from backoffice.parameters.reading import current
from backoffice.parameters.reasons import ABANDON
from backoffice.parameters.rights import GROUPS
from backoffice.web.administration import parameters as page_module

from .conftest import ADMINISTRATOR, AGENT, MANAGER, SUPERVISOR, Browser, SignIn, journal, token_of

AT = "/administration/parametres"
WEEK_TYPED = {f"{day}-{place}": at for day in ("lundi", "mardi", "mercredi", "jeudi", "vendredi")
              for place, at in enumerate(("8:30", "12h", "13h30", "17:30"), start=1)}  # fmt: skip


@pytest.fixture
def admin(sign_in: SignIn) -> Browser:
    return sign_in(ADMINISTRATOR)


def send(browser: Browser, name: str, caisse: str | None = None, **typed: str) -> Any:
    address = f"{AT}/{name}" + (f"?caisse={caisse}" if caisse else "")
    page = browser.get(address).text
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found is not None
    request = re.search(r'name="demande" value="([^"]+)"', page)
    assert request is not None
    form = {
        "csrf_token": token_of(page),
        "version": found[1],
        "demande": request[1],
        "geste": "changer",
        "motif": "Essai",
    }
    return browser.client.post(f"{AT}/{name}", data=form | ({"caisse": caisse} if caisse else {}) | typed)


def in_force(world: World, parameter: Any, caisse: str | None = None) -> Any:
    with world.session() as session:
        return current(session).of(parameter, caisse)


def test_the_administrator_sees_every_parameter_and_its_page(world: World, admin: Browser) -> None:
    del world
    home = admin.get("/administration/").text
    assert f'href="{AT}/"' in home
    page = admin.get(f"{AT}/").text
    for parameter in PARAMETERS:
        assert parameter.name in page
        address = f"{AT}/{parameter.name}" + ("?caisse=631" if parameter.per_caisse else "")
        shown = admin.get(address)
        assert shown.status_code == 200
        assert "Valeur d’origine, en vigueur" in shown.text


@pytest.mark.parametrize("login", [AGENT, MANAGER, SUPERVISOR])
def test_nobody_else_has_so_much_as_the_link(sign_in: SignIn, login: str) -> None:
    browser = sign_in(login)
    assert "/administration" not in browser.get("/").text
    for address in ("/administration/", f"{AT}/", f"{AT}/{GROUPS.name}"):
        assert browser.get(address).status_code == 403


def test_a_limit_is_changed_with_its_reason_and_its_version(world: World, admin: Browser) -> None:
    done = send(admin, COOLING_OFF_DAYS.name, nombre="14")
    assert done.status_code == 303
    page = admin.get(done.location).text
    assert "vaut dès maintenant" in page
    assert "Version 1, en vigueur" in page
    assert in_force(world, COOLING_OFF_DAYS) == 14
    assert journal(world, "parametre.modifier") == [(ADMINISTRATOR, COOLING_OFF_DAYS.name)]
    assert send(admin, COOLING_OFF_DAYS.name, geste="origine").status_code == 303
    assert in_force(world, COOLING_OFF_DAYS) == COOLING_OFF_DAYS.default


@pytest.mark.parametrize(
    ("name", "caisse", "typed", "said"),
    [
        (COOLING_OFF_DAYS.name, None, {"nombre": "mille"}, "nombre entier"),
        (COOLING_OFF_DAYS.name, None, {"nombre": "-3"}, "nombre entier"),
        (COOLING_OFF_DAYS.name, None, {"nombre": "31"}, "va de 1"),
        (COOLING_OFF_DAYS.name, None, {"nombre": "14", "motif": " "}, "Dites pourquoi"),
        (COOLING_OFF_DAYS.name, None, {"nombre": "7"}, "Rien n’a changé"),
        (WEEK.name, "631", WEEK_TYPED | {"lundi-1": "25h"}, "Le lundi, « 25h » n’est pas une heure"),
        (WEEK.name, "631", WEEK_TYPED | {"mardi-2": ""}, "Le mardi, une plage a une heure sans l’autre"),
        (WEEK.name, "631", WEEK_TYPED | {"jeudi-3": "11:00"}, "Les horaires du jeudi ne se suivent pas"),
        (WEEK.name, "631", {}, "Aucun jour"),
        (CLOSED_DAYS.name, "631", {"jours": "26/12/2016 Pont\n31/02/2017 Rien"}, "La ligne 2"),
        (CLOSED_DAYS.name, "631", {"jours": "demain"}, "La ligne 1"),
        (CLOSED_DAYS.name, "631", {"jours": "26/12/2016"}, "Dites pourquoi la caisse est fermée"),
        (GROUPS.name, None, {"groupe-0": "cn=x,dc=y", "role-0": ""}, "Choisissez le rôle"),
        (GROUPS.name, None, {"groupe-0": "cn=x,dc=y", "role-0": "agent"}, "rôle Administrateur"),
        (GROUPS.name, None, {"groupe-0": "a", "role-0": "agent", "groupe-1": "a", "role-1": "agent"}, "deux fois"),
        (ABANDON.name, None, {"libelle-0": "Un nouveau", "actif-0": "on", "code-0": ""}, "ne peut être retiré"),
    ],
)
def test_what_makes_no_sense_is_refused_and_what_was_typed_stays(
    world: World, admin: Browser, name: str, caisse: str | None, typed: dict[str, str], said: str
) -> None:
    refused = send(admin, name, caisse, **typed)
    assert refused.status_code == 422
    page = refused.text.replace("\u00a0", " ")
    assert said in page
    for value in typed.values():
        for word in value.split("\n"):
            assert word.strip() in page
    assert world.sql("SELECT count(*) FROM parameter_version")[0][0] == 0


def test_the_hours_of_a_caisse_are_its_own(world: World, admin: Browser) -> None:
    assert send(admin, WEEK.name, "631", **WEEK_TYPED).status_code == 303
    assert send(admin, CLOSED_DAYS.name, "631", jours="26/12/2016 Pont\n\n 24/12/2016 : Veille ").status_code == 303
    with world.session() as session:
        hours = hours_of(session, "631")
        assert hours.week[0] == ((time(8, 30), time(12)), (time(13, 30), time(17, 30)))
        assert hours.closed == {date(2016, 12, 24), date(2016, 12, 26)}
        assert hours_of(session, "941").week[0] == ((time(8, 30), time(17, 30)),)
    assert "24/12/2016 (Veille), 26/12/2016 (Pont)" in admin.get(f"{AT}/?caisse=631").text


def test_due_times_counted_in_the_old_hours_are_counted_again(world: World, admin: Browser) -> None:
    world.load([a_person(), a_person(caisse="941")])
    workflow = next(one for one in WORKFLOWS if not one.initial.waits)
    with world.session() as session:
        here, there = (
            case_actions.open_case(session, world.office, system_actor(), workflow, caisse, 1)
            for caisse in ("631", "941")
        )
    tomorrow = {"jours": "03/11/2016 Inventaire"}
    assert send(admin, CLOSED_DAYS.name, "631", **tomorrow).status_code == 303
    due = {caisse: at for caisse, at in world.sql("SELECT caisse, due_at FROM case_file")}  # noqa: C416
    assert due["941"] == there.due_at
    assert due["631"] > here.due_at
    assert send(admin, CLOSED_EVERYWHERE.name, jours="03/11/2016 Inventaire").status_code == 303
    due = {caisse: at for caisse, at in world.sql("SELECT caisse, due_at FROM case_file")}  # noqa: C416
    assert due["941"] == due["631"]


def test_a_reason_is_added_renamed_and_retired(world: World, admin: Browser) -> None:
    rows = {}
    for place, one in enumerate(ABANDON.default):
        rows |= {f"code-{place}": one.code, f"libelle-{place}": one.label, f"actif-{place}": "on"}
    del rows["actif-3"]
    rows |= {
        "libelle-0": "La personne a changé d’avis",
        "code-9": "",
        "libelle-9": "Évacuation du site",
        "actif-9": "on",
    }
    assert send(admin, ABANDON.name, **rows).status_code == 303
    found = {one.code: one for one in in_force(world, ABANDON)}
    assert found["evacuation_du_site"].label == "Évacuation du site"
    assert found["change_avis"].label == "La personne a changé d’avis"
    assert not found["reviendra"].active


def test_a_group_mapped_to_another_role_changes_the_next_page_of_those_signed_in(
    world: World, admin: Browser, sign_in: SignIn
) -> None:
    agent = sign_in(AGENT)
    assert agent.get("/campagnes").status_code == 403
    rows = {"groupe-0": "DMP-Accueil", "role-0": Role.CAMPAIGN_MANAGER.value, "groupe-1": "dmp-admin",
            "role-1": Role.ADMINISTRATOR.value}  # fmt: skip
    assert send(admin, GROUPS.name, **rows).status_code == 303
    assert agent.get("/campagnes").status_code == 200
    assert admin.get(f"{AT}/").status_code == 200
    assert send(admin, GROUPS.name, geste="origine").status_code == 303
    assert agent.get("/campagnes").status_code == 403
    del world


def test_what_advisors_say_is_rewritten_after_a_look_at_it(world: World, admin: Browser) -> None:
    script = SCRIPTS[0]
    page = send(admin, script.name, texte="Bonjour <b>vous</b>.\r\n\r\n- un point\r\n- un autre", geste="apercu")
    assert page.status_code == 200
    assert "<p>Bonjour &lt;b&gt;vous&lt;/b&gt;.</p><ul><li>un point</li>" in page.text
    assert in_force(world, script) == script.default  # looking changes nothing
    assert send(admin, script.name, texte="Bonjour, et bienvenue.").status_code == 303
    assert in_force(world, script) == "Bonjour, et bienvenue."
    assert send(admin, script.name, texte=" ").status_code == 422


def test_two_administrators_who_meet_are_told_and_a_double_click_changes_once(world: World, admin: Browser) -> None:
    page = admin.get(f"{AT}/{COOLING_OFF_DAYS.name}").text
    form = {
        "csrf_token": token_of(page),
        "version": "0",
        "motif": "Essai",
        "geste": "changer",
        "demande": "une-demande",
    }
    for _ in range(2):
        assert admin.client.post(f"{AT}/{COOLING_OFF_DAYS.name}", data=form | {"nombre": "14"}).status_code == 303
    late = admin.client.post(f"{AT}/{COOLING_OFF_DAYS.name}", data=form | {"nombre": "21", "demande": "une-autre"})
    assert late.status_code == 409
    assert "a été modifié par vincent.lemaire" in late.text
    assert 'value="21"' in late.text
    assert in_force(world, COOLING_OFF_DAYS) == 14


@pytest.mark.parametrize("address", [f"{AT}/rien", f"{AT}/{WEEK.name}", f"{AT}/{WEEK.name}?caisse=999",
                                     f"{AT}/{GROUPS.name}?caisse=631", f"{AT}/?caisse=000"])  # fmt: skip
def test_what_is_no_parameter_is_not_found(admin: Browser, address: str) -> None:
    assert admin.get(address).status_code == 404


def test_each_family_of_the_screen_holds_every_declared_parameter() -> None:
    listed = [one.name for _, family in page_module._FAMILIES for one in family if one not in page_module._TEXTS]
    assert sorted(listed) == sorted(one.name for one in PARAMETERS)


def test_every_text_that_is_read_out_is_listed_and_opens(admin: Browser) -> None:
    page = admin.get(f"{AT}/").text
    for text in (*SCRIPTS, EXPLANATION):
        assert f"{AT}/{text.name}" in page
    assert "Vos documents ne sont pas effacés" in admin.get(f"{AT}/{EXPLANATION.name}").text
