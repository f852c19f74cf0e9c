"""A lot posted later than planned: one end of validity, the same at the counter, on the telephone and on the portal."""

import re
from collections.abc import Iterator
from datetime import date, datetime

import pytest
from campaigns.printers import a_printer
from campaigns.world import CODE, SYSTEM, Post, World, a_person, new_nir, pages_of, post
from flask import Flask
from portal.world import Visitor
from sqlalchemy import select
from werkzeug.test import TestResponse

from backoffice.campaigns.models import Lot
from backoffice.campaigns.printing import Report, hand_to_printer, note_report
from backoffice.campaigns.rules import ChannelRule
from backoffice.core.clock import PARIS
from backoffice.mondmp import create_app
from backoffice.population.insured import insured_of
from backoffice.population.models import Person

from .conftest import ADVISOR, AGENT, Browser, SignIn

__all__ = ["post"]

POSTED, END = date(2016, 12, 1), date(2017, 2, 1)
"""Planned for 14 November, so that the letters say 14 January."""
SAID = "1er février 2017"
WORDS = {
    "carte Vitale": "3210", "téléphone mobile": "1237", "adresse électronique": "zoe.q@exemple.fr",
    "code postal": "63119", "premier prénom": "Zoé",
}  # fmt: skip


def a_holder(**changes: str) -> list[str]:
    return a_person(
        prenom="Zoé", nom_naissance="Vasseur", nom_usage="Quillec", date_naissance="1950-08-03", code_postal="63119",
        ville="CHATEAUGAY", mobile="0639981237", email="zoe.q@exemple.fr", vitale_serie="9876543210",
        vitale_type="sans_photo", **changes,
    )  # fmt: skip


@pytest.fixture
def codes(world: World) -> dict[str, str]:
    """The code on the page of each of two persons, by NIR; their lot was posted 17 days late."""
    nirs = [new_nir(), new_nir()]
    world.load([a_holder(nir=nirs[0]), a_person(nir=nirs[1], vitale_serie="1112223334", vitale_type="sans_photo")])
    reference = world.sealed(channel_rule=ChannelRule.POST)
    a_printer(world)
    (lot,) = world.lots(reference)
    with world.session() as session:
        found = session.get_one(Lot, lot.id)
        hand_to_printer(session, world.office, SYSTEM, world.campaign(reference), found, "imprimeur-63")
    world.clock.now = datetime(2016, 12, 2, 10, 0, tzinfo=PARIS)
    with world.session() as session:
        note_report(session, world.office, SYSTEM, session.get_one(Lot, lot.id), Report(posted_on=POSTED))
    on_pages = {page.letter_id: page.code for page in pages_of(world.folder_of(reference) / f"{lot.name}.pdf")}
    assert all("14 janvier 2017" in page.text for page in pages_of(world.folder_of(reference) / f"{lot.name}.pdf"))
    rows = world.sql(
        "SELECT p.nir, l.number FROM letter l JOIN person p ON p.id = l.person_id AND p.caisse = l.caisse ORDER BY p.id"
    )
    return {nir: next(code for key, code in on_pages.items() if int(key[4:13]) == number) for nir, number in rows}


@pytest.fixture
def portal(world: World, post: Post) -> Iterator[Flask]:
    app = create_app(world.with_settings(**post.settings()).settings, clock=world.clock)
    app.testing = True
    yield app
    app.extensions["mondmp.access"].close()
    app.extensions["mondmp"].store.close()
    app.extensions["mondmp"].insured.close()


def at_the_counter(agent: Browser, world: World, nir: str) -> str:
    """The file of the person, opened with its reason."""
    (person,) = world.sql("SELECT id FROM person WHERE nir = :n", n=nir)[0]
    agent.send(f"/personnes/631/{person}/raison", f"/personnes/631/{person}", raison="accueil")
    page = agent.get(f"/personnes/631/{person}").text
    import re as r

    print(r.findall(r"Dernier code.{0,400}", page, r.S), page[:200] if "Dernier" not in page else "")
    return page


def on_the_telephone(advisor: Browser) -> str:
    """The call's file once the identity is proved."""
    call = str(advisor.send("/appels", "/appels").location)
    advisor.send(f"{call}/personne", call, appelant="titulaire", nom="Quillec", naissance="03/08/1950")
    advisor.send(f"{call}/identite", call)
    for _ in range(3):
        page = advisor.get(call).text
        asked = page.split('class="asked"')[1].split("</label>")[0]
        (number,) = re.findall(r'name="question" value="(\d+)"', page)
        answer = next(answer for words, answer in WORDS.items() if words in asked)
        advisor.send(f"{call}/reponse", call, question=number, reponse=answer)
    return advisor.get(call).text


def test_the_counter_and_the_telephone_name_the_last_day_on_which_the_portal_lets_in(
    world: World, codes: dict[str, str], sign_in: SignIn, portal: Flask
) -> None:
    first, second = codes
    assert CODE.fullmatch(codes[first])
    assert f"valable jusqu’au {SAID}" in at_the_counter(sign_in(AGENT), world, first)
    assert f"jusqu’au {SAID}" in on_the_telephone(sign_in(ADVISOR))

    def knocks(nir: str) -> TestResponse:
        with world.session() as session:
            person = session.scalars(select(Person).where(Person.nir == nir)).one()
        return Visitor(portal).identify(insured_of(person, END), codes[nir], carte="sans_photo")

    world.clock.now = datetime(END.year, END.month, END.day, 23, 55, tzinfo=PARIS)
    assert knocks(first).location == "/creer/informations"
    world.clock.move(minutes=6)
    late = knocks(second)
    assert (late.location, "n’est plus valable" in late.text) == (None, True)
    assert f"fin de validité le {SAID}" in at_the_counter(sign_in(AGENT), world, first)
