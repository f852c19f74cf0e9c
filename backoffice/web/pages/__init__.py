"""The pages of each feature, over the same actions as the command line."""

from flask import Flask

from backoffice.web.pages import (
    call_acts,
    call_guard,
    call_statistics,
    case_bulk,
    case_files,
    case_page,
    destruction,
    drafts,
    filters,
    free_letters,
    lots,
    printing,
    steps,
    supervision_looking,
    trials,
    waves,
)
from backoffice.web.pages.agenda import pages as agenda_pages
from backoffice.web.pages.calls import pages as call_pages
from backoffice.web.pages.campaigns import pages as campaign_pages
from backoffice.web.pages.cases import pages as case_pages
from backoffice.web.pages.closure import pages as closure_pages
from backoffice.web.pages.control_addresses import pages as control_pages
from backoffice.web.pages.correspondence import pages as correspondence_pages
from backoffice.web.pages.counter import pages as counter_pages
from backoffice.web.pages.emails import pages as email_pages
from backoffice.web.pages.following import pages as following_pages
from backoffice.web.pages.letter_templates import pages as template_pages
from backoffice.web.pages.persons import pages as person_pages
from backoffice.web.pages.planning import pages as planning_pages
from backoffice.web.pages.population import pages as population_pages
from backoffice.web.pages.printers import pages as printer_pages
from backoffice.web.pages.representatives import pages as representatives_pages
from backoffice.web.pages.returns import pages as return_pages
from backoffice.web.pages.segments import pages as segment_pages
from backoffice.web.pages.supervision import pages as supervision_pages
from backoffice.web.pages.uploads import OfficeRequest
from backoffice.web.pages.visit import pages as visit_pages

__all__ = [
    "call_acts",
    "call_guard",
    "call_statistics",
    "case_bulk",
    "case_files",
    "case_page",
    "destruction",
    "drafts",
    "free_letters",
    "lots",
    "printing",
    "register_pages",
    "steps",
    "supervision_looking",
    "trials",
    "waves",
]  # fmt: skip


def register_pages(app: Flask) -> None:
    """Put every page on the application."""
    app.request_class = OfficeRequest
    filters.equip(app)
    for pages in (
        campaign_pages,
        population_pages,
        case_pages,
        correspondence_pages,
        email_pages,
    following_pages,
        call_pages,
        closure_pages,
        person_pages,
        segment_pages,
        supervision_pages,
        printer_pages,
        template_pages,
        control_pages,
        agenda_pages,
        planning_pages,
        return_pages,
        counter_pages,
        visit_pages,
        representatives_pages,
    ):  # fmt: skip
        app.register_blueprint(pages)
