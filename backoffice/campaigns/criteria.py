"""Whom a campaign targets, pure: ages, places, contacts, an earlier campaign, a list, a draw; as stored and as checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from backoffice.core.errors import Invalid

CHANNELS = ("courrier", "mail")


class Fate(StrEnum):
    """What became of a person in an earlier campaign."""

    WRITTEN = "ecrit"
    """Its letter or e-mail left."""
    NOT_CREATED = "sans_creation"
    CREATED = "cree"
    LIVE = "code_valable"
    """The code of that letter may still open a DMP."""
    RETURNED = "revenu"
    FAILED = "exception"
    """Its letter could not be made or delivered."""
    WITHOUT = "annule_sans_code"
    """Its letter was given up, and no code may open a DMP now: an earlier one may have given way to it."""
    NOT_IN = "hors_campagne"
    """Not one of that campaign's persons."""

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _FATES[self]


_FATES = {
    Fate.WRITTEN: "ont reçu un envoi",
    Fate.NOT_CREATED: "ont reçu un envoi et n’ont pas de DMP aujourd’hui",
    Fate.CREATED: "ont ouvert un DMP depuis leur envoi",
    Fate.LIVE: "détiennent encore le code de cet envoi",
    Fate.RETURNED: "leur courrier est revenu",
    Fate.FAILED: "leur courrier n’a pas pu être produit ou remis",
    Fate.WITHOUT: "leur envoi a été annulé et ils n’ont pas de code en cours de validité",
    Fate.NOT_IN: "n’en étaient pas destinataires",
}


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier campaign, by its reference, and what became of the persons wanted."""

    reference: str
    fate: Fate


@dataclass(frozen=True, slots=True)
class Draw:
    """A part of the eligible persons drawn by lot: so many, or so many in a hundred in each caisse.

    Persons are drawn in the order of a digest keyed by the seed: the same seed draws the same persons.
    """

    seed: str
    count: int | None = None
    percent: float | None = None


@dataclass(frozen=True, slots=True)
class Criteria:
    """Whom a campaign targets within its caisses; ages are counted at the letter date."""

    age_min: int | None = None
    age_max: int | None = None
    postal_codes: tuple[str, ...] = ()
    """Whole postal codes or their first digits."""
    qualites: tuple[str, ...] = ()
    foreign: bool = False
    """Whether persons living abroad are written to."""
    sex: str | None = None
    """"M" or "MME", as the civilité says."""
    channel: str | None = None
    """The channel registered for the person: "courrier" or "mail"."""
    email: bool | None = None
    """Whether an e-mail address is known, or must not be."""
    earlier: Earlier | None = None
    list_id: int | None = None
    """A list of persons that was uploaded or pasted; see `campaigns.lists`."""
    draw: Draw | None = None

    def as_json(self) -> dict[str, Any]:
        """For the `criteria` column."""
        return {
            "age_min": self.age_min, "age_max": self.age_max, "postal_codes": list(self.postal_codes),
            "qualites": list(self.qualites), "foreign": self.foreign, "sex": self.sex, "channel": self.channel,
            "email": self.email,
            "earlier": self.earlier and {"reference": self.earlier.reference, "fate": self.earlier.fate.value},
            "list_id": self.list_id,
            "draw": self.draw and {"seed": self.draw.seed, "count": self.draw.count, "percent": self.draw.percent},
        }  # fmt: skip

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Criteria":
        """Back from the column."""
        earlier, draw = content.get("earlier"), content.get("draw")
        return cls(
            age_min=content.get("age_min"),
            age_max=content.get("age_max"),
            postal_codes=tuple(content.get("postal_codes", ())),
            qualites=tuple(content.get("qualites", ())),
            foreign=bool(content.get("foreign", False)),
            sex=content.get("sex"),
            channel=content.get("channel"),
            email=content.get("email"),
            earlier=Earlier(earlier["reference"], Fate(earlier["fate"])) if earlier else None,
            list_id=content.get("list_id"),
            draw=Draw(draw["seed"], draw.get("count"), draw.get("percent")) if draw else None,
        )

    def check(self) -> None:
        """Raise Invalid, in one sentence, at the first thing that cannot be."""
        for age in (self.age_min, self.age_max):
            if age is not None and not 0 <= age <= 130:
                raise Invalid(f"L’âge {age} n’est pas possible : indiquez un nombre entre 0 et 130.")
        if self.age_min is not None and self.age_max is not None and self.age_min > self.age_max:
            raise Invalid(f"L’âge minimal ({self.age_min}) dépasse l’âge maximal ({self.age_max}).")
        for code in self.postal_codes:
            if not (code.isascii() and code.isdigit() and 2 <= len(code) <= 5):
                raise Invalid(f"« {code[:12]} » n’est ni un code postal ni son début : 2 à 5 chiffres.")
        for qualite in self.qualites:
            if qualite not in ("OD", "AD"):
                raise Invalid(f"La qualité « {qualite[:12]} » n’existe pas : OD ou AD.")
        if self.sex not in (None, "M", "MME"):
            raise Invalid(f"Le sexe « {self.sex[:12]} » n’existe pas : M ou MME.")
        if self.channel not in (None, *CHANNELS):
            raise Invalid(f"Le canal « {self.channel[:12]} » n’existe pas : courrier ou mail.")
        if self.draw is not None:
            _check_draw(self.draw)


def _check_draw(draw: Draw) -> None:
    if (draw.count is None) == (draw.percent is None):
        raise Invalid(
            "Un tirage au sort porte sur un nombre de personnes ou sur un pourcentage : indiquez l’un des deux."
        )
    if draw.count is not None and draw.count < 1:
        raise Invalid("Un tirage au sort porte sur une personne au moins.")
    if draw.percent is not None and not 0 < draw.percent <= 100:
        raise Invalid("Le pourcentage d’un tirage au sort est compris entre 0 et 100.")
    if not 0 < len(draw.seed) <= 40:
        raise Invalid("La graine d’un tirage au sort compte 1 à 40 caractères.")
