"""`caisse access`: which role opens which address."""

import click

from backoffice.cli.common import json_option, print_json


@click.command()
@click.option("--markdown", is_flag=True, help="Le document docs/access-matrix.md.")
@json_option
def access(markdown: bool, as_json: bool) -> None:
    """Qui ouvre quelle adresse du back office, d’après la table de ses routes."""
    from backoffice.app import bare_app
    from backoffice.web import matrix

    found = matrix.doors(bare_app())
    if as_json:
        print_json(matrix.as_json(found))
    elif markdown:
        click.echo(matrix.as_markdown(found), nl=False)
    else:
        for door in found:
            click.echo(f"{'/'.join(door.methods):<9} {door.address:<52} {door.who}")
