"""What people ring for: by subject, day or week, as a picture, a table and a file."""

import csv
import io
from datetime import date

from flask import Response, render_template, request

from backoffice.calls.statistics import CallCounts, counts, span
from backoffice.web.access import access, current_actor
from backoffice.web.pages.calls import STAFF, pages
from backoffice.web.pages.composition import office


@pages.get("/statistiques")
@access(*STAFF)
def statistics() -> str:
    """The picture and the table."""
    weekly = request.args.get("par") != "jour"
    found, first, last = _found(weekly)
    return render_template(
        "calls/statistics.html", found=found, weekly=weekly, first=first, last=last,
        most=max([*found.by_period, 1]),
    )  # fmt: skip


@pages.get("/statistiques.csv")
@access(*STAFF)
def statistics_file() -> Response:
    """The same, for a spreadsheet."""
    weekly = request.args.get("par") != "jour"
    found, first, last = _found(weekly)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(["sujet", *(day.isoformat() for day in found.periods), "total"])
    for subject in found.subjects:
        writer.writerow([subject.label, *subject.by_period, subject.total])
    writer.writerow(["total", *found.by_period, found.total])
    name = f"appels-{first.isoformat()}-{last.isoformat()}.csv"
    return Response(
        "\ufeff" + out.getvalue(),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _found(weekly: bool) -> tuple[CallCounts, date, date]:
    first, last = span(office().clock(), weekly=weekly)
    with office().db.unit_of_work() as session:
        return counts(session, current_actor(), first, last, weekly=weekly), first, last
