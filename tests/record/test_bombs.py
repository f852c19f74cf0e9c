"""Files made to swell, to loop or to run are refused by what is counted, whatever the hour (RECORD 4, row 28).

`benchmarks/bombs.py` measures what each refusal costs; here stand the limits that hold it.
"""

import os
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dmp_core.errors import Invalid, Unavailable
from dmp_core.record import examiner
from dmp_core.record.cda_check import checked_cda, is_cda
from dmp_core.record.contents import Format, as_sent, checked, require_quiet

from .bombs import AUTHOR, BOMBS
from .samples import a_pdf, a_photo


def enter(data: bytes) -> None:
    if is_cda(data):
        checked_cda(data, "11502-2", "2.16.840.1.113883.6.1", AUTHOR)
    else:
        as_sent(data)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_one_sentence(name: str) -> None:
    data = BOMBS[name]()
    with pytest.raises(Invalid) as refusal:
        enter(data)
    assert str(refusal.value).endswith(".")
    if not is_cda(data):
        with pytest.raises(Invalid):
            checked([data])


def idle() -> list[int]:
    """Processes of examination of this one."""
    as_sent(a_pdf())
    return [process._process.pid for process in examiner._pools[os.getpid()]._idle]


def test_an_examination_has_no_more_memory_than_it_is_promised() -> None:
    for process in idle():
        soft, hard = resource.prlimit(process, resource.RLIMIT_DATA)
        status = Path(f"/proc/{process}/status").read_text().splitlines()
        taken = next(int(line.split()[1]) for line in status if line.startswith("VmData:")) * 1024
        assert 0 < soft == hard <= taken + examiner.MEMORY
        assert resource.prlimit(process, resource.RLIMIT_FSIZE) == (0, 0)


def test_one_that_died_while_it_waited_is_another_ones_turn() -> None:
    for process in idle():
        os.kill(process, 9)
    assert as_sent(a_pdf()).data == a_pdf()


def test_one_that_dies_of_a_file_is_a_refusal_and_the_next_one_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = examiner._Process.ask

    def dies(self: examiner._Process, question: str, files: list[bytes]) -> bytes:
        os.kill(self._process.pid, 9)
        return asked(self, question, files)

    monkeypatch.setattr(examiner._Process, "ask", dies)
    with pytest.raises(Invalid, match="démesuré"):
        as_sent(a_pdf())
    monkeypatch.undo()
    assert as_sent(a_pdf()).data == a_pdf()


def test_without_a_process_nothing_is_said_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for process in idle():
        os.kill(process, 9)
    for program in ("/bin/false", "/nowhere"):
        monkeypatch.setattr(examiner.sys, "executable", program)
        with pytest.raises(Unavailable, match="réessayez"):
            as_sent(a_pdf())


def test_one_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for process in idle():
        os.kill(process, 19)  # stopped
    monkeypatch.setattr(examiner, "PATIENCE", 0.1)
    with pytest.raises(Invalid, match="démesuré"):
        as_sent(a_pdf())
    monkeypatch.undo()
    assert as_sent(a_photo()).format is Format.JPEG


def test_many_at_once_are_each_answered() -> None:
    with ThreadPoolExecutor(8) as several:
        assert {one.format for one in several.map(as_sent, [a_pdf(), a_photo()] * 8)} == {Format.PDF, Format.JPEG}
    assert len(examiner._pools[os.getpid()]._idle) <= examiner._AT_ONCE


REACHING: dict[str, Any] = {
    "a file": lambda: Path("/tmp/essai").write_text("x"),
    "a connection": lambda: __import__("socket").create_connection(("127.0.0.1", 9)),
    "a programme": lambda: os.posix_spawn("/bin/true", ["true"], {}),
}


@pytest.mark.parametrize("what", REACHING)
def test_an_examination_reaches_nothing(what: str) -> None:
    """In a process that forked, since what forbids cannot be undone."""
    child = os.fork()
    if child == 0:
        import sys

        sys.addaudithook(examiner._alone)
        try:
            REACHING[what]()
        except PermissionError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_programme_hidden_in_a_table_that_is_not_opened_is_not_let_in() -> None:
    from .bombs import a_swollen_pdf

    with pytest.raises(Invalid):
        require_quiet(a_swollen_pdf(1, 5 * 1024 * 1024), Format.PDF)
