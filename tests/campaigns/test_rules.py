"""The rules of a campaign's life, without a database."""

import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.campaigns.criteria import Criteria
from backoffice.campaigns.kinds import Exclusion, kind_of
from backoffice.campaigns.rules import STEPS, CampaignState, Channel, Draft, LotState, lot_name, possible_steps, take
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import DomainError, Invalid, NotAllowed, WrongState

TODAY = date(2016, 11, 2)
FINAL = {CampaignState.FINISHED, CampaignState.CANCELLED}
DRAFT = Draft("Recrutement", "recruitment", ("631",), TODAY)


def actor(role: Role, login: str = "b") -> Actor:
    return Actor(login, login, frozenset({role}), frozenset({"631"}))


actors = st.builds(actor, st.sampled_from(Role), st.sampled_from(["author", "b"]))
attempts = st.lists(
    st.tuples(st.sampled_from([step.name for step in STEPS]), actors, st.sampled_from([None, "", "  ", "motif"])),
    max_size=12,
)


@given(attempts)
def test_no_sequence_of_steps_leaves_the_declared_transitions(wanted: list[tuple[str, Actor, str | None]]) -> None:
    state, approver = CampaignState.DRAFT, None
    for name, who, reason in wanted:
        offered = {step.name for step in possible_steps(state, who, {"author"})}
        try:
            step = take(name, state, who, {"author"}, reason)
        except DomainError:
            continue
        assert name in offered
        assert state in step.sources
        assert state not in FINAL
        assert who.roles <= step.roles
        if step.needs_reason:
            assert (reason or "").strip()
        if name == "approve":
            approver = who
        state = step.target
        if state in (CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.FINISHED):
            assert approver is not None
            assert approver.login != "author" or Role.SYSTEM in approver.roles


@pytest.mark.parametrize("state", CampaignState)
def test_every_state_that_is_not_final_has_a_way_out_for_a_manager(state: CampaignState) -> None:
    assert bool(possible_steps(state, actor(Role.CAMPAIGN_MANAGER), {"author"})) == (state not in FINAL)


def test_every_state_can_be_reached_from_a_draft() -> None:
    reached = {CampaignState.DRAFT}
    for _ in CampaignState:
        reached |= {step.target for step in STEPS if step.sources & reached}
    assert reached == set(CampaignState)


def test_the_author_cannot_approve_even_when_alone() -> None:
    author = actor(Role.CAMPAIGN_MANAGER, "author")
    with pytest.raises(NotAllowed, match="autre responsable"):
        take("approve", CampaignState.SUBMITTED, author, {"author"}, None)
    assert take("approve", CampaignState.SUBMITTED, actor(Role.CAMPAIGN_MANAGER), {"author"}, None)


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.CAMPAIGN_MANAGER, Role.SYSTEM)])
def test_only_campaign_managers_take_steps(role: Role) -> None:
    for step in STEPS:
        for state in CampaignState:
            assert step not in possible_steps(state, actor(role), {"author"})
            with pytest.raises(NotAllowed, match="responsable de campagne"):
                take(step.name, state, actor(role), {"author"}, "motif")


def test_finishing_is_not_for_a_person() -> None:
    with pytest.raises(NotAllowed):
        take("finish", CampaignState.RUNNING, actor(Role.CAMPAIGN_MANAGER), {"author"}, None)


@pytest.mark.parametrize("name", [step.name for step in STEPS if step.needs_reason])
@pytest.mark.parametrize("reason", [None, "", " \t"])
def test_steps_against_somebody_ask_for_a_reason(name: str, reason: str | None) -> None:
    step = next(step for step in STEPS if step.name == name)
    for state in step.sources:
        with pytest.raises(Invalid, match="motif"):
            take(name, state, actor(Role.CAMPAIGN_MANAGER), {"author"}, reason)


def test_a_step_out_of_turn_says_where_the_campaign_is() -> None:
    with pytest.raises(WrongState, match="« Lancer » est impossible : la campagne est « brouillon »"):
        take("launch", CampaignState.DRAFT, actor(Role.CAMPAIGN_MANAGER), {"author"}, None)


@pytest.mark.parametrize("kind", [CampaignState, LotState, Exclusion])
def test_everything_has_a_french_label_of_its_own(kind: type) -> None:
    labels = [member.label for member in kind]  # type: ignore[attr-defined]
    assert all(labels)
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "  "}, "Donnez un nom"),
        ({"name": "x" * 121}, "dépasse 120"),
        ({"kind": "publicite"}, "« publicite » n’existe pas"),
        ({"caisses": ()}, "au moins une caisse"),
        ({"caisses": ("631", "999")}, "« 999 » n’est pas l’une des neuf"),
        ({"letter_date": date(2016, 11, 1)}, r"\(01/11/2016\) est passée"),
        ({"letter_date": date(2019, 1, 1)}, "plus de deux ans"),
        ({"per_day": 0}, "au moins 1"),
        ({"criteria": Criteria(age_min=131)}, "131 n’est pas possible"),
        ({"criteria": Criteria(age_max=-1)}, "-1 n’est pas possible"),
        ({"criteria": Criteria(age_min=40, age_max=30)}, r"minimal \(40\) dépasse l’âge maximal \(30\)"),
        ({"criteria": Criteria(postal_codes=("63000", "6"))}, "« 6 » n’est ni un code postal"),
        ({"criteria": Criteria(postal_codes=("63%00",))}, "2 à 5 chiffres"),
        ({"criteria": Criteria(postal_codes=("٦٣",))}, "2 à 5 chiffres"),
        ({"criteria": Criteria(qualites=("XX",))}, "« XX » n’existe pas"),
    ],
)
def test_a_draft_that_cannot_be_is_refused_in_one_sentence(changes: dict[str, object], sentence: str) -> None:
    DRAFT.check(TODAY)
    with pytest.raises(Invalid, match=sentence) as refused:
        replace(DRAFT, **changes).check(TODAY)  # type: ignore[arg-type]
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith((".", ")."))


@given(
    st.builds(
        Criteria,
        st.none() | st.integers(0, 130),
        st.none() | st.integers(0, 130),
        st.lists(st.from_regex(r"[0-9]{2,5}", fullmatch=True)).map(tuple),
        st.lists(st.sampled_from(["OD", "AD"])).map(tuple),
        st.booleans(),
    )
)
def test_criteria_come_back_from_their_column_unchanged(criteria: Criteria) -> None:
    assert Criteria.from_json(criteria.as_json()) == criteria


ids = st.lists(st.from_regex(r"631-[0-9]{9}-[0-9]{2}", fullmatch=True), min_size=1, max_size=4)


@given(ids, ids, st.dates(date(2016, 1, 1), date(2017, 1, 1)), st.sampled_from(["v1", "v2"]))
def test_a_lot_is_named_after_its_content_alone(one: list[str], other: list[str], day: date, version: str) -> None:
    name = lot_name("REC-2016-0001", "631", 3, one, day, version)
    assert re.fullmatch(r"REC-2016-0001-631-0003-[0-9a-f]{10}", name)
    assert name == lot_name("REC-2016-0001", "631", 3, iter(one), day, version)
    assert (name == lot_name("REC-2016-0001", "631", 3, other, day, version)) == (one == other)
    assert name != lot_name("REC-2016-0001", "631", 3, one, date(2018, 1, 1), version)
    assert name != lot_name("REC-2016-0001", "631", 3, one, day, "v3")


def test_a_daily_figure_bounds_the_lots() -> None:
    assert DRAFT.lot_size(5000) == 5000
    assert replace(DRAFT, per_day=800).lot_size(5000) == 800
    assert replace(DRAFT, per_day=8000).lot_size(5000) == 5000


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(Invalid, match="recruitment"):
        kind_of("x")
    assert {Channel.POST, Channel.MAIL} == set(Channel)
