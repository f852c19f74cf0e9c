"""Letters a second and a core: the stamped path against plain reportlab platypus, on the same letters in one run.

    .venv/bin/python benchmarks/letters.py                         about half a minute
    .venv/bin/python benchmarks/letters.py engines --count 5000 --rounds 5 --json

Every engine has a process of its own; all engines take their turn in each round, so that a busy machine slows them
alike: read the ratios and the medians. Rates are per second of processor time of laying out and writing alone, after a
warm-up of three letters. Letters carry their DataMatrix in every engine; people are synthetic.
"""

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backoffice.letters.compile import PageProgram

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "templates" / "letters" / "recruitment.docx"
LETTER_DATE, CODE_END = date(2016, 5, 3), date(2016, 7, 3)
CODE = "7KXR 4DHW 9PCT"
ENGINES = {
    "platypus": "reportlab platypus, a flow of Paragraphs a letter",
    "stamp": "stamp, zlib 6",
    "stamp-raw": "stamp, not compressed",
    "tagged": "stamp, tagged PDF/UA-1 and PDF/A-2A, zlib 6",
}
REFERENCE = "platypus"

FIRST_NAMES = (
    "Marie-Hélène", "Jean", "Françoise", "Éloïse", "Mohamed", "Zoé", "Jean-Baptiste", "Chloé", "Loïc", "Noël",
    "Maëlys", "André", "Geneviève", "Gaëtan", "Inès", "José",
)  # fmt: skip
LAST_NAMES = (
    "Martin", "Lefèvre-Dubois", "d’Arc", "N’Guyen-Le Gall", "Łukasiewicz-Œuvrard", "Le Bihan", "Nuñez", "Müller",
    "de La Rochefoucauld", "Durand", "Bouchaïb", "Peyrat", "Grüber", "Vandenbroucke", "Étienne", "Mac Orlan",
)  # fmt: skip
STREETS = ("rue des Frères-Lumière", "avenue de la République", "place de Jaude", "boulevard Côte-Blatin")
TOWNS = (("63000", "Clermont-Ferrand"), ("63200", "Riom"), ("63500", "Issoire"), ("63300", "Thiers"))

Prepared = tuple[dict[str, str], tuple[str, ...], str]
"""Values, address and id of a letter."""


def people(count: int, seed: int = 2016) -> Iterator[Prepared]:
    """Synthetic letters, the same for every engine."""
    from backoffice.core.address import Recipient, address_block
    from backoffice.core.caisse import caisse_of
    from backoffice.letters.reference import format_letter_id
    from backoffice.letters.values import letter_values

    chance = random.Random(seed)
    caisse = caisse_of("631")
    for number in range(1, count + 1):
        code, town = chance.choice(TOWNS)
        recipient = Recipient(
            civilite=chance.choice(("M", "MME")),
            nom_naissance=f"{chance.choice(LAST_NAMES)} {chance.choice(LAST_NAMES)}",
            nom_usage="" if chance.random() < 0.2 else f"{chance.choice(LAST_NAMES)}-{chance.choice(LAST_NAMES)}",
            prenom=chance.choice(FIRST_NAMES),
            adresse_2=f"Appartement {chance.randint(1, 90)}" if chance.random() < 0.5 else "",
            adresse_3="Résidence des Tilleuls" if chance.random() < 0.3 else "",
            adresse_4=f"{chance.randint(1, 250)} {chance.choice(STREETS)}",
            adresse_5="",
            code_postal=code,
            ville=town,
            pays="",
        )
        values = letter_values(recipient, caisse, LETTER_DATE, code_end=CODE_END)
        yield values, address_block(recipient), format_letter_id("631", number)


def draw(engine: str, letters: list[Prepared], path: Path) -> None:
    """Lays out and writes `letters` with one engine."""
    from reportlab import rl_config

    from backoffice.letters.platypus import Letter, draw_letters
    from backoffice.letters.stamp import LotWriter

    rl_config.useA85 = 0  # reportlab at its best: without its 25 % of text armour round every stream

    program = _program()
    if engine == REFERENCE:
        late = {"code.valeur": CODE}
        flows = (Letter(values | late, address, letter_id) for values, address, letter_id in letters)
        draw_letters(program, flows, path, title="Essai")
        return
    compress = 0 if engine == "stamp-raw" else 6
    with LotWriter(program, path, title="Essai", tagged=engine == "tagged", compress=compress) as lot:
        for values, address, letter_id in letters:
            lot.add(program.lay_out(values, address), letter_id=letter_id, code=CODE)


@cache
def _program() -> "PageProgram":
    from backoffice.letters.compile import compile_template
    from backoffice.letters.kinds import letter_kind

    return compile_template(TEMPLATE, letter_kind("recruitment"))


def measure(engine: str, count: int) -> dict[str, float]:
    """One engine in this process: letters a second, bytes a letter, memory."""
    letters = list(people(count))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lot.pdf"
        draw(engine, letters[:3], path)
        base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.process_time()
        draw(engine, letters, path)
        seconds = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {
            "rate": count / seconds,
            "bytes": path.stat().st_size / count,
            "memory_mb": peak / 1024,
            "growth_mb": (peak - base) / 1024,
        }


def in_own_process(engine: str, count: int) -> dict[str, float]:
    """`measure` in a fresh interpreter."""
    command = [sys.executable, str(Path(__file__).resolve()), "engine", engine, "--count", str(count)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def compare(count: int, rounds: int, run: Callable[[str, int], dict[str, float]] = in_own_process) -> dict[str, object]:
    """All engines in turn, `rounds` times; ratios are taken within a round."""
    table: dict[str, list[dict[str, float]]] = {engine: [] for engine in ENGINES}
    for _ in range(rounds):
        for engine in ENGINES:
            table[engine].append(run(engine, count))
    rows = []
    for engine, results in table.items():
        rates = [result["rate"] for result in results]
        ratios = [one["rate"] / other["rate"] for one, other in zip(results, table[REFERENCE], strict=True)]
        rows.append(
            {
                "engine": engine,
                "label": ENGINES[engine],
                "rate": statistics.median(rates),
                "rate_min": min(rates),
                "rate_max": max(rates),
                "ratio": statistics.median(ratios),
                "bytes": statistics.median(result["bytes"] for result in results),
                "memory_mb": statistics.median(result["memory_mb"] for result in results),
                "growth_mb": statistics.median(result["growth_mb"] for result in results),
            }
        )
    return {"count": count, "rounds": rounds, "engines": rows}


def show(report: dict[str, object]) -> None:
    """The report as a table."""
    print(f"{report['count']} letters, {report['rounds']} rounds; letters/s of one core, median (min–max)")
    print(f"{'engine':<48} {'letters/s':>24} {'× platypus':>11} {'bytes':>7} {'MB':>6} {'growth':>7}")
    for row in report["engines"]:  # type: ignore[attr-defined]
        rate = f"{row['rate']:,.0f} ({row['rate_min']:,.0f}–{row['rate_max']:,.0f})"
        print(
            f"{row['label']:<48} {rate:>24} {row['ratio']:>11.1f} {row['bytes']:>7,.0f} {row['memory_mb']:>6.0f} "
            f"{row['growth_mb']:>7.1f}"
        )


def main(arguments: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command")
    engines = commands.add_parser("engines", help="compare the letter engines (the default)")
    one = commands.add_parser("engine", help="measure one engine in this process")
    one.add_argument("engine", choices=ENGINES)
    for command in (engines, one):
        command.add_argument("--count", type=int, default=1000, help="letters a round")
    engines.add_argument("--rounds", type=int, default=3)
    engines.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] not in (*commands.choices, "-h", "--help"):
        given.insert(0, "engines")
    options = parser.parse_args(given)
    if options.command == "engine":
        print(json.dumps(measure(options.engine, options.count)))
        return
    report = compare(options.count, options.rounds)
    if options.json:
        print(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        show(report)


if __name__ == "__main__":
    main()
