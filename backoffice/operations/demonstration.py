"""The demonstration: synthetic insured persons and a real recruitment campaign on them, once a data folder."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import select

from backoffice.campaigns.models import Campaign
from backoffice.campaigns.rules import CampaignState
from backoffice.campaigns.status import campaign_status
from backoffice.core.caisse import caisse_of
from backoffice.core.calendar import working_days
from backoffice.core.clock import long_french_date, paris_date
from backoffice.office import Office
from backoffice.operations.main_job import Order, Summary
from backoffice.population.synthetic import write_population

NAME = "Recrutement de démonstration"
SEED = 20161105


@dataclass(frozen=True, slots=True)
class Demonstration:
    """Which caisse, how many synthetic persons."""

    caisse: str
    count: int

    def check(self) -> None:
        """Raise Invalid when the caisse is none of the nine."""
        caisse_of(self.caisse)

    def run(
        self, office: Office, say: Callable[[str], None], main_job: Callable[[Office, Order], Summary]
    ) -> Summary | None:
        """Generate, then run the main job; None when it was done before. An interrupted one is taken up again."""
        with office.db.unit_of_work() as session:
            earlier = session.scalar(
                select(Campaign).where(Campaign.name == NAME).order_by(Campaign.id.desc()).limit(1)
            )
        if earlier is not None and earlier.status in (CampaignState.FINISHED, CampaignState.CANCELLED):
            return None
        if earlier is not None and not self._paper_left(office, earlier):
            return None
        folder = office.settings.files / "demonstration"
        population = folder / f"population-{self.caisse}-{self.count}.csv.gz"
        if not population.exists():
            say(f"Population fictive : {self.count} personnes de la {caisse_of(self.caisse).label} …")
            self._generate(population, paris_date(office.clock()))
        # The first working day from a week on: a printer needs some days.
        day = earlier.letter_date if earlier else next(working_days(paris_date(office.clock()) + timedelta(days=7)))
        say(f"Campagne de recrutement, courriers datés du {long_french_date(day)} …")
        out = Path(earlier.folder).parent if earlier and earlier.folder else folder / "campagne"
        return main_job(office, Order(population, (self.caisse,), day, out, name=NAME))

    def _generate(self, population: Path, as_of: date) -> None:
        population.parent.mkdir(parents=True, exist_ok=True)
        write_population(population, (self.caisse,), self.count, SEED, as_of=as_of)

    @staticmethod
    def _paper_left(office: Office, campaign: Campaign) -> bool:
        with office.db.unit_of_work() as session:
            status = campaign_status(session, session.get_one(Campaign, campaign.id))
        return not status.frozen or status.lots_sealed + status.quarantined < status.lots
