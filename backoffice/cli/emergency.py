"""`caisse emergency`: the one local administrator, for the day on which no directory answers."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from backoffice.cli.common import json_option, office_open, operator, print_json
from backoffice.core.actor import EMERGENCY_LOGIN
from backoffice.core.clock import PARIS, system_clock
from backoffice.core.errors import WrongState
from backoffice.parameters.emergency import access_now, close_access, open_access
from backoffice.settings import Settings


@click.group()
def emergency() -> None:
    """Compte de secours : un administrateur local, fermé d’ordinaire."""


@emergency.command("open")
@click.option("--hours", type=click.IntRange(1, 24), required=True, help="Durée, de 1 à 24 heures.")
@click.option("--reason", required=True, help="Pourquoi ; le motif reste au journal.")
def open_command(hours: int, reason: str) -> None:
    """Ouvre le compte de secours et affiche son mot de passe, une seule fois."""
    with _as_owner() as session:
        access, password = open_access(session, operator(), hours, reason, system_clock())
        until = access.expires_at
    click.echo(f"Identifiant : {EMERGENCY_LOGIN}")
    click.echo(f"Mot de passe : {password}")
    click.echo(f"Ouvert jusqu’au {until.astimezone(PARIS):%d/%m/%Y à %H h %M}. Fermez-le dès que l’annuaire répond.")


@emergency.command("close")
def close_command() -> None:
    """Ferme le compte de secours ; ses sessions finissent à leur prochaine page."""
    with _as_owner() as session:
        if not close_access(session, operator(), system_clock()):
            raise WrongState("Le compte de secours n’est pas ouvert.")
    click.echo("Le compte de secours est fermé.")


@emergency.command("status")
@json_option
def status_command(as_json: bool) -> None:
    """Dit si le compte de secours est ouvert, jusqu’à quand et pourquoi."""
    with office_open() as office, office.db.unit_of_work() as session:
        access = access_now(session, office.clock())
    if as_json:
        print_json(
            {"ouvert": access is not None}
            | (
                {"jusqu_a": access.expires_at.isoformat(), "par": access.opened_by, "motif": access.reason}
                if access
                else {}
            )
        )
    elif access:
        until = f"{access.expires_at.astimezone(PARIS):%d/%m/%Y à %H h %M}"
        click.echo(f"Ouvert jusqu’au {until} par {access.opened_by} : {access.reason}")
    else:
        click.echo("Fermé.")


@contextmanager
def _as_owner() -> Iterator[Session]:
    settings = Settings.from_env()
    settings.require_owners()
    engine = create_engine(settings.caisse_owner_url, poolclass=NullPool)
    try:
        with Session(engine) as session, session.begin():
            yield session
    finally:
        engine.dispose()
