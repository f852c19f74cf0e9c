"""The five tables in words: titles, columns and cells, once for the CDA's narrative, the page and the screen."""

from datetime import date
from decimal import Decimal
from typing import Final

from dmp_core.record.reimbursements.history import History
from dmp_core.record.tables import Table, figures

EMPTY: Final = "Aucun remboursement sur la période."
USE: Final = (
    "Ce document reprend les remboursements de l’Assurance Maladie sur la période indiquée. Il ne dit rien des soins qui "
    "n’ont pas été remboursés, et ne vaut ni prescription ni compte rendu."
)
HOSPITAL: Final = "H : délivré ou réalisé à l’hôpital."


def tables_of(history: History) -> tuple[Table, ...]:
    """The tables of the seed, in its order, with its columns; a table may be empty."""
    return (
        Table(
            "Pharmacie / fournitures",
            (
                "Date de délivrance", "Libellé du médicament ou de la fourniture",
                "Liste des composants actifs du médicament (DCI)", "Quantité délivrée",
            ),
            tuple(
                (marked(row.day, row.hospital), row.label, "\n".join(row.substances), str(row.quantity))
                for row in history.deliveries
            ),
        ),
        Table(
            "Hospitalisation",
            ("Date d’admission", "Durée du séjour", "Nature du séjour"),
            tuple((figures(row.day), days(row.length), row.nature) for row in history.stays),
        ),
        Table(
            "Biologie",
            ("Date de l’acte", "Code de l’acte (NABM)", "Libellé de l’acte", "Quantité"),
            tuple((figures(row.day), row.code, row.label, str(row.quantity)) for row in history.analyses),
        ),
        Table(
            "Soins médicaux et dentaires",
            ("Date d’exécution de l’acte", "Acte", "Coefficient de l’acte", "Libellé de l’acte", "Spécialité"),
            tuple(
                (marked(row.day, row.hospital), row.act, number(row.coefficient), row.label, row.specialty)
                for row in history.cares
            ),
        ),
        Table(
            "Radiologie",
            ("Date de l’acte", "Acte", "Coefficient de l’acte", "Libellé de l’acte"),
            tuple(
                (marked(row.day, row.hospital), row.act, number(row.coefficient), row.label) for row in history.images
            ),
        ),
    )  # fmt: skip


def has_marks(table: Table) -> bool:
    """Whether a line of it was given in hospital."""
    return any(row[0].startswith("H ") for row in table.rows)


def marked(day: date, hospital: bool) -> str:
    """A date, after the H of what was given in hospital."""
    return f"H {figures(day)}" if hospital else figures(day)


def days(length: int) -> str:
    """ "1 jour", "3 jours"."""
    return f"{length} jour{'s' if length > 1 else ''}"


def number(value: Decimal) -> str:
    """A coefficient as it is read: "1", "1,5"."""
    return f"{value.normalize():f}".replace(".", ",")
