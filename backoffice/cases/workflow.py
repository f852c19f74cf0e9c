"""What a workflow is: states, and the steps between them, declared as data with French labels. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from backoffice.cases.queueing import Team, Way
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import Invalid, NotAllowed, WrongState


@dataclass(frozen=True, slots=True)
class State:
    """Where a case may stand."""

    name: str
    label: str
    waits: bool = False
    """The person is awaited: the deadline does not run."""
    final: bool = False
    """Nothing more is due."""


@dataclass(frozen=True, slots=True)
class Step:
    """One way from some states to another: who may take it, and what it does outside the case."""

    name: str
    label: str
    sources: frozenset[str]
    target: str
    roles: frozenset[Role]
    meaning: str
    """What taking it does, said to the agent before the button."""
    needs_reason: bool = False
    effect: str = ""
    """Name of an effect of `cases.effects`, done first; the step is taken only if it succeeds."""
    sends: tuple[str, ...] = ()
    """Kinds of letters (on-demand campaign kinds) asked for in the step's transaction."""
    when_sent: str = ""
    """The system takes it when the case's letter of this kind has left."""
    minutes: int | None = None
    """A new count of opening time from here; None: the clock goes on."""
    team: Team | None = None
    """Whose queue it goes to, in nobody's hands; None: it stays where it is."""
    other_than: str = ""
    """A step whose taker may not take this one: four eyes."""
    evidence: str = ""
    """What must be joined to the case first, with its article; empty: nothing."""
    form: str = ""
    """Endpoint of the page where it is taken; empty: a button on the case's own page."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """A kind of case: one declaration, drawn on its page and followed by the engine."""

    name: str
    label: str
    about: str
    """What such a case is, for the page that draws it."""
    states: tuple[State, ...]
    """The first is where a case begins."""
    steps: tuple[Step, ...]
    minutes: int
    """Opening time until it is due."""
    readers: frozenset[Role]
    """Who sees these cases, within their caisses."""
    team: Team = Team.COUNTER
    """Whose queue it begins in."""
    way: Way = Way.OFFICE
    """How such requests come, unless the opener knows better."""
    sends: tuple[str, ...] = ()
    """Kinds of letters asked for when it is opened."""
    letter_facts: tuple[str, ...] = ()
    """Facts of the case that its letters may name, as `demande.<fact>`; its number and date always are."""

    def __post_init__(self) -> None:
        names, steps = [state.name for state in self.states], {step.name for step in self.steps}
        unknown = {name for step in self.steps for name in (*step.sources, step.target)} - set(names)
        unknown |= {step.other_than for step in self.steps if step.other_than} - steps
        if unknown or len(set(names)) != len(names) or len(steps) != len(self.steps):
            raise ValueError(f"workflow {self.name}: unknown states or steps {sorted(unknown)}, or a name twice")

    @property
    def initial(self) -> State:
        """Where a case begins."""
        return self.states[0]

    def state(self, name: str) -> State:
        """The declared state of this name."""
        return next(state for state in self.states if state.name == name)

    def step(self, name: str) -> Step:
        """The declared step of this name. Raises Invalid when there is none."""
        for step in self.steps:
            if step.name == name:
                return step
        raise Invalid(f"Cette étape n’existe pas pour une demande « {self.label} » : rechargez la page.")

    def take(self, name: str, state: str, actor: Actor, reason: str) -> Step:
        """The step, if `actor` may take it from `state`; WrongState, NotAllowed or Invalid say why not."""
        step = self.step(name)
        if actor.roles.isdisjoint(step.roles):
            raise NotAllowed(f"« {step.label} » demande le rôle : {_listed(role.label for role in step.roles)}.")
        if state not in step.sources:
            raise WrongState(
                f"« {step.label} » est impossible : la demande est « {self.state(state).label} ». Rechargez la page."
            )
        if step.needs_reason and not reason.strip():
            raise Invalid(f"« {step.label} » demande un motif : écrivez-le en quelques mots.")
        return step

    def possible(self, state: str, actor: Actor) -> tuple[Step, ...]:
        """The steps open to this actor from here, in declared order."""
        return tuple(
            step for step in self.steps if state in step.sources and not actor.roles.isdisjoint(step.roles)
        )  # fmt: skip

    def when_sent(self, answer: str, state: str) -> Step | None:
        """The step that the system takes from here when a letter of this kind has left."""
        return next((step for step in self.steps if step.when_sent == answer and state in step.sources), None)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
