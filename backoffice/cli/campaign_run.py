"""`caisse campaign run`: the main job in one go."""

from datetime import date
from pathlib import Path

import click

from backoffice.campaigns.rules import ChannelRule
from backoffice.cli.common import DATE, json_option, number, office_open, operator, print_json, progress_bar
from backoffice.office import Office
from backoffice.operations.bringup import running
from backoffice.operations.main_job import Order, Summary, run_main_job


@click.command("run")
@click.option(
    "--population", type=click.Path(path_type=Path), required=True, metavar="F", help="Fichier de population."
)
@click.option(
    "--caisse", "caisses", multiple=True, required=True, metavar="C", help="Caisse à trois chiffres ; répétable."
)
@click.option("--letter-date", type=DATE, required=True, metavar="D", help="Date portée sur les courriers.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="DIR",
    help="Dossier des lots et rapports.",
)
@click.option(
    "--canal",
    type=click.Choice([rule.value for rule in ChannelRule]),
    default="registered",
    show_default=True,
    help="registered : selon le canal enregistré ; courrier : une page pour tous.",
)
@click.option("--name", default="Recrutement", show_default=True)
@click.option("--encoding", default="utf-8", metavar="E")
@json_option
def run(
    population: Path,
    caisses: tuple[str, ...],
    letter_date: date,
    out: Path,
    canal: str,
    name: str,
    encoding: str,
    as_json: bool,
) -> None:
    """Du fichier de population aux lots scellés, d’un seul geste ; relancé après une coupure, il reprend."""
    order = Order(population, caisses, letter_date, out.absolute(), ChannelRule(canal), name, encoding)
    with running(say=lambda line: click.echo(line, err=True)), office_open() as office:
        summary = run_with_progress(office, order)
    if as_json:
        print_json(summary.as_json())
    else:
        click.echo(describe(summary))
        click.echo(f"Dossier : {order.out}")


def run_with_progress(office: Office, order: Order) -> Summary:
    """The main job with a bar a stage on the terminal."""
    with progress_bar() as bar:
        tasks: dict[str, int] = {}

        def tell(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                for earlier in tasks.values():
                    known = bar.tasks[earlier].total or bar.tasks[earlier].completed
                    bar.update(bar.tasks[earlier].id, total=known or 1, completed=known or 1)
                tasks[stage] = int(bar.add_task(stage, total=total))
            bar.update(bar.tasks[tasks[stage]].id, completed=done, total=total)

        return run_main_job(office, operator(), order, tell)


def describe(summary: Summary) -> str:
    """The outcome in French, a few lines."""
    content, status = summary.as_json(), summary.status
    seconds = content["seconds"]["total"]
    rate = f" ({number(round(status.letters / seconds))} courriers/s)" if seconds and status.letters else ""
    return "\n".join(
        (
            f"Campagne {summary.reference} : {number(content['read'])} lignes lues, {number(content['rejected'])} rejetées.",
            f"{number(status.eligible)} personnes éligibles sur {number(status.targeted)} ; "
            f"{number(sum(status.excluded.values()))} exclues.",
            f"{number(status.letters)} courriers en {number(status.lots_sealed)} lots scellés, "
            f"{number(status.emails_planned)} courriels en file, {number(status.exceptions)} exceptions.",
            f"Terminé en {seconds:.1f} s".replace(".", ",") + f"{rate}.",
        )
    )
