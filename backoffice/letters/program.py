"""The page program: a template compiled once; each letter is then laid out in a few microseconds."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from operator import itemgetter
from typing import Any

from backoffice.core.typography import curly_apostrophes
from backoffice.letters.faults import LetterFault
from backoffice.letters.kinds import LetterField, LetterKind
from backoffice.letters.model import Align, Block, Ink, Sheet, Text, Zone
from backoffice.letters.placing import Column, Placing, column, place
from backoffice.letters.plan import Plan
from backoffice.letters.setting import (
    Line,
    Shown,
    break_lines,
    filled,
    number,
    one_line_template,
    show,
    static_lines,
    text_width,
)
from backoffice.letters.typefaces import typeface

ADDRESS_SIZES = (1.0, 0.95, 0.9, 0.86)
"""What the size of the address may be multiplied by, in turn, for its longest line to fit the window."""

_CACHE_LIMIT = 4096
_SPACES = re.compile(r"[ \t\r\n\f\v]+")  # not the no-break one
_MAX_ADDRESS_LINES = 7
_SAMPLE_ADDRESS_LINES = 6
_NO_ROOM = (
    "Le texte de ce courrier ne tient pas sur sa page, "
    "à cause d’un nom ou d’une adresse trop longs : l’éditer à la main."
)


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A letter that fits, without its code nor its id."""

    plan: Plan
    pieces: list[bytes]
    """Operators of its variable paragraphs, in the plan's order; empty for the late one."""
    rare: frozenset[str]
    """The font resources of rare characters it uses."""


class PageProgram:
    """A compiled template. Read-only but for its caches; not to be shared between threads."""

    def __init__(self, kind: LetterKind, sheet: Sheet) -> None:
        self.kind = kind
        self.sheet = sheet
        self.version = sheet.digest
        """SHA-256 of the docx: what a sealed lot records as its template version."""
        self._late = late = kind.late
        self.variables: list[_Variable] = []
        self.statics: dict[int, Shown] = {}
        counts = []
        for index, block in enumerate(sheet.blocks):
            where = column(sheet, block)
            if block.zone is Zone.ADDRESS:
                self._address = len(self.variables)
                self.variables.append(_Variable(index, block, where))
                counts.append(0)
            elif block.slots:
                is_late = late is not None and any(slot.field == late.name for slot in block.slots)
                self.variables.append(_Variable(index, block, where, late=is_late))
                counts.append(1)
            else:
                lines = static_lines(block, where.first, where.others)
                self.statics[index] = show(block, lines, where.others)
                counts.append(len(lines))
        self._static_counts = counts
        self._lefts = tuple(column(sheet, block).x for block in sheet.blocks)
        self._plans: dict[tuple[int, ...], Plan | LetterFault] = {}
        address = self.variables[self._address]
        ink = address.block.slots[0].ink
        self._address_sizes = [
            _AddressSize(address.block, replace(ink, size=round(ink.size * factor, 2)), address.column.others)
            for factor in ADDRESS_SIZES
        ]
        self._around_late = _around_late(self.variables, late)

    def lay_out(self, values: Mapping[str, str], address: tuple[str, ...]) -> LaidOut:
        """One letter, without its late field: `values` by field name, `address` as made by `address_block`.

        Raises LetterFault, with a French reason, when it does not fit its page or cannot be drawn.
        """
        pieces: list[bytes] = []
        counts: list[int] = []
        rare: frozenset[str] = frozenset()
        for variable in self.variables:
            if variable.late:
                pieces.append(b"")
                counts.append(1)
                continue
            if variable.block.zone is Zone.ADDRESS:
                shown = self._set_address(address)
            else:
                try:
                    key = variable.reader(values)
                except KeyError as missing:
                    raise LetterFault(f"Il manque une valeur pour le champ « {missing.args[0]} ».") from None
                found = variable.cache.get(key)
                shown = found if found is not None else variable.set(key, values)
            pieces.append(shown.operators)
            counts.append(shown.lines)
            if shown.rare:
                rare |= shown.rare
        chosen = tuple(counts)
        plan = self._plans.get(chosen)
        if plan is None:
            plan = self._plans[chosen] = self._plan(chosen)
        if isinstance(plan, LetterFault):
            raise LetterFault(str(plan))
        return LaidOut(plan, pieces, rare)

    @cached_property
    def sample_placing(self) -> Placing:
        """Where everything stands in an ordinary letter: six lines of address, the other fields as their samples."""
        values = {field.name: field.sample for field in self.kind.fields}
        counts = []
        for variable in self.variables:
            if variable.block.zone is Zone.ADDRESS:
                counts.append(_SAMPLE_ADDRESS_LINES)
            else:
                where = variable.column
                counts.append(len(break_lines(filled(variable.block, values), where.first, where.others)))
        return self.placing(tuple(counts))

    def placing(self, counts: tuple[int, ...]) -> Placing:
        """Where everything stands when the variable paragraphs have these line counts."""
        every = list(self._static_counts)
        for variable, count in zip(self.variables, counts, strict=True):
            every[variable.index] = count
        return place(self.sheet, every)

    def late_operators(self, value: str) -> bytes:
        """The operators of the late field's value. Raises LetterFault unless it is built as its sample is."""
        late = self._late
        if late is None or len(value) != len(late.sample) or not (value.isascii() and value.replace(" ", "").isalnum()):
            raise LetterFault("Le code de création n’a pas la forme attendue : le courrier n’est pas imprimé.")
        before, after = self._around_late
        return b"%s%s%s" % (before, value.encode("ascii"), after)

    def _plan(self, counts: tuple[int, ...]) -> Plan | LetterFault:
        placing = self.placing(counts)
        if placing.overflow > 0 or placing.intrusion > 0:
            return LetterFault(_NO_ROOM)
        return Plan(placing, self._lefts, self.statics)

    def _set_address(self, address: tuple[str, ...]) -> Shown:
        if not 0 < len(address) <= _MAX_ADDRESS_LINES:
            raise LetterFault("L’adresse doit avoir de une à sept lignes : la corriger, puis rééditer le courrier.")
        for size in self._address_sizes:
            shown = size.set(address)
            if shown is not None:
                return shown
        raise LetterFault(
            "Une ligne de l’adresse est trop large pour la fenêtre de l’enveloppe : la raccourcir, puis rééditer."
        )


def _around_late(variables: list["_Variable"], late: LetterField | None) -> tuple[bytes, bytes]:
    """What comes before and after the late value: in a monospaced face, each is as wide as its sample."""
    for variable in variables:
        if late and variable.late:
            before, after = variable.show({late.name: late.sample}).operators.split(late.sample.encode("ascii"))
            return before, after
    return b"", b""


class _Variable:
    """A paragraph with merge fields, and the ones already set: caisse and date are the same in thousands of letters."""

    def __init__(self, index: int, block: Block, where: Column, *, late: bool = False) -> None:
        self.index = index
        self.block = block
        self.column = where
        self.late = late
        self.cache: dict[Any, Shown] = {}
        fields = list(dict.fromkeys(slot.field for slot in block.slots))
        self.reader = itemgetter(*fields)
        """Gets the key of the cache from the values of a letter."""
        self._slots = [(slot.field, typeface(slot.ink.face), slot.ink.size / 1000) for slot in block.slots]
        self._template: bytes | None = None
        texts = [piece for piece in block.pieces if isinstance(piece, Text)]
        plain = len(texts) + len(self._slots) == len(block.pieces) and block.align is Align.LEFT
        if plain and not show(block, [Line(tuple((t.ink, t.text) for t in texts), 0)], 0).rare:
            self._template = one_line_template(block)
            self._room = where.first - sum(text_width(text.text, text.ink) for text in texts)

    def set(self, key: Any, values: Mapping[str, str]) -> Shown:
        """The paragraph of one letter. Raises LetterFault."""
        cleaned = {field: _clean(field, values[field]) for field, _, _ in self._slots}
        shown = self._on_one_line(cleaned) or self.show(cleaned)
        if len(self.cache) >= _CACHE_LIMIT:
            self.cache.clear()
        self.cache[key] = shown
        return shown

    def _on_one_line(self, values: Mapping[str, str]) -> Shown | None:
        """The usual case, without breaking lines; None when it takes the long way."""
        if self._template is None:
            return None
        room, codes = self._room, []
        for field, face, scale in self._slots:
            value = values[field]
            code = face.common_codes(value)
            if code is None:
                return None
            room -= face.width(value) * scale
            codes.append(code)
        return Shown(self._template % tuple(codes), 1) if room >= 0 else None

    def show(self, values: Mapping[str, str]) -> Shown:
        """The paragraph, by the long way."""
        where = self.column
        return show(self.block, break_lines(filled(self.block, values), where.first, where.others), where.others)


class _AddressSize:
    """The address at one of its sizes."""

    def __init__(self, block: Block, ink: Ink, available: float) -> None:
        self._block = block
        self._ink = ink
        self._available = available
        self._face = typeface(ink.face)
        self._surely = int(available / (self._face.widest * ink.size / 1000))
        sample = show(block, [Line(((ink, "A"),), 0.0)], 0.0).operators
        self._head, self._tail = sample.split(b"(A)Tj")
        self._head += b"%s TL " % number(block.leading)

    def set(self, address: tuple[str, ...]) -> Shown | None:
        """Its operators; None when a line is too wide at this size. Raises LetterFault."""
        codes = []
        for line in address:
            if len(line) > self._surely and text_width(line, self._ink) > self._available:
                return None
            code = self._face.common_codes(line)
            if code is None:
                return self._long_way(address)
            codes.append(code)
        first, *others = codes
        lines = b"".join([b"\n(%s)'" % code for code in others])
        return Shown(b"%s(%s)Tj%s%s" % (self._head, first, lines, self._tail), len(codes))

    def _long_way(self, address: tuple[str, ...]) -> Shown | None:
        if max(text_width(line, self._ink) for line in address) > self._available:
            return None
        return show(self._block, [Line(((self._ink, line),), 0.0) for line in address], 0.0)


def _clean(field: str, value: str) -> str:
    cleaned = _SPACES.sub(" ", value).strip(" ")
    if not cleaned or cleaned.isspace():
        raise LetterFault(
            f"Le champ « {field} » est vide : compléter la fiche de la personne, puis rééditer le courrier."
        )
    return curly_apostrophes(unicodedata.normalize("NFC", cleaned))
