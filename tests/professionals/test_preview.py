"""« Voir comme mon dentiste »: what the holder is shown is what the gate shows to such a professional, cell by cell; what is
hidden is told with its reason, to the holder alone, in one line of their own.
"""

import html
import re
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portal_account.world import Holder

from dmp_core.access.habilitations import professions_with_access, types_read
from dmp_core.access.preview import ATTENDING, URGENT, HolderPreview, Preview
from dmp_core.access.relevance import by_relevance
from dmp_core.access.rules import Basis, Way, Why, why
from dmp_core.access.trace import Action, ActorKind, Mode
from dmp_core.errors import NotFound
from dmp_core.record.contents import Format
from dmp_core.record.metadata import Author, AuthorKind, Document, Sight, Status
from dmp_core.record.nomenclatures import every_type
from dmp_core.record.sealing import DossierKeys

from .samples import NUMBERS
from .test_matrix import PROFESSIONS, cells, filled, stand
from .test_visit import given_to, visits
from .world import Record, RecordWorld, a_professional, listed

_numbers = NUMBERS
_DAY = date(2016, 12, 1)
_AT = datetime(2016, 11, 2, tzinfo=UTC)
PAGE = "/mon-dmp/professionnels/voir-comme"


def previews(world: RecordWorld) -> HolderPreview:
    return HolderPreview(world.store, DossierKeys(world.record), world.clock)


def seen_as(world: RecordWorld, dossier: UUID, chosen: str) -> Preview:
    found = previews(world).see_as(dossier, chosen).preview
    assert found is not None
    return found


def handle_of(world: RecordWorld, dossier: UUID, name: str) -> str:
    (found,) = [
        each.handle for each in previews(world).see_as(dossier).professionals if each.label.startswith(f"{name},")
    ]
    return found


def test_each_of_the_holder_s_own_professionals_line_by_line(world: RecordWorld) -> None:
    """The table of `test_matrix`: but for what the holder may not see yet, and replaced versions, which no list holds."""
    for name in cells():
        who = a_professional(next(_numbers), PROFESSIONS.get(name, "G15_10"), name=f"LIGNE {name}")
        ids = filled(world, who)
        record = Record(world, ids["dossier"])
        stand(record, name, who)
        if name == "stranger":
            assert who.name not in str(previews(world).see_as(record.dossier).professionals)
            continue
        in_lists, _ = given_to(listed, world.gate(), who, record.dossier)
        found = seen_as(world, record.dossier, handle_of(world, record.dossier, who.name))
        told = {each.id for each in found.seen}
        late = () if name != "expired" else ("unannounced",)  # a year later
        known = {ids[each] for each in ("plain", "masked", "own", "own_masked", "archived", "will", "repaid", *late)}
        assert told == in_lists & known, name
        assert {each.id for each, _ in found.hidden} == known - told
        assert not any(reason.seen for _, reason in found.hidden)


@pytest.mark.parametrize("masked", [False, True])
def test_each_profession_as_one_whom_the_holder_authorises(world: RecordWorld, masked: bool) -> None:
    record = world.a_record()
    for each in every_type():
        if each.holds(world.clock().date()):
            record.put(each.code, each.code, masked=masked)
    gate = visits(world)
    for profession in professions_with_access(_DAY):
        who = a_professional(next(_numbers), profession)
        record.relate(who, Basis.CONSENT)
        shown = [each.id for each in gate.overview(who, record.dossier).found.documents]
        assert [each.id for each in seen_as(world, record.dossier, profession).seen] == shown, profession
        assert masked == (not shown)
    urgent = a_professional(next(_numbers))
    world.gate().break_glass(urgent, record.dossier, Mode.EMERGENCY, "Malaise")
    shown = [each.id for each in gate.overview(urgent, record.dossier).found.documents]
    assert [each.id for each in seen_as(world, record.dossier, URGENT).seen] == shown
    attending = a_professional(next(_numbers))
    record.relate(attending, Basis.ATTENDING)
    shown = [each.id for each in gate.overview(attending, record.dossier).found.documents]
    assert [each.id for each in seen_as(world, record.dossier, ATTENDING).seen] == shown


_documents = st.builds(
    lambda kind, masked, mine, status: Document(
        uuid4(), uuid4(), uuid4(), 1, "x", kind.class_code, kind.code, kind.system, Format.TEXT, 1, b"", b"",
        Author(AuthorKind.PROFESSIONAL, "moi" if mine else "autre", "Dr"), *[_AT] * 3, status, masked, None, "t", uuid4(),
        _AT, uuid4(), format_code="x",
    ),
    st.sampled_from(every_type()), st.booleans(), st.booleans(), st.sampled_from(Status),
)  # fmt: skip


@given(
    st.sampled_from(professions_with_access(_DAY)), st.lists(_documents, max_size=8), st.sampled_from([*Basis, None]),
    st.booleans(),
)  # fmt: skip
def test_the_reason_and_the_gate_s_own_rule_are_one(
    profession: str, found: list[Document], basis: Basis | None, sees_all: bool
) -> None:
    way = Way(basis, Mode.NORMAL if basis else Mode.EMERGENCY, basis is not None and sees_all, None)
    sight = Sight("moi", types_read(profession, _DAY), masked=way.sees_all)
    for each in found:
        there = sight.shows(each) and each.category is not None
        assert why(way, "moi", profession, each, _DAY).seen == there
    assert {each.id for each in by_relevance(profession, found, _DAY)} == {each.id for each in found}


def test_looking_is_one_line_of_the_holder_s_own_and_nobody_s_visit(world: RecordWorld) -> None:
    record = world.a_record()
    record.put("plain")
    who = a_professional(next(_numbers), "G15_40", name="DENTISTE")
    record.relate(who, Basis.CONSENT)
    chosen = handle_of(world, record.dossier, "ANNE DENTISTE")
    before = len(record.chain())
    seen_as(world, record.dossier, chosen)
    (line,) = record.chain()[before:]
    assert (line.who.kind, line.action, line.reason) == (
        ActorKind.HOLDER, Action.PREVIEW, "ANNE DENTISTE, Chirurgien-Dentiste",
    )  # fmt: skip
    assert visits(world).since_last_visit(who, record.dossier).last_visit is None
    world.clock.forward(days=1)
    seen_as(world, record.dossier, "G15_40")
    assert visits(world).since_last_visit(who, record.dossier).last_visit == world.clock() - timedelta(days=1)


def test_somebody_else_s_handle_and_a_closed_dossier_are_refused(world: RecordWorld) -> None:
    record, other = world.a_record(), world.a_record()
    who = a_professional(next(_numbers), name="VOISIN")
    other.relate(who, Basis.CONSENT)
    chosen = handle_of(world, other.dossier, "ANNE VOISIN")
    record.relate(who, Basis.CONSENT)
    for wrong in (chosen, "G15_28", str(who.id), "x"):
        with pytest.raises(NotFound):
            previews(world).see_as(record.dossier, wrong)
    record.state("closed")
    with pytest.raises(NotFound):
        previews(world).see_as(record.dossier, "G15_40")


def words(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).replace("\u00a0", " ").split())


def test_the_page_tells_what_is_seen_and_why_the_rest_is_not(world: RecordWorld, holder: Holder) -> None:
    record = Record(world, holder.who.dossier)
    record.put("radio du genou", "11528-7")
    record.put("secret", "11488-4", masked=True)
    record.put("volontés", "EXPPAT_1")
    who = a_professional(next(_numbers), name="BLOQUE")
    record.relate(who, Basis.CONSENT)
    signed_in = holder.sign_in()
    choosing = signed_in.get(PAGE).text
    assert str(who.id) not in choosing
    assert "Ce que voit" not in choosing
    page = words(signed_in.get(f"{PAGE}?comme=G15_40").text)
    seen, _, hidden = page.partition("Ce qu’il ne voit pas, et pourquoi")
    assert "Ce que voit : Chirurgien-Dentiste 1 document, dans l’ordre de sa page. Titre radio du genou" in seen
    assert "secret" not in seen
    assert "Titre secret , CR ou fiche de consultation ou de visite : vous avez masqué ce document." in hidden
    assert "Titre volontés , Volontés et droits du patient : sa profession ne lit pas ce type de document." in hidden
    assert signed_in.get(f"{PAGE}?comme=ailleurs").status_code == 404
    assert Why.MASKED.label in hidden
