"""Every declared kind of case, walked on the real database: what happens is in its life and in the journal, no less."""

import random
import uuid

import pytest
from campaigns.world import World

from backoffice.audit.journal import check_chain, entries_about
from backoffice.cases import actions
from backoffice.cases.effects import EFFECTS
from backoffice.cases.files import Attachment
from backoffice.cases.kinds import WORKFLOWS
from backoffice.cases.models import Case
from backoffice.cases.queries import life_of
from backoffice.cases.workflow import Workflow
from backoffice.core.actor import Actor, Role
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import DomainError
from backoffice.letters.requests import letters_of_case
from cases.test_cases import person

__all__ = ["person"]

PEOPLE = [
    Actor(f"{role}.{rank}", f"{role.label} {rank}", frozenset({role}), frozenset(CAISSE_CODES))
    for role in (Role.AGENT, Role.ADVISOR, Role.SUPERVISOR, Role.SYSTEM)
    for rank in (1, 2)
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_whatever_is_tried_the_journal_says_what_was_done_and_the_clock_agrees(
    world: World, person: int, workflow: Workflow, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in EFFECTS:
        monkeypatch.setitem(EFFECTS, name, lambda _: None)
    chance, taken, asked = random.Random(f"{workflow.name} {seed}"), [], list(workflow.sends)
    with world.session() as session:
        opened = actions.open_case(session, world.office, PEOPLE[0], workflow, "631", person)
        number = opened.number
        if any(step.evidence for step in workflow.steps):
            session.add(
                Attachment(
                    uid=uuid.uuid4(), case_id=opened.id, name="acte.pdf", media_type="application/pdf", size=1, sha256=bytes(32),
                    key_id="", added_by=PEOPLE[0].login, added_at=world.clock(),
                )
            )  # fmt: skip
    state = workflow.initial.name
    for _ in range(25):
        world.clock.move(minutes=chance.randrange(0, 2000))
        step, actor = chance.choice(workflow.steps), chance.choice(PEOPLE)
        allowed = state in step.sources and not actor.roles.isdisjoint(step.roles)
        try:
            with world.session() as session:
                case = actions.advance(session, world.office, actor, number, step.name, chance.choice(["", "un motif"]))
        except DomainError:
            continue
        assert allowed, (state, step.name, actor.login)
        if step.other_than:
            before = [who for name, who in taken if name == step.other_than]
            assert not before or before[-1] != actor.login
        taken.append((step.name, actor.login))
        asked += step.sends
        state = step.target
        assert case.state == state
        assert (case.ended_at is not None) == case.status.final
        assert (case.due_at is None) == (case.status.final or case.status.waits)
    with world.session() as session:
        case = session.query(Case).one()
        life = [(line.step, line.actor) for line in life_of(session, case) if line.what == "step"]
        journal = [(entry.action, entry.actor) for entry in reversed(entries_about(session, [number], 100))]
        assert life == [("open", PEOPLE[0].login), *taken]
        assert journal == [("demande.ouvrir", PEOPLE[0].login), *((f"demande.{name}", who) for name, who in taken)]
        assert [one.answer for one in letters_of_case(session, number)] == asked
        assert check_chain(session).fault is None
