"""`caisse verify`, `caisse secrecy`, `caisse audit`: what is asked to show that everything holds."""

import click

from backoffice.adapters.secrecy import reach_of
from backoffice.audit.journal import check_chain
from backoffice.campaigns.verify import verify_everything
from backoffice.cases.storing import faults_of_files
from backoffice.cli.common import json_option, number, office_open, print_json


@click.command()
@click.argument("references", nargs=-1)
@json_option
def verify(references: tuple[str, ...], as_json: bool) -> None:
    """Recompte tout, ou les campagnes REFERENCES : personnes, courriers, pages, manifestes, codes.

    Sans REFERENCES, les pièces des demandes aussi.
    """
    with office_open() as office, office.db.unit_of_work() as session:
        found = verify_everything(session, office, references)
        if not references:
            found.faults.extend(faults_of_files(session, office))
    if as_json:
        print_json(
            {
                "campagnes": found.campaigns, "lots": found.lots, "lettres": found.letters,
                "temoins": found.controls, "pages": found.pages,
                "codes_en_cours": found.live_codes, "codes_termines": found.ended_codes, "courriels": found.emails,
                "exceptions": found.exceptions, "en_attente": found.waiting, "anomalies": found.faults,
            }
        )  # fmt: skip
    else:
        for fault in found.faults:
            click.echo(fault)
        click.echo(
            f"{number(found.campaigns)} campagnes, {number(found.lots)} lots, {number(found.letters)} courriers"
            + (f" et {number(found.controls)} témoins" if found.controls else "")
            + " sur "
            f"{number(found.pages)} pages, {number(found.live_codes)} codes en cours, {number(found.emails)} courriels, "
            f"{number(found.exceptions)} exceptions, {number(found.waiting)} en attente : "
            + ("tout concorde." if found.clean else f"{number(len(found.faults))} anomalies.")
        )
    if not found.clean:
        raise click.exceptions.Exit(1)


@click.command()
@json_option
def secrecy(as_json: bool) -> None:
    """Ce que chaque rôle des bases peut atteindre, demandé au catalogue de PostgreSQL."""
    with office_open() as office:
        urls = (("caisse", office.settings.caisse_url), ("dmp", office.settings.dmp_caisse_url))
        found = [(base, one) for base, url in urls for one in reach_of(url)]
    if as_json:
        print_json(
            [
                {
                    "base": base, "role": one.role, "schema": one.schema, "objet": one.object, "nature": one.kind,
                    "droits": sorted(one.privileges), "colonnes": one.columns,
                }
                for base, one in found
            ]
        )  # fmt: skip
        return
    for base, one in found:
        rights = [*sorted(one.privileges), *(f"{right} ({', '.join(names)})" for right, names in one.columns.items())]
        name = f"{one.schema}.{one.object}" if one.schema else one.object
        click.echo(f"{base:<7} {one.role:<10} {one.kind:<16} {name:<40} {', '.join(rights)}")


@click.group()
def audit() -> None:
    """Journal administratif."""


@audit.command("verify")
@json_option
def audit_verify(as_json: bool) -> None:
    """Recalcule la chaîne d’empreintes du journal."""
    with office_open() as office, office.db.unit_of_work() as session:
        report = check_chain(session)
    if as_json:
        print_json({"lignes": report.entries, "anomalie": report.fault, "empreinte": report.head})
    elif report.fault:
        click.echo(report.fault)
    else:
        click.echo(f"{number(report.entries)} lignes, chaîne intacte. Dernière empreinte : {report.head}")
    if report.fault:
        raise click.exceptions.Exit(1)
