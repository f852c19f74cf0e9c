"""The PDF files themselves."""

import hashlib
import io
import os
import stat
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path

import pytest

from backoffice.core.address import address_block
from backoffice.core.errors import Unavailable
from backoffice.letters.compile import compile_template
from backoffice.letters.faults import LetterFault
from backoffice.letters.kinds import letter_kind
from backoffice.letters.pdffile import PdfFile
from backoffice.letters.reference import format_letter_id
from backoffice.letters.stamp import LotWriter, Stamper, render_single

from .pages import drawn
from .samples import CODE, LETTER_DATE, RECRUITMENT, lot_of, opened, recruitment, someone, values_of

MANY = [someone(nom_usage=f"Martin {chr(65 + number % 26)}", adresse_4=f"{number} rue") for number in range(300)]


def laid_out(person=None):
    chosen = person or someone()
    return recruitment().lay_out(values_of(chosen), address_block(chosen))


@pytest.mark.parametrize("tagged", [False, True], ids=["print", "tagged"])
def test_a_lot_of_hundreds_opens_without_a_warning_and_has_its_pages(tagged):
    with opened(lot_of(MANY, tagged=tagged)) as lot:
        assert lot.check_pdf_syntax() == []
        assert len(lot.pages) == len(MANY)
        assert "299 RUE" in drawn(lot.pages[-1]).text
        assert not lot.get_warnings()


@pytest.mark.parametrize("tagged", [False, True], ids=["print", "tagged"])
def test_a_lot_says_its_title_and_its_language(tagged):
    with opened(lot_of(MANY[:1], tagged=tagged)) as lot:
        assert lot.docinfo["/Title"] == "Lot d’essai"
        assert lot.Root.Lang == "fr-FR"
        assert lot.Root.ViewerPreferences.DisplayDocTitle


def test_every_font_is_embedded_as_a_subset_and_gives_its_text_back():
    with opened(lot_of([someone(nom_usage="Ǻngström")])) as lot:
        fonts = lot.pages[0].Resources.Font
        assert set(fonts.keys()) >= {"/R", "/B", "/M", "/R0"} or len(fonts.keys()) > 3
        for font in fonts.values():
            assert str(font.BaseFont)[7] == "+"
            program = font.FontDescriptor.FontFile2.read_bytes()
            assert len(program) == font.FontDescriptor.FontFile2.Length1
            cmap = font.ToUnicode.read_bytes()
            assert b"<00> <" not in cmap.replace(b"<00> <FF>", b"")
            assert font.LastChar - font.FirstChar + 1 == len(font.Widths)


def test_the_same_letters_make_the_same_bytes_whatever_was_made_before():
    first = lot_of(MANY[:40])
    lot_of([someone(nom_usage="Le Bihan de Kersauson et Autres Lieux de Basse Bretagne")])
    fresh = compile_template(RECRUITMENT, letter_kind("recruitment"))
    assert lot_of(MANY[:40]) == first
    assert lot_of(MANY[:40], program=fresh) == first
    assert lot_of(MANY[:40], tagged=True, program=fresh) == lot_of(MANY[:40], tagged=True)


def test_the_digest_and_the_size_are_those_of_the_file(tmp_path: Path):
    path = tmp_path / "lot.pdf"
    with LotWriter(recruitment(), path, title="Lot") as lot:
        pages = [lot.add(laid_out(person), letter_id=format_letter_id("631", 1), code=CODE) for person in MANY[:30]]
    content = path.read_bytes()
    assert pages == [(page, page) for page in range(1, 31)]
    assert lot.pages == 30
    assert lot.bytes == len(content)
    assert lot.sha256 == hashlib.sha256(content).hexdigest()


def test_a_lot_is_readable_by_its_owner_alone_even_over_an_older_file(tmp_path: Path):
    path = tmp_path / "lot.pdf"
    path.write_bytes(b"older and longer" * 100_000)
    path.chmod(0o644)
    with LotWriter(recruitment(), path, title="Lot") as lot:
        lot.add(laid_out(), letter_id=format_letter_id("631", 1), code=CODE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size == lot.bytes


def test_a_lot_interrupted_leaves_no_file(tmp_path: Path):
    path = tmp_path / "lot.pdf"

    def interrupted():
        with LotWriter(recruitment(), path, title="Lot") as lot:
            lot.add(laid_out(), letter_id=format_letter_id("631", 1), code=CODE)
            raise KeyError("elsewhere")

    with pytest.raises(KeyError):
        interrupted()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this machine")
def test_a_full_disk_is_said_in_french():
    descriptor = os.open("/dev/full", os.O_WRONLY)
    with os.fdopen(descriptor, "wb", buffering=0) as full:
        stamper = Stamper(recruitment(), full, title="Lot")
        stamper.add(laid_out(), letter_id=format_letter_id("631", 1), code=CODE)
        with pytest.raises(Unavailable, match="disque est sans doute plein"):
            stamper.finish()


def test_a_short_write_is_not_taken_for_a_whole_one():
    class Short(io.RawIOBase):
        def __init__(self):
            self.kept = bytearray()

        def write(self, data):
            self.kept += bytes(data[:7])
            return min(len(data), 7)

    sink = Short()
    pdf = PdfFile(sink)
    root = pdf.reserve()
    pdf.write(root, b"<</Type/Catalog>>")
    pdf.close(b"/Root 1 0 R")
    assert sink.kept.endswith(b"%%EOF\n")
    assert hashlib.sha256(sink.kept).hexdigest() == pdf.sha256


def test_a_folder_that_does_not_exist_is_said_in_french(tmp_path: Path):
    with pytest.raises(Unavailable, match="ne peut pas être créé"):
        LotWriter(recruitment(), tmp_path / "absent" / "lot.pdf", title="Lot")


@pytest.mark.parametrize("code", [None, "7KXR", "7KXR4DHW9PCTT", "7KXR4DHW9(CT"])
def test_a_code_of_another_form_is_refused_and_not_repeated(code):
    stamper = Stamper(recruitment(), io.BytesIO(), title="Lot")
    with pytest.raises(LetterFault, match="le courrier n’est pas imprimé") as caught:
        stamper.add(laid_out(), letter_id=format_letter_id("631", 1), code=code)
    assert "7KXR" not in str(caught.value)
    assert stamper.pages == 0


def test_a_code_is_grouped_by_four_however_it_is_given():
    for code in (CODE, "7KXR 4DHW 9PCT"):
        page = render_single(recruitment(), values_of(someone()), address_block(someone()), "631-000000001-44", code)
        with opened(page) as letter:
            assert "7KXR 4DHW 9PCT" in drawn(letter.pages[0]).text


def test_a_laid_out_letter_holds_no_code_and_may_be_stamped_twice():
    letter = laid_out()
    before = list(letter.pieces)
    sink = io.BytesIO()
    stamper = Stamper(recruitment(), sink, title="Lot")
    stamper.add(letter, letter_id="631-000000001-44", code=CODE)
    stamper.add(letter, letter_id="631-000000002-20", code="222222222222")
    assert letter.pieces == before
    assert b"7KXR" not in b"".join(letter.pieces)


def test_an_uncompressed_lot_says_the_same(tmp_path: Path):
    path = tmp_path / "lot.pdf"
    with LotWriter(recruitment(), path, title="Lot", compress=0) as lot:
        lot.add(laid_out(), letter_id=format_letter_id("631", 1), code=CODE)
    with opened(path.read_bytes()) as plain, opened(lot_of([someone()])) as deflated:
        assert plain.check_pdf_syntax() == []
        assert drawn(plain.pages[0]).text == drawn(deflated.pages[0]).text


# Tagged: what a person receives


@pytest.fixture(scope="module")
def single():
    content = render_single(
        recruitment(), values_of(someone()), address_block(someone()), "631-000000001-44", CODE, date=LETTER_DATE
    )
    with opened(content) as letter:
        yield letter


def elements(node, found=None):
    found = [] if found is None else found
    if "/S" in node:
        found.append(node)
    kids = node.get("/K")
    if kids is None or isinstance(kids, int):
        return found
    for kid in kids if kids._type_name == "array" else [kids]:
        if not isinstance(kid, int):
            elements(kid, found)
    return found


def test_a_single_letter_is_tagged_from_its_head_to_its_datamatrix(single):
    assert single.Root.MarkInfo.Marked
    tags = [str(element.S) for element in elements(single.Root.StructTreeRoot)]
    assert tags[:2] == ["/Document", "/Part"]
    assert tags.count("/H1") == 1
    assert tags.count("/P") > 12
    assert tags[-1] == "/Figure"


def test_the_datamatrix_has_a_text_for_those_who_do_not_see_it(single):
    (figure,) = [e for e in elements(single.Root.StructTreeRoot) if e.S == "/Figure"]
    assert str(figure.Alt).endswith("631-000000001-44")
    assert len(figure.A.BBox) == 4


def test_every_marked_content_has_its_element_and_the_way_back(single):
    page = single.pages[0]
    leaf = single.Root.StructTreeRoot.ParentTree.Kids[0].Nums
    assert leaf[0] == page.StructParents == 0
    parents = leaf[1]
    content = page.Contents.read_bytes()
    assert content.count(b"/MCID") == len(parents)
    for number, element in enumerate(parents):
        assert int(element.K) == number
        assert element.Pg.objgen == page.objgen
    assert page.Tabs == "/S"


def test_all_that_is_drawn_is_either_tagged_or_an_artifact(single):
    depth = 0
    import pikepdf

    for instruction in pikepdf.parse_content_stream(single.pages[0]):
        name = str(instruction.operator)
        if name in ("BDC", "BMC"):
            depth += 1
        elif name == "EMC":
            depth -= 1
        elif name in ("Tj", "'", "Do", "re", "f", "INLINE IMAGE"):
            assert depth == 1, name
    assert depth == 0


def test_the_metadata_claim_pdf_ua_1_and_pdf_a_2a(single):
    xmp = ET.fromstring(single.Root.Metadata.read_bytes().split(b"?>", 1)[1].rsplit(b"<?xpacket", 1)[0])
    texts = {element.tag: element.text for element in xmp.iter() if element.text and element.text.strip()}
    assert texts["{http://www.aiim.org/pdfua/ns/id/}part"] == "1"
    assert texts["{http://www.aiim.org/pdfa/ns/id/}part"] == "2"
    assert texts["{http://www.aiim.org/pdfa/ns/id/}conformance"] == "A"
    assert "Je crée mon Dossier Médical Partagé" in [element.text for element in xmp.iter()]
    assert single.docinfo["/CreationDate"] == "D:20160503000000Z"
    assert texts["{http://ns.adobe.com/xap/1.0/}CreateDate"].startswith("2016-05-03")


def test_colours_have_their_profile_and_pages_their_resources(single):
    (intent,) = single.Root.OutputIntents
    assert intent.DestOutputProfile.N == 3
    assert intent.DestOutputProfile.read_bytes()[36:40] == b"acsp"
    assert "/Resources" in single.pages[0].obj
    assert "/ID" in single.trailer


def test_each_end_of_stream_is_on_a_line_of_its_own():
    content = render_single(
        recruitment(), values_of(someone()), address_block(someone()), "631-000000001-44", CODE, date=date(2016, 5, 3)
    )
    assert content.count(b"endstream") == content.count(b"\nendstream")
