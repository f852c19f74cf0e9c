"""The gate as a professional's practice software comes to it: TD0.2 to TD0.5, FHIR searches, and what became of what it put in.

The rules are those of `ProfessionalGate`.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from dmp_core.access import circle
from dmp_core.access.authorisation import Authorised, State, authorised, state_in
from dmp_core.access.depositing import DepositingGate, Person, person_of
from dmp_core.access.professional import REPRESENTED_BY, represented_by
from dmp_core.access.rules import Barrier, Basis
from dmp_core.access.trace import Action
from dmp_core.clock import PARIS
from dmp_core.enrolment.dossiers import Way as Opening
from dmp_core.errors import Invalid, WrongState
from dmp_core.holder.relatives import NOBODY, RELATIVES, Relatives, relatives_of
from dmp_core.identity.identifiers import System
from dmp_core.professionals.certificates import Professional
from dmp_core.record import finding
from dmp_core.record.finding import Criteria, Found, Submission
from dmp_core.record.metadata import Document, Status


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


class SoftwareGate(DepositingGate):
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
            person = person_of(connection, dossier)
            self._trace(connection, dossier, now, who, way, Action.LIST)
        return person, found

    def submissions(
        self, who: Professional, dossier: UUID, criteria: Criteria, size: int, offset: int = 0
    ) -> tuple[Person, list[Submission], int]:
        """ITI-66: one page of sets of documents, of each what is there for them, and how many sets there are."""
        with self._in(who, dossier, Action.LIST) as (connection, box, way, now):
            sight = self._sight(who, way, now)
            found, total = finding.submissions(connection, box, criteria, now, size, offset, sight)
            person = person_of(connection, dossier)
            self._trace(connection, dossier, now, who, way, Action.LIST)
        return person, found, total

    def card(self, who: Professional, dossier: UUID, document_id: UUID) -> tuple[Person, Document]:
        """The metadata of one document."""
        with self._in(who, dossier, Action.LOOK, document_id) as (connection, box, way, now):
            found = self._visible(connection, box, self._sight(who, way, now), document_id)
            person = person_of(connection, dossier)
            self._trace(connection, dossier, now, who, way, Action.LOOK, found.id)
        return person, found


def _told(state: State) -> str:
    return f"autorisation {state.authorisation.value}" if state.authorisation else "DMP non ouvert"


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
