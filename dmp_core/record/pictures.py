"""Pictures: drawn anew for a holder, looked at whole for a professional. Read in the examiner's process alone."""

import io
from collections.abc import Iterator
from typing import Final

import pikepdf
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from dmp_core.errors import Invalid

_MOST_PIXELS: Final = 60_000_000
_MOST_FRAMES: Final = 30
_LARGEST_FRAME: Final = 40_000_000
"""Bytes of one page once decoded, where a format cannot be decoded smaller: A4 at 600 dots an inch in black and white."""
_LARGEST_FRAMES: Final = 300_000_000
_LONG_SIDE: Final = 2400
"""Pixels: a page of paper stays readable at twice its size, and a phone's picture becomes a tenth of itself."""
_READABLE: Final = 1800
"""Pixels that the long side of a page keeps at least: a decoder that halves or quarters by itself stops above them, for a
telephone's picture as it is takes more memory than an examination has."""
_QUALITY: Final = 82
_DOTS: Final = 200
"""An inch, of a page made of a picture."""
_DAMAGED: Final = "Cette photo est abîmée et ne s’ouvre pas : reprenez-la, ou enregistrez-la de nouveau."
_TOO_LARGE: Final = "Cette photo est trop grande : réduisez-la, puis ajoutez-la de nouveau."
_FORMATS: Final = ("JPEG", "PNG", "TIFF")


def photo(data: bytes) -> bytes:
    """A JPEG or PNG drawn anew, upright, as a JPEG. Raises Invalid."""
    (drawn,) = _drawn(data)
    out = io.BytesIO()
    drawn.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return out.getvalue()


def pages(*pictures: bytes) -> bytes:
    """Every picture, and every page of one that has several, as the pages of one PDF. Raises Invalid."""
    drawn = [page for each in pictures for page in _as_jpegs(each)]
    if len(drawn) > _MOST_FRAMES:
        raise Invalid(f"Ces images ont plus de {_MOST_FRAMES} pages : séparez-les en plusieurs documents.")
    out = io.BytesIO()
    with pikepdf.new() as pdf:
        for each in drawn:
            _add_page(pdf, each)
        pdf.save(out)
    return out.getvalue()


def _add_page(pdf: pikepdf.Pdf, jpeg: bytes) -> None:
    """A page of the size of this picture, which stays as it is: thirty of them decoded would not fit in memory."""
    with Image.open(io.BytesIO(jpeg)) as opened:
        width, height, gray = opened.width, opened.height, opened.mode == "L"
    picture = pikepdf.Stream(
        pdf, jpeg, Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=width, Height=height, BitsPerComponent=8,
        ColorSpace=pikepdf.Name.DeviceGray if gray else pikepdf.Name.DeviceRGB, Filter=pikepdf.Name.DCTDecode,
    )  # fmt: skip
    size = width * 72 / _DOTS, height * 72 / _DOTS
    page = pdf.add_blank_page(page_size=size)
    page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Picture=pdf.make_indirect(picture)))
    page.Contents = pdf.make_stream(f"q {size[0]:.2f} 0 0 {size[1]:.2f} 0 0 cm /Picture Do Q".encode())


def whole_picture(data: bytes) -> bytes:
    """Nothing, for a picture that opens to its last line. Raises Invalid."""
    for _ in _frames(data, shrink=True):
        pass
    return b""


def _as_jpegs(data: bytes) -> Iterator[bytes]:
    # Kept as JPEG, one page at a time: thirty pages in memory would not fit.
    for drawn in _drawn(data):
        out = io.BytesIO()
        drawn.save(out, "JPEG", quality=_QUALITY)
        yield out.getvalue()


def _drawn(data: bytes) -> Iterator[Image.Image]:
    for opened in _frames(data, shrink=False):
        opened.thumbnail((_LONG_SIDE, _LONG_SIDE))
        upright = ImageOps.exif_transpose(opened)
        if upright.mode in ("RGB", "L"):
            yield upright
            continue
        # Transparent parts of a PNG are the paper.
        clear = upright.convert("RGBA")
        flat = Image.new("RGB", upright.size, "white")
        flat.paste(clear, mask=clear.getchannel("A"))
        yield flat


def _frames(data: bytes, *, shrink: bool) -> Iterator[Image.Image]:
    """Every page, decoded; `shrink` lets a JPEG be decoded at an eighth, which reads all of it."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            if opened.format == "TIFF":
                yield from _of_tiff(opened)
                return
            if opened.width * opened.height > _MOST_PIXELS:
                raise Invalid(_TOO_LARGE)
            if opened.format == "JPEG":
                opened.draft("L" if shrink else "RGB", (8, 8) if shrink else _wanted(*opened.size))
            elif opened.width * opened.height * len(opened.getbands()) > _LARGEST_FRAME:
                raise Invalid(_TOO_LARGE)
            opened.load()
            yield opened
    except UnidentifiedImageError:
        raise Invalid(_DAMAGED) from None
    except Image.DecompressionBombError:
        raise Invalid(_TOO_LARGE) from None
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, EOFError):
        raise Invalid(_DAMAGED) from None


def _wanted(width: int, height: int) -> tuple[int, int]:
    """The size below which a decoder must not go by itself."""
    longest = max(width, height)
    return max(1, width * _READABLE // longest), max(1, height * _READABLE // longest)


def _of_tiff(opened: Image.Image) -> Iterator[Image.Image]:
    """The pages of a TIFF, all sizes looked at before any is decoded."""
    sizes = []
    for frame in ImageSequence.Iterator(opened):
        sizes.append(frame.width * frame.height * len(frame.getbands()))
        if len(sizes) > _MOST_FRAMES:
            raise Invalid(f"Ce TIFF a plus de {_MOST_FRAMES} pages : séparez-le en plusieurs documents.")
        if max(sizes) > _LARGEST_FRAME or sum(sizes) > _LARGEST_FRAMES:
            raise Invalid(_TOO_LARGE)
    for number in range(len(sizes)):
        opened.seek(number)
        yield opened.copy()
