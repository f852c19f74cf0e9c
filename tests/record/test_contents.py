"""What may enter the record, told from the bytes."""

import io

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dmp_core.errors import Invalid
from dmp_core.record.contents import LARGEST, Format, checked

from .samples import a_pdf, a_photo


def test_a_pdf_is_kept_as_it_is() -> None:
    data = a_pdf()
    content = checked([data])
    assert (content.format, content.data) == (Format.PDF, data)


def test_a_photo_is_drawn_anew_upright_and_without_where_it_was_taken() -> None:
    content = checked([a_photo(turned=True)])
    with Image.open(io.BytesIO(content.data)) as kept:
        assert (content.format, kept.size, dict(kept.getexif())) == (Format.JPEG, (600, 900), {})


def test_a_large_photo_becomes_a_page_that_can_be_read() -> None:
    with Image.open(io.BytesIO(checked([a_photo(size=(6000, 4000))]).data)) as kept:
        assert max(kept.size) == 2400


def test_several_photos_become_the_pages_of_one_pdf_in_their_order() -> None:
    content = checked([a_photo("red"), a_photo("green", kind="PNG"), a_photo("blue")])
    with pikepdf.open(io.BytesIO(content.data)) as pdf:
        assert (content.format, len(pdf.pages)) == (Format.PDF, 3)


def test_eight_photos_of_a_telephone_become_eight_pages_and_the_next_photo_is_not_refused_for_them() -> None:
    photos = [a_photo(colour, size=(4000, 3000)) for colour in ("red", "green", "blue", "white") * 2]
    with pikepdf.open(io.BytesIO(checked(photos).data)) as pdf:
        assert [tuple(map(float, page.mediabox)) for page in pdf.pages] == [(0, 0, 720, 540)] * 8
        (picture,) = pdf.pages[1].get_images().values()
        red, green, blue = pikepdf.PdfImage(picture).as_pil_image().resize((1, 1)).getpixel((0, 0))
        assert green > 100 > max(red, blue)
    for _ in range(3):
        assert checked([a_photo(size=(6000, 4000))]).format is Format.JPEG


def test_a_text_is_kept_in_utf_8_without_its_mark() -> None:
    assert (
        checked(["\ufeffMes allergies : pénicilline\r\n".encode()]).data == "Mes allergies : pénicilline\r\n".encode()
    )


ACTIVE = {
    "programme à l’ouverture": lambda: a_pdf(OpenAction=pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")),
    "programme nommé": lambda: a_pdf(
        Names=pikepdf.Dictionary(JavaScript=pikepdf.Dictionary(Names=pikepdf.Array()))
    ),
    "fichier joint": lambda: a_pdf(Names=pikepdf.Dictionary(EmbeddedFiles=pikepdf.Dictionary(Names=pikepdf.Array()))),
    "lancement": lambda: a_pdf(OpenAction=pikepdf.Dictionary(S=pikepdf.Name.Launch, F="calc.exe")),
    "formulaire dynamique": lambda: a_pdf(AcroForm=pikepdf.Dictionary(XFA=pikepdf.Array())),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVE)
def test_a_pdf_that_would_do_something_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="programme ou un fichier joint"):
        checked([ACTIVE[name]()])


def test_a_pdf_that_opens_at_a_page_is_no_programme() -> None:
    assert checked([a_pdf(OpenAction=pikepdf.Dictionary(S=pikepdf.Name.GoTo, D=pikepdf.Array()))]).format is Format.PDF


def test_a_locked_pdf_is_refused_and_told_so() -> None:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(a_pdf())) as pdf:
        pdf.save(out, encryption=pikepdf.Encryption(owner="a", user="b"))
    with pytest.raises(Invalid, match="mot de passe"):
        checked([out.getvalue()])


REFUSED = {
    "rien": b"",
    "page web": b"<html><script>alert(1)</script></html>",
    "dessin actif": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "entités": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "archive": b"PK\x03\x04\x14\x00\x00\x00",
    "exécutable": b"\x7fELF\x02\x01\x01\x00",
    "image animée": b"GIF89a\x01\x00\x01\x00",
    "pdf coupé": a_pdf()[:80],
    "photo coupée": a_photo()[:400],
    "trop gros": b"a" * (LARGEST + 1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_record_does_not_take_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        checked([REFUSED[name]])
    assert str(refusal.value).endswith(".")


@given(
    st.binary(min_size=1, max_size=400),
    st.sampled_from([b"", b"%PDF-1.7\n", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"]),
)
def test_no_bytes_at_all_make_it_fail_otherwise_than_by_a_refusal(data: bytes, head: bytes) -> None:
    try:
        content = checked([head + data])
    except Invalid:
        return
    assert content.data
