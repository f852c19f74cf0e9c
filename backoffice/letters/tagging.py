"""The structure tree of a tagged file (PDF/UA-1): Document > one Part a letter > headings, paragraphs, figure."""

from array import array

from backoffice.letters.datamatrix import IDENTITY
from backoffice.letters.pdffile import PdfFile

_LEAF = 64
_FIGURE = b"/Alt(%%b)/A<</O/Layout/Placement/Block/BBox[%.2f %.2f %.2f %.2f]>>" % IDENTITY.box
_ALT = "Code à lire par une machine (DataMatrix), qui répète le numéro du courrier : "


class StructureTree:
    """Grows with the pages; its elements are packed, and only their numbers are kept."""

    def __init__(self, pdf: PdfFile) -> None:
        self._pdf = pdf
        self._root = pdf.reserve(2)
        self._document = self._root + 1
        self._parts = array("Q")
        self._leaf: list[bytes] = []
        self._known: dict[tuple[str, ...], tuple[list[bytes], list[int]]] = {}
        self._leaves: list[bytes] = []

    def add(self, page: int, tags: tuple[str, ...], letter_id: str) -> bytes:
        """The elements of one page; returns the entries its page object needs."""
        pdf = self._pdf
        key = len(self._parts)
        part = pdf.reserve(1 + len(tags))
        self._parts.append(part)
        # The same few bytes around each element: made once a page, this runs twenty times a letter.
        middle = b"/P %d 0 R/Pg %d 0 R/K " % (part, page)
        starts, figures = self._starts(tags)
        elements = [b"%s%s%d>>" % (start, middle, rank) for rank, start in enumerate(starts)]
        for rank in figures:
            figure = _FIGURE % f"{_ALT}{letter_id}".encode("latin-1")
            elements[rank] = b"%s%s%d%s>>" % (starts[rank], middle, rank, figure)
        children = b" ".join([b"%d 0 R" % child for child in range(part + 1, part + 1 + len(tags))])
        pdf.pack(part + 1, *elements)
        pdf.pack(part, b"<</S/Part/P %d 0 R/K[%s]>>" % (self._document, children))
        self._leaf.append(b"%d[%s]" % (key, children))
        if len(self._leaf) == _LEAF:
            self._close_leaf()
        return b"/StructParents %d/Tabs/S" % key

    def _starts(self, tags: tuple[str, ...]) -> tuple[list[bytes], list[int]]:
        """How the element of each tag starts, and which ones are figures."""
        if tags not in self._known:
            starts = [b"<</S/%s" % tag.encode() for tag in tags]
            self._known[tags] = starts, [rank for rank, tag in enumerate(tags) if tag == "Figure"]
        return self._known[tags]

    def finish(self) -> int:
        """Writes the root; returns its number."""
        pdf = self._pdf
        if self._leaf:
            self._close_leaf()
        parents = pdf.reserve()
        pdf.pack(parents, b"<</Kids[%s]>>" % b" ".join(self._leaves))
        parts = b" ".join([b"%d 0 R" % part for part in self._parts])
        pdf.pack(self._document, b"<</S/Document/P %d 0 R/K[%s]>>" % (self._root, parts))
        pdf.pack(
            self._root,
            b"<</Type/StructTreeRoot/K %d 0 R/ParentTree %d 0 R/ParentTreeNextKey %d>>"
            % (self._document, parents, len(self._parts)),
        )
        return self._root

    def _close_leaf(self) -> None:
        leaf = self._pdf.reserve()
        last = len(self._parts) - 1
        limits = b"%d %d" % (last - len(self._leaf) + 1, last)
        self._pdf.pack(leaf, b"<</Limits[%s]/Nums[%s]>>" % (limits, b"".join(self._leaf)))
        self._leaves.append(b"%d 0 R" % leaf)
        self._leaf.clear()
