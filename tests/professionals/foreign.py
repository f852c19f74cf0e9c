"""Contents of professionals that no browser shows as they are."""

import pytest
from record.foreign import a_cda, around
from record.samples import a_pdf, a_rtf, a_tiff

from dmp_core.record.cda_check import checked_cda
from dmp_core.record.contents import Content, as_sent

from .samples import rpps

AUTHOR, LOINC = rpps(99_999), "2.16.840.1.113883.6.1"
LAB, SCAN, LETTER = a_cda("1" * 22, AUTHOR), a_tiff(2), a_rtf()
AROUND = a_cda("1" * 22, AUTHOR, **around(a_pdf()))


def of_cda(data: bytes) -> Content:
    return checked_cda(data, "11502-2", LOINC, AUTHOR).content


@pytest.fixture
def contents() -> dict[str, Content]:
    return {"biologie": of_cda(LAB), "joint": of_cda(AROUND), "scan": as_sent(SCAN), "lettre": as_sent(LETTER)}
