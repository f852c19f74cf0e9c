"""The lines of a summary as entries of a CDA: each says by itself, in codes and words, what its line of the table says."""

from collections.abc import Sequence
from typing import Any

from dmp_core.record.cda import LOINC, make, oid, xsi
from dmp_core.record.vsm import codes
from dmp_core.record.vsm.summary import Absence, Allergy, Habit, Kin, Line, Operation, Past, Problem, Summary, Treatment


def entries_of(summary: Summary, name: str, place: Any) -> list[Any]:
    """The entries of one section; `place` is the document's identifier, that theirs begin with."""
    lines: Sequence[Line] | Absence = getattr(summary, name)
    if name in codes.NARRATIVE_ALONE:
        return []
    if isinstance(lines, Absence):
        return [_without_line(name, lines, place)]
    return [_entry(line, f"{name}-{number}", place) for number, line in enumerate(lines, 1)]


def _entry(line: Line, mark: str, place: Any) -> Any:
    identity = make.id(root=oid(place), extension=mark)
    match line:
        case Problem():
            value = _value(line.label, mark, line.code, codes.CIM10, "CIM10")
            return _concern(codes.PROBLEM_ACT, identity, _problem(mark, identity, value, line.since), line.since)
        case Past():
            value = _value(line.label, mark, line.code, codes.CIM10, "CIM10")
            past = _problem(mark, identity, value, line.since, line.until, over=True)
            return _concern(codes.PROBLEM_ACT, identity, past, line.since, line.until, over=True)
        case Operation():
            return _operation(line, mark, identity)
        case Allergy():
            return _concern(codes.ALLERGY_ACT, identity, _allergy(line, mark, identity), line.since)
        case Habit():
            return _habit(line, mark, identity)
        case Kin():
            return _kin(line, mark, identity)
        case Treatment():
            return _treatment(line, mark, identity)
        case _:
            raise TypeError(mark)  # a section of text alone


def _without_line(name: str, absence: Absence, place: Any) -> Any:
    """That there is nothing: by the code that IHE PCC has for it, elsewhere by an act that did not take place. That nobody
    asked: by the null flavour NASK in its place. The templates ask for an entry in either case."""
    mark, asked = f"{name}-0", absence is Absence.NONE
    identity, unasked = make.id(root=oid(place), extension=mark), make.code(nullFlavor="NA" if asked else "NASK")
    match name:
        case "problems" | "past":
            value = _absence(codes.NO_PROBLEM if name == "problems" else codes.NO_PAST, mark, asked=asked)
            return _concern(codes.PROBLEM_ACT, identity, _problem(mark, identity, value), over=name == "past")
        case "allergies":
            allergy = _observation(
                codes.ALLERGY, identity, _code("ALG", codes.INTOLERANCE, "Allergie"), mark, _span(""),
                _absence(codes.NO_ALLERGY, mark, asked=asked),
            )  # fmt: skip
            return _concern(codes.ALLERGY_ACT, identity, allergy)
        case "operations":
            return make.procedure(
                *_templates(codes.PROCEDURE), identity, unasked, _reference(mark), _completed(),
                classCode="PROC", moodCode="EVN", negationInd="true" if asked else "false",
            )  # fmt: skip
        case "habits":
            return _not_observed(codes.HABIT, identity, unasked, mark, asked=asked)
        case "family":
            told = _not_observed(codes.KIN, identity, unasked, mark, asked=asked)
            return _organizer(_code("FAMMEMB", codes.ROLE, "Parent"), told)
        case _:
            code, label = codes.NO_TREATMENT
            return make.substanceAdministration(
                *_templates(codes.TREATMENT), identity, _code(code, codes.SNOMED_CT, label) if asked else unasked,
                _reference(mark), _completed(),
                make.consumable(
                    make.manufacturedProduct(
                        *_templates(codes.PRODUCT),
                        make.manufacturedMaterial(make.code(_original("", mark), nullFlavor="NA")),
                    )
                ),
                classCode="SBADM", moodCode="EVN",
            )  # fmt: skip


def _concern(
    templates: tuple[str, ...], identity: Any, content: Any, since: str = "", until: str = "", *, over: bool = False
) -> Any:
    return make.act(
        *_templates(templates), _again(identity), make.code(nullFlavor="NA"),
        make.statusCode(code="completed" if over else "active"), _span(since, until, ended=over),
        make.entryRelationship(content, typeCode="SUBJ", inversionInd="false"),
        classCode="ACT", moodCode="EVN",
    )  # fmt: skip


def _problem(mark: str, identity: Any, value: Any, since: str = "", until: str = "", *, over: bool = False) -> Any:
    diagnosis = make.code(code="G-1009", codeSystem=codes.SNOMED, codeSystemName="SNOMED 3.5", displayName="Diagnostic")
    return _observation(codes.PROBLEM, identity, diagnosis, mark, _span(since, until, ended=over), value)


def _allergy(line: Allergy, mark: str, identity: Any) -> Any:
    made = _observation(
        codes.ALLERGY, identity, _code(line.kind.value, codes.INTOLERANCE, line.kind.label), mark, _span(line.since),
        _value(line.reaction, mark),
    )  # fmt: skip
    made.append(
        make.participant(
            make.participantRole(
                make.playingEntity(_worded(line.agent, mark), make.name(line.agent), classCode="MMAT"),
                classCode="MANU",
            ),
            typeCode="CSM",
        )
    )
    return made


def _operation(line: Operation, mark: str, identity: Any) -> Any:
    coded = _worded(line.label, mark, line.code, codes.CCAM, "CCAM")
    return make.procedure(
        *_templates(codes.PROCEDURE), identity, coded, _reference(mark), _completed(), _moment(line.day),
        classCode="PROC", moodCode="EVN",
    )  # fmt: skip


def _habit(line: Habit, mark: str, identity: Any) -> Any:
    loinc = codes.HABITS.get(line.kind)
    coded = _code(loinc, LOINC, line.kind.label) if loinc else _worded(line.kind.label, mark)
    return _observation(
        codes.HABIT, identity, coded, mark, make.effectiveTime(nullFlavor="NA"), make.value(line.label, xsi("ST"))
    )  # fmt: skip


def _kin(line: Kin, mark: str, identity: Any) -> Any:
    diagnosis = make.code(code="G-1009", codeSystem=codes.SNOMED, codeSystemName="SNOMED 3.5", displayName="Diagnostic")
    told = _observation(
        codes.KIN, identity, diagnosis, mark, make.effectiveTime(nullFlavor="UNK"),
        _value(line.label, mark, line.code, codes.CIM10, "CIM10"),
    )  # fmt: skip
    return _organizer(_code(line.who.value, codes.ROLE, line.who.label), told)


def _organizer(who: Any, told: Any) -> Any:
    return make.organizer(
        *_templates(codes.FAMILY),
        _completed(),
        make.subject(*_templates(codes.RELATIVE), make.relatedSubject(who, classCode="PRS"), typeCode="SBJ"),
        make.component(told, typeCode="COMP"),
        classCode="CLUSTER", moodCode="EVN",
    )  # fmt: skip


def _not_observed(templates: tuple[str, ...], identity: Any, coded: Any, mark: str, *, asked: bool) -> Any:
    return make.observation(
        *_templates(templates), identity, coded, _reference(mark), _completed(),
        make.effectiveTime(nullFlavor="UNK"), make.value(xsi("CD"), nullFlavor="NA" if asked else "NASK"),
        classCode="OBS", moodCode="EVN", negationInd="true" if asked else "false",
    )  # fmt: skip


def _treatment(line: Treatment, mark: str, identity: Any) -> Any:
    said = []
    if line.dosage:
        instructions = _code("PINSTRUCT", "1.3.6.1.4.1.19376.1.5.3.2", "Instructions au patient")
        said.append(
            make.entryRelationship(
                make.act(
                    *_templates(codes.INSTRUCTIONS), instructions,
                    make.text(line.dosage, make.reference(value=f"#{mark}")), _completed(),
                    classCode="ACT", moodCode="INT",
                ),
                typeCode="SUBJ", inversionInd="true",
            )
        )  # fmt: skip
    if line.reason:
        said.append(
            make.entryRelationship(
                make.act(
                    *_templates(codes.REASON), _again(identity, "-motif"),
                    make.code(_original(line.reason, mark), nullFlavor="NA"),
                    classCode="ACT", moodCode="EVN",
                ),
                typeCode="RSON",
            )
        )  # fmt: skip
    span = _span(line.since, line.until, ended=True)
    span.attrib.update(xsi("IVL_TS"))
    return make.substanceAdministration(
        *_templates(codes.TREATMENT), identity, _code("DRUG", codes.INTOLERANCE, "Médicament"), _reference(mark),
        _completed(), span,
        make.consumable(
            make.manufacturedProduct(
                *_templates(codes.PRODUCT),
                make.manufacturedMaterial(_worded(line.medicine, mark, line.code, codes.CIS, "CIS"), make.name(line.medicine)),
            )
        ),
        *said,
        classCode="SBADM", moodCode="EVN",
    )  # fmt: skip


def _observation(
    templates: tuple[str, ...], identity: Any, coded: Any, mark: str, when: Any, value: Any
) -> Any:  # fmt: skip
    return make.observation(
        *_templates(templates), _again(identity, "-o"), coded, _reference(mark), _completed(), when, value,
        classCode="OBS", moodCode="EVN", negationInd="false",
    )  # fmt: skip


def _value(words: str, mark: str, code: str = "", system: str = "", name: str = "") -> Any:
    made = _worded(words, mark, code, system, name)
    made.tag = make.value().tag
    made.attrib.update(xsi("CD"))
    return made


def _absence(nothing: tuple[str, str], mark: str, *, asked: bool) -> Any:
    made = make.value(_original("", mark), xsi("CD"))
    code, label = nothing
    said = {"code": code, "codeSystem": codes.SNOMED_CT, "codeSystemName": "SNOMED CT", "displayName": label}
    made.attrib.update(said if asked else {"nullFlavor": "NASK"})
    return made


def _worded(words: str, mark: str, code: str = "", system: str = "", name: str = "") -> Any:
    """A code with the words that were chosen; the words alone where no code was; neither where nothing was said."""
    if not code:
        return make.code(_original(words, mark), nullFlavor="OTH" if words else "UNK")
    return make.code(
        _original(words, mark), code=code, codeSystem=system, codeSystemName=name, displayName=words
    )  # fmt: skip


def _original(words: str, mark: str) -> Any:
    """The words, and where the table says them."""
    return make.originalText(words, make.reference(value=f"#{mark}"))


def _code(code: str, system: str, label: str) -> Any:
    return make.code(code=code, codeSystem=system, displayName=label)


def _span(since: str, until: str = "", *, ended: bool = False) -> Any:
    found = make.effectiveTime(_bound("low", since))
    if ended:
        found.append(_bound("high", until))
    return found


def _bound(name: str, written: str) -> Any:
    made = make.low() if name == "low" else make.high()
    made.attrib.update({"value": written.replace("-", "")} if written else {"nullFlavor": "UNK"})
    return made


def _moment(written: str) -> Any:
    return make.effectiveTime(value=written.replace("-", "")) if written else make.effectiveTime(nullFlavor="UNK")


def _reference(mark: str) -> Any:
    return make.text(make.reference(value=f"#{mark}"))


def _completed() -> Any:
    return make.statusCode(code="completed")


def _again(identity: Any, suffix: str = "") -> Any:
    return make.id(root=identity.get("root"), extension=identity.get("extension") + suffix)


def _templates(roots: tuple[str, ...]) -> list[Any]:
    return [make.templateId(root=root) for root in roots]
