"""What a parameter is: one declaration with its type, its bounds, its French label and its meaning. Pure."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from backoffice.core.errors import Invalid
from backoffice.core.typography import thousands

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(ABC, Generic[T]):
    """One thing to set. Subclasses say what a value may be, how it is kept and how it reads."""

    name: str
    """What versions are kept under, e.g. "limite.renvois_par_jour": never changed once a version exists."""
    label: str
    meaning: str
    """One French sentence for the administrator: what changes with it, and for whom."""
    default: T
    per_caisse: bool = False
    """Each caisse has its own; otherwise there is one for all of them."""

    @abstractmethod
    def checked(self, value: T) -> T:
        """The value as it is kept. Raises Invalid, in one sentence, for one that may not be."""

    @abstractmethod
    def to_json(self, value: T) -> Any:
        """As the database keeps it."""

    @abstractmethod
    def from_json(self, kept: Any) -> T:
        """The value again. Raises Invalid, ValueError, TypeError or KeyError for what no longer means anything."""

    @abstractmethod
    def in_words(self, value: T) -> str:
        """One line of French: for the list of parameters and the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole(Parameter[int]):
    """A whole number within bounds."""

    least: int
    most: int
    unit: str = ""
    """The French noun that follows the number, in the singular, e.g. "jour"."""
    because: str = ""
    """Why not more, or not less: said with the bounds."""
    default: int = field()

    def checked(self, value: int) -> int:
        """Within the bounds."""
        if not self.least <= value <= self.most:
            raise Invalid(f"« {self.label} » va de {self.bounds}.")
        return value

    @property
    def bounds(self) -> str:
        """ "1 à 4", with the reason where there is one."""
        return f"{thousands(self.least)} à {thousands(self.most)}" + (f" ({self.because})" if self.because else "")

    def to_json(self, value: int) -> int:
        """Itself."""
        return value

    def from_json(self, kept: Any) -> int:
        """Itself, brought within bounds that may have been tightened since."""
        return min(max(int(kept), self.least), self.most)

    def in_words(self, value: int) -> str:
        """ "90 jours"."""
        return f"{thousands(value)} {self.unit if value < 2 else self.units}".strip()

    @property
    def units(self) -> str:
        """The noun in the plural."""
        return self.unit if self.unit.endswith("s") or not self.unit else f"{self.unit}s"
