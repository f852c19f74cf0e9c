"""The drawing of a workflow, for every declared one and for any other: nothing covers anything, every step is there."""

import itertools

import pytest
from cases.test_letters_and_queues import ASKED
from hypothesis import given
from hypothesis import strategies as st

from backoffice.cases.kinds import WORKFLOWS
from backoffice.cases.workflow import State, Step, Workflow
from backoffice.core.actor import Role
from backoffice.web.drawing import Place, draw

LABELS = ["Clore", "Demander une pièce à la personne"]
ANYBODY = frozenset({Role.AGENT})


@st.composite
def workflows(data: st.DrawFn) -> Workflow:
    names = [f"e{rank}" for rank in range(data(st.integers(1, 7)))]
    pairs = data(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=12))
    steps = tuple(
        Step(f"s{rank}", data(st.sampled_from(LABELS)), frozenset({a}), b, ANYBODY, "Rien.")
        for rank, (a, b) in enumerate(pairs)
    )  # fmt: skip
    return Workflow("x", "X", "Essai.", tuple(State(name, f"état {name}") for name in names), steps, 60, ANYBODY)


def look(workflow: Workflow) -> None:
    drawing = draw(workflow)
    assert {place.state for place in drawing.states} == set(workflow.states)
    for one in (*drawing.states, *drawing.labels):
        assert one.left >= 0
        assert one.top >= 0
        assert one.left + one.width <= drawing.width
        assert one.top + one.height <= drawing.height
    for one, other in itertools.combinations((*drawing.states, *drawing.labels), 2):
        assert apart(one, other), (one.lines, other.lines)
    between = {(source, step.target) for step in workflow.steps for source in step.sources if source != step.target}
    assert len(drawing.ways) == len(between)
    said = " ".join(line for label in drawing.labels for line in label.lines)
    for step in workflow.steps:
        if step.sources != {step.target}:
            assert all(word in said for word in step.label.split())


def apart(one: Place, other: Place) -> bool:
    return (
        one.left + one.width <= other.left or other.left + other.width <= one.left
        or one.top + one.height <= other.top or other.top + other.height <= one.top
    )  # fmt: skip


@pytest.mark.parametrize("workflow", [*WORKFLOWS, ASKED], ids=lambda workflow: workflow.name)
def test_every_declared_workflow_is_drawn_whole(workflow: Workflow) -> None:
    look(workflow)


@given(workflows())
def test_any_workflow_is_drawn_whole(workflow: Workflow) -> None:
    look(workflow)
