"""Something real of the caisse 631 behind every address that names an object, for the tests that knock at every door.

A new route with an argument of its own needs one line in `places_of`: where to find such a thing, and the name of one
that does not exist. A route whose argument names no object of a caisse is listed in `NO_OBJECT`.
"""

import io
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from campaigns.printers import keys
from campaigns.world import SYSTEM, World, a_person, manager
from docx import Document
from PIL import Image
from sqlalchemy import inspect

from backoffice.campaigns.criteria import Criteria
from backoffice.campaigns.printers import PostalClass, declare
from backoffice.campaigns.rules import ChannelRule
from backoffice.campaigns.segments import create_segment
from backoffice.campaigns.template_versions import propose
from backoffice.cases.actions import open_case
from backoffice.cases.attachments import attach
from backoffice.cases.kinds.closure import CLOSURE, CLOSURE_ONLINE
from backoffice.letters.freehand import FREE_LETTERS
from backoffice.letters.kinds import letter_kind
from backoffice.letters.reference import format_letter_id
from backoffice.letters.requests import request_letter
from backoffice.web.access import RouteAccess
from backoffice.web.tables import REGISTERS

NOWHERE = 999_999_999
MONDAY = date(2016, 10, 31)


@dataclass(frozen=True)
class Place:
    """A thing by its name in an address, and a name of the same shape that nothing has."""

    here: Any
    nowhere: Any
    mine: Mapping[str, Any] = field(default_factory=dict)
    """For what belongs to one person alone: each one's own by login, `here` being a stranger's."""


def word(text: str) -> Place:
    """An argument that names a part of something rather than a thing."""
    return Place(text, text)


NO_OBJECT = {
    "agenda.lift", "administration_parametres.show", "administration_parametres.change", "cases.workflow", "emails.classify",
    "persons.answered", "visit.document", "representatives.document", "shell.static", "templates.*",
}  # fmt: skip
"""Endpoints, or whole groups of them, whose arguments name nothing that belongs to a caisse."""

NOT_YET = {"campaigns.envelope", "visit.document", "representatives.document"}
"""Addresses of a file that somebody must first have had made."""

FORMS = {"emails.settle": {"parti": "oui"}, "persons.send_code": {"demande": str(uuid.UUID(int=1)), "voie": "accueil"}}
"""What a form must hold before anybody looks for the object of its address."""

WAVES = ("move_form", "move", "wave_gesture", "act_on_wave")

QUERIES = {"campaigns.find_letter": "numero={letter_id}"}
"""Addresses that name their object after the question mark."""


def places_of(world: World) -> Mapping[str, Place]:
    """By the name of an argument, or by "endpoint:argument" where one name means several things."""
    someone = manager("x", "631")
    world.load([a_person(nom_naissance="INTROUVABLE")], someone)
    reference = world.sealed(name="Secrète", channel_rule=ChannelRule.POST)
    world.load([a_person(nom_naissance="INTROUVABLE")], someone)  # somebody left for a preview
    lot, letter = world.lots(reference)[0], world.letters(reference)[0]
    with world.session() as session:
        case = open_case(session, world.office, SYSTEM, CLOSURE_ONLINE, "631", letter.person_id)
        for login in ("agent", "conseiller", "superviseur"):  # what makes the person each one's business
            own = open_case(session, world.office, SYSTEM, CLOSURE_ONLINE, "631", letter.person_id)
            own.owner = login
        attachment = attach(session, world.office, SYSTEM, case.number, "essai.png", _picture())
    call = world.sql(
        "INSERT INTO phone_call (login, opened_at, caisse, person_id, letter_at_hand, found_by) "
        "VALUES ('conseiller', :now, '631', :person, false, '{}') RETURNING id",
        now=world.clock.now, person=letter.person_id,
    )[0][0]  # fmt: skip
    callback = world.sql(
        "INSERT INTO call_back (reference, call_id, caisse, person_id, slot, subject, state, attempts, booked_by, booked_at) "
        "VALUES ('R-1', :call, '631', :person, :now, 'autre', 'prevu', 0, 'conseiller', :now) RETURNING id",
        now=world.clock.now, person=letter.person_id, call=call,
    )[0][0]  # fmt: skip
    runs = {
        login: world.sql(
            "INSERT INTO case_bulk (request, login, asker, gesture, argument, items, results, asked_at, finished_at) "
            "VALUES (gen_random_uuid(), :login, '{}', 'prendre', '', CAST(:items AS jsonb), '[]', :now, :now) RETURNING id",
            login=login, items=json.dumps([case.number]), now=world.clock.now,
        )[0][0]
        for login in ("agent", "conseiller", "superviseur", "une.autre")
    }  # fmt: skip
    view = world.sql(
        "INSERT INTO case_view (owner, name, teams, caisses, filters, saved_at) "
        "VALUES ('une.autre', 'Vue', '{}', '{631}', '{}', :now) RETURNING id",
        now=world.clock.now,
    )[0][0]
    with world.session() as session:
        version = propose(session, world.office, someone, "recruitment", "x.docx", _other_wording(world), "Essai").id
        segment = create_segment(session, world.office, someone, "Secrète", ("631",), Criteria()).id
        printer = declare(
            session, world.office, SYSTEM, code="imprimeur-63", name="Imprimeur", caisses=("631",),
            certificate=keys().certificate, duplex=False, marks=False, postal_class=PostalClass.GREEN,
        )  # fmt: skip
        closure = open_case(session, world.office, SYSTEM, CLOSURE, "631", letter.person_id)
    address = world.sql(
        "INSERT INTO control_address (caisse, label, civilite, nom, prenom, adresse_2, adresse_3, adresse_4, adresse_5, "
        "code_postal, ville, added_by, added_at) VALUES ('631', 'Témoin', 'M', 'TEMOIN', 'A', '', '', '1 RUE', '', "
        "'63000', 'CLERMONT', 'x', :now) RETURNING id",
        now=world.clock.now,
    )[0][0]
    destruction = world.sql(
        "INSERT INTO destruction (id, caisse, person_id, keep_until, proposed_by, proposed_at, confirmed_by, "
        "destroyed_at, proof) "
        "VALUES (gen_random_uuid(), '631', :person, :day, 'x', :now, 'y', :now, repeat('0', 64)) RETURNING id",
        person=letter.person_id, day=world.clock.now.date(), now=world.clock.now,
    )[0][0]  # fmt: skip
    world.sql(
        "INSERT INTO colleague (login, name, roles, caisses, seen_at) VALUES ('x', 'X', '{agent}', '{631}', :now)",
        now=world.clock.now,
    )
    absence = world.sql(
        "INSERT INTO absence (login, first_day, last_day, noted_by, noted_at) "
        "VALUES ('x', :day, :day, 'x', :now) RETURNING id",
        day=world.clock.now.date(), now=world.clock.now,
    )[0][0]  # fmt: skip
    world.sql(
        "INSERT INTO quality_draw (caisse, week, drawn_at) VALUES ('631', :day, :now)",
        day=MONDAY, now=world.clock.now,
    )  # fmt: skip
    sample = world.sql(
        "INSERT INTO quality_sample (caisse, week, case_id, agent, drawn_at) "
        "VALUES ('631', :day, :case, 'x', :now) RETURNING id",
        day=MONDAY, case=case.id, now=world.clock.now,
    )[0][0]  # fmt: skip
    difference = world.sql(
        "INSERT INTO printer_difference (printer_id, lot_id, caisse, lot_name, kind, ours, theirs, noted_at, noted_by) "
        "VALUES (:printer, :lot, '631', 'lot', 'pages', '1', '2', :now, 'x') RETURNING id",
        printer=printer.id, lot=lot.id, now=world.clock.now,
    )[0][0]  # fmt: skip
    world.sql(
        "INSERT INTO dmp_event (event_id, kind, caisse, person_id, at, received_at) "
        "VALUES (gen_random_uuid(), 'dossier.opened', '631', :person, :now, :now)",
        now=world.clock.now, person=letter.person_id,
    )  # fmt: skip
    with world.session() as session:
        request_letter(
            session, "closure_receipt", "631", letter.person_id, by="essai", at=world.clock.now, case_number=case.number
        )  # fmt: skip
    visit = world.sql(
        "INSERT INTO visit (uid, caisse, person_id, state, owner, opened_at, opened_by) "
        "VALUES (gen_random_uuid(), '631', :person, 'identite', 'x', :now, 'x') RETURNING id",
        now=world.clock.now, person=letter.person_id,
    )[0][0]  # fmt: skip
    mandate = uuid.uuid4()
    return (
        {
            "mandate": Place(mandate, uuid.UUID(int=0)),
            "representatives.act:gesture": word("fin"),
            "representatives.document:token": word("servi"),
            "reference": Place(reference, "REC-2026-9999"),
            "lot_id": Place(lot.id, NOWHERE),
            "letter_id": Place(format_letter_id("631", letter.number), format_letter_id("631", 99_999_999)),
            "import_id": Place(world.sql("SELECT id FROM population_import")[0][0], NOWHERE),
            "number": Place(case.number, "2016-631-999999"),
            "person_id": Place(letter.person_id, NOWHERE),
            "caisse": word("631"),
            "persons.letter:number": Place(letter.number, NOWHERE),
            "persons.letter_file:number": Place(letter.number, NOWHERE),
            "persons.answered:name": word("oubliee"),
            "uid": Place(attachment.uid, uuid.UUID(int=0)),
            "run_id": Place(runs["une.autre"], NOWHERE, runs),
            "view_id": Place(view, NOWHERE),
            "code": Place(printer.code, "imprimeur-00"),
            "difference_id": Place(difference, NOWHERE),
            "emails.settle:number": Place(letter.number, NOWHERE),
            "return_id": Place(1, NOWHERE),
            "embargo_id": Place(1, NOWHERE),
            "cases.free_letter:name": word(FREE_LETTERS[0].name),
            "address_id": Place(address, NOWHERE),
            "destruction_id": Place(destruction, uuid.UUID(int=0)),
            "absence_id": Place(absence, NOWHERE),
            "sample_id": Place(sample, NOWHERE),
            "letter": word("recruitment"),
            "version_id": Place(version, NOWHERE),
            "segment_id": Place(segment, NOWHERE),
            "call_id": Place(call, NOWHERE),
            "visit_id": Place(visit, NOWHERE),
            "visit.act:slug": word("reprendre"),
            "visit.document:token": word("servi"),
            "callback_id": Place(callback, NOWHERE),
            "part": word("pdf"),
            "following.export:kind": word("csv"),
            "slug": word("noter"),
            "closure.act:slug": word("opposition"),
            "calls.act:slug": word("deces"),
            "closure.confirm:number": Place(closure.number, "2016-631-999999"),
            "campaigns.confirm:slug": word("suspendre"),
            "campaigns.advance:slug": word("suspendre"),
            "key": word("annuaire.groupes"),
            "cases.workflow:name": word(CLOSURE_ONLINE.name),
            "filename": word("caisse.css"),
        }
        | {f"campaigns.{name}:number": Place(1, NOWHERE) for name in WAVES}
        | {f"registre_{register.place}.details_view:id": _row_of(world, register) for register in REGISTERS}
    )


def _row_of(world: World, register: Any) -> Place:
    """A row of the caisse 631 in this register's table."""
    key, caisses = inspect(register.table).primary_key[0].name, inspect(register.table).columns
    condition = "caisse = '631'" if "caisse" in caisses else "'631' = ANY(caisses)"
    found = world.sql(f"SELECT min({key}) FROM {register.table.__tablename__} WHERE {condition}")[0][0]
    assert found is not None, f"put a row of the caisse 631 into {register.table.__tablename__} here"
    return Place(found, NOWHERE)


def _other_wording(world: World) -> bytes:
    """The docx of the recruitment letter with one word more."""
    document = Document(str(world.settings.templates / letter_kind("recruitment").template))
    document.core_properties.comments = "Essai"
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _picture() -> bytes:
    out = io.BytesIO()
    Image.new("L", (8, 8)).save(out, "PNG")
    return out.getvalue()


_ARGUMENT = re.compile(r"<(?:[a-z]+(?:\([^)]*\))?:)?(\w+)>")


def address_of(route: RouteAccess, places: Mapping[str, Place], *, login: str = "", nowhere: bool = False) -> str:
    """The route's address with something real in it, or with what does not exist."""

    def value(argument: str) -> str:
        place = places.get(f"{route.endpoint}:{argument}") or places.get(argument)
        assert place is not None, f"{route.endpoint}: say in tests/architecture/places.py where to find a {argument!r}"
        return str(place.nowhere if nowhere else place.mine.get(login, place.here))

    address = _ARGUMENT.sub(lambda found: value(found[1]), route.rule)
    if route.endpoint in QUERIES:
        address += "?" + re.sub(r"\{(\w+)\}", lambda found: value(found[1]), QUERIES[route.endpoint])
    if route.endpoint.endswith(".details_view"):
        address += f"?id={value('id')}"
    return address


def names_an_object(route: RouteAccess) -> bool:
    """Whether this address is about one thing of a caisse."""
    if not {route.endpoint, f"{route.endpoint.split('.')[0]}.*"}.isdisjoint(NO_OBJECT):
        return False
    return bool(_ARGUMENT.search(route.rule)) or route.endpoint in QUERIES or route.endpoint.endswith(".details_view")
