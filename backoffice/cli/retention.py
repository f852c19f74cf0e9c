"""`caisse retention`: what is destroyed and forgotten in time."""

import click

from backoffice.campaigns.retention import run_retention
from backoffice.cli.common import json_option, number, office_open, operator, print_json

EVERYTHING = 1_000_000


@click.group()
def retention() -> None:
    """Conservation : pages des lots, liens des courriers."""


@retention.command()
@click.option("--dry-run", is_flag=True, help="Compte seulement ce qui est échu.")
@json_option
def run(dry_run: bool, as_json: bool) -> None:
    """Détruit les pages échues et efface le lien des courriers avec les personnes sans DMP."""
    with office_open() as office:
        found = run_retention(office, operator(), dry_run=dry_run, most=EVERYTHING)
    if as_json:
        print_json(
            {
                "essai": dry_run, "lots_detruits": found.lots_destroyed, "lots_effaces": found.lots_erased,
                "courriers_effaces": found.letters_erased, "codes_effaces": found.codes_erased,
                "listes_effacees": found.lists_erased,
            }
        )  # fmt: skip
        return
    click.echo(
        f"Pages {'à détruire' if dry_run else 'détruites'} : {_many(found.lots_destroyed, 'lot')}. "
        f"Liens {'à effacer' if dry_run else 'effacés'} : {_many(found.lots_erased, 'lot')}, "
        f"{_many(found.letters_erased, 'courrier')}{' au plus' if dry_run else ''}. "
        f"Listes de personnes {'à effacer' if dry_run else 'effacées'} : {number(found.lists_erased)}."
    )


def _many(count: int, noun: str) -> str:
    return f"{number(count)} {noun}{'s' if count > 1 else ''}"
