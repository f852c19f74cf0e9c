"""The same letter as an e-mail: subject, plain text and HTML, from the same docx.

The HTML stands alone: tables and inline styles, as mail clients want them, no image, no script, no address but that of
the portal. Values are escaped. In a dark client the author's colours are turned about, by a style sheet that a client
which knows nothing of it leaves out.
"""

from collections.abc import Iterator, Mapping
from html import escape
from itertools import groupby

from backoffice.letters.darkness import DarkSheet
from backoffice.letters.faults import LetterFault
from backoffice.letters.kinds import CAISSE_RETURN
from backoffice.letters.model import Align, Block, Edge, Ink, LineBreak, Panel, Slot, Zone
from backoffice.letters.program import PageProgram

PORTAL = "www.mon-dmp.fr"
"""The only link of a message; written plainly in the letter."""

_FONTS = {"M": "'IBM Plex Mono',Consolas,'Courier New',monospace"}
_SANS = "'Source Sans 3','Segoe UI',Arial,Helvetica,sans-serif"
_WIDTH = 640
_READABLE = 11.0
"""Smallest size of characters on a screen, in points."""
_TABLE = 'role="presentation" cellpadding="0" cellspacing="0" border="0"'
# Outlook for Windows lays out with Word, which knows no max-width: it alone reads these comments.
_OUTLOOK = (
    f'<!--[if mso]><table {_TABLE} width="{_WIDTH}" align="center"><tr><td><![endif]-->\n',
    "\n<!--[if mso]></td></tr></table><![endif]-->",
)


def render_message(program: PageProgram, values: Mapping[str, str], code: str | None = None) -> tuple[str, str, str]:
    """Subject, text and HTML of one letter; `code` is its late field, as it is to be read.

    Raises LetterFault when a value is missing.
    """
    late = program.kind.late
    known = dict(values)
    if late is not None:
        if code is None:
            raise LetterFault("Il manque le code de création : le message n’est pas envoyé.")
        known[late.name] = code
    blocks = [block for block in program.sheet.blocks if _is_said(block)]
    return program.kind.subject, _text(blocks, known), _html(program, blocks, known)


def _is_said(block: Block) -> bool:
    """Whether an e-mail has use for the paragraph: neither of the two postal addresses is."""
    if block.zone is Zone.ADDRESS or any(slot.field == CAISSE_RETURN.name for slot in block.slots):
        return False
    return any(isinstance(piece, Slot) or getattr(piece, "text", "").strip() for piece in block.pieces)


def _text(blocks: list[Block], values: Mapping[str, str]) -> str:
    paragraphs = []
    for _, group in groupby(blocks, key=lambda block: (block.zone, block.panel, None if block.panel else block.where)):
        lines = ["".join(text if ink else "\n" for ink, text in _parts(block, values)) for block in group]
        paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs) + "\n"


def _html(program: PageProgram, blocks: list[Block], values: Mapping[str, str]) -> str:
    dark = DarkSheet()
    rows = "\n".join(_rows(blocks, values, dark))
    before, after = _OUTLOOK
    return (
        '<!DOCTYPE html>\n<html lang="fr">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="supported-color-schemes" content="light dark">\n'
        f"<title>{escape(program.kind.subject)}</title>\n<style>\n{dark.css()}</style>\n</head>\n"
        f'<body class="page" style="margin:0;padding:0;background:#ffffff;color:#000000;font-family:{_SANS}">\n'
        f'<div style="display:none;max-height:0;overflow:hidden">{escape(program.kind.label)}</div>\n'
        f'<table class="page" {_TABLE} width="100%" bgcolor="#ffffff"><tr><td align="center" style="padding:16px">\n'
        f'{before}<table {_TABLE} width="100%" style="max-width:{_WIDTH}px">\n{rows}\n</table>{after}\n'
        "</td></tr></table>\n</body>\n</html>\n"
    )


def _rows(blocks: list[Block], values: Mapping[str, str], dark: DarkSheet) -> Iterator[str]:
    for (zone, panel), group in groupby(blocks, key=lambda block: (block.zone, block.panel)):
        fill = panel.fill if panel else None
        paragraphs = "\n".join(_paragraph(block, values, dark, fill) for block in group)
        if panel is None:
            yield f'<tr><td align="left">\n{paragraphs}\n</td></tr>'
            continue
        room = "24px 0 0" if zone is Zone.FOOT else "12px 0 20px"
        colour = f' bgcolor="#{panel.fill}"' if panel.fill else ""
        yield (
            f'<tr><td style="padding:{room}"><table {_TABLE} width="100%"><tr>'
            f'<td align="left" class="{dark.panel(panel)}"{colour} style="padding:8px 14px;{_panel_style(panel)}">\n'
            f"{paragraphs}\n</td></tr></table></td></tr>"
        )


def _panel_style(panel: Panel) -> str:
    fill = f"background:#{panel.fill};" if panel.fill else ""
    sides = (("left", panel.left), ("top", panel.top), ("right", panel.right), ("bottom", panel.bottom))
    return fill + "".join(f"border-{name}:{_border(edge)};" for name, edge in sides if edge)


def _border(edge: Edge) -> str:
    return f"{max(edge.width, 0.75):g}pt solid #{edge.colour}"


def _paragraph(block: Block, values: Mapping[str, str], dark: DarkSheet, fill: str | None) -> str:
    tag = "h1" if block.heading else "p"
    inks = [ink for ink, _ in _parts(block, values) if ink]
    base = inks[0]
    inner = "".join(_part(ink, text, base, dark, fill) for ink, text in _parts(block, values))
    align = "" if block.align is Align.LEFT else f"text-align:{block.align.value};"
    below = 0 if block.panel else round(max(block.after, 2) * 1.3)
    style = f"margin:0 0 {below}px;{align}{_ink_style(base)};line-height:1.4"
    return f'<{tag} class="{dark.text(base.colour, fill)}" style="{style}">{inner}</{tag}>'


def _part(ink: Ink | None, text: str, base: Ink, dark: DarkSheet, fill: str | None) -> str:
    if ink is None:
        return "<br>"
    shown = escape(text).replace(
        PORTAL, f'<a href="https://{PORTAL}" style="color:inherit;white-space:nowrap">{PORTAL}</a>'
    )
    if ink == base:
        return shown
    if ink.face == "B" and base.face == "R" and (ink.size, ink.colour) == (base.size, base.colour):
        return f"<strong>{shown}</strong>"
    return f'<span class="{dark.text(ink.colour, fill)}" style="{_ink_style(ink)}">{shown}</span>'


def _ink_style(ink: Ink) -> str:
    family = f"font-family:{_FONTS[ink.face]};" if ink.face in _FONTS else ""
    weight = "bold" if ink.face in "BM" else "normal"
    slant = ";font-style:italic" if ink.face == "I" else ""
    return f"{family}font-size:{max(ink.size, _READABLE):g}pt;font-weight:{weight}{slant};color:#{ink.colour}"


def _parts(block: Block, values: Mapping[str, str]) -> Iterator[tuple[Ink | None, str]]:
    for piece in block.pieces:
        if isinstance(piece, LineBreak):
            yield None, ""
        elif isinstance(piece, Slot):
            try:
                yield piece.ink, values[piece.field]
            except KeyError:
                raise LetterFault(f"Il manque une valeur pour le champ « {piece.field} ».") from None
        else:
            yield piece.ink, piece.text
