"""National embargoes: days on which no campaign's letters leave. Actions flush; the door commits."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.campaigns.models import Campaign
from backoffice.campaigns.rules import PENDING_WAVES
from backoffice.campaigns.scheduling import Embargo
from backoffice.campaigns.wave_models import NationalEmbargo, Wave, national_embargoes
from backoffice.core.actor import Actor, Role
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.clock import paris_date
from backoffice.core.errors import Invalid, NotFound
from backoffice.office import Office


def may_decide(actor: Actor) -> bool:
    """Whether this actor decides for the nine caisses."""
    roles = {Role.CAMPAIGN_MANAGER, Role.ADMINISTRATOR, Role.SYSTEM}
    return not actor.roles.isdisjoint(roles) and actor.caisses.issuperset(CAISSE_CODES)


def set_embargo(session: Session, office: Office, actor: Actor, wanted: Embargo) -> NationalEmbargo:
    """Let nothing leave on these days. Raises NotAllowed, and Invalid for days that are past or already closed."""
    _require(actor)
    wanted.check()
    if wanted.last < paris_date(office.clock()):
        raise Invalid("Ces jours sont passés : un embargo ne vaut que pour des jours à venir.")
    for one in national_embargoes(session):
        if one.first_day <= wanted.last and wanted.first <= one.last_day:
            raise Invalid(
                f"Un embargo couvre déjà du {one.first_day:%d/%m/%Y} au {one.last_day:%d/%m/%Y} ({one.label}) : levez-le "
                "d’abord, ou choisissez d’autres jours."
            )
    made = NationalEmbargo(
        first_day=wanted.first, last_day=wanted.last, label=wanted.label.strip(), created_by=actor.login,
        created_at=office.clock(),
    )  # fmt: skip
    session.add(made)
    session.flush()
    record(
        session, actor, "embargo.poser", f"embargo {made.id}", at=office.clock(), reason=made.label,
        detail={"du": wanted.first.isoformat(), "au": wanted.last.isoformat()},
    )  # fmt: skip
    return made


def lift_embargo(session: Session, office: Office, actor: Actor, embargo_id: int) -> NationalEmbargo:
    """Let letters leave again on these days. Raises NotAllowed, and NotFound when it is lifted already."""
    _require(actor)
    found = session.scalar(
        select(NationalEmbargo)
        .where(NationalEmbargo.id == embargo_id, NationalEmbargo.ended_at.is_(None))
        .with_for_update()
    )
    if found is None:
        raise NotFound("Cet embargo n’est plus en vigueur.")
    found.ended_by, found.ended_at = actor.login, office.clock()
    session.flush()
    record(session, actor, "embargo.lever", f"embargo {found.id}", at=office.clock(), reason=found.label)
    return found


def waves_within(session: Session, actor: Actor, first: date, last: date) -> list[tuple[str, int, date]]:
    """(campaign, number, day) of the pending waves of these days, within the actor's caisses."""
    rows = session.execute(
        select(Campaign.reference, Wave.number, Wave.planned_on)
        .join(Campaign, Campaign.id == Wave.campaign_id)
        .where(
            Wave.state.in_(PENDING_WAVES), Wave.planned_on.between(first, last),
            Campaign.caisses.contained_by(sorted(actor.caisses)),
        )
        .order_by(Wave.planned_on, Campaign.id, Wave.number)
    )  # fmt: skip
    return [(reference, number, day) for reference, number, day in rows]


def _require(actor: Actor) -> None:
    actor.require(Role.CAMPAIGN_MANAGER, Role.ADMINISTRATOR, Role.SYSTEM)
    # Whoever decides for the nine caisses must answer for the nine.
    if not may_decide(actor):
        raise NotFound("Un embargo national se décide pour les neuf caisses : demandez-le à un responsable national.")
