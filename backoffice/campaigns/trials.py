"""Trying two versions of a letter in one campaign: which is the second, and the share of persons who get it.

Who gets which is drawn by a digest of the campaign and the person, so that it is the same whoever counts and whenever;
a lot holds one version, so each lot's template is known.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.campaigns import templates
from backoffice.campaigns.kinds import kind_of
from backoffice.campaigns.models import Campaign, Lot, access_campaign
from backoffice.campaigns.rules import CampaignState
from backoffice.campaigns.stepping import note
from backoffice.campaigns.template_versions import TemplateVersion, VersionState
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import Invalid, WrongState
from backoffice.office import Office

FIRST: Final = "A"
SECOND: Final = "B"
LEAST, MOST = 5, 95
"""Per cent."""

DRAWN: Final = f"""CASE WHEN CAST(:trial_share AS integer) > 0
    AND ('x' || substr(md5(:trial_key || ' ' || p.id), 1, 7))::bit(28)::integer % 100 < :trial_share
    THEN '{SECOND}' ELSE '{FIRST}' END"""
"""SQL over `person p`: the version that the person gets. See `drawn`, which says the same."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """A version that once was the current one, or still waits to be it again."""

    version: str
    label: str


def drawn(reference: str, person_id: int, share: int) -> str:
    """The version that a person gets in a campaign that gives the second one to `share` per cent."""
    digest = hashlib.md5(f"{reference} {person_id}".encode(), usedforsecurity=False).hexdigest()
    return SECOND if int(digest[:7], 16) % 100 < share else FIRST


def values_of_trial(campaign: Campaign) -> dict[str, object]:
    """Values of `DRAWN`."""
    return {"trial_share": campaign.variant_share or 0, "trial_key": campaign.reference}


def lot_sizes(campaign: Campaign) -> tuple[int, int]:
    """Letters a lot of paper at most, of each version: under a daily figure, one lot of each makes a day."""
    whole = campaign.lot_size
    if campaign.per_day is None or campaign.variant_share is None or whole < 2:
        return whole, whole
    second = min(max(round(whole * campaign.variant_share / 100), 1), whole - 1)
    return whole - second, second


def version_for(campaign: Campaign, lot: Lot) -> str | None:
    """The version of the template that the lot is made with."""
    return campaign.variant_version if lot.variant == SECOND else campaign.template_version


def adopted_versions(session: Session, office: Office, letter: str) -> list[Adopted]:
    """What may be tried beside the current version: those that two persons had adopted before, the latest first."""
    current = templates.current_version(office, letter)
    earlier = session.scalars(
        select(TemplateVersion)
        .where(TemplateVersion.letter == letter, TemplateVersion.state == VersionState.REPLACED)
        .order_by(TemplateVersion.id.desc())
    )
    found = {one.version: f"{one.comment} ({one.at:%d/%m/%Y}, {one.version[:8]})" for one in earlier}
    delivered = templates.keep_delivered(office, letter)
    found.setdefault(delivered, f"Version livrée avec l’application ({delivered[:8]})")
    return [Adopted(version, label) for version, label in found.items() if version != current]


def try_versions(
    session: Session, office: Office, actor: Actor, reference: str, seen: int, version: str | None, share: int | None
) -> Campaign:
    """Have a draft try `version` on `share` per cent of its persons; None: it has one version again.

    Raises Invalid for a share or a version that cannot be, WrongState when it is no draft any more or was changed.
    """
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    campaign = access_campaign(session, actor, reference, lock=True)
    if campaign.status is not CampaignState.DRAFT or campaign.on_demand:
        raise WrongState(
            f"La campagne est « {campaign.status.label} » : les versions du courrier se choisissent en brouillon."
        )
    if campaign.version != seen:
        raise WrongState(f"{campaign.hands[-1]} a modifié ce brouillon entre-temps : rechargez la page.")
    if version is not None:
        if share is None or not LEAST <= share <= MOST:
            raise Invalid(f"La part de la version B est un nombre entier de {LEAST} à {MOST} %.")
        if version not in {one.version for one in adopted_versions(session, office, kind_of(campaign.kind).letter)}:
            raise Invalid("Cette version du modèle n’est pas proposée : rechargez la page et choisissez dans la liste.")
    campaign.variant_version, campaign.variant_share = version, share if version is not None else None
    campaign.version += 1
    campaign.hands = [*(login for login in campaign.hands if login != actor.login), actor.login]
    words = f"version B {version[:8]} pour {share} %" if version is not None else "une seule version du courrier"
    note(session, office, actor, campaign, "edit", words)
    return campaign


def require_two(office: Office, campaign: Campaign) -> None:
    """Raise Invalid when both versions have become the same, or the second is not there any more."""
    if campaign.variant_version is None:
        return
    letter = kind_of(campaign.kind).letter
    if campaign.variant_version == templates.current_version(office, letter):
        raise Invalid("Les deux versions du courrier sont devenues la même : choisissez-en une autre, ou aucune.")
    templates.program_of(office, letter, campaign.variant_version)
