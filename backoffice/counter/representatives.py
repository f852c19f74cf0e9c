"""Legal representatives declared at the desk: who may open somebody's DMP in their name, on what proof, until when.

The caisse writes an administrative fact and never learns what the DMP holds. The record is written first, under the form's
own request: a crash before the line of the journal is mended by sending the form again.
"""

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from backoffice.adapters.dmp import (
    Capacity,
    Contacts,
    Declaration,
    DeclaredRepresentative,
    Mandated,
    Proof,
    RepresentativeSecrets,
    representative_pdf,
)
from backoffice.audit.journal import record
from backoffice.core.actor import Actor
from backoffice.core.clock import paris_date
from backoffice.core.errors import Invalid
from backoffice.counter.actions import typed_twice
from backoffice.counter.models import ROLES
from backoffice.counter.rules import read_document
from backoffice.office import Office
from backoffice.persons.access import object_of
from backoffice.population.insured import insured_of
from backoffice.population.models import Person

DECLARED: Final = "representant.declarer"
ENDED: Final = "representant.retirer"
PRINTED: Final = "representant.document"


def declare(
    session: Session, office: Office, actor: Actor, person: Person, request_id: UUID, typed: Mapping[str, str]
) -> DeclaredRepresentative:
    """Declare the representative whom the form tells. Raises Invalid with what to correct, WrongState, NotFound (no DMP)."""
    actor.require(*ROLES)
    declared = declaration_of(typed)
    insured = insured_of(person, paris_date(office.clock()))
    made = office.dmp.declare_representative(request_id, insured, declared, actor.login)
    record(
        session, actor, DECLARED, object_of(person), at=office.clock(), caisse=person.caisse,
        detail={
            "mandat": str(made.mandate), "qualite": declared.capacity.value, "preuve": declared.proof.value,
            "piece": read_document(typed.get("piece", "")).value, "fin": made.until.isoformat() if made.until else None,
        },
    )  # fmt: skip
    return made


def end(session: Session, office: Office, actor: Actor, person: Person, mandate: UUID, reason: str) -> None:
    """End a representative's access, from their very next request. Raises Invalid (reason), NotFound (ended already)."""
    actor.require(*ROLES)
    said = " ".join(reason.split())
    office.dmp.end_representation(person.caisse, person.id, mandate, said)
    record(
        session, actor, ENDED, object_of(person), at=office.clock(), caisse=person.caisse, reason=said,
        detail={"mandat": str(mandate)},
    )  # fmt: skip


def print_document(session: Session, office: Office, actor: Actor, person: Person, mandate: UUID) -> bytes:
    """The representative's own document des secrets with a new initial password, and the receipt of the declaration.

    The one printed before opens nothing any more. Raises NotFound for one whose access has ended.
    """
    actor.require(*ROLES)
    made = office.dmp.renew_representative_password(person.caisse, person.id, mandate)
    known = next(each for each in office.dmp.representatives(person.caisse, person.id) if each.mandate == mandate)
    assert made.password is not None
    record(
        session, actor, PRINTED, object_of(person), at=office.clock(), caisse=person.caisse,
        detail={"mandat": str(mandate)},
    )  # fmt: skip
    name = f"{person.prenom} {person.nom_usage or person.nom_naissance}"
    return representative_pdf(
        RepresentativeSecrets(
            f"{known.given_name} {known.name}", name, known.capacity, known.proof, known.since, known.until,
            known.declared_at, made.login, made.password,
        )
    )  # fmt: skip


def known_of(office: Office, person: Person) -> tuple[list[Mandated], list[Mandated]]:
    """Who represents the person now, and who did."""
    today = paris_date(office.clock())
    every = office.dmp.representatives(person.caisse, person.id)
    return [each for each in every if each.in_force(today)], [each for each in every if not each.in_force(today)]


def declaration_of(typed: Mapping[str, str]) -> Declaration:
    """What the form tells. Raises Invalid, in one sentence."""
    read_document(typed.get("piece", ""))
    try:
        capacity = Capacity(typed.get("qualite", ""))
    except ValueError:
        raise Invalid("Choisissez à quel titre cette personne représente l’assuré.") from None
    try:
        proof = Proof(typed.get("preuve", ""))
    except ValueError:
        raise Invalid("Choisissez le document qui le prouve, et que vous avez vu.") from None
    if typed.get("preuve_vue") != "oui":
        raise Invalid("Cochez que vous avez vu ce document : sans lui, personne n’accède au DMP d’un autre.")
    login = typed.get("identifiant", "").strip()
    contacts = Contacts() if login else typed_twice(typed)
    since, until = _day(typed.get("depuis", ""), "de début"), _day(typed.get("jusqu_au", ""), "de fin")
    return Declaration(
        typed.get("civilite", ""), typed.get("prenom", ""), typed.get("nom", ""), capacity, proof, since, until,
        contacts, login,
    )  # fmt: skip


def request_of(typed: Mapping[str, str]) -> UUID:
    """The name of this filling-in of the form; another one for a form that has none."""
    try:
        return UUID(typed.get("demande", ""))
    except ValueError:
        return uuid.uuid4()


def _day(typed: str, which: str) -> date | None:
    if not typed.strip():
        return None
    try:
        return date.fromisoformat(typed.strip())
    except ValueError:
        raise Invalid(f"La date {which} n’est pas une date : choisissez-la dans le calendrier.") from None
