"""The gate in front of the medical summary (VSM): the médecin traitant writes it, one at a time is current (0035).

Reading it follows the rules of every document. A new one takes the place of the one before, whoever wrote that: a dossier
has one médecin traitant at a time, and whoever reads must not find two summaries.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from dmp_core.access.professional import REPRESENTED_BY, Patient, ProfessionalGate, patient_of
from dmp_core.access.rules import Basis, Way
from dmp_core.access.trace import Action
from dmp_core.clock import PARIS
from dmp_core.errors import DmpError, Invalid, NotFound, WrongState
from dmp_core.holder.relatives import RELATIVES, Relatives, relatives_of
from dmp_core.identity.identifiers import System
from dmp_core.professionals.certificates import Professional
from dmp_core.professionals.professions import PHYSICIAN
from dmp_core.record import cda, documents
from dmp_core.record.contents import VSM, Content, Format
from dmp_core.record.entering import shelved
from dmp_core.record.metadata import Author, AuthorKind, Document, Draft
from dmp_core.record.nomenclatures import type_of
from dmp_core.record.sealing import Box
from dmp_core.record.vsm.cda import TITLE, Writer, writing
from dmp_core.record.vsm.reading import Written, summary_in
from dmp_core.record.vsm.summary import Summary, settled

TYPE: Final = "SYNTH"
_NONE: Final = "Il n’y a pas de synthèse médicale à lire dans ce DMP."


class NotAttending(DmpError):
    """The médecin traitant alone writes the summary."""

    def __init__(self) -> None:
        super().__init__(
            "Seul le médecin traitant écrit la synthèse médicale : le patient le désigne sur mon-dmp, ou vous pouvez la "
            "lire."
        )


class OfAnother(Invalid):
    """The summary comes from another software: it is read as it was written, on its own page."""

    def __init__(self, document: UUID) -> None:
        super().__init__("Cette synthèse vient d’un autre logiciel : lisez-la parmi les documents de ce DMP.")
        self.document = document


class Moved(WrongState):
    """Another summary took the place of the one that the writer had read; `current` is that one."""

    def __init__(self, current: UUID | None) -> None:
        super().__init__(
            "La synthèse de ce patient a changé depuis que vous l’avez ouverte : relisez la version actuelle, puis "
            "déposez la vôtre de nouveau."
        )
        self.current = current


@dataclass(frozen=True, slots=True)
class Current:
    """The summary of a dossier, as it is read."""

    patient: Patient
    document: Document
    told: Written = field(repr=False)
    writes: bool
    """Whether who reads may write the next one."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What a writer begins from."""

    patient: Patient
    seen: UUID | None
    """The summary in force; None when there is none yet."""
    told: Written | None = field(repr=False)
    """What that one says, if it can be read."""


class SummaryGate(ProfessionalGate):
    """The gate of professionals, and what concerns the medical summary besides."""

    def summary(self, who: Professional, dossier: UUID) -> Current:
        """The summary in force. Raises NotFound where there is none, or none for them: one answer."""
        with self._in(who, dossier, Action.READ) as (connection, box, way, now):
            found = documents.current_of(connection, box, TYPE, VSM)
            if found is None or not self._sight(who, way, now).shows(found):
                raise NotFound(_NONE)
            told, patient = self._told(box, found), patient_of(connection, dossier)
            self._trace(connection, dossier, now, who, way, Action.READ, found.id)
        return Current(patient, found, told, writes_summary(who, way))

    def begin(self, who: Professional, dossier: UUID) -> Begun:
        """What the next summary begins from. Raises NotAttending, in the trace too."""
        begun = None
        with self._in(who, dossier, Action.READ) as (connection, box, way, now):
            if writes_summary(who, way):
                found = documents.current_of(connection, box, TYPE, VSM)
                told = self._readable(box, found) if found else None
                begun = Begun(patient_of(connection, dossier), found.id if found else None, told)
                action = Action.READ if found else Action.LIST
                self._trace(connection, dossier, now, who, way, action, found.id if found else None)
            else:
                self._trace(
                    connection, dossier, now, who, way, Action.REPLACE, granted=False, reason=str(NotAttending())
                )
        if begun is None:
            raise NotAttending()
        return begun

    def write(self, who: Professional, dossier: UUID, summary: Summary, seen: UUID | None) -> Document:
        """Put the summary in the place of `seen`, the one in force that its writer had read.

        What says nothing new is not written again: a second click makes no second version. Raises Wrong, NotAttending (in
        the trace too), Moved.
        """
        made = None
        with self._in(who, dossier, Action.REPLACE) as (connection, box, way, now):
            if writes_summary(who, way):
                stands = settled(summary, now.astimezone(PARIS).date())
                made = self._put_in_place(connection, box, dossier, who, way, stands, seen, now)
            else:
                self._trace(
                    connection, dossier, now, who, way, Action.REPLACE, granted=False, reason=str(NotAttending())
                )
        if made is None:
            raise NotAttending()
        return made

    def _put_in_place(
        self, connection: Connection, box: Box, dossier: UUID, who: Professional, way: Way, summary: Summary,
        seen: UUID | None, now: datetime,
    ) -> Document:  # fmt: skip
        connection.execute(ALONE, {"key": f"vsm/{dossier}"})
        old = documents.current_of(connection, box, TYPE, VSM, lock=True)
        patient, relatives = _named(connection, dossier, now)
        before = self._readable(box, old) if old else None
        if old is not None and before is not None and old.author.id == str(who.id) and (
            (before.summary, before.relatives) == (summary, relatives)
        ):  # fmt: skip
            return old
        if (old.id if old else None) != seen:
            raise Moved(old.id if old else None)
        unique = uuid4()
        edition = cda.Edition(unique, old.logical_id if old else unique, old.version + 1 if old else 1, now)
        data = writing(summary, patient, _writer(who), edition, relatives)
        author = Author(AuthorKind.PROFESSIONAL, str(who.id), who.name)
        draft = Draft(
            type_of(TYPE, now.astimezone(PARIS).date()), TITLE, author, Content(data, Format.CDA, VSM), service_start=now,
            unique_id=f"2.25.{unique.int}",
        )  # fmt: skip
        name = shelved(self._shelf, box, data)
        if old is None:
            made, action = documents.enter(connection, box, dossier, draft, name, now), Action.ADD
        else:
            made, action = documents.replace_with(connection, box, dossier, old, draft, name, now), Action.REPLACE
        self._trace(connection, dossier, now, who, way, action, made.id)
        return made

    def _told(self, box: Box, document: Document) -> Written:
        """What it says. Raises OfAnother where our model would tell a part."""
        if not document.is_ours:
            raise OfAnother(document.id)
        return summary_in(box.open(self._shelf.get(document.content), document.content.bytes))

    def _readable(self, box: Box, document: Document) -> Written | None:
        """What it says; None for one of another making, which the next one replaces all the same."""
        try:
            return self._told(box, document)
        except Invalid:
            return None


def writes_summary(who: Professional, way: Way) -> bool:
    """Whether this professional writes the summary of the dossier that they came to by this way."""
    return way.basis is Basis.ATTENDING and who.profession.code == PHYSICIAN


def _writer(who: Professional) -> Writer:
    shown = who.speciality or who.profession
    return Writer(str(who.id), who.surname, who.given_name, shown.code, shown.label)


def _named(connection: Connection, dossier: UUID, now: datetime) -> tuple[cda.Patient, Relatives]:
    """The patient, and whom they name; without the person of trust where a representative may read the summary (0047)."""
    asked = {"dossier": dossier, "system": System.INS_C.value, "today": now.astimezone(PARIS).date()}
    row = connection.execute(_PATIENT, asked).one_or_none()
    if row is None:
        raise WrongState("Ce DMP n’a pas d’identifiant de santé (INS-C) : aucun document structuré ne peut y entrer.")
    named = relatives_of(row)
    return cda.Patient(
        row.value, row.nom_naissance, row.nom_usage or "", row.prenom, row.date_naissance, woman=row.civilite == "MME"
    ), replace(named, trusted=None) if row.represented_by else named


def ins_c_of(connection: Connection, dossier: UUID) -> str | None:
    """The INS-C of the bound dossier, to who writes or feeds."""
    found: str | None = connection.scalar(_INS_C, {"dossier": dossier, "system": System.INS_C.value})
    return found


_INS_C: Final = text(
    "SELECT value FROM enrolment.identifier WHERE dossier_id = :dossier AND system = :system AND valid_to IS NULL"
)
ALONE: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_PATIENT: Final = text(
    "SELECT i.value, d.civilite, d.nom_naissance, d.nom_usage, d.prenom, d.date_naissance, "  # noqa: S608
    f"{RELATIVES}, {REPRESENTED_BY} AS represented_by FROM enrolment.dossier d "
    "JOIN enrolment.identifier i ON i.dossier_id = d.id AND i.system = :system AND i.valid_to IS NULL WHERE d.id = :dossier"
)
