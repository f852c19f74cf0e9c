"""Summaries of nobody, and strategies that draw any."""

from datetime import UTC, date, datetime
from uuid import UUID

from hypothesis import strategies as st

from dmp_core.holder.relatives import Relative, Relatives
from dmp_core.record.cda import Edition, Patient
from dmp_core.record.vsm.cda import Writer
from dmp_core.record.vsm.summary import (
    Absence,
    Allergy,
    AllergyKind,
    Exposure,
    Finding,
    Habit,
    HabitKind,
    Kin,
    Kinship,
    Operation,
    Past,
    Problem,
    Summary,
    Treatment,
)

TODAY = date(2016, 11, 2)
PATIENT = Patient("1541187387477485562488", "Dupond", "", "Nicolas", "1950-08-01", woman=False)
WRITER = Writer("8100000000017", "MARTIN", "ANNE", "G15_10/SM54", "Médecine générale")
EDITION = Edition(UUID(int=1), UUID(int=2), 1, datetime(2016, 11, 2, 9, tzinfo=UTC))

FULL = Summary(
    problems=(Problem("Accident ischémique transitoire", "2016-08-11", "G45.9"), Problem("Hypertension artérielle", "2009")),
    past=(Past("Pyélonéphrite aiguë", "2014-04-22", "2014-04-30", "N10"), Past("Infarctus du myocarde", "2013-01")),
    operations=(Operation("Pose d’une endoprothèse coronaire", "2013-01-14", "DDAF004"), Operation("Appendicectomie")),
    allergies=(
        Allergy(AllergyKind.MEDICINE, "Amoxicilline", "Urticaire", "2012-06"), Allergy(AllergyKind.FOOD, "Arachide"),
    ),
    habits=(Habit(HabitKind.TOBACCO, "25 paquets-années, arrêt en 2013"), Habit(HabitKind.OTHER, "Sédentaire")),
    exposures=(Exposure("Amiante : visites de chantier de 1975 à 1990"),),
    family=(Kin(Kinship.MOTHER, "Diabète de type 2", "E11.9"), Kin(Kinship.OTHER, "Cancer du côlon")),
    findings=(Finding("ECG : hémibloc antérieur gauche", "2016-09-01"), Finding("Clairance de la créatinine à surveiller")),
    treatments=(
        Treatment("CLOPIDOGREL 75 mg, comprimé", "1 le matin", "2016-08", "", "Accident ischémique transitoire", "63564053"),
        Treatment("PERINDOPRIL 5 mg, comprimé", "1 le matin"),
    ),
)  # fmt: skip
NOTHING = Summary(*[Absence.NONE] * 9)
NOT_ASKED = Summary(*[Absence.UNKNOWN] * 9)

RELATIVES = Relatives(
    Relative("Claire Dupond", "+33142345678", "ma fille"),
    (Relative("Jean-Paul de la Tour", "+33612345678", "mon frère"), Relative("Voisine", "+3225551234", "")),
)

words = (
    st.text(st.characters(min_codepoint=33, max_codepoint=0x24F), min_size=1, max_size=40)
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: bool(text) and text.isprintable())
)
maybe = st.one_of(st.just(""), words)
days = st.dates(date(1920, 1, 1), TODAY).flatmap(
    lambda day: st.sampled_from(["", f"{day:%Y}", f"{day:%Y-%m}", f"{day:%Y-%m-%d}"])
)
cim10 = st.one_of(st.just(""), st.from_regex(r"[A-Z][0-9]{2}(\.[0-9]{1,2})?", fullmatch=True))
ccam = st.one_of(st.just(""), st.from_regex(r"[A-Z]{4}[0-9]{3}", fullmatch=True))
cis = st.one_of(st.just(""), st.from_regex(r"[0-9]{8}", fullmatch=True))


def _section(lines: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(st.sampled_from(Absence), st.lists(lines, min_size=1, max_size=4).map(tuple))


summaries = st.builds(
    Summary,
    _section(st.builds(Problem, words, days, cim10)),
    _section(st.builds(Past, words, days, days, cim10)),
    _section(st.builds(Operation, words, days, ccam)),
    _section(st.builds(Allergy, st.sampled_from(AllergyKind), words, maybe, days)),
    _section(st.builds(Habit, st.sampled_from(HabitKind), words)),
    _section(st.builds(Exposure, words)),
    _section(st.builds(Kin, st.sampled_from(Kinship), words, cim10)),
    _section(st.builds(Finding, words, days)),
    _section(st.builds(Treatment, words, maybe, days, days, maybe, cis)),
)
_people = st.builds(Relative, words, st.from_regex(r"\+[1-9][0-9]{5,14}", fullmatch=True), maybe)
relatives = st.builds(Relatives, st.one_of(st.none(), _people), st.lists(_people, max_size=3).map(tuple))
