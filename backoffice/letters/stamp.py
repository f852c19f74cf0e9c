"""Stamps letters into PDF files: lots for the printer, single letters for a person."""

import datetime as dt
import io
import os
from array import array
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from backoffice.core.errors import Unavailable
from backoffice.letters.datamatrix import IDENTITY, SEQUENCE
from backoffice.letters.faults import LetterFault
from backoffice.letters.geometry import PAGE_HEIGHT, PAGE_WIDTH
from backoffice.letters.marks import PLAIN, Finishing, sequence_digits
from backoffice.letters.metadata import PRODUCER, srgb_profile, xmp
from backoffice.letters.pdffile import PdfFile, text_string
from backoffice.letters.plan import ID_INK, Page
from backoffice.letters.program import LaidOut, PageProgram
from backoffice.letters.reference import letter_id_digits
from backoffice.letters.setting import text_width
from backoffice.letters.tagging import StructureTree
from backoffice.letters.typefaces import embedded

ZLIB_LEVEL = 6
"""Of the pages. 0 does not compress: twice as fast, half as big again."""

_BRANCH = 128
_BOX = b"[0 0 %.2f %.2f]" % (PAGE_WIDTH, PAGE_HEIGHT)


class Stamper:
    """Writes letters to `sink` as one PDF; `finish` ends it. Same letters, same bytes: the clock plays no part."""

    def __init__(
        self,
        program: PageProgram,
        sink: BinaryIO,
        *,
        title: str,
        tagged: bool = False,
        date: dt.date | None = None,
        compress: int = ZLIB_LEVEL,
        finishing: Finishing = PLAIN,
        mark: str = "",
    ) -> None:
        self.program = program
        self.pages = 0
        self._finishing = finishing
        self._letters = 0
        self._under = _watermark(mark) if mark else b""
        self._title = title
        self._date = date
        self._pdf = PdfFile(sink, level=compress)
        self._catalog, self._root, self._resources, self._fonts = range(1, 5)
        self._pdf.reserve(4)
        self._structure = StructureTree(self._pdf) if tagged else None
        self._forms: dict[str, int] = {}
        self._seen: set[int] = set()
        self._rare = {resource for shown in program.statics.values() for resource in shown.rare}
        self._late = next((at for at, variable in enumerate(program.variables) if variable.late), None)
        self._branches: list[int] = []
        self._kids = array("Q")
        self._branch = 0
        self._entries = b""

    @property
    def sha256(self) -> str:
        """Of the whole file, in hexadecimal; right only once it is finished."""
        return self._pdf.sha256

    def add(self, letter: LaidOut, *, letter_id: str, code: str | None = None) -> tuple[int, int]:
        """One letter; returns its first and last page, counted from 1.

        `code` is the late field, twelve characters, grouped by four or not; it is kept nowhere.
        Raises LetterFault when it is missing or of another length, Unavailable when the file cannot be written.
        """
        plain = letter.plan.marked if self._finishing.marks else letter.plan.plain
        page = plain if self._structure is None else letter.plan.tagged
        pieces = letter.pieces
        if self._late is not None:
            pieces = pieces.copy()
            pieces[self._late] = self.program.late_operators(_grouped(code))
        identity = letter_id_digits(letter_id)
        self._letters += 1
        filling = (*pieces, letter_id.encode("ascii"), IDENTITY.packed(identity))
        if page is plain and self._finishing.marks:
            filling += (SEQUENCE.packed(sequence_digits(identity, self._letters)),)
        content = self._under + page.template % filling
        if id(page) not in self._seen:
            self._register(page)
        if letter.rare:
            self._rare.update(letter.rare)
        first = self._page(content, page.tags, letter_id)
        return first, self._page(b"", (), letter_id) if self._finishing.duplex else first

    def _page(self, content: bytes, tags: tuple[str, ...], letter_id: str) -> int:
        """One side of a sheet; returns its number."""
        pdf = self._pdf
        if not self._kids:
            self._branch = pdf.reserve()
            self._entries = b"/Parent %d 0 R/Resources %d 0 R/MediaBox%s" % (self._branch, self._resources, _BOX)
        number = pdf.reserve(2)
        entries = self._entries
        if self._structure is not None:
            entries += self._structure.add(number, tags, letter_id)
        pdf.page(number, entries, content)
        self._kids.append(number)
        if len(self._kids) == _BRANCH:
            self._close_branch()
        self.pages += 1
        return self.pages

    def finish(self) -> None:
        """Everything that comes after the last letter."""
        pdf = self._pdf
        if self._kids:
            self._close_branch()
        pdf.write(self._root, b"<</Type/Pages/Count %d/Kids%s>>" % (self.pages, _references(self._branches)))
        used = {
            piece.ink.face for block in self.program.sheet.blocks for piece in block.pieces if hasattr(piece, "ink")
        }
        fonts = b"".join(
            b"/%s %d 0 R" % (name.encode(), self._font(name)) for name in sorted(used | {ID_INK.face} | self._rare)
        )
        pdf.write(self._fonts, b"<<%s>>" % fonts)
        forms = b"".join(b"/%s %d 0 R" % (name.encode(), number) for name, number in self._forms.items())
        pdf.write(self._resources, b"<</Font %d 0 R/XObject<<%s>>>>" % (self._fonts, forms))
        entries = b"/Type/Catalog/Pages %d 0 R/Lang(fr-FR)/ViewerPreferences<</DisplayDocTitle true>>" % self._root
        if self._structure is not None:
            entries += self._conformance(self._structure)
        pdf.write(self._catalog, b"<<%s>>" % entries)
        info = pdf.reserve()
        made = self._date.strftime("/CreationDate(D:%Y%m%d000000Z)").encode() if self._date else b""
        pdf.write(info, b"<</Title%s/Producer(%s)%s>>" % (text_string(self._title), PRODUCER.encode(), made))
        pdf.close(b"/Root %d 0 R/Info %d 0 R" % (self._catalog, info))

    def _register(self, page: Page) -> None:
        self._seen.add(id(page))
        for name, content in page.forms.items():
            if name not in self._forms:
                number = self._forms[name] = self._pdf.reserve()
                entries = b"/Type/XObject/Subtype/Form/BBox[-600 -900 1200 900]/Resources<</Font %d 0 R>>" % self._fonts
                self._pdf.stream(number, entries, content)

    def _close_branch(self) -> None:
        self._pdf.write(
            self._branch,
            b"<</Type/Pages/Parent %d 0 R/Count %d/Kids%s>>" % (self._root, len(self._kids), _references(self._kids)),
        )
        self._branches.append(self._branch)
        del self._kids[:]

    def _font(self, resource: str) -> int:
        pdf = self._pdf
        subset, program = embedded(resource)
        font, descriptor, file, unicode = range(first := pdf.reserve(4), first + 4)
        name = subset.name.encode("ascii")
        widths = b" ".join(b"%d" % width for width in subset.widths[1:])
        pdf.write(
            font,
            b"<</Type/Font/Subtype/TrueType/BaseFont/%s/FirstChar 1/LastChar 255/Widths[%s]/FontDescriptor %d 0 R"
            b"/ToUnicode %d 0 R>>" % (name, widths, descriptor, unicode),
        )
        pdf.write(
            descriptor,
            b"<</Type/FontDescriptor/FontName/%s%s/FontFile2 %d 0 R>>" % (name, subset.descriptor.encode(), file),
        )
        pdf.stream(file, b"/Filter/FlateDecode/Length1 %d" % len(subset.program), program, deflate=False)
        pdf.stream(unicode, b"", subset.to_unicode())
        return font

    def _conformance(self, structure: StructureTree) -> bytes:
        pdf = self._pdf
        tree = structure.finish()
        metadata, profile = pdf.reserve(), pdf.reserve()
        pdf.stream(metadata, b"/Type/Metadata/Subtype/XML", xmp(self._title, self._date), deflate=False)
        pdf.stream(profile, b"/N 3", srgb_profile())
        return (
            b"/MarkInfo<</Marked true>>/StructTreeRoot %d 0 R/Metadata %d 0 R/OutputIntents[<</Type/OutputIntent"
            b"/S/GTS_PDFA1/OutputConditionIdentifier(sRGB)/Info(sRGB)/DestOutputProfile %d 0 R>>]"
            % (tree, metadata, profile)
        )

    @property
    def bytes(self) -> int:
        """Size of what is written so far."""
        return self._pdf.size


class LotWriter(Stamper):
    """A print lot: a `Stamper` on a file readable by its owner alone, flushed to the disk when the block ends.

    When the block ends by an exception, the file is removed: a lot is whole or is not.
    """

    def __init__(
        self,
        program: PageProgram,
        path: Path,
        *,
        title: str,
        tagged: bool = False,
        date: dt.date | None = None,
        compress: int = ZLIB_LEVEL,
        finishing: Finishing = PLAIN,
    ) -> None:
        self.path = path
        try:
            # Codes are in it: nobody else may read it, not even for a moment, whatever stood there before.
            path.unlink(missing_ok=True)
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)
        except OSError as error:
            raise Unavailable(
                "Le fichier des courriers ne peut pas être créé : vérifier le dossier de sortie et ses droits."
            ) from error
        super().__init__(
            program, self._file, title=title, tagged=tagged, date=date, compress=compress, finishing=finishing
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        whole = False
        try:
            if kind is None:
                self.finish()
                os.fsync(self._file.fileno())
                whole = True
        except OSError as failure:
            raise Unavailable(
                "Le fichier des courriers ne peut pas être enregistré : vérifier le disque, puis relancer."
            ) from failure
        finally:
            self._file.close()
            if not whole:
                self.path.unlink(missing_ok=True)


def render_single(
    program: PageProgram,
    values: dict[str, str],
    address: tuple[str, ...],
    letter_id: str,
    code: str | None = None,
    *,
    tagged: bool = True,
    date: dt.date | None = None,
    mark: str = "",
) -> bytes:
    """One letter as a PDF of its own: tagged (PDF/UA-1, PDF/A-2A) by default, as sent to a person.

    `mark`, plain capitals, is written large and pale across an untagged page: a copy to look at, never to be sent.
    Raises LetterFault when it does not fit or cannot be drawn.
    """
    sink = io.BytesIO()
    stamper = Stamper(program, sink, title=program.kind.label, tagged=tagged, date=date, mark=mark)
    stamper.add(program.lay_out(values, address), letter_id=letter_id, code=code)
    stamper.finish()
    return sink.getvalue()


def _watermark(words: str) -> bytes:
    """Operators that come before those of the page, so that its text stands over the mark."""
    size, slope = 58.0, 0.7071
    half = text_width(words, replace(ID_INK, size=size)) / 2 * slope
    x, y = PAGE_WIDTH / 2 - half, PAGE_HEIGHT / 2 - half
    turned = b"%.4f %.4f %.4f %.4f %.2f %.2f Tm" % (slope, slope, -slope, slope, x, y)
    return b"q 0.86 0.90 0.94 rg BT %s /R %.1f Tf (%s) Tj ET Q\n" % (turned, size, words.encode("ascii"))


def _grouped(code: str | None) -> str:
    if code is None:
        raise LetterFault("Il manque le code de création : le courrier n’est pas imprimé.")
    return f"{code[:4]} {code[4:8]} {code[8:]}" if len(code) == 12 else code


def _references(numbers: Iterable[int]) -> bytes:
    return b"[%s]" % b" ".join([b"%d 0 R" % number for number in numbers])
