"""The gate as a doctor with eight minutes comes to it: the patient's page, what is new since their last visit, the documents
by relevance, biology over time (DOMAIN 4.4).

The rules are those of `ProfessionalGate`. All the documents that are there are asked for in one statement; everything told
beside them (news, counts, treatments) comes out of these alone. What a page shows of a content is a reading of it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy import Connection, text

from dmp_core.access import circle, trace
from dmp_core.access.circle import Told
from dmp_core.access.professional import REPRESENTED_BY, Patient, ProfessionalGate, named, represented_by
from dmp_core.access.relevance import by_relevance
from dmp_core.access.rules import Way
from dmp_core.access.trace import Action
from dmp_core.clock import PARIS
from dmp_core.errors import Invalid
from dmp_core.holder.relatives import RELATIVES, relatives_of
from dmp_core.professionals.certificates import Professional
from dmp_core.record.contents import LABORATORY, REIMBURSEMENTS, VSM
from dmp_core.record.laboratory.following import MOST_REPORTS, followed
from dmp_core.record.laboratory.results import Series
from dmp_core.record.metadata import WILLS, Document, Status
from dmp_core.record.reimbursements.history import History
from dmp_core.record.reimbursements.reading import history_in
from dmp_core.record.sealing import Box
from dmp_core.record.selection import Asked, Selected, seen, selected
from dmp_core.record.treatments import Treatments, in_progress
from dmp_core.record.vsm.reading import Written, summary_in

_TOLD: Final = 10
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Since:
    """What is new for a professional."""

    last_visit: datetime | None
    """None: they never looked into this dossier."""
    documents: list[Document] = field(repr=False)
    """Put in, or put in another's place, since then by anybody but themselves, the latest first."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The patient's page."""

    patient: Patient
    way: Way
    told: list[Told]
    """Emergencies, to who sees everything."""
    since: Since
    summary: tuple[Document, Written | None] | None = field(repr=False)
    """The medical summary in force; without its words where it cannot be read."""
    history: tuple[Document, History | None] | None = field(repr=False)
    """The reimbursements of twelve months, likewise."""
    treatments: Treatments | None = field(repr=False)
    """None when neither source is there for them."""
    wills: list[Document] = field(repr=False)
    """What the patient wants for their end of life, in force, the latest first; none to who does not read such types."""
    charted: bool
    """Whether results of biology can be followed over time."""
    found: Selected = field(repr=False)
    """Every document in force, by relevance for their profession."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Documents that answer, by relevance."""

    patient: Patient
    way: Way
    found: Selected = field(repr=False)


@dataclass(frozen=True, slots=True)
class Biology:
    """Results over time."""

    patient: Patient
    series: list[Series] = field(repr=False)
    unread: list[Document] = field(repr=False)
    """Reports whose numbers cannot be read: to be opened by themselves."""


class VisitGate(ProfessionalGate):
    """The gate of professionals, and what a visit asks of it."""

    def overview(self, who: Professional, dossier: UUID) -> Overview:
        """The patient's page; its line in the trace, and one for each content that it tells."""
        with self._in(who, dossier, Action.LIST) as (connection, box, way, now):
            every, patient, last = self._every(connection, box, who, dossier, way, now)
            told = circle.emergencies(connection, dossier, _TOLD) if way.sees_all else []
            summary = self._newest(box, every, VSM, _summary_in)
            history = self._newest(box, every, REIMBURSEMENTS, lambda _, data: history_in(data))
            opened = [each[0] for each in (summary, history) if each]
            self._trace_all(connection, dossier, now, who, way, opened)
        today = now.astimezone(PARIS).date()
        stated = (summary[1].summary, summary[1].at.astimezone(PARIS).date()) if summary and summary[1] else None
        repaid = history[1] if history else None
        return Overview(
            patient, way, told, Since(last, news_of(every, str(who.id), last)), summary, history,
            in_progress(stated, repaid, today) if stated or repaid else None, wills_of(every), any(map(_is_charted, every)),
            selected(by_relevance(who.profession.code, every, today), Asked()),
        )  # fmt: skip

    def since_last_visit(self, who: Professional, dossier: UUID) -> Since:
        """What is new for them, in one request; everything in force when they never looked into this dossier."""
        with self._in(who, dossier, Action.LIST) as (connection, box, way, now):
            every, _, last = self._every(connection, box, who, dossier, way, now)
            self._trace_all(connection, dossier, now, who, way, [])
        return Since(last, news_of(every, str(who.id), last))

    def listing(self, who: Professional, dossier: UUID, asked: Asked) -> Listing:
        """The documents that answer, by relevance for their profession."""
        with self._in(who, dossier, Action.LIST) as (connection, box, way, now):
            every, patient, _ = self._every(connection, box, who, dossier, way, now)
            self._trace_all(connection, dossier, now, who, way, [])
        today = now.astimezone(PARIS).date()
        return Listing(patient, way, selected(by_relevance(who.profession.code, every, today), asked))

    def biology(self, who: Professional, dossier: UUID) -> Biology:
        """The numbers of the structured reports that are there for them, gathered by analyte; each report is read."""
        with self._in(who, dossier, Action.READ) as (connection, box, way, now):
            every, patient, _ = self._every(connection, box, who, dossier, way, now)
            reports = [each for each in every if _is_charted(each)][:MOST_REPORTS]
            series, unread = followed(reports, lambda each: self._opened(box, each))
            self._trace_all(connection, dossier, now, who, way, reports)
        return Biology(patient, series, unread)

    def _every(
        self, connection: Connection, box: Box, who: Professional, dossier: UUID, way: Way, now: datetime
    ) -> tuple[list[Document], Patient, datetime | None]:
        """What is there for them, whose it is, and when they last came before this day."""
        asked = {"dossier": dossier, "before": _this_day(now), "today": now.astimezone(PARIS).date()}
        row = connection.execute(_VISIT, asked).one()
        patient = replace(
            named(row), represented_by=represented_by(row.represented_by), relatives=relatives_of(row)
        )  # fmt: skip
        return seen(connection, box, dossier, self._sight(who, way, now)), patient, row.last_visit

    def _newest(
        self, box: Box, documents: Iterable[Document], model: str, told_by: Callable[[Document, bytes], _T]
    ) -> tuple[Document, _T | None] | None:
        """The latest structured document of this model, and what it says."""
        ones = [each for each in documents if each.format_code == model]
        newest = max(ones, key=lambda each: (each.submitted_at, each.id), default=None)
        if newest is None:
            return None
        try:
            return newest, told_by(newest, self._opened(box, newest))
        except Invalid:
            return newest, None

    def _opened(self, box: Box, document: Document) -> bytes:
        return box.open(self._shelf.get(document.content), document.content.bytes)

    def _trace_all(
        self, connection: Connection, dossier: UUID, now: datetime, who: Professional, way: Way, opened: list[Document]
    ) -> None:
        """The list, and each document whose content was opened."""
        done: list[tuple[Action, UUID | None]] = [(Action.LIST, None)]
        done += [(Action.READ, each.id) for each in opened]
        trace.write_all(connection, dossier, now, self._actor(who, way), done)


def news_of(documents: Iterable[Document], professional: str, last_visit: datetime | None) -> list[Document]:
    """Of the documents that are there for a professional, those in force that came since and are not their own."""
    found = [
        each for each in documents
        if each.status is Status.APPROVED and each.author.id != professional
        and (last_visit is None or each.submitted_at > last_visit)
    ]  # fmt: skip
    return sorted(found, key=lambda each: (each.submitted_at, each.id), reverse=True)


def wills_of(documents: Iterable[Document]) -> list[Document]:
    """Of the documents that are there for a professional, the patient's wishes (directives anticipées) in force."""
    found = [each for each in documents if each.status is Status.APPROVED and each.type_code in WILLS]
    return sorted(found, key=lambda each: (each.submitted_at, each.id), reverse=True)


def _summary_in(document: Document, data: bytes) -> Written:
    """Raises Invalid for one of another software's: it is read as its author wrote it, on its own page."""
    if not document.is_ours:
        raise Invalid("another software's")
    return summary_in(data)


def _is_charted(document: Document) -> bool:
    return document.format_code == LABORATORY


def _this_day(now: datetime) -> datetime:
    """A visit lasts its day: a page opened twice tells the same twice."""
    today: date = now.astimezone(PARIS).date()
    return datetime.combine(today, time(), PARIS)


_VISIT: Final = text(
    "SELECT civilite, nom_naissance, nom_usage, prenom, date_naissance, "  # noqa: S608 - constants of ours
    "medical.own_last_visit(:before) AS last_visit, "
    f"{RELATIVES}, {REPRESENTED_BY} AS represented_by FROM enrolment.dossier d WHERE id = :dossier"
)
