"""Merge fields in a text: `{{ personne.nom }}`."""

import re
from collections.abc import Callable, Iterator
from typing import NoReturn

_FIELD = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_NAME = re.compile(r"[a-z_]+(\.[a-z_]+)*")


def split_fields(text: str, fail: Callable[[str], NoReturn]) -> Iterator[tuple[int, int, str | None]]:
    """The stretches of `text` as (start, end, field name, or None for plain text), in order and without gaps.

    Calls `fail` with what is wrong, in French, when braces do not close or a name cannot be one.
    """
    done = 0
    for match in _FIELD.finditer(text):
        if match.start() > done:
            yield _plain(text, done, match.start(), fail)
        name = match.group(1)
        if not _NAME.fullmatch(name):
            fail(f"le champ « {name} » n’est pas un nom de champ : l’écrire comme {{{{ personne.nom }}}}")
        yield match.start(), match.end(), name
        done = match.end()
    if done < len(text):
        yield _plain(text, done, len(text), fail)


def _plain(text: str, start: int, end: int, fail: Callable[[str], NoReturn]) -> tuple[int, int, None]:
    if "{{" in text[start:end] or "}}" in text[start:end]:
        fail("les doubles accolades d’un champ ne se referment pas : l’écrire comme {{ personne.nom }}")
    return start, end, None
