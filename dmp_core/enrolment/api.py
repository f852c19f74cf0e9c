"""The facade of enrolment: what a caisse may ask of the DMP. Typed results, administrative facts, no row to walk.

Whoever changes codes takes locks in one order, so that nothing deadlocks: the request's, then the caisse's. The portal
changes one row at a time and needs neither. Every call is one transaction, safe to repeat after a crash.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg import sql
from psycopg.errors import UniqueViolation
from sqlalchemy import Connection, Engine, text

from dmp_core.clock import Clock
from dmp_core.enrolment.codes import draw_codes
from dmp_core.enrolment.digests import digests
from dmp_core.enrolment.dossiers_api import Dossiers
from dmp_core.enrolment.facade import Facade, lock_request, require_caisse, require_reason
from dmp_core.enrolment.representatives_api import Representatives
from dmp_core.enrolment.results import CodeState, CodeStatus, IssuedCodes
from dmp_core.enrolment.validity import LATEST_POSTING, end_of, expires_at, expires_on, last_day
from dmp_core.errors import Invalid, Unavailable, WrongState
from dmp_core.storage.engine import copy_in
from dmp_core.storage.keyring import Keyring

REPLACED = "remplacé avant envoi"
"""Reason of the revocation of codes whose clear form was lost before the letters left."""

_CAISSE_LOCKS = 0x434F4445  # "CODE": first key of the advisory locks whose second is the caisse

_COLUMNS = (
    ("caisse", "text"),  # char(3) has the same binary form
    ("person_id", "int8"),
    ("digest", "bytea"),
    ("key_id", "text"),
    ("request_id", "uuid"),
    ("issue_id", "uuid"),
    ("letter_date", "date"),
    ("expires_at", "timestamptz"),
    ("issued_at", "timestamptz"),
)

_EXPIRE = text(
    "UPDATE enrolment.creation_code SET state = 'expired', state_changed_at = expires_at "
    "WHERE caisse = :caisse AND person_id = ANY(CAST(:persons AS bigint[])) AND state = 'live' AND expires_at <= :now"
)
_HOLDERS = text(
    "SELECT person_id FROM enrolment.creation_code "
    "WHERE caisse = :caisse AND person_id = ANY(CAST(:persons AS bigint[])) AND state = 'live'"
)
_REVOKE_PERSONS = text(
    "UPDATE enrolment.creation_code SET state = 'revoked', state_changed_at = :now, reason = :reason "
    "WHERE caisse = :caisse AND person_id = ANY(CAST(:persons AS bigint[])) AND state = 'live' AND expires_at > :now"
)
_REVOKE_OF_REQUEST = text(f"{_REVOKE_PERSONS.text} AND request_id = :request")
_REVOKE_REQUEST = text(
    "UPDATE enrolment.creation_code SET state = 'revoked', state_changed_at = :now, reason = :reason "
    "WHERE caisse = :caisse AND request_id = :request AND state = 'live' AND expires_at > :now"
)
_LETTER_DATE = text("SELECT letter_date FROM enrolment.code_request WHERE request_id = :request")
_USED = text(
    "SELECT EXISTS (SELECT FROM enrolment.creation_code "
    "WHERE caisse = :caisse AND request_id = :request AND state = 'used')"
)
_RECORD = text(
    "INSERT INTO enrolment.code_request (request_id, caisse, issue_id, letter_date, issued_at, codes) "
    "VALUES (:request, :caisse, :issue, :letter_date, :now, :codes) "
    "ON CONFLICT (request_id) DO UPDATE SET issue_id = excluded.issue_id, letter_date = excluded.letter_date, "
    "issued_at = excluded.issued_at, codes = excluded.codes"
)
_STATES = text(
    "SELECT DISTINCT ON (person_id) person_id, state, letter_date, posted_on, expires_at, issued_at, state_changed_at, "
    "reason, request_id FROM enrolment.creation_code "
    "WHERE caisse = :caisse AND person_id = ANY(CAST(:persons AS bigint[])) "
    "ORDER BY person_id, (state = 'live') DESC, issued_at DESC, state_changed_at DESC"
)
_EXTEND = text("SELECT enrolment.extend_codes(:request, CAST(:persons AS bigint[]), :posted)")
_FORGET = text("SELECT enrolment.forget_codes(:caisse, CAST(:persons AS bigint[]), :before)")
_ENDS = text("SELECT expires_at, count(*) AS codes FROM enrolment.creation_code WHERE request_id = :request GROUP BY 1")
_COUNTS = text(
    "SELECT request_id, count(*) AS live FROM enrolment.creation_code "
    "WHERE caisse = ANY(CAST(:caisses AS char(3)[])) AND state = 'live' AND expires_at > :now GROUP BY request_id"
)
_ENDING = text(
    "SELECT request_id, expires_at, count(*) AS codes "
    "FROM enrolment.creation_code WHERE caisse = ANY(CAST(:caisses AS char(3)[])) AND state = 'live' "
    "AND expires_at > :now AND expires_at <= :until GROUP BY 1, 2"
)
_LIVE_CODES = sql.SQL(
    "SELECT caisse, person_id, request_id FROM enrolment.creation_code "
    "WHERE caisse = ANY({caisses}::char(3)[]) AND state = 'live' AND expires_at > {now} ORDER BY caisse, person_id"
)
_USED_CODES = sql.SQL(
    "SELECT person_id, request_id, state_changed_at FROM enrolment.creation_code "
    "WHERE caisse = {caisse} AND state = 'used' ORDER BY state_changed_at, person_id"
)
_LIVE_OF_REQUEST = sql.SQL(
    "SELECT person_id FROM enrolment.creation_code "
    "WHERE request_id = {request} AND state = 'live' AND expires_at > {now} ORDER BY person_id"
)


class Enrolment(Facade):
    """Creation codes on behalf of the caisses; a code for a person who has a DMP lets them in again (access code).

    Every method raises Unavailable when the database does not answer in time. `caisse` is a three-digit number,
    persons are the back office's own pseudonymous numbers: no NIR ever comes here.
    """

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock) -> None:
        super().__init__(engine, clock)
        self._keyring = keyring
        self.dossiers = Dossiers(engine, clock)
        self.representatives = Representatives(engine, clock)

    def close(self) -> None:
        """Give the connections back; needed before a fork and at the end."""
        self._engine.dispose()

    def issue_codes(
        self,
        request_id: UUID,
        caisse: str,
        person_ids: Sequence[int],
        letter_date: date,
        *,
        replacing: str | None = None,
    ) -> IssuedCodes:
        """Give each person a new code, valid two months from `letter_date`, and hand the codes over in clear, once.

        `request_id` is the caller's, one per batch of letters. Calling again with it means that the first answer was
        lost before anything left: its codes are revoked, others are issued under a new issue id. Persons with a live
        code of another request are refused and keep it; with `replacing`, the French reason of its revocation, the new
        one takes its place. All or nothing; at no moment does a person hold two.

        Raises Invalid (the reason, no such caisse number, a person twice, a letter date whose codes would be dead already, a
        request that belongs to another caisse) and WrongState (a code of this request has been used: its letters left).
        """
        require_caisse(caisse)
        if replacing is not None:
            require_reason(replacing, "du remplacement")
        if len(set(person_ids)) != len(person_ids):
            raise Invalid("La même personne figure deux fois dans la demande de codes : retirez le doublon.")
        if expires_at(letter_date) <= self._clock():
            raise Invalid(
                "La date du courrier est trop ancienne : ses codes seraient déjà périmés. Choisissez une autre date."
            )
        for _ in range(3):
            try:
                with self._transaction() as connection:
                    return self._issue(connection, request_id, caisse, person_ids, letter_date, replacing)
            except UniqueViolation:
                # A code drawn twice within the caisse, once in millions of issues: the database says so, draw again.
                continue
        raise Unavailable("Les codes n’ont pas pu être émis : réessayez dans quelques minutes.")

    def current_issue(self, request_id: UUID) -> UUID | None:
        """The issue whose codes are the valid ones of this request; None when nothing was ever issued for it.

        Pages made under another issue id carry dead codes and must not leave.
        """
        with self._transaction() as connection:
            issue: UUID | None = connection.scalar(
                text("SELECT issue_id FROM enrolment.code_request WHERE request_id = :request"),
                {"request": request_id},
            )
        return issue

    def revoke(self, caisse: str, person_ids: Sequence[int], reason: str, *, of_request: UUID | None = None) -> int:
        """Revoke the live codes of these persons, of one request alone where `of_request` says so; return how many.

        `reason` is French, without personal data, at most 200 characters. Raises Invalid otherwise.
        """
        require_caisse(caisse)
        require_reason(reason, "de la révocation")
        with self._transaction() as connection:
            _lock_caisse(connection, caisse)
            done = connection.execute(
                _REVOKE_PERSONS if of_request is None else _REVOKE_OF_REQUEST,
                {"caisse": caisse, "persons": list(person_ids), "now": self._clock(), "reason": reason}
                | ({} if of_request is None else {"request": of_request}),
            )
        return done.rowcount

    def extend(self, request_id: UUID, posted_on: date, person_ids: Sequence[int] | None = None) -> int:
        """Letters of this request were posted on `posted_on`, later than dated: their codes live two months from there.

        Of all its persons, or of these. Never shortens; asked twice, done once; returns how many ends were put off.
        A code whose end has passed lives again: whoever holds the letter was promised two months. One that was used,
        revoked or replaced does not (docs/decisions/0016). Raises Invalid for a day to come, or too late a day.
        """
        if posted_on > last_day(self._clock() + timedelta(microseconds=1)):
            raise Invalid("La date de dépôt est à venir : indiquez le jour où les courriers ont été remis à La Poste.")
        with self._transaction() as connection:
            caisse = _lock_request(connection, request_id)
            if caisse is None:
                return 0
            _lock_caisse(connection, caisse)
            dated: date = connection.execute(_LETTER_DATE, {"request": request_id}).scalar_one()
            if posted_on > dated + timedelta(days=LATEST_POSTING):
                raise Invalid(
                    f"La date de dépôt suit de plus de {LATEST_POSTING} jours celle des courriers : vérifiez-la. "
                    "Des courriers aussi tardifs ne s’envoient plus : préparez-en d’autres, avec de nouveaux codes."
                )
            persons = None if person_ids is None else list(person_ids)
            done: int = connection.execute(
                _EXTEND, {"request": request_id, "persons": persons, "posted": posted_on}
            ).scalar_one()
        return done

    def forget(self, caisse: str, person_ids: Sequence[int], ended_before: date) -> int:
        """Erase what is left of codes that opened nothing and ended before this day; return how many.

        Those of a person who has a DMP stay, and so does anything younger than thirty days.
        """
        require_caisse(caisse)
        with self._transaction() as connection:
            _lock_caisse(connection, caisse)
            done: int = connection.execute(
                _FORGET, {"caisse": caisse, "persons": list(person_ids), "before": ended_before}
            ).scalar_one()
        return done

    def revoke_request(self, request_id: UUID, reason: str) -> int:
        """Revoke the live codes of this request; return how many there were, 0 for an unknown request.

        Raises Invalid as `revoke` does.
        """
        require_reason(reason, "de la révocation")
        with self._transaction() as connection:
            caisse = _lock_request(connection, request_id)
            if caisse is None:
                return 0
            _lock_caisse(connection, caisse)
            return _revoke_request(connection, caisse, request_id, self._clock(), reason)

    def code_states(self, caisse: str, person_ids: Sequence[int]) -> dict[int, CodeState]:
        """The state of each person's latest code; who never had one is absent."""
        require_caisse(caisse)
        now = self._clock()
        with self._transaction() as connection:
            rows = connection.execute(_STATES, {"caisse": caisse, "persons": list(person_ids)})
            return {row.person_id: _state(row, now) for row in rows}

    def live_codes(self, caisses: Iterable[str]) -> Iterator[tuple[str, int, UUID]]:
        """(caisse, person, request) of every live code, in that order, streamed: memory stays flat whatever the number."""
        wanted = sorted(set(caisses))
        for caisse in wanted:
            require_caisse(caisse)
        return self._stream(
            _LIVE_CODES.format(caisses=sql.Literal(wanted), now=sql.Literal(self._clock())), ("text", "int8", "uuid")
        )

    def used_codes(self, caisse: str) -> Iterator[tuple[int, UUID, datetime]]:
        """(person, request, moment) of every code that opened a DMP, the first used first, streamed."""
        require_caisse(caisse)
        return self._stream(_USED_CODES.format(caisse=sql.Literal(caisse)), ("int8", "uuid", "timestamptz"))

    def reconcile(self, request_id: UUID) -> Iterator[int]:
        """The persons who hold a live code of this request, in order, streamed."""
        query = _LIVE_OF_REQUEST.format(request=sql.Literal(request_id), now=sql.Literal(self._clock()))
        return (person for (person,) in self._stream(query, ("int8",)))

    def ends(self, request_id: UUID) -> dict[date, int]:
        """Number of codes of this request by their last day of validity, whatever became of them."""
        with self._transaction() as connection:
            rows = connection.execute(_ENDS, {"request": request_id})
            return {last_day(row.expires_at): row.codes for row in rows}

    def counts(self, caisses: Iterable[str]) -> dict[UUID, int]:
        """Number of live codes of these caisses by request; a request without any is absent."""
        with self._transaction() as connection:
            rows = connection.execute(_COUNTS, {"caisses": sorted(set(caisses)), "now": self._clock()})
            return {row.request_id: row.live for row in rows}

    def ending(self, caisses: Iterable[str], until: date) -> dict[tuple[UUID, date], int]:
        """Number of live codes of these caisses by request and last day of use, for last days up to `until`."""
        with self._transaction() as connection:
            scope = {"caisses": sorted(set(caisses)), "now": self._clock(), "until": end_of(until)}
            rows = connection.execute(_ENDING, scope)
            return {(row.request_id, last_day(row.expires_at)): row.codes for row in rows}

    def missing_keys(self) -> frozenset[str]:
        """Ids of keys that live codes need and the key file lacks: the portal could not check them. Empty is well."""
        with self._transaction() as connection:
            needed = connection.scalars(
                text("SELECT DISTINCT key_id FROM enrolment.creation_code WHERE state = 'live' AND expires_at > :now"),
                {"now": self._clock()},
            )
            return frozenset(needed) - frozenset(self._keyring.keys)

    def _issue(
        self,
        connection: Connection,
        request_id: UUID,
        caisse: str,
        person_ids: Sequence[int],
        letter_date: date,
        replacing: str | None,
    ) -> IssuedCodes:
        known = _lock_request(connection, request_id)
        if known not in (None, caisse):
            raise Invalid("Cette demande de codes appartient à une autre caisse : faites-en une nouvelle.")
        _lock_caisse(connection, caisse)
        # Read once the locks are held: whoever waited may now be late.
        now = self._clock()
        scope = {"caisse": caisse, "persons": list(person_ids), "now": now}
        if known is not None:
            if connection.scalar(_USED, {"caisse": caisse, "request": request_id}):
                raise WrongState(
                    "Des codes de cette demande ont déjà servi : ses courriers sont partis. "
                    "Faites une nouvelle demande."
                )
            _revoke_request(connection, caisse, request_id, now, REPLACED)
        connection.execute(_EXPIRE, scope)
        if replacing is not None:
            connection.execute(_REVOKE_PERSONS, {**scope, "reason": replacing})
        refused = frozenset(connection.scalars(_HOLDERS, scope))
        persons = [person for person in person_ids if person not in refused]
        codes = draw_codes(len(persons))
        issue_id, end = uuid4(), expires_at(letter_date)
        rest = (self._keyring.current, request_id, issue_id, letter_date, end, now)
        hashed = zip(persons, digests(self._keyring, caisse, codes), strict=True)
        copy_in(
            connection,
            ("enrolment", "creation_code"),
            _COLUMNS,
            ((caisse, person, digest, *rest) for person, digest in hashed),
        )
        connection.execute(
            _RECORD,
            {
                "request": request_id, "caisse": caisse, "issue": issue_id,
                "letter_date": letter_date, "now": now, "codes": len(codes),
            },
        )  # fmt: skip
        return IssuedCodes(issue_id, dict(zip(persons, codes, strict=True)), refused, expires_on(letter_date))


def _lock_request(connection: Connection, request_id: UUID) -> str | None:
    """Be alone with this request until the transaction ends; return its caisse, None while it has none."""
    lock_request(connection, request_id)
    caisse: str | None = connection.scalar(
        text("SELECT caisse FROM enrolment.code_request WHERE request_id = :request"), {"request": request_id}
    )
    return caisse


def _lock_caisse(connection: Connection, caisse: str) -> None:
    """Be alone to change several codes of this caisse until the transaction ends; 20,000 take under a second."""
    connection.execute(
        text("SELECT pg_advisory_xact_lock(:locks, :caisse)"), {"locks": _CAISSE_LOCKS, "caisse": int(caisse)}
    )


def _revoke_request(connection: Connection, caisse: str, request_id: UUID, now: datetime, reason: str) -> int:
    done = connection.execute(_REVOKE_REQUEST, {"caisse": caisse, "request": request_id, "now": now, "reason": reason})
    return done.rowcount


def _state(row: Any, now: datetime) -> CodeState:
    over = row.state == "live" and row.expires_at <= now
    return CodeState(
        status=CodeStatus.EXPIRED if over else CodeStatus(row.state),
        letter_date=row.letter_date,
        posted_on=row.posted_on,
        expires_on=last_day(row.expires_at),
        issued_at=row.issued_at,
        changed_at=row.expires_at if over else row.state_changed_at,
        reason=row.reason,
        request_id=row.request_id,
    )
