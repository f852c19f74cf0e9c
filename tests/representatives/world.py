"""Representatives declared as a caisse does at its counter, and the gate in front of them."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from portal_account.world import Someone
from professionals.world import RecordWorld

from dmp_core.access import trace
from dmp_core.access.gate import HolderGate
from dmp_core.access.trace import ActorKind, Who
from dmp_core.enrolment.dossiers import Contacts
from dmp_core.enrolment.representatives import Capacity, Declaration, Proof
from dmp_core.errors import NotFound, WrongState
from dmp_core.record.metadata import Status, Wanted
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.shelf import Folder

MINOR = "2000-03-15"
"""Sixteen at the clock of the tests; of age on 15 March 2018."""
AGENT = "agent.somme"


def a_declaration(**changes: Any) -> Declaration:
    tag = secrets.token_hex(4)
    made = Declaration(
        "MME", "Claire", "Dupond", Capacity.PARENTAL, Proof.FAMILY_BOOK, None, None,
        Contacts(f"claire.{tag}@exemple.fr", None),
    )  # fmt: skip
    return replace(made, **changes)


def a_guardian(**changes: Any) -> Declaration:
    """Of an adult, by a judgment of five years."""
    return a_declaration(
        **{
            "capacity": Capacity.GUARDIAN,
            "proof": Proof.JUDGMENT,
            "since": date(2015, 6, 1),
            "until": date(2020, 5, 31),
        }
        | changes
    )


@dataclass
class Acting:
    """A representative, and what only they know."""

    id: UUID
    mandate: UUID
    dossier: UUID
    login: str
    password: str
    mail: str


def declare(world: RecordWorld, someone: Someone, declared: Declaration | None = None) -> Acting:
    """With an account of their own; of a minor by default, else of an adult under tutelle."""
    declared = declared or (a_declaration() if someone.person.birth_date == MINOR else a_guardian())
    made = world.enrolment.representatives.declare(uuid4(), someone.person, declared, AGENT)
    assert made.login is not None
    assert made.password is not None
    row = world.rows("SELECT representative_id FROM enrolment.mandate WHERE id = :m", m=made.mandate)[0]
    mail = declared.contacts.mail or ""
    return Acting(row.representative_id, made.mandate, someone.dossier, made.login, made.password, mail)


def named(who: Acting) -> Who:
    return Who(ActorKind.REPRESENTATIVE, str(who.id), "Claire Dupond", "titulaire de l’autorité parentale")


def gate_of(world: RecordWorld, who: Acting) -> HolderGate:
    """The gate in front of a representative, with the wall of PostgreSQL behind it."""
    acting = world.store.acting(who.id, world.clock)
    return HolderGate(acting, Folder(world.folder), DossierKeys(world.record), world.clock, named(who))


@contextmanager
def without_the_wall(world: RecordWorld, who: Acting) -> Iterator[HolderGate]:
    """The same gate with the rights of the holder themselves behind it, whom PostgreSQL shows everything of theirs.

    Its lines are left out: the trace takes none in another's name.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(trace, "write", lambda *told, **more: None)
        yield HolderGate(world.store, Folder(world.folder), DossierKeys(world.record), world.clock, named(who))


def gate_of_holder(world: RecordWorld) -> HolderGate:
    return HolderGate(world.store, Folder(world.folder), DossierKeys(world.record), world.clock)


def refused(ask: Callable[[], Any]) -> str | None:
    """What refuses, to the letter; None when it is given."""
    try:
        ask()
    except (NotFound, WrongState) as refusal:
        return f"{type(refusal).__name__}: {refusal}"
    return None


def listed(gate: HolderGate, dossier: UUID, words: str = "") -> set[UUID]:
    """Every document of the lists, page by page."""
    found: set[UUID] = set()
    for status in (Status.APPROVED, Status.ARCHIVED):
        more, offset = True, 0
        while more:
            page = gate.browse(dossier, Wanted(status), 3, offset, words)
            found |= {each.id for each in page.documents}
            more, offset = page.more, offset + 3
    return found
