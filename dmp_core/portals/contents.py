"""Contents as both portals hand them over: shown by the browser, where they can reach nothing, or kept in a file."""

from flask import Response

from dmp_core.record.metadata import Document
from dmp_core.record.structured import QUIET, Readable


def shown(document: Document, told: Readable, *, keep: bool = False) -> Response:
    """The answer that hands it over, under the document's own title."""
    response = Response(told.data, content_type=told.mime)
    stem = document.file_name.rpartition(".")[0]
    disposition = "inline" if told.shown and not keep else "attachment"
    response.headers.set("Content-Disposition", disposition, filename=f"{stem}.{told.suffix}")
    if told.sandboxed:
        response.headers["Content-Security-Policy"] = QUIET
    return response
