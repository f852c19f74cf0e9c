"""A real Chromium: a doctor with eight minutes, by the keyboard, at a desk and on a telephone; axe on each page."""

from datetime import timedelta
from decimal import Decimal

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect
from portal.windows import axe_source, chromium, faults, tab_to

from dmp_core.access.rules import Basis
from dmp_core.record.reimbursements.history import Analysis, Care, Delivery, Imaging, Stay

from .served import Served
from .test_browser_card import find, with_card
from .test_relatives import with_relatives
from .test_visit import visits, with_biology, with_reimbursements, with_summary
from .world import Record, a_professional

__all__ = ["chromium"]
pytestmark = pytest.mark.browser
NUMBER = 83_001


def filled(served: Served, record: Record) -> None:
    """A record with all that the page can tell, seen a month ago and fed since."""
    world, who, one = served.world, a_professional(NUMBER), timedelta(days=1)
    now = world.clock.now
    world.clock.now = now - 30 * one
    record.relate(who, Basis.CONSENT)
    with_summary(record)
    with_relatives(record)
    record.put("lettre de sortie", "11490-0")
    record.put("directives anticipées", "EXPPAT_3")
    visits(world).overview(who, record.dossier)
    world.clock.now = now - 3 * one
    today = world.clock().date()
    with_reimbursements(
        record, Delivery(today - 8 * one, "PLAVIX 75MG CPR 30", ("CLOPIDOGREL HYDROGENOSULFATE",), 1),
        Delivery(today - 40 * one, "XARELTO 20MG CPR 28", ("RIVAROXABAN",), 1),
        Care(today - 60 * one, "C", Decimal(1), "CONSULTATION", "MEDECINE GENERALE"),
        Analysis(today - 61 * one, "0552", "SANG : GLUCOSE (GLYCEMIE)", 1), Stay(today - 200 * one, 1, "Endoscopie"),
        Imaging(today - 90 * one, "NFQK004", Decimal(1), "Rx genou"),
    )  # fmt: skip
    with_biology(record, 6)
    record.put("échographie", "11528-7", by=a_professional(83_002, name="DURAND"))
    record.put("secret", masked=True)
    world.clock.now = now


def test_eight_minutes_with_the_keyboard(chromium: Chromium, served: Served) -> None:
    someone = served.world.someone()
    record = Record(served.world, someone.dossier)
    filled(served, record)
    page = with_card(chromium, served, served.doctor(NUMBER, speciality="G15_10/SM54"))
    find(page, someone)
    found: dict[str, list[str]] = {}
    expect(page.get_by_role("heading", level=2)).to_have_text(
        [
            "Ses proches", "Ses volontés, directives anticipées", "L’essentiel", "Depuis votre dernière visite",
            "Traitements en cours", "Remboursements des douze derniers mois", "Documents",
        ]
    )  # fmt: skip
    expect(page.get_by_role("link", name="+3225551234")).to_have_attribute("href", "tel:+3225551234")
    expect(page.get_by_text("Amoxicilline")).to_be_visible()
    expect(page.get_by_text("Dans la synthèse, mais non délivré depuis plus de 3 mois.")).to_be_visible()
    expect(page.get_by_text("Délivré, mais absent de la synthèse.")).to_be_visible()
    expect(page.get_by_text("secret")).to_have_count(0)
    found["page"] = faults(page, axe_source())
    page.set_viewport_size({"width": 390, "height": 800})
    found["page, narrow"] = faults(page, axe_source())
    tab_to(page, "summary")
    page.get_by_text("Les mêmes, mois par mois").press("Enter")
    expect(page.get_by_role("columnheader", name="Hospitalisation")).to_be_visible()
    found["table, narrow"] = faults(page, axe_source())
    page.get_by_label("Mots du titre").fill("echographie durand")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("1 document trouvé")
    found["found, narrow"] = faults(page, axe_source())
    page.set_viewport_size({"width": 1280, "height": 900})
    found["found"] = faults(page, axe_source())
    page.get_by_role("link", name="Dossier de M. Nicolas Dupond").click()
    page.get_by_role("link", name="Suivre les résultats de biologie").press("Enter")
    expect(page.get_by_role("img", name="Glucose à jeun (mmol/L), 6 résultats")).to_be_visible()
    expect(page.get_by_role("region", name="Glucose à jeun, en tableau").get_by_role("row")).to_have_count(7)
    found["biology"] = faults(page, axe_source())
    page.set_viewport_size({"width": 390, "height": 800})
    found["biology, narrow"] = faults(page, axe_source())
    assert {where: each for where, each in found.items() if each} == {}
