"""Where things stand on a page, and the text that is read back from it."""

import io
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pypdf
import pytest

from backoffice.core.address import address_block
from backoffice.letters.faults import LetterFault
from backoffice.letters.geometry import FOLD, SLIDING, WINDOW
from backoffice.letters.reference import format_letter_id, letter_id_digits

from .pages import drawn, mark_digits
from .samples import lot_of, opened, recruitment, someone, values_of

LONG_NAME = "Łukasiewicz-Œuvrard de la Tour du Pin de Rochechouart-Mortem"
PEOPLE = (
    someone(),
    someone(nom_usage=LONG_NAME, adresse_5="BP 12"),
    someone(adresse_2="", adresse_3=""),
    someone(adresse_5="Le Bourg", pays="Belgique", code_postal="1000", ville="Bruxelles"),
    someone(adresse_4="WWWWWWWWWWW WWWWWWWWWWW WWWW"),
)


@pytest.fixture(scope="module")
def pages():
    with opened(lot_of(PEOPLE)) as lot:
        return [drawn(page) for page in lot.pages]


def test_nothing_but_the_address_can_appear_in_the_window_however_the_sheet_slides(pages):
    for person, page in zip(PEOPLE, pages, strict=True):
        seen = [
            what
            for left, top, right, bottom, what in page.boxes_mm()
            if right > SLIDING.left and left < SLIDING.right and bottom > SLIDING.top and top < SLIDING.bottom
        ]
        assert "".join(seen) == "".join(address_block(person)).replace(" ", "")


def test_the_address_is_wholly_inside_the_window(pages):
    for person, page in zip(PEOPLE, pages, strict=True):
        address = "".join(address_block(person)).replace(" ", "")
        inside = [
            what
            for left, top, right, bottom, what in page.boxes_mm()
            if left >= WINDOW.left and right <= WINDOW.right and top >= WINDOW.top and bottom <= WINDOW.bottom
        ]
        assert "".join(inside) == address


def test_the_code_is_below_the_first_fold(pages):
    for page in pages:
        mono = [glyph for glyph in page.glyphs if "Mono" in glyph.font]
        assert "".join(glyph.char for glyph in mono) == "7KXR 4DHW 9PCT"
        assert all(297 - (glyph.y + glyph.size) / (72 / 25.4) > FOLD for glyph in mono)


def test_everything_keeps_clear_of_the_edges_of_the_sheet(pages):
    for page in pages:
        for left, top, right, bottom, _ in page.boxes_mm():
            assert left > 10
            assert top > 9
            assert right < 200
            assert bottom < 288


def test_lines_never_run_into_each_other(pages):
    for page in pages:
        by_line = {}
        for glyph in page.glyphs:
            by_line.setdefault(round(glyph.y, 1), []).append(glyph)
        for line in by_line.values():
            ordered = sorted(line, key=lambda glyph: glyph.x)
            for one, other in pairwise(ordered):
                assert one.x + one.width <= other.x + 0.05


def test_the_datamatrix_reads_back_as_the_letter_id():
    with opened(lot_of(PEOPLE)) as lot:
        for number, page in enumerate(lot.pages, 1):
            assert mark_digits(page) == letter_id_digits(format_letter_id("631", number))


@pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="no pdftoppm on this machine")
def test_the_datamatrix_is_read_from_the_printed_page(tmp_path: Path):
    import zxingcpp
    from PIL import Image

    (tmp_path / "lot.pdf").write_bytes(lot_of(PEOPLE[:1]))
    subprocess.run(["pdftoppm", "-r", "200", "-gray", "-png", "lot.pdf", "page"], cwd=tmp_path, check=True)
    with Image.open(next(tmp_path.glob("page*.png"))) as page:
        pixels = page.convert("L").tobytes()  # the view does not keep them alive
        view = zxingcpp.ImageView(pixels, page.width, page.height, zxingcpp.ImageFormat.Lum)
        assert [found.text for found in zxingcpp.read_barcodes(view)] == ["63100000000144"]


def lines_of(person, tagged=False):
    text = pypdf.PdfReader(io.BytesIO(lot_of([person], tagged=tagged))).pages[0].extract_text()
    return [line.strip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("tagged", [False, True], ids=["print", "tagged"])
def test_the_text_is_extracted_in_reading_order(tagged):
    lines = lines_of(someone(), tagged)
    expected = [
        "SÉCURITÉ SOCIALE", "l’Assurance Maladie", "CPAM du Puy-de-Dôme", "Mon nom ou celui de mon ayant droit\u00a0:",
        "Marie-Hélène Lefèvre-Dubois", "mon parcours d’assuré DMP", *address_block(someone()), "Le 3 mai 2016",
        "JE CRÉE MON DOSSIER MÉDICAL PARTAGÉ", "Chère madame Lefèvre-Dubois,", "7KXR 4DHW 9PCT",
        "valable jusqu’au 3 juillet 2016 inclus", "N’hésitez pas à en parler à chaque consultation médicale.",
        "Avec toute notre attention,", "la direction de votre caisse d’assurance maladie.", "631-000000001-44",
    ]  # fmt: skip
    places = [lines.index(line) for line in expected]
    assert places == sorted(places)


def test_the_wording_of_the_seed_is_kept():
    text = " ".join(" ".join(lines_of(someone())).split()).replace("\u00a0", " ")
    for sentence in (
        "Pour faciliter votre suivi médical, l’Assurance Maladie vous invite à créer votre Dossier Médical Partagé (DMP).",
        "Traitements, résultats d’examens, antécédents médicaux... Le Dossier Médical Partagé conserve précieusement vos "
        "données de santé en ligne. Il vous permet de les partager avec votre médecin traitant et tous les professionnels "
        "de santé qui vous prennent en charge, même à l’hôpital. Ainsi, votre suivi médical est facilité.",
        "Pour créer votre Dossier Médical Partagé, connectez-vous sur www.mon-dmp.fr muni(e) de votre carte Vitale et de "
        "ce code valable 2 mois :",
        "Gratuit et confidentiel, le Dossier Médical Partagé est hautement sécurisé. Seuls votre médecin traitant, les "
        "professionnels de santé autorisés et vous-même pouvez le consulter.",
        "Pour toutes questions, nos conseillers sont à votre disposition au 0 810 331 133 (0,06 €/min + prix d’un appel "
        "local) du lundi au vendredi de 8 h 30 à 17 h 30.",
    ):
        assert sentence in text


@pytest.mark.parametrize(
    "nom",
    [
        "Łukasiewicz-Œuvrard",
        "d’Arc",
        "N’Guyen-Le Gall",
        "O(Brien)\\x",
        "Țepeș",
        "100 % Nuñez",
        "Ḿorvan",
        "Ǻngström",
    ],
)
def test_names_are_printed_as_they_are(nom):
    assert f"Cher monsieur {nom}," in lines_of(someone(nom_usage=nom, civilite="M"))


def test_a_typewriter_apostrophe_in_a_name_is_printed_as_a_typographic_one():
    assert "Chère madame d’Arc," in lines_of(someone(nom_usage="d'Arc"))


def test_a_decomposed_accent_is_printed_composed():
    assert "Chère madame Lefévre," in lines_of(someone(nom_usage="Lefe\u0301vre"))


def test_a_name_of_sixty_letters_fits():
    lines = lines_of(someone(nom_usage=LONG_NAME))
    assert f"Chère madame {LONG_NAME}," in lines
    start = lines.index("Mon nom ou celui de mon ayant droit\u00a0:")
    assert " ".join(lines[start + 1 : start + 3]).startswith("Marie-Hélène Łukasiewicz-Œuvrard de la Tour du")


def test_a_very_long_double_name_breaks_after_its_hyphen():
    name = "Featherstonehaughfitzgerald-Wolstenholmecholmondeley"
    lines = lines_of(someone(nom_usage=name))
    start = lines.index("Mon nom ou celui de mon ayant droit\u00a0:")
    assert "".join(lines[start + 1 : start + 4]).startswith(f"Marie-Hélène{name}")


def test_a_name_wider_than_its_line_sends_the_letter_to_the_exceptions():
    with pytest.raises(LetterFault, match="plus large que la ligne"):
        recruitment().lay_out(values_of(someone(nom_usage="W" * 40)), ("M. W", "63000 RIOM"))


def test_spacing_tightens_before_a_letter_is_refused():
    program, values = recruitment(), values_of(someone())
    counts = [1] * len(program.variables)
    salutation = max(
        i for i, v in enumerate(program.variables) if any(s.field == "personne.appel" for s in v.block.slots)
    )
    squeezes = []
    for lines in range(1, 25):
        counts[salutation] = lines
        placing = program.placing(tuple(counts))
        squeezes.append((placing.squeeze, placing.overflow <= 0))
    assert squeezes[0] == (1.0, True)
    assert (0.8, True) in squeezes
    assert (0.6, True) in squeezes
    assert squeezes[-1] == (0.6, False)
    values["personne.nom"] = " ".join(["de la Tour du Pin"] * 110)
    with pytest.raises(LetterFault, match="ne tient pas sur sa page"):
        program.lay_out(values, address_block(someone()))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"personne.nom": ""}, "«\u00a0personne.nom\u00a0» est vide"),
        ({"personne.nom": " \u00a0"}, "est vide"),
        ({"personne.nom": "王"}, r"«\s王\s» \(U\+738B\) ne peut pas être imprimé"),
        ({"personne.nom": "a\u0007"}, r"caractère \(U\+0007\)"),
    ],
)
def test_a_value_that_cannot_be_printed_is_refused_with_its_reason(change, reason):
    with pytest.raises(LetterFault, match=reason):
        recruitment().lay_out(values_of(someone()) | change, address_block(someone()))


def test_a_missing_value_is_named():
    values = values_of(someone())
    del values["code.fin"]
    with pytest.raises(LetterFault, match=r"code\.fin"):
        recruitment().lay_out(values, address_block(someone()))


@pytest.mark.parametrize("address", [(), ("A",) * 8])
def test_an_address_of_no_line_or_of_eight_is_refused(address):
    with pytest.raises(LetterFault, match="de une à sept lignes"):
        recruitment().lay_out(values_of(someone()), address)


def test_an_address_too_wide_for_the_window_even_smaller_is_refused():
    with pytest.raises(LetterFault, match="trop large pour la fenêtre"):
        recruitment().lay_out(values_of(someone()), ("W" * 38, "63000 RIOM"))


def test_a_wide_address_is_set_a_little_smaller():
    def size(line):
        with opened(lot_of([someone(adresse_4=line)])) as lot:
            return next(g.size for g in drawn(lot.pages[0]).glyphs if g.char == "M" and g.y > 600 and g.x > 300)

    assert size("12 rue des Lilas") == 10.5
    assert 9 <= size("W" * 28) < 10.5
