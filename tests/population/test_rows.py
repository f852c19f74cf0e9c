"""A row is taken in normal form or refused with every one of its faults."""

from datetime import date

import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from backoffice.population.civil_dates import DateFault, birth_span, calendar_day
from backoffice.population.contacts import email_address, mobile_number
from backoffice.population.rows import COLUMNS, Fault, PersonRow, birth_latest, check_row, shown

from .samples import NIR, NIR_OD, fields, nir_of

TODAY = date(2016, 11, 30)


def taken(**changes: str) -> PersonRow:
    row = check_row(fields(**changes), 2, TODAY)
    assert isinstance(row, PersonRow), row
    return row


def faults(**changes: str) -> list[Fault]:
    found = check_row(fields(**changes), 7, TODAY)
    assert isinstance(found, list)
    return found


def test_a_faultless_row_is_a_person_in_normal_form() -> None:
    row = taken(
        nir=f" {NIR[:1]} {NIR[1:3]} {NIR[3:5]} {NIR[5:]}\u00a0",
        ville=" CLERMONT-FERRAND  ",
        adresse_4="12  RUE\u00a0DES LILAS",
        nom_naissance="LEFE\u0300VRE",
        email="Marie.Lefevre@EXAMPLE.org",
        mobile="06 39 98 12 34",
        canal="mail",
        vitale_serie="1234 5678 90",
        vitale_type="photo",
        dmp="O",
        pays="France",
    )
    assert row.nir == NIR
    assert row.ville == "CLERMONT-FERRAND"
    assert row.adresse_4 == "12 RUE DES LILAS"
    assert row.nom_naissance == "LEFÈVRE"
    assert row.email == "Marie.Lefevre@example.org"
    assert row.mobile == "+33639981234"
    assert row.vitale_serie == "1234567890"
    assert (row.dmp, row.opposition, row.pnd, row.date_deces, row.pays) == (True, False, False, None, "")
    assert row.born_by == date(1950, 8, 31)


def test_the_digest_tells_content_from_typing() -> None:
    row = taken()
    assert len(row.digest) == 16
    assert taken(nir=" ".join(NIR), ville=" CLERMONT-FERRAND", pays="FRANCE", dmp="N").digest == row.digest
    digests = {
        taken(**change).digest
        for change in (
            {"prenom": "MARIE"},
            {"dmp": "O"},
            {"pnd": "O"},
            {"opposition": "O"},
            {"adresse_2": "12 RUE DES LILAS"},
            {"adresse_3": "12 RUE DES LILAS"},
            {"date_deces": "2016-01-01"},
            {"regime": "02"},
            {"mobile": "0612345678"},
        )
    }
    assert len(digests | {row.digest}) == 10


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("nir", "", "obligatoire"),
        ("nir", NIR[:-1], "14 caractères"),
        ("nir", NIR[:-2] + "00", "clé"),
        ("civilite", "", "obligatoire"),
        ("civilite", "Mme", "M ou MME"),
        ("nom_naissance", "", "obligatoire"),
        ("nom_naissance", "DUPONT3", "lettres"),
        ("nom_naissance", "Ж", "lettres"),
        ("nom_naissance", "-", "lettres"),
        ("nom_naissance", "N" * 81, "80 caractères"),
        ("nom_usage", "=1+1", "lettres"),
        ("prenom", "", "obligatoire"),
        ("prenom", "JEAN\u200bPAUL", "invisible"),
        ("prenom", "JEAN\nPAUL", "contrôle"),
        ("date_naissance", "", "obligatoire"),
        ("date_naissance", "01/08/1950", "AAAA-MM-JJ"),
        ("date_naissance", "1950-8-1", "AAAA-MM-JJ"),
        ("date_naissance", "1950-02-30", "calendrier"),
        ("date_naissance", "1900-02-29", "calendrier"),
        ("date_naissance", "1950-13-01", "calendrier"),
        ("date_naissance", "1950-00-32", "calendrier"),
        ("date_naissance", "1879-12-31", "1880"),
        ("date_naissance", "0000-00-00", "1880"),
        ("date_naissance", "2016-12-01", "futur"),
        ("date_naissance", "2016-12-00", "futur"),
        ("date_naissance", "2017-00-00", "futur"),
        ("qualite", "", "obligatoire"),
        ("qualite", "OUVRANT", "OD"),
        ("nir_od", NIR_OD[:-2] + "00", "clé"),
        ("regime", "", "obligatoire"),
        ("regime", "1", "deux chiffres"),
        ("regime", "²²", "deux chiffres"),
        ("caisse", "", "obligatoire"),
        ("caisse", "751", "221, 251, 311, 371, 631, 641, 671, 801, 941"),
        ("adresse_2", "R" * 61, "60 caractères"),
        ("adresse_3", "R" * 61, "60 caractères"),
        ("adresse_4", "R" * 61, "60 caractères"),
        ("adresse_5", "R" * 61, "60 caractères"),
        ("adresse_4", "", "boîte postale"),
        ("code_postal", "", "obligatoire"),
        ("code_postal", "6300", "cinq chiffres"),
        ("code_postal", "6300O", "cinq chiffres"),
        ("code_postal", "٦٣٠٠٠", "cinq chiffres"),
        ("code_postal", "2A004", "20"),
        ("ville", "", "obligatoire"),
        ("ville", "63000", "lettres"),
        ("ville", "V" * 61, "60 caractères"),
        ("pays", "12", "lettres"),
        ("email", "marie", "électronique"),
        ("email", "é@example.org", "électronique"),
        ("email", "marie@localhost", "électronique"),
        ("mobile", "0473000000", "mobile"),
        ("mobile", "061234567", "mobile"),
        ("mobile", "0700000000", "mobile"),
        ("canal", "", "obligatoire"),
        ("canal", "sms", "mail ou courrier"),
        ("canal", "mail", "électronique manque"),
        ("vitale_serie", "1234567", "8 à 12"),
        ("vitale_serie", "1234567890123", "8 à 12"),
        ("vitale_serie", "A2345678", "8 à 12"),
        ("vitale_type", "PHOTO", "sans_photo"),
        ("dmp", "X", "O pour oui"),
        ("opposition", "1", "O pour oui"),
        ("pnd", "o", "O pour oui"),
        ("date_deces", "2016-12-01", "futur"),
        ("date_deces", "1950-07-31", "précède"),
        ("date_deces", "2016-00-00", "incomplète"),
        ("date_deces", "2016-02-30", "calendrier"),
    ],
)
def test_each_fault_is_told_under_its_column(column: str, value: str, said: str) -> None:
    (fault,) = faults(**{column: value})
    assert (fault.line, fault.column) == (7, column)
    assert said in fault.reason
    assert fault.reason.endswith(".")


@pytest.mark.parametrize(
    "changes",
    [
        {"date_naissance": "1950-00-00"},
        {"date_naissance": "2016-11-30"},
        {"date_naissance": "2016-11-00"},
        {"date_naissance": "2016-00-00"},
        {"date_naissance": "2000-02-29"},
        {"civilite": "M"},
        {"nom_naissance": "C’HOAREAU-D'ALÈS ŸÆŒ ŞENGÜL NGUYỄN ʼT"},
        {"nom_naissance": "N" * 80},
        {"prenom": "'T HART"},
        {"adresse_4": "R" * 60},
        {"adresse_4": "", "adresse_5": "BP 12"},
        {"code_postal": "20090", "ville": "AJACCIO"},
        {"code_postal": "SW1A 1AA", "ville": "LONDON", "pays": "ROYAUME-UNI"},
        {"mobile": "+32 470 12 34 56"},
        {"mobile": "0690 12 34 56"},
        {"qualite": "AD", "nir_od": NIR_OD},
        {"regime": "02"},
        {"date_deces": "2016-11-30"},
        {"date_deces": "1950-08-01"},
    ],
)
def test_what_is_legal_is_taken(changes: dict[str, str]) -> None:
    taken(**changes)


def test_a_dependant_needs_the_nir_of_another_person() -> None:
    assert [fault.column for fault in faults(qualite="AD")] == ["nir_od"]
    (fault,) = faults(qualite="AD", nir_od=NIR)
    assert "son propre NIR" in fault.reason


def test_every_fault_of_a_row_is_told_in_the_order_of_the_columns() -> None:
    found = faults(nir="1", prenom="", caisse="999", ville="", canal="pigeon", date_deces="demain")
    assert [fault.column for fault in found] == ["nir", "prenom", "caisse", "ville", "canal", "date_deces"]


@pytest.mark.parametrize("count", [0, 1, 25, 27])
def test_a_row_with_a_wrong_number_of_columns_is_one_fault_that_shows_nothing(count: int) -> None:
    (fault,) = check_row((fields() * 2)[:count], 9, TODAY)
    assert (fault.line, fault.column, fault.value) == (9, "", "")
    assert f"{count} colonne" in fault.reason


@given(st.lists(st.text(max_size=30), min_size=26, max_size=26), st.dates(date(2016, 1, 1), date(2026, 1, 1)))
def test_any_text_gives_a_person_or_faults_and_never_a_crash(row: list[str], today: date) -> None:
    found = check_row(row, 2, today)
    assert isinstance(found, PersonRow) or all(fault.reason.endswith(".") for fault in found)


@given(st.sampled_from(COLUMNS), st.text(max_size=30))
def test_any_text_in_one_column_gives_a_person_or_faults(column: str, text: str) -> None:
    found = check_row(fields(**{column: text}), 2, TODAY)
    if isinstance(found, PersonRow):
        again = [*map(str, fields(**{column: str(getattr(found, column))}))] if column in _TEXTS else None
        if again is not None:
            repeated = check_row(again, 2, TODAY)
            assert isinstance(repeated, PersonRow)
            assert repeated.digest == found.digest
    else:
        assert {fault.column for fault in found} <= {column, "canal", "nir_od", "adresse_4", "date_deces"}


_TEXTS = set(COLUMNS) - {"dmp", "opposition", "pnd", "date_deces"}


def test_reports_mask_what_identifies_or_reaches_a_person() -> None:
    assert shown("nir", NIR) == "2 50 08 63 *** *** **"
    assert shown("prenom", NIR) == "2500863********"
    assert NIR[8:] not in shown("ville", f"{NIR} CLERMONT")
    assert shown("email", "marie.lefevre@example.org") == "m***@example.org"
    assert shown("email", "marie") == "m****"
    assert shown("mobile", "0639981234") == "0639******"
    assert shown("vitale_serie", "1234567890") == "1*********"
    assert shown("ville", "V" * 60) == "V" * 39 + "…"
    assert shown("ville", "A\tB") == "A·B"


# --- dates


@given(st.dates(date(1880, 1, 1), date(2100, 1, 1)))
def test_a_whole_birth_date_spans_one_day(day: date) -> None:
    assert birth_span(day.isoformat()) == (day, day)
    assert calendar_day(day.isoformat()) == day


@pytest.mark.parametrize(
    ("text", "latest"),
    [
        ("1998-02-00", date(1998, 2, 28)),
        ("1996-02-00", date(1996, 2, 29)),
        ("1998-00-00", date(1998, 12, 31)),
        ("1998-00-15", date(1998, 12, 15)),
        ("1998-12-00", date(1998, 12, 31)),
    ],
)
def test_an_incomplete_birth_date_counts_as_its_latest_day(text: str, latest: date) -> None:
    assert birth_latest(text) == latest
    with pytest.raises(DateFault):
        calendar_day(text)


@given(st.integers(1880, 2100), st.integers(0, 14), st.integers(0, 33))
def test_an_incomplete_date_contains_every_day_it_may_stand_for(year: int, month: int, day: int) -> None:
    try:
        first, last = birth_span(f"{year}-{month:02d}-{day:02d}")
    except DateFault:
        return
    for m in [month] if month else range(1, 13):
        try:
            possible = date(year, m, day or 1)
        except ValueError:
            continue
        assert first <= possible <= last


# --- contacts: the short ways accept exactly what the libraries accept

_ATOM = st.text("abcXYZ019._+-", max_size=8)
_DOMAINS = st.sampled_from(
    ["example.org", "EXAMPLE.com", "x.test", "localhost", "a..b.fr", "-a.fr", "été.fr", "b.c1", ""]
)


@given(st.one_of(st.builds("{}@{}".format, _ATOM, st.one_of(_DOMAINS, _ATOM)), st.text(max_size=20)))
@example("a" * 64 + "@example.org")
@example("a" * 65 + "@example.org")
@example("a@" + "b." * 125 + "fr")
@example("a" * 30 + "@" + "b." * 110 + "fr")
@example('"a b"@example.org')
@example("a@b@example.org")
@example("a@[127.0.0.1]")
def test_an_email_is_taken_exactly_when_the_library_takes_it(text: str) -> None:
    try:
        expected = validate_email(text, check_deliverability=False, allow_smtputf8=False).ascii_email
    except EmailNotValidError:
        expected = None
    assert email_address(text) == expected


@given(st.one_of(st.from_regex(r"0[67][0-9]{8}", fullmatch=True), st.from_regex(r"[0+ .-]{0,3}[0-9]{0,14}")))
@example("0639081234")
@example("0690123456")
@example("0700123456")
def test_a_mobile_is_taken_exactly_when_the_library_takes_it(text: str) -> None:
    expected = None
    for region in ("FR", "GP", "GF", "MQ", "RE", "YT"):
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.number_type(number) in (
            phonenumbers.PhoneNumberType.MOBILE,
            phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
        ):
            expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            break
    found = mobile_number(text)
    assert found == expected or (found is not None and found.startswith("+3363998"))


@pytest.mark.parametrize(
    "text", ["0639981234", "06 39 98 12 34", "+33 6 39 98 12 34", "0033639981234", "06.39.98.12.34"]
)
def test_numbers_kept_for_fiction_are_taken(text: str) -> None:
    assert mobile_number(text) == "+33639981234"


def test_a_corsican_nir_is_a_nir_like_another() -> None:
    assert taken(nir=nir_of("253072A073004").lower()).nir == "253072A07300443"
