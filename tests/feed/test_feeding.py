"""Feeding dossiers: at their creation, each month, once; in the insurance's name and no other."""

import re
import threading
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from portal_account.conftest import account_engines, account_store, app, world
from portal_account.world import AccountWorld, Holder
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from dmp_core.access.gate import HolderGate, NotTheAuthor
from dmp_core.access.trace import Action, ActorKind, first_fault, whole_chain
from dmp_core.errors import Unavailable
from dmp_core.feed.feeding import Fed, Feeder
from dmp_core.identity.identifiers import System
from dmp_core.record.categories import Category
from dmp_core.record.metadata import Status, Wanted
from dmp_core.record.reimbursements.history import Care, Row
from dmp_core.record.reimbursements.reading import history_in
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.shelf import Folder

__all__ = ["account_engines", "account_store", "app", "world"]

VISIT = Care(date(2016, 9, 8), "C", Decimal(1), "CONSULTATION", "MEDECINE GENERALE")


class Insurance:
    """Reimbursements in memory; persons nobody speaks of have none."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}
        self.away = False
        self.asked: list[str] = []

    def rows_of(self, ins_c: str) -> list[Row]:
        if self.away:
            raise Unavailable("L’extraction des remboursements n’est pas en place : recevez-la de nouveau.")
        self.asked.append(ins_c)
        return self.rows.get(ins_c, [])


@pytest.fixture
def insurance() -> Insurance:
    return Insurance()


@pytest.fixture
def feeder(cluster: Any, world: AccountWorld) -> Iterator[Feeder]:
    """A feeder of this world; dossiers of other tests are closed, so that a round is about this one's."""
    world.rows(
        "UPDATE enrolment.dossier SET state = 'closed', closed_by = 'caisse', keep_until = '2099-01-01' "
        "WHERE state = 'open' RETURNING id"
    )
    made = Feeder(
        cluster.url("alimentation", "dmp"),
        Folder(world.folder),
        DossierKeys(world.record),
        world.clock,
        application="tests",
    )
    yield made
    made.close()


@pytest.fixture
def gate(world: AccountWorld) -> HolderGate:
    return HolderGate(world.store, Folder(world.folder), DossierKeys(world.record), world.clock)


def ins_c(world: AccountWorld, dossier: UUID) -> str:
    (row,) = world.rows(
        "SELECT value FROM enrolment.identifier WHERE dossier_id = :d AND system = :s AND valid_to IS NULL",
        d=dossier, s=System.INS_C.value,
    )  # fmt: skip
    return str(row.value)


def test_a_new_dossier_is_fed_once_with_its_last_twelve_months(
    world: AccountWorld, feeder: Feeder, insurance: Insurance, gate: HolderGate
) -> None:
    who = world.someone()
    insurance.rows[ins_c(world, who.dossier)] = [VISIT, Care(date(2015, 1, 1), "C", Decimal(1), "ANCIENNE", "X")]
    assert feeder.round(insurance) == Fed(created=1)
    assert feeder.round(insurance) == Fed()
    (found,) = gate.browse(who.dossier, Wanted(category=Category.REIMBURSEMENTS), 20).documents
    assert (found.type_code, found.class_code, found.author.id) == ("REMB", "60", "ALIM_AM")
    history = history_in(gate.read(who.dossier, found.id)[1])
    assert (history.since, history.until, history.cares) == (date(2015, 11, 2), date(2016, 11, 2), (VISIT,))


def test_nothing_reimbursed_is_said_as_such(
    world: AccountWorld, feeder: Feeder, insurance: Insurance, gate: HolderGate
) -> None:
    who = world.someone()
    feeder.round(insurance)
    (found,) = gate.browse(who.dossier, Wanted(), 20).documents
    assert history_in(gate.read(who.dossier, found.id)[1]).is_empty


def test_each_month_a_new_version_takes_the_place_as_masked_and_archived_as_the_one_before(
    world: AccountWorld, feeder: Feeder, insurance: Insurance, gate: HolderGate
) -> None:
    who = world.someone()
    feeder.round(insurance)
    (first,) = gate.browse(who.dossier, Wanted(), 20).documents
    gate.mask(who.dossier, first.id, masked=True)
    gate.archive(who.dossier, first.id, archived=True)
    insurance.rows[ins_c(world, who.dossier)] = [VISIT]
    world.clock.forward(days=20)
    assert feeder.round(insurance) == Fed()
    world.clock.forward(days=10)  # December
    assert feeder.round(insurance) == Fed(renewed=1)
    (second,) = gate.browse(who.dossier, Wanted(Status.ARCHIVED), 20).documents
    assert (second.version, second.masked, second.logical_id) == (2, True, first.logical_id)
    assert gate.browse(who.dossier, Wanted(), 20).documents == []


def test_two_feeders_at_once_feed_each_dossier_once(
    cluster: Any, world: AccountWorld, feeder: Feeder, insurance: Insurance
) -> None:
    dossiers = [world.someone().dossier for _ in range(6)]
    other = Feeder(
        cluster.url("alimentation", "dmp"),
        Folder(world.folder),
        DossierKeys(world.record),
        world.clock,
        application="tests",
    )
    done: list[Fed] = []
    threads = [threading.Thread(target=lambda one=one: done.append(one.round(insurance))) for one in (feeder, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert sum(each.created for each in done) == 6
    rows = world.rows(
        "SELECT dossier_id, count(*) AS documents FROM medical.document WHERE dossier_id = ANY(:d) GROUP BY 1",
        d=dossiers,
    )
    assert {row.documents for row in rows} == {1}


def test_an_insurance_that_does_not_answer_leaves_everything_for_later(
    world: AccountWorld, feeder: Feeder, insurance: Insurance
) -> None:
    world.someone()
    insurance.away = True
    with pytest.raises(Unavailable):
        feeder.round(insurance)
    insurance.away = False
    assert feeder.round(insurance) == Fed(created=1)


def test_a_failure_between_document_and_note_leaves_neither(
    world: AccountWorld, feeder: Feeder, insurance: Insurance, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = world.someone()

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("dmp_core.feed.feeding.trace.write", fail)
        with pytest.raises(OSError, match="killed"):
            feeder.round(insurance)
    assert world.rows("SELECT 1 FROM medical.document WHERE dossier_id = :d", d=who.dossier) == []
    assert feeder.round(insurance) == Fed(created=1)


def test_the_trace_names_the_insurance_and_its_chain_holds(
    world: AccountWorld, feeder: Feeder, insurance: Insurance, gate: HolderGate
) -> None:
    who = world.someone()
    gate.browse(who.dossier, Wanted(), 20)
    feeder.round(insurance)
    gate.browse(who.dossier, Wanted(), 20)
    with world.store.transaction(who.dossier) as connection:
        lines = list(whole_chain(connection, who.dossier))
    assert [(line.who.kind, line.action) for line in lines] == [
        (ActorKind.HOLDER, Action.LIST), (ActorKind.INSURANCE, Action.ADD), (ActorKind.HOLDER, Action.LIST),
    ]  # fmt: skip
    assert first_fault(who.dossier, lines) is None


def test_a_closed_or_suspended_dossier_is_not_fed(world: AccountWorld, feeder: Feeder, insurance: Insurance) -> None:
    people = [world.someone() for _ in range(2)]
    closed, suspended = (who.person for who in people)
    world.enrolment.dossiers.close(closed.caisse, closed.person_id, "à sa demande")
    world.enrolment.dossiers.suspend(suspended.caisse, suspended.person_id, "contestée")
    assert feeder.round(insurance) == Fed()
    assert insurance.asked == []


def test_the_holder_masks_it_and_cannot_delete_it(
    world: AccountWorld, feeder: Feeder, insurance: Insurance, gate: HolderGate
) -> None:
    who = world.someone()
    feeder.round(insurance)
    (found,) = gate.browse(who.dossier, Wanted(), 20).documents
    with pytest.raises(NotTheAuthor):
        gate.delete(who.dossier, found.id)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT actor_name FROM medical.trace", "SELECT * FROM enrolment.contact", "SELECT * FROM enrolment.account",
        "SELECT nom_naissance FROM enrolment.dossier", "DELETE FROM medical.document", "SELECT * FROM medical.trusted_person",
        "UPDATE medical.trace SET granted = true",
    ],
)  # fmt: skip
def test_the_feed_s_login_reaches_no_more_than_it_feeds(cluster: Any, world: AccountWorld, statement: str) -> None:
    engine = create_engine(cluster.url("alimentation", "dmp"), poolclass=NullPool)
    with engine.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text(statement))


def test_the_feed_sees_no_document_that_it_did_not_write(
    cluster: Any, world: AccountWorld, feeder: Feeder, insurance: Insurance, gate: HolderGate
) -> None:
    who = world.someone()
    gate.add(who.dossier, "EXPPAT_2", "À moi", [b"Allergie"], "Nicolas Dupond")
    feeder.round(insurance)
    engine = create_engine(cluster.url("alimentation", "dmp"), poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT set_config('dmp.dossier', :d, false)"), {"d": str(who.dossier)})
        rows = connection.execute(text("SELECT author_kind FROM medical.document")).all()
    assert [row.author_kind for row in rows] == ["insurance"]


def test_the_holder_reads_the_five_tables_and_keeps_them_as_pdf_or_as_cda(
    app: Flask, world: AccountWorld, feeder: Feeder, insurance: Insurance
) -> None:
    holder = Holder(app, world, world.someone())
    insurance.rows[ins_c(world, holder.who.dossier)] = [VISIT]
    feeder.round(insurance)
    holder.sign_in()
    assert "1 document<" in holder.get("/mon-dmp/documents").text
    listed = holder.get("/mon-dmp/documents/liste/donnees-de-remboursement").text
    found = re.search(r"/mon-dmp/documents/[0-9a-f-]{36}", listed)
    assert found is not None
    page = holder.get(f"{found[0]}/contenu").text
    for told in ("Pharmacie / fournitures", "08/09/2016", "CONSULTATION", "MEDECINE GENERALE", "Aucun remboursement"):
        assert told in page
    kept = holder.get(f"{found[0]}/contenu?garder=1")
    assert (kept.mimetype, kept.data[:5]) == ("application/pdf", b"%PDF-")
    assert holder.get(f"{found[0]}/contenu?garder=original").data.startswith(b"<?xml")
