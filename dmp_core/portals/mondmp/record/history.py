"""Who had access, to what and when: every access, refusals too, to read and to keep."""

import csv
import io

from flask import Response, render_template, request

from dmp_core.access.trace import Action, ActorKind, Filter
from dmp_core.clock import PARIS
from dmp_core.holder.sessions import Stage
from dmp_core.portals.mondmp.record.pages import BY_EITHER, PAGE, asked_page, blueprint, gate, holder_name, own
from dmp_core.portals.mondmp.record.statement import statement
from dmp_core.portals.mondmp.web import session as web
from dmp_core.portals.mondmp.web.access import stage

_FILTERS = {
    "tout": ("Tout", Filter()),
    "professionnels": ("Professionnels de santé", Filter(kind=ActorKind.PROFESSIONAL)),
    "urgence": ("Accès en urgence", Filter(urgent=True)),
    "refus": ("Accès refusés", Filter(refused=True)),
    "representants": ("Représentants légaux", Filter(kind=ActorKind.REPRESENTATIVE)),
    "moi": ("Moi", Filter(kind=ActorKind.HOLDER)),
}


@blueprint.get("/acces")
@stage(*BY_EITHER)
def history() -> str:
    """The accesses, the latest first."""
    chosen = request.args.get("voir", "tout")
    if chosen not in _FILTERS:
        chosen = "tout"
    page = asked_page()
    found = gate().lines(own(), _FILTERS[chosen][1], PAGE, page * PAGE)
    filters = [(name, label) for name, (label, _) in _FILTERS.items()]
    return render_template(
        "record/history.html", found=found, filters=filters, chosen=chosen, page=page + 1, reading=Action.READ_TRACE
    )


@blueprint.post("/acces/telecharger")
@stage(Stage.OPEN)
def download_history() -> Response:
    """Every line as a table for a spreadsheet, with the chain's digests."""
    found = gate().whole_trace(own())
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(("numero", "date", "qui", "profession", "mode", "action", "document", "accorde", "empreinte"))
    for line in found.lines:
        named = found.named.get(line.document) if line.document else None
        title = named.title if named else ""
        writer.writerow(
            _harmless(
                str(line.number), f"{line.at.astimezone(PARIS):%Y-%m-%d %H:%M:%S}", line.who.name, line.who.profession,
                line.who.mode.value, line.action.label, title, "oui" if line.granted else "non", line.digest.hex(),
            )
        )  # fmt: skip
    day = web.parts().clock()
    return Response(
        "\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f"attachment; filename=acces-a-mon-dmp-{day:%Y-%m-%d}.csv"},
    )  # fmt: skip


@blueprint.post("/acces/releve")
@stage(Stage.OPEN)
def signed_history() -> Response:
    """Every line, signed: anybody can verify it without this site."""
    day = web.parts().clock()
    content = statement(own(), gate().whole_trace(own()), holder_name(), day, web.parts().seal)
    return Response(
        content, content_type="application/zip",
        headers={"Content-Disposition": f"attachment; filename=acces-a-mon-dmp-{day:%Y-%m-%d}.zip"},
    )  # fmt: skip


def _harmless(*cells: str) -> list[str]:
    """Cells that a spreadsheet does not take for formulas."""
    return [f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t") else cell for cell in cells]
