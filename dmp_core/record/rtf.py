"""RTF that can do nothing by itself: no object, no field that fetches, no template from elsewhere.

It is read by the reader's own word processor, never here: words of control are looked for where RTF knows no way to hide
them, and the instructions of fields are those of a list.
"""

import re
from typing import Final

from dmp_core.errors import Invalid

_MOST_BRACES: Final = 400_000
_DEEPEST: Final = 200
_MOST_FIELDS: Final = 5_000
_LONGEST_INSTRUCTION: Final = 4_096
_FORBIDDEN: Final = re.compile(
    rb"\\(?:obj[a-z]*|bin|template|datastore|mailmerge|mm[a-z]+|nextfile|fontemb|fontfile|filetbl|subdocument"
    rb"|protusertbl|blipuid|private)(?![a-z])"
)
"""Objects, raw bytes, other files and sources of data."""
_INSTRUCTION: Final = re.compile(rb"\\fldinst(?![a-z])")
_CONTROL: Final = re.compile(rb"\\'([0-9a-fA-F]{2})|\\u(-?[0-9]{1,6})\??|\\[a-z]+-?[0-9]* ?|\\[^a-z]|[{}\r\n]")
_QUIET_FIELDS: Final = frozenset(
    {
        "PAGE", "NUMPAGES", "SECTIONPAGES", "DATE", "TIME", "CREATEDATE", "SAVEDATE", "PRINTDATE", "EDITTIME", "AUTHOR",
        "TITLE", "SUBJECT", "FILENAME", "TOC", "TC", "REF", "PAGEREF", "SEQ", "SYMBOL", "HYPERLINK", "FORMTEXT",
        "FORMCHECKBOX", "FORMDROPDOWN", "MERGEFIELD", "STYLEREF", "NOTEREF", "LISTNUM", "=", "EQ",
    }
)  # fmt: skip
_ACTIVE: Final = (
    "Ce RTF contient un objet, ou un lien vers un autre fichier : enregistrez-le en PDF, puis ajoutez cette version."
)
_DAMAGED: Final = "Ce RTF est abîmé ou trop complexe : enregistrez-le en PDF, puis ajoutez cette version."


def require_quiet_rtf(data: bytes) -> None:
    """Raise Invalid unless the RTF is whole and holds nothing active."""
    if not data.startswith(b"{\\rtf1") or b"\0" in data:
        raise Invalid(_DAMAGED)
    # An escaped backslash or brace is a letter of the text.
    read = data.replace(b"\\\\", b"  ").replace(b"\\{", b"  ").replace(b"\\}", b"  ")
    if _FORBIDDEN.search(read):
        raise Invalid(_ACTIVE)
    _require_balance(read)
    for count, found in enumerate(_INSTRUCTION.finditer(read)):
        if count >= _MOST_FIELDS:
            raise Invalid(_DAMAGED)
        if _name_of_field(read, found.end()) not in _QUIET_FIELDS:
            raise Invalid(_ACTIVE)


def _require_balance(read: bytes) -> None:
    braces = read.translate(None, delete=bytes(set(range(256)) - {0x7B, 0x7D}))
    depth = 0
    if len(braces) > _MOST_BRACES:
        raise Invalid(_DAMAGED)
    for one in braces:
        depth += 1 if one == 0x7B else -1
        if not 0 <= depth <= _DEEPEST:
            raise Invalid(_DAMAGED)
    if depth:
        raise Invalid(_DAMAGED)


def _name_of_field(read: bytes, start: int) -> str:
    """The first word of a field's instruction, whatever it is written with; empty when there is none near enough."""
    piece = read[start : start + _LONGEST_INSTRUCTION]
    words = _CONTROL.sub(_letter, piece).decode("latin-1").split()
    return words[0].upper() if words else ""


def _letter(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return bytes.fromhex(found[1].decode())
    if found[2]:
        return bytes([int(found[2]) & 0xFF])
    return b""
