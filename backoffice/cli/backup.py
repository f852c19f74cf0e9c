"""`caisse backup F` and `caisse restore F`: the whole state, keys apart."""

from pathlib import Path

import click

from backoffice.cli.common import json_option, number, operator, print_json
from backoffice.office import open_office
from backoffice.operations.backup import make_backup
from backoffice.operations.bringup import running
from backoffice.operations.restore import restore_backup

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("fichier", type=FILE)
@json_option
def backup(fichier: Path, as_json: bool) -> None:
    """Sauvegarde tout dans FICHIER, chiffré, et ses clés dans FICHIER.keys, à garder ailleurs."""
    with running(("postgres",), lambda line: click.echo(line, err=True)) as settings:
        office = open_office(settings, application="sauvegarde")
        try:
            done = make_backup(office, operator(), fichier.absolute())
        finally:
            office.close()
    if as_json:
        print_json(
            {
                "fichier": str(done.archive), "cles": str(done.keys), "octets": done.size,
                "parties": [{"nom": part.name, "octets": part.size, "sha256": part.sha256} for part in done.parts],
            }
        )  # fmt: skip
        return
    click.echo(f"Sauvegarde faite : {done.archive} ({number(len(done.parts))} parties, {number(done.size)} octets).")
    click.echo(f"Ses clés : {done.keys}. Gardez-les ailleurs : sans elles la sauvegarde est illisible.")


@click.command()
@click.argument("fichier", type=FILE)
@click.option("--keys", "keys", type=FILE, help="Fichier de clés ; par défaut FICHIER.keys.")
@json_option
def restore(fichier: Path, keys: Path | None, as_json: bool) -> None:
    """Restaure FICHIER dans un dossier de données vide ; l’envoi reste bloqué."""
    source = fichier.absolute()
    done = restore_backup(
        source, keys or source.with_name(f"{source.name}.keys"), operator(), lambda line: click.echo(line, err=True)
    )
    if as_json:
        print_json({"faite_le": done.made_at, "parties": done.parts, "octets": done.size, "envoi": "bloqué"})
        return
    click.echo(f"Sauvegarde du {done.made_at} restaurée : {number(done.parts)} parties, {number(done.size)} octets.")
    click.echo(
        "L’envoi est bloqué. Vérifiez avec « caisse verify » ; quand l’original ne doit plus rien envoyer, "
        "lancez « caisse environment adopt »."
    )
