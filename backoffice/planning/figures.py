"""The staff and the curves in force, and changing them. Actions flush; the door commits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.core.actor import Actor, Role
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.office import Office
from backoffice.planning.curves import ASSUMED, ASSUMPTION, Curve, Response
from backoffice.planning.models import PlanningVersion
from backoffice.planning.staff import Staff

STAFF: Final = "effectif"
CURVES: Final = "courbes"
LONGEST_SOURCE: Final = 400
_NOT_ENTERED: Final = "effectif non saisi."


@dataclass(frozen=True, slots=True)
class InForce:
    """Who set a figure, when, from what."""

    version: int
    source: str
    set_by: str | None
    set_at: datetime | None


def staff_in_force(session: Session) -> tuple[Staff, InForce]:
    """The staff of the 0 810; nobody at all until somebody has entered it."""
    found = _latest(session, STAFF)
    if found is None:
        return Staff(), InForce(0, _NOT_ENTERED, None, None)
    return Staff.from_json(found.value), _in_force(found)


def curves_in_force(session: Session) -> tuple[dict[Response, Curve], InForce]:
    """The assumed curves."""
    found = _latest(session, CURVES)
    if found is None:
        return dict(ASSUMED), InForce(0, ASSUMPTION, None, None)
    return {response: Curve.from_json(found.value[response.value]) for response in Response}, _in_force(found)


def may_set(actor: Actor) -> bool:
    """Whether this actor sets the figures: they hold for the nine caisses."""
    roles = {Role.CAMPAIGN_MANAGER, Role.SUPERVISOR, Role.ADMINISTRATOR, Role.SYSTEM}
    return not actor.roles.isdisjoint(roles) and actor.caisses.issuperset(CAISSE_CODES)


def set_staff(session: Session, office: Office, actor: Actor, staff: Staff, source: str, *, seen: int) -> None:
    """Put a staff in force. Raises NotFound, Invalid, and WrongState when a colleague changed it since `seen`."""
    staff.check()
    _write(session, office, actor, STAFF, staff.as_json(), source, seen)


def set_curves(
    session: Session, office: Office, actor: Actor, curves: Mapping[Response, Curve], source: str, *, seen: int
) -> None:
    """Put assumed curves in force. Raises as `set_staff` does."""
    for response, curve in curves.items():
        try:
            curve.check()
        except Invalid as refusal:
            raise Invalid(f"{response.label} : {refusal}") from None
    value = {response.value: curve.as_json() for response, curve in curves.items()}
    _write(session, office, actor, CURVES, value, source, seen)


def _latest(session: Session, name: str) -> PlanningVersion | None:
    return session.scalar(
        select(PlanningVersion).where(PlanningVersion.name == name).order_by(PlanningVersion.version.desc()).limit(1)
    )


def _in_force(found: PlanningVersion) -> InForce:
    return InForce(found.version, found.source, found.set_by, found.set_at)


def _write(
    session: Session, office: Office, actor: Actor, name: str, value: dict[str, Any], source: str, seen: int
) -> None:
    if not may_set(actor):
        raise NotFound("Ces chiffres valent pour les neuf caisses : demandez-les à un responsable national.")
    source = " ".join(source.split())
    if not source:
        raise Invalid("Dites d’où viennent ces chiffres : on le lira à côté d’eux.")
    if len(source) > LONGEST_SOURCE:
        raise Invalid(f"La source dépasse {LONGEST_SOURCE} caractères : raccourcissez-la.")
    last = _latest(session, name)
    row = {
        "name": name, "version": seen + 1, "value": value, "source": source, "set_by": actor.login, "set_at": office.clock(),
    }  # fmt: skip
    # Of two who write the same version at once, the second waits for the first, and then finds it taken.
    written = seen == (last.version if last else 0) and session.scalar(
        insert(PlanningVersion).values(row).on_conflict_do_nothing().returning(PlanningVersion.version)
    )
    if not written:
        who = f" par {last.set_by}" if last else " par un collègue"
        raise WrongState(f"Ces chiffres viennent d’être changés{who} : relisez-les, puis recommencez.")
    record(
        session, actor, f"planification.{name}", name, at=office.clock(), reason=source, detail={"version": seen + 1}
    )
