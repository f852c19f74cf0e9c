"""Finding the person a call is about, blindly: the answer is one, none or several, and nothing of them."""

from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from backoffice.calls.questions import digits, folded, iso_day
from backoffice.campaigns.models import Letter
from backoffice.core.actor import Actor
from backoffice.core.errors import Invalid
from backoffice.letters.reference import parse_letter_id
from backoffice.population.models import Person
from dmp_core.identity.nir import LENGTH, normalise

MOST = 3000
"""Persons of one birth date looked at: about ten times what seven million persons have."""


class Match(StrEnum):
    """All that a search says."""

    ONE = "une"
    NONE = "aucune"
    SEVERAL = "plusieurs"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the caller said, as typed."""

    nir: str = field(default="", repr=False)
    nom: str = field(default="", repr=False)
    prenom: str = field(default="", repr=False)
    naissance: str = field(default="", repr=False)
    code_postal: str = field(default="", repr=False)
    courrier: str = field(default="", repr=False)

    @property
    def keys(self) -> list[str]:
        """What was said: not asked again as a question."""
        return [
            name
            for name in ("nir", "nom", "prenom", "naissance", "code_postal", "courrier")
            if getattr(self, name).strip()
        ]


def find(session: Session, actor: Actor, wanted: Wanted) -> tuple[Match, Person | None]:
    """Whom the words of the caller point to, within the actor's caisses.

    Everything said must agree. Raises Invalid when too little was said, or what cannot be.
    """
    candidates = [person for person in _candidates(session, actor, wanted) if _agrees(person, wanted)]
    if len(candidates) == 1:
        return Match.ONE, candidates[0]
    return (Match.SEVERAL if candidates else Match.NONE), None


def _candidates(session: Session, actor: Actor, wanted: Wanted) -> list[Person]:
    within = Person.caisse.in_(sorted(actor.caisses))
    if wanted.courrier.strip():
        caisse, number, _ = parse_letter_id(wanted.courrier).split("-")
        letter = select(Letter.person_id).where(Letter.caisse == caisse, Letter.number == int(number))
        return list(session.scalars(select(Person).where(within, Person.caisse == caisse, Person.id.in_(letter))))
    if wanted.nir.strip():
        return list(session.scalars(select(Person).where(within, _nir_is(wanted.nir)).limit(MOST)))
    if wanted.nom.strip() and wanted.naissance.strip():
        born = iso_day(wanted.naissance)
        if not born:
            raise Invalid("Cette date de naissance n’existe pas : indiquez-la sous la forme JJ/MM/AAAA.")
        return list(session.scalars(select(Person).where(within, Person.date_naissance == born).limit(MOST)))
    raise Invalid(
        "Demandez le nom et la date de naissance, ou le numéro de sécurité sociale, ou le numéro imprimé sur le courrier."
    )


def _nir_is(typed: str) -> ColumnElement[bool]:
    nir = normalise(typed)
    if len(nir) == LENGTH:
        return Person.nir == nir
    if len(nir) == LENGTH - 2 and nir.isascii() and nir.isalnum():
        return and_(Person.nir >= f"{nir}00", Person.nir <= f"{nir}99")
    raise Invalid("Un numéro de sécurité sociale compte 13 ou 15 chiffres : faites-le répéter.")


def _agrees(person: Person, wanted: Wanted) -> bool:
    names = {folded(person.nom_naissance), folded(person.nom_usage)} - {""}
    return (
        (not wanted.nom.strip() or folded(wanted.nom) in names)
        and (not wanted.prenom.strip() or folded(wanted.prenom) in _first_names(person))
        and (not wanted.naissance.strip() or iso_day(wanted.naissance) == person.date_naissance)
        and (not wanted.code_postal.strip() or digits(wanted.code_postal) == digits(person.code_postal))
    )


def _first_names(person: Person) -> set[str]:
    whole = folded(person.prenom)
    return {whole, whole.split(" ")[0]} if whole else set()
