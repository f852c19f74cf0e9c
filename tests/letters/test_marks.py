"""Marks for the inserter and blank backs: read back as the machine reads them, out of sight of any window."""

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from backoffice.core.address import address_block
from backoffice.letters.geometry import FOLD, INSERTER, SLIDING
from backoffice.letters.marks import Finishing, sequence_digits
from backoffice.letters.reference import format_letter_id, letter_id_digits
from backoffice.letters.stamp import Stamper
from letters.samples import CODE, LETTER_DATE, opened, recruitment, someone, values_of


def made(count: int, finishing: Finishing) -> tuple[bytes, list[tuple[int, int]]]:
    sink, program = io.BytesIO(), recruitment()
    stamper = Stamper(program, sink, title="Lot d’essai", date=LETTER_DATE, finishing=finishing)
    person = someone()
    places = [
        stamper.add(
            program.lay_out(values_of(person), address_block(person)), letter_id=format_letter_id("631", number), code=CODE
        )
        for number in range(1, count + 1)
    ]  # fmt: skip
    stamper.finish()
    return sink.getvalue(), places


def test_each_letter_has_a_back_of_its_own_in_duplex() -> None:
    content, places = made(130, Finishing(duplex=True))  # more than one branch of the page tree
    assert places == [(2 * rank - 1, 2 * rank) for rank in range(1, 131)]
    with opened(content) as lot:
        assert len(lot.pages) == 260
        for number, page in enumerate(lot.pages, 1):
            assert (page.Contents.read_bytes() == b"") is (number % 2 == 0)


def test_a_plain_lot_is_what_it_was_before_there_were_options() -> None:
    assert made(2, Finishing())[0] == made(2, Finishing(duplex=False, marks=False))[0]
    assert made(2, Finishing())[1] == [(1, 1), (2, 2)]


@pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="no pdftoppm on this machine")
def test_the_mark_is_read_from_the_printed_page_with_the_rank_of_its_letter(tmp_path: Path) -> None:
    import zxingcpp
    from PIL import Image

    (tmp_path / "lot.pdf").write_bytes(made(2, Finishing(duplex=True, marks=True))[0])
    subprocess.run(["pdftoppm", "-r", "200", "-gray", "-png", "lot.pdf", "page"], cwd=tmp_path, check=True)
    read = []
    for path in sorted(tmp_path.glob("page*.png")):
        with Image.open(path) as page:
            pixels = page.convert("L").tobytes()
            view = zxingcpp.ImageView(pixels, page.width, page.height, zxingcpp.ImageFormat.Lum)
            read.append({found.text for found in zxingcpp.read_barcodes(view)})
    ids = [letter_id_digits(format_letter_id("631", number)) for number in (1, 2)]
    assert read == [{ids[0], f"{ids[0]}0101000001"}, set(), {ids[1], f"{ids[1]}0101000002"}, set()]


def test_no_window_ever_shows_the_mark() -> None:
    assert INSERTER.top > max(FOLD, SLIDING.bottom)
    assert INSERTER.right + 0.5 < 20  # the left margin of our letters


@pytest.mark.parametrize(("rank", "sheet", "sheets"), [(0, 1, 1), (1_000_000, 1, 1), (1, 2, 1), (1, 0, 1), (1, 1, 100)])
def test_what_the_mark_cannot_say_is_refused(rank: int, sheet: int, sheets: int) -> None:
    with pytest.raises(ValueError, match="a mark needs"):
        sequence_digits("63100000000144", rank, sheet, sheets)
