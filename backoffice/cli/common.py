"""What every command shares: opening the office, printing JSON or a French text, parameter types."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from backoffice.core.actor import Actor, system_actor
from backoffice.office import Office, open_office
from backoffice.settings import Settings

ACTOR_LOGIN = "ligne-de-commande"


def operator() -> Actor:
    """Who acts from the command line: the system, on an operator's word, named as such in the journal."""
    return system_actor(ACTOR_LOGIN)


@contextmanager
def office_open() -> Iterator[Office]:
    """The office over the settings of the environment, closed after."""
    office = open_office(Settings.from_env(), application="ligne-de-commande")
    try:
        yield office
    finally:
        office.close()


def print_json(content: Any) -> None:
    """One JSON document on stdout and nothing else."""
    sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=1, default=str) + "\n")


class FrenchDate(click.ParamType[date]):
    """A date: AAAA-MM-JJ or JJ/MM/AAAA."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day, or a usage error."""
        if isinstance(value, date):
            return value
        text = str(value)
        try:
            if "/" in text:
                day, month, year = text.split("/")
                return date(int(year), int(month), int(day))
            return date.fromisoformat(text)
        except ValueError:
            self.fail(f"« {text[:20]} » n’est pas une date : écrivez AAAA-MM-JJ, par exemple 2016-05-03.", param, ctx)


DATE = FrenchDate()
json_option = click.option("--json", "as_json", is_flag=True, help="Un seul document JSON sur la sortie standard.")


class Rate(ProgressColumn):
    """Units a second, smoothed by rich."""

    def render(self, task: Task) -> Text:
        """ "12 345/s", or nothing yet."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s".replace(",", " ") if speed else "", style="cyan")


def progress_bar() -> Progress:
    """A bar on stderr with rate and time left; silent when stderr is no terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description:<34}"), BarColumn(bar_width=32), MofNCompleteColumn(), Rate(),
        TextColumn("reste"), TimeRemainingColumn(compact=True),
        console=console, disable=not console.is_terminal, transient=False,
    )  # fmt: skip


def number(value: int) -> str:
    """ "12 345", as French writes it."""
    return f"{value:,}".replace(",", " ")
