"""How many letters come back, by postal code: from counts made when lots were sealed, so that seven million are no matter."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from backoffice.core.actor import Actor
from backoffice.returns.reasons import ReturnReason

ABROAD = "Étranger"
_SENT = """
SELECT CASE WHEN d.pays <> '' THEN :abroad ELSE left(d.code_postal, :digits) END AS place, sum(d.letters) AS letters
FROM lot_destination d JOIN lot o ON o.id = d.lot_id
WHERE o.caisse = ANY(:caisses) AND o.letter_date BETWEEN :since AND :until GROUP BY 1
"""
_BACK = """
SELECT CASE WHEN upper(r.pays) NOT IN ('', 'FRANCE', 'FR', 'FRA') THEN :abroad ELSE left(r.code_postal, :digits) END AS place,
    r.reason, count(*) AS letters
FROM letter_return r JOIN lot o ON o.id = r.lot_id
WHERE r.caisse = ANY(:caisses) AND r.undone_at IS NULL AND o.letter_date BETWEEN :since AND :until GROUP BY 1, 2
"""


@dataclass(slots=True)
class Rate:
    """One place: what left for it and what came back."""

    place: str
    letters: int
    reasons: dict[ReturnReason, int] = field(default_factory=dict)

    @property
    def returned(self) -> int:
        """Letters that came back."""
        return sum(self.reasons.values())

    @property
    def share(self) -> float:
        """Of what left; 0 to 1."""
        return self.returned / self.letters if self.letters else 0.0


@dataclass(frozen=True, slots=True)
class Rates:
    """Places, the worst first, and all of them together."""

    places: Sequence[Rate]
    total: Rate


def return_rates(
    session: Session, actor: Actor, since: date, until: date, *, by_departement: bool = False, caisse: str = ""
) -> Rates:
    """Rates of letters dated within these days, of the actor's caisses, or of one of them."""
    caisses = sorted(actor.caisses & {caisse}) if caisse else sorted(actor.caisses)
    values = {
        "caisses": caisses,
        "since": since,
        "until": until,
        "digits": 2 if by_departement else 5,
        "abroad": ABROAD,
    }
    found = {row.place: Rate(row.place, int(row.letters)) for row in session.execute(text(_SENT), values)}
    for row in session.execute(text(_BACK), values):
        place = found.setdefault(row.place, Rate(row.place, 0))
        place.reasons[ReturnReason(row.reason)] = int(row.letters)
    total = Rate("Ensemble", sum(one.letters for one in found.values()))
    for one in found.values():
        for reason, number in one.reasons.items():
            total.reasons[reason] = total.reasons.get(reason, 0) + number
    places = sorted(found.values(), key=lambda one: (-one.share, -one.returned, one.place))
    return Rates(places, total)
