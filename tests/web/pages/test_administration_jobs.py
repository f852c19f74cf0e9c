"""Jobs, health and caisses as an administrator sees them; a failed job asked for again, once."""

import re
from datetime import timedelta
from typing import Any

import pytest
from campaigns.world import World

from backoffice.adapters.failures import note_failure
from backoffice.adapters.queue import connect, note_round, queue_of
from backoffice.parameters.actions import change
from backoffice.parameters.hours import CLOSED_DAYS, ClosedDay
from backoffice.web.administration import jobs as page_module

from .conftest import ADMINISTRATOR, SUPERVISOR, Browser, SignIn, journal, token_of

AT = "/administration/travaux/"


@pytest.fixture
def admin(sign_in: SignIn) -> Browser:
    return sign_in(ADMINISTRATOR)


def fail(world: World, name: str, error: BaseException) -> None:
    try:
        raise error
    except type(error) as caught:
        note_failure(world.office.redis, name, caught, world.clock())


def ask_again(admin: Browser, page: str, name: str) -> Any:
    row = page.split(f'value="{name}"')[0]
    request = re.findall(r'name="demande" value="([^"]+)"', row)[-1]
    form = {"csrf_token": token_of(page), "demande": request, "travail": name}
    return admin.client.post(f"{AT}relancer", data=form)


def test_nothing_fails_and_the_page_says_so(world: World, admin: Browser) -> None:
    note_round(world.office.redis, world.clock())
    page = admin.get(AT).text
    assert "Aucun travail n’est en échec." in page
    assert "Lots à fabriquer" in page
    assert "dernière tournée le" in page


def test_a_failure_is_shown_in_french_without_a_word_of_its_message(world: World, admin: Browser) -> None:
    fail(world, "lot-7", ValueError("Mme QUILLEC, 2690563220002"))
    fail(world, "tournee-escalate", OSError("/home/x"))
    page = admin.get(AT).text
    assert "Fabrication du lot n° 7" in page.replace("\u00a0", " ")
    assert "Erreur du programme" in page
    assert "Alerte avant échéance" in page
    assert "repris de lui-même" in page
    assert "QUILLEC" not in page
    assert "2690563220002" not in page


def test_asked_again_twice_by_one_form_it_is_asked_once(world: World, admin: Browser) -> None:
    fail(world, "lot-7", ValueError())
    page = admin.get(AT).text
    assert ask_again(admin, page, "lot-7").status_code == 303
    assert ask_again(admin, page, "lot-7").status_code == 303
    assert queue_of(world.office.redis).job_ids == ["lot-7"]
    assert journal(world, "travail.relancer") == [(ADMINISTRATOR, "lot-7")]
    assert "relancé" in admin.get(AT).text


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [("lot-8", 404, "plus en échec"), ("tournee-escalate", 409, "d’elle-même"), ("", 404, "plus en échec")],
)
def test_what_cannot_be_asked_again_is_refused_in_a_sentence(
    world: World, admin: Browser, name: str, status: int, words: str
) -> None:
    fail(world, "tournee-escalate", OSError())
    page = admin.get(AT).text
    answer = admin.client.post(
        f"{AT}relancer",
        data={"csrf_token": token_of(admin.get("/administration/parametres/annuaire.groupes").text), "travail": name},
    )
    assert answer.status_code == status
    assert words in answer.text
    assert queue_of(world.office.redis).job_ids == []
    assert "Alerte avant échéance" in page


def test_a_form_without_its_token_is_refused(world: World, admin: Browser) -> None:
    fail(world, "lot-7", ValueError())
    assert admin.client.post(f"{AT}relancer", data={"travail": "lot-7"}).status_code == 400
    assert queue_of(world.office.redis).job_ids == []


def test_a_supervisor_asks_for_nothing_again(world: World, sign_in: SignIn) -> None:
    fail(world, "lot-7", ValueError())
    supervisor = sign_in(SUPERVISOR)
    for address in (AT, "/administration/etat/", "/administration/caisses/"):
        assert supervisor.get(address).status_code == 403


def test_a_queue_that_is_away_leaves_the_page(world: World, admin: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from backoffice.web.pages.composition import office

    monkeypatch.setattr(page_module, "office", lambda: replace(office(), redis=connect("redis://127.0.0.1:1/0")))
    page = admin.get(AT)
    assert page.status_code == 200
    assert "La file des travaux ne répond pas" in page.text
    assert "Lots à fabriquer" in page.text


def test_the_state_of_the_house_is_one_line_a_part(world: World, admin: Browser) -> None:
    page = admin.get("/administration/etat/").text
    for part in ("Base de données des caisses", "Annuaire", "Serveur de courriels", "Travailleurs", "Disque"):
        assert part in page
    assert "à regarder" in page  # no worker runs in a test


def test_the_caisses_say_their_hours_and_their_next_closings(world: World, admin: Browser) -> None:
    day = world.clock().date() + timedelta(days=5)
    with world.session() as session:
        change(
            session, world.office, actor_of_all(), CLOSED_DAYS, (ClosedDay(day, "Inventaire"),),
            reason="Essai", seen=0, caisse="631",
        )  # fmt: skip
    page = admin.get("/administration/caisses/").text
    assert page.count("CPAM") >= 9
    assert f"{day:%d/%m/%Y}, Inventaire" in page
    assert "Toussaint" in page or "Armistice" in page
    assert "/administration/parametres/horaires.semaine?caisse=631" in page


def actor_of_all() -> Any:
    from backoffice.parameters.emergency import emergency_actor

    return emergency_actor()
