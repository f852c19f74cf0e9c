"""`caisse campaign schedule`, `waves`, `move`: the plan of a campaign."""

from datetime import date
from typing import Any

import click

from backoffice.campaigns import waves
from backoffice.campaigns.agenda import WaveLine, wave_lines
from backoffice.campaigns.approvals import TEMPLATE_CHANGED
from backoffice.campaigns.models import access_campaign
from backoffice.campaigns.rules import CampaignState
from backoffice.campaigns.scheduling import MOST_TOLERANCE, Embargo, Slot, Terms
from backoffice.campaigns.wave_models import plan_of
from backoffice.cli.common import DATE, json_option, number, office_open, operator, print_json
from backoffice.core.errors import WrongState


class Stretch(click.ParamType[Embargo]):
    """Days on which nothing leaves: AAAA-MM-JJ:AAAA-MM-JJ, or one day."""

    name = "période"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Embargo:
        """The embargo, or a usage error."""
        if isinstance(value, Embargo):
            return value
        first, _, last = str(value).partition(":")
        start = DATE.convert(first, param, ctx)
        return Embargo(start, DATE.convert(last, param, ctx) if last else start, "demandé en ligne de commande")


@click.command()
@click.argument("reference")
@click.option("--start", type=DATE, required=True, metavar="D", help="Jour de la première vague.")
@click.option("--per-day", type=int, required=True, metavar="K", help="Envois par jour ouvré au plus.")
@click.option("--end", type=DATE, metavar="D", help="Dernier jour possible.")
@click.option(
    "--no-later-than",
    "tolerance",
    type=click.IntRange(0, MOST_TOLERANCE),
    default=1,
    show_default=True,
    metavar="N",
    help="Jours ouvrés de retard au-delà desquels une vague attend un accord.",
)
@click.option(
    "--embargo", "embargoes", type=Stretch(), multiple=True, metavar="D:D", help="Jours sans départ ; répétable."
)
@click.option("--dry-run", is_flag=True, help="Montre les vagues sans rien écrire.")
@json_option
def schedule(
    reference: str, start: date, per_day: int, end: date | None, tolerance: int, embargoes: tuple[Embargo, ...],
    dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Programme les vagues d’une campagne approuvée, ou refait celles qui ne sont pas parties."""
    terms = Terms(start, per_day, end, tolerance, embargoes)
    with office_open() as office, office.db.unit_of_work() as session:
        if dry_run:
            slots = waves.propose(session, office, operator(), reference, terms)
            _tell_slots(reference, slots, as_json)
            return
        campaign = waves.schedule(session, office, operator(), reference, terms)
        voided = campaign.status is CampaignState.DRAFT
        lines = wave_lines(session, campaign)
    if voided:
        raise WrongState(TEMPLATE_CHANGED)
    _tell(reference, lines, as_json)


def _tell_slots(reference: str, slots: list[Slot], as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "reference": reference,
                "waves": [{"number": s.number, "planned_on": s.day, "letters": s.letters} for s in slots],
            }
        )
        return
    for slot in slots:
        click.echo(f"vague {slot.number:>3}  {slot.day:%d/%m/%Y}  {number(slot.letters):>9} envois")


@click.command("waves")
@click.argument("reference")
@json_option
def list_waves(reference: str, as_json: bool) -> None:
    """Les vagues d’une campagne, et où elles en sont."""
    with office_open() as office, office.db.unit_of_work() as session:
        campaign = access_campaign(session, operator(), reference)
        lines, plan = wave_lines(session, campaign), plan_of(session, campaign)
    _tell(reference, lines, as_json, plan.version if plan else 0)


@click.command()
@click.argument("reference")
@click.argument("wave", type=int, metavar="VAGUE")
@click.argument("day", type=DATE, metavar="D")
@click.option("--follow", is_flag=True, help="Décale les vagues suivantes d’autant, au lieu de ce qu’il faut.")
@json_option
def move(reference: str, wave: int, day: date, follow: bool, as_json: bool) -> None:
    """Déplace une vague qui n’est pas partie ; les suivantes gardent leur ordre."""
    with office_open() as office, office.db.unit_of_work() as session:
        campaign = waves.move_wave(session, office, operator(), reference, wave, day, follow=follow)
        lines = wave_lines(session, campaign)
    _tell(reference, lines, as_json)


def _tell(reference: str, lines: list[WaveLine], as_json: bool, version: int | None = None) -> None:
    if as_json:
        print_json(
            {"reference": reference, "waves": [line.as_json() for line in lines]}
            | ({} if version is None else {"plan_version": version})
        )
        return
    for line in lines:
        click.echo(
            f"vague {line.number:>3}  {line.planned_on:%d/%m/%Y}  {number(line.letters):>9} envois  {line.label}"
            + (f" : {line.reason}" if line.reason else "")
        )
    if not lines:
        click.echo(f"{reference} n’a pas de vague.")
