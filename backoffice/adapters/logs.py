"""Structured logs: one JSON line an event on stderr, never a NIR, a code, a name or a secret."""

import logging
import sys

import structlog


def quiet_logs(level: int = logging.INFO) -> None:
    """Structured lines on stderr from `level` on; libraries only from WARNING. A terminal wants WARNING: people read it."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # stderr as it is then, not as it was
    )
