"""Opening, suspending, closing a dossier: the rules, whoever calls (portal, counter through the facade, PS).

Every function works in the caller's transaction, so that a creation code is consumed, the dossier, its identifiers, the
proof of consent, the account and the event that tells the back office all come to be at once or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from dateutil.relativedelta import relativedelta
from psycopg import errors as pg
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from dmp_core.clock import PARIS
from dmp_core.enrolment.contacts import mail_address, mobile_number
from dmp_core.enrolment.credentials import INITIAL_PASSWORD_LIFE, draw_login, draw_password, hash_password
from dmp_core.enrolment.events import Kind, record_event
from dmp_core.enrolment.facade import require_reason
from dmp_core.enrolment.insured import Insured
from dmp_core.errors import Invalid, NotFound, Unavailable, WrongState
from dmp_core.identity import insc
from dmp_core.identity.identifiers import System

KEPT_YEARS = 10
"""From closure (CSP L.1111-18; DOMAIN 4.1)."""


class Way(StrEnum):
    """How a dossier came to be opened."""

    ONLINE = "online"
    COUNTER = "counter"
    PS = "ps"


class DossierState(StrEnum):
    """Where a dossier stands (DOMAIN 4.2)."""

    OPEN = "open"
    SUSPENDED = "suspended"
    """Its creation is contested: nobody gets in until the caisse has decided."""
    CLOSED = "closed"
    """Kept ten years, out of reach of all (CSP L.1111-18)."""


class ClosedBy(StrEnum):
    """Who closed a dossier."""

    HOLDER = "holder"
    CAISSE = "caisse"


class Motive(StrEnum):
    """Why a caisse closes a dossier: it decides which letter answers."""

    REQUEST = "request"
    """Its holder asked for it."""
    CONTESTED = "contested"
    """Its holder never asked for the dossier."""
    DEATH = "death"
    """Its holder has died: nobody is written to."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """Where one-time codes go; at least one of the two. Normalised: see `dmp_core.enrolment.contacts`."""

    mail: str | None = field(default=None, repr=False)
    mobile: str | None = field(default=None, repr=False)
    """E.164, e.g. +33612345678."""


@dataclass(frozen=True, slots=True)
class Consent:
    """The proof of consent that is kept (DOMAIN 8.2): what was agreed to, in which words, through whom."""

    terms: str
    """Version of the conditions générales d'utilisation."""
    terms_sha256: bytes
    """SHA-256 of the text shown."""
    wording: str
    """The sentence beside the box, as shown."""
    collected_by: str | None = None
    """Who collected it, when not the person alone: an agent's login or a professional's identifier."""
    on_behalf_by: str | None = None
    """The legal representative's name, when one acts for the person."""
    on_behalf_as: str | None = None
    """In what capacity, in French words: the proof says by what right somebody consented for another."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A dossier just opened: the only moment at which the initial password exists in clear."""

    dossier_id: UUID
    opened_at: datetime
    ins_c: str | None
    """None when the rules give no INS-C (DOMAIN 1.3)."""
    login: str
    password: str = field(repr=False)


_DOSSIER = text(
    "INSERT INTO enrolment.dossier (id, request_id, caisse, person_id, civilite, nom_naissance, nom_usage, prenom, "
    "date_naissance, way, opened_at) VALUES (:id, :request, :caisse, :person, :civilite, :birth_name, :usual_name, "
    ":given_name, :birth_date, :way, :now)"
)
_IDENTIFIER = text(
    "INSERT INTO enrolment.identifier (dossier_id, system, value, valid_from) VALUES (:id, :system, :value, :now)"
)
_CONSENT = text(
    "INSERT INTO enrolment.consent (id, dossier_id, at, way, terms, terms_sha256, wording, collected_by, on_behalf_by, "
    "on_behalf_as) VALUES (:consent, :id, :now, :way, :terms, :terms_sha256, :wording, :collected_by, :on_behalf_by, "
    ":on_behalf_as)"
)
_ACCOUNT = text("INSERT INTO enrolment.account (dossier_id, login, created_at) VALUES (:id, :login, :now)")
_CONTACT = text(
    "INSERT INTO enrolment.contact (id, dossier_id, kind, value, since) VALUES (:contact, :id, :kind, :value, :now)"
)
_END_PASSWORD = text("UPDATE enrolment.password SET ended_at = :now WHERE dossier_id = :id AND ended_at IS NULL")
_PASSWORD = text(
    "INSERT INTO enrolment.password (id, dossier_id, hash, initial, created_at, expires_at) "
    "VALUES (:password, :id, :hash, true, :now, :until)"
)
# Not FOR UPDATE: whoever inserts a row that refers to the dossier need not wait.
_LOCK = text(
    "SELECT caisse, person_id, state, keep_until FROM enrolment.dossier WHERE id = :id FOR NO KEY UPDATE"
)  # fmt: skip
_CHANGE = text(
    "UPDATE enrolment.dossier SET state = :state, state_changed_at = :now, closed_by = :closed_by, reason = :reason, "
    "keep_until = :keep_until WHERE id = :id"
)

_EXISTS = "Cette personne a déjà un DMP : il n’en sera pas ouvert un second."


def open_dossier(
    connection: Connection, now: datetime, request_id: UUID, person: Insured, contacts: Contacts, consent: Consent,
    way: Way,
) -> Opened:  # fmt: skip
    """Open the dossier of `person` and its account; the creation code, if any, is the caller's to consume first.

    Two at once for one person meet at the unique indexes: the second waits, then is refused or, if the first was rolled
    back, served. From here on the transaction is bound to the new dossier, as the role `titulaire` must be to write it.

    Raises WrongState when the person, under whichever caisse, already has a dossier, in whatever state; Invalid without
    any contact, with one that is not valid, or when nobody says who collected the consent away from the portal.
    """
    channels = channels_of(contacts)
    if way is not Way.ONLINE and not consent.collected_by:
        raise Invalid("Indiquez qui a recueilli le consentement de la personne.")
    ins_c = ins_c_of(person)
    password = draw_password()
    hashed = hash_password(password)  # slow: before any lock is held
    dossier_id = uuid4()
    row = {"id": dossier_id, "now": now, "way": way.value}
    try:
        with connection.begin_nested():
            connection.execute(text("SELECT set_config('dmp.dossier', :id, true)"), {"id": str(dossier_id)})
            connection.execute(
                _DOSSIER,
                {
                    **row, "request": request_id, "caisse": person.caisse, "person": person.person_id,
                    "civilite": person.civilite, "birth_name": person.birth_name, "usual_name": person.usual_name,
                    "given_name": person.given_name, "birth_date": person.birth_date,
                },
            )  # fmt: skip
            for system, value in ((System.NIR, person.nir), (System.INS_C, ins_c)):
                if value is not None:
                    connection.execute(_IDENTIFIER, {**row, "system": system.value, "value": value})
    except IntegrityError as error:
        if isinstance(error.orig, pg.UniqueViolation):
            raise WrongState(_EXISTS) from None  # its message may tell a NIR
        raise
    keep_consent(connection, now, dossier_id, consent, way)
    login = open_account(connection, now, dossier_id, channels, hashed)
    record_event(connection, Kind.DOSSIER_OPENED, person.caisse, person.person_id, now, {"way": way.value})
    return Opened(dossier_id, now, ins_c, login, password)


def open_account(
    connection: Connection, now: datetime, subject: UUID, channels: list[tuple[str, str]], hashed: str
) -> str:  # fmt: skip
    """The account of a holder (`subject`: their dossier) or of a representative; returns its login id.

    `hashed` is the initial password's hash, made before any lock is held, for it is slow.
    """
    row = {"id": subject, "now": now}
    login = _give_login(connection, row)
    for kind, value in channels:
        connection.execute(_CONTACT, {**row, "contact": uuid4(), "kind": kind, "value": value})
    give_password(connection, subject, hashed, now)
    return login


def keep_consent(
    connection: Connection, now: datetime, dossier_id: UUID, consent: Consent, way: Way, consent_id: UUID | None = None
) -> None:  # fmt: skip
    """Keep the proof of a consent; `consent_id`: the caller's own, where asking again must be recognised."""
    connection.execute(
        _CONSENT,
        {
            "consent": consent_id or uuid4(), "id": dossier_id, "now": now, "way": way.value, "terms": consent.terms,
            "terms_sha256": consent.terms_sha256, "wording": consent.wording, "collected_by": consent.collected_by,
            "on_behalf_by": consent.on_behalf_by, "on_behalf_as": consent.on_behalf_as,
        },
    )  # fmt: skip


def ins_c_of(person: Insured) -> str | None:
    """The person's INS-C, None when the rules give none (temporary NIR, wrong key: DOMAIN 1.3)."""
    try:
        return insc.compute(person.given_name, insc.birth_date_of(person.birth_date), person.nir)
    except insc.InsCFault:
        return None


def renew_initial_password(connection: Connection, now: datetime, dossier_id: UUID) -> str:
    """End the live password and set a new initial one, returned in clear, once; it dies in seven days if not used.

    Raises NotFound without such a dossier, WrongState when it is suspended or closed: nobody gets in then.
    """
    password = draw_password()
    hashed = hash_password(password)
    state = _lock(connection, dossier_id).state
    if state is not DossierState.OPEN:
        raise WrongState(f"{_STANDS[state]} : aucun mot de passe ne peut être délivré.")
    give_password(connection, dossier_id, hashed, now)
    return password


def suspend(connection: Connection, now: datetime, dossier_id: UUID, reason: str) -> None:
    """Let nobody in any more, because its creation is contested; `reason` is French, without personal data.

    Raises NotFound, WrongState unless it is open, Invalid without a reason of at most 200 characters.
    """
    require_reason(reason, "de la suspension")
    _change(connection, now, dossier_id, "suspendu", {DossierState.OPEN}, DossierState.SUSPENDED, reason=reason)


def resume(connection: Connection, now: datetime, dossier_id: UUID, reason: str) -> None:
    """End a suspension: the holder gets in again. Raises NotFound, Invalid, and WrongState unless it is suspended."""
    require_reason(reason, "du rétablissement")
    _change(connection, now, dossier_id, "rétabli", {DossierState.SUSPENDED}, DossierState.OPEN, reason=reason)


def close(
    connection: Connection, now: datetime, dossier_id: UUID, by: ClosedBy, reason: str | None = None,
    motive: Motive = Motive.REQUEST,
) -> None:  # fmt: skip
    """Close for all, and keep ten years. The holder owes no reason; the caisse gives one, and may close while suspended.

    Raises NotFound, WrongState when it is closed already or, for its holder, suspended, and Invalid as `suspend` does.
    """
    if by is ClosedBy.CAISSE or reason is not None:
        require_reason(reason or "", "de la fermeture")
    start = {DossierState.OPEN} if by is ClosedBy.HOLDER else {DossierState.OPEN, DossierState.SUSPENDED}
    detail = {"by": by.value} if by is ClosedBy.HOLDER else {"by": by.value, "motive": motive.value}
    _change(connection, now, dossier_id, "fermé", start, DossierState.CLOSED, reason=reason, by=by, detail=detail)


def reopen(connection: Connection, now: datetime, dossier_id: UUID, reason: str) -> None:
    """Open a closed dossier again, as it was, while it is kept.

    Raises NotFound, Invalid, and WrongState unless it is closed, or once its ten years are over.
    """
    require_reason(reason, "de la réouverture")
    _change(connection, now, dossier_id, "rouvert", {DossierState.CLOSED}, DossierState.OPEN, reason=reason)


@dataclass(frozen=True, slots=True)
class _Standing:
    caisse: str
    person_id: int
    state: DossierState
    keep_until: date | None


_STANDS = {
    DossierState.OPEN: "Ce DMP est ouvert",
    DossierState.SUSPENDED: "Ce DMP est suspendu",
    DossierState.CLOSED: "Ce DMP est fermé",
}

_KINDS = {
    (DossierState.OPEN, DossierState.SUSPENDED): Kind.DOSSIER_SUSPENDED,
    (DossierState.SUSPENDED, DossierState.OPEN): Kind.DOSSIER_RESUMED,
    (DossierState.OPEN, DossierState.CLOSED): Kind.DOSSIER_CLOSED,
    (DossierState.SUSPENDED, DossierState.CLOSED): Kind.DOSSIER_CLOSED,
    (DossierState.CLOSED, DossierState.OPEN): Kind.DOSSIER_REOPENED,
}


def _lock(connection: Connection, dossier_id: UUID) -> _Standing:
    """Be alone to change this dossier until the transaction ends."""
    row = connection.execute(_LOCK, {"id": dossier_id}).one_or_none()
    if row is None:
        raise NotFound("Ce DMP est introuvable : vérifiez de qui il s’agit.")
    return _Standing(row.caisse, row.person_id, DossierState(row.state), row.keep_until)


def _change(
    connection: Connection, now: datetime, dossier_id: UUID, done: str, start: set[DossierState], end: DossierState, *,
    reason: str | None, by: ClosedBy | None = None, detail: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    found = _lock(connection, dossier_id)
    if found.state not in start:
        raise WrongState(f"{_STANDS[found.state]} : il ne peut pas être {done}.")
    today = now.astimezone(PARIS).date()
    if found.keep_until is not None and found.keep_until < today:
        raise WrongState("Ce DMP est fermé depuis plus de dix ans : il ne peut plus être rouvert.")
    closing = end is DossierState.CLOSED
    connection.execute(
        _CHANGE,
        {
            "id": dossier_id, "state": end.value, "now": now, "reason": reason, "closed_by": by.value if by else None,
            "keep_until": today + relativedelta(years=KEPT_YEARS) if closing else None,
        },
    )  # fmt: skip
    kind = _KINDS[found.state, end]
    record_event(connection, kind, found.caisse, found.person_id, now, detail)


def _give_login(connection: Connection, row: dict[str, Any]) -> str:
    for _ in range(20):  # a tenth of all ids taken would already be 83 million holders
        login = draw_login()
        try:
            with connection.begin_nested():
                connection.execute(_ACCOUNT, {**row, "login": login})
        except IntegrityError as error:
            if not isinstance(error.orig, pg.UniqueViolation):
                raise
        else:
            return login
    raise Unavailable("Aucun identifiant de connexion libre n’a été trouvé : réessayez dans quelques minutes.")


def give_password(connection: Connection, dossier_id: UUID, hashed: str, now: datetime) -> None:
    """An initial password in the place of the live one, for seven days."""
    connection.execute(_END_PASSWORD, {"id": dossier_id, "now": now})
    connection.execute(
        _PASSWORD,
        {"password": uuid4(), "id": dossier_id, "hash": hashed, "now": now, "until": now + INITIAL_PASSWORD_LIFE},
    )


def channels_of(contacts: Contacts) -> list[tuple[str, str]]:
    """(kind, value) of each, checked. Raises Invalid without any, or with one that is not valid."""
    channels = []
    if contacts.mail is not None:
        channels.append(("mail", mail_address(contacts.mail)))
    if contacts.mobile is not None:
        channels.append(("mobile", mobile_number(contacts.mobile)))
    if not channels:
        raise Invalid(
            "Indiquez une adresse électronique ou un numéro de téléphone mobile : un code y est envoyé à chaque connexion."
        )
    return channels
