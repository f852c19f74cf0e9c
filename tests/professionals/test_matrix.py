"""Who sees what: actor × document × state of the dossier, cell by cell, against the table that follows.

A column a document, a line an actor; x is there, . is not. What is not there is one refusal, to the letter, and the lists
say the same as the addresses; PostgreSQL alone, asked past the gate, shows nothing more than the gate would without the
matrix of professions.
"""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from dmp_core.access import circle
from dmp_core.access.circle import Member
from dmp_core.access.habilitations import expected_of, professions_with_access, reads, types_read
from dmp_core.access.rules import Basis
from dmp_core.access.trace import Mode
from dmp_core.professionals.certificates import Professional
from dmp_core.professionals.store import ProfessionalStore
from dmp_core.record.categories import Category
from dmp_core.record.metadata import Status, Wanted
from dmp_core.record.nomenclatures import every_type

from .samples import NUMBERS
from .world import Record, RecordWorld, a_professional, listed, member, rows_seen, tried

TABLE = """
                     plain masked own own_masked unannounced archived replaced will repaid deleted management other absent
attending            x     x      x   x          x           x        x        x    x      .       .          .     .
same_rights          x     x      x   x          x           x        x        x    x      .       .          .     .
consent              x     .      x   x          x           x        x        x    x      .       .          .     .
team                 x     .      x   x          x           x        x        x    x      .       .          .     .
nurse                x     .      x   x          x           x        x        x    .      .       .          .     .
nurse_sees_all       x     x      x   x          x           x        x        x    .      .       .          .     .
dentist              x     .      x   x          x           x        x        .    x      .       .          .     .
physiotherapist      .     .      .   .          .           .        .        .    .      .       .          .     .
podiatrist_attending .     .      .   .          .           .        .        .    .      .       .          .     .
optician             .     .      .   .          .           .        .        .    .      .       .          .     .
emergency            x     .      x   x          x           x        x        x    x      .       .          .     .
centre_15            x     .      x   x          x           x        x        x    x      .       .          .     .
unblocked            x     .      x   x          x           x        x        x    x      .       .          .     .
expired              .     .      .   .          .           .        .        .    .      .       .          .     .
withdrawn            .     .      .   .          .           .        .        .    .      .       .          .     .
stranger             .     .      .   .          .           .        .        .    .      .       .          .     .
emergency_over       .     .      .   .          .           .        .        .    .      .       .          .     .
emergency_refused    .     .      .   .          .           .        .        .    .      .       .          .     .
emergency_blocked    .     .      .   .          .           .        .        .    .      .       .          .     .
blocked              .     .      .   .          .           .        .        .    .      .       .          .     .
blocked_attending    .     .      .   .          .           .        .        .    .      .       .          .     .
"""
PROFESSIONS = {
    "nurse": "G15_60", "nurse_sees_all": "G15_60", "dentist": "G15_40", "physiotherapist": "G15_70",
    "podiatrist_attending": "G15_80", "optician": "G15_28",
}  # fmt: skip
NOT_IN = {"expired", "withdrawn", "stranger", "emergency_over", "emergency_refused"}
"""Who is told that consent comes first; who is blocked is told that there is nothing."""
REASON = "Patient inconscient"
_numbers = NUMBERS


def cells() -> dict[str, dict[str, bool]]:
    head, *lines = [line.split() for line in TABLE.strip().splitlines()]
    return {name: dict(zip(head, (mark == "x" for mark in marks), strict=True)) for name, *marks in lines}


def filled(world: RecordWorld, who: Professional) -> dict[str, UUID]:
    record = Record(world, world.someone().dossier)
    later = world.clock() + timedelta(days=30)
    record.put("plain")
    record.put("masked", masked=True)
    record.put("own", by=who)
    record.put("own_masked", by=who, masked=True)
    record.put("unannounced", hidden_until=later)
    record.put("archived", status=Status.ARCHIVED)
    record.put("replaced", status=Status.DEPRECATED)
    record.put("will", "EXPPAT_1")
    record.put("repaid", "REMB")
    record.put("deleted", status=Status.DELETED)
    record.put("management", "INSCR_RCP")
    other = Record(world, world.someone().dossier)
    other.put("other")
    ids = {name: document.id for name, document in record.documents.items()}
    return {"dossier": record.dossier, **ids, "other": other.documents["other"].id, "absent": uuid4()}


def stand(record: Record, name: str, who: Professional) -> None:
    """Put `who` into the standing of this line, through the doors where there are any."""
    gate, clock = record.world.gate(), record.world.clock
    match name:
        case "attending" | "podiatrist_attending" | "blocked_attending":
            record.relate(who, Basis.ATTENDING)
        case "same_rights" | "nurse_sees_all":
            record.relate(who, Basis.CONSENT, sees_all=True)
        case "team":
            first = a_professional(next(_numbers))
            gate.consent(first, record.dossier, informed=True)
            gate.bring_in(first, record.dossier, member(who))
        case "emergency" | "emergency_over" | "emergency_refused" | "emergency_blocked":
            gate.break_glass(who, record.dossier, Mode.EMERGENCY, REASON)
        case "centre_15":
            record.world.regulators = frozenset({str(who.id)})
            record.world.gate().break_glass(who, record.dossier, Mode.CENTRE_15, "Appel 15")
        case "stranger":
            pass
        case _:
            gate.consent(who, record.dossier, informed=True)
    match name:
        case "blocked" | "blocked_attending" | "emergency_blocked" | "unblocked":
            assert record.as_owner(circle.block, member(who), clock())
            if name == "unblocked":
                assert record.as_owner(circle.unblock, str(who.id), clock())
        case "withdrawn":
            assert record.as_owner(circle.end_relation, str(who.id), clock())
        case "expired":
            clock.forward(days=365)
        case "emergency_over":
            clock.forward(hours=1)
        case "emergency_refused":
            assert record.as_owner(circle.refuse_emergencies, clock(), refused=True)


@pytest.mark.parametrize("state", ["open", "suspended", "closed"])
@pytest.mark.parametrize("name", cells())
def test_every_cell(world: RecordWorld, without_walls: ProfessionalStore, name: str, state: str) -> None:
    who = a_professional(next(_numbers), PROFESSIONS.get(name, "G15_10"))
    ids = filled(world, who)
    dossier = ids.pop("dossier")
    record = Record(world, dossier)
    stand(record, name, who)
    record.state(state)
    gate = world.gate()
    wanted = {one for one, there in cells()[name].items() if there and state == "open"}
    before = len(record.chain())
    got = {one for one, document in ids.items() if tried(lambda each=document: gate.read(who, dossier, each)) is None}
    assert got == wanted
    looked = {
        one for one, document in ids.items() if tried(lambda each=document: gate.look(who, dossier, each)) is None
    }
    assert looked == wanted
    refusals = {tried(lambda each=document: gate.read(who, dossier, each)) for document in ids.values()} - {None}
    assert len(refusals) == 1
    lines = record.chain()[before:]
    assert len(lines) == 3 * len(ids)
    assert {(line.document, line.granted) for line in lines} == {(ids[one], one in wanted) for one in ids}
    in_lists: set[UUID] | str = set()
    refused = tried(lambda: in_lists.update(listed(gate, who, dossier)))
    assert in_lists == {ids[one] for one in wanted}
    if state != "open" or (name.endswith(("blocked", "blocked_attending")) and name != "unblocked"):
        assert (
            refused == "NotFound: Aucun DMP ne vous est accessible pour ce patient : vérifiez ce que vous avez saisi."
        )
    else:
        assert (refused is not None) == (name in NOT_IN)
    # The gate without the wall behind it: the same; which dossier a document is of, the keys and the wall say.
    world.professionals, walled = without_walls, world.professionals
    alone = world.gate()
    world.professionals = walled
    own = {one: document for one, document in ids.items() if one != "other"}
    assert {
        one for one, document in own.items() if tried(lambda each=document: alone.look(who, dossier, each)) is None
    } == (wanted)
    in_lists = set()
    assert tried(lambda: in_lists.update(listed(alone, who, dossier))) == refused
    assert in_lists == {ids[one] for one in wanted}
    # Past the gate: the same, but for the matrix of professions, which is the gate's.
    rows = rows_seen(world, who, dossier)
    assert {ids[one] for one in wanted} <= rows
    in_and_open = state == "open" and refused is None
    behind = {
        ids[one]
        for one in ids
        if in_and_open and one not in ("deleted", "other", "absent")
        and (one != "masked" or name in ("attending", "same_rights", "nurse_sees_all", "podiatrist_attending"))
    }  # fmt: skip
    assert rows == behind


def test_the_matrix_of_professions_cell_by_cell() -> None:
    """Every profession that has access × every type, against the words of the matrix's own notice."""
    on, needs = _DAY, _NEEDS
    for profession in professions_with_access(on):
        for each in every_type():
            wanted = each.category is not None and (
                needs[profession] is None or each.category in needs[profession] or each.code in _EXPECTED[profession]
            )
            if profession == "G15_40" and each.code in ("EXPPAT_1", "EXPPAT_3"):
                wanted = False
            assert reads(profession, each.code, each.category, on) is wanted, (profession, each.code)
    assert set(professions_with_access(on)) == set(needs)
    assert professions_with_access(on.replace(month=7, day=5)) == []  # before the decree


@pytest.mark.parametrize(
    ("profession", "expected"),
    [("G15_10", {"SYNTH", "11502-2", "11528-7"}), ("G15_70", {"47420-5"}), ("G15_60", {"11506-3"}), ("G15_95", set())],
)
def test_what_a_profession_is_expected_to_put_in_it_may_read(profession: str, expected: set[str]) -> None:
    found = {each.code for each in expected_of(profession, _DAY)}
    assert expected <= found
    assert found <= types_read(profession, _DAY)
    assert expected or not found


def test_a_colleague_is_brought_in_by_who_is_in_alone(world: RecordWorld) -> None:
    record, gate = world.a_record(), world.gate()
    one, colleague = a_professional(next(_numbers)), a_professional(next(_numbers), "G15_60")
    with pytest.raises(Exception, match="consentement"):
        gate.bring_in(one, record.dossier, member(colleague))
    gate.break_glass(one, record.dossier, Mode.EMERGENCY, REASON)
    with pytest.raises(Exception, match="consentement"):
        gate.bring_in(one, record.dossier, member(colleague))
    gate.consent(one, record.dossier, informed=True)
    gate.bring_in(one, record.dossier, member(colleague))
    with pytest.raises(Exception, match="déjà autorisé"):
        gate.bring_in(one, record.dossier, member(colleague))
    for wrong in (Member("8123", "X Y", "G15_60"), Member(str(colleague.id), " ", "G15_60")):
        with pytest.raises(Exception, match="numéro RPPS"):
            gate.bring_in(one, record.dossier, wrong)


def test_an_emergency_has_a_reason_an_hour_and_a_regulator_for_the_centre_15(world: RecordWorld) -> None:
    record, gate = world.a_record(), world.gate()
    who = a_professional(next(_numbers))
    record.put("plain")
    for reason in ("", "   ", "x" * 301, "a\x00b"):
        with pytest.raises(Exception, match=r"motif|pourquoi"):
            gate.break_glass(who, record.dossier, Mode.EMERGENCY, reason)
    assert tried(lambda: gate.break_glass(who, record.dossier, Mode.CENTRE_15, "Appel")) is not None
    ends = gate.break_glass(who, record.dossier, Mode.EMERGENCY, f"  {REASON} ")
    assert ends - world.clock() == timedelta(hours=1)
    gate.browse(who, record.dossier, _ANY, 20)
    modes = [(line.who.mode, line.reason, line.granted) for line in record.chain()]
    refused = "Aucun DMP ne vous est accessible pour ce patient : vérifiez ce que vous avez saisi."
    assert modes == [
        (Mode.NORMAL, refused, False), (Mode.EMERGENCY, REASON, True), (Mode.EMERGENCY, "", True),
    ]  # fmt: skip
    attending = a_professional(next(_numbers))
    record.relate(attending, Basis.ATTENDING)
    (told,) = gate.browse(attending, record.dossier, _ANY, 20).told
    assert (told.who.id, told.reason, told.mode) == (str(who.id), REASON, Mode.EMERGENCY)
    assert gate.browse(who, record.dossier, _ANY, 20).told == []


_READABLE = set(Category)
_NEEDS: dict[str, Any] = {
    "G15_10": None, "G15_50": None, "G15_40": None,
    "G15_21": {Category.SUMMARIES, Category.TREATMENTS, Category.BIOLOGY, Category.PREVENTION, Category.REIMBURSEMENTS},
    "G15_60": _READABLE - {Category.REIMBURSEMENTS},
    "G15_70": {
        Category.SUMMARIES, Category.REPORTS, Category.TREATMENTS, Category.IMAGING, Category.PREVENTION,
    },
    "G15_80": {Category.SUMMARIES, Category.REPORTS, Category.TREATMENTS, Category.IMAGING},
    "G15_91": {Category.SUMMARIES, Category.REPORTS, Category.IMAGING, Category.PREVENTION},
    "G15_92": {Category.SUMMARIES, Category.REPORTS, Category.IMAGING},
    "G15_94": {Category.SUMMARIES, Category.REPORTS, Category.TREATMENTS},
    "G15_95": {Category.SUMMARIES, Category.TREATMENTS, Category.BIOLOGY, Category.PREVENTION},
    "G15_98": {Category.SUMMARIES, Category.REPORTS, Category.IMAGING},
}  # fmt: skip
_EXPECTED: dict[str, set[str]] = {name: set() for name in _NEEDS} | {
    "G15_21": {"11502-2"}, "G15_70": {"47420-5"}, "G15_60": {"11506-3"},
}  # fmt: skip
_DAY = date(2016, 12, 1)
_ANY = Wanted()
