"""Opening, suspending, closing a dossier: the rules, whoever calls (portal, counter through the facade, PS).

Every function works in the caller's transaction, so that a creation code is consumed, the dossier, its identifiers, the
proof of consent, the account and the event that tells the back office all come to be at once or not at all.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection

from dmp_core.enrolment.insured import Insured


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


@dataclass(frozen=True, slots=True)
class Opened:
    """A dossier just opened: the only moment at which the initial password exists in clear."""

    dossier_id: UUID
    opened_at: datetime
    ins_c: str | None
    """None when the rules give no INS-C (DOMAIN 1.3)."""
    login: str
    password: str = field(repr=False)


def open_dossier(
    connection: Connection, now: datetime, request_id: UUID, person: Insured, contacts: Contacts, consent: Consent,
    way: Way,
) -> Opened:  # fmt: skip
    """Open the dossier of `person` and its account; the creation code, if any, is the caller's to consume first.

    Raises WrongState when the person, under whichever caisse, already has a dossier, and Invalid without any contact.
    """
    raise NotImplementedError


def renew_initial_password(connection: Connection, now: datetime, dossier_id: UUID) -> str:
    """End the live password and set a new initial one, returned in clear, once. Raises NotFound without an account."""
    raise NotImplementedError
