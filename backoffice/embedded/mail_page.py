"""The page where caught e-mails and SMS are read, and the gateway that takes SMS over HTTP. Loopback only."""

from dataclasses import dataclass
from email.message import EmailMessage, MIMEPart
from io import BytesIO
from pathlib import Path
from typing import Final

import msgspec
from flask import Flask, Response, abort, render_template, request, send_file, url_for
from werkzeug.exceptions import HTTPException, SecurityError

from backoffice.core.clock import PARIS
from backoffice.core.errors import DomainError, Invalid, NotFound
from backoffice.core.typography import NBSP, thousands
from backoffice.embedded.mailbox import Mailbox

PAGE_SIZE: Final = 50
_ROOT: Final = Path(__file__).resolve().parents[2]
_PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# A message is somebody else's page: no script, nothing fetched, an origin of its own.
_MESSAGE_POLICY: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


class SmsRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What the gateway takes: {"id": "…", "to": "+33639980001", "text": "…"}."""

    id: str
    to: str
    text: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file joined to a message."""

    number: int
    name: str
    media_type: str
    content: bytes


def create_mail_page(mailbox: Mailbox) -> Flask:
    """The application over one mailbox."""
    app = Flask(
        __name__,
        static_folder=_ROOT / "backoffice" / "web" / "static",
        static_url_path="/statique",
        template_folder=_ROOT / "templates" / "pages",
    )
    # Another site's page must not read this one by naming 127.0.0.1 as its own host.
    app.config["TRUSTED_HOSTS"] = ["127.0.0.1", "localhost"]
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    app.jinja_env.filters["paris"] = lambda instant: f"{instant.astimezone(PARIS):%d/%m/%Y %H:%M:%S}"
    app.jinja_env.filters["size"] = french_size
    app.jinja_env.filters["thousands"] = thousands
    app.jinja_env.globals["asset"] = lambda name: url_for("static", filename=name)

    @app.get("/")
    def messages() -> str:
        number = _page_number()
        found, total = mailbox.page(number, PAGE_SIZE)
        return render_template("mail/messages.html", messages=found, pager=_pager(number, total), tab="courriels")

    @app.get("/sms")
    def sms() -> str:
        number = _page_number()
        found, total = mailbox.sms_page(number, PAGE_SIZE)
        return render_template("mail/sms.html", messages=found, pager=_pager(number, total), tab="sms")

    @app.post("/sms")
    def take_sms() -> tuple[dict[str, str], int]:
        # A form of another site cannot send this media type without asking first, which is never granted.
        if request.mimetype != "application/json":
            return {"error": "Envoyez le SMS en application/json."}, 415
        try:
            wanted = msgspec.json.decode(request.get_data(), type=SmsRequest)
            fresh = mailbox.keep_sms(wanted.id, wanted.to, wanted.text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return {"error": "Le SMS attendu est un objet JSON avec « id », « to » et « text »."}, 422
        except Invalid as error:
            return {"error": str(error)}, 422
        return {"id": wanted.id}, 201 if fresh else 200

    @app.get("/courriels/<name>")
    def message(name: str) -> str:
        found = mailbox.message(name)
        text = found.get_body(("plain",))
        return render_template(
            "mail/message.html",
            name=name,
            message=found,
            received_at=mailbox.received_at(name),
            headers=found.items(),
            html=found.get_body(("html",)) is not None,
            text=None if text is None else _text(text),
            attachments=_attachments(found),
            tab="courriels",
        )

    @app.get("/courriels/<name>/html")
    def html(name: str) -> Response:
        body = mailbox.message(name).get_body(("html",))
        if body is None:
            abort(404)
        response = Response(_text(body), mimetype="text/html")
        response.headers["Content-Security-Policy"] = _MESSAGE_POLICY
        return response

    @app.get("/courriels/<name>/source")
    def source(name: str) -> Response:
        return _download(f"{name}.eml", "message/rfc822", mailbox.source(name))

    @app.get("/courriels/<name>/pieces/<int:number>")
    def attachment(name: str, number: int) -> Response:
        for found in _attachments(mailbox.message(name)):
            if found.number == number:
                return _download(found.name, found.media_type, found.content)
        raise NotFound("Ce courriel n’a pas cette pièce jointe.")

    @app.errorhandler(NotFound)
    @app.errorhandler(HTTPException)
    def refuse(error: Exception) -> tuple[str, int]:
        if isinstance(error, SecurityError):  # another host's name: no address can be built for a page of ours
            return "Adresse refusée.", 400
        status = (error.code or 500) if isinstance(error, HTTPException) else 404
        sentence = str(error) if isinstance(error, DomainError) else "Cette page n’existe pas."
        return render_template("mail/refusal.html", sentence=sentence, tab=""), status

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", _PAGE_POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return app


def french_size(count: int) -> str:
    """A number of bytes as a French reader has it: "812 o", "14 ko", "2,3 Mo"."""
    if count < 1000:
        return f"{count}{NBSP}o"
    if count < 1_000_000:
        return f"{round(count / 1000)}{NBSP}ko"
    return f"{count / 1_000_000:.1f}{NBSP}Mo".replace(".", ",")


def _page_number() -> int:
    text = request.args.get("page", "1")
    return int(text) if text.isascii() and text.isdigit() and int(text[:9]) > 0 else 1


def _pager(number: int, total: int) -> dict[str, int]:
    return {"number": number, "last": max(1, -(-total // PAGE_SIZE)), "total": total}


def _text(part: MIMEPart) -> str:
    """The text of a part, whatever character set it claims."""
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    try:
        return content.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return content.decode("utf-8", "replace")


def _attachments(message: EmailMessage) -> list[Attachment]:
    found = []
    for number, part in enumerate(message.iter_attachments(), 1):
        content = part.get_payload(decode=True)
        found.append(
            Attachment(
                number,
                part.get_filename() or f"piece-{number}",
                part.get_content_type(),
                content if isinstance(content, bytes) else bytes(part),
            )
        )
    return found


def _download(name: str, media_type: str, content: bytes) -> Response:
    response = send_file(BytesIO(content), media_type, as_attachment=True, download_name=name)
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response
