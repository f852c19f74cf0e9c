"""Migrations of the database `dmp`."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from dmp_core.errors import Unavailable
from dmp_core.migrations import migrate


def test_migrating_again_from_any_folder_changes_nothing(
    dmp_owner_url: str, owner_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        migrate(dmp_owner_url)
    with owner_engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1
    assert not list(tmp_path.iterdir())


def test_a_second_start_waits_for_the_first(dmp_owner_url: str, owner_engine: Engine) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = :lock AND NOT granted")
    lock = {"lock": 0x444D50}
    with ThreadPoolExecutor(1) as second, owner_engine.connect() as first:
        first.execute(text("SELECT pg_advisory_xact_lock(:lock)"), lock)
        start = second.submit(migrate, dmp_owner_url)
        while not first.scalar(waiting, lock):
            assert not start.done()
        first.rollback()
        start.result()


def test_there_is_one_head_and_every_migration_refuses_to_go_backwards() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    import dmp_core.migrations

    config = Config()
    config.set_main_option("script_location", str(Path(dmp_core.migrations.__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert len(scripts.get_heads()) == 1
    for script in scripts.walk_revisions():
        assert Path(script.path).name.startswith(f"{script.revision}_")
        with pytest.raises(NotImplementedError):
            script.module.downgrade()


def test_a_database_from_a_later_version_is_left_alone(dmp_owner_url: str, owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        known = connection.scalar(text("UPDATE alembic_version SET version_num = '9999' RETURNING old.version_num"))
    try:
        with pytest.raises(Unavailable, match="version plus récente"):
            migrate(dmp_owner_url)
    finally:
        with owner_engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :known"), {"known": known})


def test_a_database_that_is_away_is_said_in_one_sentence() -> None:
    with pytest.raises(Unavailable, match="ne répond pas"):
        migrate("postgresql+psycopg://dmp_owner:secret@127.0.0.1:1/dmp")


def test_every_caisse_of_the_pre_series_has_its_partition(owner_engine: Engine) -> None:
    from backoffice.core.caisse import CAISSE_CODES

    with owner_engine.connect() as connection:
        partitions = set(
            connection.scalars(
                text(
                    "SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid "
                    "WHERE inhparent = 'enrolment.creation_code'::regclass"
                )
            )
        )
    assert partitions == {f"creation_code_{code}" for code in (*CAISSE_CODES, "other")}
