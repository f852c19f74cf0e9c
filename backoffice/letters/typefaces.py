"""The faces that letters are set in: widths, a fixed repertoire of one-byte codes, subsets for embedding.

Each face has a *repertoire* of 253 characters whose code is the Latin-1 code point wherever there is one, so that a
text is encoded by one call of C. The other characters of the face are *rare*: they are drawn from further subsets of
the same face, so that a name is never altered. Only a character that the face does not have is refused.
"""

import codecs
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from reportlab.pdfbase.ttfonts import TTFontFile

from backoffice.letters.faults import LetterFault

_FILES = Path(__file__).parent / "typefaces"
FACES = {
    "R": "SourceSans3-Regular.ttf",
    "B": "SourceSans3-Bold.ttf",
    "I": "SourceSans3-Italic.ttf",
    "M": "IBMPlexMono-SemiBold.ttf",
}
"""Short name (the one that pages use) and file of each face: text, bold, italic, and the monospaced one of codes."""

_FORBIDDEN = frozenset((0x00, 0x0A, 0x0D))  # NUL is refused in ToUnicode by PDF/A; line ends change inside strings
_EXTRAS = "’‘“”–—…€œŒŸ•ŠšŽžŁłĆćČčŚśŹźŻżŃńĄąĘęĐđĞğİıŞşŐőŰűĚěŘřŮůŇňȚțȘșĂăŤť"
_SPARE = [code for code in (*range(0x01, 0x20), *range(0x7F, 0xA0)) if code not in _FORBIDDEN]
_LATIN_1 = {code: chr(code) for code in (*range(0x20, 0x7F), *range(0xA0, 0x100))}
REPERTOIRE: dict[int, str] = _LATIN_1 | dict(zip(_SPARE, _EXTRAS, strict=True))
"""Code in a page's strings -> character."""

_RARE_SIZE = 250
_UNDEFINED = "\ufffe"  # what the charmap codec takes for "no character here"


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text to be shown with one font resource."""

    resource: str
    """"R", or "R3" for the third subset of rare characters of that face."""
    codes: bytes
    """The text in that resource's codes, escaped for a PDF literal string."""


class Typeface:
    """One face: measures text, encodes it, and makes the subsets that files embed."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        self._file = TTFontFile(str(path))
        self.postscript_name: str = self._file.name.decode("ascii")
        self.ascent: float = self._file.ascent / 1000
        self.descent: float = -self._file.descent / 1000
        """Both in ems, positive."""
        self.widths: dict[str, int] = {
            chr(code): self._file.charWidths.get(code, self._file.defaultWidth) for code in self._file.charToGlyph
        }
        table = "".join(
            char if char in self.widths else _UNDEFINED
            for char in (REPERTOIRE.get(code, _UNDEFINED) for code in range(256))
        )
        self._common = codecs.charmap_build(table)
        usual = set(REPERTOIRE.values())
        self.widest = max(width for char, width in self.widths.items() if char in usual)
        """Of the repertoire, in thousandths of an em."""
        self._rare = sorted(char for char in self.widths if char not in usual and char.isprintable())

    def width(self, text: str) -> int:
        """Width of `text` in thousandths of an em.

        Raises LetterFault when the face lacks one of the characters.
        """
        try:
            return sum(map(self.widths.__getitem__, text))
        except KeyError as missing:
            raise LetterFault(_unprintable(missing.args[0])) from None

    def common_codes(self, text: str) -> bytes | None:
        """`text` in the codes of the repertoire, escaped; None when it has rare characters. Made for speed."""
        try:
            return _escaped(codecs.charmap_encode(text, "strict", self._common)[0])
        except UnicodeEncodeError:
            return None

    def encode(self, text: str) -> tuple[Run, ...]:
        """`text` as runs; one run unless it has rare characters.

        Raises LetterFault when the face lacks one of the characters.
        """
        codes = self.common_codes(text)
        return tuple(self._runs(text)) if codes is None else (Run(self.name, codes),)

    def _runs(self, text: str) -> Iterator[Run]:
        resource, codes = self.name, bytearray()
        for char in text:
            where, code = self._place(char)
            if where != resource and codes:
                yield Run(resource, _escaped(bytes(codes)))
                codes.clear()
            resource = where
            codes.append(code)
        yield Run(resource, _escaped(bytes(codes)))

    def _place(self, char: str) -> tuple[str, int]:
        try:
            return self.name, codecs.charmap_encode(char, "strict", self._common)[0][0]
        except UnicodeEncodeError:
            pass
        try:
            rank = self._rare.index(char)
        except ValueError:
            raise LetterFault(_unprintable(char)) from None
        return f"{self.name}{rank // _RARE_SIZE}", _rare_code(rank % _RARE_SIZE)

    def characters(self, resource: str) -> dict[int, str]:
        """Code -> character of a font resource of this face, as named by `encode`."""
        if resource == self.name:
            return {code: char for code, char in REPERTOIRE.items() if char in self.widths}
        first = int(resource[len(self.name) :]) * _RARE_SIZE
        return {_rare_code(rank): char for rank, char in enumerate(self._rare[first : first + _RARE_SIZE])}

    def subset(self, resource: str) -> "Subset":
        """What a file embeds for a font resource; the same bytes each time."""
        characters = self.characters(resource)
        absent = 0xFFFF  # not in any cmap: drawn as the face's "missing" glyph, and never used
        program = self._file.makeSubset([ord(characters.get(code, chr(absent))) for code in range(256)])
        digest = hashlib.sha256(program).digest()
        tag = "".join(chr(65 + byte % 26) for byte in digest[:6])
        return Subset(
            name=f"{tag}+{self.postscript_name}",
            program=program,
            widths=[self.widths[characters[code]] if code in characters else 0 for code in range(256)],
            characters=characters,
            descriptor=(
                f"/Flags 4/FontBBox[{' '.join(str(round(edge)) for edge in self._file.bbox)}]"
                f"/ItalicAngle {self._file.italicAngle:g}/Ascent {self._file.ascent:g}/Descent {self._file.descent:g}"
                f"/CapHeight {self._file.capHeight:g}/StemV {self._file.stemV:g}/MissingWidth 0"
            ),
        )


@dataclass(frozen=True, slots=True)
class Subset:
    """A TrueType subset with one-byte codes."""

    name: str
    program: bytes
    widths: list[int]
    characters: dict[int, str]
    descriptor: str
    """Entries of the font descriptor, but for its name and its file."""

    def to_unicode(self) -> bytes:
        """The CMap by which a reader gets the text back."""
        pairs = [f"<{code:02X}> <{ord(char):04X}>" for code, char in sorted(self.characters.items())]
        blocks = [pairs[start : start + 100] for start in range(0, len(pairs), 100)]
        body = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
        return (
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
            "/CIDSystemInfo <</Registry (Adobe)/Ordering (UCS)/Supplement 0>> def\n"
            "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
            f"1 begincodespacerange\n<00> <FF>\nendcodespacerange\n{body}\nendcmap\n"
            "CMapName currentdict /CMap defineresource pop\nend\nend"
        ).encode("ascii")


def _rare_code(rank: int) -> int:
    """Codes of a subset of rare characters: 1 to 253, around the ones that strings cannot hold."""
    code = rank + 1
    return code + (code >= 0x0A) + (code + (code >= 0x0A) >= 0x0D)


def _escaped(codes: bytes) -> bytes:
    if b"\\" in codes or b"(" in codes or b")" in codes:
        return codes.replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")
    return codes


def _unprintable(char: str) -> str:
    shown = f"« {char} » " if char.isprintable() else ""
    return (
        f"Le caractère {shown}(U+{ord(char):04X}) ne peut pas être imprimé : "
        "corriger le nom ou l’adresse de la personne, puis rééditer le courrier."
    )


@lru_cache(maxsize=len(FACES))
def typeface(name: str) -> Typeface:
    """The face with this short name, read from its file once in a process."""
    return Typeface(name, _FILES / FACES[name])


@lru_cache(maxsize=64)
def embedded(resource: str) -> tuple[Subset, bytes]:
    """The subset of a font resource and its deflated program, made once in a process."""
    subset = typeface(resource[0]).subset(resource)
    return subset, zlib.compress(subset.program, 9)
