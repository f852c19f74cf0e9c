"""The one door to the DMP: `dmp_core.enrolment` with its refusals said in the back office's own words.

Nothing here decides anything, and nothing medical can pass: the login behind it has no right to it.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

from backoffice.core import errors
from backoffice.core.clock import Clock
from dmp_core import errors as dmp_errors
from dmp_core.enrolment.api import Enrolment
from dmp_core.enrolment.code_requests import Judged, Purpose, Refusal
from dmp_core.enrolment.codes import Slip, check, group
from dmp_core.enrolment.conditions import CONSENT, Terms, current_terms
from dmp_core.enrolment.contacts import mail_address, mobile_number
from dmp_core.enrolment.dossiers import ClosedBy, Consent, Contacts, DossierState, Motive, Opened, Way
from dmp_core.enrolment.dossiers_api import OPENED_AT_COUNTER, OPENED_BY_PROFESSIONAL
from dmp_core.enrolment.events import Event, Kind
from dmp_core.enrolment.insured import Insured
from dmp_core.enrolment.opening import open_enrolment
from dmp_core.enrolment.papers import RepresentativeSecrets, Secrets, representative_pdf, secrets_pdf, terms_pdf
from dmp_core.enrolment.representatives import PROOFS_OF, Capacity, Declaration, Proof
from dmp_core.enrolment.results import (
    CodeState,
    CodeStatus,
    DeclaredRepresentative,
    Destroyed,
    DossierFacts,
    IssuedCodes,
    Kept,
    Mandated,
    Renewed,
)
from dmp_core.enrolment.validity import expires_on
from dmp_core.storage.keyring import Keyring

__all__ = [
    "CONSENT",
    "OPENED_AT_COUNTER",
    "OPENED_BY_PROFESSIONAL",
    "PROOFS_OF",
    "Capacity",
    "ClosedBy",
    "CodeState",
    "CodeStatus",
    "Consent",
    "Contacts",
    "Declaration",
    "DeclaredRepresentative",
    "Destroyed",
    "DmpGateway",
    "DossierFacts",
    "DossierState",
    "Event",
    "Insured",
    "IssuedCodes",
    "Judged",
    "Kept",
    "Kind",
    "Mandated",
    "Motive",
    "Opened",
    "Proof",
    "Purpose",
    "Refusal",
    "Renewed",
    "RepresentativeSecrets",
    "Secrets",
    "Slip",
    "Terms",
    "Way",
    "check",
    "current_terms",
    "expires_on",
    "group",
    "read_contacts",
    "representative_pdf",
    "rotate_key",
    "secrets_pdf",
    "terms_pdf",
]

_REFUSALS: tuple[tuple[type[dmp_errors.DmpError], type[errors.DomainError]], ...] = (
    (dmp_errors.Invalid, errors.Invalid),
    (dmp_errors.NotFound, errors.NotFound),
    (dmp_errors.WrongState, errors.WrongState),
    (dmp_errors.DmpError, errors.Unavailable),
)


@contextmanager
def translated() -> Iterator[None]:
    """Raise the back office's own refusal for any refusal of the DMP, same sentence."""
    try:
        yield
    except dmp_errors.DmpError as refusal:
        ours = next(ours for theirs, ours in _REFUSALS if isinstance(refusal, theirs))
        raise ours(str(refusal)) from refusal


@translated()
def rotate_key(path: Path) -> str:
    """Add a key to a key ring and make it the current one; return its id.

    What the earlier ones hashed stays verifiable. Raises errors.Unavailable when the file is lost, damaged or open to others.
    """
    return Keyring.rotate(path).current


@translated()
def read_contacts(mail: str, mobile: str) -> Contacts:
    """The contacts as the record takes them, from what was typed; "" for none. Raises errors.Invalid for a wrong one."""
    return Contacts(mail_address(mail) if mail.strip() else None, mobile_number(mobile) if mobile.strip() else None)


class DmpGateway:
    """Codes and dossiers as a caisse sees them. See `Enrolment` and `Dossiers` for each method: same meaning, same
    results.

    Persons are the back office's own numbers; a caisse is three digits. Every method raises errors.Unavailable when
    the database of the DMP does not answer.
    """

    def __init__(self, enrolment: Enrolment) -> None:
        self._enrolment = enrolment

    @classmethod
    def connect(cls, url: str, keyring: Path, clock: Clock, *, application: str = "caisse") -> "DmpGateway":
        """A gateway over the database `dmp` at `url` (role `caisse`), with the keys of the file `keyring`.

        The file is made on the first start. Raises errors.Unavailable when it is lost, damaged or open to others.
        """
        with translated():
            return cls(open_enrolment(url, keyring, clock, application=application))

    def close(self) -> None:
        """Give the connections back; needed before a fork and at the end."""
        self._enrolment.close()

    @translated()
    def issue_codes(
        self,
        request_id: UUID,
        caisse: str,
        person_ids: Sequence[int],
        letter_date: date,
        *,
        replacing: str | None = None,
    ) -> IssuedCodes:
        """New codes in clear, once; asked again with the same request, they replace the ones whose clear form was lost.

        With `replacing`, a French reason, they also take the place of live codes of other requests.
        Raises errors.Invalid and errors.WrongState as `Enrolment.issue_codes` says.
        """
        return self._enrolment.issue_codes(request_id, caisse, person_ids, letter_date, replacing=replacing)

    @translated()
    def current_issue(self, request_id: UUID) -> UUID | None:
        """The issue whose codes are the valid ones of this request; None when nothing was ever issued for it."""
        return self._enrolment.current_issue(request_id)

    @translated()
    def revoke(self, caisse: str, person_ids: Sequence[int], reason: str, *, of_request: UUID | None = None) -> int:
        """Revoke the live codes of these persons, of one request alone where it is named; return how many.

        Raises errors.Invalid for an empty reason.
        """
        return self._enrolment.revoke(caisse, person_ids, reason, of_request=of_request)

    @translated()
    def extend(self, request_id: UUID, posted_on: date, person_ids: Sequence[int] | None = None) -> int:
        """Put off the end of a request's codes to two months from the posting day; never shortens; returns how many.

        Raises errors.Invalid for a day to come, or more than three months after the letters' date.
        """
        return self._enrolment.extend(request_id, posted_on, person_ids)

    @translated()
    def forget(self, caisse: str, person_ids: Sequence[int], ended_before: date) -> int:
        """Erase the codes of these persons that opened nothing and ended before this day; return how many."""
        return self._enrolment.forget(caisse, person_ids, ended_before)

    @translated()
    def revoke_request(self, request_id: UUID, reason: str) -> int:
        """Revoke the live codes of this request; return how many. Raises errors.Invalid for an empty reason."""
        return self._enrolment.revoke_request(request_id, reason)

    @translated()
    def code_states(self, caisse: str, person_ids: Sequence[int]) -> dict[int, CodeState]:
        """The state of each person's latest code; who never had one is absent."""
        return self._enrolment.code_states(caisse, person_ids)

    def live_codes(self, caisses: Iterable[str]) -> Iterator[tuple[str, int, UUID]]:
        """(caisse, person, request) of every live code, in that order, streamed."""
        with translated():
            yield from self._enrolment.live_codes(caisses)

    def dossiers_of(self, caisses: Iterable[str]) -> Iterator[tuple[str, int, str, datetime]]:
        """(caisse, person, state, moment of opening) of every dossier of these caisses, streamed."""
        with translated():
            yield from self._enrolment.dossiers.of_caisses(caisses)

    def used_codes(self, caisse: str) -> Iterator[tuple[int, UUID, datetime]]:
        """(person, request, moment) of every code that opened a DMP, streamed."""
        with translated():
            yield from self._enrolment.used_codes(caisse)

    def reconcile(self, request_id: UUID) -> Iterator[int]:
        """The persons who hold a live code of this request, in order, streamed."""
        with translated():
            yield from self._enrolment.reconcile(request_id)

    @translated()
    def ends(self, request_id: UUID) -> dict[date, int]:
        """Number of codes of this request by their last day of validity, whatever became of them."""
        return self._enrolment.ends(request_id)

    @translated()
    def counts(self, caisses: Iterable[str]) -> dict[UUID, int]:
        """Number of live codes of these caisses by request; a request without any is absent."""
        return self._enrolment.counts(caisses)

    @translated()
    def ending(self, caisses: Iterable[str], until: date) -> dict[tuple[UUID, date], int]:
        """Number of live codes of these caisses by request and last day of use, for last days up to `until`."""
        return self._enrolment.ending(caisses, until)

    @translated()
    def missing_keys(self) -> frozenset[str]:
        """Ids of keys that live codes need and the key file lacks. Empty is well."""
        return self._enrolment.missing_keys()

    @translated()
    def dossier_states(self, caisse: str, person_ids: Sequence[int]) -> dict[int, DossierFacts]:
        """Where each person's dossier stands; who has none is absent."""
        return self._enrolment.dossiers.states(caisse, person_ids)

    @translated()
    def open_dossier(
        self, request_id: UUID, person: Insured, contacts: Contacts, consent: Consent, way: Way = Way.COUNTER
    ) -> Opened:
        """Open the dossier of a person at the counter; asked again with the same request, a new initial password.

        Raises errors.Invalid and errors.WrongState as `Dossiers.open` says.
        """
        return self._enrolment.dossiers.open(request_id, person, contacts, consent, way)

    @translated()
    def renew_initial_password(self, caisse: str, person_id: int) -> Renewed:
        """A new initial password in clear, once. Raises errors.NotFound and errors.WrongState (suspended, closed)."""
        return self._enrolment.dossiers.renew_initial_password(caisse, person_id)

    @translated()
    def suspend(self, caisse: str, person_id: int, reason: str) -> None:
        """Let nobody in. Raises errors.NotFound, errors.Invalid (reason), errors.WrongState unless it is open."""
        self._enrolment.dossiers.suspend(caisse, person_id, reason)

    @translated()
    def resume(self, caisse: str, person_id: int, reason: str) -> None:
        """End a suspension. Raises errors.NotFound, errors.Invalid, errors.WrongState unless it is suspended."""
        self._enrolment.dossiers.resume(caisse, person_id, reason)

    @translated()
    def close_dossier(self, caisse: str, person_id: int, reason: str, motive: Motive = Motive.REQUEST) -> None:
        """Close and keep ten years. Raises errors.NotFound, errors.Invalid, errors.WrongState when it is closed."""
        self._enrolment.dossiers.close(caisse, person_id, reason, motive)

    @translated()
    def reopen(self, caisse: str, person_id: int, reason: str) -> None:
        """Open a closed dossier again. Raises errors.NotFound, errors.Invalid, errors.WrongState (state, ten years)."""
        self._enrolment.dossiers.reopen(caisse, person_id, reason)

    @translated()
    def code_request(self, person: Insured, *, a_day: int, in_thirty_days: int) -> Judged:
        """What the rule says of a request for a code now; nothing is asked for."""
        return self._enrolment.dossiers.code_request(person, a_day=a_day, in_thirty_days=in_thirty_days)

    @translated()
    def request_code(self, request_id: UUID, person: Insured, *, a_day: int, in_thirty_days: int) -> Judged:
        """Ask for a code under the rule of mon-dmp; a refusal says why and from when again. See `Dossiers.request_code`."""
        return self._enrolment.dossiers.request_code(request_id, person, a_day=a_day, in_thirty_days=in_thirty_days)

    @translated()
    def representatives(self, caisse: str, person_id: int) -> list[Mandated]:
        """Everybody ever declared as this person's legal representative, the latest first."""
        return self._enrolment.representatives.of(caisse, person_id)

    @translated()
    def declare_representative(
        self, request_id: UUID, person: Insured, declared: Declaration, declared_by: str
    ) -> DeclaredRepresentative:
        """Declare a legal representative; asked again with the same request, another initial password.

        Raises errors.Invalid, errors.NotFound (no DMP) and errors.WrongState as `Representatives.declare` says.
        """
        return self._enrolment.representatives.declare(request_id, person, declared, declared_by)

    @translated()
    def end_representation(self, caisse: str, person_id: int, mandate: UUID, reason: str) -> None:
        """End a representative's access at once. Raises errors.Invalid (reason), errors.NotFound (ended already)."""
        self._enrolment.representatives.end(caisse, person_id, mandate, reason)

    @translated()
    def renew_representative_password(self, caisse: str, person_id: int, mandate: UUID) -> DeclaredRepresentative:
        """A new initial password for a representative, in clear, once. Raises errors.NotFound (ended already)."""
        return self._enrolment.representatives.renew_password(caisse, person_id, mandate)

    @translated()
    def expired_dossiers(self, caisses: Iterable[str], limit: int) -> list[Kept]:
        """Closed dossiers of these caisses whose ten years are over, the oldest first."""
        return self._enrolment.dossiers.expired(caisses, limit)

    @translated()
    def destroy_dossier(
        self, request_id: UUID, caisse: str, person_id: int, proposed_by: str, confirmed_by: str
    ) -> Destroyed:
        """Destroy for good, once a request. Raises errors.Invalid (two persons), errors.NotFound, errors.WrongState."""
        return self._enrolment.dossiers.destroy(request_id, caisse, person_id, proposed_by, confirmed_by)

    @translated()
    def events(self, limit: int) -> list[Event]:
        """The oldest events that nobody has marked done, at most `limit`; act once for each `event_id`."""
        return self._enrolment.dossiers.events(limit)

    @translated()
    def events_done(self, event_ids: Iterable[UUID]) -> int:
        """Never give these events again; return how many were still waiting."""
        return self._enrolment.dossiers.events_done(event_ids)
