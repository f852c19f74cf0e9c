"""The gate as a professional's practice software comes to it: TD0.2 to TD0.4, FHIR searches, deposits, and what became of
them. The rules are those of `ProfessionalGate`; depositing asks for no consent, only that nobody blocked them (DOMAIN 4.3).
"""

import re
import unicodedata
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
from dmp_core.access.authorisation import Authorised, State, authorised, state_in
from dmp_core.access.gate import NotTheAuthor
from dmp_core.access.habilitations import expected_of, types_read
from dmp_core.access.professional import NOT_HERE, REPRESENTED_BY, ProfessionalGate, represented_by
from dmp_core.access.rules import Barrier, Basis, Way
from dmp_core.access.summaries import ALONE, NotAttending, ins_c_of, writes_summary
from dmp_core.access.trace import Action
from dmp_core.clock import PARIS
from dmp_core.enrolment.dossiers import Way as Opening
from dmp_core.errors import DmpError, Invalid, NotFound, WrongState
from dmp_core.holder.relatives import NOBODY, RELATIVES, Relatives, relatives_of
from dmp_core.identity.identifiers import System
from dmp_core.professionals.certificates import Professional
from dmp_core.record import documents, finding
from dmp_core.record.cda_check import Checked, checked_cda, is_cda
from dmp_core.record.contents import VSM, as_sent
from dmp_core.record.documents import Author, AuthorKind, Document, Draft, Sight, Status, act_of, title_of
from dmp_core.record.entering import OF_OWN, enter_once
from dmp_core.record.finding import Criteria, Found, Submission
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
class Receipt:
    """What became of a document that a professional put in."""

    dossier: UUID
    ins_c: str | None = field(repr=False)
    document: UUID
    version: int
    type_code: str
    sha256: bytes = field(repr=False)
    submitted_at: datetime
    status: Status


@dataclass(frozen=True, slots=True)
class Settled:
    """What is wanted of a document."""

    held: bool
    """From the holder, until it is announced."""
    archived: bool
    secret: bool | None = None
    """From the person's legal representatives; None: as it is."""


@dataclass(frozen=True, slots=True)
class Administration:
    """The administrative side of a DMP, as a professional may know it: no identity, and no address of the holder's."""

    opened_at: datetime
    way: Opening
    """How it was opened."""
    signed_in: bool
    """Whether its holder has ever signed in."""
    channels: tuple[str, ...]
    """`mail`, `mobile`: which there are, never where they lead."""
    represented_by: tuple[str, ...] = field(default=(), repr=False)
    """First name and name of each legal representative, with the capacity."""
    relatives: Relatives = field(default=NOBODY, repr=False)
    """The person of trust and the emergency contacts, with their telephones: given to be called."""


class SoftwareGate(ProfessionalGate):
    """The gate of professionals, and what software asks of it besides."""

    def state(self, who: Professional, system: System, value: str) -> State | None:
        """TD0.2: what this professional may know of the DMP of the patient with this INS; None when there is none."""
        with self._store.transaction(who.id, self._clock()) as connection:
            found = connection.scalar(_FIND, {"system": system.value, "value": value})
        return None if found is None else self.state_of(who, UUID(str(found)))

    def state_of(self, who: Professional, dossier: UUID) -> State | None:
        """The same, of a dossier that was found before."""
        with self._asked(who, dossier, Action.FIND) as (connection, now):
            standing = circle.standing_of(connection, dossier, str(who.id), now)
            found = state_in(connection, dossier, standing, now)
            if found is not None:
                self._trace(connection, dossier, now, who, Barrier.NONE, Action.FIND, reason=_told(found))
        return found

    def leave(self, who: Professional, dossier: UUID) -> None:
        """TD0.3, removal: the professional's own authorisation ends. Raises WrongState for the médecin traitant."""
        with self._at_the_door(who, dossier, Action.END) as (connection, way, now):
            relation = circle.standing_of(connection, dossier, str(who.id), now).relation
            if relation is None:
                return
            if relation.basis is Basis.ATTENDING:
                raise WrongState("Vous êtes le médecin traitant de ce DMP : le patient seul en désigne un autre.")
            circle.end_relation(connection, dossier, str(who.id), now)
            self._trace(connection, dossier, now, who, way, Action.END)

    def authorised_by(self, who: Professional, size: int, offset: int = 0) -> tuple[list[Authorised], bool]:
        """TD0.4: the patients who authorised this professional, the latest first, and whether there are more.

        By their INS-C alone: the software knows who they are. It is the professional's own list, and no access to any DMP.
        """
        now = self._clock()
        with self._store.transaction(who.id, now) as connection:
            rows = connection.execute(_RELATIONS, {"most": size + 1, "skipped": offset}).all()
        return [authorised(row, now) for row in rows[:size]], len(rows) > size

    def find_by_traits(self, who: Professional, name: str, given_name: str, birth_date: str) -> list[str]:
        """TD0.5: the INS-C of the patients of these traits, among those who authorise this professional now.

        Nobody else's: an answer about the others would tell who has a DMP to whoever knows a name and a birthday. Each
        patient found finds it in their trace. Raises Invalid.
        """
        if not (_plain(name) and _plain(given_name) and _BIRTH_DATE.fullmatch(birth_date)):
            raise Invalid("Indiquez le nom, le prénom et la date de naissance (AAAA-MM-JJ) du patient.")
        now = self._clock()
        with self._store.transaction(who.id, now) as connection:
            rows = connection.execute(_BORN, {"born": birth_date}).all()
        found = [
            row
            for row in rows
            if _plain(name) in (_plain(row.nom_naissance), _plain(row.nom_usage))
            and _plain(given_name) == _plain(row.prenom)
        ]
        for row in found:
            with self._at_the_door(who, row.dossier_id, Action.FIND) as (connection, way, at):
                self._trace(
                    connection, row.dossier_id, at, who, way, Action.FIND, reason="par son nom et sa date de naissance"
                )
        return [row.ins_c for row in found]

    def administration(self, who: Professional, dossier: UUID) -> Administration:
        """TD1.3, reading: for who is in. Nothing of it is a professional's to change."""
        with self._in(who, dossier, Action.SEE_ADMINISTRATION) as (connection, _, way, now):
            connection.execute(_OPENING)
            asked = {"dossier": dossier, "today": now.astimezone(PARIS).date()}
            row = connection.execute(_ADMINISTRATION, asked).one()
            self._trace(connection, dossier, now, who, way, Action.SEE_ADMINISTRATION)
        return Administration(
            row.opened_at, Opening(row.way), row.signed_in, tuple(row.channels), represented_by(row.represented_by),
            relatives_of(row),
        )  # fmt: skip

    def deposited_by(self, who: Professional, size: int, offset: int = 0) -> tuple[list[Receipt], bool]:
        """What this professional deposited anywhere, the latest first, and whether there is more."""
        with self._store.transaction(who.id, self._clock()) as connection:
            rows = connection.execute(_DEPOSITS, {"most": size + 1, "skipped": offset}).all()
        receipts = [
            Receipt(
                row.dossier_id, row.ins_c, row.document_id, row.version, row.type_code, row.sha256, row.submitted_at,
                Status(row.status),
            )
            for row in rows[:size]
        ]  # fmt: skip
        return receipts, len(rows) > size

    def search(
        self, who: Professional, dossier: UUID, criteria: Criteria, size: int, offset: int = 0
    ) -> tuple[Person, Found]:
        """ITI-67: one page of the documents that are there for them, and how many those are."""
        with self._in(who, dossier, Action.LIST) as (connection, box, way, now):
            found = finding.find(connection, box, criteria, now, size, offset, self._sight(who, way, now))
            person = _person(connection, dossier)
            self._trace(connection, dossier, now, who, way, Action.LIST)
        return person, found

    def submissions(
        self, who: Professional, dossier: UUID, criteria: Criteria, size: int, offset: int = 0
    ) -> tuple[Person, list[Submission], int]:
        """ITI-66: one page of sets of documents, of each what is there for them, and how many sets there are."""
        with self._in(who, dossier, Action.LIST) as (connection, box, way, now):
            sight = self._sight(who, way, now)
            found, total = finding.submissions(connection, box, criteria, now, size, offset, sight)
            person = _person(connection, dossier)
            self._trace(connection, dossier, now, who, way, Action.LIST)
        return person, found, total

    def card(self, who: Professional, dossier: UUID, document_id: UUID) -> tuple[Person, Document]:
        """The metadata of one document."""
        with self._in(who, dossier, Action.LOOK, document_id) as (connection, box, way, now):
            found = self._visible(connection, box, self._sight(who, way, now), document_id)
            person = _person(connection, dossier)
            self._trace(connection, dossier, now, who, way, Action.LOOK, found.id)
        return person, found

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
                person = _person(connection, dossier)
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
            person = _person(connection, dossier)
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


def _told(state: State) -> str:
    return f"autorisation {state.authorisation.value}" if state.authorisation else "DMP non ouvert"


def _person(connection: Connection, dossier: UUID) -> Person:
    row = connection.execute(_PERSON, {"dossier": dossier}).one()
    return Person(dossier, row.nom_naissance, row.nom_usage, row.prenom)


def _plain(name: str) -> str:
    """A name as it is compared: letters alone, without accents, spaces or hyphens."""
    folded = unicodedata.normalize("NFKD", name.casefold()[:100].replace("œ", "oe").replace("æ", "ae"))
    return "".join(each for each in folded if each.isalpha())


_BIRTH_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_BORN: Final = text("SELECT * FROM medical.my_patients_born(:born)")
_OPENING: Final = text("SELECT set_config('dmp.opening', 'yes', true)")
_ADMINISTRATION: Final = text(
    "SELECT d.opened_at, d.way, EXISTS (SELECT FROM enrolment.password p WHERE p.dossier_id = d.id "  # noqa: S608
    "AND (p.used_at IS NOT NULL OR NOT p.initial)) AS signed_in, "
    "ARRAY(SELECT c.kind FROM enrolment.contact c WHERE c.dossier_id = d.id AND c.until IS NULL ORDER BY c.kind) AS channels, "
    f"{RELATIVES}, {REPRESENTED_BY} AS represented_by FROM enrolment.dossier d WHERE d.id = :dossier"
)
_FIND: Final = text("SELECT id FROM enrolment.dossier_of_identifier(:system, :value)")
_RELATIONS: Final = text("SELECT * FROM medical.my_relations(:most, :skipped)")
_DEPOSITS: Final = text("SELECT * FROM medical.my_deposits(:most, :skipped)")
_PERSON: Final = text("SELECT nom_naissance, nom_usage, prenom FROM enrolment.dossier WHERE id = :dossier")
