"""The engine of a migration, on a real server."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import NullPool, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from langpont_db import Database, SettingsRefused, migration_engine
from tests.langpont_db.conftest import MIGRATOR, Platform, caught_up
from tests.langpont_db.proxy import Proxy
from tests.waiting import until


def test_a_migration_is_the_owner_from_its_login_on(platform: Platform) -> None:
    engine = migration_engine(platform.migration)
    assert isinstance(engine.pool, NullPool)
    with engine.connect() as connection:
        for _ in range(2):
            row = connection.execute(text("SELECT current_user, session_user, inet_server_port()")).one()
            assert row == ("langpont_owner", MIGRATOR, platform.plane.ports.servers["primary"])
            connection.rollback()
        driver = connection.connection.driver_connection
        assert driver is not None and driver.pgconn.ssl_in_use
        connection.execute(text("CREATE TABLE analytics.migrated (n int)"))
        owner = text("SELECT tableowner FROM pg_tables WHERE tablename = 'migrated'")
        assert connection.scalar(owner) == "langpont_owner"


def test_a_server_is_verified_in_full(platform: Platform) -> None:
    """With the packaged certificates, those of RDS, this machine's server is a stranger."""
    engine = migration_engine({"DATABASE_MIGRATION_URL": platform.migration["DATABASE_MIGRATION_URL"]})
    with pytest.raises(OperationalError, match="certificate verify failed"):
        engine.connect()
    proxy = Proxy(platform.plane.ports.servers["primary"], host="127.0.0.2")
    try:
        password = platform.password(MIGRATOR)
        url = f"postgresql://{MIGRATOR}:{password}@127.0.0.2:{proxy.port}/{platform.plane.plan.database}"
        engine = migration_engine(platform.migration | {"DATABASE_MIGRATION_URL": url})
        with pytest.raises(OperationalError, match='does not match host name "127.0.0.2"'):
            engine.connect()
    finally:
        proxy.close()


def test_a_migration_needs_its_url() -> None:
    with pytest.raises(SettingsRefused) as refused:
        migration_engine({})
    assert str(refused.value) == (
        "Environment: 1 problem\n  1. DATABASE_MIGRATION_URL is not set. python -m ops outputs env prints it."
    )


def test_a_migration_that_waits_for_a_lock_does_not_stop_everybody(platform: Platform, database: Database) -> None:
    """A reader that comes after it waits as long as it does, and no longer."""
    engine = migration_engine(platform.migration, lock_timeout_seconds=0.5)
    with migration_engine(platform.migration).begin() as connection:
        assert connection.scalar(text("SHOW lock_timeout")) == "5s"
        connection.execute(text("CREATE TABLE analytics.held (n int)"))
    holder, failed = database.get_write_session(), []
    holder.execute(text("SELECT count(*) FROM analytics.held"))  # a transaction that somebody forgot

    def migrate() -> None:
        try:
            with engine.begin() as connection:
                connection.execute(text("ALTER TABLE analytics.held ADD COLUMN v int"))
        except OperationalError as error:
            failed.append(getattr(error.orig, "sqlstate", None))

    thread = threading.Thread(target=migrate)
    thread.start()
    with platform.server("primary").admin("langpont") as superuser:
        waits = "SELECT 1 FROM pg_locks WHERE relation = 'analytics.held'::regclass AND NOT granted"
        until(lambda: superuser.execute(waits).fetchone() is not None)
    begun = time.monotonic()
    with database.get_write_session() as session:
        assert session.scalar(text("SELECT count(*) FROM analytics.held")) == 0
    assert time.monotonic() - begun < 3
    thread.join()
    assert failed == ["55P03"]
    holder.close()
    with engine.begin() as connection:  # tried again
        connection.execute(text("ALTER TABLE analytics.held ADD COLUMN v int"))
        connection.execute(text("DROP TABLE analytics.held"))


def test_a_first_migration_works_as_it_comes(platform: Platform, database: Database) -> None:
    """What Alembic does without a setting, and what a team's first revision does."""
    with migration_engine(platform.migration).begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)"))
        where = "SELECT schemaname FROM pg_tables WHERE tablename = 'alembic_version'"
        assert connection.scalar(text(where)) == "langpont_owner"
        connection.execute(text("CREATE TEMP TABLE moved (n int)"))
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA translations"))
        connection.execute(text("CREATE SCHEMA app"))
        connection.execute(text("CREATE TABLE app.orders (id bigint GENERATED ALWAYS AS IDENTITY, n int)"))
        connection.execute(text("CREATE SEQUENCE app.numbers"))
    caught_up(platform)
    try:
        with database.session() as session:  # without a grant in the revision
            session.execute(text("INSERT INTO app.orders (n) VALUES (nextval('app.numbers'))"))
            session.commit()
            assert session.scalar(text("SELECT n FROM app.orders")) == 1
        with database.get_read_session() as session:
            assert session.scalar(text("SELECT n FROM app.orders")) == 1
            with pytest.raises(ProgrammingError, match="permission denied for schema langpont_owner"):
                session.scalar(text("SELECT * FROM langpont_owner.alembic_version"))
    finally:
        with migration_engine(platform.migration).begin() as connection:
            for statement in ("SCHEMA app CASCADE", "TABLE alembic_version", "EXTENSION pg_trgm"):
                connection.execute(text(f"DROP {statement}"))
