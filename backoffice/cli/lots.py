"""`caisse lot`: sealed lots, their export for the printer, their proof."""

import shutil
from pathlib import Path

import click
from sqlalchemy import select

from backoffice.adapters import environment
from backoffice.audit.journal import record
from backoffice.campaigns import sealing
from backoffice.campaigns.actions import release_lot
from backoffice.campaigns.handing import noted_seal, require_sealed
from backoffice.campaigns.models import Campaign, Lot, access_campaign, access_lot
from backoffice.campaigns.production import lots_folder
from backoffice.campaigns.rules import LotState
from backoffice.campaigns.status import lots_of
from backoffice.campaigns.verify import Reconciliation, verify_lot
from backoffice.cli.common import json_option, number, office_open, operator, print_json
from backoffice.core.errors import NotFound, WrongState


@click.group()
def lot() -> None:
    """Lots scellés."""


@lot.command("list")
@click.argument("reference", required=False)
@json_option
def list_lots(reference: str | None, as_json: bool) -> None:
    """Lots de la campagne REFERENCE, ou de toutes."""
    with office_open() as office, office.db.unit_of_work() as session:
        campaigns = (
            [access_campaign(session, operator(), reference)]
            if reference
            else session.scalars(select(Campaign).order_by(Campaign.id))
        )
        rows = [
            {
                "campagne": campaign.reference, "lot": found.name, "rang": found.sequence, "caisse": found.caisse,
                "canal": found.channel, "etat": found.state, "date_courrier": found.letter_date.isoformat(),
                "courriers": found.letters or found.planned, "pages": found.pages, "octets": found.size,
                "motif": found.reason,
            }
            for campaign in campaigns
            for found in lots_of(session, campaign)
        ]  # fmt: skip
    if as_json:
        print_json(rows)
        return
    for row in rows:
        name = row["lot"] or f"{row['campagne']} n° {row['rang']}"
        click.echo(
            f"{name!s:<46} {row['canal']!s:<9} {row['etat']!s:<12} {number(int(str(row['courriers']))):>9} courriers"
        )
    if not rows:
        click.echo("Aucun lot.")


@lot.command()
@click.argument("nom")
@click.argument("dossier", type=click.Path(path_type=Path, file_okay=False))
def export(nom: str, dossier: Path) -> None:
    """Copie le lot NOM vers DOSSIER pour l’imprimeur, après avoir vérifié ses empreintes."""
    with office_open() as office, office.db.unit_of_work() as session:
        found, campaign = access_lot(session, operator(), nom)
        if found.status is not LotState.SEALED or found.name is None:
            raise WrongState(f"Le lot {nom} n’est pas scellé : il ne peut pas partir.")
        require_sealed(session, found)
        environment.require_agreement(session, office.environment)
        folder = lots_folder(office, campaign)
        if noted_seal(folder, found) is None:
            raise NotFound(f"Les fichiers du lot {nom} sont introuvables dans {folder}.")
        with sealing.writing_aside(dossier, found.name) as aside:
            names = [f"{found.name}{suffix}" for suffix in (".pdf", ".csv", ".json")]
            for name in names:
                shutil.copyfile(folder / name, aside / name)
            for name in names:
                (aside / name).replace(dossier / name)
        sealing.find_seal(dossier, found.name)
        record(session, operator(), "lot.exporter", found.name, at=office.clock(), caisse=found.caisse)
    click.echo(f"Lot {nom} copié et vérifié dans {dossier}.")


@lot.command()
@click.argument("nom", required=False)
@click.option(
    "--dossier",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Vérifie les lots d’un dossier reçu, sans la base.",
)
@json_option
def verify(nom: str | None, dossier: Path | None, as_json: bool) -> None:
    """Vérifie le lot NOM (ou tous), ou les empreintes d’un DOSSIER reçu."""
    found = Reconciliation()
    if dossier is not None:
        for proof in sorted(dossier.glob("*.json")):
            try:
                seal = sealing.find_seal(dossier, proof.stem)
            except sealing.Mismatch as mismatch:
                found.faults.append(f"Lot {proof.stem} : {mismatch}")
                continue
            if seal is not None:
                found.lots, found.letters, found.pages = (
                    found.lots + 1,
                    found.letters + seal.letters,
                    found.pages + seal.pages,
                )
        if not found.lots and not found.faults:
            raise NotFound(f"Aucun lot dans {dossier}.")
    else:
        with office_open() as office, office.db.unit_of_work() as session:
            query = select(Lot, Campaign).join(Campaign).where(Lot.state == LotState.SEALED).order_by(Lot.id)
            pairs = (
                [access_lot(session, operator(), nom)] if nom else [(row[0], row[1]) for row in session.execute(query)]
            )
            for one, campaign in pairs:
                if one.status is not LotState.SEALED:
                    raise WrongState(f"Le lot {nom} n’est pas scellé : il n’y a rien à vérifier.")
                verify_lot(session, office, campaign, one, found)
    if as_json:
        print_json({"lots": found.lots, "lettres": found.letters, "pages": found.pages, "anomalies": found.faults})
    else:
        for fault in found.faults:
            click.echo(fault)
        click.echo(
            f"{number(found.lots)} lots vérifiés, {number(found.letters)} courriers, {number(len(found.faults))} anomalies."
        )
    if found.faults:
        raise click.exceptions.Exit(1)


@lot.command()
@click.argument("identifiant", type=int)
@click.option("--motif", required=True, help="Pourquoi le lot peut être refait.")
def release(identifiant: int, motif: str) -> None:
    """Sort un lot de quarantaine : il sera refait, avec de nouveaux codes."""
    with office_open() as office, office.db.unit_of_work() as session:
        release_lot(session, office, operator(), identifiant, motif)
    click.echo("Lot libéré : il sera refait.")
