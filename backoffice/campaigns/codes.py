"""The codes of a lot's letters, asked of the record at the last moment before they are stamped."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from backoffice.adapters.dmp import DossierFacts, DossierState
from backoffice.campaigns.models import Campaign, Lot
from backoffice.campaigns.rules import REPLACED_ON_REQUEST, Exclusion, kind_of
from backoffice.letters.kinds import letter_kind
from backoffice.office import Office

CLOSED = "Le DMP a été clôturé depuis la demande."
"""Why an access code is not sent."""


@dataclass(frozen=True, slots=True)
class LotCodes:
    """What the letters of one attempt at a lot carry."""

    issue_id: uuid.UUID
    """Of the record; the lot's own id for letters without codes, whose pages are as good as any other attempt's."""
    codes: Mapping[int, str] | None = field(repr=False)
    """Code in clear by person; None for a kind of letter without codes."""
    refused: Mapping[int, str]
    """Why a person gets no letter: an exclusion, or a sentence."""


def carries_codes(campaign: Campaign) -> bool:
    """Whether the campaign's letters carry a code."""
    return letter_kind(kind_of(campaign.kind).letter).late is not None


def codes_in_force(office: Office, campaign: Campaign, lot: Lot) -> uuid.UUID | None:
    """The issue whose pages are the valid ones of this lot; None before any."""
    return office.dmp.current_issue(lot.uid) if carries_codes(campaign) else lot.uid


def codes_for(office: Office, campaign: Campaign, lot: Lot, request: uuid.UUID, persons: Sequence[int]) -> LotCodes:
    """New codes for these persons, under `request`.

    A code that was asked for replaces the one in force in the record's same transaction: whoever asked is never without
    one that serves. Who opened a DMP since needs no creation code, and an access code opens no closed one.
    """
    if not carries_codes(campaign):
        return LotCodes(lot.uid, None, {})
    refused: dict[int, str] = {}
    replacing = None
    if campaign.on_demand:
        refused = _unneeded(campaign.kind, office.dmp.dossier_states(lot.caisse, persons), persons)
        persons = [person for person in persons if person not in refused]
        replacing = REPLACED_ON_REQUEST
    issued = office.dmp.issue_codes(request, lot.caisse, persons, lot.letter_date, replacing=replacing)
    return LotCodes(issued.issue_id, issued.codes, refused | dict.fromkeys(issued.refused, Exclusion.LIVE_CODE))


def _unneeded(kind: str, facts: Mapping[int, DossierFacts], persons: Iterable[int]) -> dict[int, str]:
    if kind == "access_code":
        closed = (person for person in persons if person not in facts or facts[person].state is DossierState.CLOSED)
        return dict.fromkeys(closed, CLOSED)
    return {person: Exclusion.HOLDER.value for person in persons if person in facts}
