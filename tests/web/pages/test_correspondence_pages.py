"""Answers as a campaign manager meets them: their counts, the button that gathers, a day's letters, the register."""

import uuid

from campaigns.world import SYSTEM, World, a_person

from backoffice.adapters.dmp import Kind
from backoffice.correspondence.gathering import gather
from backoffice.correspondence.receiving import receive

from .conftest import FOREIGN_MANAGER, MANAGER, SUPERVISOR, Browser, SignIn, journal, token_of

PLACE = "/courriers-a-la-demande"


def created(world: World, count: int = 1) -> None:
    """So many persons have just created their DMP."""
    world.load([a_person() for _ in range(count)])
    for (person,) in world.sql("SELECT id FROM person ORDER BY id DESC LIMIT :n", n=count):
        world.sql(
            "INSERT INTO enrolment.outbox (event_id, kind, caisse, person_id, at) VALUES (:e, :k, '631', :p, :at)",
            "dmp", e=uuid.uuid4(), k=Kind.DOSSIER_OPENED.value, p=person, at=world.clock.now,
        )  # fmt: skip
    receive(world.office)


def campaign(world: World) -> str:
    return str(world.sql("SELECT reference FROM campaign")[0][0])


def test_the_button_gathers_what_waits_once_and_says_so(manager: Browser, world: World) -> None:
    created(world, 2)
    done = manager.client.post(f"{PLACE}/rassembler", data={"csrf_token": _token(manager)}, follow_redirects=True)
    assert "Mis en lots : 2 par La Poste" in done.text.replace("\u00a0", " ")
    again = manager.client.post(f"{PLACE}/rassembler", data={"csrf_token": _token(manager)}, follow_redirects=True)
    assert "il n’y a rien à mettre en lots" in again.text.replace("\u00a0", " ")
    assert journal(world, "courriers.rassembler") == [(MANAGER, campaign(world))]


def test_another_caisse_sees_none_of_it(sign_in: SignIn, world: World) -> None:
    created(world)
    gather(world.office, SYSTEM, post_now=True)
    other = sign_in(FOREIGN_MANAGER)
    assert campaign(world) not in other.get(PLACE).text
    assert other.get(f"/campagnes/{campaign(world)}").status_code == 404


def test_a_day_of_answers_is_shown_as_what_it_is_and_cannot_be_cancelled(manager: Browser, world: World) -> None:
    created(world)
    gather(world.office, SYSTEM, post_now=True)
    address = f"/campagnes/{campaign(world)}"
    page = manager.get(address).text
    assert "Accusés de réception du 02/11/2016" in page
    assert f'href="{PLACE}"' in page
    for foreign in ("Préparer une campagne semblable", "À approuver", "à partir de 18", f"{address}/etapes/annuler"):
        assert foreign not in page
    assert f"{address}/etapes/suspendre" in page
    refused = manager.get(f"{address}/etapes/annuler")
    assert refused.status_code == 409
    assert "ne s’annulent pas" in refused.text.replace("\u00a0", " ")
    assert campaign(world) not in manager.get("/campagnes").text


def test_the_register_of_events_names_nobody(sign_in: SignIn, world: World) -> None:
    created(world)
    gather(world.office, SYSTEM, post_now=True)
    page = sign_in(SUPERVISOR).get("/registres/evenements/").text
    [(name, nir)] = world.sql("SELECT nom_naissance, nir FROM person")
    assert "DMP créé" in page
    assert name not in page
    assert nir not in page


def _token(browser: Browser) -> str:
    return token_of(browser.get(PLACE).text)
