"""A doctor with eight minutes: what is new since their own last visit, the documents that matter to their profession, counts
that tell nothing of what is masked, all in a handful of statements, and in the trace what was read.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from portal_account.world import Holder
from record.vsm.samples import FULL
from sqlalchemy import event, text

from dmp_core.access.habilitations import professions_with_access, types_read
from dmp_core.access.professional import NotIn
from dmp_core.access.relevance import preferences, rank_of
from dmp_core.access.rules import Basis
from dmp_core.access.summaries import SummaryGate
from dmp_core.access.trace import Action, Mode, first_fault
from dmp_core.access.visit import VisitGate
from dmp_core.errors import NotFound
from dmp_core.feed import laboratory
from dmp_core.professionals.certificates import Professional
from dmp_core.professionals.store import ProfessionalStore
from dmp_core.record import documents
from dmp_core.record.categories import Category
from dmp_core.record.cda import Edition, Patient
from dmp_core.record.contents import LABORATORY, REIMBURSEMENTS, VSM, Content, Format
from dmp_core.record.metadata import Document, Draft, Status
from dmp_core.record.nomenclatures import every_type
from dmp_core.record.reimbursements.cda import writing
from dmp_core.record.reimbursements.history import Delivery, history_of
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.selection import Asked, Selected, handle_of
from dmp_core.record.shelf import Folder
from dmp_core.record.treatments import Discordance

from .samples import NUMBERS
from .test_matrix import PROFESSIONS, cells, filled, stand
from .world import Record, RecordWorld, a_professional, listed, tried

_numbers = NUMBERS
_DAY = date(2016, 12, 1)
BIOLOGIST = laboratory.Biologist("8999900000017", "DURAND", "CLAIRE")
_PATIENT = Patient("1541187387477485562488", "Dupond", "", "Nicolas", "1950-08-01", woman=False)


def visits(world: RecordWorld, store: ProfessionalStore | None = None) -> VisitGate:
    return VisitGate(
        store or world.professionals, Folder(world.folder), DossierKeys(world.record), world.clock, world.regulators
    )


def let_in(record: Record, profession: str = "G15_10", basis: Basis = Basis.CONSENT) -> Professional:
    who = a_professional(next(_numbers), profession)
    record.relate(who, basis)
    return who


def an_edition(at: datetime) -> Edition:
    return Edition(uuid4(), uuid4(), 1, at)


def with_summary(record: Record) -> Document:
    """The médecin traitant's summary, who is not there any more."""
    world, who = record.world, let_in(record, basis=Basis.ATTENDING)
    gate = SummaryGate(world.professionals, Folder(world.folder), DossierKeys(world.record), world.clock)
    return gate.write(who, record.dossier, FULL, None)


def with_reimbursements(record: Record, *deliveries: Delivery, **more: Any) -> Document:
    at = record.world.clock()
    data = writing(history_of(deliveries, at.date()), _PATIENT, an_edition(at))
    return record.put("remboursements", "REMB", content=Content(data, Format.CDA, REIMBURSEMENTS), **more)


def with_biology(record: Record, count: int = 3, **more: Any) -> list[Document]:
    at, made = record.world.clock(), []
    for number, measures in enumerate(laboratory.invented(_PATIENT.ins_c, at.date(), count)):
        data = laboratory.writing(measures, _PATIENT, an_edition(at), BIOLOGIST)
        made.append(record.put(f"bilan {number}", content=Content(data, Format.CDA, LABORATORY), **more))
    return made


def names(record: Record, found: list[Document]) -> list[str]:
    by_id = {each.id: name for name, each in record.documents.items()}
    return [by_id[each.id] for each in found]


@contextmanager
def statements(store: ProfessionalStore) -> Iterator[list[str]]:
    """Every statement that a gate sends meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(store._engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(store._engine, "before_cursor_execute", note)


def test_what_is_new_since_the_last_visit(world: RecordWorld) -> None:
    record, gate = world.a_record(), visits(world)
    who = let_in(record)
    record.put("ancien")
    first = gate.since_last_visit(who, record.dossier)
    assert (first.last_visit, names(record, first.documents)) == (None, ["ancien"])
    came = world.clock()
    world.clock.forward(days=3)
    record.put("nouveau")
    record.put("masque", masked=True)
    record.put("le sien", by=who)
    record.put("archive", status=Status.ARCHIVED)
    record.put("pour d’autres", "INSCR_RCP")
    old = record.documents["ancien"]
    with world.owner.begin() as connection:
        box = DossierKeys(world.record).box(connection, record.dossier, world.clock())
        place, data = uuid4(), Content(b"corrige", Format.TEXT)
        Folder(world.folder).put(place, box.seal(data.data, place.bytes))
        draft = Draft(every_type()[6], "corrigé", old.author, data, old.service_start)
        record.documents["corrigé"] = documents.replace_with(
            connection, box, record.dossier, old, draft, place, world.clock()
        )
    for _ in range(2):  # a visit lasts its day
        again = gate.since_last_visit(who, record.dossier)
        assert again.last_visit == came
        assert sorted(names(record, again.documents)) == ["corrigé", "nouveau"]
    second = world.clock()
    world.clock.forward(days=1)
    assert gate.since_last_visit(who, record.dossier) == type(again)(second, [])
    attending = let_in(record, basis=Basis.ATTENDING)
    assert gate.since_last_visit(attending, record.dossier).last_visit is None


def test_a_visit_refused_is_none_and_nobody_learns_another_s(world: RecordWorld) -> None:
    record, gate = world.a_record(), visits(world)
    who, other = a_professional(next(_numbers)), let_in(record)
    with pytest.raises(NotIn):
        gate.since_last_visit(who, record.dossier)
    gate.since_last_visit(other, record.dossier)
    world.clock.forward(days=1)
    record.relate(who, Basis.CONSENT)
    assert gate.since_last_visit(who, record.dossier).last_visit is None
    ask = text("SELECT medical.own_last_visit(:before)")
    later = {"before": world.clock() + timedelta(days=9)}
    with world.professionals.transaction(other.id, world.clock(), record.dossier) as connection:
        assert connection.scalar(ask, later) is not None
    with world.professionals.transaction(other.id, world.clock()) as connection:
        assert connection.scalar(ask, later) is None
    record.state("closed")
    with world.professionals.transaction(other.id, world.clock(), record.dossier) as connection:
        assert connection.scalar(ask, later) is None
    with pytest.raises(NotFound):
        gate.overview(other, record.dossier)


def test_the_patient_s_page(world: RecordWorld) -> None:
    record, gate = world.a_record(), visits(world)
    written = with_summary(record)
    today = world.clock().date()
    repaid = with_reimbursements(
        record,
        Delivery(today - timedelta(days=20), "PLAVIX 75MG", ("CLOPIDOGREL",), 1),
        Delivery(today - timedelta(days=40), "XARELTO 20MG", ("RIVAROXABAN",), 1),
    )
    with_biology(record)
    who = let_in(record)
    before = len(record.chain())
    with statements(world.professionals) as sent:
        found = gate.overview(who, record.dossier)
    assert len(sent) <= 6, "\n".join(sent)
    assert found.summary is not None
    assert found.summary[1] is not None
    assert (found.summary[0].id, found.summary[1].summary) == (written.id, FULL)
    assert found.history is not None
    assert found.history[0].id == repaid.id
    assert found.treatments is not None
    assert [(line.discordance, line.times) for line in found.treatments.lines] == [
        (Discordance.SILENT, 0), (Discordance.UNLISTED, 1), (None, 1),
    ]  # fmt: skip
    assert found.charted
    lines = record.chain()
    assert [(line.action, line.document) for line in lines[before:]] == [
        (Action.LIST, None), (Action.READ, written.id), (Action.READ, repaid.id),
    ]  # fmt: skip
    assert first_fault(record.dossier, lines) is None


def test_what_cannot_be_read_is_said_and_what_is_not_there_is_not(world: RecordWorld) -> None:
    record, gate = world.a_record(), visits(world)
    who, nurse = let_in(record), let_in(record, "G15_60")
    nothing = gate.overview(who, record.dossier)
    assert (nothing.summary, nothing.history, nothing.treatments, nothing.charted) == (None, None, None, False)
    with_reimbursements(record)
    record.put("abîmée", "SYNTH", content=Content(b"<a/>", Format.CDA, VSM))
    record.put("bilan", content=Content(b"<b/>", Format.CDA, LABORATORY))
    damaged = gate.overview(who, record.dossier)
    assert damaged.summary == (record.documents["abîmée"], None)
    assert names(record, gate.biology(who, record.dossier).unread) == ["bilan"]
    # A nurse reads no reimbursements: neither they nor a disagreement with them.
    assert gate.overview(nurse, record.dossier).history is None
    assert gate.overview(nurse, record.dossier).treatments is None


def test_biology_over_time_leaves_out_what_is_masked_and_traces_each_report(world: RecordWorld) -> None:
    record, gate = world.a_record(), visits(world)
    reports = with_biology(record, 4)
    masked = with_biology(record, 1, masked=True)
    attending, who = let_in(record, basis=Basis.ATTENDING), let_in(record)
    before = len(record.chain())
    with statements(world.professionals) as sent:
        found = gate.biology(who, record.dossier)
    assert len(sent) <= 6
    assert {each.label for each in found.series} == {each.label for each in laboratory.ANALYTES}
    assert all(len(each.measures) == 4 for each in found.series)
    sources = {one.source for each in found.series for one in each.measures}
    assert sources == {each.id for each in reports}
    lines = record.chain()[before:]
    assert {line.document for line in lines if line.action is Action.READ} == sources
    everything = gate.biology(attending, record.dossier)
    assert masked[0].id in {line.document for line in record.chain()}
    assert len(everything.series[0].measures) >= 4


@pytest.mark.parametrize(
    ("profession", "first"),
    [
        ("G15_40", ["radio", "synthese", "ordonnance"]), ("G15_70", ["radio", "operation", "bilan fonctionnel"]),
        ("G15_60", ["ordonnance", "sortie", "synthese"]), ("G15_21", ["ordonnance", "mois", "synthese"]),
        ("G15_10", ["synthese", "sortie", "analyses"]),
    ],
)  # fmt: skip
def test_each_profession_finds_its_own_first(world: RecordWorld, profession: str, first: list[str]) -> None:
    record = world.a_record()
    for name, code in (
        ("synthese", "SYNTH"), ("radio", "11528-7"), ("operation", "34874-8"), ("bilan fonctionnel", "47420-5"),
        ("ordonnance", "29551-9"), ("sortie", "11490-0"), ("analyses", "11502-2"), ("mois", "REMB"),
        ("consultation", "11488-4"), ("certificat", "CERT_DECL"),
    ):  # fmt: skip
        record.put(name, code)
    found = visits(world).listing(let_in(record, profession), record.dossier, Asked()).found
    assert names(record, found.documents)[:3] == first


def test_the_order_takes_nothing_away_and_names_what_each_profession_reads() -> None:
    for profession in professions_with_access(_DAY):
        lines = preferences(f"{profession}/SM26")
        assert lines, profession
        readable = types_read(profession, _DAY)
        for line in lines:
            named = {
                each.code for each in every_type()
                if line.subject in (f"type:{each.code}", each.category.value if each.category else "")
            }  # fmt: skip
            assert named, line
            assert named & readable, line


def test_counts_and_choices_come_after_the_rules(world: RecordWorld) -> None:
    """The same page, to the letter, with masked documents and without any."""
    pages = []
    author, hidden = a_professional(next(_numbers), name="DURAND"), a_professional(next(_numbers), name="SECRET")
    for masked in (False, True):
        record = world.a_record()
        who = let_in(record)
        record.put("Genou gauche", "11528-7", by=author)
        record.put("Analyses", by=author)
        record.put("Vu aux urgences", "15507-7")
        if masked:
            for number in range(5):
                record.put(f"Genou {number}", "11528-7", by=hidden, masked=True)
            record.put("Archive", status=Status.ARCHIVED, masked=True)
        gate = visits(world)
        asked = [
            Asked(), Asked(words="genou"), Asked(category=Category.IMAGING), Asked(archived=True),
            Asked(author=handle_of(record.documents["Analyses"])), Asked(since=world.clock().date()),
        ]  # fmt: skip
        pages.append([told(record, gate.listing(who, record.dossier, each).found) for each in asked])
        pages[-1].append(told(record, gate.overview(who, record.dossier).found))
        with pytest.raises(NotFound):
            gate.look(who, record.dossier, uuid4())
    assert pages[0] == pages[1]
    assert pages[0][0][1] == {"comptes-rendus": 1, "imagerie-medicale": 1, "biologie": 1}
    assert pages[0][0][2] == {"ANNE DURAND": 2, "Dr Autre": 1}
    assert pages[0][1][0] == ["Genou gauche"]


def told(record: Record, found: Selected) -> tuple[list[str], dict[str, int], dict[str, int]]:
    return (
        sorted(names(record, found.documents)),
        {category.value: count for category, count in found.categories},
        {each.name: each.count for each in found.authors},
    )


def test_words_authors_and_dates(world: RecordWorld) -> None:
    record, gate = world.a_record(), visits(world)
    who = let_in(record)
    record.put("Échographie du genou", "11528-7")
    record.put("Ordonnance", "29551-9", by=who)
    world.clock.forward(days=2)
    record.put("Analyses")
    day = world.clock().astimezone(UTC).date()

    def found(**asked: Any) -> list[str]:
        return sorted(names(record, gate.listing(who, record.dossier, Asked(**asked)).found.documents))

    assert found(words="echographie GENOU") == ["Échographie du genou"]
    assert found(words="imagerie") == ["Échographie du genou"]  # the type
    assert found(words="martin") == ["Ordonnance"]
    assert found(words="rien") == []
    assert found(author=handle_of(record.documents["Ordonnance"])) == ["Ordonnance"]
    assert found(since=day) == ["Analyses"]
    assert found(until=day - timedelta(days=1)) == ["Ordonnance", "Échographie du genou"]
    assert found(category=Category.TREATMENTS, words="ordonnance") == ["Ordonnance"]


def test_whoever_they_are_the_page_shows_what_the_lists_show(
    world: RecordWorld, without_walls: ProfessionalStore
) -> None:
    """The table of `test_matrix`, line by line; and the gate alone, its wall taken away, the same."""
    for name in cells():
        who = a_professional(next(_numbers), PROFESSIONS.get(name, "G15_10"))
        ids = filled(world, who)
        record = Record(world, ids["dossier"])
        stand(record, name, who)
        found: dict[str, set[UUID]] = {}
        in_lists, refused = given_to(listed, world.gate(), who, record.dossier)
        for which, store in (("walled", None), ("alone", without_walls)):
            found[which], also = given_to(_shown, visits(world, store), who, record.dossier)
            assert also == refused, name
        wanted = {one for one, there in cells()[name].items() if there and one != "replaced"}
        assert found["walled"] == found["alone"] == {ids[one] for one in wanted}, name
        assert in_lists - {ids["replaced"]} == found["walled"]


def given_to(ask: Callable[..., set[UUID]], *of: Any) -> tuple[set[UUID], str | None]:
    """What is shown, or what refuses."""
    found: set[UUID] = set()
    return found, tried(lambda: found.update(ask(*of)))


def _shown(gate: VisitGate, who: Professional, dossier: UUID) -> set[UUID]:
    every = [gate.listing(who, dossier, Asked(archived=archived)).found.documents for archived in (False, True)]
    overview = gate.overview(who, dossier)
    assert {each.id for each in overview.found.documents} == {each.id for each in every[0]}
    assert {each.id for each in overview.since.documents} <= {each.id for each in every[0]}
    return {each.id for one in every for each in one}


def test_in_an_emergency_the_page_is_told_as_such(world: RecordWorld) -> None:
    record, who = world.a_record(), a_professional(next(_numbers))
    record.put("plain")
    record.put("masked", masked=True)
    world.gate().break_glass(who, record.dossier, Mode.EMERGENCY, "Malaise")
    found = visits(world).overview(who, record.dossier)
    assert (found.way.mode, names(record, found.found.documents), found.told) == (Mode.EMERGENCY, ["plain"], [])
    assert record.chain()[-1].who.mode is Mode.EMERGENCY


def test_a_rank_is_the_most_precise_line_s(world: RecordWorld) -> None:
    record = world.a_record()
    assert rank_of("G15_70", record.put("op", "34874-8"), _DAY) < rank_of("G15_70", record.put("c", "11488-4"), _DAY)
    assert rank_of("G15_70", record.documents["op"], date(2016, 1, 1)) == rank_of("X", record.documents["op"], _DAY)


def test_the_holder_follows_the_same_results_masked_ones_too(world: RecordWorld, holder: Holder) -> None:
    record = Record(world, holder.who.dossier)
    signed_in = holder.sign_in()
    where = "/mon-dmp/documents/biologie-en-courbes"
    assert "Aucun résultat chiffré" in signed_in.get(where).text
    reports = with_biology(record, 2)
    masked = with_biology(record, 1, masked=True)
    awaited = with_biology(record, 1, hidden_until=world.clock() + timedelta(days=30))
    record.put("illisible", content=Content(b"<c/>", Format.CDA, LABORATORY))
    before = len(record.chain())
    page = signed_in.get(where).text
    assert page.count("<svg") == len(laboratory.ANALYTES)
    assert "Titre illisible" in page
    assert all(str(each.id) in page for each in (*reports, *masked))
    assert str(awaited[0].id) not in page
    read = [line.document for line in record.chain()[before:] if line.action is Action.READ]
    assert set(read) == {each.id for each in (*reports, *masked, record.documents["illisible"])}
    assert "Suivre mes résultats en courbes" in signed_in.get("/mon-dmp/documents/liste/biologie").text
