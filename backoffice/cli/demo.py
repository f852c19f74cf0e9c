"""`caisse demo`: synthetic data to try with."""

import click

from backoffice.cli.common import json_option, print_json
from backoffice.cli.demo_application import application
from backoffice.cli.demo_insured import card, insured
from backoffice.cli.demo_laboratory import laboratory
from backoffice.cli.demo_population import population
from backoffice.embedded.staff import DEMONSTRATION_PASSWORD, demonstration_accounts


@click.group()
def demo() -> None:
    """Données de démonstration, entièrement fictives."""


@demo.command()
@json_option
def accounts(as_json: bool) -> None:
    """Comptes de l’annuaire de démonstration."""
    if as_json:
        print_json(
            [
                {"compte": one.login, "nom": one.name, "fonction": one.title, "caisses": one.caisses}
                for one in demonstration_accounts()
            ]
        )
        return
    for one in demonstration_accounts():
        click.echo(f"{one.login:<24} {one.title}, {one.where}")
    click.echo(f"Mot de passe de chacun : {DEMONSTRATION_PASSWORD}")


demo.add_command(population)
demo.add_command(insured)
demo.add_command(card)
demo.add_command(application)
demo.add_command(laboratory)
