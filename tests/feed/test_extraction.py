"""The insurance's extraction: received whole, indexed, read person by person."""

import gzip
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmp_core.errors import Invalid, Unavailable
from dmp_core.feed.extraction import Extraction, index_of, receive
from dmp_core.feed.rows import COLUMNS, ins_c_of, row_of
from dmp_core.feed.synthetic import write_reimbursements
from dmp_core.identity.nir import key_of
from dmp_core.record.reimbursements.history import Analysis, Care, Delivery, Imaging, Stay

from .samples import a_line, an_extraction


def person(number: int) -> tuple[str, str, str]:
    nir13 = f"15205{480 + number % 400:03}{number // 400 % 99 + 1:03}01"
    nir13 = nir13[:13].ljust(13, "1")
    return nir13 + key_of(nir13), f"Prenom{chr(65 + number % 26)}", "1952-05-11"


def test_a_person_s_lines_are_found_among_many_and_nobody_else_s(tmp_path: Path) -> None:
    many = [person(number) for number in range(200)]
    lines = [a_line(one, "soins", specialite=f"SPECIALITE {rank}") for rank, one in enumerate(many) for _ in range(2)]
    path = an_extraction(tmp_path / "e.csv", lines)
    receipt = receive(path)
    assert (receipt.persons, receipt.lines, receipt.rows, receipt.faults) == (200, 400, 400, 0)
    for rank, one in enumerate(many):
        rows = Extraction(path).rows_of(ins_c_of(*one))
        assert {row.specialty for row in rows if isinstance(row, Care)} == {f"SPECIALITE {rank}"}
        assert len(rows) == 2
    assert Extraction(path).rows_of("0" * 22) == []


def test_the_five_tables_are_read_into_their_rows() -> None:
    kinds = {"soins": Care, "pharmacie": Delivery, "hospitalisation": Stay, "biologie": Analysis, "radiologie": Imaging}
    for table, kind in kinds.items():
        assert isinstance(row_of(dict(zip(COLUMNS, a_line(person(1), table).split(";"), strict=True))), kind)


FAULTS = [
    ("soins", {"date": "08/09/2016"}), ("soins", {"coefficient": "0"}), ("soins", {"coefficient": "NaN"}),
    ("soins", {"code": "consultation"}), ("soins", {"libelle": " "}), ("soins", {"hopital": "oui"}),
    ("pharmacie", {"quantite": "-1"}), ("pharmacie", {"fourniture": "autre"}), ("hospitalisation", {"duree": "0"}),
    ("biologie", {"code": "552"}), ("radiologie", {"code": "NFQK4"}), ("soins", {"table": "optique"}),
]  # fmt: skip


@pytest.mark.parametrize(("table", "changes"), FAULTS)
def test_a_line_with_a_fault_is_counted_told_and_left_out(tmp_path: Path, table: str, changes: dict[str, str]) -> None:
    path = an_extraction(tmp_path / "e.csv", [a_line(person(1)), a_line(person(1), table, **changes)])
    receipt = receive(path)
    assert (receipt.rows, receipt.faults) == (1, 1)
    ((number, reason),) = receipt.told
    assert number == 3
    assert person(1)[0] not in reason
    assert len(Extraction(path).rows_of(ins_c_of(*person(1)))) == 1


def test_a_file_that_is_no_extraction_is_refused_and_leaves_no_index(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    for content in (b"", b"nir;nom\n", b"\x1f\x8b\x08", ";".join(COLUMNS).encode() + b"\n1;2;3\n"):
        path.write_bytes(content)
        with pytest.raises(Invalid):
            receive(path)
        assert not index_of(path).exists()


def test_a_person_in_two_places_is_refused(tmp_path: Path) -> None:
    path = an_extraction(tmp_path / "e.csv", [a_line(person(1)), a_line(person(2)), a_line(person(1))])
    with pytest.raises(Invalid, match="ne se suivent pas"):
        receive(path)


def test_an_extraction_changed_after_its_reception_gives_nobody_another_s_lines(tmp_path: Path) -> None:
    path = an_extraction(tmp_path / "e.csv", [a_line(person(1)), a_line(person(2))])
    receive(path)
    an_extraction(path, [a_line(person(2)), a_line(person(1))])
    with pytest.raises(Unavailable, match="a changé"):
        Extraction(path).rows_of(ins_c_of(*person(1)))


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 9999), max_size=60))
def test_whoever_is_in_is_found_and_whoever_is_not_is_not(
    tmp_path_factory: pytest.TempPathFactory, inside: set[int]
) -> None:
    path = an_extraction(tmp_path_factory.mktemp("e") / "e.csv", (a_line(person(one)) for one in sorted(inside)))
    known = {ins_c_of(*person(one)) for one in inside}
    if len(known) != len(inside):
        return  # two numbers gave one identity
    receive(path)
    for one in range(0, 9999, 37):
        ins_c = ins_c_of(*person(one))
        assert bool(Extraction(path).rows_of(ins_c)) == (ins_c in known)


def test_invented_reimbursements_are_an_extraction_without_fault_the_same_each_time(tmp_path: Path) -> None:
    population = tmp_path / "p.csv.gz"
    with gzip.open(population, "wt", encoding="utf-8") as out:
        out.write("nir;prenom;date_naissance\n" + "\n".join(";".join(person(one)) for one in range(50)) + "\n")
    one, other = tmp_path / "a.csv", tmp_path / "b.csv"
    lines = write_reimbursements(population, one, date(2016, 11, 2))
    write_reimbursements(population, other, date(2016, 11, 2))
    assert one.read_bytes() == other.read_bytes()
    receipt = receive(one)
    assert (receipt.rows, receipt.faults) == (lines, 0)
    assert 30 < receipt.persons < 50
