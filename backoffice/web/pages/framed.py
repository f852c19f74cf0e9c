"""A PDF shown within a frame of a page of ours, or the sentence that says why there is none."""

from collections.abc import Callable
from io import BytesIO
from typing import Final

from flask import Response, current_app, render_template, send_file
from sqlalchemy.orm import Session

from backoffice.core.errors import DomainError
from backoffice.web.errors import status_of
from backoffice.web.pages.composition import office
from backoffice.web.security import allow_framing

PDF_POLICY: Final = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"


def framed_pdf(make: Callable[[Session], bytes], name: str) -> Response:
    """The pages that `make` gives within one unit of work."""
    allow_framing()
    try:
        with office().db.unit_of_work() as session:
            content = make(session)
    except DomainError as refusal:  # read within a frame of a page of ours: without its head and its links
        page = render_template("campaigns/frame.html", sentence=str(refusal))
        return current_app.make_response((page, status_of(refusal)))
    response = send_file(BytesIO(content), mimetype="application/pdf", download_name=name)
    response.headers["Content-Security-Policy"] = PDF_POLICY
    return response
