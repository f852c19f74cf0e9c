"""The port to the insurance's base: who is this NIR? Served by the host (the back office's population), never stored here."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Insured:
    """What the insurance's base says of one insured person, as far as opening and keeping a DMP needs it."""

    caisse: str
    """Three digits."""
    person_id: int
    """The base's own pseudonymous number, unique within the caisse."""
    nir: str = field(repr=False)
    """15 characters, key included."""
    civilite: str
    """`M` or `MME`."""
    birth_name: str
    usual_name: str
    """Empty when it is the birth name."""
    given_name: str
    """The first-name field of the carte Vitale, as it stands."""
    birth_date: str
    """AAAA-MM-JJ; day or month `00` is legal (incomplete civil record)."""
    serial: str = field(repr=False)
    """Serial number of the carte Vitale, 8 to 12 digits; empty when the base has none."""
    card_type: str
    """`photo`, `sans_photo`, or empty."""
    may_open: bool
    """Whether this person may open a DMP online (DOMAIN 4.1): ouvrant droit of the régime général, of age, alive."""

    @property
    def name(self) -> str:
        """The name the person goes by."""
        return self.usual_name or self.birth_name


def handle_of(person: Insured | None) -> tuple[str, int]:
    """Caisse and number of the person; for nobody those of nobody, so that the same work can be done for them."""
    return (person.caisse, person.person_id) if person is not None else ("000", -1)


class CardBase(Protocol):
    """The insurance's base as a professional may ask it: with the whole of a card in hand, never by a number alone."""

    def by_card(self, nir: str, serial: str, birth_date: str) -> Insured | None:
        """The person whose carte Vitale this is (15 normalised characters, 8 to 12 digits, AAAA-MM-JJ as recorded).

        The work done does not depend on what is wrong. Raises Unavailable when the base does not answer.
        """
        ...


class InsuredBase(Protocol):
    """The insurance's base."""

    def by_nir(self, nir: str) -> Insured | None:
        """The person with this NIR (15 normalised characters) in one of the nine caisses, None when there is none.

        The work done does not depend on whether the person exists. Raises Unavailable when the base does not answer.
        """
        ...
