"""The looks of a docx paragraph and of its runs, with the inheritance of styles (ECMA-376, part 1, 17.7)."""

import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from docx.oxml.ns import qn

from backoffice.letters.model import Align, Block, Edge, Ink, Panel, Piece, Text, Zone
from backoffice.letters.typefaces import typeface

_TWIP = 1 / 20
_BLACK = "000000"
_HEX = re.compile(r"[0-9A-Fa-f]{6}")
_OFF = {"0", "false", "off", "none"}
_ALIGN = {
    None: Align.LEFT, "left": Align.LEFT, "start": Align.LEFT, "center": Align.CENTRE,
    "right": Align.RIGHT, "end": Align.RIGHT,
}  # fmt: skip
_UNDRAWN = {
    "strike": "du texte barré", "dstrike": "du texte barré", "caps": "l’attribut « majuscules » : taper en capitales",
    "smallCaps": "des petites capitales", "vanish": "du texte masqué", "vertAlign": "un exposant ou un indice",
    "highlight": "du surlignage : employer la trame de fond du paragraphe", "outline": "un effet de contour",
    "u": "du texte souligné : employer le gras",
}  # fmt: skip
_SIDES = ("left", "top", "right", "bottom")


class Looks:
    """Resolves properties along: own properties, character style, paragraph style and its bases, document defaults."""

    def __init__(self, document: Any, fail: Callable[[str, str], NoReturn]) -> None:
        self.fail = fail
        styles = document.styles.element
        self._styles = {style.get(qn("w:styleId")): style for style in styles.findall(qn("w:style"))}
        self._default = next(
            (
                style.get(qn("w:styleId"))
                for style in styles.findall(qn("w:style"))
                if style.get(qn("w:type")) == "paragraph" and style.get(qn("w:default")) in ("1", "true")
            ),
            None,
        )
        defaults = styles.find(qn("w:docDefaults"))
        self._defaults = [] if defaults is None else [defaults]

    def _bases(self, style_id: str | None) -> Iterator[Any]:
        seen = set()
        while style_id in self._styles and style_id not in seen:
            seen.add(style_id)
            style = self._styles[style_id]
            yield style
            based = style.find(qn("w:basedOn"))
            style_id = None if based is None else based.get(qn("w:val"))

    def _paragraph_chain(self, paragraph: Any) -> list[Any]:
        named = paragraph.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
        return list(self._bases(self._default if named is None else named.get(qn("w:val"))))

    def _paragraph_properties(self, paragraph: Any) -> list[Any]:
        found = [holder.find(qn("w:pPr")) for holder in (paragraph, *self._paragraph_chain(paragraph))]
        found += [holder.find(f"{qn('w:pPrDefault')}/{qn('w:pPr')}") for holder in self._defaults]
        return [properties for properties in found if properties is not None]

    def _run_properties(self, paragraph: Any, run: Any | None) -> list[Any]:
        found = []
        if run is not None:
            own = run.find(qn("w:rPr"))
            found.append(own)
            character = None if own is None else own.find(qn("w:rStyle"))
            if character is not None:
                found += [style.find(qn("w:rPr")) for style in self._bases(character.get(qn("w:val")))]
        found += [style.find(qn("w:rPr")) for style in self._paragraph_chain(paragraph)]
        found += [holder.find(f"{qn('w:rPrDefault')}/{qn('w:rPr')}") for holder in self._defaults]
        return [properties for properties in found if properties is not None]

    def ink(self, paragraph: Any, run: Any | None, where: str) -> Ink:
        """How a run is drawn; with no run, how the paragraph's own characters are."""
        chain = self._run_properties(paragraph, run)
        for name, what in _UNDRAWN.items():
            value = _attribute(chain, name, "val", "on")
            if run is not None and value is not None and value not in (*_OFF, "baseline"):
                self.fail(where, f"il y a {what}")
        size = float(_attribute(chain, "sz", "val") or 20) / 2
        colour = _attribute(chain, "color", "val") or "auto"
        font = _attribute(chain, "rFonts", "ascii") or ""
        bold, italic = (_attribute(chain, toggle, "val", "on") not in (None, *_OFF) for toggle in ("b", "i"))
        if "mono" in font.casefold():
            face = "M"
        elif bold and italic and run is not None:
            self.fail(where, "il y a du gras italique : choisir l’un ou l’autre")
        else:
            face = "B" if bold else "I" if italic else "R"
        return Ink(face, size, colour.upper() if _HEX.fullmatch(colour) else _BLACK)

    def block(self, zone: Zone, paragraph: Any, pieces: tuple[Piece, ...], base: Ink, where: str) -> Block:
        """The paragraph as a block."""
        chain = self._paragraph_properties(paragraph)
        align = _attribute(chain, "jc", "val")
        if align not in _ALIGN:
            self.fail(where, "le texte est justifié : l’aligner à gauche, au centre ou à droite")
        numbering = _attribute(chain, "numPr/w:numId", "val")
        if numbering not in (None, "0"):
            self.fail(where, "il y a une liste automatique : taper le tiret ou le numéro au clavier")
        inks = [piece.ink for piece in pieces if hasattr(piece, "ink")] or [base]
        hanging = _twips(chain, "ind", "hanging")
        return Block(
            zone=zone,
            pieces=pieces or (Text("", base),),
            heading=_attribute(chain, "outlineLvl", "val") == "0",
            align=_ALIGN[align],
            left=_twips(chain, "ind", "left", "start"),
            right=_twips(chain, "ind", "right", "end"),
            first=-hanging if hanging else _twips(chain, "ind", "firstLine"),
            before=_twips(chain, "spacing", "before"),
            after=_twips(chain, "spacing", "after"),
            leading=_leading(chain, inks),
            ascent=max(ink.size for ink in inks),
            panel=_panel(chain),
            where=where,
        )


def _attribute(chain: list[Any], path: str, attribute: str, present: str | None = None) -> str | None:
    """The first value found along the chain; `present` when the element is there without it."""
    for properties in chain:
        element = properties.find(f"w:{path}", properties.nsmap)
        if element is not None:
            value: str | None = element.get(qn(f"w:{attribute}"))
            if value is not None or present is not None:
                return value if value is not None else present
    return None


def _twips(chain: list[Any], element: str, *attributes: str) -> float:
    for attribute in attributes:
        value = _attribute(chain, element, attribute)
        if value is not None:
            return float(value) * _TWIP
    return 0.0


def _leading(chain: list[Any], inks: list[Ink]) -> float:
    natural = max((typeface(ink.face).ascent + typeface(ink.face).descent) * ink.size for ink in inks)
    line = float(_attribute(chain, "spacing", "line") or 240)
    rule = _attribute(chain, "spacing", "lineRule") or "auto"
    if rule == "exact":
        return line * _TWIP
    if rule == "atLeast":
        return max(natural, line * _TWIP)
    return natural * line / 240


def _panel(chain: list[Any]) -> Panel | None:
    fill = _attribute(chain, "shd", "fill")
    edges = {side: _edge(chain, side) for side in _SIDES}
    panel = Panel(fill.upper() if fill and _HEX.fullmatch(fill) else None, **edges)
    return None if panel == Panel() else panel


def _edge(chain: list[Any], side: str) -> Edge | None:
    kind = _attribute(chain, f"pBdr/w:{side}", "val")
    if kind in (None, "nil", "none"):
        return None
    size = float(_attribute(chain, f"pBdr/w:{side}", "sz") or 4) / 8
    space = float(_attribute(chain, f"pBdr/w:{side}", "space") or 0)
    colour = _attribute(chain, f"pBdr/w:{side}", "color") or "auto"
    return Edge(size, colour.upper() if _HEX.fullmatch(colour) else _BLACK, space)
