"""Letters finished by hand: fields filled wherever Word cut them, unknown ones refused, unfinished letters sent back."""

import io

import docx
import pytest

from backoffice.core.errors import Invalid, NotFound
from backoffice.letters.faults import TemplateFault
from backoffice.letters.freehand import FREE_LETTERS, filled, free_letter, require_finished

from .samples import SOMEONE, TEMPLATES, values_of

VALUES = values_of(SOMEONE) | {
    "demande.numero": "2016-631-000042", "demande.date": "2 novembre 2016", "adresse": "MME LEFEVRE\n63000 CLERMONT",
}  # fmt: skip


def all_text(content: bytes) -> str:
    document = docx.Document(io.BytesIO(content))
    parts = [*document.paragraphs, *document.sections[0].header.paragraphs, *document.sections[0].footer.paragraphs]
    return "\n".join(paragraph.text for paragraph in parts)


@pytest.mark.parametrize("letter", FREE_LETTERS, ids=lambda letter: letter.name)
def test_every_prepared_letter_is_filled_and_asks_to_be_finished(letter) -> None:
    content = filled(TEMPLATES / "libre" / letter.template, VALUES)
    text = all_text(content)
    assert "{{" not in text
    for words in ("2016-631-000042", "CPAM du Puy-de-Dôme", "Lefèvre-Dubois"):
        assert words in text
    with pytest.raises(Invalid, match="n’est pas finie"):
        require_finished(content)


def test_there_is_no_prepared_letter_without_its_declaration() -> None:
    assert {path.name for path in (TEMPLATES / "libre").glob("*.docx")} == {one.template for one in FREE_LETTERS}
    with pytest.raises(NotFound):
        free_letter("inconnue")


@pytest.mark.parametrize(
    "pieces",
    [["{{ personne.nom }}"], ["{", "{ perso", "nne.nom }", "} !"], ["a {{personne.nom", "}} b {{ personne.nom }}"]],
)
def test_a_field_cut_into_runs_is_one_field(tmp_path, pieces: list[str]) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph()
    for piece in pieces:
        paragraph.add_run(piece)
    document.save(str(tmp_path / "x.docx"))
    text = all_text(filled(tmp_path / "x.docx", {"personne.nom": "Zoé"}))
    assert text.strip() == "".join(pieces).replace("{{ personne.nom }}", "Zoé").replace("{{personne.nom}}", "Zoé")


@pytest.mark.parametrize("words", ["{{ code.valeur }}", "{{ personne.nom", "{{ NIR }}"])
def test_a_field_that_nobody_knows_is_refused_whole(tmp_path, words: str) -> None:
    document = docx.Document()
    document.add_paragraph(f"Avant {{{{ personne.nom }}}} {words}")
    document.save(str(tmp_path / "x.docx"))
    with pytest.raises(TemplateFault):
        filled(tmp_path / "x.docx", {"personne.nom": "Zoé"})


def test_what_is_no_docx_is_told_so(tmp_path) -> None:
    (tmp_path / "x.docx").write_bytes(b"rien")
    with pytest.raises(TemplateFault, match="administrateur"):
        filled(tmp_path / "x.docx", {})
    require_finished(b"%PDF-1.4")


def test_a_finished_letter_is_taken() -> None:
    document = docx.Document()
    document.add_paragraph("Chère madame, voici notre réponse.")
    out = io.BytesIO()
    document.save(out)
    require_finished(out.getvalue())
