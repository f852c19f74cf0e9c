"""The form that digests cover is the one that anybody's JSON writes (docs/decisions/0018): the offline verifier has no more."""

import hashlib
import json
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from dmp_core.access.trace import FIRST, Action, ActorKind, Line, Mode, Who, first_fault, row_of

DOSSIER = UUID(int=7)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)


@given(
    st.builds(Who, st.sampled_from(ActorKind), TEXTS, TEXTS, TEXTS, st.sampled_from(Mode)),
    st.sampled_from(Action), st.none() | st.uuids(), st.booleans(), TEXTS,
    st.datetimes(timezones=st.just(UTC), min_value=datetime(2016, 1, 1), max_value=datetime(2040, 1, 1)),  # noqa: DTZ001
)  # fmt: skip
def test_a_line_is_chained_by_the_digest_of_its_canonical_json(
    who: Who, action: Action, document: UUID | None, granted: bool, reason: str, at: datetime
) -> None:
    line = Line(1, at, who, action, document, granted, reason, FIRST, b"")
    told = json.dumps(row_of(DOSSIER, line), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(FIRST + told.encode()).digest()
    assert first_fault(DOSSIER, [Line(1, at, who, action, document, granted, reason, FIRST, digest)]) is None
    other = Line(1, at, who, action, document, not granted, reason, FIRST, digest)
    assert first_fault(DOSSIER, [other]) == 1
