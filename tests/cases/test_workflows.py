"""Every declared workflow, whatever it is: no dead end, no forbidden pair, roles respected."""

import importlib
import itertools
import pkgutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.campaigns.kinds import ON_DEMAND
from backoffice.cases import kinds
from backoffice.cases.effects import EFFECTS
from backoffice.cases.kinds import WORKFLOWS, workflow_of
from backoffice.cases.workflow import State, Step, Workflow
from backoffice.core.actor import Actor, Role
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import DomainError, Invalid, NotAllowed, NotFound, WrongState


def someone(*roles: Role) -> Actor:
    return Actor("un.agent", "Un Agent", frozenset(roles), frozenset(CAISSE_CODES))


EVERYBODY = someone(*Role)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_every_state_can_be_reached_and_every_open_state_left(workflow: Workflow) -> None:
    reached = {workflow.initial.name}
    for _ in workflow.states:
        reached |= {step.target for step in workflow.steps if step.sources & reached}
    assert reached == {state.name for state in workflow.states}
    for state in workflow.states:
        if not state.final:
            assert workflow.possible(state.name, EVERYBODY), state.label


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_every_open_state_leads_to_an_end(workflow: Workflow) -> None:
    ending = {state.name for state in workflow.states if state.final}
    for _ in workflow.states:
        ending |= {source for step in workflow.steps if step.target in ending for source in step.sources}
    assert ending == {state.name for state in workflow.states}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_every_pair_of_state_and_step_is_taken_or_refused_as_declared(workflow: Workflow) -> None:
    for state, step, role in itertools.product(workflow.states, workflow.steps, Role):
        allowed = state.name in step.sources and role in step.roles
        if allowed:
            assert workflow.take(step.name, state.name, someone(role), "motif") == step
        else:
            with pytest.raises(WrongState if role in step.roles else NotAllowed):
                workflow.take(step.name, state.name, someone(role), "motif")
        assert (step in workflow.possible(state.name, someone(role))) == allowed


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_words_for_people_and_effects_that_exist(workflow: Workflow) -> None:
    assert workflow.label
    assert workflow.about
    assert workflow.minutes > 0
    assert workflow.readers
    for step in workflow.steps:
        assert step.label
        assert step.meaning.endswith(".")
        assert step.roles
        assert not step.effect or step.effect in EFFECTS
        assert {*workflow.sends, *step.sends, *filter(None, [step.when_sent])} <= {kind.name for kind in ON_DEMAND}
        assert not step.when_sent or step.roles == {Role.SYSTEM}
        if step.needs_reason:
            with pytest.raises(Invalid, match="demande un motif"):
                workflow.take(step.name, next(iter(step.sources)), EVERYBODY, "  ")


@given(st.data())
def test_no_sequence_of_steps_leaves_the_declared_states(data: st.DataObject) -> None:
    workflow = data.draw(st.sampled_from(WORKFLOWS))
    state = workflow.initial.name
    for _ in range(8):
        actor = someone(data.draw(st.sampled_from(list(Role))))
        name = data.draw(st.sampled_from([*(step.name for step in workflow.steps), "inconnue"]))
        try:
            step = workflow.take(name, state, actor, data.draw(st.sampled_from(["", "motif"])))
        except DomainError:
            continue
        assert state in step.sources
        assert not actor.roles.isdisjoint(step.roles)
        state = step.target
        assert workflow.state(state)


def test_no_declared_kind_escapes_the_list() -> None:
    modules = [importlib.import_module(f"{kinds.__name__}.{one.name}") for one in pkgutil.iter_modules(kinds.__path__)]
    declared = {id(found) for module in modules for found in vars(module).values() if isinstance(found, Workflow)}
    assert declared == {id(workflow) for workflow in WORKFLOWS}
    assert len({workflow.name for workflow in WORKFLOWS}) == len(WORKFLOWS)


def test_an_unknown_kind_is_not_found() -> None:
    with pytest.raises(NotFound, match="n’existe pas"):
        workflow_of("inconnu")


def test_a_declaration_that_names_an_unknown_state_does_not_load() -> None:
    step = Step("a", "A", frozenset({"nowhere"}), "here", frozenset({Role.AGENT}), "Rien.")
    with pytest.raises(ValueError, match="nowhere"):
        Workflow("x", "X", "Essai.", (State("here", "ici"),), (step,), 60, frozenset({Role.AGENT}))
