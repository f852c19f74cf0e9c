"""What an XML document may weigh before anything builds a tree of it: read once by a parser that keeps nothing.

A tree costs a hundred bytes a tag, so ten megabytes of empty tags would cost a gigabyte; a document type declares
entities that grow or that are fetched. Both are refused here, whatever the parser behind would have done with them.
"""

from typing import Any, Final
from xml.parsers import expat

MOST_NODES: Final = 60_000
"""Elements, attributes, comments and instructions: a laboratory report of hundreds of lines has some ten thousand."""
DEEPEST: Final = 100
_LONGEST_TAG: Final = 64 * 1024
"""Bytes of one tag, with its attributes."""
_PIECE: Final = 16 * 1024
_ENCODINGS: Final = frozenset({"utf-8", "iso-8859-1", "us-ascii"})
"""Those that every parser reads in the same way."""


class OutOfBounds(Exception):
    """No XML, or more of it than is read here."""


def require_modest(document: bytes) -> None:
    """Raise OutOfBounds unless the document is well-formed XML of a modest size, without a document type."""
    if document.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in document[:4]:
        raise OutOfBounds("encoding")
    parser = expat.ParserCreate()
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    nodes = depth = 0

    def begins(_name: str, attributes: list[str]) -> None:
        nonlocal nodes, depth
        nodes += 1 + len(attributes) // 2
        depth += 1
        if nodes > MOST_NODES or depth > DEEPEST:
            raise OutOfBounds("size")

    def ends(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def aside(*_: Any) -> None:
        nonlocal nodes
        nodes += 1
        if nodes > MOST_NODES:
            raise OutOfBounds("size")

    def declared(_version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise OutOfBounds("encoding")

    def forbidden(*_: Any) -> None:
        raise OutOfBounds("document type")

    parser.ordered_attributes = True
    parser.StartElementHandler, parser.EndElementHandler = begins, ends
    parser.CommentHandler = parser.ProcessingInstructionHandler = aside
    parser.XmlDeclHandler, parser.StartDoctypeDeclHandler = declared, forbidden
    try:
        for start in range(0, len(document), _PIECE):
            parser.Parse(document[start : start + _PIECE], False)
            # A tag is only told once it is over: one that does not end is not waited for.
            if start + _PIECE - parser.CurrentByteIndex > _LONGEST_TAG:
                raise OutOfBounds("size")
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError) as error:
        raise OutOfBounds("not XML") from error
