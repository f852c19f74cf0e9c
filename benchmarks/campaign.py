"""The whole of `caisse campaign run` by stage, against the rate at which platypus alone could draw its pages.

    .venv/bin/python benchmarks/campaign.py                              20,000 and 200,000 persons, a few minutes
    .venv/bin/python benchmarks/campaign.py --persons 20000 1000000 --json

Each run has a data folder of its own, starts its own services and ends them. The comparison is hard on us: platypus
draws on every core with nothing else to do, the campaign reads, checks, stores, selects, issues codes, draws, seals.
Read the ratio; single figures follow the machine. Insured persons are synthetic.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CAISSE = Path(sys.executable).with_name("caisse")
PLATYPUS_LETTERS = 600


def platypus_rate() -> float:
    """Letters a second that plain platypus draws on all cores at once, each core its own process."""
    command = [
        sys.executable, str(ROOT / "benchmarks" / "letters.py"), "engine", "platypus", "--count", str(PLATYPUS_LETTERS),
    ]  # fmt: skip
    started = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(os.cpu_count() or 1)
    ]
    return sum(float(json.loads(process.communicate()[0])["rate"]) for process in started)


def campaign(persons: int, folder: Path) -> dict[str, object]:
    """One campaign for everybody by post; what its `resume.json` says."""
    env = os.environ | {"CAISSE_DATA": str(folder / "data")}
    population = folder / "population.csv.gz"
    letter_date = (date.today() + timedelta(days=7)).isoformat()  # noqa: DTZ011 - any day to come will do
    for command in (
        ["demo", "population", "--caisse", "311", "--count", str(persons), "--seed", "7", "--out", str(population)],
        [
            "campaign", "run", "--population", str(population), "--caisse", "311", "--letter-date", letter_date,
            "--canal", "courrier", "--out", str(folder / "out"), "--json",
        ],
    ):  # fmt: skip
        subprocess.run(
            [str(CAISSE), *command], env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    result: dict[str, object] = json.loads((folder / "out" / "resume.json").read_text(encoding="utf-8"))
    return result


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--persons", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = []
    for persons in options.persons:
        before = platypus_rate()
        with tempfile.TemporaryDirectory(prefix="campagne-") as folder:
            Path(folder).chmod(0o711)  # PostgreSQL, never root, must pass through
            result = campaign(persons, Path(folder))
        platypus = (before + platypus_rate()) / 2
        seconds = result["seconds"]
        assert isinstance(seconds, dict)
        letters = int(str(result["letters"]))
        report.append(
            {
                "persons": persons, "letters": letters, "seconds": seconds,
                "letters_per_second": round(letters / seconds["total"]),
                "persons_per_second": round(persons / seconds["total"]),
                "platypus_per_second": round(platypus), "ratio": round(letters / seconds["total"] / platypus, 1),
                "peak_memory_mb": round(int(str(result["peak_memory_bytes"])) / 1e6),
            }
        )  # fmt: skip
    if options.json:
        print(json.dumps(report, indent=1))
        return
    heads = ("persons", "letters", "import", "select", "lots", "total s", "letters/s", "× platypus", "MB")
    print("".join(f"{head:>11}" for head in heads))
    for row in report:
        s = row["seconds"]
        cells = (
            f"{row['persons']:,}", f"{row['letters']:,}", f"{s['import']:.1f}", f"{s['selection']:.1f}", f"{s['lots']:.1f}",
            f"{s['total']:.1f}", f"{row['letters_per_second']:,}", f"{row['ratio']:.1f}", f"{row['peak_memory_mb']}",
        )  # fmt: skip
        print("".join(f"{cell:>11}" for cell in cells))


if __name__ == "__main__":
    main()
