"""A document that goes straight to the printer: an address that serves once, within a minute, for who asked for it alone."""

import secrets
from collections.abc import Callable
from io import BytesIO
from typing import Final

from flask import Response, send_file

from backoffice.core.errors import NotFound
from backoffice.web.access import current_actor
from backoffice.web.pages.composition import office
from backoffice.web.pages.framed import PDF_POLICY
from backoffice.web.security import allow_framing

PRINT_SECONDS: Final = 60
"""How long the address of a document waits for the printer."""


def hold_for_printer(kind: str, *words: object) -> str:
    """The name of an address of this kind, good for the agent who asks; `words`, without spaces, say of what."""
    token = secrets.token_urlsafe(24)
    told = " ".join((current_actor().login, *map(str, words)))
    office().redis.set(f"caisse:{kind}:{token}", told, ex=PRINT_SECONDS)
    return token


def held_for_printer(kind: str, token: str) -> list[str]:
    """What was held under this name, which is good no more. Raises NotFound: it has served, or was another's."""
    kept = office().redis.getdel(f"caisse:{kind}:{token}")
    login, *words = kept.decode().split(" ") if isinstance(kept, bytes) else [""]
    if login != current_actor().login:
        raise NotFound("Ce document a déjà été envoyé à l’imprimante : demandez-en une nouvelle impression.")
    return words


def to_printer(make: Callable[[], bytes]) -> Response:
    """The PDF that `make` gives, or its refusal, within the frame that prints; nothing of it is kept by the browser."""
    allow_framing()
    response = send_file(
        BytesIO(make()), mimetype="application/pdf", download_name="document.pdf", conditional=False, etag=False,
        last_modified=None, max_age=0,
    )  # fmt: skip
    response.headers["Content-Security-Policy"] = PDF_POLICY
    return response
