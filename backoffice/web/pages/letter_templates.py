"""Templates of letters: download, edit in Word, upload, see the proof or the exact fault, have it made the current one."""

from typing import Any, Final

from flask import Blueprint, Response, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.file import FileField
from sqlalchemy import select
from wtforms import StringField

from backoffice.campaigns import template_versions, templates
from backoffice.campaigns.models import Campaign
from backoffice.campaigns.template_versions import VersionState
from backoffice.core.actor import Role
from backoffice.core.errors import DomainError, Invalid, NotAllowed, NotFound, WrongState
from backoffice.letters.kinds import LETTER_KINDS, letter_kind
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import OfficeForm
from backoffice.web.pages.framed import framed_pdf

READERS: Final = (Role.CAMPAIGN_MANAGER, Role.ADMINISTRATOR)
_WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_BADGES: Final = {
    VersionState.PROPOSED: "wait",
    VersionState.CURRENT: "done",
    VersionState.REPLACED: "draft",
    VersionState.SET_ASIDE: "stop",
}

pages = Blueprint("templates", __name__, url_prefix="/modeles")


class TemplateForm(OfficeForm):
    """A version of a template."""

    fichier = FileField("Modèle Word")
    commentaire = StringField("Ce qui change")


@pages.get("")
@access(*READERS)
def index() -> str:
    """Every letter, with where its template comes from."""
    with office().db.unit_of_work() as session:
        found = {kind.name: template_versions.versions_of(session, kind.name) for kind in LETTER_KINDS}
    rows = [
        (
            kind,
            next((one for one in found[kind.name] if one.status is VersionState.CURRENT), None),
            sum(one.status is VersionState.PROPOSED for one in found[kind.name]),
        )
        for kind in LETTER_KINDS
    ]
    return render_template("templates/index.html", rows=rows)


@pages.get("/<letter>")
@access(*READERS)
def letter(letter: str) -> str:
    """One letter: its current template, its versions, a form to send another."""
    return _page(letter, TemplateForm())


@pages.post("/<letter>")
@access(Role.CAMPAIGN_MANAGER)
def propose(letter: str) -> ResponseReturnValue:
    """Take a version: its proof, or the exact fault."""
    request.max_content_length = template_versions.LARGEST + 1024 * 1024
    form = TemplateForm()
    sent: Any = form.fichier.data
    if sent is None or not sent.filename:
        return _page(letter, form, {"fichier": "Choisissez le fichier Word du modèle (.docx)."}), 422
    try:
        with office().db.unit_of_work() as session:
            made = template_versions.propose(
                session, office(), current_actor(), letter, sent.filename, sent.read(template_versions.LARGEST + 1),
                form.commentaire.data or "",
            ).id  # fmt: skip
    except Invalid as refusal:
        name = "commentaire" if not (form.commentaire.data or "").strip() else "fichier"
        return _page(letter, form, {name: str(refusal)}), 422
    flash("La version est reçue. Relisez son épreuve, puis faites-la approuver par un autre responsable.", "done")
    return redirect(url_for(".version", letter=letter, version_id=made), 303)


@pages.get("/<letter>/modele.docx")
@access(*READERS)
def current_file(letter: str) -> Response:
    """The current template, to be edited in Word."""
    return _word(templates.file_of(office(), letter_kind(letter).name, None), letter_kind(letter).template)


@pages.get("/<letter>/epreuve.pdf")
@access(*READERS)
def current_proof(letter: str) -> Response:
    """The proof of the current template."""
    name = letter_kind(letter).name
    return framed_pdf(
        lambda _: template_versions.proof(templates.program_of(office(), name, None)), f"epreuve-{name}.pdf"
    )


@pages.get("/<letter>/versions/<int:version_id>")
@access(*READERS)
def version(letter: str, version_id: int) -> str:
    """One version: its proof, what it changes, where it was sent."""
    with office().db.unit_of_work() as session:
        found = template_versions.version_of(session, version_id)
        if found.letter != letter:
            raise NotFound("Cette version du modèle est introuvable.")
        sent = session.scalars(
            select(Campaign).where(Campaign.template_version == found.version).order_by(Campaign.id.desc()).limit(20)
        ).all()
    changes = template_versions.changes(
        templates.program_of(office(), letter, None), templates.program_of(office(), letter, found.version)
    )
    return render_template(
        "templates/version.html", kind=letter_kind(letter), version=found, badges=_BADGES, changes=changes,
        campaigns=[one for one in sent if current_actor().caisses.issuperset(one.caisses)], form=TemplateForm(),
    )  # fmt: skip


@pages.get("/<letter>/versions/<int:version_id>/modele.docx")
@access(*READERS)
def version_file(letter: str, version_id: int) -> Response:
    """The file of one version."""
    with office().db.unit_of_work() as session:
        found = template_versions.version_of(session, version_id)
    return _word(templates.file_of(office(), found.letter, found.version), f"{letter}-{found.version[:8]}.docx")


@pages.get("/<letter>/versions/<int:version_id>/epreuve.pdf")
@access(*READERS)
def version_proof(letter: str, version_id: int) -> Response:
    """The proof of one version."""
    with office().db.unit_of_work() as session:
        found = template_versions.version_of(session, version_id)
    return framed_pdf(
        lambda _: template_versions.proof(templates.program_of(office(), found.letter, found.version)),
        f"epreuve-{letter}-{found.version[:8]}.pdf",
    )


@pages.post("/<letter>/versions/<int:version_id>/adopter")
@access(Role.CAMPAIGN_MANAGER)
def adopt(letter: str, version_id: int) -> ResponseReturnValue:
    """Make it the current version."""
    return _decide(letter, version_id, VersionState.CURRENT)


@pages.post("/<letter>/versions/<int:version_id>/ecarter")
@access(Role.CAMPAIGN_MANAGER)
def set_aside(letter: str, version_id: int) -> ResponseReturnValue:
    """Set it aside."""
    return _decide(letter, version_id, VersionState.SET_ASIDE)


def _decide(letter: str, version_id: int, state: VersionState) -> ResponseReturnValue:
    try:
        with office().db.unit_of_work() as session:
            template_versions.decide(session, office(), current_actor(), version_id, state)
    except (WrongState, NotAllowed) as refusal:
        return render_template("templates/refused.html", kind=letter_kind(letter), sentence=str(refusal)), status_of(
            refusal
        )
    flash(
        "Cette version est désormais la courante. Les approbations données avec la précédente sont annulées."
        if state is VersionState.CURRENT
        else "Cette version est écartée.",
        "done",
    )
    return redirect(url_for(".letter", letter=letter), 303)


def _page(letter: str, form: TemplateForm, errors: dict[str, str] | None = None) -> str:
    kind = letter_kind(letter)
    with office().db.unit_of_work() as session:
        versions = template_versions.versions_of(session, letter)
    try:
        current = templates.current_version(office(), letter)
    except DomainError as refusal:
        current, errors = "", {"fichier": str(refusal)} | (errors or {})
    return render_template(
        "templates/letter.html", kind=kind, versions=versions, current=current, form=form, errors=errors or {},
        badges=_BADGES,
    )  # fmt: skip


def _word(path: Any, name: str) -> Response:
    return send_file(path, mimetype=_WORD, as_attachment=True, download_name=name, conditional=False, max_age=0)
