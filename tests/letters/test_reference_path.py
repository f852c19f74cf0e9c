"""The stamped pages against reportlab's own paragraphs, character by character."""

import random
from pathlib import Path

import pikepdf

from backoffice.core.address import address_block
from backoffice.letters.platypus import Letter, draw_letters
from backoffice.letters.reference import format_letter_id

from .pages import drawn
from .samples import lot_of, opened, recruitment, someone, values_of

COUNT = 200
FIRST = ("Jean", "Marie-Hélène", "Éloïse Anne-Sophie Philomène", "Zoé", "Maximilien Jean-Baptiste Désiré Théophile")
LAST = (
    "Martin", "Łukasiewicz-Œuvrard", "d'Arc", "N’Guyen-Le Gall", "de Rochechouart de Mortemart d’Ysemberg", "Gonçalves",
    "Le Bihan de Kersauson et Autres Lieux de Basse Bretagne", "Ő", "O(Brien)\\x & fils",
)  # fmt: skip


def varied(count):
    chance = random.Random(97)
    for _ in range(count):
        yield someone(
            civilite=chance.choice(("M", "MME")),
            prenom=chance.choice(FIRST),
            nom_usage=chance.choice(LAST),
            adresse_2=chance.choice(("", "Appartement 12")),
            adresse_3=chance.choice(("", "Résidence des Lilas")),
            adresse_5=chance.choice(("", "Le Bourg", "BP 12")),
            adresse_4=f"{chance.randint(1, 300)} rue des {'Très ' * chance.randint(0, 2)}Longues Rues",
        )


def placed_characters(page):
    """Each visible character with its place in hundredths of a point, from top to bottom and left to right."""
    found = [(g.char, g.x, g.y) for g in drawn(page).glyphs if g.char.strip()]
    return sorted(found, key=lambda each: (-round(each[2]), each[1]))


def test_every_character_stands_where_reportlab_puts_it(tmp_path: Path):
    program, people = recruitment(), list(varied(COUNT))
    letters = []
    for number, person in enumerate(people, 1):
        values, address = values_of(person), address_block(person)
        cleaned = {name: value.replace("'", "’") for name, value in values.items()}
        placing = program.lay_out(values, address).plan.placing
        late = {"code.valeur": "7KXR 4DHW 9PCT"}
        letters.append(Letter(cleaned | late, address, format_letter_id("631", number), placing))
    draw_letters(program, letters, tmp_path / "reference.pdf", title="Référence")
    with opened(lot_of(people)) as stamped, pikepdf.open(tmp_path / "reference.pdf") as reference:
        assert len(stamped.pages) == len(reference.pages) == COUNT
        for ours, theirs in zip(stamped.pages, reference.pages, strict=True):
            mine, other = placed_characters(ours), placed_characters(theirs)
            assert [each[0] for each in mine] == [each[0] for each in other]
            for (_, x, y), (_, u, v) in zip(mine, other, strict=True):
                assert abs(x - u) < 0.03
                assert abs(y - v) < 0.03


def test_a_letter_without_placing_is_drawn_as_the_sample(tmp_path: Path):
    person = someone(adresse_5="Le Bourg")
    values = values_of(person) | {"code.valeur": "7KXR 4DHW 9PCT"}
    letter = Letter(values, address_block(person), format_letter_id("631", 1))
    draw_letters(recruitment(), [letter], tmp_path / "one.pdf", title="Un")
    with opened(lot_of([person])) as stamped, pikepdf.open(tmp_path / "one.pdf") as reference:
        assert [c for c, *_ in placed_characters(stamped.pages[0])] == [
            c for c, *_ in placed_characters(reference.pages[0])
        ]
