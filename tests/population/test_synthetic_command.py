"""`caisse demo population`: one French line, JSON alone when asked, an exit status a script can rely on."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from backoffice.cli.commands import run as caisse


@dataclass(frozen=True)
class Result:
    exit_code: int
    stdout: str
    stderr: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    def call(*arguments: str) -> Result:
        status = caisse(["demo", "population", *arguments])
        said = capsys.readouterr()
        return Result(status, said.out, said.err)

    return call


def test_it_writes_the_file_and_says_what_is_in_it(run: Callable[..., Result], tmp_path: Path) -> None:
    out = tmp_path / "f.csv.gz"
    result = run("--caisse", "631", "--count", "1500", "--seed", "9", "--out", str(out))
    assert result.exit_code == 0
    assert out.exists()
    assert result.stderr == ""
    (line,) = result.stdout.splitlines()
    assert line.startswith("1\u00a0500 personnes fictives")
    assert "ayants droit" in line


def test_json_is_the_only_thing_on_stdout(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("--caisse", "221", "--caisse", "251", "--count", "300", "--out", str(tmp_path / "f.csv"), "--json")
    told = json.loads(result.stdout)
    assert told["personnes"] == 300
    assert told["caisses"].keys() == {"221", "251"}
    assert sum(told["caisses"].values()) == 300


def test_toutes_means_the_nine_caisses(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("--caisse", "toutes", "--count", "900", "--out", str(tmp_path / "f.csv"), "--json")
    assert len(json.loads(result.stdout)["caisses"]) == 9


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"--caisse": ""}, 2, "--caisse"),
        ({"--count": ""}, 2, "--count"),
        ({"--out": ""}, 2, "--out"),
        ({"--count": "beaucoup"}, 2, "nombre entier"),
        ({"--count": "-5"}, 2, "nombre entier"),
        ({"--count": "0"}, 2, "entre 1 et"),
        ({"--count": "99999999999"}, 2, "entre 1 et"),
        ({"--seed": "x"}, 2, "nombre entier"),
        ({"--date": "hier"}, 2, "AAAA-MM-JJ"),
        ({"--date": "1789-07-14"}, 2, "entre 2000 et 2100"),
        ({"--caisse": "75"}, 1, "n’est pas l’une des neuf"),
        ({"--out": "/nowhere/f.csv"}, 1, "n’existe pas"),
    ],
)
def test_a_wrong_argument_is_one_french_line_and_no_file(
    run: Callable[..., Result], tmp_path: Path, changes: dict[str, str], status: int, said: str
) -> None:
    given = {"--caisse": "631", "--count": "10", "--out": str(tmp_path / "f.csv")} | changes
    result = run(*(part for option, value in given.items() if value for part in (option, value)))
    assert result.exit_code == status
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert said in line
    assert [*tmp_path.iterdir()] == []
