"""What templates may call: French typography and dates, versioned static files, who is there."""

import hashlib
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, Flask, Response, request, send_from_directory, url_for

from dmp_core.enrolment.words import CAISSES, HOTLINE, french_instant, long_day, no_break_spaces, short_day
from dmp_core.portals.mondmp.web.access import public
from dmp_core.portals.mondmp.web.session import greeted

FOLDER: Final = Path(__file__).resolve().parents[1]
STATIC_FOLDER: Final = FOLDER / "static"


def equip_templates(app: Flask, note: str) -> None:
    """Add the filters and globals, and serve the static files."""
    shell = Blueprint("shell", __name__)

    @shell.get("/statique/<path:filename>")
    @public
    def static(filename: str) -> Response:
        return send_from_directory(STATIC_FOLDER, filename)

    app.register_blueprint(shell)
    versions = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in STATIC_FOLDER.iterdir()
        if path.is_file()
    }

    def asset(name: str) -> str:
        return url_for("shell.static", filename=name, v=versions[name])

    app.jinja_env.filters.update(nbsp=no_break_spaces, day=long_day, short_day=short_day, instant=french_instant)

    @app.context_processor
    def globals_of_templates() -> dict[str, Any]:
        return {
            "asset": asset,
            "holder_session": greeted(),
            "note": note,
            "caisses": CAISSES,
            "hotline": no_break_spaces(HOTLINE),
            "hotline_digits": HOTLINE.replace(" ", ""),
            "path": request.path,
        }
