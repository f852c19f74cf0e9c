"""The sealed container of a backup."""

import io
import os
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.core.errors import Invalid
from backoffice.operations import archive
from backoffice.operations.archive import ArchiveReader, ArchiveWriter

KEY, ID = bytes(range(32)), uuid.UUID(int=7)


def write(key: bytes = KEY, *, stream: bytes = b"vidage" * 1000, files: dict[str, Path] | None = None) -> bytes:
    out = io.BytesIO()
    writer = ArchiveWriter(out, key, ID)
    writer.add_stream("bases/caisse.dump", io.BytesIO(stream))
    for name, path in (files or {}).items():
        writer.add_file(name, path)
    writer.close({"version": "0.1.0"})
    return out.getvalue()


SMALL = write()


def test_parts_come_back_as_they_were_with_their_sums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "SEGMENT", 5000)
    content = os.urandom(3 * archive.BLOCK + 17)
    lot = tmp_path / "lot é.pdf"
    lot.write_bytes(content)
    lot.chmod(0o440)
    made = write(stream=b"x" * 12_345, files={"fichiers/lots/lot é.pdf": lot})
    manifest = ArchiveReader(io.BytesIO(made), KEY, ID).check()
    assert [part["octets"] for part in manifest["parties"]] == [12_345, len(content)]
    members = {name: (mode, data.read()) for name, mode, data in ArchiveReader(io.BytesIO(made), KEY, ID).members()}
    assert members["fichiers/lots/lot é.pdf"] == (0o440, content)
    assert b"".join(members[f"bases/caisse.dump.00{n}"][1] for n in range(3)) == b"x" * 12_345


def test_nothing_is_readable_without_the_key() -> None:
    assert b"vidage" not in SMALL
    with pytest.raises(Invalid, match="tronquée ou a été modifiée"):
        ArchiveReader(io.BytesIO(SMALL), bytes(32), ID).check()


@given(st.integers(min_value=len(archive.MAGIC) + 16, max_value=len(SMALL) - 1), st.integers(1, 255))
def test_one_changed_byte_anywhere_is_noticed(place: int, change: int) -> None:
    damaged = bytearray(SMALL)
    damaged[place] ^= change
    with pytest.raises(Invalid, match="modifiée"):
        ArchiveReader(io.BytesIO(damaged), KEY, ID).check()


@given(st.integers(min_value=len(archive.MAGIC) + 16, max_value=len(SMALL) - 1))
def test_a_cut_anywhere_is_noticed(length: int) -> None:
    with pytest.raises(Invalid, match="tronquée"):
        ArchiveReader(io.BytesIO(SMALL[:length]), KEY, ID).check()


def test_blocks_cannot_be_dropped_swapped_or_repeated() -> None:
    made = write(stream=os.urandom(4 * archive.BLOCK))
    head, size = len(archive.MAGIC) + 16, archive.BLOCK + archive.TAG
    blocks = [made[start : start + size] for start in range(head, len(made), size)]
    assert len(blocks) >= 4
    for order in ([0, 2, 1, *range(3, len(blocks))], [0, *range(2, len(blocks))], [0, 0, *range(1, len(blocks))],
                  list(range(len(blocks) - 1))):  # fmt: skip
        forged = made[:head] + b"".join(blocks[index] for index in order)
        with pytest.raises(Invalid, match="modifiée"):
            ArchiveReader(io.BytesIO(forged), KEY, ID).check()


def test_another_file_or_the_keys_of_another_backup_are_told_apart() -> None:
    with pytest.raises(Invalid, match="n’est pas une sauvegarde"):
        ArchiveReader(io.BytesIO(b"%PDF-1.7" * 100), KEY, ID)
    with pytest.raises(Invalid, match="fichier de clés n’est pas celui"):
        ArchiveReader(io.BytesIO(SMALL), KEY, uuid.uuid4())
