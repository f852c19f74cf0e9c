"""The first page after signing in: what this person may do."""

from flask import Blueprint, render_template

from backoffice.web.access import EVERY_ROLE, access

pages = Blueprint("home", __name__)


@pages.get("/")
@access(*EVERY_ROLE)
def index() -> str:
    """The sections open to this role."""
    return render_template("home.html")
