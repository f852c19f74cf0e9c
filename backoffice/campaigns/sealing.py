"""A lot's files: written aside, flushed to the disk, renamed; the JSON comes last and is the seal.

A lot is three files of one name: pages (`.pdf`), manifest (`.csv`), proof (`.json`, with the SHA-256 of the other two).
Without its proof a lot does not exist: what an interrupted attempt left is cleared by the next one.
"""

import csv
import errno
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backoffice.core.errors import DomainError, Unavailable

HEADER = ("lettre", "page_debut", "page_fin", "personne", "caisse", "code_postal", "ville", "canal", "statut")
"""Of the manifest; no code and no NIR (DESIGN 8)."""


class Mismatch(DomainError):
    """What lies on the disk is not what was sealed."""


class FolderUnusable(Unavailable):
    """The lots' folder is full or closed to us: it stays so until a person looks."""


@dataclass(frozen=True, slots=True)
class Seal:
    """The proof of a sealed lot, as its JSON says."""

    name: str
    emission: uuid.UUID
    letters: int
    pages: int
    size: int
    """Of the pages, in bytes."""
    pdf_sha256: str
    csv_sha256: str
    content: dict[str, Any]


@contextmanager
def writing_aside(folder: Path, name: str) -> Iterator[Path]:
    """A fresh folder beside the lots to write in; nothing of it stays when the block fails.

    Raises FolderUnusable when the disk is full or cannot be written.
    """
    aside = folder / f".{name}.{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside.mkdir(mode=0o700)
        yield aside
    except OSError as error:
        raise _unusable(folder, error) from error
    except FolderUnusable:
        raise
    except Unavailable as refusal:
        # The letter engine's own sentence about its file: the same thing for whoever decides what comes next.
        raise FolderUnusable(str(refusal)) from refusal
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _unusable(folder: Path, error: OSError) -> FolderUnusable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FolderUnusable("Le disque est plein : libérez de la place, puis recommencez. Rien n’est perdu.")
    return FolderUnusable(f"Le dossier des lots n’est pas accessible : vérifiez qu’il existe et vos droits ({folder}).")


def require_room(folder: Path, needed: int) -> None:
    """Make the folder, and raise FolderUnusable unless `needed` bytes fit on its disk with a margin."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise _unusable(folder, error) from error
    if free < needed + 64 * 1024 * 1024:
        raise FolderUnusable(
            "Il ne reste pas assez de place sur le disque pour ce lot : libérez-en, puis reprenez la campagne."
        )


def write_manifest(path: Path, rows: Iterable[Sequence[object]]) -> str:
    """Write the manifest, flushed to the disk; return its SHA-256 in hexadecimal."""
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter=";", lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)
        _flush(out.fileno(), out)
    return sha256_of(path)


def seal(aside: Path, folder: Path, name: str, proof: dict[str, Any]) -> None:
    """Write the proof and give the three files their final names, the proof last; survives a power cut at any point.

    Raises Mismatch when another process has put files there in the meantime: a sealed lot is never overwritten.
    """
    with (aside / f"{name}.json").open("w", encoding="utf-8") as out:
        json.dump(proof, out, ensure_ascii=False, indent=1)
        out.write("\n")
        _flush(out.fileno(), out)
    for suffix in (".pdf", ".csv", ".json"):
        if (folder / f"{name}{suffix}").exists():
            raise Mismatch("Un autre processus a scellé ce lot entre-temps : ses fichiers restent.")
        (aside / f"{name}{suffix}").chmod(0o440)
        (aside / f"{name}{suffix}").rename(folder / f"{name}{suffix}")
        sync_folder(folder)


def find_seal(
    folder: Path, name: str, *, pages: bool = True, manifest: str | None = None, pending: bool = False
) -> Seal | None:
    """The proof of the lot `name`, its two files verified; None when no proof exists.

    Retention changes what is there: without `pages` they are destroyed, `manifest` is the SHA-256 that the manifest has
    since, and it is being changed while `pending`. Raises Mismatch when the files are not what the proof says,
    FolderUnusable when they cannot be read.
    """
    try:
        content = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        found = Seal(
            name, uuid.UUID(content["emission"]), content["lettres"], content["pages"], content["octets"],
            content["sha256"]["pdf"], content["sha256"]["csv"], content,
        )  # fmt: skip
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unusable(folder, error) from error
    except (ValueError, KeyError, TypeError, UnicodeDecodeError):
        raise Mismatch(f"Le fichier {name}.json n’est pas lisible : il a été modifié après le scellement.") from None
    expecting = [(".pdf", found.pdf_sha256)] if pages else []
    if not pending:
        expecting.append((".csv", manifest or found.csv_sha256))
    for suffix, expected in expecting:
        try:
            actual = sha256_of(folder / f"{name}{suffix}")
        except FileNotFoundError:
            raise Mismatch(f"Le fichier {name}{suffix} manque.") from None
        except OSError as error:
            raise _unusable(folder, error) from error
        if actual != expected:
            raise Mismatch(f"Le fichier {name}{suffix} a été modifié après le scellement.")
    return found


def clear_unsealed(folder: Path, name: str) -> None:
    """Remove what an interrupted attempt left of a lot without proof."""
    if not (folder / f"{name}.json").exists():
        for suffix in (".pdf", ".csv"):
            (folder / f"{name}{suffix}").unlink(missing_ok=True)
    for left in folder.glob(f".{name}.*"):
        shutil.rmtree(left, ignore_errors=True)


def read_manifest(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a manifest, by column."""
    with path.open(encoding="utf-8", newline="") as source:
        yield from csv.DictReader(source, delimiter=";")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _flush(descriptor: int, out: Any) -> None:
    out.flush()
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Have the disk remember the names in a folder, as fsync has it remember a file's content."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
