"""What a template may hold, and the French sentence that refuses the rest."""

import copy
import zipfile
from pathlib import Path

import docx
import pytest
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from backoffice.core.errors import NotFound
from backoffice.letters.compile import compile_template
from backoffice.letters.faults import TemplateFault
from backoffice.letters.kinds import LETTER_KINDS, letter_kind
from backoffice.letters.model import Zone

from .pages import drawn
from .samples import RECRUITMENT, TEMPLATES, lot_of, opened, someone

KIND = letter_kind("recruitment")


@pytest.fixture
def edited(tmp_path: Path):
    """Saves the recruitment letter after an edit, as its author would, and compiles it."""

    def compile_edited(edit):
        document = docx.Document(str(RECRUITMENT))
        edit(document)
        path = tmp_path / "essai.docx"
        document.save(str(path))
        return compile_template(path, KIND)

    return compile_edited


def paragraph_with(document, text):
    return next(paragraph for paragraph in document.paragraphs if text in paragraph.text)


@pytest.mark.parametrize("kind", LETTER_KINDS, ids=lambda kind: kind.name)
def test_every_declared_kind_compiles_and_uses_its_fields_alone(kind):
    program = compile_template(TEMPLATES / kind.template, kind)
    used = {slot.field for block in program.sheet.blocks for slot in block.slots} - {"adresse"}
    assert used <= {field.name for field in kind.fields}
    assert {field.name for field in kind.fields if field.required} <= used
    assert program.sample_placing.squeeze == 1.0, "a sample letter must not need tightening"
    assert len(program.version) == 64


@pytest.mark.parametrize("kind", LETTER_KINDS, ids=lambda kind: kind.name)
def test_every_declared_kind_speaks_french_and_has_whole_fields(kind):
    assert kind.label
    assert kind.subject
    assert sum(field.late for field in kind.fields) <= 1
    for field in kind.fields:
        assert field.meaning
        assert field.sample


def test_an_undeclared_kind_is_not_found():
    with pytest.raises(NotFound, match="n’existe pas"):
        letter_kind("inconnu")


def test_every_template_has_its_declaration():
    assert {path.name for path in TEMPLATES.glob("*.docx")} == {kind.template for kind in LETTER_KINDS}


def test_the_version_of_a_program_is_the_digest_of_its_docx(edited):
    assert compile_template(RECRUITMENT, KIND).version == compile_template(RECRUITMENT, KIND).version
    assert edited(lambda document: None).version != compile_template(RECRUITMENT, KIND).version


def test_the_wording_order_and_emphasis_belong_to_the_author(edited):
    def edit(document):
        last = paragraph_with(document, "N’hésitez pas")
        run = last.runs[0]
        run.text = "N'hésitez pas : parlez-en !"
        run.bold = True
        first = paragraph_with(document, "Pour faciliter")
        first._p.addprevious(last._p)

    program = edited(edit)
    texts = [block for block in program.sheet.blocks if block.zone is Zone.BODY]
    moved = next(block for block in texts if "hésitez" in getattr(block.pieces[0], "text", ""))
    assert moved.pieces[0].text == "N’hésitez pas\u00a0: parlez-en\u00a0!"
    assert moved.pieces[0].ink.face == "B"
    assert texts.index(moved) == 3


def test_a_field_that_word_split_into_several_runs_is_one_field(edited):
    def edit(document):
        salutation = paragraph_with(document, "personne.appel")
        salutation.runs[0].text = "{{ pers"
        for part in ("onne.ap", "pel }} {", "{personne.nom", "}},"):
            salutation.add_run(part)

    salutation = next(block for block in edited(edit).sheet.blocks if len(block.slots) == 2 and block.zone is Zone.BODY)
    assert [slot.field for slot in salutation.slots] == ["personne.appel", "personne.nom"]


def test_a_link_made_by_the_word_processor_is_plain_text(edited):
    def edit(document):
        paragraph = paragraph_with(document, "N’hésitez pas")
        link = OxmlElement("w:hyperlink")
        link.append(copy.deepcopy(paragraph.runs[0]._r))
        paragraph._p.append(link)

    text = "".join(getattr(p, "text", "") for block in edited(edit).sheet.blocks for p in block.pieces)
    assert text.count("N’hésitez pas") == 2


def said(edited, edit):
    with pytest.raises(TemplateFault) as caught:
        edited(edit)
    sentence = str(caught.value)
    assert sentence.startswith("Modèle «\u00a0essai.docx\u00a0»")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def add(style, text):
    return lambda document: document.add_paragraph(text, style=style)


def test_an_unknown_field_is_named_with_the_known_ones(edited):
    sentence = said(edited, add("Corps", "Votre numéro est {{ personne.nir }}."))
    assert "«\u00a0personne.nir\u00a0» n’existe pas" in sentence
    assert "corps, paragraphe" in sentence
    assert "personne.prenom" in sentence


@pytest.mark.parametrize("text", ["{{ personne.nom", "personne.nom }}", "{{ personne.nom }"])
def test_braces_that_do_not_close_are_said(edited, text):
    assert "ne se referment pas" in said(edited, add("Corps", text))


def test_a_field_with_an_impossible_name_is_said(edited):
    assert "n’est pas un nom de champ" in said(edited, add("Corps", "{{ Nom de la personne }}"))


def test_a_missing_required_field_is_named_with_its_meaning(edited):
    def edit(document):
        paragraph_with(document, "courrier.date").runs[0].text = "Le 3 mai"

    sentence = said(edited, edit)
    assert "il manque le champ «\u00a0courrier.date\u00a0» (date du courrier" in sentence
    assert "{{ courrier.date }}" in sentence


def test_the_code_must_be_alone_in_its_paragraph(edited):
    def edit(document):
        paragraph_with(document, "code.valeur").add_run(" à garder")

    assert "seul dans son paragraphe" in said(edited, edit)


def test_the_code_stands_once(edited):
    assert "une seule fois" in said(edited, add("Code", "{{ code.valeur }}"))


def test_the_code_cannot_be_where_the_window_may_show_it(edited):
    def edit(document):
        code = paragraph_with(document, "code.valeur")
        document.sections[0].header._element.append(code._p)

    assert "hors de vue de la fenêtre" in said(edited, edit)


def test_the_code_stays_under_the_first_fold(edited):
    def edit(document):
        document.sections[0].top_margin = Mm(92)
        first = paragraph_with(document, "courrier.date")
        first._p.addprevious(paragraph_with(document, "code.valeur")._p)

    assert "sous le premier pli" in said(edited, edit)


def test_a_text_in_the_window_is_measured_in_millimetres(edited):
    def edit(document):
        for paragraph in document.sections[0].header.paragraphs:
            paragraph.paragraph_format.right_indent = Mm(60)

    sentence = said(edited, edit)
    assert "mm dans la zone que montre la fenêtre" in sentence.replace("\u00a0", " ")


def test_a_text_that_overflows_the_page_is_measured_in_millimetres(edited):
    def edit(document):
        for _ in range(12):
            document.add_paragraph("Une phrase de plus, pour voir.", style="Corps")

    sentence = said(edited, edit).replace("\u00a0", " ")
    assert "le texte dépasse la place de la page de " in sentence
    assert " mm ; raccourcir" in sentence
    assert "« Une phrase de plus, pour voir. »" in sentence


def test_a_word_wider_than_its_line_is_quoted(edited):
    sentence = said(edited, add("Corps", "Anticonstitutionnellement" * 6))
    assert "dépasse la ligne de" in sentence


def test_indents_that_leave_no_room_are_said(edited):
    def edit(document):
        paragraph = document.add_paragraph("Texte", style="Corps")
        paragraph.paragraph_format.left_indent = Mm(100)
        paragraph.paragraph_format.right_indent = Mm(100)

    assert "ne laissent pas de place" in said(edited, edit)


def test_a_character_that_no_face_has_is_said(edited):
    assert "ne peut pas être imprimé" in said(edited, add("Corps", "Bonjour 漢"))


def without_address(document):
    for paragraph in document.sections[0].header.paragraphs:
        if "adresse" in paragraph.text:
            paragraph._p.getparent().remove(paragraph._p)


@pytest.mark.parametrize("edit", [without_address, add("Corps", "{{ adresse }}")])
def test_the_address_has_one_paragraph(edited, edit):
    assert "un paragraphe, et un seul" in said(edited, edit)


def test_a_page_of_another_size_is_refused(edited):
    def edit(document):
        document.sections[0].page_width, document.sections[0].page_height = Mm(216), Mm(279)

    assert "A4" in said(edited, edit)


def justify(document):
    document.add_paragraph("Texte", style="Corps").alignment = WD_ALIGN_PARAGRAPH.JUSTIFY


def number(document):
    paragraph = document.add_paragraph("Texte", style="List Number")
    assert paragraph.style.name == "List Number"


def page_break(document):
    document.add_paragraph(style="Corps").add_run().add_break(WD_BREAK.PAGE)


def tab(document):
    document.add_paragraph(style="Corps").add_run("a\tb")


def table(document):
    document.add_table(1, 1)


def section(document):
    document.add_section()


def run_with(**looks):
    def edit(document):
        run = document.add_paragraph(style="Corps").add_run("Texte")
        for name, value in looks.items():
            setattr(run.font, name, value)

    return edit


def tracked(document):
    change = OxmlElement("w:ins")
    change.set(qn("w:id"), "1")
    paragraph = document.add_paragraph("Texte", style="Corps")
    change.append(paragraph.runs[0]._r)
    paragraph._p.append(change)


def holding(tag):
    def edit(document):
        document.add_paragraph("Texte", style="Corps").runs[0]._r.append(OxmlElement(tag))

    return edit


@pytest.mark.parametrize(
    ("edit", "said_so"),
    [
        (justify, "justifié"),
        (number, "liste automatique"),
        (page_break, "saut de page"),
        (tab, "tabulation"),
        (table, "tableau"),
        (section, "plusieurs sections"),
        (run_with(underline=True), "souligné"),
        (run_with(strike=True), "barré"),
        (run_with(superscript=True), "exposant"),
        (run_with(all_caps=True), "majuscules"),
        (run_with(hidden=True), "masqué"),
        (run_with(bold=True, italic=True), "gras italique"),
        (tracked, "modifications suivies"),
        (holding("w:drawing"), "image"),
        (holding("w:fldChar"), "champ automatique"),
        (holding("w:ruby"), "ne savent pas imprimer"),
    ],
)
def test_what_would_not_be_printed_as_its_author_sees_it_is_refused(edited, edit, said_so):
    assert said_so in said(edited, edit)


def test_italics_sizes_and_colours_are_printed(edited):
    def edit(document):
        run = document.add_paragraph(style="Corps").add_run("Texte")
        run.italic, run.font.size = True, Pt(9)

    block = next(b for b in edited(edit).sheet.blocks if getattr(b.pieces[0], "text", "") == "Texte")
    assert (block.pieces[0].ink.face, block.pieces[0].ink.size) == ("I", 9)


@pytest.mark.parametrize("content", [b"", b"Courrier", b"%PDF-1.4"])
def test_a_file_that_is_not_a_docx_is_refused(tmp_path, content):
    path = tmp_path / "faux.docx"
    path.write_bytes(content)
    with pytest.raises(TemplateFault, match=r"n’est pas un document Word \(\.docx\)"):
        compile_template(path, KIND)


def test_a_zip_without_a_document_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "faux.docx", "w") as archive:
        archive.writestr("lisez-moi.txt", "rien")
    with pytest.raises(TemplateFault, match="est abîmé ou incomplet"):
        compile_template(tmp_path / "faux.docx", KIND)


@pytest.mark.parametrize("kept", [4, 200, 9000, -30])
def test_a_file_cut_on_the_way_is_said_to_be_incomplete(tmp_path, kept):
    path = tmp_path / "coupé.docx"
    path.write_bytes(RECRUITMENT.read_bytes()[:kept])
    with pytest.raises(TemplateFault, match="est abîmé ou incomplet"):
        compile_template(path, KIND)


def test_an_old_or_encrypted_document_is_told_apart(tmp_path):
    path = tmp_path / "ancien.docx"
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600)
    with pytest.raises(TemplateFault, match=r"ancien format de Word \(\.doc\) ou protégé"):
        compile_template(path, KIND)


@pytest.mark.parametrize("part", ["word/vbaProject.bin", "[Content_Types].xml"])
def test_macros_are_refused_whatever_the_name(tmp_path, part):
    path = tmp_path / "renommé.docx"
    with zipfile.ZipFile(RECRUITMENT) as source, zipfile.ZipFile(path, "w") as out:
        for name in source.namelist():
            content = source.read(name)
            if name == part:
                content = content.replace(
                    b"vnd.openxmlformats-officedocument.wordprocessingml.document.main",
                    b"vnd.ms-word.document.macroEnabled.main",
                )
            out.writestr(name, content)
        if part not in source.namelist():
            out.writestr(part, b"\xd0\xcf\x11\xe0")
    with pytest.raises(TemplateFault, match=r"contient des macros \(\.docm\)"):
        compile_template(path, KIND)


def test_a_template_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(TemplateFault, match="ne peut pas être lu"):
        compile_template(tmp_path / "absent.docx", KIND)


def test_a_paragraph_never_ends_on_a_line_of_one_short_word(edited):
    text = "Votre médecin traitant et tous les professionnels de santé que vous voyez peuvent le lire dès ici"
    program = edited(add("Corps", text))
    with opened(lot_of([someone()], program=program)) as lot:
        words = [glyph for glyph in drawn(lot.pages[0]).glyphs if glyph.y < 260 and glyph.size == 11]
    last = [glyph.char for glyph in words if glyph.y == min(glyph.y for glyph in words)]
    assert "".join(last) in (text, "dès\u00a0ici")


def test_an_edited_template_is_printed_as_edited(edited):
    program = edited(add("Corps", "Un paragraphe de plus →."))
    with opened(lot_of([someone()], program=program)) as lot:
        assert "Un paragraphe de plus →." in drawn(lot.pages[0]).text
