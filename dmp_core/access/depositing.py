"""The gate as a professional deposits through it: put in, corrected, announced, archived, withdrawn, in their own name.

It asks for no consent, only that nobody blocked them (DOMAIN 4.3); the rules are those of `ProfessionalGate`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from dmp_core.access import circle
from dmp_core.access.announcement import SeenAlready, held_until
from dmp_core.access.application import Deposit
from dmp_core.access.gate import NotTheAuthor
from dmp_core.access.habilitations import expected_of, types_read
from dmp_core.access.professional import NOT_HERE, ProfessionalGate
from dmp_core.access.rules import Barrier, Basis, Way
from dmp_core.access.summaries import ALONE, NotAttending, ins_c_of, writes_summary
from dmp_core.access.trace import Action
from dmp_core.clock import PARIS
from dmp_core.errors import DmpError, Invalid, NotFound, WrongState
from dmp_core.professionals.certificates import Professional
from dmp_core.record import documents, finding
from dmp_core.record.cda_check import Checked, checked_cda, is_cda
from dmp_core.record.contents import VSM, as_sent
from dmp_core.record.entering import OF_OWN, enter_once
from dmp_core.record.finding import Criteria
from dmp_core.record.metadata import Author, AuthorKind, Document, Draft, Sight, Status, act_of, title_of
from dmp_core.record.nomenclatures import DocumentType, every_type, type_of, types_in_use
from dmp_core.record.sealing import Box

_NOT_OF_PROFESSIONALS: Final = frozenset({"60", "90", "95"})
"""Classes of the insurance, of the holder, and of management."""
_EVERY_TYPE: Final = frozenset(each.code for each in every_type())


@dataclass(frozen=True, slots=True)
class Person:
    """Who the documents of a dossier are about, as FHIR tells it to who is in."""

    dossier_id: UUID
    birth_name: str = field(repr=False)
    usual_name: str = field(repr=False)
    given_name: str = field(repr=False)
    ins_c: str | None = field(default=None, repr=False)
    """Never told: the software asked by it."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What is wanted of a document."""

    held: bool
    """From the holder, until it is announced."""
    archived: bool
    secret: bool | None = None
    """From the person's legal representatives; None: as it is."""


class DepositingGate(ProfessionalGate):
    """The gate of professionals, for what they write."""

    def mine(self, who: Professional, dossier: UUID, document_id: UUID) -> Document:
        """A document that they wrote, whether or not they may consult the dossier. Raises NotTheAuthor."""
        with self._feeding(who, dossier, Action.LOOK_OWN, document_id) as (connection, box, way, now):
            found = self._own(connection, box, who, way, document_id, now)
            self._trace(connection, dossier, now, who, way, Action.LOOK_OWN, found.id)
        return found

    def announces(self, who: Professional, dossier: UUID, document: Document) -> bool:
        """Whether it is theirs to show this document, which they see, to its holder now."""
        now = self._clock()
        if not document.awaits(now):
            return False
        with self._store.transaction(who.id, now, dossier) as connection:
            relation = circle.standing_of(connection, dossier, str(who.id), now).relation
        return document.author.id == str(who.id) or (relation is not None and relation.basis is Basis.ATTENDING)

    def named(self, who: Professional, dossier: UUID, name: str) -> UUID | None:
        """The document of theirs that has this identifier."""
        sight = Sight(str(who.id), _EVERY_TYPE, masked=False)
        criteria = Criteria(names=(name,), authors=(str(who.id),))
        with self._feeding(who, dossier, Action.LOOK) as (connection, box, _, now):
            found = finding.find(connection, box, criteria, now, 2, sight=sight).documents
        return found[0].id if len(found) == 1 else None

    def deposit(self, who: Professional, dossier: UUID, sent: Deposit) -> tuple[Person, Document, bool]:
        """ITI-105: a document of this professional's, or a new version of one; False when they had sent it before.

        Raises as `publish` does.
        """
        person, ((made, entered),) = self.publish(who, dossier, [sent])
        return person, made, entered

    def publish(
        self, who: Professional, dossier: UUID, deposits: list[Deposit]
    ) -> tuple[Person, list[tuple[Document, bool]]]:
        """ITI-65 and ITI-105: every deposit enters, as one set, or none does; False beside one that had been sent before.

        A structured one (CDA) must be about the holder of the dossier. Raises Invalid for a type or a content that cannot
        enter, NotTheAuthor, WrongState.
        """
        moment, submission, put = self._clock(), uuid4(), list[UUID]()
        drafts = [_draft(who, each, moment) for each in deposits]
        first = deposits[0].replaces
        action = Action.ADD if first is None else Action.REPLACE
        made = []
        try:
            with self._feeding(who, dossier, action, first) as (connection, box, way, now):
                for sent, (draft, structured) in zip(deposits, drafts, strict=True):
                    if structured is not None:
                        structured.require_about(ins_c_of(connection, dossier))
                    if draft.content.format_code == VSM:
                        old = self._summary_before(connection, box, dossier, who, way, sent.replaces, draft)
                    else:
                        old = (
                            None if sent.replaces is None else self._own(connection, box, who, way, sent.replaces, now)
                        )
                    _require_corrigible(old, draft, now)
                    one, entered = enter_once(
                        connection, self._shelf, box, dossier, draft, old, now, OF_OWN, submission
                    )
                    put += [one.content] if entered else []
                    self._trace(
                        connection, dossier, now, who, way, Action.ADD if old is None else Action.REPLACE, one.id,
                        reason="" if entered else "contenu déjà présent", secret=one.hidden_from_representatives,
                    )  # fmt: skip
                    made.append((one, entered))
                person = person_of(connection, dossier)
        except DmpError:  # none of them is there: nothing would name what was put on the shelf
            for name in put:
                self._shelf.drop(name)
            raise
        return person, made

    def settle(
        self, who: Professional, dossier: UUID, document_id: UUID, wanted: Callable[[Document, Person, bool], Settled]
    ) -> tuple[Person, Document, bool]:
        """TD3.3: what `wanted` says of the document as it is, its person, and whether it awaits its announcement.

        Its author announces and archives it and keeps it from the person's representatives (CSP L.1111-5), the médecin traitant
        announces it; nobody but the holder masks. Raises
        NotTheAuthor, SeenAlready, and what `wanted` does.
        """
        with self._feeding(who, dossier, Action.LOOK, document_id) as (connection, box, way, now):
            person = person_of(connection, dossier)
            found = self._theirs(connection, box, who, way, document_id, now)
            asked = wanted(found, person, found.awaits(now))
            kept = asked.secret if asked.secret is not None else found.hidden_from_representatives
            wanted_now = (asked.held, asked.archived, kept)
            as_it_is = (found.awaits(now), False, found.hidden_from_representatives)
            if found.status is Status.DEPRECATED and wanted_now != as_it_is:
                raise WrongState("Une version plus récente remplace ce document : relisez-la pour la modifier.")
            if asked.held and not found.awaits(now):
                raise SeenAlready
            if found.awaits(now) and not asked.held:
                found = self._announced(connection, box, found)
                self._trace(connection, dossier, now, who, way, Action.ANNOUNCE, found.id)
            if kept != found.hidden_from_representatives:
                if not documents.keep_secret(connection, found, kept):
                    raise NotTheAuthor(
                        "Seul son auteur rend un document invisible aux représentants légaux, ou visible."
                    )
                found = self._again(connection, box, found)
                action = Action.HIDE if kept else Action.UNHIDE
                self._trace(connection, dossier, now, who, way, action, found.id, secret=True)
            if (found.status is Status.ARCHIVED) != asked.archived:
                if found.author.id != str(who.id):
                    raise NotTheAuthor("Seuls le patient et l’auteur de ce document l’archivent.")
                documents.set_status(connection, found, now, Status.ARCHIVED if asked.archived else Status.APPROVED)
                action = Action.ARCHIVE if asked.archived else Action.RESTORE
                self._trace(connection, dossier, now, who, way, action, found.id)
                found = self._again(connection, box, found)
        return person, found, found.awaits(now)

    def withdraw(self, who: Professional, dossier: UUID, document_id: UUID) -> None:
        """Take back a document that this professional wrote, all its versions; it is never erased (DOMAIN 4.3)."""
        with self._feeding(who, dossier, Action.DELETE, document_id) as (connection, box, way, now):
            found = self._own(connection, box, who, way, document_id, now)
            for each in documents.versions_of(connection, box, found):
                if each.author.id == found.author.id and each.status is not Status.DELETED:
                    documents.set_status(connection, each, now, Status.DELETED)
            self._trace(connection, dossier, now, who, way, Action.DELETE, found.id)

    def _summary_before(
        self, connection: Connection, box: Box, dossier: UUID, who: Professional, way: Way | Barrier,
        replaces: UUID | None, draft: Draft,
    ) -> Document | None:  # fmt: skip
        """The summary that this one, of another software's making, takes the place of: the one in force (0035), whoever
        wrote it. Raises NotAttending, WrongState when its writer named another one, or none."""
        if not isinstance(way, Way) or not writes_summary(who, way):
            raise NotAttending()
        connection.execute(ALONE, {"key": f"vsm/{dossier}"})
        current = documents.current_of(connection, box, draft.type.code, VSM, lock=True)
        if current is None or current.id == replaces:
            return current
        there = documents.held(connection, box, sha256(draft.content.data).digest(), draft.author.id)
        if there is not None and there.id == current.id:  # the same, sent again
            return None
        raise WrongState(
            "Une autre synthèse médicale est en vigueur dans ce DMP : lisez-la, puis nommez-la comme celle que la vôtre "
            "remplace (relatesTo)."
        )

    def _own(
        self, connection: Connection, box: Box, who: Professional, way: Way | Barrier, document_id: UUID, now: datetime
    ) -> Document:
        """A document that this professional wrote. Another's is theirs to see, or is not there."""
        found = documents.document_of(connection, box, document_id)
        if found is not None and found.status is not Status.DELETED:
            if (found.author.kind, found.author.id) == (AuthorKind.PROFESSIONAL, str(who.id)):
                return found
            if isinstance(way, Way) and self._sight(who, way, now).shows(found):
                raise NotTheAuthor("Vous n’êtes pas l’auteur de ce document : lui seul le corrige ou le retire.")
        raise NotFound(NOT_HERE)

    def _theirs(
        self, connection: Connection, box: Box, who: Professional, way: Way | Barrier, document_id: UUID, now: datetime
    ) -> Document:
        """A document that they wrote, or that they see as the médecin traitant of whom it is about."""
        if isinstance(way, Way) and way.basis is Basis.ATTENDING:
            return self._visible(connection, box, self._sight(who, way, now), document_id)
        return self._own(connection, box, who, way, document_id, now)

    def _announced(self, connection: Connection, box: Box, found: Document) -> Document:
        if not documents.announce(connection, found):
            raise NotTheAuthor("Seuls son auteur et le médecin traitant annoncent un document au patient.")
        return self._again(connection, box, found)

    def _again(self, connection: Connection, box: Box, found: Document) -> Document:
        again = documents.document_of(connection, box, found.id)
        assert again is not None
        return again

    @contextmanager
    def _feeding(
        self, who: Professional, dossier: UUID, action: Action, document_id: UUID | None = None
    ) -> Iterator[tuple[Connection, Box, Way | Barrier, datetime]]:
        """A transaction of a professional who writes in their own name."""
        with self._at_the_door(who, dossier, action, document_id, feeding=True) as (connection, way, now):
            yield connection, self._keys.box(connection, dossier, now), way, now


@lru_cache(maxsize=256)
def depositable(profession: str, on: date) -> tuple[DocumentType, ...]:
    """The types that a profession may deposit on this day, those that are expected of it first."""
    expected, read = expected_of(profession, on), types_read(profession, on)
    others = [each for each in types_in_use(on) if each.code in read and each.class_code not in _NOT_OF_PROFESSIONALS]
    return (*expected, *(each for each in others if each not in expected))


def _draft(who: Professional, sent: Deposit, now: datetime) -> tuple[Draft, Checked | None]:
    today = now.astimezone(PARIS).date()
    kind = type_of(sent.type_code, today)
    if kind not in depositable(who.profession.code, today):
        raise Invalid(f"Votre profession ne dépose pas de document de ce type : {kind.label}.")
    structured = checked_cda(sent.data, kind.code, kind.system, str(who.id)) if is_cda(sent.data) else None
    content = structured.content if structured else as_sent(sent.data)
    began = act_of(sent.service_start or (structured.began if structured else None) or now, now)
    if sent.masked:
        raise Invalid("Le patient seul masque un document aux professionnels : retirez MASQUE_PS de la fiche.")
    author, held = Author(AuthorKind.PROFESSIONAL, str(who.id), who.name), held_until(now) if sent.held else None
    unique = structured.named(sent.unique_id) if structured else sent.unique_id
    return Draft(
        kind,
        title_of(sent.title),
        author,
        content,
        began,
        unique,
        hidden_until=held,
        hidden_from_representatives=sent.secret,
    ), structured


def _require_corrigible(old: Document | None, draft: Draft, now: datetime) -> None:
    """Refuse in place of `old` what cannot be put there. Raises SeenAlready, WrongState."""
    if old is None:
        return
    if old.format_code == VSM and draft.content.format_code != VSM:
        raise WrongState("Une synthèse structurée n’est remplacée que par une synthèse structurée.")
    if draft.hidden_until is not None and not old.awaits(now):
        raise SeenAlready


def person_of(connection: Connection, dossier: UUID) -> Person:
    """Who the documents of the bound dossier are about."""
    row = connection.execute(_PERSON, {"dossier": dossier}).one()
    return Person(dossier, row.nom_naissance, row.nom_usage, row.prenom)


_PERSON: Final = text("SELECT nom_naissance, nom_usage, prenom FROM enrolment.dossier WHERE id = :dossier")
