"""Contents as browsers send them: made here, of nobody."""

import io

import pikepdf
from PIL import Image


def a_pdf(words: str = "Ordonnance", **root: object) -> bytes:
    """A PDF of one page; `root` goes into its catalogue."""
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(595, 842))
    page.Contents = pdf.make_stream(f"% {words}".encode())
    for name, value in root.items():
        pdf.Root[f"/{name}"] = value
    out = io.BytesIO()
    pdf.save(out, deterministic_id=True)
    return out.getvalue()


def a_photo(
    colour: str = "navy", size: tuple[int, int] = (900, 600), kind: str = "JPEG", turned: bool = False
) -> bytes:
    """A photo as a telephone takes it, with the place beside it."""
    picture = Image.new("RGB", size, colour)
    exif = Image.Exif()
    exif[0x010F] = "Téléphone d’essai"
    exif[0x8825] = {1: "N", 2: (45.0, 46.0, 30.0)}
    if turned:
        exif[0x0112] = 6
    out = io.BytesIO()
    picture.save(out, kind, exif=exif)
    return out.getvalue()


def a_tiff(pages: int = 1, size: tuple[int, int] = (400, 300), **how: object) -> bytes:
    """A scan of several pages, as a practice's scanner sends it."""
    first, *others = [Image.new("1", size, n % 2) for n in range(pages)]
    out = io.BytesIO()
    first.save(out, "TIFF", save_all=True, append_images=others, **({"compression": "group4"} | how))
    return out.getvalue()


def a_rtf(words: str = "Compte rendu") -> bytes:
    """A letter of a word processor, with the fields that every one of them has."""
    return (
        r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Arial;}}{\*\generator Essai;}\f0\fs22 "
        + words
        + r" \\objet \{x\} \'e9\u233?\par{\field{\*\fldinst{ PAGE }}{\fldrslt 1}}\par}"
    ).encode("ascii", "replace")
