"""PDF and pictures looked at in a process apart, which holds nothing, may hold little, and opens no file or connection.

Libraries that read such formats are large, and written in C: a file made to break one, or to swell in it, breaks or fills
this process alone. One that does not answer, or died, means that the file is refused; the next file gets another process.
"""

import atexit
import os
import resource
import select
import struct
import subprocess
import sys
import threading
import time
from typing import Any, BinaryIO, Final

from dmp_core.errors import Invalid, Unavailable

MEMORY: Final = 64 * 1024 * 1024
"""Bytes that one examination may take, beyond what the process takes to be there."""
PATIENCE: Final = 20.0
"""Seconds; what is refused is refused in less than one, this is for a machine that is busy with something else."""
_AT_ONCE: Final = 2
"""Processes of examination of one process of a site."""
_HEAD: Final = struct.Struct("!16sI")
_SIZE: Final = struct.Struct("!I")
_ANSWER: Final = struct.Struct("!c?I")
_READY: Final = b"r"
_YES: Final = b"y"
_NO: Final = b"n"
_OUT: Final = b"o"
"""Out of memory, for this file or for what came before it: another process will tell."""
_KEPT: Final = MEMORY // 4
"""Bytes that a process may still hold after an answer; holding more, it ends, for a file has a right to all of its memory."""
_AWAY: Final = "Les fichiers ne peuvent pas être vérifiés : réessayez dans quelques minutes."
_TOO_MUCH: Final = (
    "Ce fichier est abîmé ou démesuré et ne s’ouvre pas : réduisez-le, ou enregistrez-le de nouveau en PDF."
)


class _Gone(Exception):
    """The process died."""


class _Process:
    """One process, which answers one request after the other."""

    def __init__(self) -> None:
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-m", "dmp_core.record.examiner"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, env={}, close_fds=True,
            )  # fmt: skip
        except OSError as error:
            raise Unavailable(_AWAY) from error
        self.owner = os.getpid()
        self.full = False
        """Whether it ended with its last answer."""
        assert self._process.stdout is not None
        try:
            self._read(self._process.stdout.fileno(), len(_READY), time.monotonic() + PATIENCE)
        except (OSError, EOFError, TimeoutError) as error:
            self.end()
            raise Unavailable(_AWAY) from error

    def ask(self, question: str, files: list[bytes]) -> bytes:
        """The answer. Raises Invalid, _Gone when the process died, TimeoutError when it does not answer."""
        out, given = self._process.stdin, self._process.stdout
        assert out is not None
        assert given is not None
        try:
            out.write(_HEAD.pack(question.encode(), len(files)))
            for data in files:
                out.write(_SIZE.pack(len(data)))
                out.write(data)
            out.flush()
            until = time.monotonic() + PATIENCE
            verdict, self.full, size = _ANSWER.unpack(self._read(given.fileno(), _ANSWER.size, until))
            told = self._read(given.fileno(), size, until)
        except TimeoutError:
            raise
        except (OSError, EOFError) as error:
            raise _Gone from error
        if verdict == _OUT:
            raise _Gone
        if verdict == _NO:
            raise Invalid(told.decode())
        return told

    def end(self) -> None:
        """Stop it, if it is ours: a process that was copied from its owner leaves it alone."""
        if self.owner == os.getpid():
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue

    @staticmethod
    def _read(descriptor: int, size: int, until: float) -> bytes:
        pieces = []
        while size:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError
            piece = os.read(descriptor, min(size, 1 << 20))
            if not piece:
                raise EOFError
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


class _Pool:
    """The processes at hand."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._idle: list[_Process] = []
        self._owner = os.getpid()

    def ask(self, question: str, files: list[bytes]) -> bytes:
        """What the examination gives. Raises Invalid."""
        with self._turns:
            try:
                process, fresh = self._taken()
                try:
                    return self._asked(process, question, files)
                except _Gone:
                    if fresh:
                        raise
                    # It may have died of something else while it waited.
                    return self._asked(_Process(), question, files)
            except (_Gone, TimeoutError):
                raise Invalid(_TOO_MUCH) from None

    def _asked(self, process: _Process, question: str, files: list[bytes]) -> bytes:
        try:
            answer = process.ask(question, files)
        except Invalid:
            self._put_back(process)
            raise
        except BaseException:
            process.end()
            raise
        self._put_back(process)
        return answer

    def close(self) -> None:
        """End every process at hand."""
        with self._lock:
            while self._idle:
                self._idle.pop().end()

    def _taken(self) -> tuple[_Process, bool]:
        """A process, and whether it is a new one."""
        with self._lock:
            if self._idle:
                return self._idle.pop(), False
        return _Process(), True

    def _put_back(self, process: _Process) -> None:
        if process.full:
            process.end()
            return
        with self._lock:
            self._idle.append(process)


_pools: dict[int, _Pool] = {}
_making: Final = threading.Lock()


def examined(question: str, files: list[bytes]) -> bytes:
    """What one of `_questions` answers about these files. Raises Invalid, in its words or because it did not
    answer, Unavailable when none can be started."""
    pool = _pools.get(os.getpid())  # a process that was forked has its own
    if pool is None:
        with _making:
            pool = _pools.get(os.getpid())
            if pool is None:
                pool = _pools[os.getpid()] = _Pool()
                atexit.register(pool.close)
    return pool.ask(question, files)


def _questions() -> dict[str, Any]:
    from dmp_core.record.pdfs import quiet_pdf
    from dmp_core.record.pictures import pages, photo, whole_picture

    return {"quiet_pdf": quiet_pdf, "pages": pages, "photo": photo, "whole_picture": whole_picture}


def _alone(event: str, arguments: tuple[Any, ...]) -> None:
    """Nothing but computing, from now on."""
    if event == "open" and isinstance(arguments[0], (str, bytes)) and not _writes(arguments):
        return  # a module that is imported late
    if event == "open" or event.startswith(
        ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn")
    ):
        raise PermissionError(event)


def _writes(arguments: tuple[Any, ...]) -> bool:
    mode, flags = arguments[1], arguments[2]
    return (isinstance(mode, str) and any(one in mode for one in "wax+")) or bool(
        isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    )


def _serve(given: BinaryIO, out: BinaryIO) -> None:
    questions = _questions()
    _warm(questions)
    taken = _data_now()
    resource.setrlimit(resource.RLIMIT_DATA, (taken + MEMORY, taken + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    sys.addaudithook(_alone)
    out.write(_READY)
    out.flush()
    while head := given.read(_HEAD.size):
        name, count = _HEAD.unpack(head)
        files = [given.read(_SIZE.unpack(given.read(_SIZE.size))[0]) for _ in range(count)]
        try:
            verdict, told = _YES, questions[name.rstrip(b"\0").decode()](*files)
        except Invalid as refusal:
            verdict, told = _NO, str(refusal).encode()
        except MemoryError:
            verdict, told = _OUT, b""
        del files
        full = verdict == _OUT or _data_now() > taken + _KEPT
        out.write(_ANSWER.pack(verdict, full, len(told)))
        out.write(told)
        out.flush()
        if full:
            return


def _warm(questions: dict[str, Any]) -> None:
    """Load what the libraries load on their first use, while files may still be opened."""
    from PIL import Image

    Image.init()
    for name in ("quiet_pdf", "whole_picture"):
        try:
            questions[name](b"%PDF-1.4\n")
        except Invalid:
            continue


def _data_now() -> int:
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
        return next(int(line.split()[1]) for line in status if line.startswith("VmData:")) * 1024


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
