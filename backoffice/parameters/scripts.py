"""Texts that agents read out or to themselves: declared in full, and rewritten by an administrator where needed."""

from dataclasses import dataclass
from typing import Any, Final

from backoffice.core.errors import Invalid
from backoffice.parameters.declaration import Parameter

LONGEST: Final = 6000


@dataclass(frozen=True, slots=True, kw_only=True)
class Script(Parameter[str]):
    """One text. Paragraphs are parted by an empty line; a line that begins with "- " is an item of a list."""

    def checked(self, value: str) -> str:
        """Neither empty nor endless."""
        text = "\n".join(line.rstrip() for line in value.replace("\r\n", "\n").split("\n")).strip()
        if not text:
            raise Invalid("Le texte est vide : écrivez-le, ou revenez au texte d’origine.")
        if len(text) > LONGEST:
            raise Invalid(f"Le texte dépasse {LONGEST} caractères : un conseiller doit pouvoir le lire au téléphone.")
        if any(not (letter.isprintable() or letter == "\n") for letter in text):
            raise Invalid("Le texte contient des caractères invisibles : recopiez-le sans mise en forme.")
        return text

    def to_json(self, value: str) -> str:
        """Itself."""
        return value

    def from_json(self, kept: Any) -> str:
        """Itself."""
        return str(kept)

    def in_words(self, value: str) -> str:
        """Its beginning."""
        flat = " ".join(value.split())
        return flat if len(flat) <= 120 else f"{flat[:119]}…"


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a text as a page shows it: a paragraph, or a list."""

    lines: tuple[str, ...]
    is_list: bool


def blocks_of(text: str) -> tuple[Block, ...]:
    """The text cut into paragraphs and lists; nothing in it is ever markup."""
    found: list[Block] = []
    for piece in text.replace("\r\n", "\n").split("\n\n"):
        run: list[str] = []
        for line in filter(None, map(str.strip, piece.split("\n"))):
            if run and run[0].startswith("- ") != line.startswith("- "):
                found.append(_block(run))
                run = []
            run.append(line)
        if run:
            found.append(_block(run))
    return tuple(found)


def _block(lines: list[str]) -> Block:
    is_list = lines[0].startswith("- ")
    return Block(tuple(line[2:].strip() if is_list else line for line in lines), is_list)
