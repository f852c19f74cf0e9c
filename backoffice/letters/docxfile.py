"""Reads a letter template: paragraphs, runs and their looks, from a .docx written by Word or LibreOffice.

What the engine would draw otherwise than the author sees it (tables, pictures, tabs, tracked changes, justified lines
...) is refused with a sentence that says where it is, never silently dropped.
"""

import hashlib
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from zipfile import BadZipFile, ZipFile

import docx
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from lxml.etree import LxmlError  # type: ignore[import-untyped]

from backoffice.core.typography import curly_apostrophes, no_break_spaces, quoted
from backoffice.letters.docxlooks import Looks
from backoffice.letters.faults import TemplateFault
from backoffice.letters.fields import split_fields
from backoffice.letters.geometry import PAGE_HEIGHT, PAGE_WIDTH
from backoffice.letters.model import Block, Ink, LineBreak, Piece, Sheet, Slot, Text, Zone

ADDRESS_FIELD = "adresse"
"""The merge field that stands for the address block; alone in its paragraph, once in a template."""

_IGNORED = {
    qn(f"w:{name}")
    for name in (
        "pPr", "rPr", "proofErr", "bookmarkStart", "bookmarkEnd", "lastRenderedPageBreak", "commentRangeStart",
        "commentRangeEnd", "commentReference", "permStart", "permEnd", "noProof", "sectPr", "softHyphen",
    )
}  # fmt: skip
_REFUSED = {
    qn("w:tbl"): "un tableau : le remplacer par des paragraphes",
    qn("w:drawing"): "une image ou une forme : la retirer (cadres et bandeaux se font par la bordure et la trame)",
    qn("w:pict"): "une image ou une forme : la retirer (cadres et bandeaux se font par la bordure et la trame)",
    qn("w:object"): "un objet incorporé : le retirer",
    qn("w:ins"): "des modifications suivies : les accepter ou les refuser toutes",
    qn("w:del"): "des modifications suivies : les accepter ou les refuser toutes",
    qn("w:moveFrom"): "des modifications suivies : les accepter ou les refuser toutes",
    qn("w:moveTo"): "des modifications suivies : les accepter ou les refuser toutes",
    qn("w:sdt"): "un contrôle de contenu : le convertir en texte simple",
    qn("w:fldSimple"): "un champ automatique de Word : écrire à la place un champ entre doubles accolades",
    qn("w:fldChar"): "un champ automatique de Word : écrire à la place un champ entre doubles accolades",
    qn("w:tab"): "une tabulation : employer un retrait de paragraphe",
    qn("w:footnoteReference"): "une note de bas de page : la mettre dans le texte",
    qn("w:endnoteReference"): "une note de fin : la mettre dans le texte",
    qn("w:sym"): "un caractère de police symbole : le taper au clavier",
    "{http://schemas.openxmlformats.org/officeDocument/2006/math}oMath": "une formule : l’écrire en texte",
}
_MARGIN_SLACK = 2.0
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
"""How files of Word before 2007 begin, and encrypted ones."""


def read_sheet(path: Path) -> Sheet:
    """The template at `path`.

    Raises TemplateFault when it cannot be read, or holds something that cannot be printed as its author sees it.
    """
    name = quoted(path.name)
    try:
        content = path.read_bytes()
    except OSError:
        raise TemplateFault(f"Le modèle {name} ne peut pas être lu : vérifier que le fichier existe.") from None
    _refuse_macros(name, content)
    try:
        document = docx.Document(io.BytesIO(content))
        section = document.sections[0]
    except (PackageNotFoundError, BadZipFile, KeyError, ValueError, LxmlError, AttributeError, IndexError, zlib.error):
        raise TemplateFault(f"Le modèle {name} {_why_unreadable(content)}.") from None
    return _Reader(name, document, section).sheet(hashlib.sha256(content).hexdigest())


def _refuse_macros(name: str, content: bytes) -> None:
    """Whatever its name says: who downloads a template opens it in Word."""
    try:
        with ZipFile(io.BytesIO(content)) as parts:
            found = any(part.lower().endswith("vbaproject.bin") for part in parts.namelist())
            found = found or b"macroenabled" in parts.read("[Content_Types].xml").lower()
    except (BadZipFile, KeyError, ValueError, zlib.error, OSError, RuntimeError, NotImplementedError):
        return  # no document at all: said by what reads it
    if found:
        raise TemplateFault(
            f"Le modèle {name} contient des macros (.docm) : l’enregistrer dans Word au format .docx, sans macros."
        )


def _why_unreadable(content: bytes) -> str:
    if content.startswith(_OLE):
        return (
            "est à l’ancien format de Word (.doc) ou protégé par un mot de passe : l’enregistrer au format .docx, sans mot "
            "de passe"
        )
    if content.startswith(b"PK"):
        return "est abîmé ou incomplet : l’ouvrir dans Word, l’enregistrer à nouveau au format .docx, puis le renvoyer"
    return "n’est pas un document Word (.docx) : l’enregistrer au format .docx"


class _Reader:
    def __init__(self, name: str, document: Any, section: Any) -> None:
        self.name = name
        self.document = document
        self.section = section
        self.looks = Looks(document, self.fail)

    def fail(self, where: str, what: str) -> NoReturn:
        place = f"{where[0].lower()}{where[1:]}, " if where else ""
        raise TemplateFault(f"Modèle {self.name}, {place}{what}.")

    def sheet(self, digest: str) -> Sheet:
        section = self.section
        if len(self.document.sections) != 1:
            self.fail("", "le document a plusieurs sections : n’en garder qu’une")
        width, height = section.page_width, section.page_height
        if width is None or height is None or abs(width.pt - PAGE_WIDTH) > 2 or abs(height.pt - PAGE_HEIGHT) > 2:
            self.fail("", "la page n’est pas au format A4 (210 × 297 mm) en portrait : changer le format de page")
        header = section.first_page_header if section.different_first_page_header_footer else section.header
        footer = section.first_page_footer if section.different_first_page_header_footer else section.footer
        parts = ((Zone.HEAD, header), (Zone.BODY, self.document), (Zone.FOOT, footer))
        blocks = {zone: list(self._blocks(zone, part)) for zone, part in parts}
        address = [
            block for zone in blocks for block in blocks[zone] if any(s.field == ADDRESS_FIELD for s in block.slots)
        ]
        if len(address) != 1 or len(address[0].pieces) != 1:
            self.fail("", "il faut un paragraphe, et un seul, ne contenant que {{ adresse }}")
        for zone in blocks:
            blocks[zone] = [block for block in blocks[zone] if block is not address[0]]
        return Sheet(
            blocks=(*blocks[Zone.HEAD], _as_address(address[0]), *blocks[Zone.BODY], *blocks[Zone.FOOT]),
            left=section.left_margin.pt,
            right=section.right_margin.pt,
            top=section.top_margin.pt,
            bottom=section.bottom_margin.pt,
            head_distance=section.header_distance.pt,
            foot_distance=section.footer_distance.pt,
            digest=digest,
        )

    def _blocks(self, zone: Zone, part: Any) -> Iterator[Block]:
        root = part.element.body if zone is Zone.BODY else part._element
        order = 0
        for child in root.iterchildren():
            where = f"{zone.value[0].upper()}{zone.value[1:]}, paragraphe {order + 1}"
            if child.tag != qn("w:p"):
                self._refuse(child, where)
                continue
            order += 1
            block = self._block(zone, child, where)
            if block is not None:
                yield block

    def _block(self, zone: Zone, paragraph: Any, where: str) -> Block | None:
        characters: list[tuple[str, Ink]] = []
        base = self.looks.ink(paragraph, None, where)
        for run in self._runs(paragraph, where):
            ink = self.looks.ink(paragraph, run, where)
            characters.extend((char, ink) for char in self._text(run, where))
        text = "".join(char for char, _ in characters)
        pieces = self._pieces(text, [ink for _, ink in characters], where)
        return self.looks.block(zone, paragraph, pieces, base, where)

    def _runs(self, parent: Any, where: str) -> Iterator[Any]:
        for child in parent.iterchildren():
            if child.tag == qn("w:r"):
                yield child
            elif child.tag in (qn("w:hyperlink"), qn("w:smartTag")):
                yield from self._runs(child, where)
            else:
                self._refuse(child, where)

    def _text(self, run: Any, where: str) -> Iterator[str]:
        for child in run.iterchildren():
            if child.tag == qn("w:t"):
                yield from child.text or ""
            elif child.tag in (qn("w:br"), qn("w:cr")):
                if child.get(qn("w:type"), "textWrapping") != "textWrapping":
                    self.fail(
                        where, "il y a un saut de page ou de colonne : le retirer, un courrier tient sur une page"
                    )
                yield "\n"
            elif child.tag == qn("w:noBreakHyphen"):
                yield "-"
            else:
                self._refuse(child, where)

    def _refuse(self, element: Any, where: str) -> None:
        if element.tag in _IGNORED or not isinstance(element.tag, str):
            return
        if element.tag.endswith("}AlternateContent"):
            self.fail(where, "il y a une image ou une forme : la retirer")
        known = _REFUSED.get(element.tag)
        if known is None:
            self.fail(where, "il y a un élément que les courriers ne savent pas imprimer : le retirer")
        self.fail(where, f"il y a {known}")

    def _pieces(self, text: str, inks: list[Ink], where: str) -> tuple[Piece, ...]:
        printed = curly_apostrophes(no_break_spaces(text))
        pieces: list[Piece] = []
        for start, end, field in split_fields(text, lambda what: self.fail(where, what)):
            if field is not None:
                pieces.append(Slot(field, inks[start]))
                continue
            for index in range(start, end):
                char, ink = printed[index], inks[index]
                last = pieces[-1] if pieces else None
                if char == "\n":
                    pieces.append(LineBreak())
                elif isinstance(last, Text) and last.ink == ink:
                    pieces[-1] = Text(last.text + char, ink)
                else:
                    pieces.append(Text(char, ink))
        return tuple(pieces)


def _as_address(block: Block) -> Block:
    return Block(
        Zone.ADDRESS, block.pieces, False, block.align, 0, 0, 0, 0, 0, block.leading, block.ascent, None, block.where
    )
