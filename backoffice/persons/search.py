"""Finding persons among millions while somebody types: exact before near, at most twenty, never counted.

Each way to ask is one look-up in an index of `person`. A name typed wrong is first looked for in the dictionary of names
(`name_word`), where faults of typing (trigrams, edit distance) and of hearing (sound) are cheap to find; the few names
found are then asked of the same index. Nothing of another caisse is ever looked at.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from sqlalchemy import TextClause, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from backoffice.core.actor import Actor, Role
from backoffice.core.errors import Invalid, NotFound
from backoffice.letters.reference import letter_id_digits
from backoffice.persons.spelling import edit_distance, swapped
from backoffice.persons.typed import Question, key_of, understand
from backoffice.population.models import Person
from dmp_core.identity.nir import mask

SHOWN: Final = 20
ROLES: Final = (Role.AGENT, Role.ADVISOR, Role.SUPERVISOR)
"""Who looks for persons."""

TOO_WIDE: Final = "Cette recherche vise trop de personnes : ajoutez un nom, un prénom entier, ou le jour de naissance."

_PATIENCE_MS: Final = 3000
"""A question that nobody would wait for any longer is given up, and says so."""
_CANCELLED: Final = "57014"
_MOST: Final = 3 * SHOWN
_LOOKED_THROUGH: Final = 3000
"""Rows of one birth date, or of the beginning of a NIR, that are compared with the words beside it."""
_ENOUGH: Final = 5
"""With so many found by their very letters, nothing near is looked for."""
_WITH_NEAR: Final = 10
"""Lines shown at most once what is near is among them: the nearest come first, the others are noise."""
_COMPLETIONS: Final = 16
_NEAR_NAMES: Final = 8
_NEAR_GIVEN: Final = 5


@dataclass(frozen=True, slots=True)
class Found:
    """One person, as a line of the answer tells them apart from their namesakes."""

    caisse: str
    person_id: int
    civilite: str
    given_name: str
    name: str
    birth_name: str
    """Empty when it is the name they go by."""
    birth_date: str
    postal_code: str
    town: str
    nir: str = field(repr=False)
    """Masked."""
    dead: bool
    near: bool
    """Found by something like what was typed."""
    letter: str = ""
    """The id of their letter, when that was typed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found."""

    persons: tuple[Found, ...] = ()
    more: bool = False
    """There are others: narrow the question."""
    case: str = ""
    """The number of a case, when that was typed: whether it is the actor's to see, its page says."""
    nature: str = ""
    """What was asked, for the journal."""


def search(session: Session, actor: Actor, typed: str, today: date) -> Answer:
    """Persons within the actor's caisses. Raises NotAllowed, and Invalid with what to type instead."""
    actor.require(*ROLES)
    questions = understand(typed, today)
    if questions[0].case:
        return Answer(case=questions[0].case, nature=questions[0].nature)
    # The plan depends on what is typed: a shared one would be right for nobody. And nobody waits for long.
    session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
    session.execute(text(f"SET LOCAL statement_timeout = {_PATIENCE_MS}"))
    searcher = _Searcher(session, sorted(actor.caisses))
    ranked: dict[tuple[str, int], tuple[_Rank, Found]] = {}
    try:
        for question in questions:
            for rank, found in searcher.answer(question):
                ranked.setdefault((found.caisse, found.person_id), (rank, found))
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", "") != _CANCELLED:
            raise
        raise Invalid(TOO_WIDE) from error
    ordered = [found for _, found in sorted(ranked.values(), key=lambda pair: pair[0])]
    exact = [found for found in ordered if not found.near]
    shown = ordered[: max(min(len(exact), SHOWN), _WITH_NEAR)]
    return Answer(tuple(shown), len(exact) > SHOWN, nature=" ou ".join(question.nature for question in questions))


def person_of_nir(session: Session, actor: Actor, nir: str) -> Person:
    """The person of a whole NIR within the actor's caisses. Raises NotAllowed and NotFound."""
    actor.require(*ROLES)
    found = session.scalars(
        select(Person)
        .where(Person.nir == nir, Person.caisse.in_(sorted(actor.caisses)))
        .order_by(Person.updated_at.desc())
    ).first()
    if found is None:
        raise NotFound("La personne de cette carte n’est pas dans la population de votre caisse.")
    return found


_Rank = tuple[int, str, str, str, int]
"""Nearness (0 exact), then name, given name and birth date."""


class _Searcher:
    """The look-ups, one a way to ask."""

    def __init__(self, session: Session, caisses: Sequence[str]) -> None:
        self._session, self._caisses = session, list(caisses)

    def answer(self, question: Question) -> list[tuple[_Rank, Found]]:
        if question.letter:
            return self._by_letter(question.letter)
        if question.mobile:
            return _ranked(self._rows(_BY_MOBILE, mobile=question.mobile))
        if question.nir:
            return self._compared(self._rows(_BY_NIR, low=question.nir, limit=_looked_at(question)), question)
        if question.nir_end:
            low = question.nir_end[::-1]
            return self._compared(self._rows(_BY_NIR_END, low=low, limit=_looked_at(question)), question)
        whole = [birth for birth in question.births if len(birth) == 10]
        if whole:
            return self._compared(self._rows(_BY_BIRTH, births=whole, limit=_LOOKED_THROUGH), question)
        if not question.words:
            raise Invalid(TOO_WIDE)
        return self._by_name(question)

    def _by_letter(self, letter_id: str) -> list[tuple[_Rank, Found]]:
        digits = letter_id_digits(letter_id)
        rows = self._rows(_BY_LETTER, caisse=digits[:3], number=int(digits[3:12]))
        return [(rank, found) for rank, found in _ranked(rows, letter=letter_id)]

    def _compared(self, rows: list[Any], question: Question) -> list[tuple[_Rank, Found]]:
        """Rows found by figures, of which words, birth dates and places keep some: here a fault of typing is cheap."""
        placed = [
            row
            for row in rows
            if (not question.births or row.date_naissance.startswith(question.births))
            and row.code_postal.startswith(question.postal)
            and (not question.town or key_of(row.ville).startswith(question.town))
        ]
        for off in (_prefix_off, _off):  # letters first: faults are worked out only where nobody is found by them
            kept = [
                _line(row, nearness) for row in placed if (nearness := _nearness(question.words, row, off)) is not None
            ]
            if kept:
                break
        return kept

    def _by_name(self, question: Question) -> list[tuple[_Rank, Found]]:
        found = self._ask(self._exact(question.words), question)
        if len(found) >= _ENOUGH or sum(map(len, question.words)) < 3:
            return found
        if not found and len(question.words) > 1 and not question.town:
            # The last word may be a town: "martin thiers".
            found = self._ask(self._exact(question.words[:-1]), question, town=question.words[-1])
        if len(found) < _ENOUGH:
            found = found + self._ask(self._near(question.words), question)
        return found

    def _exact(self, words: Sequence[str]) -> list[tuple[str, str, str, int]]:
        """(lowest name, highest name, beginning of the given name, nearness) for each way to part the words in two."""
        asked = [("".join(words), _after("".join(words)), "", 1)]
        for cut in range(1, len(words)):
            first, last = "".join(words[:cut]), "".join(words[cut:])
            asked.append((first, first, last, 0))
            completed = self._completions(last)
            asked += [(name, name, first, 0 if name == last else 1) for name in completed]
        return asked

    def _near(self, words: Sequence[str]) -> list[tuple[str, str, str, int]]:
        whole = "".join(words)
        asked = [(name, name, "", 10 + far) for name, far in self._alike("nom", whole, _NEAR_NAMES)]
        for cut in range(1, len(words)):
            one, other = "".join(words[:cut]), "".join(words[cut:])
            for name, given in ((one, other), (other, one)):
                names = [(name, 0), *self._alike("nom", name, _NEAR_NAMES)]
                givens = [(given, 0), *self._alike("prenom", given, _NEAR_GIVEN)]
                asked += [(key, key, first, 10 + far + off) for key, far in names for first, off in givens if far + off]
        return asked

    def _completions(self, beginning: str) -> list[str]:
        """Family names that begin so, the shortest first."""
        if len(beginning) < 2:
            return []
        rows = self._session.execute(
            _COMPLETE, {"low": beginning, "high": _after(beginning), "limit": _COMPLETIONS}
        )  # fmt: skip
        return list(rows.scalars())

    def _alike(self, kind: str, key: str, most: int) -> list[tuple[str, int]]:
        """Names written or heard almost so, the nearest first, with how far they are."""
        if len(key) < 3:
            return []
        self._session.execute(text("SET LOCAL pg_trgm.similarity_threshold = 0.3"))
        rows = self._session.execute(_ALIKE, {"kind": kind, "key": key, "swapped": swapped(key)}).all()
        allowed = 1 if len(key) <= 5 else 2
        near = []
        for row in rows:
            far = edit_distance(key, row.key)
            if 0 < far <= allowed:
                near.append((far - (0.5 if row.heard else 0), row.key))
            elif row.heard and far:
                near.append((float(min(far, 3)), row.key))
        return [(name, int(far * 2)) for far, name in sorted(near)[:most]]

    def _ask(
        self, asked: Sequence[tuple[str, str, str, int]], question: Question, *, town: str = ""
    ) -> list[tuple[_Rank, Found]]:
        if not asked:
            return []
        town = town or question.town
        lows, highs, givens, ranks = zip(*asked, strict=True)
        births = question.births or ("",)
        rows = []
        for birth in births:
            rows += self._rows(
                _BY_NAMES, lows=list(lows), highs=list(highs), givens=list(givens), ranks=list(ranks), birth=birth,
                birth_end=f"{birth}~", postal=question.postal, postal_end=f"{question.postal}~", town=town,
                town_end=_after(town), limit=SHOWN + 1, most=_MOST,
            )  # fmt: skip
        return [_line(row, _standing(row)) for row in rows]

    def _rows(self, query: Any, **values: Any) -> list[Any]:
        return list(self._session.execute(query, {"caisses": self._caisses} | values))


def _standing(row: Any) -> int:
    """A name that was completed is exact if nothing had to be added."""
    if row.rank == 1 and row.low == row.matched:
        return 0
    return int(row.rank)


def _looked_at(question: Question) -> int:
    """How many rows are read: all that may be compared, or just enough to show when nothing narrows them."""
    narrowed = question.words or question.births or question.postal or question.town
    return _LOOKED_THROUGH if narrowed else SHOWN + 1


def _nearness(words: Sequence[str], row: Any, off_by: Callable[[str, str, bool], int]) -> int | None:
    """How far the words are from a person's names, whatever their order; None when they are somebody else's."""
    if not words:
        return 0
    names = [key_of(row.nom_naissance), key_of(row.nom_usage)]
    given = key_of(row.prenom)
    whole = "".join(words)
    best: int | None = None
    for cut in range(len(words) + 1):
        first, last = "".join(words[:cut]), "".join(words[cut:])
        for name in filter(None, names):
            for typed_name, typed_given in ((first, last), (last, first)):
                off = off_by(typed_name, name, bool(typed_given)) + off_by(typed_given, given, bool(typed_name))
                if off <= (1 if len(whole) <= 5 else 3) and (best is None or off < best):
                    best = off
    return None if best is None else (best if best == 0 else 10 + 2 * best)


def _prefix_off(typed: str, known: str, optional: bool) -> int:
    """0 for a word that begins the name, or for none where none is needed."""
    return (0 if optional else 9) if not typed else 0 if known.startswith(typed) else 9


def _off(typed: str, known: str, optional: bool) -> int:
    """Faults of typing between a word, which may be unfinished, and a name."""
    if not typed:
        return 0 if optional else 9
    if known.startswith(typed):
        return 0
    return min(edit_distance(typed, known), 1 + edit_distance(typed, known[: len(typed)]))


def found_of(row: Person, *, near: bool = False, letter: str = "") -> Found:
    """A person's line; also for lists that are not made by searching."""
    return Found(
        caisse=row.caisse, person_id=row.id, civilite=row.civilite, given_name=row.prenom,
        name=row.nom_usage or row.nom_naissance, birth_name=row.nom_naissance if row.nom_usage else "",
        birth_date=row.date_naissance, postal_code=row.code_postal, town=row.ville, nir=mask(row.nir),
        dead=row.date_deces is not None, near=near, letter=letter,
    )  # fmt: skip


def _line(row: Any, rank: int, letter: str = "") -> tuple[_Rank, Found]:
    found = found_of(row, near=rank >= 10, letter=letter)
    return (rank, key_of(found.name), key_of(found.given_name), found.birth_date, found.person_id), found


def _ranked(rows: Iterable[Any], letter: str = "") -> list[tuple[_Rank, Found]]:
    return [_line(row, 0, letter) for row in rows]


def _after(beginning: str) -> str:
    """Above every key that begins so: keys have letters A-Z alone."""
    return f"{beginning}~"


_COLUMNS: Final = (
    "p.caisse, p.id, p.nir, p.civilite, p.nom_naissance, p.nom_usage, p.prenom, p.date_naissance, p.code_postal, p.ville, "
    "p.date_deces"
)
_WITHIN: Final = "p.caisse = ANY(CAST(:caisses AS char(3)[]))"
_BIRTH_KEY: Final = 'name_key(p.nom_naissance) COLLATE "C"'
_USUAL_KEY: Final = 'name_key(p.nom_usage) COLLATE "C"'
_GIVEN_KEY: Final = 'name_key(p.prenom) COLLATE "C"'


def _select(condition: str, rest: str = "") -> TextClause:
    return text(f"SELECT {_COLUMNS} FROM person p {rest} WHERE {_WITHIN} AND {condition}")  # noqa: S608 - constants of ours


_BY_MOBILE = _select("p.mobile = :mobile AND p.mobile <> '' LIMIT 100")
_BY_NIR = _select(
    "p.nir >= CAST(:low AS bpchar) AND p.nir <= CAST(CAST(:low AS text) || 'Z' AS bpchar) ORDER BY p.nir LIMIT :limit"
)
_BY_NIR_END = _select(
    'reverse(p.nir::text) COLLATE "C" >= CAST(:low AS text) AND reverse(p.nir::text) COLLATE "C" < CAST(:low AS text) || \'~\' '
    "LIMIT :limit"
)
_BY_BIRTH = _select("p.date_naissance = ANY(CAST(:births AS bpchar[])) LIMIT :limit")
_BY_LETTER = _select(
    "l.caisse = CAST(:caisse AS char(3)) AND l.number = :number",
    "JOIN letter l ON l.caisse = p.caisse AND l.person_id = p.id",
)
_NARROWED: Final = (
    "AND (:birth = '' OR p.date_naissance::text >= :birth AND p.date_naissance::text < :birth_end) "
    "AND (:postal = '' OR p.code_postal >= :postal AND p.code_postal < :postal_end) "
    'AND (:town = \'\' OR name_key(p.ville) COLLATE "C" >= :town AND name_key(p.ville) COLLATE "C" < :town_end)'
)


def _names(key: str, condition: str) -> str:
    return (
        f"SELECT {_COLUMNS}, {key} AS matched FROM person p WHERE {_WITHIN} {condition} "  # noqa: S608
        f"AND {key} >= w.low AND {key} <= w.high AND {_GIVEN_KEY} >= w.given AND {_GIVEN_KEY} < w.given_end {_NARROWED} "
        f"ORDER BY {key}, {_GIVEN_KEY} LIMIT :limit"
    )


_BY_NAMES = text(f"""
SELECT w.rank, w.low, p.* FROM (
    SELECT low COLLATE "C" AS low, high COLLATE "C" AS high, given COLLATE "C" AS given, (given || '~') COLLATE "C" AS given_end,
        rank FROM unnest(CAST(:lows AS text[]), CAST(:highs AS text[]), CAST(:givens AS text[]), CAST(:ranks AS int[]))
        AS asked (low, high, given, rank)
) w CROSS JOIN LATERAL (
    ({_names(_BIRTH_KEY, "")}) UNION ALL ({_names(_USUAL_KEY, "AND p.nom_usage <> ''")})
) p ORDER BY w.rank, p.matched, p.prenom LIMIT :most
""")  # noqa: S608 - the fragments are constants of ours

_COMPLETE = text(
    "SELECT key FROM name_word WHERE kind = 'nom' AND key >= :low AND key < :high ORDER BY length(key), key LIMIT :limit"
)
_ALIKE = text("""
(SELECT key, sound = name_sound(:key) AS heard FROM name_word WHERE kind = :kind AND key % CAST(:key AS text)
    ORDER BY similarity(key, :key) DESC LIMIT 60)
UNION
(SELECT key, true FROM name_word WHERE kind = :kind AND sound = name_sound(:key) AND length(sound) > 1
    ORDER BY abs(length(key) - length(CAST(:key AS text))), key LIMIT 30)
UNION
(SELECT key, sound = name_sound(:key) FROM name_word WHERE kind = :kind AND key = ANY(:swapped))
""")
