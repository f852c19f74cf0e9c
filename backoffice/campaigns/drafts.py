"""What a draft refers to must be there, and within the scope of whoever prepares it."""

from sqlalchemy.orm import Session

from backoffice.campaigns.models import access_campaign
from backoffice.campaigns.rules import Draft
from backoffice.core.actor import Actor
from backoffice.core.errors import Invalid, NotFound


def require_reachable(session: Session, actor: Actor, draft: Draft) -> None:
    """Raise NotFound for a caisse, Invalid for an earlier campaign, outside the actor's scope."""
    actor.require_caisse(*draft.caisses)
    earlier = draft.criteria.earlier
    if earlier is not None:
        try:
            access_campaign(session, actor, earlier.reference)
        except NotFound:
            raise Invalid(
                f"La campagne précédente « {earlier.reference[:30]} » est introuvable dans votre périmètre : "
                "choisissez-en une autre."
            ) from None
