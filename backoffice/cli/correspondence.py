"""`caisse correspondence`: letters that answer what persons do."""

import click

from backoffice.cli.common import json_option, number, office_open, operator, print_json
from backoffice.correspondence.counts import answer_counts
from backoffice.correspondence.gathering import gather
from backoffice.correspondence.receiving import receive


@click.group()
def correspondence() -> None:
    """Courriers à la demande : accusés de réception, codes demandés, clôtures."""


@correspondence.command("gather")
@click.option("--now", "post_now", is_flag=True, help="Sans attendre l’heure du prochain ramassage.")
@json_option
def gather_command(post_now: bool, as_json: bool) -> None:
    """Reçoit les événements du DMP et met en lots les courriers qui attendent."""
    with office_open() as office:
        received = receive(office)
        found = gather(office, operator(), post_now=post_now)
    if as_json:
        print_json({"evenements": received, "courriers": found.letters, "courriels": found.emails})
    else:
        click.echo(
            f"{number(received)} événements reçus ; {number(found.letters)} courriers et {number(found.emails)} courriels "
            "mis en lots."
        )


@correspondence.command("status")
@json_option
def status(as_json: bool) -> None:
    """Courriers demandés, en attente, faits, sur trente jours."""
    with office_open() as office, office.db.unit_of_work() as session:
        counts = answer_counts(session, operator(), office.clock())
    if as_json:
        print_json(
            [
                {
                    "type": one.kind.name, "demandes": one.asked, "en_attente": one.waiting,
                    "en_fabrication": one.in_production, "scelles": one.sealed, "courriels": one.sent,
                    "sans_courrier": one.left_out,
                }
                for one in counts
            ]
        )  # fmt: skip
        return
    for one in counts:
        click.echo(
            f"{one.kind.label:<28} {number(one.asked)} demandés, {number(one.waiting)} en attente, "
            f"{number(one.sealed)} scellés, {number(one.sent)} par courriel, {number(one.left_out)} sans courrier"
        )
