"""What stands on a PDF page, by a small reader of our own: characters, surfaces and images with their places."""

import re
from dataclasses import dataclass, field
from typing import Any

import pikepdf

MM = 72 / 25.4
HEIGHT = 297 * MM


@dataclass(frozen=True)
class Glyph:
    """A character; points from the bottom left corner of the page."""

    char: str
    x: float
    y: float
    width: float
    size: float
    font: str


@dataclass(frozen=True)
class Surface:
    """A filled rectangle or an image."""

    left: float
    bottom: float
    right: float
    top: float
    image: bool = False


@dataclass
class Drawn:
    """Everything drawn on a page, in drawing order."""

    glyphs: list[Glyph] = field(default_factory=list)
    surfaces: list[Surface] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(glyph.char for glyph in self.glyphs)

    def boxes_mm(self) -> list[tuple[float, float, float, float, str]]:
        """Left, top, right and bottom of each thing, in millimetres from the top left corner, and what it is."""
        found = [
            (g.x, g.y + g.size * 0.9, g.x + g.width, g.y - g.size * 0.25, g.char) for g in self.glyphs if g.char.strip()
        ]
        found += [(s.left, s.top, s.right, s.bottom, "image" if s.image else "surface") for s in self.surfaces]
        return [
            (left / MM, (HEIGHT - top) / MM, right / MM, (HEIGHT - low) / MM, what)
            for left, top, right, low, what in found
        ]


def drawn(page: pikepdf.Page) -> Drawn:
    """Reads one page, its forms included."""
    out = Drawn()
    _run(page, page.obj, (1, 0, 0, 1, 0, 0), out)
    return out


def _times(inner: tuple[float, ...], outer: tuple[float, ...]) -> tuple[float, ...]:
    a, b, c, d, e, f = inner
    g, h, i, j, k, m = outer
    return (a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m)


def _run(stream: Any, holder: Any, ctm: tuple[float, ...], out: Drawn) -> None:
    resources = holder.Resources if "/Resources" in holder else pikepdf.Dictionary()
    stack: list[tuple[float, ...]] = []
    line: tuple[float, ...] = (1, 0, 0, 1, 0, 0)
    at = line
    widths: dict[int, int] = {}
    chars: dict[int, str] = {}
    face, size, leading = "", 0.0, 0.0

    def shift(x: float, y: float) -> None:
        nonlocal line, at
        line = at = _times((1, 0, 0, 1, x, y), line)

    def show(codes: bytes) -> None:
        nonlocal at
        # Text is upright and unscaled on these pages, which a reader of characters may rely on.
        x, y = _times(at, ctm)[4:]
        advance = 0.0
        for code in codes:
            width = widths[code] * size / 1000
            out.glyphs.append(Glyph(chars.get(code, "\ufffd"), x + advance, y, width, size, face))
            advance += width
        at = _times((1, 0, 0, 1, advance, 0), at)

    for instruction in pikepdf.parse_content_stream(stream):
        name = str(instruction.operator)
        values = instruction.operands
        if name == "INLINE IMAGE":
            a, _, _, d, e, f = ctm
            out.surfaces.append(Surface(e, f, e + a, f + d, image=True))
        elif name == "q":
            stack.append(ctm)
        elif name == "Q":
            ctm = stack.pop()
        elif name == "cm":
            ctm = _times(tuple(float(v) for v in values), ctm)
        elif name == "Do":
            form = resources.XObject[str(values[0])]
            _run(form, form, ctm, out)
        elif name == "re":
            x, y, w, h = (float(v) for v in values)
            left, bottom = _times((1, 0, 0, 1, x, y), ctm)[4:]
            out.surfaces.append(Surface(left, bottom, left + w, bottom + h))
        elif name == "BT":
            line = at = (1, 0, 0, 1, 0, 0)
        elif name == "Tf":
            font, size = resources.Font[str(values[0])], float(values[1])
            face = str(font.BaseFont)
            widths, chars = _font(font)
        elif name == "TL":
            leading = float(values[0])
        elif name == "Tm":
            line = at = tuple(float(v) for v in values)
        elif name in ("Td", "TD"):
            shift(float(values[0]), float(values[1]))
        elif name in ("T*", "'"):
            shift(0, -leading)
        if name in ("Tj", "'"):
            show(bytes(values[0]))


_FONTS: dict[str, tuple[dict[int, int], dict[int, str]]] = {}


def _font(font: Any) -> tuple[dict[int, int], dict[int, str]]:
    if "/ToUnicode" not in font:  # reportlab names Helvetica on every page, and shows nothing in it
        return {}, {}
    program = font.ToUnicode.read_bytes()
    key = f"{font.BaseFont}{hash(program)}"
    if key not in _FONTS:
        widths = dict(enumerate((int(width) for width in font.Widths), int(font.FirstChar)))
        _FONTS[key] = widths, _characters(program.decode("ascii"))
    return _FONTS[key]


def _characters(cmap: str) -> dict[int, str]:
    chars = {}
    for block in re.findall(r"beginbfchar(.*?)endbfchar", cmap, re.DOTALL):
        for code, char in re.findall(r"<(\w+)>\s*<(\w+)>", block):
            chars[int(code, 16)] = bytes.fromhex(char).decode("utf-16-be")
    for block in re.findall(r"beginbfrange(.*?)endbfrange", cmap, re.DOTALL):
        for start, _, listed in re.findall(r"<(\w+)>\s*<(\w+)>\s*\[(.*?)\]", block, re.DOTALL):
            for rank, char in enumerate(re.findall(r"<(\w+)>", listed)):
                chars[int(start, 16) + rank] = bytes.fromhex(char).decode("utf-16-be")
    return chars


def mark_digits(page: pikepdf.Page) -> str:
    """What the DataMatrix of a page says, read back from its stencil."""
    import zxingcpp

    data = re.search(rb"BI/W 16/H 16/BPC 1/IM true/F/AHx ID (\w+)>\s+EI", page.Contents.read_bytes())
    assert data
    bits = bin(int(b"1" + data.group(1), 16))[3:].zfill(256)[-256:]
    scale = 6
    rows = [bits[start : start + 16] for start in range(0, 256, 16)]
    pixels = b"".join(b"".join(bytes([255 * int(bit)]) * scale for bit in row) * scale for row in rows)
    view = zxingcpp.ImageView(pixels, 16 * scale, 16 * scale, zxingcpp.ImageFormat.Lum)
    (found,) = zxingcpp.read_barcodes(view)
    assert found.format == zxingcpp.BarcodeFormat.DataMatrix
    return str(found.text)
