"""Asking for a code: « Recevoir un code »."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dmp_core.holder.code_request import CodeRequests
from dmp_core.portals.mondmp.pages import typed
from dmp_core.portals.mondmp.web import session as web
from dmp_core.portals.mondmp.web.access import public

pages = Blueprint("code_request", __name__, url_prefix="/recevoir-un-code")


@pages.get("")
@public
def ask() -> str:
    """Who asks."""
    return render_template("creation/ask_code.html", errors={}, typed={})


@pages.post("")
@public
def asked() -> ResponseReturnValue:
    """Taken, whoever it is."""
    given = typed.request_for_code(request.form)
    if isinstance(given, dict):
        return render_template("creation/ask_code.html", errors=given, typed=request.form), 422
    parts = web.parts()
    requests = CodeRequests(parts.store, parts.insured, web.access().guard, parts.clock)
    requests.ask(given.nir, given.birth_date, given.serial, web.client().address)
    return redirect(url_for(".taken"), 303)


@pages.get("/demande-prise-en-compte")
@public
def taken() -> str:
    """The one answer."""
    return render_template("creation/code_asked.html")
