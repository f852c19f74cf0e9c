"""How the account pages say moments, numbers and identifiers in French."""

from datetime import date, datetime
from typing import Final

from flask.blueprints import BlueprintSetupState

from dmp_core.clock import PARIS
from dmp_core.enrolment.words import NBSP, dialled, long_day
from dmp_core.holder.connections import SignIn
from dmp_core.holder.sessions import Ending

_DAYS: Final = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_ENDINGS: Final = {
    Ending.SIGNED_OUT: "Terminée par « Me déconnecter »",
    Ending.EXPIRED: "Terminée automatiquement, sans activité ou après une heure",
    Ending.ELSEWHERE: "Terminée depuis un autre appareil",
    Ending.PASSWORD: "Terminée par un changement de mot de passe",
    Ending.CLOSED: "Terminée par la clôture du DMP",
}


def equip(state: BlueprintSetupState) -> None:
    """Give the filters to the templates."""
    state.app.jinja_env.filters.update(
        moment=moment, phone=dialled, in_groups=in_groups, birth_day=birth_day, capital=capital, outcome=outcome
    )


def moment(instant: datetime) -> str:
    """An aware instant in words, in Paris: "mercredi 2 novembre 2016 à 9 h 30"."""
    local = instant.astimezone(PARIS)
    return f"{_DAYS[local.weekday()]}{NBSP}{long_day(instant)} à {local.hour}{NBSP}h{NBSP}{local.minute:02}"


def outcome(connection: SignIn) -> str:
    """How a connection ended, or that it goes on."""
    return "Encore ouverte" if connection.ending is None else _ENDINGS[connection.ending]


def in_groups(value: str) -> str:
    """An INS-C as it is read aloud: digits in groups of four."""
    return NBSP.join(value[at : at + 4] for at in range(0, len(value), 4))


def birth_day(written: str) -> str:
    """A birth date AAAA-MM-JJ in words; as far as it is known, when day or month are 00."""
    year, month, day = int(written[:4]), int(written[5:7]), int(written[8:10])
    if not 1 <= month <= 12:
        return f"en {year}"
    month_and_year = long_day(date(year, month, 1)).partition(NBSP)[2]
    if not day:
        return month_and_year
    return f"{'1er' if day == 1 else day}{NBSP}{month_and_year}"


def capital(text: str) -> str:
    """The first letter as a capital, the others as they are."""
    return text[:1].upper() + text[1:]
