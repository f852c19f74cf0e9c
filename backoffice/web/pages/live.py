"""How a campaign stands, in the words and figures of its page: written into it, then sent again each second."""

from collections.abc import Sequence
from typing import Any, Final

from backoffice.campaigns.kinds import kind_of
from backoffice.campaigns.models import Lot
from backoffice.campaigns.rules import CampaignState, Channel, LotState
from backoffice.campaigns.status import CampaignStatus
from backoffice.core.typography import NBSP, thousands

CAMPAIGN_BADGES: Final = {
    CampaignState.DRAFT: "draft",
    CampaignState.SUBMITTED: "wait",
    CampaignState.APPROVED: "ready",
    CampaignState.SCHEDULED: "ready",
    CampaignState.RUNNING: "run",
    CampaignState.PAUSED: "wait",
    CampaignState.FINISHED: "done",
    CampaignState.CANCELLED: "stop",
}
LOT_BADGES: Final = {
    LotState.SCHEDULED: "ready",
    LotState.PLANNED: "draft",
    LotState.SEALED: "done",
    LotState.SENT: "done",
    LotState.QUARANTINED: "stop",
    LotState.CANCELLED: "stop",
    LotState.EMPTY: "draft",
}


def is_moving(status: CampaignStatus) -> bool:
    """Whether workers are at it, so that its page should follow.

    A day of answers stays open when all is done; so does a campaign between two waves.
    """
    if status.state == CampaignState.RUNNING:
        waits = kind_of(status.kind).on_demand or status.scheduled
        return not waits or status.done + status.scheduled < status.total
    return status.state == CampaignState.APPROVED and not status.frozen


def percentage(done: int, total: int) -> str:
    """ "87 %"; never 100 before everything is done."""
    share = 100 * done // total if total else 0
    return f"{share}{NBSP}%"


def size(octets: int) -> str:
    """ "7,4 Mo"."""
    if not octets:
        return "—"
    if octets < 1_000_000:
        return f"{max(1, round(octets / 1000))}{NBSP}ko"
    return f"{octets / 1_000_000:.1f}{NBSP}Mo".replace(".", ",")


def campaign_texts(status: CampaignStatus) -> dict[str, str]:
    """Every figure of the page that moves."""
    return {
        "courriers": thousands(status.letters), "courriels": thousands(status.emails),
        "exceptions": thousands(status.exceptions), "lots": thousands(status.lots_sealed),
        "pages": thousands(status.pages), "faits": thousands(status.done), "total": thousands(status.total),
        "part": percentage(status.done, status.total),
    }  # fmt: skip


def lot_texts(lot: Lot) -> dict[str, str]:
    """The cells of a lot's line that move."""
    made = lot.status in (LotState.SEALED, LotState.SENT)
    return {
        "courriers": thousands(lot.letters if made else lot.planned),
        "exceptions": thousands(lot.exceptions) if lot.exceptions else "—",
        "pages": thousands(lot.pages) if lot.channel == Channel.POST and made else "—",
        "taille": size(lot.size),
    }


def campaign_news(status: CampaignStatus, lots: Sequence[Lot]) -> dict[str, Any]:
    """What the page's script asks for: texts by place, states with their badges, and when to load the page again."""
    texts = campaign_texts(status)
    states = {}
    for lot in lots:
        texts |= {f"lot-{lot.id}-{name}": text for name, text in lot_texts(lot).items()}
        states[f"lot-{lot.id}-etat"] = {"genre": LOT_BADGES[lot.status], "texte": lot.status.label}
    return {
        "version": page_version(status, lots),
        "fini": not is_moving(status),
        "fait": status.done,
        "total": status.total,
        "annonce": f"{texts['faits']} envois traités sur {texts['total']}, {texts['part']}.",
        "textes": texts,
        "etats": states,
    }


def page_version(status: CampaignStatus, lots: Sequence[Lot]) -> str:
    """Changes when the page should be loaded again: other buttons, other lines."""
    stuck = sum(lot.status is LotState.QUARANTINED for lot in lots)
    return f"{status.state}.{int(status.frozen)}.{len(lots)}.{stuck}"
