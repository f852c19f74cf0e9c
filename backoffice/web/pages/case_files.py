"""Files of a case: joining one, reading one, taking one away."""

import io
import uuid
from typing import Any, Final, cast

from flask import Response, flash, redirect, request, send_file, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from backoffice.cases import attachments
from backoffice.cases.sniffing import LARGEST
from backoffice.core.errors import DomainError, Invalid, NotAllowed
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.case_page import page_of
from backoffice.web.pages.cases import READERS, pages
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import CaseForm
from backoffice.web.pages.uploads import OfficeRequest

_SLUG: Final = "pieces"


@pages.url_value_preprocessor
def _expect_file(endpoint: str | None, _: dict[str, Any] | None) -> None:
    if endpoint == "cases.attach":
        cast(OfficeRequest, request).expect_private(LARGEST)


@pages.post("/<number>/pieces")
@access(*READERS)
def attach(number: str) -> ResponseReturnValue:
    """Join a file; sent twice, it is joined once."""
    form = CaseForm()
    sent = request.files.get("fichier")
    try:
        if not isinstance(sent, FileStorage) or not sent.filename:
            raise Invalid("Choisissez le fichier à joindre.")
        with office().db.unit_of_work() as session:
            kept = attachments.attach(session, office(), current_actor(), number, sent.filename, sent.stream.read())
    except Invalid as refusal:
        return _refused(number, form, refusal)
    flash(f"La pièce « {kept.name} » est jointe.", "done")
    return redirect(url_for(".show", number=number, _anchor=_SLUG), 303)


@pages.get("/<number>/pieces/<uuid:uid>")
@access(*READERS)
def file(number: str, uid: uuid.UUID) -> Response:
    """The file, to be saved: nothing in it runs here, and the reading is journalled."""
    with office().db.unit_of_work() as session:
        found, content = attachments.read(session, office(), current_actor(), number, uid)
    response = send_file(
        io.BytesIO(content), mimetype=found.media_type, as_attachment=True, download_name=found.name, conditional=False,
        etag=False, last_modified=None, max_age=0,
    )  # fmt: skip
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@pages.post("/<number>/pieces/<uuid:uid>/retirer")
@access(*READERS)
def withdraw(number: str, uid: uuid.UUID) -> ResponseReturnValue:
    """Take away a file joined by mistake."""
    form = CaseForm()
    try:
        with office().db.unit_of_work() as session:
            gone = attachments.withdraw(session, office(), current_actor(), number, uid, form.texte.data or "")
    except (Invalid, NotAllowed) as refusal:
        return _refused(number, form, refusal)
    flash(f"La pièce « {gone.name} » est retirée.", "done")
    return redirect(url_for(".show", number=number, _anchor=_SLUG), 303)


def _refused(number: str, form: CaseForm, refusal: DomainError) -> ResponseReturnValue:
    return page_of(number, form, _SLUG, str(refusal)), status_of(refusal)
