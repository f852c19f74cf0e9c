"""The base of insured persons as the DMP may ask it, one answer at a time: mon-dmp by a whole NIR, the access of professionals
by a whole card (the ports of `dmp_core.enrolment.insured`)."""

from datetime import date
from typing import Any

from sqlalchemy import TextClause, create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from backoffice.core.clock import Clock, paris_date
from backoffice.population.models import Person
from dmp_core.enrolment.insured import Insured
from dmp_core.errors import Unavailable

OF_AGE = 18
OWN_CARD = 16
"""From when on a minor has a carte Vitale of their own."""
_GENERAL_SCHEME = "01"
_OWN_RIGHTS = "OD"
_BY_NIR = text("SELECT * FROM insured_by_nir(:nir)")
_BY_CARD = text("SELECT * FROM insured_by_card(:nir, :serial, :born)")


class InsuredPersons:
    """Implements `InsuredBase` and `CardBase` over the database `caisse`: as the role `titulaire`, or `ps`, each of which may
    call one function of it, its own."""

    def __init__(self, url: str, clock: Clock, *, application: str = "mon-dmp") -> None:
        self._clock = clock
        self._engine: Engine = create_engine(
            url,
            pool_size=8,
            pool_pre_ping=True,
            hide_parameters=True,  # a NIR must not reach a log through an exception's text
            connect_args={
                "application_name": application, "connect_timeout": 10,
                "options": "-c timezone=UTC -c statement_timeout=10000 -c default_transaction_read_only=on",
            },
        )  # fmt: skip

    def by_nir(self, nir: str) -> Insured | None:
        """See `InsuredBase`: one indexed look-up, found or not."""
        return self._one(_BY_NIR, nir=nir)

    def by_card(self, nir: str, serial: str, birth_date: str) -> Insured | None:
        """See `CardBase`: the same look-up, whatever is wrong."""
        return self._one(_BY_CARD, nir=nir, serial=serial, born=birth_date)

    def _one(self, question: TextClause, **given: str) -> Insured | None:
        try:
            with self._engine.connect() as connection:
                row = connection.execute(question, given).one_or_none()
        except (OperationalError, PoolTimeout) as error:
            raise Unavailable("Le service est momentanément indisponible : réessayez dans quelques minutes.") from error
        return None if row is None else _insured(row, paris_date(self._clock()))

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()


def may_open(row: Any, today: date) -> bool:
    """Whether a person may open a DMP online (DOMAIN 4.1): own rights in the régime général, of age, alive, without one.

    An opposition to mailings or an undeliverable address keeps nobody from opening a DMP: they are about letters.
    """
    return bool(
        row.qualite == _OWN_RIGHTS
        and row.regime == _GENERAL_SCHEME
        and not row.dmp
        and row.date_deces is None
        and _age(row.birth_latest, today) >= OF_AGE
    )


def is_minor(row: Any, today: date) -> bool:
    """Whether a person is under eighteen."""
    return _age(row.birth_latest, today) < OF_AGE


def may_open_with_parents(row: Any, today: date) -> bool:
    """Whether a minor may have a DMP, opened at the counter with who holds parental authority: of sixteen at least, with
    own rights and an own number, as others had none in the pre-series."""
    return row.qualite == _OWN_RIGHTS and OWN_CARD <= _age(row.birth_latest, today) < OF_AGE


def _age(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def insured_of(person: Person, today: date) -> Insured:
    """What the record is told of a person whom the caisse has in front of it."""
    return Insured(
        caisse=person.caisse, person_id=person.id, nir=person.nir, civilite=person.civilite,
        birth_name=person.nom_naissance, usual_name=person.nom_usage, given_name=person.prenom,
        birth_date=person.date_naissance, serial=person.vitale_serie, card_type=person.vitale_type,
        may_open=may_open(person, today),
    )  # fmt: skip


def _insured(row: Any, today: date) -> Insured:
    return Insured(
        caisse=row.caisse, person_id=row.person_id, nir=row.nir, civilite=row.civilite, birth_name=row.nom_naissance,
        usual_name=row.nom_usage, given_name=row.prenom, birth_date=row.date_naissance, serial=row.vitale_serie,
        card_type=row.vitale_type, may_open=may_open(row, today),
    )  # fmt: skip
