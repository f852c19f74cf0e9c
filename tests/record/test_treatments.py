"""What the summary says is taken, and what was dispensed: side by side, and where the two disagree."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmp_core.record.reimbursements.history import Delivery, History, Supply
from dmp_core.record.treatments import Discordance, Line, Treatments, in_progress, matches
from dmp_core.record.vsm.summary import Absence, Summary, Treatment

from .vsm.samples import NOT_ASKED, NOTHING

TODAY = date(2016, 11, 2)
DRAWN_UP = date(2016, 9, 1)
CLOPIDOGREL = Treatment("CLOPIDOGREL 75 mg, comprimé", "1 le matin", "2016-01")


def a_summary(*treatments: Treatment) -> tuple[Summary, date]:
    return Summary(*[Absence.NONE] * 8, treatments or Absence.NONE), DRAWN_UP


def a_history(*deliveries: Delivery) -> History:
    return History(date(2015, 11, 2), TODAY, deliveries=deliveries)


def dispensed(label: str, days_ago: int, *substances: str, kind: Supply = Supply.MEDICINE) -> Delivery:
    return Delivery(TODAY - timedelta(days=days_ago), label, substances, 1, kind)


def told(found: Treatments | None) -> list[tuple[str, Discordance | None]]:
    assert found is not None
    return [(line.treatment.medicine if line.treatment else line.delivered, line.discordance) for line in found.lines]


@pytest.mark.parametrize(
    ("medicine", "delivery", "same"),
    [
        ("CLOPIDOGREL 75 mg, comprimé", dispensed("PLAVIX 75MG CPR 30", 1, "CLOPIDOGREL HYDROGENOSULFATE"), True),
        ("Plavix 75 mg", dispensed("PLAVIX 75MG CPR 30", 1, "CLOPIDOGREL HYDROGENOSULFATE"), True),
        ("Périndopril 5 mg", dispensed("PERINDOPRIL TEVA 5MG CPR 30", 1, "PERINDOPRIL TERTBUTYLAMINE"), True),
        # A fixed combination is more than the first of its substances.
        ("Périndopril 5 mg", dispensed("PERINDOPRIL INDAPAMIDE TEVA", 1, "PERINDOPRIL", "INDAPAMIDE"), False),
        ("Périndopril/indapamide 4 mg", dispensed("PRETERAX", 1, "PERINDOPRIL", "INDAPAMIDE"), True),
        # The salt says nothing.
        ("Chlorure de potassium", dispensed("CHLORURE DE SODIUM 0,9%", 1, "CHLORURE SODIUM"), False),
        ("Acide folique 5 mg", dispensed("ACIDE ACETYLSALICYLIQUE 75MG", 1, "ACIDE ACETYLSALICYLIQUE"), False),
        ("Metformine", dispensed("BANDELETTES", 1), False),
        ("75 mg", dispensed("75 MG", 1), False),
    ],
)
def test_one_brand_or_all_the_substances(medicine: str, delivery: Delivery, same: bool) -> None:
    assert matches(Treatment(medicine), delivery) is same


def test_what_agrees_says_when_it_was_dispensed_last() -> None:
    history = a_history(dispensed("PLAVIX 75MG", 10, "CLOPIDOGREL"), dispensed("CLOPIDOGREL ARROW", 40, "CLOPIDOGREL"))
    found = in_progress(a_summary(CLOPIDOGREL), history, TODAY)
    assert found == Treatments(
        (Line(CLOPIDOGREL, "PLAVIX 75MG", ("CLOPIDOGREL",), TODAY - timedelta(days=10), 2),), compared=True, until=TODAY
    )


def test_both_discordances_come_first() -> None:
    history = a_history(
        dispensed("PLAVIX 75MG", 10, "CLOPIDOGREL"), dispensed("TAHOR 10MG", 120, "ATORVASTATINE"),
        dispensed("XARELTO 20MG", 12, "RIVAROXABAN"), dispensed("XARELTO 20MG", 80, "RIVAROXABAN"),
        dispensed("DOLIPRANE 1 G", 5, "PARACETAMOL"), dispensed("AMOXICILLINE", 200, "AMOXICILLINE"),
        dispensed("LANCETTES", 3, kind=Supply.DEVICE), dispensed("VAXIGRIP", 20, kind=Supply.VACCINE),
    )  # fmt: skip
    found = in_progress(a_summary(CLOPIDOGREL, Treatment("Tahor 10 mg", "", "2014")), history, TODAY)
    assert told(found) == [
        ("Tahor 10 mg", Discordance.SILENT), ("XARELTO 20MG", Discordance.UNLISTED), ("DOLIPRANE 1 G", Discordance.SINCE),
        ("CLOPIDOGREL 75 mg, comprimé", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("treatment", "shown"),
    [
        (Treatment("Tahor", "", "2014", "2016-10"), None),  # over
        (Treatment("Tahor", "", "2014", "2016-11"), Discordance.SILENT),  # until the end of this month
        (Treatment("Tahor", "", "2016-10-20"), "agreed"),  # too young to have been missed
        (Treatment("Tahor"), Discordance.SILENT),
    ],
)
def test_the_dates_of_a_treatment_count(treatment: Treatment, shown: str | None) -> None:
    found = told(in_progress(a_summary(treatment), a_history(), TODAY))
    assert found == ([] if shown is None else [("Tahor", None if shown == "agreed" else shown)])


def test_without_both_sources_no_disagreement_is_told() -> None:
    history = a_history(dispensed("PLAVIX 75MG", 10, "CLOPIDOGREL"))
    alone = [
        in_progress(a_summary(CLOPIDOGREL), None, TODAY), in_progress(None, history, TODAY),
        in_progress((NOT_ASKED, DRAWN_UP), history, TODAY),
    ]  # fmt: skip
    for found in alone:
        assert not found.compared
        assert [discordance for _, discordance in told(found)] == [None]
    # "Aucun traitement" is something said, and what is dispensed differs from it.
    assert told(in_progress((NOTHING, TODAY), history, TODAY)) == [("PLAVIX 75MG", Discordance.UNLISTED)]


_substances = st.sampled_from(["CLOPIDOGREL", "ATORVASTATINE", "RIVAROXABAN", "PARACETAMOL", "INDAPAMIDE"])


@given(
    st.lists(st.builds(Treatment, _substances, since=st.sampled_from(["", "2014", "2016-10"])), max_size=4),
    st.lists(
        st.builds(lambda name, ago: dispensed(f"{name} X", ago, name), _substances, st.integers(0, 365)), max_size=8
    ),
)  # fmt: skip
def test_every_line_of_the_summary_and_every_recent_medicine_is_told_once(
    stated: list[Treatment], deliveries: list[Delivery]
) -> None:
    found = in_progress(a_summary(*stated), a_history(*deliveries), TODAY)
    assert sorted(line.treatment.medicine for line in found.lines if line.treatment) == sorted(
        each.medicine for each in stated
    )
    recent = {each.substances for each in deliveries if each.day >= date(2016, 8, 2)}
    others = [line.substances for line in found.lines if not line.treatment]
    assert len(others) == len(set(others))
    assert set(others) == {each for each in recent if each[0] not in {one.medicine for one in stated}}
