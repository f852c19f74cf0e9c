"""How each part is: asked all at once, each for a moment only, so that the page comes even when nothing else does."""

import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from backoffice.adapters import environment
from backoffice.adapters.directory import Directory
from backoffice.adapters.failures import failures
from backoffice.adapters.mailer import Mailer, MailSettings
from backoffice.adapters.queue import bells
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import DomainError, WrongState
from backoffice.core.typography import NBSP, thousands
from backoffice.office import Office

PATIENCE: Final = 3.0
"""Seconds for all the answers together."""
LONGEST_ROUND: Final = timedelta(seconds=60)
"""A sweep that has ended no round for longer is stopped, or stuck."""
LONGEST_WAIT: Final = timedelta(minutes=15)
"""A bell that has waited longer means too few workers, or none."""
LEAST_DISK: Final = 0.10
"""Share of the disk left free: under it, lots will soon be refused."""
LONGEST_LAG: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Part:
    """One part and how it is."""

    label: str
    well: bool
    words: str
    """One French sentence: what was found, or what is wrong and what follows from it."""
    milliseconds: int | None = None
    """How long its answer took."""


Answer = tuple[bool, str]


def look(office: Office, directory: Directory) -> list[Part]:
    """Every part, in the order of the page."""
    questions: Sequence[tuple[str, Callable[[], Answer]]] = (
        ("Base de données des caisses", lambda: _caisse(office)),
        ("Base de données du DMP", lambda: _dmp(office)),
        ("File des travaux (Valkey)", lambda: _valkey(office)),
        ("Annuaire", lambda: _directory(directory)),
        ("Serveur de courriels", lambda: _mail(office)),
        ("Travailleurs", lambda: _workers(office)),
        ("Attente dans la file", lambda: _queue(office)),
        ("Tournée", lambda: _round(office)),
        ("Travaux en échec", lambda: _failures(office)),
        ("Disque", lambda: _disk(office)),
        ("Droit d’envoyer", lambda: _fence(office)),
    )
    pool = ThreadPoolExecutor(len(questions))
    asked = [(label, pool.submit(_timed, question)) for label, question in questions]
    pool.shutdown(wait=False)  # what is late ends by its own time limit, without anybody waiting for it
    until, found = time.monotonic() + PATIENCE, []
    for label, answer in asked:
        try:
            well, words, took = answer.result(max(until - time.monotonic(), 0.0))
            found.append(Part(label, well, words, took))
        except TooLate:
            found.append(Part(label, False, f"Pas de réponse en {PATIENCE:.0f}{NBSP}secondes."))
    return found


def _timed(question: Callable[[], Answer]) -> tuple[bool, str, int]:
    begun = time.monotonic()
    try:
        well, words = question()
    except DomainError as refusal:
        well, words = False, str(refusal)
    except SQLAlchemyError as error:
        well, words = False, f"La base de données refuse de répondre ({type(error).__name__})."
    except RedisError:
        well, words = False, "La file ne répond pas : rien n’est perdu, les travaux reprendront avec elle."
    except OSError as error:
        well, words = False, f"Le système refuse ({type(error).__name__})."
    return well, words, round((time.monotonic() - begun) * 1000)


def _caisse(office: Office) -> Answer:
    with office.db.unit_of_work() as session:
        version, size, clock, sessions = session.execute(
            text(
                "SELECT split_part(current_setting('server_version'), ' ', 1), pg_database_size(current_database()), "
                "clock_timestamp(), (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database())"
            )
        ).one()
    drift = abs(clock - office.clock())
    if drift > LONGEST_LAG:
        return False, "Elle répond, mais son horloge s’écarte de celle-ci de plus de cinq minutes."
    return True, f"PostgreSQL {version}, {_octets(size)}, {thousands(sessions)} connexion{'s' if sessions > 1 else ''}."


def _dmp(office: Office) -> Answer:
    office.dmp.code_states(CAISSE_CODES[0], [0])
    return True, "Elle répond à la façade des caisses, seule porte ouverte ici."


def _valkey(office: Office) -> Answer:
    memory = office.redis.info("memory")
    used = memory["used_memory"] if isinstance(memory, dict) else 0
    return True, f"Elle répond ; {_octets(used)} de mémoire."


def _directory(directory: Directory) -> Answer:
    servers = directory.servers()
    silent = [f"{_host(url)} ({fault})" for url, fault in servers if fault]
    if not silent:
        return True, f"Répond : {', '.join(_host(url) for url, _ in servers)}."
    if len(silent) < len(servers):
        return False, f"Un serveur ne sert pas, un autre le remplace : {', '.join(silent)}."
    return False, f"Aucun serveur ne sert, personne ne peut se connecter : {', '.join(silent)}."


def _mail(office: Office) -> Answer:
    own = office.settings
    with Mailer(MailSettings(own.smtp_url, own.mail_sender, own.mail_ca_file, timeout=PATIENCE)) as mailer:
        mailer.reach()
    return True, f"Répond : {_host(own.smtp_url)}."


def _workers(office: Office) -> Answer:
    hosts = bells(office.redis).workers
    if not hosts:
        return False, "Aucun travailleur : lots, imports et courriels attendent. Lancez « caisse worker »."
    number, places = len(hosts), sorted(set(hosts))
    return True, f"{number} en marche, sur {', '.join(places[:5])}{' …' if len(places) > 5 else ''}."


def _queue(office: Office) -> Answer:
    now = bells(office.redis)
    if now.oldest is None:
        return True, "La file est vide."
    waited = _since(now.oldest, office.clock())
    words = f"{thousands(now.waiting)} en attente, le plus ancien depuis {in_words(waited)}."
    return waited <= LONGEST_WAIT, words


def _round(office: Office) -> Answer:
    last = bells(office.redis).round
    if last is None:
        return False, "Aucune tournée connue : échéances, vagues et absences attendent. Lancez « caisse worker »."
    since = _since(last, office.clock())
    return since <= LONGEST_ROUND, f"La dernière s’est achevée il y a {in_words(since)}."


def _failures(office: Office) -> Answer:
    found = len(failures(office.redis))
    return not found, f"{thousands(found)} : voyez la page des travaux." if found else "Aucun."


def _disk(office: Office) -> Answer:
    folder = office.settings.files
    usage = shutil.disk_usage(next(one for one in (folder, *folder.parents) if one.exists()))
    share = usage.free / usage.total
    words = f"{_octets(usage.free)} libres sur {_octets(usage.total)} ({share * 100:.0f}{NBSP}%)."
    return share >= LEAST_DISK, words


def _fence(office: Office) -> Answer:
    with office.db.unit_of_work() as session:
        try:
            environment.require_agreement(session, office.environment)
        except WrongState as refusal:
            return False, str(refusal)
    return True, "Cet environnement peut envoyer courriers, courriels et SMS."


def _since(then: datetime, now: datetime) -> timedelta:
    return max(now - then, timedelta())


def in_words(span: timedelta) -> str:
    """ "12 secondes", "3 minutes", "2 heures", "4 jours": the largest unit alone."""
    seconds = int(span.total_seconds())
    for size, unit in ((86_400, "jour"), (3_600, "heure"), (60, "minute"), (1, "seconde")):
        if seconds >= size or size == 1:
            number = seconds // size
            return f"{number}{NBSP}{unit}{'s' if number > 1 else ''}"
    raise AssertionError


def _octets(size: int) -> str:
    for power, unit in ((4, "To"), (3, "Go"), (2, "Mo")):
        if size >= 1000**power:
            return f"{size / 1000**power:.1f}{NBSP}{unit}".replace(".", ",")
    return f"{size / 1000:.0f}{NBSP}ko"


def _host(url: str) -> str:
    """Where, without the password that an address may hold."""
    parts = urlsplit(url)
    return f"{parts.hostname}{f':{parts.port}' if parts.port else ''}"
