"""What became of the letters of mailings: funnels, curves, comparisons, their tables, exports and the director's page."""

from datetime import date
from io import BytesIO
from typing import Any, Final

from flask import Blueprint, Response, render_template, request, send_file
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.campaigns.models import Campaign, access_campaign
from backoffice.campaigns.status import list_campaigns
from backoffice.core.actor import Role
from backoffice.core.clock import paris_date
from backoffice.core.errors import NotFound
from backoffice.following import charts
from backoffice.following.comparison import compare, points
from backoffice.following.counting import WINDOW
from backoffice.following.curves import Choice, creations_by_age_of_letter
from backoffice.following.definitions import DEFINITIONS
from backoffice.following.exports import as_csv, as_xlsx, rows_of
from backoffice.following.funnel import Dimension, days_of, funnel_of, funnels_by, funnels_of
from backoffice.following.models import Fact, counted_at
from backoffice.web.access import access, current_actor
from backoffice.web.pages.composition import office

READERS: Final = (Role.CAMPAIGN_MANAGER, Role.SUPERVISOR)
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_TIMES: Final = (1, 3, 7, 14, 30, 60, WINDOW)
"""Ages of the table behind the curve."""

pages = Blueprint("following", __name__, url_prefix="/envois")


@pages.get("")
@access(*READERS)
def index() -> str:
    """Every mailing with letters sent, the latest first."""
    today = paris_date(office().clock())
    with office().db.unit_of_work() as session:
        campaigns = list_campaigns(session, current_actor())
        rows = funnels_of(session, campaigns, today)
        counted = counted_at(session, current_actor().caisses)
    return render_template(
        "following/index.html", rows=rows, counted=counted, definitions=DEFINITIONS, percent=charts.percent
    )


@pages.get("/<reference>")
@access(*READERS)
def show(reference: str) -> str:
    """One mailing: its funnel, by day, by what tells letters apart, its curve, its waves and versions side by side."""
    today = paris_date(office().clock())
    asked = request.args.get("par", Dimension.CHANNEL.value)
    dimension = Dimension(asked) if asked in set(Dimension) else Dimension.CHANNEL
    with office().db.unit_of_work() as session:
        campaign, choice = _chosen(session, reference)
        content = _summary(session, campaign, choice, today)
        parts = funnels_by(session, choice, today, dimension)
        content |= {
            "parts": parts,
            "days": days_of(session, choice, today),
            "waves": compare(session, choice, today, Dimension.WAVE),
        }
    return render_template(
        "following/show.html", **content, gap=points, dimension=dimension, dimensions=Dimension, facts=Fact,
        days_chart=charts.days_chart(content["days"]),
        parts_chart=charts.shares_chart([(one.label, one.rate) for _, one in parts]) if len(parts) > 1 else "",
    )  # fmt: skip


@pages.get("/<reference>/synthese")
@access(*READERS)
def synthesis(reference: str) -> str:
    """One A4 page to print."""
    today = paris_date(office().clock())
    with office().db.unit_of_work() as session:
        campaign, choice = _chosen(session, reference)
        content = _summary(session, campaign, choice, today)
        content["channels"] = funnels_by(session, choice, today, Dimension.CHANNEL)
        content["bands"] = funnels_by(session, choice, today, Dimension.BAND)
    return render_template(
        "following/synthesis.html", **content,
        bands_chart=charts.shares_chart([(one.label, one.rate) for _, one in content["bands"]]),
    )  # fmt: skip


@pages.get("/<reference>/envois.<kind>")
@access(*READERS)
def export(reference: str, kind: str) -> Response:
    """The prepared counts behind the pages, as CSV or XLSX; journalled."""
    if kind not in ("csv", "xlsx"):
        raise NotFound("Ce format n’existe pas : demandez csv ou xlsx.")
    now = office().clock()
    today = paris_date(now)
    with office().db.unit_of_work() as session:
        campaign, choice = _chosen(session, reference)
        rows = rows_of(session, campaign, choice, today)
        content = as_csv(rows) if kind == "csv" else as_xlsx(campaign, rows, today)
        record(session, current_actor(), "envois.exporter", campaign.reference, at=now, detail={"format": kind})
    return send_file(
        BytesIO(content), mimetype="text/csv" if kind == "csv" else _XLSX, as_attachment=True,
        download_name=f"envois-{reference}-{today.isoformat()}.{kind}", max_age=0,
    )  # fmt: skip


def _chosen(session: Session, reference: str) -> tuple[Campaign, Choice]:
    campaign = access_campaign(session, current_actor(), reference)
    if campaign.on_demand:
        raise NotFound("Les courriers à la demande n’ont pas de suivi de campagne.")
    return campaign, Choice([campaign.id], campaign.caisses)


def _summary(session: Session, campaign: Campaign, choice: Choice, today: date) -> dict[str, Any]:
    """What both pages of a mailing show."""
    funnel = funnel_of(session, choice, today)
    points = creations_by_age_of_letter(session, choice, today)
    versions = funnels_by(session, choice, today, Dimension.VARIANT)
    curves = [("", points)]
    if len(versions) > 1:
        curves = [
            (
                one.label,
                creations_by_age_of_letter(session, Choice([campaign.id], campaign.caisses, variant=value), today),
            )
            for value, one in versions
        ]
    return {
        "campaign": campaign, "funnel": funnel, "today": today, "counted": counted_at(session, current_actor().caisses),
        "points": [points[age] for age in _TIMES if age < len(points)], "versions": versions,
        "comparison": compare(session, choice, today, Dimension.VARIANT), "definitions": DEFINITIONS,
        "funnel_chart": charts.funnel_chart(funnel), "curve_chart": charts.curve_chart(curves) if points else "",
        "percent": charts.percent,
    }  # fmt: skip
