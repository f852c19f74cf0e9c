"""`caisse returns`: letters that came back."""

from pathlib import Path

import click

from backoffice.cli.common import json_option, number, office_open, operator, print_json
from backoffice.core.errors import Invalid
from backoffice.returns.applying import apply_returns
from backoffice.returns.noting import LARGEST, read_file


@click.group()
def returns() -> None:
    """Courriers revenus (plis non distribués)."""


@returns.command("import")
@click.argument("fichier", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
def import_file(fichier: Path, as_json: bool) -> None:
    """Note les retours de FICHIER (CSV lettre;motif;date) ; leurs effets suivent dans les deux minutes."""
    if fichier.stat().st_size > LARGEST:
        raise Invalid("Ce fichier dépasse 4 Mo : envoyez-le en plusieurs parties.")
    with office_open() as office, office.db.unit_of_work() as session:
        found = read_file(session, office, operator(), fichier.read_bytes(), fichier.name)
    if as_json:
        print_json(
            {
                "lignes": found.lines, "notes": found.noted, "connus": found.known,
                "refuses": [{"ligne": line, "motif": sentence} for line, sentence in found.refused],
            }
        )  # fmt: skip
        return
    for line, sentence in found.refused:
        click.echo(f"Ligne {line} : {sentence}")
    click.echo(
        f"{number(found.lines)} lignes lues, {number(found.noted)} retours notés, {number(found.known)} déjà connus, "
        f"{number(len(found.refused))} refusés."
    )


@returns.command("apply")
def apply_now() -> None:
    """Applique les retours notés depuis plus de deux minutes, sans attendre le travailleur."""
    with office_open() as office:
        done = apply_returns(office)
    click.echo(f"{number(done)} retours appliqués.")
