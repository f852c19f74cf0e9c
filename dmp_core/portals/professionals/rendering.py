"""Filters, globals and static files of the pages."""

import hashlib
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, Flask, Response, g, send_from_directory, url_for

from dmp_core.enrolment.words import dialled, french_instant, long_day, no_break_spaces
from dmp_core.portals.charts import day_in_figures, figure
from dmp_core.portals.professionals.parts import Parts
from dmp_core.professionals.professions import label_of
from dmp_core.record.nomenclatures import label_of_type

STATIC: Final = Path(__file__).parent / "static"


def equip_templates(app: Flask, parts: Parts) -> None:
    """Add the filters and globals, and serve the static files."""
    shell = Blueprint("shell", __name__)

    @shell.get("/statique/<path:filename>")
    def static(filename: str) -> Response:
        return send_from_directory(STATIC, filename)

    app.register_blueprint(shell)
    versions = {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:12] for file in STATIC.iterdir()}
    app.jinja_env.filters.update(
        nbsp=no_break_spaces,
        day=long_day,
        instant=french_instant,
        type_label=label_of_type,
        profession=label_of,
        phone=dialled,
        figure=figure,
        figures=day_in_figures,
    )

    @app.context_processor
    def globals_of_templates() -> dict[str, Any]:
        return {
            "asset": lambda name: url_for("shell.static", filename=name, v=versions[name]),
            "who": g.get("professional"), "note": parts.note,
        }  # fmt: skip
