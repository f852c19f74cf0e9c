"""Pages of a long list."""

from dataclasses import dataclass
from typing import Final

from flask import request

SIZE: Final = 50


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows to show."""

    number: int
    last: int
    total: int
    size: int

    @property
    def offset(self) -> int:
        """Rows before it."""
        return (self.number - 1) * self.size


def asked_page(total: int, size: int = SIZE) -> Page:
    """The page that the address asks for (`?page=2`), brought within what there is."""
    last = max(1, -(-total // size))
    number = request.args.get("page", 1, int)
    return Page(min(max(number, 1), last), last, total, size)
