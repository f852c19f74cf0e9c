"""Feeding the dossiers that are due: at their creation, then each month; once each, however many feeders there are.

The document, its line in the trace and the note that the dossier was fed are one transaction: killed in between, nothing
happened, and the next round does it.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import uuid4

import structlog
from sqlalchemy import Connection, Row, text

from dmp_core.access import trace
from dmp_core.access.trace import Action, ActorKind, Who
from dmp_core.clock import PARIS, Clock
from dmp_core.errors import DmpError, Unavailable
from dmp_core.feed.extraction import Reimbursements
from dmp_core.holder.store import bind
from dmp_core.record import documents
from dmp_core.record.cda import Edition, Patient
from dmp_core.record.contents import REIMBURSEMENTS, Content, Format
from dmp_core.record.entering import shelved
from dmp_core.record.metadata import Author, AuthorKind, Document, Draft, Status
from dmp_core.record.nomenclatures import type_of
from dmp_core.record.reimbursements.cda import TITLE, writing
from dmp_core.record.reimbursements.history import history_of
from dmp_core.record.sealing import Box, DossierKeys
from dmp_core.record.shelf import Shelf
from dmp_core.storage.engine import answering, engine_for

TYPE: Final = "REMB"
FEEDER: Final = Who(ActorKind.INSURANCE, "ALIM_AM", "L’Assurance Maladie", "alimentation automatique")
_AUTHOR: Final = Author(AuthorKind.INSURANCE, "ALIM_AM", "L’Assurance Maladie")
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Fed:
    """What one round did."""

    created: int = 0
    renewed: int = 0
    left: int = 0
    """Dossiers that could not be fed this time, their reason in the log; the next round takes them up."""


class Feeder:
    """Feeds dossiers under the login role `alimentation`."""

    def __init__(
        self, url: str, shelf: Shelf, keys: DossierKeys, clock: Clock, *, application: str = "alimentation"
    ) -> None:
        self._engine = engine_for(url, application=application, pool_size=2)
        self._shelf = shelf
        self._keys = keys
        self._clock = clock

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def round(self, source: Reimbursements, limit: int = 500) -> Fed:
        """Feed at most `limit` dossiers that are due, the ones never fed first. Raises Unavailable."""
        done = Fed()
        month = self._month()
        with self._transaction() as connection:
            due = list(connection.execute(_DUE, {"month": month, "limit": limit}))
        # Feeders side by side are told of the same dossiers: each begins elsewhere, and passes over what another has done.
        random.shuffle(due)
        for row in due:
            try:
                self._feed(source, row, month, done)
            except Unavailable:
                raise
            except DmpError as refusal:
                done.left += 1
                _log.warning("feed_refused", dossier=str(row.dossier_id), reason=str(refusal))
        return done

    def _feed(self, source: Reimbursements, row: Row[Any], month: date, done: Fed) -> None:
        now = self._clock()
        with self._transaction() as connection:
            bind(connection, row.dossier_id)
            connection.execute(_ALONE, {"key": f"feed/{row.dossier_id}"})
            fed = connection.execute(_FED, {"dossier": row.dossier_id}).one_or_none()
            if fed is not None and fed.month >= month:
                return  # another feeder was quicker
            rows = source.rows_of(row.ins_c)
            box = self._keys.box(connection, row.dossier_id, now)
            old = documents.document_of(connection, box, fed.document_id, lock=True) if fed is not None else None
            made = self._write(connection, box, row, history_of(rows, now.astimezone(PARIS).date()), old, now)
            action = Action.ADD if old is None else Action.REPLACE
            trace.write(connection, row.dossier_id, now, FEEDER, action, made.id)
            connection.execute(
                _NOTE, {"dossier": row.dossier_id, "month": month, "document": made.id, "now": now}
            )  # fmt: skip
        if old is None:
            done.created += 1
        else:
            done.renewed += 1

    def _write(
        self, connection: Connection, box: Box, row: Row[Any], history: Any, old: Document | None, now: datetime
    ) -> Document:
        patient = Patient(
            row.ins_c, row.nom_naissance, row.nom_usage, row.prenom, row.date_naissance, woman=row.civilite == "MME"
        )
        unique = uuid4()
        edition = Edition(unique, old.logical_id if old else unique, old.version + 1 if old else 1, now)
        content = Content(writing(history, patient, edition), Format.CDA, REIMBURSEMENTS)
        draft = Draft(
            type_of(TYPE, now.astimezone(PARIS).date()), TITLE, _AUTHOR, content, service_start=now,
            unique_id=f"2.25.{unique.int}",
        )  # fmt: skip
        name = shelved(self._shelf, box, content.data)
        if old is None:
            return documents.enter(connection, box, row.dossier_id, draft, name, now)
        made = documents.replace_with(connection, box, row.dossier_id, old, draft, name, now)
        if old.status is Status.ARCHIVED:  # the holder put it aside: its next version too
            documents.set_status(connection, made, now, Status.ARCHIVED)
        return made

    def _month(self) -> date:
        """The first day of the month in Paris: what a dossier was fed for."""
        return self._clock().astimezone(PARIS).date().replace(day=1)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with (
            answering("La base du DMP ne répond pas : l’alimentation reprendra d’elle-même."),
            self._engine.begin() as connection,
        ):
            yield connection


_DUE: Final = text("SELECT * FROM medical.dossiers_to_feed(:month, :limit)")
_ALONE: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_FED: Final = text("SELECT month, document_id FROM medical.feed WHERE dossier_id = :dossier")
_NOTE: Final = text(
    "INSERT INTO medical.feed (dossier_id, month, document_id, fed_at) VALUES (:dossier, :month, :document, :now) "
    "ON CONFLICT (dossier_id) DO UPDATE SET month = :month, document_id = :document, fed_at = :now"
)
