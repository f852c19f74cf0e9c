"""Whose carte Vitale is it? Asked by a professional, with everything that the card says, and answered in one way.

Whatever is wrong, the refusal is the same: nobody learns by trying that a NIR exists, whose it is or which card it has. Each
attempt is counted as failed before anything is compared, and given back when it succeeds; what remains says who tried, when
and under which digest.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import text

from dmp_core.access.openers import Opener
from dmp_core.clock import Clock
from dmp_core.enrolment.dossiers import ins_c_of
from dmp_core.enrolment.insured import CardBase, Insured
from dmp_core.errors import Invalid, Unavailable
from dmp_core.holder.guard import TooMany
from dmp_core.identity import insc
from dmp_core.identity import nir as nir_rules
from dmp_core.professionals.rights import Act
from dmp_core.professionals.store import ProfessionalStore

REFUSED: Final = (
    "Cette carte Vitale n’est pas reconnue : vérifiez les quatre informations, ou relisez la carte. Si elles sont exactes, le "
    "patient s’adresse à sa caisse."
)
"""The one answer for an unknown person, another given name, birth date or serial, and every mixture of them."""
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
FAILURES: Final = ((10, HOUR), (30, DAY))
OF_STRUCTURE: Final = ((60, HOUR), (300, DAY))
"""How many attempts may fail within how long, of a professional, and of a structure whole. A serial has 8 digits at least: 30 a
day go through them in 9,000 years."""
KEPT_FOR: Final = timedelta(days=365)
_SERIAL: Final = re.compile(r"[0-9]{8,12}")
_SHORT: Final = 60
_TIDY_EVERY: Final = 200
"""Attempts, more or less."""


class NotIdentified(Invalid):
    """Nobody was found, with the one answer."""

    def __init__(self) -> None:
        super().__init__(REFUSED)


@dataclass(frozen=True, slots=True)
class VitaleCard:
    """What a carte Vitale says, normalised."""

    nir: str = field(repr=False)
    given_name: str = field(repr=False)
    birth_date: str = field(repr=False)
    """AAAA-MM-JJ, as recorded."""
    serial: str = field(repr=False)

    @classmethod
    def of(cls, nir: str, given_name: str, birth_date: str, serial: str) -> "VitaleCard":
        """As it was read or typed. Raises Invalid for what no card says, which tells nothing of anybody."""
        try:
            number = nir_rules.validate(nir[:_SHORT])
            insc.compute(given_name[:_SHORT], insc.birth_date_of(birth_date.strip()), number)
        except (nir_rules.NirFault, insc.InsCFault) as fault:
            raise Invalid(str(fault)) from None
        digits = "".join(serial.split())
        if not (_SERIAL.fullmatch(digits) and digits.isascii()):
            raise Invalid("Le numéro de série de la carte Vitale compte 8 à 12 chiffres : vérifiez-le.")
        return cls(number, given_name.strip()[:_SHORT], birth_date.strip(), digits)

    @property
    def ins_c(self) -> str:
        """Of whoever holds this card."""
        return insc.compute(self.given_name, insc.birth_date_of(self.birth_date), self.nir)


class Identifying:
    """Tells an opener whose card it is, or refuses. `base` is None where no insurance's base is at hand."""

    def __init__(
        self, store: ProfessionalStore, base: CardBase | None, digest: Callable[[bytes], bytes], clock: Clock
    ) -> None:
        self._store = store
        self._base = base
        self._digest = digest
        self._clock = clock

    def identify(self, who: Opener, card: VitaleCard, act: Act) -> Insured:
        """The insured person whose card it is. Raises NotIdentified, TooMany, Unavailable, CertificateRefused."""
        who.require(act)
        if self._base is None:
            raise Unavailable("La création de DMP n’est pas ouverte sur ce site : adressez-vous à votre assistance.")
        attempt = self._begin(who, card, act)
        person = self._base.by_card(card.nir, card.serial, card.birth_date)
        # The base keeps accents and several given names, a reader cuts them: the INS-C is what both agree on.
        known = None if person is None else ins_c_of(person)
        if person is None or known != card.ins_c:
            raise NotIdentified
        with self._store.transaction(who.id, self._clock(), opening=True) as connection:
            connection.execute(_PROVEN, {"id": attempt})
        return person

    def _begin(self, who: Opener, card: VitaleCard, act: Act) -> UUID:
        attempt = uuid4()
        with self._store.transaction(who.id, self._clock(), opening=True) as connection:
            # One after the other: a hundred attempts at once are counted like a hundred in a row.
            connection.execute(_ALONE, {"whose": who.counted_as})
            now = self._clock()
            for most, window in OF_STRUCTURE if who.structure else FAILURES:
                oldest = connection.scalar(
                    _FAILED, {"whose": who.counted_as, "since": now - window, "skipped": most - 1}
                )
                if oldest is not None:
                    raise TooMany(oldest + window, now, "Trop de cartes n’ont pas été reconnues : réessayez")
            connection.execute(
                _TRY,
                {
                    "id": attempt, "now": now, "who": str(who.id), "whose": who.counted_as, "act": act.value,
                    "subject": self._digest(card.nir.encode()),
                },
            )  # fmt: skip
            if attempt.int % _TIDY_EVERY == 0:
                connection.execute(_FORGET, {"before": now - KEPT_FOR})
        return attempt


_ALONE: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('dmp/opening/' || :whose, 0))")
_FAILED: Final = text(
    "SELECT at FROM enrolment.professional_attempt WHERE counted_as = :whose AND at > :since AND NOT identified "
    "ORDER BY at DESC LIMIT 1 OFFSET :skipped"
)
_TRY: Final = text(
    "INSERT INTO enrolment.professional_attempt (id, at, professional_id, counted_as, act, subject) "
    "VALUES (:id, :now, :who, :whose, :act, :subject)"
)
_PROVEN: Final = text("UPDATE enrolment.professional_attempt SET identified = true WHERE id = :id")
_FORGET: Final = text("SELECT enrolment.forget_professional_attempts(:before)")
