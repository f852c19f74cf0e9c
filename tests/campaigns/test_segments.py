"""Segments, lists and drafts: shared, versioned, followed by what has not left."""

import shutil
from dataclasses import replace

import pytest

from backoffice.campaigns import actions, segments
from backoffice.campaigns.approvals import TEMPLATE_CHANGED, void_stale
from backoffice.campaigns.criteria import Criteria
from backoffice.campaigns.drafts import change_draft
from backoffice.campaigns.forecast import count_draft
from backoffice.campaigns.lists import keep_list
from backoffice.campaigns.rules import CampaignState, ChannelRule, LotState
from backoffice.core.errors import Invalid, NotAllowed, NotFound, WrongState
from campaigns.world import World, a_person, manager, new_nir

ALICE, BRUNO, PEIO = manager("alice", "631"), manager("bruno", "631"), manager("peio", "641")
YOUNG, OLD = Criteria(age_max=40), Criteria(age_min=41)


def make(world: World, criteria: Criteria = YOUNG, name: str = "Jeunes") -> int:
    with world.session() as session:
        return segments.create_segment(session, world.office, ALICE, name, ("631",), criteria).id


def change(world: World, segment: int, version: int, criteria: Criteria, actor: object = BRUNO) -> None:
    with world.session() as session:
        segments.change_segment(session, world.office, actor, segment, version, "Jeunes", ("631",), criteria)  # type: ignore[arg-type]


def test_a_segment_is_shared_within_its_caisses_and_every_version_is_kept(world: World) -> None:
    segment = make(world)
    change(world, segment, 1, OLD)
    with world.session() as session:
        found = segments.access_segment(session, ALICE, segment)
        assert (found.version, found.target) == (2, OLD)
        assert [(one.what, one.actor, Criteria.from_json(one.criteria)) for one in segments.changes_of(session, found)] == [
            ("modifier", "bruno", OLD), ("creer", "alice", YOUNG),
        ]  # fmt: skip
        assert segments.list_segments(session, PEIO) == []
        with pytest.raises(NotFound):
            segments.access_segment(session, PEIO, segment)


def test_two_at_once_the_second_is_told_who_was_quicker(world: World) -> None:
    segment = make(world)
    change(world, segment, 1, OLD)
    with pytest.raises(WrongState, match="bruno a modifié ce segment"):
        change(world, segment, 1, YOUNG, ALICE)
    with world.session() as session:
        assert segments.set_archived(session, world.office, ALICE, segment, 2, archived=True).archived_at
    with pytest.raises(WrongState, match="archivé"):
        change(world, segment, 3, YOUNG)
    with world.session() as session:
        assert segments.list_segments(session, ALICE) == []
        assert [one.id for one in segments.list_segments(session, ALICE, archived=True)] == [segment]


def test_a_changed_segment_voids_the_approval_and_what_leaves_is_what_is_approved_again(world: World) -> None:
    world.load([a_person(date_naissance="1990-01-01") for _ in range(3)] + [a_person(date_naissance="1950-01-01")])
    segment = make(world)
    reference = world.frozen(criteria=YOUNG, segment_id=segment, channel_rule=ChannelRule.POST)
    assert (world.status(reference).eligible, world.campaign(reference).segment_version) == (3, 1)
    running = world.launched(criteria=YOUNG, segment_id=segment, channel_rule=ChannelRule.POST)
    change(world, segment, 1, OLD)
    campaign = world.campaign(reference)
    assert (campaign.status, campaign.frozen_at, campaign.approver) == (CampaignState.DRAFT, None, None)
    assert (campaign.target, campaign.segment_version) == (OLD, 2)
    assert "Le segment « Jeunes » a été modifié par bruno" in (world.status(reference).reason or "")
    assert (world.letters(reference), world.lots(reference)) == ([], [])
    assert len(world.letters(running)) == 3
    with pytest.raises(WrongState):
        world.do(actions.launch, reference)
    # Who changed the segment had a hand in it: four eyes.
    world.do(actions.submit, reference)
    with pytest.raises(NotAllowed, match="auteur"):
        world.do(actions.approve, reference, actor=BRUNO)
    world.read(reference, ALICE)
    world.do(actions.approve, reference, actor=ALICE)
    with world.session() as session:
        actions.freeze_now(session, world.office, campaign.id)
    assert len(world.letters(reference)) == 1
    assert world.verify().faults == []


def test_a_template_changed_after_the_approval_voids_it_before_anything_leaves(world: World) -> None:
    world.load([a_person() for _ in range(2)])
    reference = world.frozen(channel_rule=ChannelRule.POST)
    kept = world.office
    other = world.folder / "letters"
    shutil.copytree(world.settings.templates, other)
    (other / "recruitment.docx").write_bytes((other / "reminder.docx").read_bytes())
    world.office = world.with_settings(templates=other)
    world.do(actions.launch, reference)
    assert world.campaign(reference).status is CampaignState.DRAFT
    assert world.status(reference).reason == TEMPLATE_CHANGED
    world.office = kept
    assert void_stale(world.office) == 0


def test_the_sweep_voids_what_is_stale_and_leaves_the_rest(world: World) -> None:
    world.load([a_person()])
    stale, running = world.frozen(), world.launched(kind="recruitment")
    world.sql("UPDATE campaign SET template_version = 'autre'")
    assert void_stale(world.office) == 1
    assert world.campaign(stale).status is CampaignState.DRAFT
    assert world.campaign(running).status is CampaignState.RUNNING


def test_what_has_begun_to_leave_is_never_thawed(world: World) -> None:
    world.load([a_person()])
    reference = world.sealed(channel_rule=ChannelRule.POST)
    with pytest.raises(Exception, match="has begun to be made"):
        world.sql("SELECT thaw_campaign(:id)", id=world.campaign(reference).id)
    assert [lot.status for lot in world.lots(reference)] == [LotState.SEALED]


def test_a_draft_sent_back_is_changed_and_two_hands_do_not_overwrite_each_other(world: World) -> None:
    world.load([a_person(date_naissance="1930-01-01")])
    with world.session() as session:
        reference = actions.create(session, world.office, ALICE, world.draft()).reference
    world.do(actions.submit, reference, actor=ALICE)
    with pytest.raises(WrongState, match="seule une campagne en brouillon se modifie"):
        edit(world, reference, 1, name="Autre")
    world.do(actions.send_back, reference, "Âges à revoir", actor=BRUNO)
    edit(world, reference, 1, actor=BRUNO, name="Âges revus", criteria=OLD)
    campaign = world.campaign(reference)
    assert (campaign.name, campaign.target, campaign.version, campaign.hands) == (
        "Âges revus",
        OLD,
        2,
        ["alice", "bruno"],
    )
    assert world.status(reference).reason == "Âges à revoir"  # read until it is submitted anew
    with pytest.raises(WrongState, match="bruno a modifié ce brouillon"):
        edit(world, reference, 1, name="Trop tard")
    world.do(actions.submit, reference, actor=BRUNO)
    for hand in (ALICE, BRUNO):
        with pytest.raises(NotAllowed):
            world.do(actions.approve, reference, actor=hand)
    world.read(reference, manager("claire"))
    world.do(actions.approve, reference, actor=manager("claire"))


def edit(world: World, reference: str, version: int, actor: object = ALICE, **changes: object) -> None:
    with world.session() as session:
        change_draft(session, world.office, actor, reference, version, replace(world.draft(), **changes))  # type: ignore[arg-type]


def test_a_list_says_what_became_of_each_line_and_keeps_no_number(world: World) -> None:
    mine, moved, elsewhere = new_nir(), new_nir(), new_nir()
    world.load([a_person(nir=mine), a_person(nir=moved), a_person(nir=elsewhere, caisse="641")])
    spaced = f"{mine[:1]} {mine[1:3]} {mine[3:5]} {mine[5:7]} {mine[7:10]} {mine[10:13]} {mine[13:]}"
    typed = f"NIR;nom\n{spaced};DUPONT\n\n{mine}\n123\n{elsewhere}\n{new_nir()}\n{moved}\n"
    with world.session() as session:
        checked = keep_list(session, world.office, ALICE, typed)
    assert (checked.lines, checked.found) == (7, 2)
    # Of another caisse or of none: the two are not told apart.
    assert (checked.unreadable, checked.unknown, checked.repeated) == ([5], [6, 7], [4])
    with world.session() as session:
        found = count_draft(session, world.office, ALICE, world.draft(criteria=Criteria(list_id=checked.list_id)))
    assert (found.targeted, dict(found.steps)["liste"]) == (2, 2)
    everything = " ".join(str(row) for row in world.sql("SELECT t::text FROM person_list t")) + " ".join(
        str(row) for row in world.sql("SELECT a::text FROM audit_entry a")
    )
    assert mine not in everything
    with world.session() as session, pytest.raises(Invalid, match="introuvable dans votre périmètre"):
        actions.create(
            session, world.office, PEIO, world.draft(caisses=("641",), criteria=Criteria(list_id=checked.list_id))
        )


def test_a_list_without_anybody_is_refused(world: World) -> None:
    with world.session() as session, pytest.raises(Invalid, match="Aucune ligne de la liste"):
        keep_list(session, world.office, ALICE, "bonjour\n" + new_nir())
