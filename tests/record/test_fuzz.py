"""Contents damaged at random: each is taken or refused in a sentence; nothing is reached, nothing falls over."""

from collections.abc import Callable

import pytest
from fuzzing import damaged, fuzzed, reaching_nothing, said
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from dmp_core.errors import Invalid
from dmp_core.record.cda import parsed
from dmp_core.record.cda_check import body_of, checked_cda, is_cda
from dmp_core.record.contents import as_sent, checked
from dmp_core.record.narrative import narrative_in, page_of
from dmp_core.record.vsm.cda import writing
from dmp_core.record.vsm.reading import summary_in
from record.vsm.samples import EDITION, FULL, PATIENT, WRITER

from .foreign import a_cda, a_vsm, around
from .samples import a_pdf, a_photo, a_rtf, a_tiff

INS_C, AUTHOR = "1541187387477485562488", "810000000018"
SOUND: dict[str, bytes] = {
    "PDF": a_pdf(), "JPEG": a_photo(size=(60, 40)), "PNG": a_photo(size=(60, 40), kind="PNG"),
    "TIFF": a_tiff(2, (40, 30)), "RTF": a_rtf(), "text": b"Tension : 13/8\n", "ZIP": b"PK\x03\x04" + bytes(40),
}  # fmt: skip
STRUCTURED: dict[str, bytes] = {
    "laboratory": a_cda(INS_C, AUTHOR), "summary": a_vsm(INS_C, AUTHOR), "around": a_cda(INS_C, AUTHOR, **around(a_pdf())),
}  # fmt: skip
OURS = writing(FULL, PATIENT, WRITER, EDITION)


@pytest.fixture(autouse=True, scope="module")
def _begun() -> None:
    """What is loaded once: the examiner's process, the schema."""
    as_sent(a_pdf())
    checked_cda(STRUCTURED["laboratory"], "11502-2", "2.16.840.1.113883.6.1", AUTHOR)


def held(attempt: Callable[[], object]) -> None:
    """Taken, or refused in one sentence."""
    with reaching_nothing():
        try:
            attempt()
        except Invalid as refusal:
            said(refusal)


@pytest.mark.parametrize("kind", SOUND)
@fuzzed
@given(st.data())
def test_a_damaged_content_is_taken_or_refused(kind: str, data: st.DataObject) -> None:
    sent = data.draw(damaged(SOUND[kind]))
    held(lambda: as_sent(sent))
    held(lambda: checked([sent]))


@pytest.mark.parametrize("kind", STRUCTURED)
@fuzzed
@given(st.data())
def test_a_damaged_structured_document_is_taken_or_refused_and_shown_or_not(kind: str, data: st.DataObject) -> None:
    sent = data.draw(damaged(STRUCTURED[kind]))

    def whole() -> None:
        found = checked_cda(sent, "11502-2", "2.16.840.1.113883.6.1", AUTHOR)
        found.require_about(INS_C)

    def shown() -> None:
        root = parsed(sent, "abîmé.")
        if body_of(root) is None:
            etree.fromstring(page_of(narrative_in(root)), etree.HTMLParser(no_network=True))

    held(whole)
    held(shown)
    assert is_cda(sent) in (True, False)


@fuzzed
@given(damaged(OURS))
def test_a_damaged_summary_of_ours_is_read_or_refused(sent: bytes) -> None:
    held(lambda: summary_in(sent))


@fuzzed
@given(st.binary(max_size=2_000))
def test_any_bytes_at_all_are_taken_or_refused(sent: bytes) -> None:
    held(lambda: as_sent(sent))
    held(lambda: checked_cda(sent, "11502-2", "2.16.840.1.113883.6.1", AUTHOR))
