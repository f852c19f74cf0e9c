"""Compiles a template: reads the docx, checks it against its kind of letter, and lays out a sample."""

from dataclasses import replace
from pathlib import Path

from backoffice.core.typography import NBSP, quoted
from backoffice.letters.docxfile import ADDRESS_FIELD, read_sheet
from backoffice.letters.faults import LetterFault, TemplateFault
from backoffice.letters.geometry import FOLD, LEAST_MARGIN, MM, SLIDING
from backoffice.letters.kinds import LetterKind
from backoffice.letters.model import Block, Sheet, Text, Zone
from backoffice.letters.placing import Placing, column
from backoffice.letters.program import LaidOut, PageProgram
from backoffice.letters.setting import Overflow, break_lines, filled, static_lines

__all__ = ["SAMPLE_ADDRESS", "LaidOut", "PageProgram", "compile_template"]

SAMPLE_ADDRESS = (
    "MME MARIE-HELENE LEFEVRE-DUBOIS",
    "APPARTEMENT 12 ESCALIER B",
    "RESIDENCE LES TILLEULS",
    "12 B RUE DES FRERES LUMIERE",
    "LE BOURG",
    "63000 CLERMONT FERRAND",
)
"""Six lines: the longest address of France."""

_WORDS_SHOWN = 6
_LONELY = 12
"""Characters of a word that does not make a last line by itself."""


def compile_template(path: Path, kind: LetterKind) -> PageProgram:
    """The page program of the docx at `path` for `kind`.

    Raises TemplateFault, with one French sentence naming the paragraph and the cause, when the template cannot be
    read, names an unknown field, lacks a required one, or does not fit its page with the samples of its fields.
    """
    sheet = read_sheet(path)
    name = quoted(path.name)
    _check_fields(sheet, kind, name)
    _check_late(sheet, kind, name)
    _check_widths(sheet, kind, name)
    _check_margin(sheet, name)
    program = PageProgram(kind, _without_lonely_words(sheet))
    _check_places(program.sample_placing, kind, name)
    return program


def _check_fields(sheet: Sheet, kind: LetterKind, name: str) -> None:
    known = {field.name for field in kind.fields} | {ADDRESS_FIELD}
    used = set()
    for block in sheet.blocks:
        for slot in block.slots:
            used.add(slot.field)
            if slot.field not in known:
                fields = ", ".join(sorted(known))
                raise TemplateFault(
                    f"Modèle {name}, {_place(block)} : le champ {quoted(slot.field)} n’existe pas ; "
                    f"les champs de ce courrier sont {fields}."
                )
    missing = [field for field in kind.fields if (field.required or field.late) and field.name not in used]
    if missing:
        field = missing[0]
        raise TemplateFault(
            f"Modèle {name} : il manque le champ {quoted(field.name)} ({field.meaning}) ; "
            f"l’ajouter sous la forme {{{{ {field.name} }}}}."
        )


def _check_late(sheet: Sheet, kind: LetterKind, name: str) -> None:
    late = kind.late
    if late is None:
        return
    holding = [block for block in sheet.blocks if any(slot.field == late.name for slot in block.slots)]
    for block in holding:
        if len(holding) > 1 or len(block.pieces) != 1 or block.slots[0].ink.face != "M":
            raise TemplateFault(
                f"Modèle {name}, {_place(block)} : le champ {quoted(late.name)} doit figurer une seule fois, seul dans "
                "son paragraphe, dans une police à chasse fixe (IBM Plex Mono)."
            )
        if block.zone is not Zone.BODY:
            raise TemplateFault(
                f"Modèle {name}, {_place(block)} : le champ {quoted(late.name)} doit être dans le corps du courrier, "
                "hors de vue de la fenêtre de l’enveloppe."
            )


def _check_widths(sheet: Sheet, kind: LetterKind, name: str) -> None:
    values = {field.name: field.sample for field in kind.fields} | {ADDRESS_FIELD: SAMPLE_ADDRESS[0]}
    for block in sheet.blocks:
        where = column(sheet, block)
        if min(where.first, where.others) <= 0:
            raise TemplateFault(f"Modèle {name}, {_place(block)} : les retraits ne laissent pas de place au texte.")
        try:
            break_lines(filled(block, values), where.first, where.others)
        except Overflow as fault:
            raise TemplateFault(
                f"Modèle {name}, {_place(block)} : {quoted(fault.word)} dépasse la ligne de "
                f"{_millimetres(fault.excess / MM)} ; réduire le corps ou les retraits."
            ) from None
        except LetterFault as fault:
            raise TemplateFault(
                f"Modèle {name}, {_place(block)} : {str(fault).split(' : ')[0]} ; le remplacer."
            ) from None


def _without_lonely_words(sheet: Sheet) -> Sheet:
    """The same, but where a paragraph would end on a line of one short word, that word takes another with it."""
    blocks = []
    for block in sheet.blocks:
        last = block.pieces[-1]
        if not block.slots and isinstance(last, Text) and " " in last.text:
            where = column(sheet, block)
            lines = static_lines(block, where.first, where.others)
            if len(lines) > 1 and " " not in lines[-1].text and len(lines[-1].text) <= _LONELY:
                before, _, word = last.text.rpartition(" ")
                joined = replace(last, text=f"{before}{NBSP}{word}")
                block = replace(block, pieces=(*block.pieces[:-1], joined))
        blocks.append(block)
    return replace(sheet, blocks=tuple(blocks))


def _check_margin(sheet: Sheet, name: str) -> None:
    if sheet.left / MM < LEAST_MARGIN:
        raise TemplateFault(
            f"Modèle {name} : la marge de gauche doit laisser {_millimetres(LEAST_MARGIN)} au repère de mise sous pli ; "
            "l’élargir."
        )


def _check_places(placing: Placing, kind: LetterKind, name: str) -> None:
    if placing.overflow > 0 and placing.overflowing:
        raise TemplateFault(
            f"Modèle {name}, {_place(placing.overflowing)} : le texte dépasse la place de la page de "
            f"{_millimetres(placing.overflow / MM)} ; raccourcir le texte, réduire le corps ou les espacements."
        )
    if placing.intruding:
        raise TemplateFault(
            f"Modèle {name}, {_place(placing.intruding)} : le texte entre de {_millimetres(placing.intrusion)} dans la "
            f"zone que montre la fenêtre de l’enveloppe (à droite de {SLIDING.left:.0f} mm, de {SLIDING.top:.0f} à "
            f"{SLIDING.bottom:.0f} mm du haut) ; augmenter le retrait à droite."
        )
    late = kind.late
    for placed in placing.placed:
        if late and any(slot.field == late.name for slot in placed.block.slots) and placed.top < FOLD * MM:
            raise TemplateFault(
                f"Modèle {name}, {_place(placed.block)} : le code doit être à plus de {FOLD:.0f} mm du haut de la "
                "page, sous le premier pli ; le descendre."
            )


def _place(block: Block) -> str:
    text = " ".join(piece.text for piece in block.pieces if isinstance(piece, Text)).split()
    shown = " ".join(text[:_WORDS_SHOWN]) + (" …" if len(text) > _WORDS_SHOWN else "")
    where = f"{block.where[0].lower()}{block.where[1:]}"
    return f"{where} ({quoted(shown)})" if shown else where


def _millimetres(length: float) -> str:
    return f"{max(length, 0.1):.1f}\u00a0mm".replace(".", ",")
