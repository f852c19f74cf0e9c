"""`caisse population`: import of a population file."""

from pathlib import Path

import click

from backoffice.cli.common import json_option, number, office_open, operator, print_json, progress_bar
from backoffice.core.errors import Unavailable
from backoffice.office import Office
from backoffice.population.actions import ImportCounts, request_import, run_import


@click.group()
def population() -> None:
    """Population assurée des caisses."""


@population.command("import")
@click.argument("fichier", type=click.Path(path_type=Path))
@click.option("--encoding", default="utf-8", metavar="E", help="utf-8 (par défaut) ou iso-8859-15.")
@click.option("--report", type=click.Path(path_type=Path), metavar="R.csv", help="Fichier des rejets.")
@json_option
def import_file(fichier: Path, encoding: str, report: Path | None, as_json: bool) -> None:
    """Importe FICHIER (.csv ou .csv.gz) : lues = créées + modifiées + identiques + rejetées."""
    with office_open() as office:
        counts = import_with_progress(office, fichier, encoding, report)
    if as_json:
        print_json(counts_as_json(counts))
        return
    click.echo(
        f"{number(counts.read)} lignes lues : {number(counts.created)} créées, {number(counts.updated)} modifiées, "
        f"{number(counts.unchanged)} identiques, {number(counts.rejected)} rejetées."
    )
    if counts.rejected and report:
        click.echo(f"Rejets : {report}")


def import_with_progress(office: Office, path: Path, encoding: str, report: Path | None) -> ImportCounts:
    """Import in this process, with a bar on the terminal.

    Raises Invalid when the file is refused whole, Unavailable when another process took the request.
    """
    with office.db.unit_of_work() as session:
        asked = request_import(session, office, operator(), path, encoding=encoding, report=report, ring=False)
        import_id = asked.id
    with progress_bar() as bar:
        task = bar.add_task("lecture du fichier", total=None)

        def tell(stage: str, done: int, total: int | None) -> None:
            bar.update(task, description=stage, completed=done, total=total)

        counts = run_import(office, operator(), import_id, tell)
    if counts is None:
        raise Unavailable("Cet import est déjà mené par un autre processus : suivez-le sur la page des imports.")
    return counts


def counts_as_json(counts: ImportCounts) -> dict[str, int]:
    """The counts under their stable names."""
    return {
        "read": counts.read, "created": counts.created, "updated": counts.updated, "unchanged": counts.unchanged,
        "rejected": counts.rejected,
    }  # fmt: skip
