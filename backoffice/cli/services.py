"""`caisse services`, `serve`, `worker`, `migrate`, `environment`, `keys`: the parts by themselves."""

import click

from backoffice.adapters import environment as fence
from backoffice.adapters.dmp import rotate_key
from backoffice.audit.journal import record
from backoffice.cli.common import json_option, office_open, operator, print_json
from backoffice.core.clock import system_clock
from backoffice.core.errors import Invalid
from backoffice.operations.bringup import external, prepare, services
from backoffice.settings import Settings, key_files


@click.group("services")
def services_group() -> None:
    """Services embarqués : PostgreSQL, Valkey, annuaire et courriel de démonstration."""


@services_group.command()
def start() -> None:
    """Démarre ce qui ne tourne pas, et met les bases à jour."""
    if external():
        raise Invalid("DATABASE_URL désigne un serveur existant : il n’y a rien à démarrer ici.")
    parts = services(click.echo)
    parts.start()
    prepare()
    _show(False)


@services_group.command()
def stop() -> None:
    """Arrête les services ; les données restent."""
    services().stop()
    click.echo("Services arrêtés.")


@services_group.command()
@json_option
def status(as_json: bool) -> None:
    """État des services."""
    _show(as_json)


def _show(as_json: bool) -> None:
    found = services().status()
    if as_json:
        print_json([{"service": one.name, "pid": one.pid, "port": one.port} for one in found])
        return
    for one in found:
        state = f"en marche (processus {one.pid}, port {one.port})" if one.pid else "arrêté"
        click.echo(f"{one.name:<18} {state}")


@click.command()
@click.argument(
    "application", type=click.Choice(["backoffice", "mondmp", "ps", "alimentation", "avis"]), default="backoffice"
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="8000 pour le back office, 8001 pour mon-dmp, 8002 pour les professionnels, sauf avis contraire.",
)
@click.option("--host", default="127.0.0.1", show_default=True)
def serve(application: str, port: int | None, host: str) -> None:
    """Sert le back office, mon-dmp, l’accès des professionnels (TLS, par carte), ou sans adresse l’alimentation ou les avis."""
    if application == "mondmp":
        from backoffice.mondmp import serve as serve_mondmp

        serve_mondmp(Settings.from_env(), host, port or 8001)
    elif application == "ps":
        from backoffice.professionals import serve as serve_professionals

        serve_professionals(Settings.from_env(), host, port or 8002)
    elif application == "alimentation":
        from backoffice.feeding import work

        work(Settings.from_env())
    elif application == "avis":
        from backoffice.notifying import work as send_notices

        send_notices(Settings.from_env())
    else:
        from backoffice.app import serve as serve_web

        serve_web(Settings.from_env(), host, port or 8000)


@click.command()
def worker() -> None:
    """Fait tourner les travailleurs, jusqu’à Ctrl-C."""
    from backoffice.worker import main

    main()


@click.command()
def migrate() -> None:
    """Met les deux bases à jour."""
    prepare()
    click.echo("Bases à jour.")


@click.group("environment")
def environment_group() -> None:
    """Identité de l’environnement : une base copiée ou restaurée n’envoie rien d’elle-même."""


@environment_group.command("show")
@json_option
def environment_show(as_json: bool) -> None:
    """L’identité tenue par la base et celle de ce poste concordent-elles ?"""
    with office_open() as office, office.db.unit_of_work() as session:
        held, here = fence.recorded(session), office.environment
    if as_json:
        print_json({"base": str(held), "ici": str(here), "concordent": held == here})
    else:
        click.echo("Envoi permis : la base et ce poste concordent." if held == here else fence.REFUSAL)


@environment_group.command("adopt")
@click.option("--oui", is_flag=True, help="Sans poser la question.")
def environment_adopt(oui: bool) -> None:
    """Permet à cette base d’envoyer d’ici ; à faire sur un seul environnement."""
    if not oui:
        click.confirm(
            "Cet environnement enverra de vrais courriers. Aucun autre ne doit tourner sur une copie. Continuer ?",
            abort=True,
        )
    settings = Settings.from_env()
    settings.require_owners()
    changed = fence.adopt(
        settings.caisse_owner_url, fence.identity(settings.environment_id, settings.data), system_clock()
    )
    click.echo("Envoi permis d’ici." if changed else "L’envoi était déjà permis d’ici.")


@click.group("keys")
def keys_group() -> None:
    """Clés des codes de création et de mon-dmp, hors des bases."""


@keys_group.command("rotate")
@click.argument(
    "which",
    metavar="[codes|holder|record|pieces]",
    type=click.Choice(["codes", "holder", "record", "pieces"]),
    default="codes",
)
def keys_rotate(which: str) -> None:
    """Ajoute une clé et en fait la clé courante ; ce qui a été fait avec les anciennes reste vérifiable.

    codes : empreintes des codes de création. holder : mon-dmp, codes à usage unique et applications d’authentification.
    pieces : fichiers joints aux demandes.
    """
    if which in ("holder", "record"):
        # Kept where mon-dmp runs, which has neither the back office's database nor its journal.
        path = key_files()[which]
        click.echo(f"Nouvelle clé {rotate_key(path)}. Copiez {path} sur chaque machine de mon-dmp, et redémarrez-le.")
        return
    with office_open() as office, office.db.unit_of_work() as session:
        key = rotate_key(office.settings.case_keyring if which == "pieces" else office.settings.code_keyring)
        record(session, operator(), "cle.renouveler", f"clé {key}", at=office.clock())
    click.echo(f"Nouvelle clé {key}. Redémarrez les travailleurs et le back office pour qu’ils s’en servent.")


COMMANDS = (services_group, serve, worker, migrate, environment_group, keys_group)
