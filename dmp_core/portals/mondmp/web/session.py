"""The session of a request: an opaque token in a cookie, everything else in the database (`dmp_core.holder.sessions`)."""

from typing import Final

from flask import Response, current_app, g, request

from dmp_core.access.trace import ActorKind, Who
from dmp_core.clock import PARIS
from dmp_core.errors import Unavailable
from dmp_core.holder.access import Access
from dmp_core.holder.representatives import Acting, Represented, acting_for, name_of
from dmp_core.holder.sessions import Client, Session, Sessions, Stage
from dmp_core.portals.mondmp.parts import Parts

_LONGEST_AGENT: Final = 400


def parts() -> Parts:
    """The parts of this process."""
    found = current_app.extensions["mondmp"]
    assert isinstance(found, Parts)
    return found


def access() -> Access:
    """How holders get in, and what they settle about it."""
    found = current_app.extensions["mondmp.access"]
    assert isinstance(found, Access)
    return found


def sessions() -> Sessions:
    """The sessions of the holders."""
    return access().sessions


def client() -> Client:
    """Who asks, as far as the network tells; the address is that of the last trusted proxy's word."""
    return Client(request.remote_addr or "", request.headers.get("User-Agent", "")[:_LONGEST_AGENT])


def session_or_none() -> Session | None:
    """The live session of this request, looked up once. Raises Unavailable when the database does not answer."""
    if "holder_session" not in g:
        token = request.cookies.get(cookie_name("mondmp"))
        g.holder_session = sessions().find(token) if token else None
    found = g.holder_session
    assert found is None or isinstance(found, Session)
    return found


def current_session() -> Session:
    """The session of a view that declared `@stage`."""
    found = session_or_none()
    assert found is not None, "the view declares no stage"
    return found


def represented() -> Represented | None:
    """The person in whose DMP a representative is; None for a holder, and before a representative has chosen."""
    held = session_or_none()
    if held is None or held.stage is not Stage.REPRESENTING:
        return None
    if "represented" not in g:
        whom = access().signing_in.represented(held)
        g.represented = next((each for each in whom if each.dossier == held.representing), None)
    found = g.represented
    assert found is None or isinstance(found, Represented)
    return found


def acting() -> Who | None:
    """The representative of this session as the trace names them; None for a holder."""
    held, whom = session_or_none(), represented()
    if held is None or held.dossier_id is None or whom is None:
        return None
    with parts().store.transaction(held.dossier_id) as connection:
        name = name_of(connection, held.dossier_id)
    return Who(ActorKind.REPRESENTATIVE, str(held.dossier_id), name, whom.capacity.label.lower())


def who_represents() -> list[Acting]:
    """Who represents the signed-in holder today."""
    today = parts().clock().astimezone(PARIS).date()
    with parts().store.transaction(current_session().dossier_id) as connection:
        return acting_for(connection, today)


def greeted() -> Session | None:
    """The session for the layout alone: None too when the database is away, so that a refusal can still be shown."""
    try:
        return session_or_none()
    except Unavailable:
        return None


def set_session_cookie(response: Response, token: str) -> None:
    """Give the browser its new token; the one before is dead."""
    set_cookie(response, "mondmp", token)


def clear_session_cookie(response: Response) -> None:
    """Make the browser forget its token; the session itself is ended by `Sessions.end`."""
    clear_cookie(response, "mondmp")


def cookie_name(name: str) -> str:
    """The name under which the cookie goes: browsers bind `__Host-` to this very host over https."""
    return f"__Host-{name}" if parts().settings.https else name


def set_cookie(response: Response, name: str, value: str, *, seconds: int | None = None) -> None:
    """A cookie that no script reads and that only our own pages send; without `seconds`, it goes with the browser."""
    response.set_cookie(
        cookie_name(name), value, max_age=seconds, path="/", httponly=True, samesite="Lax",
        secure=parts().settings.https,
    )  # fmt: skip


def clear_cookie(response: Response, name: str) -> None:
    """The end of such a cookie."""
    response.delete_cookie(
        cookie_name(name), path="/", httponly=True, samesite="Lax", secure=parts().settings.https
    )  # fmt: skip
