"""Which cases of the queue to show: as the address of a page says it, and as a saved view keeps it. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

NOBODY: Final = "-"
"""As an owner: still in the queue."""
CLOCKS: Final = {
    "depassee": "échéance dépassée",
    "proche": "échéance proche",
    "aujourdhui": "à rendre aujourd’hui",
    "attente": "en attente de la personne",
}
_LONGEST: Final = 60


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; empty means any."""

    mine: bool = False
    ended: bool = False
    kind: str = ""
    state: str = ""
    team: str = ""
    priority: str = ""
    clock: str = ""
    """One of CLOCKS."""
    owner: str = ""
    """A login, or NOBODY."""
    caisse: str = ""
    number: str = ""
    """A case number or its beginning or end."""

    @classmethod
    def read(cls, args: Mapping[str, str]) -> "Wanted":
        """From the address of a page; what it does not know is left out."""
        found = {name: str(args.get(word, "")).strip()[:_LONGEST] for name, word in _WORDS.items()}
        return cls(**{name: bool(value) if name in _FLAGS else value for name, value in found.items()})  # type: ignore[arg-type]

    def args(self) -> dict[str, Any]:
        """As the address of a page says it."""
        return {_WORDS[name]: "1" if value is True else str(value) for name, value in asdict(self).items() if value}

    @property
    def narrowed(self) -> bool:
        """Whether more is asked than a tab says."""
        return bool(set(self.args()) - {_WORDS[flag] for flag in _FLAGS})


_FLAGS: Final = ("mine", "ended")
_WORDS: Final = {
    "mine": "miennes", "ended": "terminees", "kind": "type", "state": "etat", "team": "file", "priority": "priorite",
    "clock": "echeance", "owner": "suivie", "caisse": "caisse", "number": "numero",
}  # fmt: skip
