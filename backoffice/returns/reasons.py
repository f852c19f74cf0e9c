"""La Poste's four reasons for bringing a letter back, and what each means for the code and for the address. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backoffice.core.errors import Invalid


class ReturnReason(StrEnum):
    """What La Poste ticked on the label."""

    ACCESS = "acces_adressage"
    UNKNOWN = "inconnu"
    REFUSED = "refuse"
    UNCLAIMED = "non_reclame"

    @property
    def label(self) -> str:
        """What a French reader sees, as it stands on the label."""
        return _MEANINGS[self].label

    @property
    def short(self) -> str:
        """The same as the head of a column."""
        return _MEANINGS[self].short

    @property
    def bad_address(self) -> bool:
        """Whether it says that nobody can be written to there."""
        return _MEANINGS[self].bad_address


@dataclass(frozen=True, slots=True)
class _Meaning:
    label: str
    short: str
    bad_address: bool
    words: tuple[str, ...]
    """How a file may name it."""


_MEANINGS: Final = {
    ReturnReason.ACCESS: _Meaning(
        "Défaut d’accès ou d’adressage", "Adresse", True, ("acces_adressage", "acces", "adressage", "1")
    ),
    ReturnReason.UNKNOWN: _Meaning("Destinataire inconnu à l’adresse", "Inconnu", True, ("inconnu", "npai", "2")),
    ReturnReason.REFUSED: _Meaning("Pli refusé par le destinataire", "Refusé", False, ("refuse", "refusé", "3")),
    ReturnReason.UNCLAIMED: _Meaning(
        "Pli avisé et non réclamé", "Non réclamé", False, ("non_reclame", "non réclamé", "non reclame", "4")
    ),
}


def reason_of(text: str) -> ReturnReason:
    """The reason that a person or a file names. Raises Invalid, with the four that there are."""
    wanted = text.strip().lower()
    for reason, meaning in _MEANINGS.items():
        if wanted in meaning.words:
            return reason
    known = ", ".join(ReturnReason)
    raise Invalid(f"« {text[:30]} » n’est pas un motif de retour ; motifs connus : {known}.")
