"""Writing a demonstration population file: same arguments, same bytes, whatever the number of processes."""

import csv
import gzip
import hashlib
import io
import os
import tempfile
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context, parent_process
from pathlib import Path
from random import Random
from typing import Final

from backoffice.core.caisse import caisse_of
from backoffice.core.errors import Invalid, Unavailable
from backoffice.population.rows import COLUMNS, birth_latest
from backoffice.population.synthetic.births import Registry, years_before
from backoffice.population.synthetic.material import Weighted, material
from backoffice.population.synthetic.people import Households

REFERENCE_DAY: Final = date(2016, 10, 1)
"""Day on which the ages are counted unless told otherwise: just before the pre-series opened."""

MAX_COUNT: Final = 20_000_000

FEATURES: Final[Mapping[str, str]] = {
    "ouvrants_droit": "ouvrants droit",
    "ayants_droit": "ayants droit",
    "mineurs": "mineurs",
    "autres_regimes": "autres régimes",
    "titulaires": "déjà titulaires d’un DMP",
    "oppositions": "oppositions",
    "pnd": "adresses réputées fausses",
    "decedes": "décédés",
    "adresses_etrangeres": "adresses à l’étranger",
    "dates_incompletes": "dates de naissance incomplètes",
    "nes_a_l_etranger": "nés à l’étranger",
    "nes_en_corse": "nés en Corse",
    "nes_outre_mer": "nés outre-mer",
    "noms_d_usage": "noms d’usage",
    "adresses_electroniques": "adresses électroniques",
    "mobiles": "mobiles",
    "canal_mail": "canal mail",
}
"""Counted features and their French names."""

_SMALLEST_BLOCK: Final = 2_000
_MOST_BLOCKS: Final = 40
"""A cell of the NIR (sex, month, commune) has 999 order numbers, shared among the blocks: 24 each at most blocks."""

_WORTH_PROCESSES: Final = 40_000


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written."""

    path: Path
    rows: int
    bytes: int
    sha256: str
    caisses: dict[str, int]
    """Rows by caisse."""
    features: dict[str, int]
    """Rows by feature, keys of FEATURES."""


@dataclass(frozen=True, slots=True)
class _Task:
    seed: int
    caisses: tuple[str, ...]
    as_of: date
    rows: int
    block: int
    blocks: int
    packed: bool


def write_population(
    path: Path | str,
    caisses: Sequence[str],
    count: int,
    seed: int,
    *,
    as_of: date = REFERENCE_DAY,
    progress: Callable[[int], None] | None = None,
    processes: int = 1,
) -> Summary:
    """Write `count` synthetic persons of the given caisses (in proportion to their inhabitants) to `path`.

    Gzip when the name ends with `.gz`, plain CSV otherwise; UTF-8, LF. The file is written aside, then renamed: it is
    there whole or not at all. `progress` is told the rows written so far. Raises Invalid for an unknown caisse or an
    impossible count, Unavailable when the disk refuses.
    """
    path = Path(path)
    codes = tuple(sorted({caisse_of(code).code for code in caisses}))
    if not codes:
        raise Invalid("Aucune caisse n’est indiquée : donnez au moins un numéro à trois chiffres.")
    if not 1 <= count <= MAX_COUNT:
        raise Invalid(f"Le nombre de personnes doit être compris entre 1 et {MAX_COUNT:_}.".replace("_", "\u00a0"))
    if not path.parent.is_dir():
        raise Invalid(f"Le dossier « {path.parent} » n’existe pas : créez-le d’abord.")
    if path.is_dir():
        raise Invalid(f"« {path} » est un dossier : indiquez un nom de fichier.")
    tasks = _plan(codes, count, seed, as_of, path.suffix == ".gz")
    tallies: Counter[str] = Counter()
    digest = hashlib.sha256()
    size = 0
    aside = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as out:
            aside = Path(out.name)
            for data, tally in _made(tasks, processes):
                out.write(data)
                digest.update(data)
                size += len(data)
                tallies.update(tally)
                if progress is not None:
                    progress(tallies["rows"])
            out.flush()
            os.fsync(out.fileno())
        umask = os.umask(0)
        os.umask(umask)
        aside.chmod(0o666 & ~umask)
        aside.replace(path)
    except OSError as error:
        _forget(aside)
        raise Unavailable(
            f"Le fichier « {path.name} » n’a pas pu être écrit : vérifiez la place et vos droits dans le dossier."
        ) from error
    except BaseException:
        _forget(aside)
        raise
    return Summary(
        path=path,
        rows=tallies["rows"],
        bytes=size,
        sha256=digest.hexdigest(),
        caisses={code: tallies[f"caisse {code}"] for code in codes},
        features={feature: tallies[feature] for feature in FEATURES},
    )


def _forget(aside: Path | None) -> None:
    if aside is not None:
        with suppress(OSError):
            aside.unlink()


def _plan(caisses: tuple[str, ...], count: int, seed: int, as_of: date, packed: bool) -> list[_Task]:
    """Cut the work in blocks that depend on the arguments alone, never on the machine."""
    blocks = min(_MOST_BLOCKS, -(-count // _SMALLEST_BLOCK))
    bounds = [count * block // blocks for block in range(blocks + 1)]
    return [
        _Task(seed, caisses, as_of, bounds[block + 1] - bounds[block], block, blocks, packed) for block in range(blocks)
    ]


def _made(tasks: list[_Task], processes: int) -> Iterator[tuple[bytes, Counter[str]]]:
    """Each block in order; with several processes, a few ahead of the one being written."""
    if processes <= 1 or sum(task.rows for task in tasks) < _WORTH_PROCESSES:
        yield from map(_make_block, tasks)
        return
    # Spawned, not forked: the caller may have threads (a progress bar has one).
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_end_with_parent) as pool:
        ahead: deque[Future[tuple[bytes, Counter[str]]]] = deque()
        try:
            for task in tasks:
                ahead.append(pool.submit(_make_block, task))
                if len(ahead) > processes + 1:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


def _end_with_parent() -> None:
    """In a worker: when the command is killed, no signal reaches its workers, so each watches for its end."""

    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _make_block(task: _Task) -> tuple[bytes, Counter[str]]:
    """The bytes of a block (a gzip member of its own when packed) and its counts."""
    # Not a secret: the same seed must give the same people.
    random = Random(f"population {task.seed} {task.block}/{task.blocks} {task.as_of} {','.join(task.caisses)}")  # noqa: S311
    lists = material()
    areas = [lists.areas[caisse] for caisse in task.caisses]
    households = Households(
        random,
        lists,
        Weighted(areas, [area.population for area in areas]),
        Registry(random, lists, task.block, task.blocks),
        task.as_of,
    )
    rows: list[list[str]] = []
    while len(rows) < task.rows:
        rows += households.next()
    del rows[task.rows :]
    random.shuffle(rows)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    if task.block == 0:
        writer.writerow(COLUMNS)
    writer.writerows(rows)
    data = out.getvalue().encode()
    return gzip.compress(data, compresslevel=6, mtime=0) if task.packed else data, _tally(rows, task.as_of)


def _tally(rows: list[list[str]], as_of: date) -> Counter[str]:
    grown_up = years_before(as_of, 18)
    tally: Counter[str] = Counter()
    for row in rows:
        nir, birth, place = row[0], row[5], row[0][5:7]
        tally[f"caisse {row[9]}"] += 1
        tally["ouvrants_droit" if row[6] == "OD" else "ayants_droit"] += 1
        tally["mineurs"] += birth_latest(birth) > grown_up
        tally["autres_regimes"] += row[8] != "01"
        tally["titulaires"] += row[22] == "O"
        tally["oppositions"] += row[23] == "O"
        tally["pnd"] += row[24] == "O"
        tally["decedes"] += row[25] != ""
        tally["adresses_etrangeres"] += row[16] != ""
        tally["dates_incompletes"] += birth.endswith("-00")
        tally["nes_a_l_etranger"] += place == "99" or ("91" <= place <= "96" and int(birth[:4]) <= 1962)
        tally["nes_en_corse"] += nir[5] == "2" and nir[6] in "0AB"
        tally["nes_outre_mer"] += place == "97"
        tally["noms_d_usage"] += row[3] != ""
        tally["adresses_electroniques"] += row[17] != ""
        tally["mobiles"] += row[18] != ""
        tally["canal_mail"] += row[19] == "mail"
    tally["rows"] = len(rows)
    return tally
