"""The record's pages of mon-dmp: documents by category, one document, adding, downloading, who may and who had access."""

# Each module adds its views to the blueprint.
from dmp_core.portals.mondmp.record import adding, documents, emergencies, history, professionals
from dmp_core.portals.mondmp.record.pages import blueprint

__all__ = ["adding", "blueprint", "documents", "emergencies", "history", "professionals"]
