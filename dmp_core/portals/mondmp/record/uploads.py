"""Requests that carry documents: larger than any form, for the pages that take one and no other."""

from typing import Final

from flask import Flask, request

from dmp_core.record.contents import LARGEST

UPLOADS: Final = frozenset({"record.add_sent", "record.replace_sent"})
"""The endpoints that take files."""
_AROUND: Final = 256 * 1024
"""Bytes of the form around the files."""


def expect_documents(app: Flask) -> None:
    """Let the pages that take a document receive one. Call it after the access check and before the form is read."""

    @app.before_request
    def widen() -> None:
        if request.endpoint in UPLOADS:
            request.max_content_length = LARGEST + _AROUND
