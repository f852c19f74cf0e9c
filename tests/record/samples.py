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
