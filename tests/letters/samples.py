"""Synthetic letters for the tests."""

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path

import pikepdf

from backoffice.core.address import Recipient, address_block
from backoffice.core.caisse import caisse_of
from backoffice.letters.compile import PageProgram, compile_template
from backoffice.letters.kinds import letter_kind
from backoffice.letters.reference import format_letter_id
from backoffice.letters.stamp import Stamper
from backoffice.letters.values import letter_values

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "letters"
RECRUITMENT = TEMPLATES / "recruitment.docx"
CODE = "7KXR4DHW9PCT"
LETTER_DATE, CODE_END = date(2016, 5, 3), date(2016, 7, 3)
SOMEONE = Recipient(
    civilite="MME", nom_naissance="Martin", nom_usage="Lefèvre-Dubois", prenom="Marie-Hélène", adresse_2="Appartement 12",
    adresse_3="Résidence des Lilas", adresse_4="3 bis, rue de l’Hôtel-de-Ville", adresse_5="", code_postal="63000",
    ville="Clermont-Ferrand", pays="",
)  # fmt: skip


@lru_cache(maxsize=1)
def recruitment() -> PageProgram:
    """The recruitment letter as delivered."""
    return compile_template(RECRUITMENT, letter_kind("recruitment"))


def someone(**changes: str) -> Recipient:
    """`SOMEONE`, but for these fields."""
    return replace(SOMEONE, **changes)


def values_of(recipient: Recipient) -> dict[str, str]:
    return letter_values(recipient, caisse_of("631"), LETTER_DATE, code_end=CODE_END)


def lot_of(recipients: Sequence[Recipient], *, tagged: bool = False, program: PageProgram | None = None) -> bytes:
    """A lot with one letter for each."""
    sink = io.BytesIO()
    chosen = program or recruitment()
    stamper = Stamper(chosen, sink, title="Lot d’essai", tagged=tagged, date=LETTER_DATE)
    for number, recipient in enumerate(recipients, 1):
        laid_out = chosen.lay_out(values_of(recipient), address_block(recipient))
        stamper.add(laid_out, letter_id=format_letter_id("631", number), code=CODE)
    stamper.finish()
    return sink.getvalue()


def opened(content: bytes) -> pikepdf.Pdf:
    return pikepdf.open(io.BytesIO(content))
