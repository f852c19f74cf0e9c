"""`caisse up`: everything on one machine, as `./run` does: services, demonstration, campaign, worker, web."""

import click

from backoffice.adapters import environment
from backoffice.cli.campaign_run import describe, run_with_progress
from backoffice.office import open_office
from backoffice.operations.demonstration import Demonstration
from backoffice.operations.house import keep_house
from backoffice.settings import Settings


@click.command()
@click.option("--once", is_flag=True, help="S’arrête après la campagne de démonstration.")
@click.option(
    "--count",
    default=20_000,
    show_default=True,
    type=click.IntRange(1, 2_000_000),
    help="Personnes de la démonstration.",
)
@click.option("--caisse", default="631", show_default=True, help="Caisse de la démonstration.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1024, 65535), help="Port du back office.")
def up(once: bool, count: int, caisse: str, port: int) -> None:
    """Démarre tout, mène une campagne de démonstration, puis sert le back office jusqu’à Ctrl-C."""
    demonstration = Demonstration(caisse, count)
    demonstration.check()
    keep_house(
        lambda settings: _demonstrate(demonstration, settings), caisse=caisse, once=once, port=port, say=click.echo
    )


def _demonstrate(demonstration: Demonstration, settings: Settings) -> None:
    office = open_office(settings, application="demonstration")
    try:
        with office.db.unit_of_work() as session:
            if environment.recorded(session) != office.environment:
                click.echo(environment.REFUSAL)
                return
        summary = demonstration.run(office, click.echo, run_with_progress)
        done = "La campagne de démonstration est déjà faite : ses données sont retrouvées."
        click.echo(describe(summary) if summary else done)
    finally:
        office.close()
