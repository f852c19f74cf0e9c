"""The counts as a table for other programs: CSV for any of them, XLSX with numbers that are numbers."""

import csv
from collections.abc import Iterable, Sequence
from datetime import date
from io import BytesIO, StringIO
from typing import Final

import xlsxwriter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backoffice.campaigns.models import Campaign
from backoffice.following.curves import Choice
from backoffice.following.definitions import DEFINITIONS
from backoffice.following.funnel import Dimension, label_of
from backoffice.following.models import CampaignDay, Fact

HEADER: Final = (
    "campagne", "version", "vague", "caisse", "canal", "age", "jour_envoi", "jour", "nature", "envois",
)  # fmt: skip
Row = tuple[str, str, int, str, str, str, date, date, str, int]


def rows_of(session: Session, campaign: Campaign, choice: Choice, today: date) -> list[Row]:
    """Every prepared count of the campaign up to today: one line a day, nature and sort of letter."""
    found = session.execute(
        select(
            CampaignDay.variant, CampaignDay.wave, CampaignDay.caisse, CampaignDay.channel, CampaignDay.band,
            CampaignDay.sent_on, CampaignDay.day, CampaignDay.fact, func.sum(CampaignDay.letters),
        )
        .where(*choice.condition(), CampaignDay.day <= today, CampaignDay.sent_on <= today)
        .group_by(*(getattr(CampaignDay, name) for name in
                    ("variant", "wave", "caisse", "channel", "band", "sent_on", "day", "fact")))
        .order_by(CampaignDay.day, CampaignDay.fact, CampaignDay.caisse, CampaignDay.wave, CampaignDay.variant,
                  CampaignDay.channel, CampaignDay.band, CampaignDay.sent_on)
    )  # fmt: skip
    return [
        (
            campaign.reference, variant, wave, caisse, label_of(Dimension.CHANNEL, channel), band, sent_on, day,
            Fact(fact).label, int(letters),
        )
        for variant, wave, caisse, channel, band, sent_on, day, fact, letters in found
    ]  # fmt: skip


def as_csv(rows: Iterable[Row]) -> bytes:
    """UTF-8 with a byte order mark, as Excel wants it; semicolons, days as YYYY-MM-DD."""
    out = StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(HEADER)
    writer.writerows(rows)
    return out.getvalue().encode("utf-8-sig")


def as_xlsx(campaign: Campaign, rows: Sequence[Row], today: date) -> bytes:
    """Two sheets: the counts as a table that can be filtered, and what each number means."""
    out = BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    day, wrapped, strong = (
        book.add_format({"num_format": "dd/mm/yyyy"}), book.add_format({"text_wrap": True, "valign": "top"}),
        book.add_format({"bold": True, "valign": "top"}),
    )  # fmt: skip
    sheet = book.add_worksheet("Envois")
    for line, row in enumerate(rows, 1):
        for column, value in enumerate(row):
            if isinstance(value, date):
                sheet.write_datetime(line, column, value, day)
            else:
                sheet.write(line, column, value)
    sheet.add_table(
        0, 0, max(len(rows), 1), len(HEADER) - 1,
        {"columns": [{"header": name} for name in HEADER], "style": "Table Style Light 1", "name": "Envois"},
    )  # fmt: skip
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(HEADER) - 1, 16)
    meaning = book.add_worksheet("Définitions")
    meaning.set_column(0, 0, 20)
    meaning.set_column(1, 1, 110)
    meaning.write(0, 0, campaign.reference, strong)
    meaning.write(0, 1, f"{campaign.name}, au {today:%d/%m/%Y}")
    for line, (name, sense) in enumerate(DEFINITIONS, 2):
        meaning.write(line, 0, name, strong)
        meaning.write(line, 1, sense, wrapped)
    book.close()
    return out.getvalue()
