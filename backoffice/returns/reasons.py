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
    def bad_address(self) -> bool:
        """Whether it says that nobody can be written to there."""
        return _MEANINGS[self].bad_address

    @property
    def key(self) -> str:
        """The key that chooses it."""
        return _MEANINGS[self].key


@dataclass(frozen=True, slots=True)
class _Meaning:
    label: str
    bad_address: bool
    key: str
    words: tuple[str, ...]
    """How a file may name it."""


_MEANINGS: Final = {
    ReturnReason.ACCESS: _Meaning("Défaut d’accès ou d’adressage", True, "1", ("acces_adressage", "acces", "adressage", "1")),
    ReturnReason.UNKNOWN: _Meaning("Destinataire inconnu à l’adresse", True, "2", ("inconnu", "npai", "2")),
    ReturnReason.REFUSED: _Meaning("Pli refusé par le destinataire", False, "3", ("refuse", "refusé", "3")),
    ReturnReason.UNCLAIMED: _Meaning("Pli avisé et non réclamé", False, "4", ("non_reclame", "non réclamé", "non reclame", "4")),
}  # fmt: skip


def reason_of(text: str) -> ReturnReason:
    """The reason that a person or a file names. Raises Invalid, with the four that there are."""
    wanted = text.strip().lower()
    for reason, meaning in _MEANINGS.items():
        if wanted in meaning.words:
            return reason
    known = ", ".join(ReturnReason)
    raise Invalid(f"« {text[:30]} » n’est pas un motif de retour ; motifs connus : {known}.")
