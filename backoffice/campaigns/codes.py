"""The codes of a lot's letters, asked of the record at the last moment before they are stamped."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from backoffice.adapters.dmp import CodeStatus, DossierFacts, DossierState
from backoffice.campaigns.kinds import Exclusion, kind_of
from backoffice.campaigns.models import Campaign, Lot
from backoffice.campaigns.rules import Channel
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


def attempt_request(lot: Lot, attempt: int) -> uuid.UUID:
    """Under which the codes of one attempt at a lot of e-mails are issued; a lot of paper uses its own `uid`."""
    return uuid.uuid5(lot.uid, f"attempt {attempt}")


def requests_of(lot: Lot) -> list[uuid.UUID]:
    """Every request under which codes of this lot may have been issued."""
    if lot.channel == Channel.POST:
        return [lot.uid]
    return [attempt_request(lot, attempt) for attempt in range(1, lot.attempts + 1)]


def codes_for(office: Office, campaign: Campaign, lot: Lot, request: uuid.UUID, persons: Sequence[int]) -> LotCodes:
    """New codes for these persons, under `request`.

    Where the kind says so, they replace the ones in force in the record's same transaction: nobody is without a code
    that serves. Who opened a DMP since needs no creation code, and an access code opens no closed one; a code issued
    since the approval, for which the person asked meanwhile, stays.
    """
    if not carries_codes(campaign):
        return LotCodes(lot.uid, None, {})
    kind = kind_of(campaign.kind)
    refused = _unneeded(campaign.kind, office.dmp.dossier_states(lot.caisse, persons), persons)
    if kind.replacing is not None and not kind.on_demand:
        states = office.dmp.code_states(lot.caisse, [person for person in persons if person not in refused])
        own = set(requests_of(lot))
        newer = (
            person
            for person, state in states.items()
            if state.status is CodeStatus.LIVE and state.request_id not in own
            and campaign.frozen_at is not None and state.issued_at > campaign.frozen_at
        )  # fmt: skip
        refused |= dict.fromkeys(newer, Exclusion.NEWER_CODE.value)
    persons = [person for person in persons if person not in refused]
    issued = office.dmp.issue_codes(request, lot.caisse, persons, lot.letter_date, replacing=kind.replacing)
    return LotCodes(issued.issue_id, issued.codes, refused | dict.fromkeys(issued.refused, Exclusion.LIVE_CODE.value))


def _unneeded(kind: str, facts: Mapping[int, DossierFacts], persons: Iterable[int]) -> dict[int, str]:
    if kind == "access_code":
        closed = (person for person in persons if person not in facts or facts[person].state is DossierState.CLOSED)
        return dict.fromkeys(closed, CLOSED)
    return {
        person: (Exclusion.CLOSED if facts[person].state is DossierState.CLOSED else Exclusion.HOLDER).value
        for person in persons
        if person in facts
    }
