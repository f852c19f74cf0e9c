"""The population: imports of the caisses' files."""

from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final, cast

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from backoffice.core.actor import Role
from backoffice.core.errors import Invalid
from backoffice.core.typography import thousands
from backoffice.population.actions import discard_strays, live_progress, request_import, uploads_folder
from backoffice.population.models import UNDER_WAY, PopulationImport, access_import, list_imports
from backoffice.population.reports import hand_over_report
from backoffice.web.access import access, current_actor, wants_json
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import UploadForm
from backoffice.web.pages.live import percentage
from backoffice.web.pages.paging import asked_page
from backoffice.web.pages.uploads import OfficeRequest, keeping
from backoffice.web.pages.wording import IMPORT_BADGES, IMPORT_STATES

READERS: Final = (Role.CAMPAIGN_MANAGER, Role.SUPERVISOR, Role.ADMINISTRATOR)
LIST_SIZE: Final = 20
NO_FILE: Final = "Choisissez le fichier à importer."

pages = Blueprint("population", __name__, url_prefix="/population")


@pages.url_value_preprocessor
def _expect_upload(endpoint: str | None, _: dict[str, Any] | None) -> None:
    # Before any check reads the form: the file must not pass through memory, nor through another folder.
    if endpoint == "population.upload":
        cast(OfficeRequest, request).expect_upload(uploads_folder(office()).absolute())


@pages.teardown_request
def _discard_upload(_: BaseException | None) -> None:
    cast(OfficeRequest, request).discard()


@pages.get("")
@access(*READERS)
def index() -> str:
    """The imports of one's caisses, newest first."""
    with office().db.unit_of_work() as session:
        total, _ = list_imports(session, current_actor(), 1)
        page = asked_page(total, LIST_SIZE)
        _, rows = list_imports(session, current_actor(), page.size, page.offset)
    return render_template("population/index.html", rows=rows, page=page, states=IMPORT_STATES, badges=IMPORT_BADGES)


@pages.get("/importer")
@access(Role.CAMPAIGN_MANAGER)
def choose() -> str:
    """The form for a file."""
    return _form(UploadForm())


@pages.post("/importer")
@access(Role.CAMPAIGN_MANAGER)
def upload() -> ResponseReturnValue:
    """Take the file if its head is that of a population file; a worker does the rest."""
    form = UploadForm()
    sent = form.fichier.data
    try:
        if not isinstance(sent, FileStorage) or not sent.filename:
            raise Invalid(NO_FILE)
        if not form.validate():
            raise Invalid("Choisissez l’encodage du fichier dans la liste.")
        import_id = _take(sent, form.encodage.data)
    except Invalid as refusal:
        if wants_json():
            raise
        return _form(form, str(refusal)), 422
    place = url_for(".show", import_id=import_id)
    if wants_json():
        return jsonify({"suite": place})
    flash("Le fichier est reçu.", "done")
    return redirect(place, 303)


def _take(sent: FileStorage, encoding: str) -> int:
    name = _plain_name(sent.filename or "")
    with keeping(cast(OfficeRequest, request), sent.stream) as path:
        try:
            with office().db.unit_of_work() as session:
                discard_strays(session, office())
                return request_import(session, office(), current_actor(), path, name=name, encoding=encoding).id
        except Invalid as refusal:
            raise Invalid(str(refusal).replace(path.name, name)) from None


def _plain_name(sent: str) -> str:
    """The last part of a file's name as a browser of any system tells it, without anything that cannot be shown."""
    last = PureWindowsPath(PurePosixPath(sent).name).name
    return "".join(letter for letter in last if letter.isprintable())[:120] or "fichier"


def _form(form: UploadForm, error: str = "") -> str:
    return render_template("population/upload.html", form=form, error=error)


@pages.get("/<int:import_id>")
@access(*READERS)
def show(import_id: int) -> str:
    """One import: how far it is, or what became of its rows."""
    with office().db.unit_of_work() as session:
        found = access_import(session, current_actor(), import_id)
    return render_template(
        "population/show.html", one=found, news=_news(found), state=IMPORT_STATES[found.state],
        badge_of_state=IMPORT_BADGES[found.state], waiting=found.state in UNDER_WAY,
    )  # fmt: skip


@pages.get("/<int:import_id>/suivi")
@access(*READERS, background=True)
def progress(import_id: int) -> dict[str, Any]:
    """How far it is, for the page's script."""
    with office().db.unit_of_work() as session:
        return _news(access_import(session, current_actor(), import_id))


def _news(found: PopulationImport) -> dict[str, Any]:
    stage, done, total = live_progress(office(), found.id) if found.state in UNDER_WAY else ("", 0, None)
    told = stage[:1].upper() + stage[1:] if stage else "En attente d’un travailleur libre"
    part = percentage(done, total) if total else ""
    lines = f"{thousands(done)} lignes sur {thousands(total)}" if total else ""
    return {
        "version": found.state,
        "fini": found.state not in UNDER_WAY,
        "fait": done,
        "total": total or 0,
        "annonce": f"{told}. {part}",
        "textes": {"etape": told, "lignes": lines, "part": part},
        "etats": {},
    }


@pages.get("/<int:import_id>/rejets.csv")
@access(Role.CAMPAIGN_MANAGER)
def report(import_id: int) -> Response:
    """The reject report: one line a fault."""
    with office().db.unit_of_work() as session:
        path = hand_over_report(session, office(), current_actor(), import_id)
    return send_file(
        path, mimetype="text/csv", as_attachment=True, download_name=f"rejets-import-{import_id}.csv",
        conditional=False, etag=False, last_modified=None, max_age=0,
    )  # fmt: skip
