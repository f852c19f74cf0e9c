"""`caisse demo laboratory`: invented laboratory reports, structured (CDA), for `lps deposit`."""

from pathlib import Path

import click

from backoffice.core.clock import system_clock


@click.command()
@click.option("--vitale", type=click.Path(path_type=Path), required=True, help="Carte Vitale, comme lps la lit (JSON).")
@click.option("--author", required=True, help="Numéro du professionnel qui dépose, tel que « lps card » le dit.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Dossier à écrire.")
def laboratory(vitale: Path, author: str, out: Path) -> None:
    """Comptes rendus de biologie structurés, à déposer par lps (--type 11502-2)."""
    from backoffice.professionals import invent_reports  # the whole site comes with it

    for file in invent_reports(vitale, author, out, system_clock()):
        click.echo(str(file))
