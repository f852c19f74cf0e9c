"""A population file is read as a stream; what is not one, or only half of one, is refused whole, in one French line."""

import csv
import gzip
import io
import random
import tracemalloc
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backoffice.core.errors import Invalid
from backoffice.population import blocks
from backoffice.population.reading import FileFacts, PopulationFile
from backoffice.population.rows import COLUMNS

from .samples import HEADER, fields, line

ROWS = [
    fields(prenom=prenom, ville=ville)
    for prenom, ville in (("ANNE", "RIOM"), ("ÉLÉONORE", "THIERS"), ("M’HAMED", "VIC"))
]


def text_of(rows: list[list[str]], end: str = "\n", *, quote_all: bool = False) -> str:
    out = io.StringIO()
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    csv.writer(out, delimiter=";", lineterminator=end, quoting=quoting).writerows([COLUMNS, *rows])
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path):
    def write(content: bytes | str, encoding: str = "utf-8", name: str = "population.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        return path

    return write


def read(path: Path, encoding: str = "utf-8") -> tuple[FileFacts, list[tuple[int, list[str]]]]:
    with PopulationFile.open(path, encoding) as population:
        facts = population.check_whole()
        rows = list(population.rows())
    assert facts.rows == len(rows)
    assert facts.sha256 == sha256(path.read_bytes()).hexdigest()
    assert facts.bytes == path.stat().st_size
    return facts, rows


def refused(path: Path, encoding: str = "utf-8") -> str:
    with pytest.raises(Invalid) as refusal, PopulationFile.open(path, encoding) as population:
        population.check_whole()
    sentence = str(refusal.value)
    assert "\n" not in sentence
    assert sentence.endswith(".") or sentence.endswith("?")
    return sentence


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "iso-8859-15"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("last_end", [True, False])
def test_every_legal_form_gives_the_same_rows(file, end: str, encoding: str, packed: bool, last_end: bool) -> None:
    rows = [[field.replace("’", "'") for field in row] for row in ROWS]
    content = text_of(rows, end) if last_end else text_of(rows, end).removesuffix(end)
    data = content.encode(encoding)
    _, found = read(file(gzip.compress(data) if packed else data), encoding.removesuffix("-sig"))
    assert found == list(enumerate(rows, 2))


def test_columns_are_found_by_name_in_any_order(file) -> None:
    order = random.Random(3).sample(range(len(COLUMNS)), len(COLUMNS))
    shuffled = [";".join([row[place] for place in order]) for row in [list(COLUMNS), *ROWS]]
    _, found = read(file("\n".join(shuffled) + "\n"))
    assert [row for _, row in found] == ROWS


def test_quoted_fields_may_hold_separators_quotes_and_line_ends(file) -> None:
    strange = [fields(adresse_4='12 RUE "X"; BIS'), fields(adresse_4="12\r\nRUE"), fields()]
    _, found = read(file(text_of(strange)))
    assert found == [(2, strange[0]), (3, strange[1]), (5, strange[2])]


def test_a_quoted_header_is_a_header(file) -> None:
    header = ";".join(f'"{name}"' for name in COLUMNS)
    _, found = read(file(f"{header}\n{line()}\n"))
    assert found == [(2, fields())]


def test_blank_lines_are_no_rows(file) -> None:
    _, found = read(file(f"{HEADER}\n\n{line()}\r\n\r\n{line()}\n\n\n"))
    assert found == [(3, fields()), (5, fields())]


def test_a_row_with_a_wrong_number_of_columns_is_left_to_the_row_check(file) -> None:
    _, found = read(file(f"{HEADER}\n{line()};\nabc\n{line()}\n"))
    assert [len(row) for _, row in found] == [27, 1, 26]


def test_a_file_with_a_header_alone_has_no_row(file) -> None:
    facts, found = read(file(HEADER + "\n"))
    assert (facts.rows, found) == (0, [])


HEAD = {
    "empty": ("", "est vide"),
    "only blank": ("\n\n", "vide"),
    "no header": (line() + "\n", "première ligne doit nommer"),
    "commas": (HEADER.replace(";", ",") + "\n", "la virgule"),
    "tabs": (HEADER.replace(";", "\t") + "\n", "la tabulation"),
    "missing column": (HEADER.replace("pnd;", "") + "\n", "« pnd » manque"),
    "missing columns": (HEADER.replace("pnd;", "").replace("nir;", "", 1) + "\n", "nir, pnd"),
    "unknown column": (HEADER + ";age\n", "« age » n’est pas connue"),
    "upper-case column": (HEADER.replace("nir;", "NIR;", 1) + "\n", "s’agit-il de « nir »"),
    "repeated column": (HEADER + ";nir\n", "« nir » est répétée"),
    "cut header": (HEADER[:-3], "s’agit-il de « date_deces »"),
    "excel": (b"PK\x03\x04" + bytes(50), "Excel"),
    "utf-16": (HEADER.encode("utf-16"), "UTF-16"),
    "binary": (b"\x7fELF\x02" + bytes(50), "n’est pas un fichier texte"),
    "bad gzip": (b"\x1f\x8b" + b"x" * 50, "endommagé"),
    "gzip of nothing": (gzip.compress(b""), "vide"),
    "header twice": (f"{HEADER}\n{line()}\n{HEADER}\n{line()}\n", "répété à la ligne 3"),
    "header twice with quotes": (f"{HEADER}\n{line(adresse_4=chr(34) * 2)}\n{HEADER}\n", "répété à la ligne 3"),
    "nul": (f"{HEADER}\n{line(ville='A' + chr(0))}\n", "texte"),
    "unclosed quote": (f"{HEADER}\n{line()}\n{line(ville=chr(34) + 'A')}\n{line()}\n", "guillemets de la ligne 3"),
    "text after a quote": (f"{HEADER}\n{line(ville=chr(34) + 'A' + chr(34) + 'B')}\n", "guillemets de la ligne 2"),
    "endless line": (f"{HEADER}\n" + "x" * (3 << 20), "mégaoctet"),
    "gzip and rubbish": (gzip.compress(HEADER.encode()) + b"rubbish", "endommagé"),
    "gzip with a wrong checksum": (gzip.compress(HEADER.encode())[:-8] + bytes(8), "endommagé"),
}


@pytest.mark.parametrize("case", HEAD)
def test_what_is_no_population_file_is_refused_whole(file, case: str) -> None:
    content, said = HEAD[case]
    assert said.replace("\u00a0", " ") in refused(file(content)).replace("\u00a0", " ")


def test_a_nul_far_down_the_file_is_found(file) -> None:
    content = f"{HEADER}\n" + f"{line()}\n" * 12_000 + line(ville="A\0") + "\n"
    assert "octets nuls" in refused(file(content))


def test_another_encoding_is_refused_with_the_option_to_use(file) -> None:
    latin = text_of([fields(ville="BÉGARD")]).replace("’", "'").encode("iso-8859-15")
    assert "--encoding iso-8859-15" in refused(file(latin))
    assert "sans --encoding" in refused(file(text_of(ROWS)), "iso-8859-15")
    assert "utf-8 ou iso-8859-15" in refused(file(HEADER), "ebcdic")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert "introuvable" in refused(tmp_path / "absent.csv")
    assert "fichier ordinaire" in refused(tmp_path)


def test_a_refusal_never_repeats_the_numbers_of_a_file_without_header(file) -> None:
    row = line()
    assert fields()[0] not in refused(file(f"{row};nir\n"))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("quoted", [False, True])
def test_a_file_cut_anywhere_is_refused_or_ends_with_a_whole_row(file, packed: bool, quoted: bool) -> None:
    rows = [*ROWS, fields(date_deces="2016-05-12", adresse_4="LE; CLOS" if quoted else "LE CLOS")]
    whole = text_of(rows, "\r\n").encode()
    stored = gzip.compress(whole, mtime=0) if packed else whole
    ends = {0}
    for row_end, _ in pairwise([i for i in range(len(whole)) if whole[i : i + 1] == b"\r"] + [len(whole)]):
        ends |= {row_end, row_end + 1, row_end + 2}
    unended = whole.rindex(b";") + 1  # the day of death is missing: such a row cannot be told from a living person's
    accepted = []
    for cut in range(len(stored)):
        path = file(stored[:cut])
        try:
            with PopulationFile.open(path) as population:
                facts = population.check_whole()
                found = [row for _, row in population.rows()]
        except Invalid:
            continue
        assert not packed
        assert cut in ends | {unended}, whole[:cut][-40:]
        assert found == rows[: facts.rows] or cut == unended
        accepted.append(cut)
    assert packed or set(accepted) == (ends - {0, len(whole)}) | {unended}


def test_a_cut_gzip_is_refused_even_where_its_text_is_whole(file) -> None:
    stored = gzip.compress(text_of(ROWS).encode())
    for cut in range(1, len(stored)):
        refused(file(stored[:cut]))


def test_a_file_that_changes_between_the_readings_is_refused(file) -> None:
    path = file(text_of(ROWS))
    with PopulationFile.open(path) as population:
        population.check_whole()
        with path.open("r+b") as other:
            other.write(text_of(ROWS).replace("RIOM", "ROMA").encode())
        with pytest.raises(Invalid, match="a changé"):
            list(population.rows())


def test_progress_counts_stored_bytes_up_to_the_whole(file) -> None:
    path = file(gzip.compress(text_of(ROWS * 5000).encode()))
    seen: list[tuple[int, int]] = []
    with PopulationFile.open(path) as population:
        population.check_whole(lambda done, total: seen.append((done, total)))
        assert population.stored_bytes == path.stat().st_size
    assert seen == sorted(seen)
    assert seen[-1] == (path.stat().st_size,) * 2


def test_memory_stays_flat(file) -> None:
    path = file(gzip.compress(text_of(ROWS * 12_000).encode(), compresslevel=1))
    tracemalloc.start()
    try:
        with PopulationFile.open(path) as population:
            population.check_whole()
            for _ in population.rows():
                pass
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()


_FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=30)
@given(st.lists(st.lists(_FIELD, min_size=26, max_size=26), min_size=1, max_size=2), st.sampled_from(["\n", "\r\n"]))
def test_whatever_the_csv_module_writes_is_read_back(file, rows: list[list[str]], end: str) -> None:
    if any(row[0] == "nir" for row in rows):
        return
    _, found = read(file(text_of(rows, end, quote_all=True)))
    assert [row for _, row in found] == rows


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.binary(max_size=80), st.integers(0, 400), st.booleans())
def test_rubbish_anywhere_is_read_or_refused_and_both_readings_agree(
    file, rubbish: bytes, at: int, packed: bool
) -> None:
    data = text_of(ROWS).encode()
    data = data[:at] + rubbish + data[at:]
    path = file(gzip.compress(data) if packed else data)
    try:
        with PopulationFile.open(path) as population:
            facts = population.check_whole()
            assert facts.rows == sum(1 for _ in population.rows())
    except Invalid:
        return


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.text('a;"\r\n', max_size=60), st.integers(1, 40))
def test_both_readings_agree_wherever_the_blocks_end(file, tail: str, block: int) -> None:
    path = file(f"{HEADER}\n{tail}\n{line()}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", block)
        try:
            with PopulationFile.open(path) as population:
                counted = population.check_whole().rows
                assert counted == sum(1 for _ in population.rows())
        except Invalid:
            patch.setattr(blocks, "BLOCK", 1 << 20)
            refused(path)
