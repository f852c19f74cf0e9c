"""Headers that keep browsers from being turned against their users, and whose word is taken about the address asked."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'{also}; base-uri 'none'; frame-ancestors 'none'"
)
_FORWARDED: Final = (
    "HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT", "HTTP_X_FORWARDED_PREFIX", "HTTP_X_FORWARDED_BY",
)  # fmt: skip
Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def policy(form_action: str = "") -> str:
    """What a page of ours may load and where its forms may lead; `form_action`: one place outside the site, besides."""
    return _POLICY.format(also=f" {form_action}" if form_action else "")


def protect_responses(app: Flask, *, https: bool) -> None:
    """Add the security headers to every response; nothing but the static files is ever kept by a cache."""

    @app.after_request
    def protect(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", policy())  # a document has a narrower one
        if "frame-ancestors 'none'" in headers["Content-Security-Policy"]:
            headers["X-Frame-Options"] = "DENY"
        headers["X-Content-Type-Options"] = "nosniff"
        # Not "no-referrer": over https a form is only taken from a page of ours, which the referrer tells. None leaves.
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"
        if https:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        if request.endpoint == "shell.static" and response.status_code == 200:
            headers["Cache-Control"] = "public, max-age=31536000, immutable"
        else:
            headers["Cache-Control"] = "no-store"
        return response


def trust_proxies(app: Flask, hops: int) -> None:
    """Believe forwarded headers from exactly `hops` reverse proxies; with none, forget that they were sent."""
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
        return
    inner: Wsgi = app.wsgi_app

    def without_forwarded(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        for name in _FORWARDED:
            environ.pop(name, None)
        return inner(environ, start_response)

    app.wsgi_app = without_forwarded  # type: ignore[method-assign]
