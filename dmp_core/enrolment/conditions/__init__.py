"""The terms of use (CGU): one source file a version, from which the page, the PDF and the proof of consent are made.

The source is plain text: `# ` title, `## ` article, `- ` item, paragraphs apart. A new version is a new file named after
its date, and one line here; an old one is never changed, consents given point at its SHA-256.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

CURRENT: Final = "2016-11-02"

CONSENT: Final = (
    "J’accepte les Conditions Générales d’Utilisation du DMP et je consens (ou mon représentant légal) à la création de "
    "mon DMP et du compte d’accès associé."
)
"""The seed's sentence beside the one box, kept word for word with each consent."""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of the text."""

    kind: str
    """`title`, `article`, `paragraph` or `items`."""
    texts: tuple[str, ...]
    """One text; several for `items`."""


@dataclass(frozen=True, slots=True)
class Terms:
    """One version of the terms of use."""

    version: str
    sha256: bytes
    """Of the source file, byte for byte."""
    blocks: tuple[Block, ...]


@cache
def current_terms() -> Terms:
    """The version in force."""
    source = (Path(__file__).parent / f"{CURRENT}.txt").read_bytes()
    return Terms(CURRENT, hashlib.sha256(source).digest(), tuple(map(_block, source.decode().strip().split("\n\n"))))


def _block(text: str) -> Block:
    if text.startswith("# "):
        return Block("title", (text[2:],))
    if text.startswith("## "):
        return Block("article", (text[3:],))
    if text.startswith("- "):
        return Block("items", tuple(" ".join(item.split()) for item in text[2:].split("\n- ")))
    return Block("paragraph", (" ".join(text.split()),))
