"""The steps of a campaign: who may take them, on which dates, with which template; and its number."""

from datetime import date
from pathlib import Path

import pytest

from backoffice.campaigns import actions
from backoffice.campaigns.rules import CampaignState
from backoffice.core.errors import DomainError, Invalid
from campaigns.world import SYSTEM, World, a_person, manager


def test_the_four_eyes_hold_from_draft_to_launch(world: World) -> None:
    world.load([a_person()])
    author, other = manager("a"), manager("b")
    with world.session() as session:
        reference = actions.create(session, world.office, author, world.draft(), folder=world.out).reference
    world.do(actions.submit, reference, actor=author)
    with pytest.raises(DomainError, match="autre responsable"):
        world.do(actions.approve, reference, actor=author)
    world.do(actions.send_back, reference, "cible à revoir", actor=other)
    assert world.status(reference).reason == "cible à revoir"
    world.do(actions.submit, reference, actor=author)
    with pytest.raises(DomainError, match="bon à tirer"):
        world.do(actions.approve, reference, actor=other)
    world.read(reference, other)
    world.do(actions.approve, reference, actor=other)
    assert (world.campaign(reference).author, world.campaign(reference).approver) == ("a", "b")
    steps = world.sql("SELECT step, actor FROM campaign_step ORDER BY id")
    assert [tuple(step) for step in steps] == [
        ("create", "a"), ("submit", "a"), ("send_back", "b"), ("submit", "a"), ("approve", "b"),
    ]  # fmt: skip
    assert len(world.sql("SELECT 1 FROM audit_entry WHERE object = :r", r=reference)) == 6


def test_a_campaign_out_of_scope_does_not_exist(world: World) -> None:
    reference = world.create(caisses=("631", "941"))
    for action in (actions.submit, actions.approve, actions.launch, actions.resume):
        with pytest.raises(DomainError, match="introuvable dans votre périmètre"):
            world.do(action, reference, actor=manager("x", "631"))
    with pytest.raises(DomainError, match="périmètre"), world.session() as session:
        actions.create(session, world.office, manager("x", "631"), world.draft(caisses=("941",)))


def test_a_letter_date_that_has_passed_is_refused_at_approval_and_at_launch(world: World) -> None:
    reference, late = world.create(), world.frozen()
    world.do(actions.submit, reference)
    world.clock.move(days=30)
    with pytest.raises(Invalid, match=r"\(14/11/2016\) est passée"):
        world.do(actions.approve, reference)
    with pytest.raises(Invalid, match="date passée"):
        world.do(actions.launch, late)


def test_references_follow_each_other_within_a_year(world: World) -> None:
    assert [world.create() for _ in range(3)] == ["REC-2016-0001", "REC-2016-0002", "REC-2016-0003"]
    world.clock.move(days=90)
    assert world.create(letter_date=date(2017, 2, 6)) == "REC-2017-0001"


def test_a_template_that_does_not_compile_stops_a_campaign_at_its_submission(world: World, tmp_path: Path) -> None:
    broken = tmp_path / "modeles"
    broken.mkdir()
    (broken / "recruitment.docx").write_bytes(b"PK\x03\x04")
    reference = world.create()
    office = world.with_settings(templates=broken)
    with pytest.raises(DomainError) as refused, office.db.unit_of_work() as session:
        actions.submit(session, office, SYSTEM, reference)
    assert "\n" not in str(refused.value)
    assert world.campaign(reference).status is CampaignState.DRAFT
