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
    most: int | None = None
    """Rows beyond which nobody counted; `total` is one more then."""

    @property
    def offset(self) -> int:
        """Rows before it."""
        return (self.number - 1) * self.size


def asked_page(total: int, size: int = SIZE, *, most: int | None = None) -> Page:
    """The page that the address asks for (`?page=2`), brought within what there is, or was counted."""
    last = max(1, -(-(total if most is None else min(total, most)) // size))
    number = request.args.get("page", 1, int)
    return Page(min(max(number, 1), last), last, total, size, most)
