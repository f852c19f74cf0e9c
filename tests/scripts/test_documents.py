"""Maintainers' documents against the code."""

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import click
import pytest

from backoffice.campaigns import criteria, kinds, rules
from backoffice.cli.commands import caisse
from backoffice.core import actor

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def enumerations() -> Iterator[type[StrEnum]]:
    for module in (rules, kinds, criteria, actor):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, StrEnum) and value.__module__ == module.__name__:
                yield value


@pytest.mark.parametrize("enumeration", list(enumerations()), ids=lambda one: one.__name__)
def test_every_value_of_the_trade_is_in_the_glossary(enumeration: type[StrEnum]) -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert enumeration.__name__ in glossary
    missing = [value for value in enumeration if f"| `{value.value}` |" not in glossary]
    assert missing == []


def test_every_setting_is_in_the_table_of_operations_and_no_other() -> None:
    read = set(re.findall(r'"([A-Z][A-Z_]{4,})"', (ROOT / "backoffice" / "settings.py").read_text(encoding="utf-8")))
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", operations, re.MULTILINE)) == read


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, command in caisse.commands.items():
        assert re.search(rf"`(caisse )?{name}[ `]", readme), name
        if isinstance(command, click.Group):
            for step in command.commands:
                assert re.search(rf"`(caisse {name} )?{step}[ `]", readme), f"{name} {step}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_decisions_that_are_named_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    numbers = set(re.findall(r"\(?decisions? (\d{4})", text)) | set(re.findall(r"decisions/(\d{4})", text))
    known = {path.name[:4] for path in (ROOT / "docs" / "decisions").iterdir()}
    assert numbers <= known
