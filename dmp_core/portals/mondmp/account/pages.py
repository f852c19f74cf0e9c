"""What the account pages have in common: their blueprint, the device cookie, where a code was sent, moving on."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from flask import Blueprint, Response, flash, make_response, redirect, request, url_for
from flask import session as form_cookie
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from dmp_core.errors import DmpError
from dmp_core.holder.guard import TooMany
from dmp_core.holder.one_time import Channel, Sent
from dmp_core.holder.sessions import SIGNED_IN, Stage
from dmp_core.portals.mondmp.account import services, words
from dmp_core.portals.mondmp.web import session as web
from dmp_core.portals.mondmp.web.errors import seconds_until

blueprint = Blueprint("account", __name__)

Errors = dict[str, str]
"""By field, in the order of the page."""

HOMES: Final = {
    Stage.OPEN: "account.home", Stage.CHOOSING: "account.represented", Stage.REPRESENTING: "account.represented_home",
}  # fmt: skip
"""The first page of who is signed in."""

_DEVICE: Final = "mondmp-appareil"
_SENT: Final = "envoi"
_CHOICES: Final = {Channel.MAIL: "L’envoyer par e-mail", Channel.SMS: "L’envoyer par SMS"}


@blueprint.record_once
def _equip(state: BlueprintSetupState) -> None:
    words.equip(state)


@blueprint.app_context_processor
def _left() -> dict[str, Any]:
    """Seconds before the session ends by itself, for the warning of the page, and whose page it is."""
    held = web.greeted()
    if held is None or held.stage not in SIGNED_IN:
        return {}
    # What a browser keeps of a page is given back to the same holder alone; the mark means nothing to anybody else.
    # A representative's page of one person is not given back once they are in the DMP of another.
    marked = f"{held.dossier_id}{held.representing or ''}"
    whose = hashlib.sha256(b"mondmp/tab\0" + marked.encode()).hexdigest()[:16]
    return {
        "session_left": seconds_left(held.began_at), "tab_mark": whose, "signed_in_as": held.stage.value,
        "home": HOMES[held.stage], "representing": web.represented(),
    }  # fmt: skip


def seconds_left(began_at: datetime) -> dict[str, int]:
    """How long the session of this very request still lives, without any other request, and whatever comes."""
    limits = services.access().limits
    whole = began_at + limits.session_whole - web.parts().clock()
    return {
        "idle": limits.session_idle // timedelta(seconds=1),
        "whole": max(0, whole // timedelta(seconds=1)),
    }  # fmt: skip


def typed(*names: str) -> dict[str, str]:
    """These fields of the form as typed, empty when missing; never a password nor a code."""
    return {name: request.form.get(name, "") for name in names}


def secret(name: str) -> str:
    """A password or a code of the form: never given back to a page."""
    return request.form.get(name, "")


def device_cookie() -> str:
    """What this browser is known by, empty when it is not."""
    return request.cookies.get(web.cookie_name(_DEVICE), "")


def keep_device(response: Response, cookie: str | None) -> None:
    """Have the browser keep what it is known by from now on."""
    if cookie is not None:
        seconds = services.access().limits.device_life // timedelta(seconds=1)
        web.set_cookie(response, _DEVICE, cookie, seconds=seconds)


def go(endpoint: str, token: str | None = None) -> Response:
    """To another page, by GET, with the session's new token if it has one."""
    response = make_response(redirect(url_for(endpoint), 303))
    if token is not None:
        web.set_session_cookie(response, token)
    return response


def out(endpoint: str, sentence: str | None = None, kind: str = "wait") -> Response:
    """To another page, without the session, which has ended; say why."""
    if sentence is not None:
        flash(sentence, kind)
    response = go(endpoint)
    web.clear_session_cookie(response)
    form_cookie.pop(_SENT, None)
    return response


def refused(page: str, refusal: DmpError) -> ResponseReturnValue:
    """The page that says the refusal, with the status it has; TooMany says in a header too when to come back."""
    if isinstance(refusal, TooMany):
        return page, 429, {"Retry-After": str(seconds_until(refusal.retry_at))}
    return page, 422


@dataclass(frozen=True, slots=True)
class Awaited:
    """A code that was sent, as the page that awaits it tells it."""

    sent: Sent | None
    wait: int
    """Seconds before another may be asked for."""
    others: list[tuple[str, str]]
    """The other channels: (value, words)."""


def remember_sent(purpose: str, sent: Sent) -> None:
    """Keep, in the browser's own signed cookie, where the code went; the address is masked already."""
    form_cookie[_SENT] = {
        "pour": purpose, "canal": sent.channel.value, "indice": sent.hint, "a": web.parts().clock().isoformat(),
    }  # fmt: skip


def forget_sent() -> None:
    """The code has served."""
    form_cookie.pop(_SENT, None)


def awaited(purpose: str, channels: list[Channel]) -> Awaited:
    """What to tell about the code of this purpose; `channels` are those that the holder may choose among."""
    kept: Mapping[str, str] = form_cookie.get(_SENT) or {}
    sent, wait = None, 0
    if kept.get("pour") == purpose:
        sent = Sent(Channel(kept["canal"]), kept["indice"])
        again = datetime.fromisoformat(kept["a"]) + services.access().limits.resend_wait
        wait = max(0, -((web.parts().clock() - again) // timedelta(seconds=1)))
    now = sent.channel if sent else None
    others = [(c.value, _CHOICES[c]) for c in channels if c in _CHOICES and c is not now]
    return Awaited(sent, wait, others)


def channel_chosen() -> Channel | None:
    """The channel of the button pressed; None lets the account's first one serve."""
    given = request.form.get("canal", "")
    return Channel(given) if given in _CHOICES else None
