"""How a content enters a dossier: sealed on the shelf first, then its row; sent twice, it is there once."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Connection

from dmp_core.errors import WrongState
from dmp_core.record import documents
from dmp_core.record.metadata import Document, Draft, Status
from dmp_core.record.sealing import Box
from dmp_core.record.shelf import Shelf


def shelved(shelf: Shelf, box: Box, data: bytes) -> UUID:
    """The name under which `data` lies sealed on the shelf. Before its row is written: a kill in between leaves a sealed file
    that nothing names. Raises Unavailable.
    """
    name = uuid4()
    shelf.put(name, box.seal(data, name.bytes))
    return name


@dataclass(frozen=True, slots=True)
class Refusals:
    """What its sender is told of a content that cannot enter."""

    replaced: str
    """The version that it was to take the place of is no longer in force."""
    taken: str
    """Its identifier, or what it says, is another document's."""


OF_OWN: Final = Refusals(
    replaced="Ce document a déjà été remplacé : corrigez sa version en vigueur.",
    taken="Un autre de vos documents porte déjà cet identifiant ou ce contenu : rien n’a été déposé.",
)
OF_ESTABLISHMENT: Final = Refusals(
    replaced="Le document à remplacer l’a déjà été : nommez sa version en vigueur.",
    taken="Ce contenu est déjà celui d’un autre document de ce DMP.",
)


def enter_once(
    connection: Connection, shelf: Shelf, box: Box, dossier: UUID, draft: Draft, old: Document | None, now: datetime,
    refusals: Refusals, submission: UUID | None = None,
) -> tuple[Document, bool]:  # fmt: skip
    """The version that entered, in the place of `old` if there is one; or, False beside it, the one in force by this author,
    sent by this establishment, that says the same: the same click twice is one document. Raises WrongState.
    """
    name = shelved(shelf, box, draft.content.data)
    try:
        with connection.begin_nested():
            if old is None:
                return documents.enter(connection, box, dossier, draft, name, now, submission), True
            return documents.replace_with(connection, box, dossier, old, draft, name, now, submission), True
    except WrongState:
        shelf.drop(name)
        digest = sha256(draft.content.data).digest()
        there = documents.held(connection, box, digest, draft.author.id, draft.establishment)
        if there is not None and (old is None or there.logical_id == old.logical_id):
            return there, False
        gone = old is not None and old.status is Status.DEPRECATED
        raise WrongState(refusals.replaced if gone else refusals.taken) from None
