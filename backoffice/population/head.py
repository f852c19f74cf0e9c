"""Telling a population file from anything else by its first bytes and its header line (population format)."""

import codecs
from difflib import get_close_matches
from typing import Final

from backoffice.core.errors import Invalid
from backoffice.population.rows import COLUMNS

SEPARATOR: Final = ";"

_ENCODINGS: Final = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "ascii": "utf-8", "iso8859-15": "iso8859-15"}
"""Python's canonical names of what may be asked for, and the codec that reads it."""

UTF8_MARK: Final = b"\xef\xbb\xbf"

_FOREIGN: Final = (
    (b"PK\x03\x04", "est un classeur Excel ou une archive ZIP"),
    (b"\xd0\xcf\x11\xe0", "est un ancien classeur Excel"),
    (b"%PDF", "est un document PDF"),
    (b"\xff\xfe", "est en UTF-16"),
    (b"\xfe\xff", "est en UTF-16"),
    (b"BZh", "est compressé en bzip2"),
    (b"\xfd7zXZ", "est compressé en xz"),
    (b"7z\xbc\xaf", "est une archive 7-Zip"),
    (b"(\xb5/\xfd", "est compressé en zstd"),
)


def encoding_named(name: str) -> str:
    """The codec of an encoding that a user asked for.

    Raises Invalid unless it is a name of UTF-8 or of ISO-8859-15.
    """
    try:
        return _ENCODINGS[codecs.lookup(name).name]
    except (LookupError, ValueError):
        raise Invalid(
            f"L’encodage « {name[:40]} » n’est pas pris en charge : choisissez utf-8 ou iso-8859-15."
        ) from None


def refuse_foreign_content(start: bytes, name: str) -> None:
    """Raise Invalid when the first bytes (unpacked, without UTF-8 mark) are those of another kind of file."""
    for magic, what in _FOREIGN:
        if start.startswith(magic):
            raise Invalid(f"Le fichier « {name} » {what} : exportez la population en CSV, en UTF-8.")
    if b"\0" in start:
        raise Invalid(f"Le fichier « {name} » n’est pas un fichier texte : un fichier CSV est attendu.")
    if not start.strip():
        raise Invalid(f"Le fichier « {name} » est vide.")


def order_of_columns(header: list[str]) -> tuple[int, ...]:
    """Where each of COLUMNS stands in the header.

    Raises Invalid for a wrong separator, an unknown, a repeated or a missing column.
    """
    names = [name.strip() for name in header]
    if len(names) == 1:
        for separator, label in ((",", "la virgule"), ("\t", "la tabulation"), ("|", "la barre verticale")):
            if separator in names[0]:
                raise Invalid(f"Le séparateur des colonnes est {label} : le point-virgule est attendu.")
    known = [name for name in names if name in COLUMNS]
    if not known:
        raise Invalid(
            "Le fichier n’a pas l’en-tête d’un fichier de population : sa première ligne doit nommer les colonnes"
            f" ({COLUMNS[0]}, {COLUMNS[1]}, {COLUMNS[2]}…)."
        )
    for name in names:
        if name not in COLUMNS:
            near = get_close_matches(name.lower(), COLUMNS, n=1)
            hint = f"s’agit-il de « {near[0]} » ?" if near else "retirez-la."
            raise Invalid(f"La colonne « {_printable(name)} » n’est pas connue : {hint}")
        if names.count(name) > 1:
            raise Invalid(f"La colonne « {name} » est répétée dans l’en-tête : une seule est attendue.")
    missing = [name for name in COLUMNS if name not in names]
    if len(missing) == 1:
        raise Invalid(f"La colonne « {missing[0]} » manque dans l’en-tête : ajoutez-la à l’extraction.")
    if missing:
        raise Invalid(f"Des colonnes manquent dans l’en-tête : {', '.join(missing)}. Ajoutez-les à l’extraction.")
    return tuple(names.index(name) for name in COLUMNS)


def _printable(name: str) -> str:
    """A column name as a message may show it: a file without header has personal data there, so digits are hidden."""
    return "".join("*" if c.isdigit() else c if c.isprintable() else "·" for c in name[:30])
