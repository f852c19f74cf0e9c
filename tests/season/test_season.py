"""One season of a caisse on a clock that stands still between acts: whatever happens, every number is a count.

After each act, the command line, the campaign's page, its plan, its following and the calendar are read again and held
against counts that `counts` makes straight from the tables.
"""

import json
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from html import unescape
from typing import Any

import pytest
from campaigns.printers import a_printer
from campaigns.world import CODE, SYSTEM, Post, World, a_person, manager, new_nir, pages_of
from click.testing import CliRunner
from portal.world import Visitor
from sqlalchemy.orm import Session
from web.pages.conftest import AGENT, MANAGER, OTHER_MANAGER, Browser, SignIn
from web.pages.test_person_file_pages import give

from backoffice.adapters.dmp import Consent, Contacts
from backoffice.campaigns import actions, control, waves
from backoffice.campaigns.criteria import Criteria, Earlier, Fate
from backoffice.campaigns.models import Campaign, Lot
from backoffice.campaigns.printing import Report, acknowledge, hand_to_printer, note_report
from backoffice.campaigns.retention import run_retention
from backoffice.campaigns.rules import CampaignState
from backoffice.campaigns.scheduling import Terms
from backoffice.campaigns.wave_clock import start_due_waves
from backoffice.campaigns.work import make_lot
from backoffice.cli.campaign import campaign as command
from backoffice.core.actor import Actor, Role
from backoffice.core.clock import PARIS, long_french_date
from backoffice.core.errors import NotAllowed
from backoffice.correspondence.bounces import read_bounces
from backoffice.correspondence.gathering import gather
from backoffice.correspondence.receiving import receive
from backoffice.correspondence.relaying import relay
from backoffice.following.counting import recount
from backoffice.letters.reference import format_letter_id
from backoffice.mondmp import create_app as create_mondmp
from backoffice.office import Office
from backoffice.persons.resend import request_code
from backoffice.population.insured import insured_of
from backoffice.population.models import Person
from backoffice.returns.applying import apply_returns
from backoffice.returns.noting import note_return
from backoffice.returns.reasons import ReturnReason

from . import counts

DAMIEN, HELENE = manager(MANAGER, "631"), manager(OTHER_MANAGER, "631")
SANDRINE = Actor(AGENT, AGENT, frozenset({Role.AGENT}), frozenset({"631"}))
MEANWHILE = ("COUNTER", "ONLINE", "RESEND", "RETURNED")
"""First names of those whom something befalls."""
CONTROL = {
    "label": "siège", "civilite": "MME", "nom": "Chabrol", "prenom": "Sandrine", "adresse_4": "RUE PELISSIER",
    "code_postal": "63031", "ville": "CLERMONT FERRAND CEDEX 9",
}  # fmt: skip


def plain(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)).replace("\u00a0", " ").replace("\u202f", " "))


@dataclass
class Season:
    """The acts, and the reading of every number after each."""

    world: World
    office: Office
    browsers: Callable[[str], Browser]
    approved: dict[str, tuple[int, Counter[str]]] = field(default_factory=dict)
    """What each approval found, counted by hand."""

    def at(self, month: int, day: int, hour: int = 9, year: int = 2016) -> None:
        self.world.clock.now = datetime(year, month, day, hour, tzinfo=PARIS).astimezone(UTC)

    def within(self, work: Callable[[Session], Any]) -> Any:
        with self.office.db.unit_of_work() as session:
            return work(session)

    def person(self, name: str) -> int:
        return int(self.world.sql("SELECT id FROM person WHERE prenom = :n", n=name)[0][0])

    def make(self) -> None:
        for (lot,) in self.world.sql("SELECT id FROM lot WHERE state = 'prevu' ORDER BY id"):
            make_lot(self.office, lot)

    def page_of(self, reference: str, name: str) -> Any:
        """The page of a person's letter as its reader has it."""
        (row,) = self.world.sql(
            "SELECT l.number, o.name FROM letter l JOIN campaign c ON c.id = l.campaign_id JOIN lot o ON "
            "(o.campaign_id, o.caisse, o.channel, o.sequence) = (l.campaign_id, l.caisse, l.channel, l.lot_sequence) "
            "WHERE c.reference = :r AND l.person_id = :p", r=reference, p=self.person(name),
        )  # fmt: skip
        pages = pages_of(self.world.folder_of(reference) / f"{row.name}.pdf")
        return next(one for one in pages if one.letter_id == format_letter_id("631", row.number))

    def everything_is_a_count(self) -> None:
        references = list(self.approved)
        browser = self.browsers(MANAGER)
        recount(self.office, "631")
        for reference, (targeted, left_out) in self.approved.items():
            expected = counts.status(self.world, reference, targeted, left_out)
            told = self.as_told(reference)
            assert {name: told[name] for name in expected} == expected
            # Whoever was found at the approval got something, waits for it, or is counted among those left out.
            assert told["eligible"] == (
                told["letters"] + told["emails"] + told["exceptions"] + (told["total"] - told["done"]) + told["never"]
            )
            assert told["targeted"] == told["eligible"] + sum(told["excluded"].values())
            self.campaign_page(browser, reference, expected)
            self.plan_page(browser, reference)
            self.following_page(browser, reference, references)
        self.calendar_page(browser, references)
        counts.nobody_is_written_to_twice(self.world, references)
        assert self.world.verify().clean

    def as_told(self, reference: str) -> dict[str, Any]:
        done = CliRunner().invoke(command, ["status", reference, "--json"], catch_exceptions=False)
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def campaign_page(self, browser: Browser, reference: str, expected: dict[str, Any]) -> None:
        page = browser.get(f"/campagnes/{reference}").text
        figures = dict(re.findall(r'data-live="(\w+)">([\d\s\u202f\u00a0]+)<', page))
        assert {name: int(re.sub(r"\D", "", value)) for name, value in figures.items() if name != "part"} == {
            "faits": expected["done"], "total": expected["total"], "courriers": expected["letters"],
            "lots": expected["lots_sealed"], "pages": expected["pages"], "courriels": expected["emails"],
            "exceptions": expected["exceptions"],
        }  # fmt: skip
        found = re.search(r"<strong>(\d+)</strong> personnes? sur (\d+)", page.replace("\u00a0", " "))
        assert found is not None
        assert (int(found[1]), int(found[2])) == (expected["eligible"], expected["targeted"])
        rows = re.findall(r'<tr><th scope="row">[^<]+</th><td class="number">(\d+)</td></tr>', page)
        assert sorted(map(int, rows)) == sorted(expected["excluded"].values())

    def plan_page(self, browser: Browser, reference: str) -> None:
        page = browser.get(f"/campagnes/{reference}/vagues").text
        cells = re.findall(r'id="vague-(\d+)".*?data-label="Envois">(\d+)<.*?data-label="Partis">(\d+|—)<', page, re.S)
        rows = self.world.sql(
            "SELECT w.number, count(*) AS planned, count(*) FILTER (WHERE l.state IN ('scellee', 'envoyee')) AS gone, "
            "w.started_at FROM letter l JOIN lot o ON (o.campaign_id, o.caisse, o.channel, o.sequence) = "
            "(l.campaign_id, l.caisse, l.channel, l.lot_sequence) JOIN wave w ON w.id = o.wave_id "
            "JOIN campaign c ON c.id = w.campaign_id WHERE c.reference = :r GROUP BY w.id ORDER BY 1", r=reference,
        )  # fmt: skip
        assert cells == [(str(row.number), str(row.planned), str(row.gone) if row.started_at else "—") for row in rows]

    def following_page(self, browser: Browser, reference: str, references: list[str]) -> None:
        expected = counts.followed(self.world, reference, references)
        for dimension, labels in (
            ("canal", {"courrier": "La Poste", "mail": "Courriel"}),
            ("vague", {name: name.capitalize() if name != "vague 0" else "Sans vague" for name in expected}),
        ):
            page = browser.get(f"/envois/{reference}?par={dimension}").text
            section = page.partition('id="selon"')[2].partition("</section>")[0]
            rows = {
                unescape(label): [int(number) for number in re.findall(r'data-label="[^"]+">(\d+)<', rest)]
                for label, rest in re.findall(r'<tr><th scope="row">([^<]+)</th>(.*?)</tr>', section, re.S)
            }
            assert rows == {
                labels[name]: [
                    one["envoi"], one["envoi"] - one["retour"], one["retour"], 0, one["code"], one["dmp"],
                ]
                for name, one in expected.items() if name in labels and name.startswith("vague") == (dimension == "vague")
            }  # fmt: skip

    def calendar_page(self, browser: Browser, references: list[str]) -> None:
        page = plain(browser.get("/calendrier").text)
        for reference in references:
            for day, number in counts.ending(self.world, reference).items():
                assert re.search(rf"{reference} [^0-9]+ \w+ {long_french_date(day)} {number} ", page), (day, number)
        if not any(counts.ending(self.world, reference) for reference in references):
            assert "Codes qui expirent d’ici sept jours Aucun." in page
        for row in self.world.sql(
            "SELECT c.reference, w.number, w.letters FROM wave w JOIN campaign c ON c.id = w.campaign_id "
            "WHERE w.state = 'prevue'"
        ):
            assert f"{row.reference} vague {row.number}, {row.letters} envois, programmée" in page


@pytest.fixture
def season(world: World, post: Post, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> Season:
    office = world.with_settings(**post.settings())

    @contextmanager
    def opened() -> Iterator[Office]:
        yield office

    monkeypatch.setattr("backoffice.cli.campaign.office_open", opened)
    return Season(world, office, sign_in)


def paper(name: str, **changes: str) -> list[str]:
    return a_person(prenom=name, nom_usage="", adresse_4=f"{len(name)} RUE {name}", **changes)


def population() -> list[list[str]]:
    written_to = [
        paper(name, vitale_serie="123456789", vitale_type="photo", date_naissance="1950-08-12")
        for name in (*MEANWHILE, "PAULE")
    ] + [paper(name) for name in ("PIA", "PERLE", "PALMA", "PAZ", "PRUNE")]
    by_mail = [
        a_person(prenom=name, canal="mail", email=f"{name.lower()}@{domain}")
        for name, domain in (("MA", "exemple.fr"), ("MB", "inconnue.example.org"), ("MC", "exemple.fr"))
    ]
    left_out = [
        paper("CHILD", qualite="AD", nir_od=new_nir()), paper("RSI", regime="03"), paper("DEAD", date_deces="2016-09-01"),
        paper("NO", opposition="O"), paper("PND", pnd="O"), paper("YOUNG", date_naissance="2005-05-05"),
        paper("ABROAD", pays="BELGIQUE", code_postal="1000", ville="BRUXELLES"), paper("HOLDER", dmp="O"),
    ]  # fmt: skip
    odd = a_person(prenom="ODD", ville="X" * 60)  # on no envelope
    return [*written_to, paper("TARD", code_postal="63998"), *by_mail, odd, *left_out]


def test_a_season_of_a_caisse_every_number_equals_a_count(season: Season, sign_in: SignIn) -> None:
    world = season.world
    rows = population()
    assert world.load(rows).rejected == 0
    season.within(lambda session: control.add_address(session, season.office, DAMIEN, "631", **CONTROL))

    # A recruitment of two waves, approved by a second person.
    first = prepared(season, DAMIEN, HELENE, draft={"name": "Automne", "letter_date": date(2016, 11, 14)})
    season.within(lambda session: waves.schedule(session, season.office, DAMIEN, first, Terms(date(2016, 11, 14), 8)))
    season.everything_is_a_count()

    # The first wave, handed over and acknowledged; then somebody refuses letters before the second.
    season.at(11, 14)
    assert start_due_waves(season.office) == 1
    season.everything_is_a_count()
    season.make()
    season.everything_is_a_count()
    a_printer(world)
    one = handed(season, first)
    season.everything_is_a_count()
    world.load([[*row[:23], "O", *row[24:]] if "TARD" in row else row for row in rows])
    season.at(11, 15)
    assert start_due_waves(season.office) == 1
    season.make()
    assert season.as_told(first)["state"] == CampaignState.FINISHED
    assert season.as_told(first)["excluded"]["opposition"] == 2
    season.everything_is_a_count()
    two = handed(season, first)
    reported(season, two, date(2016, 11, 15))
    season.everything_is_a_count()

    # The first wave is posted two days late: the day that its readers are told moves with it.
    early = late_reader(season, one)
    place = f"/personnes/631/{early}"
    assert "valable jusqu’au 14 janvier 2017" in give(sign_in(AGENT), place)
    season.at(11, 16)
    reported(season, one, date(2016, 11, 16))
    assert counts.last_day(world, early) == date(2017, 1, 16)
    assert "valable jusqu’au 16 janvier 2017" in give(sign_in(AGENT), place)
    season.everything_is_a_count()

    # An e-mail comes back: a letter goes instead, with another code.
    assert read_bounces(season.office).returned == 1
    season.everything_is_a_count()
    assert relay(season.office, SYSTEM, post_now=True).letters == 1
    season.make()
    season.everything_is_a_count()

    # A letter comes back: its code opens nothing any more, its address is written to no more.
    season.at(11, 21)
    returned = season.page_of(first, "RETURNED")
    season.within(
        lambda session: note_return(session, season.office, SANDRINE, returned.letter_id, ReturnReason.UNKNOWN)
    )
    world.clock.move(minutes=3)
    assert apply_returns(season.office) == 1
    assert season.person("RETURNED") not in counts.living(world)
    season.everything_is_a_count()

    # A code asked for at the counter takes the place of the campaign's.
    season.at(11, 22)
    old = world.digest("631", season.page_of(first, "RESEND").code)
    assert old in world.codes()
    ask_again(season, "RESEND")
    assert old not in world.codes()
    assert season.person("RESEND") in counts.living(world)
    season.everything_is_a_count()

    # Two DMP: one at the counter, whose code is revoked; one on mon-dmp, by the code of the letter.
    season.at(11, 24)
    opened_at_the_counter(season, "COUNTER")
    season.everything_is_a_count()
    opened_online(season, "ONLINE", season.page_of(first, "ONLINE").code)
    receive(season.office)
    gather(season.office, SYSTEM, post_now=True)
    season.make()
    assert counts.followed(world, first, [first])["courrier"]["code"] == 1
    season.everything_is_a_count()

    # A reminder to the women of the first campaign: not to who came back, asked again or created.
    season.at(1, 4, year=2017)
    again = prepared(
        season, HELENE, DAMIEN, by_hand=reminded(season, first),
        draft={
            "name": "Relance", "kind": "reminder", "letter_date": date(2017, 1, 9),
            "criteria": Criteria(sex="MME", earlier=Earlier(first, Fate.NOT_CREATED)),
        },
    )  # fmt: skip
    season.everything_is_a_count()
    season.within(lambda session: actions.launch(session, season.office, HELENE, again))
    season.everything_is_a_count()
    before = set(world.codes())
    season.make()
    season.everything_is_a_count()
    replaced = before - set(world.codes())
    assert len(replaced) == season.as_told(again)["letters"] + season.as_told(again)["emails"] > 0
    reminder = season.page_of(again, "PAULE")
    assert world.digest("631", season.page_of(first, "PAULE").code) in replaced
    assert world.digest("631", reminder.code) in world.codes()

    # The codes of the first campaign end, each wave's on its own day; those of the reminder live on.
    for day in (15, 17):
        season.at(1, day, year=2017)
        season.everything_is_a_count()
    mine = {row[0] for row in world.sql("SELECT uid FROM lot o JOIN campaign c ON c.id = o.campaign_id "
                                        "WHERE c.reference = :r", r=first)}  # fmt: skip
    left = world.sql("SELECT person_id, request_id FROM enrolment.creation_code WHERE state = 'live'", "dmp")
    assert not {row.person_id for row in left if row.request_id in mine} & set(counts.living(world))
    season.at(3, 8, year=2017)
    season.everything_is_a_count()
    opened_online(season, "PAULE", reminder.code)
    receive(season.office)
    assert counts.followed(world, again, [first, again])["courrier"]["dmp"] == 1
    season.everything_is_a_count()
    season.at(3, 20, year=2017)
    assert counts.living(world) == []
    season.everything_is_a_count()

    # Pages are destroyed, then whom letters were for is forgotten, but for holders; no number changes.
    told = {reference: season.as_told(reference) for reference in season.approved}
    season.at(10, 2, year=2017)
    assert run_retention(season.office, SYSTEM).letters_erased > 0
    assert [path for reference in season.approved for path in world.folder_of(reference).glob("*.pdf")] == []
    kept = {row[0] for row in world.sql("SELECT person_id FROM letter WHERE person_id > 0 AND state <> 'prevue'")}
    assert kept == {season.person(name) for name in ("COUNTER", "ONLINE", "PAULE")}
    recount(season.office, "631", everything=True)
    season.everything_is_a_count()
    assert {reference: season.as_told(reference) for reference in season.approved} == told


def prepared(
    season: Season, author: Actor, approver: Actor, *, draft: dict[str, Any],
    by_hand: tuple[int, Counter[str]] | None = None,
) -> str:  # fmt: skip
    """A campaign approved and frozen; what the approval must find is counted before it."""
    office, world = season.office, season.world
    wanted = world.draft(**draft)
    reference = season.within(lambda session: actions.create(session, office, author, wanted).reference)
    season.within(lambda session: actions.submit(session, office, author, reference))
    with pytest.raises(NotAllowed):
        season.within(lambda session: actions.approve(session, office, author, reference))
    world.read(reference, approver)
    season.within(lambda session: actions.approve(session, office, approver, reference))
    season.approved[reference] = by_hand or counts.recruitable(world, wanted.letter_date)
    campaign_id = world.campaign(reference).id
    season.within(lambda session: actions.freeze_now(session, office, campaign_id))
    return reference


def handed(season: Season, reference: str) -> int:
    """The lot of paper that nobody has yet, given to the printer, who says so."""
    ((lot_id, campaign_id),) = season.world.sql(
        "SELECT o.id, o.campaign_id FROM lot o JOIN campaign c ON c.id = o.campaign_id WHERE c.reference = :r "
        "AND o.state = 'scelle' AND NOT EXISTS (SELECT FROM handover h WHERE h.lot_id = o.id)", r=reference,
    )  # fmt: skip

    def hand(session: Session) -> None:
        campaign, lot = session.get_one(Campaign, campaign_id), session.get_one(Lot, lot_id)
        hand_to_printer(session, season.office, DAMIEN, campaign, lot, "imprimeur-63")
        acknowledge(session, season.office, DAMIEN, lot)
        assert lot.controls == 1

    season.within(hand)
    return int(lot_id)


def reported(season: Season, lot_id: int, day: date) -> None:
    season.within(
        lambda session: note_report(
            session, season.office, DAMIEN, session.get_one(Lot, lot_id), Report(printed_on=day, posted_on=day)
        )
    )


def late_reader(season: Season, lot_id: int) -> int:
    """Somebody whose letter is in this lot."""
    return int(
        season.world.sql(
            "SELECT l.person_id FROM letter l JOIN lot o ON (o.campaign_id, o.caisse, o.channel, o.sequence) = "
            "(l.campaign_id, l.caisse, l.channel, l.lot_sequence) WHERE o.id = :o AND l.state = 'scellee' "
            "ORDER BY l.number LIMIT 1", o=lot_id,
        )[0][0]
    )  # fmt: skip


def ask_again(season: Season, name: str) -> None:
    person_id = season.person(name)
    told = season.within(
        lambda session: request_code(
            session, season.office, SANDRINE, session.get_one(Person, ("631", person_id)), uuid.uuid4(), "accueil"
        )
    )
    assert told.possible
    receive(season.office)
    gather(season.office, SYSTEM, post_now=True)
    season.make()


def opened_at_the_counter(season: Season, name: str) -> None:
    office, person_id = season.office, season.person(name)
    person = season.within(lambda session: session.get_one(Person, ("631", person_id)))
    insured = insured_of(person, season.world.clock.now.date())
    consent = Consent("2016-11-02", b"\1" * 32, "J’accepte", collected_by=AGENT)
    office.dmp.open_dossier(uuid.uuid4(), insured, Contacts(f"{name.lower()}@exemple.fr"), consent)
    assert person_id not in counts.living(season.world)
    receive(office)


def opened_online(season: Season, name: str, code: str) -> None:
    person_id = season.person(name)
    person = season.within(lambda session: session.get_one(Person, ("631", person_id)))
    app = create_mondmp(season.office.settings, clock=season.world.clock)
    app.testing = True
    page = Visitor(app).create(insured_of(person, season.world.clock.now.date()), code)
    app.extensions["mondmp.access"].close()
    app.extensions["mondmp"].store.close()
    app.extensions["mondmp"].insured.close()
    assert "Votre DMP a bien été créé" in page.text
    assert CODE.fullmatch(code)


def reminded(season: Season, first: str) -> tuple[int, Counter[str]]:
    """Women who were written to and have no DMP; left out, first who is not to be written to, then by their code."""
    world = season.world
    holders = {row[0] for row in world.sql("SELECT person_id FROM enrolment.dossier", "dmp")}
    targeted = [
        row.person_id for row in world.sql(
            "SELECT l.person_id FROM letter l JOIN campaign c ON c.id = l.campaign_id JOIN person p ON p.id = l.person_id "
            "WHERE c.reference = :r AND l.state IN ('scellee', 'envoyee') AND p.civilite = 'MME'", r=first,
        ) if row.person_id not in holders
    ]  # fmt: skip
    returned = season.person("RETURNED")
    newer = {season.person("RESEND"), season.person("MB")}
    assert {returned, *newer} <= set(targeted)
    return len(targeted), Counter({"pnd": 1, "code_plus_recent": len(newer)})
