"""Pages that tell: home, what the DMP is, the terms of use, legal notice, accessibility."""

from flask import Blueprint, Response, render_template

from dmp_core.enrolment.conditions import current_terms
from dmp_core.enrolment.papers import terms_pdf
from dmp_core.portals.mondmp.web.access import public
from dmp_core.portals.mondmp.web.session import parts

pages = Blueprint("information", __name__)


@pages.get("/")
@public
def home() -> str:
    """The three doors and the three promises of the seed."""
    return render_template("home.html")


@pages.get("/decouvrir")
@public
def discover() -> str:
    """What the DMP is."""
    return render_template("discover.html")


@pages.get("/conditions")
@public
def terms() -> str:
    """The terms of use, in the page."""
    return render_template("terms.html", terms=current_terms())


@pages.get("/conditions.pdf")
@public
def terms_file() -> Response:
    """The terms of use, as PDF."""
    return pdf_response(terms_pdf(current_terms()), "conditions-generales-dmp.pdf")


@pages.get("/mentions-legales")
@public
def legal() -> str:
    """Who is responsible, and the rights of loi 78-17."""
    return render_template("legal.html", fingerprint=parts().seal.fingerprint)


@pages.get("/certificat-des-releves.pem")
@public
def certificate() -> Response:
    """The certificate under which statements of accesses are signed."""
    return Response(
        parts().seal.pem, content_type="application/x-pem-file",
        headers={"Content-Disposition": "attachment; filename=certificat.pem"},
    )  # fmt: skip


@pages.get("/accessibilite")
@public
def accessibility() -> str:
    """How accessible the site is, and what is not."""
    return render_template("accessibility.html")


def pdf_response(content: bytes, name: str) -> Response:
    """A PDF shown by the browser; it goes from memory to the wire."""
    response = Response(content, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return response
