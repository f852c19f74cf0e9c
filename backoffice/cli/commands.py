"""The tree of commands, and the one place where a refusal becomes a line and an exit status."""

import errno
import logging
import os
import sys
from collections.abc import Sequence

import click
from sqlalchemy.exc import DBAPIError

from backoffice.adapters.logs import quiet_logs
from backoffice.cli import (
    access,
    backup,
    campaign,
    campaign_run,
    correspondence,
    demo,
    emergency,
    lots,
    population,
    printing,
    proofs,
    retention,
    returns,
    services,
    up,
    waves,
)
from backoffice.core.errors import DomainError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def caisse() -> None:
    """Gestion des courriers du DMP par les caisses : population, campagnes, lots, preuves, services."""


caisse.add_command(population.population)
caisse.add_command(campaign.campaign)
campaign.campaign.add_command(campaign_run.run)
for planning in (waves.schedule, waves.list_waves, waves.move):
    campaign.campaign.add_command(planning)
caisse.add_command(lots.lot)
for step in (printing.handover, printing.acknowledge, printing.posted, printing.slip, printing.reprint):
    lots.lot.add_command(step)
caisse.add_command(printing.printer)
caisse.add_command(returns.returns)
caisse.add_command(retention.retention)
caisse.add_command(correspondence.correspondence)
caisse.add_command(demo.demo)
caisse.add_command(emergency.emergency)
caisse.add_command(up.up)
for command in (
    proofs.verify,
    proofs.secrecy,
    access.access,
    proofs.audit,
    *services.COMMANDS,
    backup.backup,
    backup.restore,
):
    caisse.add_command(command)


def run(arguments: Sequence[str]) -> int:
    """Run one command; return the exit status."""
    quiet_logs(logging.WARNING)
    try:
        # Outside its standalone mode click returns the status of an Exit instead of raising it.
        status = caisse.main(args=list(arguments), prog_name="caisse", standalone_mode=False)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "caisse"
        return _say(f"{_french(error)} Aide : {path} --help", 2)
    except (click.Abort, KeyboardInterrupt):
        return _say("Interrompu.", 130)
    except DomainError as refusal:
        return _say(str(refusal), 1)
    except DBAPIError as error:
        return _say(_database_sentence(error), 1)
    except BrokenPipeError:
        # The reader of a pipe (head, less) has gone: nothing to say, and Python must not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _say(_system_sentence(error), 1)
    return status if isinstance(status, int) else 0


def _say(sentence: str, status: int) -> int:
    click.echo(sentence, err=True)
    return status


_SYSTEM = {
    errno.ENOSPC: "Le disque est plein : libérez de la place, puis recommencez",
    errno.EDQUOT: "Le quota de disque est atteint : libérez de la place, puis recommencez",
    errno.EACCES: "Accès refusé : vérifiez vos droits",
    errno.EPERM: "Accès refusé : vérifiez vos droits",
    errno.EROFS: "Le disque est en lecture seule : choisissez un autre dossier",
    errno.ENOENT: "Fichier ou dossier introuvable",
    errno.ENOTDIR: "Un élément du chemin n’est pas un dossier",
    errno.EISDIR: "C’est un dossier : indiquez un fichier",
    errno.EEXIST: "Un fichier de ce nom existe déjà",
    errno.EADDRINUSE: "Ce port est déjà pris : choisissez-en un autre avec --port",
}


def _system_sentence(error: OSError) -> str:
    what = _SYSTEM.get(error.errno or 0, f"Le système refuse l’opération (erreur {error.errno})")
    return f"{what} ({error.filename})." if error.filename else f"{what}."


def _database_sentence(error: DBAPIError) -> str:
    if error.connection_invalidated or getattr(error.orig, "sqlstate", None) is None:
        return (
            "La base de données ne répond plus : vérifiez les services (« caisse services status »), puis recommencez."
        )
    if getattr(error.orig, "sqlstate", "") == "53100":
        return "Le disque de la base de données est plein : libérez de la place, puis recommencez."
    return f"La base de données a refusé l’opération (code {getattr(error.orig, 'sqlstate', '?')})."


def _expected(error: click.BadParameter) -> str:
    """What a value should have been; our own types say it themselves, in French."""
    kind = error.param.type if error.param else None
    if isinstance(kind, click.Choice):
        return f"choisissez {' ou '.join(str(choice) for choice in kind.choices)}."
    if isinstance(kind, click.IntRange):
        if kind.min is not None and kind.max is not None:
            return f"un nombre entier de {kind.min} à {kind.max} est attendu."
        return "ce nombre entier est hors des bornes."
    if kind is click.INT:
        return "un nombre entier est attendu."
    if isinstance(kind, click.Path):
        wanted = "un dossier" if not kind.file_okay else "un fichier" if not kind.dir_okay else "un chemin"
        return f"{wanted}{' qui existe' if kind.exists else ''} est attendu."
    return error.message


def _french(error: click.UsageError) -> str:
    """The usage error in French; click ships no French catalogue."""
    if isinstance(error, click.NoSuchOption):
        return f"L’option « {error.option_name} » n’existe pas."
    if isinstance(error, click.MissingParameter):
        name = (
            error.param.opts[0]
            if isinstance(error.param, click.Option)
            else (error.param.human_readable_name if error.param else "")
        )
        return f"Il manque « {name} »."
    if isinstance(error, click.BadParameter):
        name = (
            error.param.opts[0]
            if isinstance(error.param, click.Option)
            else (error.param.human_readable_name if error.param else "")
        )
        return f"La valeur donnée à « {name} » ne convient pas : {_expected(error)}"
    if isinstance(error, click.BadOptionUsage):
        return f"L’option « {error.option_name} » demande une valeur."
    if error.message.startswith("No such command"):
        return f"Cette commande n’existe pas : {error.message.split(' ', 3)[-1].rstrip('.')}."
    if error.message.startswith("Got unexpected extra argument"):
        return f"Argument en trop {error.message[error.message.index('(') :]}."
    if error.message.startswith("Missing command"):
        return "Il manque une commande."
    return error.message
