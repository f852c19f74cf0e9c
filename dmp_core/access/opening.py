"""What a professional does for a patient who is there, carte Vitale in hand: their DMP created, reopened, the secrets given
again, a closure asked for (TD1.1, TD1.2, TD1.4, TD1.5). Nothing here lets anybody consult: that is the patient's to add.

Each act is one transaction: dossier, account, consent, first authorisation, lines of the trace and the event that tells the
caisse, which sends the receipt. Asked again with its request, it is done once; secrets are given again as new ones alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from psycopg import errors as pg
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from dmp_core.access import circle, trace
from dmp_core.access.identifying import Identifying, VitaleCard
from dmp_core.access.openers import Given, Opener
from dmp_core.access.rules import AUTHORISED_FOR, Basis, Relation
from dmp_core.access.trace import Action
from dmp_core.clock import PARIS, Clock
from dmp_core.enrolment import dossiers
from dmp_core.enrolment.dossiers import Contacts, DossierState, Way
from dmp_core.enrolment.events import Kind, record_event
from dmp_core.enrolment.facade import lock_request
from dmp_core.enrolment.insured import CardBase, Insured
from dmp_core.enrolment.majority import is_minor
from dmp_core.enrolment.papers import Secrets
from dmp_core.enrolment.words import CAISSES
from dmp_core.errors import Invalid, NotFound, WrongState
from dmp_core.holder.store import bind
from dmp_core.identity.identifiers import System
from dmp_core.professionals.rights import Act
from dmp_core.professionals.store import ProfessionalStore

INELIGIBLE: Final = (
    "Ce service n’est actuellement disponible que pour les assurés du Régime Général affiliés à l’une des caisses d’Assurance "
    f"Maladie suivante : {', '.join(CAISSES)}."
)
"""The seed's sentence."""
MINOR: Final = "Le DMP d’un mineur se crée à l’accueil de sa caisse, avec un titulaire de l’autorité parentale."
HAS_DMP: Final = "Ce patient a déjà un DMP : demandez-lui son accord pour le consulter."
CLOSED: Final = "Ce patient a un DMP clôturé : il peut être réactivé, avec son accord."
ELSEWHERE: Final = "Le DMP de ce patient ne se règle pas ici : il appelle le 0 810 331 133."
"""A DMP suspended, closed for another reason than a request, or that blocked this professional: they are not told which."""
NO_DMP: Final = "Ce patient n’a pas de DMP : il peut être créé, avec son accord."
ALREADY_IN: Final = (
    "Ce DMP est créé et le patient s’y est connecté : remettez-lui, s’il le demande, un nouveau document des secrets."
)
_AGAIN: Final = "création déjà faite, demandée de nouveau"
_REOPENED: Final = "à la demande du titulaire, auprès d’un professionnel"


class Next(StrEnum):
    """What can be done for a patient."""

    CREATE = "create"
    REOPEN = "reopen"
    CONSULT = "consult"


class Stopped(WrongState):
    """The patient is known, and this cannot be done."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A patient whose card was recognised."""

    name: str = field(repr=False)
    next: Next
    dossier: UUID | None


@dataclass(frozen=True, slots=True)
class Made:
    """The receipt of a DMP created or reopened."""

    dossier: UUID
    ins_c: str | None = field(repr=False)
    at: datetime
    authorised: bool
    """Whether the patient let this professional in."""
    entered: bool
    """False when it had been done already."""
    secrets: Secrets | None = field(default=None, repr=False)
    """Of a creation: for the document that the patient takes along, and nowhere else."""


@dataclass(frozen=True, slots=True)
class _There:
    """The dossier of a patient, bound from here on."""

    id: UUID
    request: UUID
    state: DossierState
    opened_at: datetime
    blocked: bool
    reopens: bool


class OpeningGate:
    """Raises NotIdentified, TooMany, CertificateRefused, Stopped, Invalid, and Unavailable when a part is away."""

    def __init__(
        self, store: ProfessionalStore, base: CardBase | None, digest: Callable[[bytes], bytes], clock: Clock
    ) -> None:
        self._store = store
        self._identifying = Identifying(store, base, digest, clock)
        self._clock = clock

    def look(self, who: Opener, card: VitaleCard) -> Looked:
        """What can be done for the patient whose card it is. Raises Stopped when nothing can."""
        person = self._identifying.identify(who, card, Act.CREATE)
        now = self._clock()
        with self._store.transaction(who.id, now, opening=True) as connection:
            there = _there(connection, who, person, now)
            if there is not None:
                trace.write(connection, there.id, now, who.actor, Action.FIND, reason="carte Vitale présentée")
        return Looked(_name(person), _next(person, there, now), there.id if there else None)

    def create(
        self, who: Opener, request: UUID, card: VitaleCard, contacts: Contacts, given: Given, *, authorise: bool,
        before: Callable[[Connection, datetime], None] | None = None,
    ) -> Made:  # fmt: skip
        """TD1.1: open the DMP of the patient, informed and consenting.

        `request` is the caller's, one a creation. `before` is done first in the same transaction: what serves once.
        """
        given.require()
        person = self._identifying.identify(who, card, Act.CREATE)
        key, now = who.request(request), self._clock()
        with self._store.transaction(who.id, now, opening=True) as connection:
            lock_request(connection, key)
            if before is not None:
                before(connection, now)
            there = _there(connection, who, person, now)
            if there is not None and there.request == key:
                return self._again(connection, who, person, there, now)
            if _next(person, there, now) is not Next.CREATE:
                raise Stopped(HAS_DMP if there is not None and there.state is DossierState.OPEN else CLOSED)
            opened = dossiers.open_dossier(connection, now, key, person, contacts, given.kept(who), Way.PS)
            told = f"consentement recueilli, conditions d’utilisation du {given.terms}"
            trace.write(connection, opened.dossier_id, now, who.actor, Action.CREATE, reason=who.told(told))
            let_in = authorise and _let_in(connection, who, opened.dossier_id, now)
        secrets = Secrets(_name(person), opened.opened_at, opened.ins_c, opened.login, opened.password)
        return Made(opened.dossier_id, opened.ins_c, now, let_in, True, secrets)

    def reopen(self, who: Opener, request: UUID, card: VitaleCard, given: Given, *, authorise: bool) -> Made:
        """TD1.2: open again, as it was, a DMP that was closed because somebody asked for it, while it is kept."""
        given.require()
        person = self._identifying.identify(who, card, Act.REOPEN)
        key, now = who.request(request), self._clock()
        with self._store.transaction(who.id, now, opening=True) as connection:
            lock_request(connection, key)
            there = _there(connection, who, person, now)
            if there is None:
                raise NotFound(NO_DMP)
            if connection.scalar(_CONSENTED, {"id": key}):
                return Made(there.id, dossiers.ins_c_of(person), now, _is_in(connection, who, there.id, now), False)
            if _next(person, there, now) is not Next.REOPEN:
                raise Stopped(HAS_DMP)
            dossiers.reopen(connection, now, there.id, _REOPENED)
            dossiers.keep_consent(connection, now, there.id, given.kept(who), Way.PS, key)
            told = f"consentement recueilli, conditions d’utilisation du {given.terms}"
            trace.write(connection, there.id, now, who.actor, Action.REOPEN, reason=who.told(told))
            let_in = authorise and _let_in(connection, who, there.id, now)
        return Made(there.id, dossiers.ins_c_of(person), now, let_in, True)

    def secrets(self, who: Opener, card: VitaleCard, *, asked: bool) -> Secrets:
        """TD1.5a: a new document des secrets, because its holder asks for it; what opened the DMP before does no more.

        The holder is told. The new password opens nothing without a one-time code sent where the holder alone reads.
        """
        if not asked:
            raise Invalid("Le titulaire seul demande un nouveau mot de passe : cochez la case quand il l’a fait.")
        person = self._identifying.identify(who, card, Act.SECRETS)
        now = self._clock()
        with self._store.transaction(who.id, now, opening=True) as connection:
            there = _open_one(connection, who, person, now)
            given = self._renewed(connection, person, there, now)
            trace.write(connection, there.id, now, who.actor, Action.SECRETS, reason="à la demande du titulaire")
        return given

    def ask_closure(self, who: Opener, request: UUID, card: VitaleCard, *, explained: bool, asked: bool) -> None:
        """TD1.4: tell the caisse that the holder asks for the closure; it has it confirmed, waits, and closes (0026)."""
        if not (explained and asked):
            raise Invalid("Expliquez au patient ce que clôturer veut dire, puis indiquez qu’il le demande.")
        person = self._identifying.identify(who, card, Act.CLOSURE)
        key, now = who.request(request), self._clock()
        with self._store.transaction(who.id, now, opening=True) as connection:
            lock_request(connection, key)
            there = _open_one(connection, who, person, now)
            try:
                with connection.begin_nested():
                    record_event(
                        connection, Kind.CLOSURE_REQUESTED, person.caisse, person.person_id, now, {"way": "ps"},
                        event_id=key,
                    )  # fmt: skip
            except IntegrityError as error:
                if isinstance(error.orig, pg.UniqueViolation):
                    return  # twice the same click
                raise
            trace.write(connection, there.id, now, who.actor, Action.ASK_CLOSURE, reason="à la demande du titulaire")

    def _again(self, connection: Connection, who: Opener, person: Insured, there: _There, now: datetime) -> Made:
        """A creation whose answer was lost: the same DMP, and new secrets as long as nobody has been in."""
        if there.state is not DossierState.OPEN or there.blocked:
            raise Stopped(ELSEWHERE)
        if connection.scalar(_WAS_USED, {"id": there.id}):
            raise Stopped(ALREADY_IN)
        given = self._renewed(connection, person, there, now)
        # Read again under the lock of the renewal: whoever signed in meanwhile keeps their password.
        if connection.scalar(_WAS_USED, {"id": there.id}):
            raise Stopped(ALREADY_IN)
        trace.write(connection, there.id, now, who.actor, Action.SECRETS, reason=who.told(_AGAIN))
        let_in = _is_in(connection, who, there.id, now)
        return Made(there.id, given.ins_c, there.opened_at, let_in, False, given)

    def _renewed(self, connection: Connection, person: Insured, there: _There, now: datetime) -> Secrets:
        password = dossiers.renew_initial_password(connection, now, there.id)
        login = connection.execute(_LOGIN, {"id": there.id}).scalar_one()
        return Secrets(_name(person), there.opened_at, dossiers.ins_c_of(person), login, password)


def _there(connection: Connection, who: Opener, person: Insured, now: datetime) -> _There | None:
    """The patient's dossier, to which the transaction is bound from here on; None when there is none."""
    found = connection.execute(_FIND, {"system": System.NIR.value, "value": person.nir}).first()
    if found is None:
        return None
    bind(connection, found.id)
    row = connection.execute(_DOSSIER, {"id": found.id}).one()
    blocked = circle.standing_of(connection, row.id, str(who.id), now).blocked
    return _There(row.id, row.request_id, DossierState(row.state), row.opened_at, blocked, row.reopens)


def _next(person: Insured, there: _There | None, now: datetime) -> Next:
    """What can be done; raises Stopped when nothing can."""
    if there is None:
        if not person.may_open:
            raise Stopped(MINOR if is_minor(person.birth_date, now.astimezone(PARIS).date()) else INELIGIBLE)
        return Next.CREATE
    if there.blocked or there.state is DossierState.SUSPENDED:
        raise Stopped(ELSEWHERE)
    if there.state is DossierState.OPEN:
        return Next.CONSULT
    if not there.reopens:
        raise Stopped(ELSEWHERE)
    return Next.REOPEN


def _open_one(connection: Connection, who: Opener, person: Insured, now: datetime) -> _There:
    there = _there(connection, who, person, now)
    if there is None:
        raise NotFound(NO_DMP)
    if _next(person, there, now) is not Next.CONSULT:
        raise Stopped(CLOSED)
    return there


def _let_in(connection: Connection, who: Opener, dossier: UUID, now: datetime) -> bool:
    """The first authorisation, which the patient may refuse; False for who never consults."""
    if who.member is None:
        return False
    if not _is_in(connection, who, dossier, now):
        circle.end_relation(connection, dossier, who.member.id, now)
        relation = Relation(Basis.CONSENT, sees_all=False, since=now, until=now + AUTHORISED_FOR)
        circle.relate(connection, dossier, who.member, relation, who.member.id)
        trace.write(connection, dossier, now, who.actor, Action.CONSENT)
    return True


def _is_in(connection: Connection, who: Opener, dossier: UUID, now: datetime) -> bool:
    relation = circle.standing_of(connection, dossier, str(who.id), now).relation
    return who.member is not None and relation is not None and (relation.until is None or now < relation.until)


def _name(person: Insured) -> str:
    return f"{person.given_name} {person.name}"


_FIND: Final = text("SELECT id FROM enrolment.dossier_of_identifier(:system, :value)")
_DOSSIER: Final = text(
    "SELECT id, request_id, state, opened_at, enrolment.may_reopen(id) AS reopens FROM enrolment.dossier WHERE id = :id"
)
_CONSENTED: Final = text("SELECT EXISTS (SELECT FROM enrolment.consent WHERE id = :id)")
_LOGIN: Final = text("SELECT login FROM enrolment.account WHERE dossier_id = :id")
_WAS_USED: Final = text(
    "SELECT EXISTS (SELECT FROM enrolment.password WHERE dossier_id = :id AND (used_at IS NOT NULL OR NOT initial))"
)
