"""The registers of the back office: campaigns, lots, imports, journal. Columns without personal data only."""

from typing import Any, ClassVar

from sqlalchemy import ColumnElement

from backoffice.adapters.dmp import Kind
from backoffice.audit.journal import AuditEntry
from backoffice.campaigns.kinds import kind_of
from backoffice.campaigns.models import Campaign, DmpEvent, Lot
from backoffice.campaigns.rules import CampaignState, Channel, LotState
from backoffice.core.actor import Role
from backoffice.core.caisse import caisse_of
from backoffice.core.typography import NBSP
from backoffice.correspondence.answers import EVENT_LABELS
from backoffice.letters.reference import format_letter_id
from backoffice.letters.requests import LetterRequest, RequestState
from backoffice.population.models import ImportState, PopulationImport
from backoffice.web.access import current_actor
from backoffice.web.registers import Register

_READERS = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})
BY_NUMBER = ("id",)
"""How a register of millions of rows may be sorted: by what numbers its rows in the order of time."""


def _labelled(kind: Any) -> Any:
    """A formatter for the column of an enumeration that has labels."""
    return lambda _, __, row, name: kind(getattr(row, name)).label


def _caisses(_: Any, __: Any, row: Any, name: str) -> str:
    return ", ".join(caisse_of(code).label for code in getattr(row, name))


def _size(_: Any, __: Any, row: Any, name: str) -> str:
    octets = getattr(row, name)
    return f"{octets / 1_000_000:.1f}{NBSP}Mo".replace(".", ",") if octets else "—"


class _Mounted(Register):
    """A register that knows its own table."""

    table: ClassVar[type[Any]]
    title: ClassVar[str]
    place: ClassVar[str]
    roles = _READERS

    def __init__(self) -> None:
        super().__init__(self.table, name=self.title, endpoint=self.place)


class _OfSeveralCaisses(_Mounted):
    """Rows that concern several caisses at once: shown to those whose scope holds them all."""

    caisse_column = None

    def _within(self) -> list[ColumnElement[bool]]:
        return [self.table.caisses.contained_by(sorted(current_actor().caisses))]


class Campaigns(_OfSeveralCaisses):
    """Campaigns and their numbers at approval."""

    table, title, place = Campaign, "Campagnes", "campagnes"
    note = "Toutes les campagnes, avec leurs effectifs à l’approbation."
    column_list = (
        "reference", "name", "state", "caisses", "letter_date", "targeted", "eligible", "author", "approver",
        "created_at", "finished_at",
    )  # fmt: skip
    column_labels = {
        "reference": "Référence", "name": "Nom", "state": "État", "caisses": "Caisses", "letter_date": "Date du courrier",
        "targeted": "Visées", "eligible": "Destinataires", "author": "Préparée par", "approver": "Approuvée par",
        "created_at": "Créée le", "finished_at": "Terminée le", "per_day": "Courriers par jour", "lot_size": "Taille des lots",
        "template_version": "Version du modèle", "launched_at": "Lancée le",
    }  # fmt: skip
    column_details_list = (*column_list, "launched_at", "per_day", "lot_size", "template_version")
    column_searchable_list = ("reference", "name", "author")
    column_default_sort = ("created_at", True)
    column_formatters = {"state": _labelled(CampaignState), "caisses": _caisses}
    number_columns = frozenset({"targeted", "eligible"})


class Lots(_Mounted):
    """Lots and their proofs."""

    table, title, place = Lot, "Lots", "lots"
    note = "Tous les lots, avec les empreintes de leurs fichiers."
    column_list = (
        "id", "name", "caisse", "channel", "state", "letter_date", "letters", "pages", "sealed_at",
    )  # fmt: skip
    column_labels = {
        "id": "Numéro", "name": "Lot", "caisse": "Caisse", "channel": "Canal", "state": "État",
        "letter_date": "Date du courrier", "planned": "Prévus", "letters": "Courriers", "exceptions": "Exceptions",
        "pages": "Pages", "size": "Taille", "sealed_at": "Scellé le", "sequence": "Rang", "excluded": "Exclus depuis",
        "reason": "Motif de quarantaine", "attempts": "Essais", "pdf_sha256": "SHA-256 des pages",
        "csv_sha256": "SHA-256 du bordereau",
    }  # fmt: skip
    column_details_list = (
        *column_list,
        "size",
        "planned",
        "exceptions",
        "sequence",
        "excluded",
        "attempts",
        "reason",
        "pdf_sha256",
        "csv_sha256",
    )
    column_searchable_list = ("name",)
    column_default_sort = ("id", True)
    column_formatters = {
        "state": _labelled(LotState),
        "channel": lambda _, __, row, ___: "courriel" if row.channel == Channel.MAIL else "courrier",
        "size": _size,
    }  # fmt: skip
    number_columns = frozenset({"planned", "letters", "exceptions", "excluded", "pages"})


class Imports(_OfSeveralCaisses):
    """Imports of population files."""

    table, title, place = PopulationImport, "Imports", "imports"
    note = "Les fichiers de population reçus et ce que leurs lignes sont devenues."
    column_list = (
        "id", "file_name", "state", "caisses", "requested_by", "requested_at", "rows_read", "created", "updated",
        "unchanged", "rejected",
    )  # fmt: skip
    column_labels = {
        "id": "Numéro", "file_name": "Fichier", "state": "État", "caisses": "Périmètre", "requested_by": "Demandé par",
        "requested_at": "Demandé le", "rows_read": "Lues", "created": "Créées", "updated": "Modifiées",
        "unchanged": "Identiques", "rejected": "Rejetées", "finished_at": "Terminé le", "encoding": "Encodage",
        "refusal": "Motif du refus", "file_sha256": "SHA-256 du fichier",
    }  # fmt: skip
    column_details_list = (*column_list, "finished_at", "encoding", "refusal", "file_sha256")
    column_searchable_list = ("file_name", "requested_by")
    column_default_sort = ("id", True)
    column_formatters = {
        "state": _labelled(ImportState), "caisses": _caisses,
    }  # fmt: skip
    number_columns = frozenset({"rows_read", "created", "updated", "unchanged", "rejected"})


class Journal(_Mounted):
    """The chained journal."""

    table, title, place = AuditEntry, "Journal", "journal"
    note = "Qui a fait quoi, quand et pourquoi. Le journal ne peut être ni modifié ni effacé."
    column_list = ("id", "at", "actor", "action", "object", "caisse", "result", "reason")
    column_labels = {
        "id": "Ligne", "at": "Le", "actor": "Par", "action": "Action", "object": "Objet", "caisse": "Caisse",
        "result": "Résultat", "reason": "Motif", "roles": "Rôles", "detail": "Détail", "digest": "Empreinte",
    }  # fmt: skip
    column_details_list = (*column_list, "roles", "detail", "digest")
    column_searchable_list = ("actor", "action", "object")
    least_search = 3
    column_sortable_list = BY_NUMBER
    column_default_sort = ("id", True)


class Events(_Mounted):
    """What the record told: administrative facts, persons by their number alone."""

    table, title, place = DmpEvent, "Événements DMP", "evenements"
    note = "Ce que mon-dmp et les accueils ont fait savoir : créations, codes demandés, clôtures. Rien de médical."
    column_list = ("id", "at", "caisse", "kind", "person_id", "answer")
    column_labels = {
        "id": "Numéro", "at": "Le", "caisse": "Caisse", "kind": "Événement", "person_id": "Personne n°",
        "answer": "Courrier demandé", "received_at": "Reçu le", "event_id": "Identifiant de l’événement",
    }  # fmt: skip
    column_details_list = (*column_list, "received_at", "event_id")
    column_searchable_list = ("kind",)
    least_search = 3
    column_sortable_list = BY_NUMBER
    column_default_sort = ("id", True)
    column_formatters = {
        "kind": lambda _, __, row, ___: EVENT_LABELS[Kind(row.kind)],
        "answer": lambda _, __, row, ___: kind_of(row.answer).label if row.answer else "—",
    }  # fmt: skip


class AskedLetters(_Mounted):
    """Letters asked for one by one, and what became of each."""

    table, title, place = LetterRequest, "Courriers demandés", "courriers-demandes"
    note = "Chaque courrier dû à une personne, ce qui l’a demandé et ce qu’il est devenu."
    column_list = (
        "id", "requested_at", "caisse", "answer", "person_id", "case_number", "state", "channel", "letter_number", "reason",
    )  # fmt: skip
    column_labels = {
        "id": "Numéro", "requested_at": "Demandé le", "caisse": "Caisse", "answer": "Courrier", "person_id": "Personne n°",
        "case_number": "Demande", "state": "Suite", "channel": "Canal", "letter_number": "Référence", "reason": "Motif",
        "about_at": "À propos du", "requested_by": "Demandé par", "left_at": "Parti le", "request": "Identifiant",
    }  # fmt: skip
    column_details_list = (*column_list, "about_at", "requested_by", "left_at", "request")
    column_searchable_list = ("answer", "state", "case_number")
    least_search = 3
    column_sortable_list = BY_NUMBER
    column_default_sort = ("id", True)
    column_formatters = {
        "state": _labelled(RequestState),
        "channel": lambda _, __, row, ___: {Channel.MAIL: "courriel", Channel.POST: "courrier"}.get(row.channel, "—"),
        "letter_number": lambda _, __, row, ___: (
            format_letter_id(row.caisse, row.letter_number) if row.letter_number else "—"
        ),
        "answer": lambda _, __, row, ___: kind_of(row.answer).label,
        "case_number": lambda _, __, row, ___: row.case_number or "—",
    }  # fmt: skip


REGISTERS: tuple[type[_Mounted], ...] = (Campaigns, Lots, Imports, Events, AskedLetters, Journal)
