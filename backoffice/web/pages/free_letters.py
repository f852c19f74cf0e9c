"""Letters finished by hand in Word: a prepared docx out of the case, the finished letter back to it."""

import io
from typing import Any, Final, cast

from flask import flash, redirect, request, send_file, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from backoffice.cases.freehand import file_sent, prepare
from backoffice.cases.sniffing import LARGEST
from backoffice.core.errors import Invalid, WrongState
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.case_page import page_of
from backoffice.web.pages.cases import READERS, pages
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import CaseForm
from backoffice.web.pages.uploads import OfficeRequest

_DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_SLUG: Final = "lettres"


@pages.url_value_preprocessor
def _expect_letter(endpoint: str | None, _: dict[str, Any] | None) -> None:
    if endpoint == "cases.letter_sent":
        cast(OfficeRequest, request).expect_private(LARGEST)


@pages.get("/<number>/lettres/<name>")
@access(*READERS)
def free_letter(number: str, name: str) -> ResponseReturnValue:
    """The prepared letter, to be finished in Word."""
    try:
        with office().db.unit_of_work() as session:
            file_name, content = prepare(session, office(), current_actor(), number, name)
    except WrongState as refusal:
        return page_of(number, CaseForm(), _SLUG, str(refusal)), status_of(refusal)
    return send_file(io.BytesIO(content), mimetype=_DOCX, as_attachment=True, download_name=file_name, max_age=0)


@pages.post("/<number>/lettres/partie")
@access(*READERS)
def letter_sent(number: str) -> ResponseReturnValue:
    """The finished letter, filed and said to have left; sent twice, it is filed once."""
    sent = request.files.get("lettre")
    try:
        if not isinstance(sent, FileStorage) or not sent.filename:
            raise Invalid("Choisissez la lettre finie, en Word ou en PDF.")
        with office().db.unit_of_work() as session:
            name = file_sent(session, office(), current_actor(), number, sent.filename, sent.stream.read())
    except Invalid as refusal:
        return page_of(number, CaseForm(), _SLUG, str(refusal)), status_of(refusal)
    flash(f"La lettre « {name} » est classée, et notée comme partie.", "done")
    return redirect(url_for(".show", number=number), 303)
