"""The facade of legal representatives: what a caisse declares of them at its counter, and ends. Administrative facts alone."""

from uuid import UUID

from sqlalchemy import Connection, text

from dmp_core.enrolment import representatives
from dmp_core.enrolment.facade import Facade, find_dossier, lock_request
from dmp_core.enrolment.insured import Insured
from dmp_core.enrolment.representatives import Capacity, Declaration, Proof
from dmp_core.enrolment.results import DeclaredRepresentative, Mandated
from dmp_core.errors import Invalid, NotFound, WrongState

_ALL = text(
    "SELECT m.id, r.civilite, r.prenom, r.nom, m.capacity, m.proof, m.since, m.until, m.declared_by, m.declared_at, "
    "m.ended_at, m.ended_by, m.reason FROM enrolment.mandate m "
    "JOIN enrolment.representative r ON r.id = m.representative_id "
    "WHERE m.dossier_id = :dossier ORDER BY m.declared_at DESC, m.id"
)
_KNOWN = text(
    "SELECT m.dossier_id, m.representative_id, m.until, m.declared_at, m.ended_at, r.request_id, r.prenom, r.nom "
    "FROM enrolment.mandate m JOIN enrolment.representative r ON r.id = m.representative_id WHERE m.id = :mandate"
)
_LOGIN = text("SELECT enrolment.representative_just_given(:who)")


class Representatives(Facade):
    """Representatives on behalf of the caisses: `caisse` is a three-digit number, persons are the back office's own.

    Every method raises Unavailable when the database does not answer in time, NotFound for a person without a DMP.
    """

    def of(self, caisse: str, person_id: int) -> list[Mandated]:
        """Everybody ever declared for this person, the latest first; nobody for who has no DMP."""
        with self._transaction() as connection:
            rows = connection.execute(_ALL, {"dossier": find_dossier(connection, caisse, person_id)})
            return [
                Mandated(
                    row.id, row.civilite, row.prenom, row.nom, Capacity(row.capacity), Proof(row.proof), row.since,
                    row.until, row.declared_by, row.declared_at, row.ended_at, row.ended_by, row.reason,
                )
                for row in rows
            ]  # fmt: skip

    def declare(
        self, request_id: UUID, person: Insured, declared: Declaration, declared_by: str
    ) -> DeclaredRepresentative:  # fmt: skip
        """Declare a representative. Asked again with the same request, the answer was lost: the same mandate, with
        another initial password until they first get in.

        Raises Invalid, WrongState (they represent this person already, a DMP that is not open).
        """
        with self._transaction() as connection:
            lock_request(connection, request_id)
            now, dossier = self._clock(), _dossier(connection, person.caisse, person.person_id)
            known = connection.execute(_KNOWN, {"mandate": request_id}).one_or_none()
            if known is None:
                made = representatives.declare(
                    connection, now, request_id, person.caisse, dossier, person.birth_date, declared, declared_by
                )
                name = f"{declared.given_name} {declared.name}"
                return DeclaredRepresentative(
                    made.mandate, " ".join(name.split()), made.until, now, made.login, made.password
                )
            if known.dossier_id != dossier:
                raise Invalid("Cette demande concerne une autre personne : faites-en une nouvelle.")
            login: str | None = None
            password: str | None = None
            if known.request_id == request_id:
                login = connection.scalar(_LOGIN, {"who": known.representative_id})
                if login is None:
                    raise WrongState("Ce représentant s’est déjà connecté : délivrez-lui un nouveau mot de passe.")
                password = representatives.renew_password(connection, now, dossier, request_id)
            return DeclaredRepresentative(
                request_id, f"{known.prenom} {known.nom}", known.until, known.declared_at, login, password
            )

    def end(self, caisse: str, person_id: int, mandate: UUID, reason: str) -> None:
        """End a representative's access, from the very next request. Raises Invalid (reason), NotFound (ended already)."""
        with self._transaction() as connection:
            representatives.end(connection, self._clock(), _dossier(connection, caisse, person_id), mandate, reason)

    def renew_password(self, caisse: str, person_id: int, mandate: UUID) -> DeclaredRepresentative:
        """A new initial password for a representative, in clear, once; the login id until they first get in."""
        with self._transaction() as connection:
            now, dossier = self._clock(), _dossier(connection, caisse, person_id)
            password = representatives.renew_password(connection, now, dossier, mandate)
            known = connection.execute(_KNOWN, {"mandate": mandate}).one()
            # Asked after the renewal, which does not count as having got in.
            login: str | None = connection.scalar(_LOGIN, {"who": known.representative_id})
            name = f"{known.prenom} {known.nom}"
            return DeclaredRepresentative(mandate, name, known.until, known.declared_at, login, password)


def _dossier(connection: Connection, caisse: str, person_id: int) -> UUID:
    found = find_dossier(connection, caisse, person_id)
    if found is None:
        raise NotFound("Cette personne n’a pas de DMP : un représentant se déclare sur un DMP ouvert.")
    return found
