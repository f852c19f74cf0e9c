"""The one door to the DMP: `dmp_core.enrolment` with its refusals said in the back office's own words.

Nothing here decides anything, and nothing medical can pass: the login behind it has no right to it.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from uuid import UUID

from backoffice.core import errors
from backoffice.core.clock import Clock
from dmp_core import errors as dmp_errors
from dmp_core.enrolment.api import Enrolment
from dmp_core.enrolment.codes import Slip, check, group
from dmp_core.enrolment.opening import open_enrolment
from dmp_core.enrolment.results import CodeState, CodeStatus, IssuedCodes
from dmp_core.enrolment.validity import expires_on
from dmp_core.storage.keyring import Keyring

__all__ = [
    "CodeState",
    "CodeStatus",
    "DmpGateway",
    "IssuedCodes",
    "Slip",
    "check",
    "expires_on",
    "group",
    "rotate_code_key",
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
def rotate_code_key(path: Path) -> str:
    """Add a key to the key ring of creation codes and make it the current one; return its id.

    Codes already issued stay verifiable. Raises errors.Unavailable when the file is lost, damaged or open to others.
    """
    return Keyring.rotate(path).current


class DmpGateway:
    """Creation codes as a caisse sees them. See `Enrolment` for each method: same meaning, same results.

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
    def issue_codes(self, request_id: UUID, caisse: str, person_ids: Sequence[int], letter_date: date) -> IssuedCodes:
        """New codes in clear, once; asked again with the same request, they replace the ones whose clear form was lost.

        Raises errors.Invalid and errors.WrongState as `Enrolment.issue_codes` says.
        """
        return self._enrolment.issue_codes(request_id, caisse, person_ids, letter_date)

    @translated()
    def current_issue(self, request_id: UUID) -> UUID | None:
        """The issue whose codes are the valid ones of this request; None when nothing was ever issued for it."""
        return self._enrolment.current_issue(request_id)

    @translated()
    def revoke(self, caisse: str, person_ids: Sequence[int], reason: str) -> int:
        """Revoke the live codes of these persons; return how many. Raises errors.Invalid for an empty reason."""
        return self._enrolment.revoke(caisse, person_ids, reason)

    @translated()
    def revoke_request(self, request_id: UUID, reason: str) -> int:
        """Revoke the live codes of this request; return how many. Raises errors.Invalid for an empty reason."""
        return self._enrolment.revoke_request(request_id, reason)

    @translated()
    def code_states(self, caisse: str, person_ids: Sequence[int]) -> dict[int, CodeState]:
        """The state of each person's latest code; who never had one is absent."""
        return self._enrolment.code_states(caisse, person_ids)

    def live_holders(self, caisses: Iterable[str]) -> Iterator[tuple[str, int]]:
        """(caisse, person) of every live code, in that order, streamed."""
        with translated():
            yield from self._enrolment.live_holders(caisses)

    def reconcile(self, request_id: UUID) -> Iterator[int]:
        """The persons who hold a live code of this request, in order, streamed."""
        with translated():
            yield from self._enrolment.reconcile(request_id)

    @translated()
    def counts(self, caisses: Iterable[str]) -> dict[UUID, int]:
        """Number of live codes of these caisses by request; a request without any is absent."""
        return self._enrolment.counts(caisses)

    @translated()
    def missing_keys(self) -> frozenset[str]:
        """Ids of keys that live codes need and the key file lacks. Empty is well."""
        return self._enrolment.missing_keys()
