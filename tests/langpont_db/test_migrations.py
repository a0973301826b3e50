"""The engine of a migration, on a real server."""

from __future__ import annotations

import pytest
from sqlalchemy import NullPool, text
from sqlalchemy.exc import OperationalError

from langpont_db import SettingsRefused, migration_engine
from tests.langpont_db.conftest import MIGRATOR, Platform
from tests.langpont_db.proxy import Proxy


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
