"""The server in front: TLS in which the browser, or the software, proves its card, and hands its certificate over.

Gunicorn: handshakes in its threads (a slow one holds nobody else up), several processes, and the socket itself in reach
of the application, so that the certificate is taken from the connection and never from a header.
"""

import re
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding
from flask import Flask
from gunicorn.app.base import BaseApplication

from dmp_core.portals.professionals.card import HANDSHAKE, PEER
from dmp_core.professionals.trust import Anchors

_ALONE: Final = re.compile(r"/dossiers/[0-9a-f-]{36}/urgence")
"""What ends its connection, whatever the answer: asked for again, it comes by a new one, and so by a new proof."""
Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


class _Timed(ssl.SSLSocket):
    """A connection that knows when its card was proved."""

    shaken: datetime | None = None

    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        self.shaken = datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Tls:
    """What a server proves, and whom it believes."""

    certificate: Path
    key: Path
    anchors: Anchors


def context_of(tls: Tls) -> ssl.SSLContext:
    """TLS 1.2 or later; a certificate is asked for, verified by the handshake itself, and nothing is resumed: each
    connection is a new proof by the card. Without any, the page that says so can still be shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslsocket_class = _Timed
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(tls.certificate, tls.key)
    every = (*tls.anchors.roots, *tls.anchors.cards, *tls.anchors.establishments)
    context.load_verify_locations(cadata="".join(one.public_bytes(Encoding.PEM).decode() for one in every))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    return context


def with_peer(app: Wsgi) -> Wsgi:
    """`app` with the certificate that the connection proved, and when, and with no other word about it."""

    def served(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ.pop(PEER, None)
        environ.pop(HANDSHAKE, None)
        connection = environ.get("gunicorn.socket")
        if isinstance(connection, ssl.SSLSocket):
            presented = connection.getpeercert(binary_form=True)
            if presented:
                environ[PEER] = presented
                environ[HANDSHAKE] = getattr(connection, "shaken", None)
        return app(environ, start_response)

    return served


class Server(BaseApplication):  # type: ignore[misc]
    """Serves the application that `make` makes, once in each process, until a signal ends it."""

    def __init__(
        self, make: Callable[[], Flask], tls: Tls, host: str, port: int, *, processes: int = 2, threads: int = 8
    ) -> None:
        self._make, self._tls = make, tls
        self._bind, self._processes, self._threads = f"{host}:{port}", processes, threads
        super().__init__()

    def load_config(self) -> None:
        """Settings of ours; neither command line nor environment of gunicorn's is read."""
        context = context_of(self._tls)

        def ours(_config: Any, _default: Any) -> ssl.SSLContext:
            return context

        def alone(_worker: Any, asked: Any) -> None:
            if asked.method == "POST" and _ALONE.fullmatch(asked.path):
                asked.force_close()

        for name, value in {
            "bind": [self._bind], "workers": self._processes, "threads": self._threads, "worker_class": "gthread",
            "certfile": str(self._tls.certificate), "keyfile": str(self._tls.key),
            "ssl_context": ours, "pre_request": alone, "keepalive": 15, "timeout": 60, "graceful_timeout": 20,
            "forwarded_allow_ips": "", "limit_request_fields": 60, "accesslog": None, "loglevel": "warning",
            "proc_name": "dmp-ps", "control_socket_disable": True,
        }.items():  # fmt: skip
            self.cfg.set(name, value)

    def load(self) -> Wsgi:
        """The application of one process."""
        return with_peer(self._make().wsgi_app)
