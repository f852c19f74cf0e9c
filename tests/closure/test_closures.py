"""Closure, contested creation, death, reopening, opposition: what is done at once, what waits, what happens once."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import pytest
from campaigns.world import SYSTEM, World, a_person
from cli.test_commands import environ
from sqlalchemy import select

from backoffice.adapters.dmp import Consent, Contacts, DossierState, Insured
from backoffice.campaigns.rules import Channel
from backoffice.cases.actions import advance
from backoffice.cases.attachments import attach, withdraw
from backoffice.cases.models import Case
from backoffice.cases.queueing import Way
from backoffice.closure import asking, telling
from backoffice.closure.asking import Asked, File
from backoffice.closure.effect import close_due, cooling
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.correspondence.gathering import gather
from backoffice.correspondence.receiving import receive
from backoffice.population.models import Person

AGENT = Actor("sandrine.chabrol", "S. C.", frozenset({Role.AGENT}), frozenset({"631"}))
SUPERVISOR = Actor("patrick.ollier", "P. O.", frozenset({Role.SUPERVISOR}), frozenset({"631"}))
STRANGER = Actor("peio.l", "P. L.", frozenset({Role.AGENT}), frozenset({"641"}))
CONSENT = Consent("2016-07", sha256(b"cgu").digest(), "J’accepte.", collected_by="agent.essai")
SCAN = File("lettre.txt", b"Je demande la cloture de mon DMP.")
WHOLE = Asked(Way.COUNTER, "piece", "sans_motif", explained=True, confirmed=True)


def a_holder(world: World, **changes: str) -> int:
    """Somebody of the caisse with an open DMP."""
    world.load([a_person(**changes)])
    with world.session() as session:
        person = session.scalars(select(Person).order_by(Person.id.desc())).first()
        assert person is not None
    insured = Insured(
        caisse=person.caisse, person_id=person.id, nir=person.nir, civilite=person.civilite,
        birth_name=person.nom_naissance, usual_name=person.nom_usage, given_name=person.prenom,
        birth_date=person.date_naissance, serial="", card_type="", may_open=True,
    )  # fmt: skip
    world.office.dmp.open_dossier(uuid4(), insured, Contacts(mail="x@exemple.fr"), CONSENT)
    world.sql("UPDATE enrolment.outbox SET done_at = at", "dmp")
    return person.id


def do(world: World, action: Any, person: int, *arguments: Any, actor: Actor = AGENT, **options: Any) -> Case:
    with world.session() as session:
        return action(session, world.office, actor, "631", person, *arguments, **options)


def step(world: World, number: str, name: str, reason: str = "motif", actor: Actor = SUPERVISOR) -> Case:
    with world.session() as session:
        return advance(session, world.office, actor, number, name, reason)


def with_file(world: World, number: str) -> UUID:
    """The evidence, joined to the case."""
    with world.session() as session:
        return attach(session, world.office, AGENT, number, SCAN.name, SCAN.content).uid


def state_of(world: World, person: int) -> DossierState:
    return world.office.dmp.dossier_states("631", [person])[person].state


def mailed(world: World) -> list[str]:
    """The kinds of letters asked for, in order, after the record's events were taken."""
    receive(world.office)
    return [row[0] for row in world.sql("SELECT answer FROM letter_request ORDER BY id")]


def stopped(world: World, kind: str = "opposition") -> bool:
    return bool(world.sql("SELECT 1 FROM person_notice WHERE kind = :k AND ended_at IS NULL", k=kind))


def text_of(world: World) -> str:
    from pypdf import PdfReader

    gather(world.office, SYSTEM, post_now=True)
    reference = str(world.sql("SELECT reference FROM campaign ORDER BY id DESC LIMIT 1")[0][0])
    world.make_all(reference, Channel.POST)
    (path,) = sorted(world.folder_of(reference).glob("*.pdf"))
    return PdfReader(path).pages[0].extract_text().replace("\u00a0", " ").replace("\n", " ")


def test_a_closure_takes_effect_on_its_day_and_not_before_and_once(world: World) -> None:
    person = a_holder(world)
    case = do(world, asking.ask_closure, person, WHOLE)
    assert (case.state, case.facts["effet_le"], case.facts["identite"]) == (
        "cooling",
        "2016-11-09",
        "pièce d’identité vue",
    )
    assert len(case.facts["explique"]) == 12
    assert stopped(world)
    assert mailed(world) == ["closure_request"]
    assert f"numéro {case.number}. Votre dossier sera clôturé le 9 novembre 2016." in text_of(world)
    assert close_due(world.office) == 0
    world.clock.move(days=6, hours=14)  # 22:30 UTC is 23:30 of the 8th in Paris
    assert close_due(world.office) == 0
    assert state_of(world, person) is DossierState.OPEN
    with world.session() as session:
        assert [one.number for one in cooling(session, AGENT)] == [case.number]
    world.clock.move(minutes=31)
    assert [close_due(world.office), close_due(world.office)] == [1, 0]
    assert state_of(world, person) is DossierState.CLOSED
    assert mailed(world) == ["closure_request", "closure_receipt"]
    assert world.sql("SELECT state, ended_at IS NOT NULL FROM case_file") == [("closed", True)]
    assert world.sql("SELECT case_number FROM letter_request ORDER BY id DESC LIMIT 1") == [(case.number,)]


def test_until_then_a_word_is_enough_to_withdraw(world: World) -> None:
    person = a_holder(world)
    case = do(world, asking.ask_closure, person, WHOLE)
    world.clock.move(days=3)
    step(world, case.number, "withdraw", "Elle change d’avis.", AGENT)
    world.clock.move(days=30)
    assert close_due(world.office) == 0
    assert state_of(world, person) is DossierState.OPEN
    assert not stopped(world)
    assert mailed(world) == ["closure_request", "closure_withdrawn"]
    again = do(world, asking.ask_closure, person, WHOLE)
    assert again.number != case.number


def test_an_opposition_of_the_person_s_own_outlives_a_closure_withdrawn(world: World) -> None:
    person = a_holder(world)
    do(world, telling.oppose, person, source="appel 1")
    case = do(world, asking.ask_closure, person, WHOLE)
    step(world, case.number, "withdraw", "non", AGENT)
    assert stopped(world)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"means": ""}, "identité"),
        ({"means": "questions"}, "identité"),  # of another way
        ({"explained": False}, "Expliquez"),
        ({"way": Way.ONLINE}, "comment la demande"),
        ({"reason": "inconnu"}, "motif"),
    ],
)
def test_what_is_not_whole_is_refused_and_nothing_is_opened(
    world: World, changes: dict[str, Any], sentence: str
) -> None:
    person = a_holder(world)
    with pytest.raises(Invalid, match=sentence):
        do(world, asking.ask_closure, person, replace(WHOLE, **changes))
    assert world.sql("SELECT count(*) FROM case_file") == [(0,)]
    assert not stopped(world)


def test_a_letter_waits_to_be_confirmed_while_mailings_have_stopped(world: World) -> None:
    person = a_holder(world)
    case = do(world, asking.ask_closure, person, Asked(Way.POST, "", "confidentialite"))
    assert (case.state, stopped(world), mailed(world)) == ("received", True, [])
    with world.session() as session, pytest.raises(Invalid, match="attend que le titulaire"):
        asking.confirm_closure(session, world.office, AGENT, case.number, Asked(Way.POST, "copie", "", explained=True))
    whole = Asked(Way.POST, "copie", "", explained=True, confirmed=True)
    with world.session() as session, pytest.raises(Invalid, match="lettre numérisée"):
        asking.confirm_closure(session, world.office, AGENT, case.number, whole)
    with world.session() as session:
        done = replace(whole, letter=SCAN)
        assert asking.confirm_closure(session, world.office, AGENT, case.number, done).state == "cooling"
    refused = do(world, asking.ask_closure, a_holder(world), Asked(Way.POST, "", "sans_motif"))
    step(world, refused.number, "refuse", "Signature différente.", AGENT)
    assert mailed(world) == ["closure_request"]


def test_asked_twice_it_is_one_case_and_beyond_the_caisse_nothing_exists(world: World) -> None:
    person = a_holder(world)
    first, second = (do(world, asking.ask_closure, person, WHOLE) for _ in range(2))
    assert first.number == second.number
    with world.session() as session, pytest.raises(NotFound):
        asking.ask_closure(session, world.office, STRANGER, "631", person, WHOLE)
    world.load([a_person()])
    other = int(world.sql("SELECT max(id) FROM person")[0][0])
    with pytest.raises(WrongState, match="pas de DMP"):
        do(world, asking.ask_closure, other, WHOLE)


KILLED = """
import os, signal
from backoffice.adapters.dmp import DmpGateway
real = DmpGateway.close_dossier
def close(self, *given):
    real(self, *given)
    os.kill(os.getpid(), signal.SIGKILL)
DmpGateway.close_dossier = close
from backoffice.closure.effect import close_due
from backoffice.office import open_office
from backoffice.settings import Settings
close_due(open_office(Settings.from_env()))
"""


@pytest.mark.crash
def test_killed_between_the_two_databases_it_is_closed_once_and_told_once(world: World) -> None:
    person = a_holder(world)
    do(world, asking.ask_closure, person, WHOLE)
    killed = subprocess.run([sys.executable, "-c", KILLED], env={**os.environ, **environ(world)}, check=False)
    assert killed.returncode == -9
    assert state_of(world, person) is DossierState.CLOSED
    assert world.sql("SELECT state FROM case_file") == [("cooling",)]
    world.clock.move(days=8)
    assert [close_due(world.office), close_due(world.office)] == [1, 0]
    assert world.sql("SELECT state FROM case_file") == [("closed",)]
    assert mailed(world) == ["closure_request", "closure_receipt"]


def test_closed_online_meanwhile_the_day_finds_it_done(world: World) -> None:
    person = a_holder(world)
    do(world, asking.ask_closure, person, WHOLE)
    world.office.dmp.close_dossier("631", person, "essai")
    world.clock.move(days=8)
    assert close_due(world.office) == 1
    assert mailed(world).count("closure_receipt") == 1


def test_reopened_the_person_is_told_and_mailings_begin_again(world: World) -> None:
    person = a_holder(world)
    do(world, asking.ask_closure, person, WHOLE)
    with pytest.raises(WrongState, match="ouvert"):
        do(world, asking.ask_reopening, person, Way.COUNTER)
    world.clock.move(days=8)
    close_due(world.office)
    case = do(world, asking.ask_reopening, person, Way.COUNTER)
    step(world, case.number, "reopen", "Identité vérifiée au guichet.")
    assert state_of(world, person) is DossierState.OPEN
    assert not stopped(world)
    assert mailed(world)[-1] == "reopening"


def test_a_contested_creation_is_suspended_before_anything_else_and_decided_by_a_supervisor(world: World) -> None:
    person = a_holder(world)
    case = do(world, telling.contest, person, reason="pas_moi", way=Way.PHONE)
    assert state_of(world, person) is DossierState.SUSPENDED
    assert (case.team, case.priority, case.facts["creation"]) == ("supervision", 2, "counter")
    assert do(world, telling.contest, person, reason="pas_moi", way=Way.COUNTER).number == case.number
    assert mailed(world) == ["contested_received"]
    step(world, case.number, "keep")
    step(world, case.number, "resume")
    assert state_of(world, person) is DossierState.OPEN
    assert mailed(world) == ["contested_received", "contested_kept", "contested_resumed"]
    assert world.sql("SELECT count(DISTINCT case_number) FROM letter_request") == [(1,)]


def test_a_creation_that_was_not_wanted_is_closed_and_told_by_its_own_letter_alone(world: World) -> None:
    person = a_holder(world)
    case = do(world, telling.contest, person, reason="vol", way=Way.PHONE)
    step(world, case.number, "close")
    assert state_of(world, person) is DossierState.CLOSED
    assert mailed(world) == ["contested_received", "contested_closed"]
    with pytest.raises(WrongState, match="déjà clôturé"):
        do(world, telling.contest, person, reason="vol", way=Way.PHONE)


def test_suspended_by_somebody_who_died_before_writing_its_case_it_is_found(world: World) -> None:
    person = a_holder(world)
    world.office.dmp.suspend("631", person, "création contestée par la personne")
    receive(world.office)
    assert world.sql("SELECT kind, state, way FROM case_file") == [("contested", "suspended", "interne")]
    case = do(world, telling.contest, person, reason="pas_moi", way=Way.PHONE)
    assert world.sql("SELECT number FROM case_file") == [(case.number,)]
    assert mailed(world) == ["contested_received"]


def test_a_suspension_that_is_over_when_its_event_comes_opens_nothing(world: World) -> None:
    person = a_holder(world)
    case = do(world, telling.contest, person, reason="pas_moi", way=Way.PHONE)
    step(world, case.number, "resume")
    mailed(world)
    assert world.sql("SELECT count(*) FROM case_file") == [(1,)]


def test_a_death_stops_mailings_at_once_and_closes_on_evidence_without_a_letter(world: World) -> None:
    person = a_holder(world)
    case = do(world, telling.report_death, person, words="Sa fille, acte promis.", way=Way.PHONE)
    assert stopped(world, "deces")
    assert state_of(world, person) is DossierState.OPEN
    assert do(world, telling.report_death, person, words="", way=Way.PHONE).number == case.number
    for _ in range(2):  # somebody else tells it, and clicks twice
        again = do(world, telling.report_death, person, words="La mairie, par courrier.", way=Way.POST)
        assert again.number == case.number
    with pytest.raises(Invalid, match="au vu de l’acte de décès"):
        step(world, case.number, "close", "Acte de Riom, 12 octobre 2016, n° 42.", AGENT)
    assert state_of(world, person) is DossierState.OPEN
    with_file(world, case.number)
    step(world, case.number, "close", "Acte de Riom, 12 octobre 2016, n° 42.", AGENT)
    assert state_of(world, person) is DossierState.CLOSED
    assert mailed(world) == []
    notes = [row[0] for row in world.sql("SELECT text FROM case_entry WHERE what = 'note' ORDER BY id")]
    assert notes == ["Sa fille, acte promis.", "La mairie, par courrier."]


def test_evidence_taken_away_again_is_none(world: World) -> None:
    person = a_holder(world)
    case = do(world, telling.report_death, person, words="", way=Way.PHONE)
    uid = with_file(world, case.number)
    with world.session() as session:
        withdraw(session, world.office, AGENT, case.number, uid, "Ce n’est pas l’acte.")
    with pytest.raises(Invalid, match="au vu de l’acte de décès"):
        step(world, case.number, "close", "Acte n° 42.", AGENT)


def test_somebody_who_is_alive_after_all_is_written_to_again(world: World) -> None:
    world.load([a_person()])  # without a DMP
    person = int(world.sql("SELECT max(id) FROM person")[0][0])
    case = do(world, telling.report_death, person, words="", way=Way.COUNTER)
    step(world, case.number, "unfounded", "Homonyme.", AGENT)
    assert not stopped(world, "deces")
    again = do(world, telling.report_death, person, words="", way=Way.COUNTER)
    with_file(world, again.number)
    step(world, again.number, "close", "Acte n° 7.", AGENT)
    assert mailed(world) == []


def test_an_opposition_is_in_force_at_once_and_withdrawn_by_the_person_alone(world: World) -> None:
    person = a_holder(world)
    do(world, telling.oppose, person, source="appel 12")
    assert stopped(world)
    with world.session() as session:
        assert telling.accept_again(session, world.office, AGENT, "631", person)
        assert not telling.accept_again(session, world.office, AGENT, "631", person)
    do(world, asking.ask_closure, person, WHOLE)
    with world.session() as session, pytest.raises(WrongState, match="arrêtés par la demande"):
        telling.accept_again(session, world.office, AGENT, "631", person)


def test_no_number_of_the_person_is_in_the_facts_or_the_journal(world: World) -> None:
    person = a_holder(world)
    do(world, asking.ask_closure, person, WHOLE)
    (nir,) = world.sql("SELECT nir FROM person")[0]
    kept = json.dumps([str(row) for row in world.sql("SELECT facts FROM case_file")]) + str(
        world.sql("SELECT * FROM audit_entry")
    )
    assert nir not in kept
