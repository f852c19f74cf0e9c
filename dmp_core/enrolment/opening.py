"""Putting an `Enrolment` together from an address, a key file and a clock."""

from pathlib import Path

from sqlalchemy import Engine

from dmp_core.clock import Clock
from dmp_core.enrolment.api import Enrolment
from dmp_core.errors import Unavailable
from dmp_core.storage.engine import engine_for
from dmp_core.storage.keyring import Keyring


def open_enrolment(url: str, keyring: Path, clock: Clock, *, application: str) -> Enrolment:
    """An `Enrolment` over the database at `url`, with the keys of the file `keyring`.

    The file is made on the very first start alone: where live codes exist without it, it was lost, and a new key would
    turn every code sent into a wrong one. Raises Unavailable then, and as `Keyring.load` does.
    """
    engine = engine_for(url, application=application)
    try:
        return Enrolment(engine, _ring(engine, keyring, clock), clock)
    except BaseException:
        engine.dispose()
        raise


def _ring(engine: Engine, keyring: Path, clock: Clock) -> Keyring:
    if keyring.exists():
        return Keyring.load(keyring)
    if Enrolment(engine, Keyring("", {}), clock).missing_keys():
        raise Unavailable(
            f"Le fichier de clés {keyring} est introuvable alors que des codes déjà envoyés en dépendent : "
            "restaurez-le depuis sa sauvegarde."
        )
    return Keyring.create_if_missing(keyring)
