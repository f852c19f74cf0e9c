"""What a campaign would do if it were approved today: counted with the rule that freezing applies."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from backoffice.campaigns import targeting
from backoffice.campaigns.drafts import require_reachable
from backoffice.campaigns.freezing import mail_lot_size
from backoffice.campaigns.kinds import Exclusion
from backoffice.campaigns.models import Campaign
from backoffice.campaigns.rules import Channel, Draft
from backoffice.campaigns.trials import lot_sizes
from backoffice.core.actor import Actor, Role
from backoffice.core.clock import paris_date
from backoffice.office import Office

_ANY_NAME = "décompte"


@dataclass(frozen=True, slots=True)
class Forecast:
    """Persons, by what they would receive or why they would not: targeted = letters + emails + left out."""

    targeted: int
    excluded: dict[Exclusion, int]
    letters: int
    emails: int
    lots: int
    """Of paper."""
    mail_lots: int
    steps: tuple[tuple[str, int], ...]
    """(criterion, persons left once it is applied), in order; the first is the caisses' whole population."""
    replaced: int
    """Persons whose code in force would stop serving: the letter carries another."""

    @property
    def eligible(self) -> int:
        """Persons who would receive something."""
        return self.letters + self.emails


def forecast(session: Session, office: Office, campaign: Campaign) -> Forecast:
    """Count a campaign, stored or not; once in a transaction."""
    targeting.load_record_facts(session, office.dmp, campaign.caisses)
    return counted(session, campaign)


def counted(session: Session, campaign: Campaign) -> Forecast:
    """The same where the facts of the record are loaded already."""
    found = targeting.count(session, campaign)
    persons = found.persons
    return Forecast(
        found.targeted,
        found.excluded,
        letters=_total(persons, Channel.POST),
        emails=_total(persons, Channel.MAIL),
        lots=_lots(persons, Channel.POST, lot_sizes(campaign), campaign.variant_share),
        mail_lots=_lots(persons, Channel.MAIL, (mail_lot_size(campaign),) * 2, campaign.variant_share),
        steps=found.steps,
        replaced=found.replaced,
    )


def count_draft(session: Session, office: Office, actor: Actor, draft: Draft) -> Forecast:
    """Count before anything is created; a name is not needed yet. Raises Invalid as `create` does."""
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    replace(draft, name=_ANY_NAME).check(paris_date(office.clock()))
    require_reachable(session, actor, draft)
    return forecast(
        session,
        office,
        Campaign(
            kind=draft.kind,
            caisses=sorted(set(draft.caisses)), letter_date=draft.letter_date, channel_rule=draft.channel_rule,
            criteria=draft.criteria.as_json(), lot_size=draft.lot_size(office.settings.lot_size),
        ),
    )  # fmt: skip


def _total(persons: Mapping[tuple[str, str], int], channel: Channel) -> int:
    return sum(number for (_, by), number in persons.items() if by == channel)


def _lots(persons: Mapping[tuple[str, str], int], channel: Channel, sizes: tuple[int, int], share: int | None) -> int:
    """Lots of so many letters; of two versions, each has its own, as many as a draw that falls as expected gives."""
    found = 0
    for (_, by), number in persons.items():
        second = round(number * (share or 0) / 100)
        found += -(-(number - second) // sizes[0]) - (-second // sizes[1]) if by == channel else 0
    return found
