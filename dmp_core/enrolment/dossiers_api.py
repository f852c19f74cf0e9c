"""The facade of dossiers: what a caisse may know of them, and do at its counter. Administrative facts alone.

Every call is one transaction. Codes come before dossiers in the order of locks, as they do when the portal consumes a
code and then opens the dossier.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from psycopg import sql
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from dmp_core.clock import PARIS
from dmp_core.enrolment import dossiers
from dmp_core.enrolment.code_requests import (
    A_DAY,
    IN_THIRTY_DAYS,
    THIRTY_DAYS,
    Judged,
    asked_since,
    be_alone,
    detail_of,
    judge,
    known_state,
    purpose_of,
)
from dmp_core.enrolment.credentials import INITIAL_PASSWORD_LIFE
from dmp_core.enrolment.dossiers import ClosedBy, Consent, Contacts, DossierState, Motive, Opened, Way
from dmp_core.enrolment.events import Event, Kind, mark_done, record_event, waiting_events
from dmp_core.enrolment.facade import Facade, find_dossier, lock_request, require_caisse
from dmp_core.enrolment.insured import Insured
from dmp_core.enrolment.results import Destroyed, DossierFacts, Kept, Renewed
from dmp_core.errors import Invalid, NotFound, WrongState

OPENED_AT_COUNTER = "DMP ouvert à l’accueil"
"""Reason of the revocation of the code of who opened their DMP with an agent: a letter on its way lets nobody in."""
OPENED_BY_PROFESSIONAL = "DMP ouvert par un professionnel"
"""The same, of a DMP that a professional opened: the record ends the code by itself (migration 0026)."""

_STATES = text(
    "SELECT person_id, state, way, opened_at, request_id, state_changed_at, closed_by, reason, keep_until "
    "FROM enrolment.dossier WHERE caisse = :caisse AND person_id = ANY(CAST(:persons AS bigint[]))"
)
_OF_CAISSES = sql.SQL(
    "SELECT caisse, person_id, state, opened_at FROM enrolment.dossier WHERE caisse = ANY({caisses}::char(3)[])"
)
_OF_REQUEST = text("SELECT id, caisse, person_id, opened_at FROM enrolment.dossier WHERE request_id = :request")
_EVENT = text("SELECT EXISTS (SELECT FROM enrolment.outbox WHERE event_id = :event AND kind = 'code.requested')")
_LOGIN = text("SELECT enrolment.login_just_given(:request)")
_REVOKE = text(
    "UPDATE enrolment.creation_code SET state = 'revoked', state_changed_at = :now, reason = :reason "
    "WHERE caisse = :caisse AND person_id = :person AND state = 'live' AND expires_at > :now"
)

_EXPIRED = text(
    "SELECT caisse, person_id, state_changed_at, keep_until FROM enrolment.dossier "
    "WHERE state = 'closed' AND keep_until < :today AND caisse = ANY(CAST(:caisses AS text[])) "
    "ORDER BY keep_until, caisse, person_id LIMIT :limit"
)
_DESTROY = text(
    "SELECT digest, at FROM enrolment.destroy_dossier(:request, :caisse, :person, :proposed, :confirmed, :now)"
)


class Dossiers(Facade):
    """Dossiers on behalf of the caisses: `caisse` is a three-digit number, persons are the back office's own numbers.

    Every method raises Unavailable when the database does not answer in time, Invalid for what is no caisse number.
    """

    def states(self, caisse: str, person_ids: Sequence[int]) -> dict[int, DossierFacts]:
        """Where each person's dossier stands; who has none is absent."""
        require_caisse(caisse)
        with self._transaction() as connection:
            return {
                row.person_id: DossierFacts(
                    state=DossierState(row.state),
                    way=Way(row.way),
                    opened_at=row.opened_at,
                    request_id=row.request_id,
                    changed_at=row.state_changed_at,
                    closed_by=ClosedBy(row.closed_by) if row.closed_by else None,
                    reason=row.reason,
                    keep_until=row.keep_until,
                )
                for row in connection.execute(_STATES, {"caisse": caisse, "persons": list(person_ids)})
            }

    def of_caisses(self, caisses: Iterable[str]) -> Iterator[tuple[str, int, str, datetime]]:
        """(caisse, person, state, moment of opening) of every dossier of these caisses, streamed."""
        wanted = sorted(set(caisses))
        for caisse in wanted:
            require_caisse(caisse)
        return self._stream(_OF_CAISSES.format(caisses=sql.Literal(wanted)), ("text", "int8", "text", "timestamptz"))

    def open(self, request_id: UUID, person: Insured, contacts: Contacts, consent: Consent, way: Way) -> Opened:
        """Open the dossier of a person who is there and consents, and revoke the code that may be on its way to them.

        `request_id` is the caller's, one per opening. Calling again with it means that the answer was lost: the same
        dossier is given with a new initial password, until its holder first gets in.

        Raises WrongState (the person has a dossier; this one has been entered, suspended or closed) and Invalid (a
        contact, nobody who collected the consent, a request made for somebody else, another way than the counter).
        """
        require_caisse(person.caisse)
        if way is not Way.COUNTER:
            raise Invalid("Une caisse ouvre un DMP à son accueil, et par aucune autre voie.")
        with self._transaction() as connection:
            lock_request(connection, request_id)
            now = self._clock()
            known = connection.execute(_OF_REQUEST, {"request": request_id}).one_or_none()
            if known is None:
                scope = {"caisse": person.caisse, "person": person.person_id}
                connection.execute(_REVOKE, {**scope, "now": now, "reason": OPENED_AT_COUNTER})
                return dossiers.open_dossier(connection, now, request_id, person, contacts, consent, way)
            if (known.caisse, known.person_id) != (person.caisse, person.person_id):
                raise Invalid("Cette demande d’ouverture concerne une autre personne : faites-en une nouvelle.")
            return self._again(connection, now, request_id, known.id, known.opened_at, person)

    def renew_initial_password(self, caisse: str, person_id: int) -> Renewed:
        """End the person's password and give a new initial one, in clear, once. The login id stays, and is not told.

        Raises NotFound without a dossier, WrongState when it is suspended or closed.
        """
        with self._transaction() as connection:
            now = self._clock()
            password = dossiers.renew_initial_password(connection, now, _dossier(connection, caisse, person_id))
            return Renewed(password, now + INITIAL_PASSWORD_LIFE)

    def suspend(self, caisse: str, person_id: int, reason: str) -> None:
        """See `dossiers.suspend`; raises NotFound without a dossier."""
        with self._transaction() as connection:
            dossiers.suspend(connection, self._clock(), _dossier(connection, caisse, person_id), reason)

    def resume(self, caisse: str, person_id: int, reason: str) -> None:
        """See `dossiers.resume`; raises NotFound without a dossier."""
        with self._transaction() as connection:
            dossiers.resume(connection, self._clock(), _dossier(connection, caisse, person_id), reason)

    def close(self, caisse: str, person_id: int, reason: str, motive: Motive = Motive.REQUEST) -> None:
        """Close the person's dossier: see `dossiers.close`; raises NotFound without a dossier."""
        with self._transaction() as connection:
            dossier_id = _dossier(connection, caisse, person_id)
            dossiers.close(connection, self._clock(), dossier_id, ClosedBy.CAISSE, reason, motive)

    def reopen(self, caisse: str, person_id: int, reason: str) -> None:
        """See `dossiers.reopen`; raises NotFound without a dossier."""
        with self._transaction() as connection:
            dossiers.reopen(connection, self._clock(), _dossier(connection, caisse, person_id), reason)

    def code_request(
        self, person: Insured, *, a_day: int = A_DAY, in_thirty_days: int = IN_THIRTY_DAYS
    ) -> Judged:  # fmt: skip
        """What the rule would say of a request for a code for `person` now; nothing is asked for."""
        with self._transaction() as connection:
            return self._judged(connection, person, a_day, in_thirty_days)

    def request_code(
        self, request_id: UUID, person: Insured, *, a_day: int = A_DAY, in_thirty_days: int = IN_THIRTY_DAYS
    ) -> Judged:  # fmt: skip
        """Ask for a code as the person could online, under the same rule; the answer says why not, and when it will be.

        `request_id` is the caller's, one per request: asked again with it, it was granted already. The limits may be
        stricter than online, never wider: Invalid otherwise.
        """
        require_caisse(person.caisse)
        if a_day > A_DAY or in_thirty_days > IN_THIRTY_DAYS:
            raise Invalid("Un renvoi de code n’est jamais plus fréquent à l’accueil ou au téléphone qu’en ligne.")
        with self._transaction() as connection:
            be_alone(connection, person.nir)
            if connection.scalar(_EVENT, {"event": request_id}):
                return Judged(purpose_of(known_state(connection, person), person.may_open), None, None)
            judged = self._judged(connection, person, a_day, in_thirty_days)
            if judged.granted and judged.purpose is not None:
                record_event(
                    connection, Kind.CODE_REQUESTED, person.caisse, person.person_id, self._clock(),
                    detail_of(judged.purpose), event_id=request_id,
                )  # fmt: skip
            return judged

    def _judged(self, connection: Connection, person: Insured, a_day: int, in_thirty_days: int) -> Judged:
        now = self._clock()
        return judge(
            known_state(connection, person), person.may_open, asked_since(connection, person, now - THIRTY_DAYS), now,
            a_day=a_day, in_thirty_days=in_thirty_days,
        )  # fmt: skip

    def expired(self, caisses: Iterable[str], limit: int) -> list[Kept]:
        """Closed dossiers of these caisses whose ten years are over, the oldest first, at most `limit`."""
        with self._transaction() as connection:
            today = self._clock().astimezone(PARIS).date()
            rows = connection.execute(_EXPIRED, {"today": today, "caisses": sorted(set(caisses)), "limit": limit})
            return [Kept(row.caisse, row.person_id, row.state_changed_at, row.keep_until) for row in rows]

    def destroy(self, request_id: UUID, caisse: str, person_id: int, proposed_by: str, confirmed_by: str) -> Destroyed:
        """Destroy a closed dossier past its ten years, with all that it holds; called again with the same request, the
        same proof.

        Raises Invalid unless two different persons answer for it, NotFound without a dossier, WrongState while it is
        kept. Nothing is destroyed then.
        """
        require_caisse(caisse)
        if not proposed_by or not confirmed_by or proposed_by == confirmed_by:
            raise Invalid("La destruction d’un DMP engage deux personnes différentes.")
        given = {
            "request": request_id, "caisse": caisse, "person": person_id, "proposed": proposed_by,
            "confirmed": confirmed_by, "now": self._clock(),
        }  # fmt: skip
        try:
            with self._transaction() as connection:
                row = connection.execute(_DESTROY, given).one_or_none()
        except IntegrityError as error:
            raise WrongState("Ce DMP est encore conservé : il ne peut pas être détruit.") from error
        if row is None:
            raise NotFound("Cette personne n’a pas de DMP : vérifiez de qui il s’agit.")
        return Destroyed(bytes(row.digest).hex(), row.at)

    def events(self, limit: int) -> list[Event]:
        """The oldest events that nobody has marked done, at most `limit`; given again until somebody does.

        Two consumers may be given the same: act once for each `event_id`.
        """
        with self._transaction() as connection:
            return waiting_events(connection, limit)

    def events_done(self, event_ids: Iterable[UUID]) -> int:
        """Never give these events again; return how many were still waiting."""
        with self._transaction() as connection:
            return mark_done(connection, event_ids, self._clock())

    def _again(
        self, connection: Connection, now: datetime, request_id: UUID, dossier_id: UUID, opened_at: datetime,
        person: Insured,
    ) -> Opened:  # fmt: skip
        password = dossiers.renew_initial_password(connection, now, dossier_id)
        # A refusal undoes the renewal: the holder's own password stays.
        login: str | None = connection.scalar(_LOGIN, {"request": request_id})
        if login is None:
            raise WrongState(
                "Ce DMP est déjà ouvert et son titulaire s’y est connecté : délivrez-lui, s’il le demande, "
                "un nouveau mot de passe."
            )
        return Opened(dossier_id, opened_at, dossiers.ins_c_of(person), login, password)


def _dossier(connection: Connection, caisse: str, person_id: int) -> UUID:
    found = find_dossier(connection, caisse, person_id)
    if found is None:
        raise NotFound("Cette personne n’a pas de DMP : vérifiez de qui il s’agit.")
    return found
