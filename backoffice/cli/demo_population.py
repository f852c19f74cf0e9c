"""`caisse demo population`: a file of synthetic insured persons (to be attached under the group `demo`)."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from backoffice.core.caisse import CAISSE_CODES, caisse_of
from backoffice.population.synthetic import FEATURES, MAX_COUNT, REFERENCE_DAY, Summary, write_population

_ALL: Final = "toutes"


@click.command("population", help="Écrit un fichier de personnes assurées fictives, au format de l’import.")
@click.option(
    "--caisse",
    "caisses",
    multiple=True,
    required=True,
    metavar="NNN",
    help="Caisse, répétable ; « toutes » pour les neuf.",
)
@click.option("--count", required=True, metavar="N", help="Nombre de personnes.")
@click.option("--seed", default="1", show_default=True, metavar="S", help="Graine : la même donne le même fichier.")
@click.option("--out", required=True, metavar="FICHIER", help="Fichier à écrire, .csv ou .csv.gz.")
@click.option(
    "--date", "as_of", default=REFERENCE_DAY.isoformat(), show_default=True, metavar="AAAA-MM-JJ",
    help="Jour auquel les âges sont comptés.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Écrit le bilan en JSON sur la sortie standard.")
def population(caisses: tuple[str, ...], count: str, seed: str, out: str, as_of: str, as_json: bool) -> None:
    """Write the file and say what is in it; refusals are raised for the root command to tell."""
    rows = _number(count, "--count")
    number = _number(seed, "--seed")
    day = _day(as_of)
    if not 1 <= rows <= MAX_COUNT:
        raise click.UsageError(f"L’option --count attend un nombre entre 1 et {_grouped(MAX_COUNT)}.")
    codes = CAISSE_CODES if _ALL in caisses else tuple(caisse_of(code).code for code in caisses)
    with _progress(rows, quiet=as_json) as progress:
        summary = write_population(
            Path(out), codes, rows, number, as_of=day, progress=progress, processes=min(2, os.cpu_count() or 1)
        )
    click.echo(_as_json(summary, number, day) if as_json else _sentence(summary))


def _number(text: str, option: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise click.UsageError(f"L’option {option} attend un nombre entier : « {text[:20]} » n’en est pas un.")
    return int(text)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"L’option --date attend un jour de la forme AAAA-MM-JJ : « {text[:20]} » n’en est pas un."
        ) from None
    if not 2000 <= day.year <= 2100:
        raise click.UsageError("L’option --date attend un jour entre 2000 et 2100.")
    return day


@contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """A bar on stderr when somebody looks at it."""
    console = Console(stderr=True, file=sys.stderr)
    if quiet or not console.is_terminal:
        yield None
        return
    columns = (TextColumn("Personnes"), BarColumn(), MofNCompleteColumn(), TextColumn("reste"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)


def _sentence(summary: Summary) -> str:
    features = ", ".join(f"{_grouped(summary.features[key])} {label}" for key, label in FEATURES.items())
    return f"{_grouped(summary.rows)} personnes fictives écrites dans {summary.path} : {features}."


def _grouped(number: int) -> str:
    return f"{number:_}".replace("_", "\u00a0")


def _as_json(summary: Summary, seed: int, day: date) -> str:
    return json.dumps(
        {
            "fichier": str(summary.path),
            "personnes": summary.rows,
            "octets": summary.bytes,
            "sha256": summary.sha256,
            "graine": seed,
            "date": day.isoformat(),
            "caisses": summary.caisses,
            "particularites": summary.features,
        },
        ensure_ascii=False,
    )
