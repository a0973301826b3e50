"""Failover: the same `Database` finds the new primary, without a restart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from langpont_db import Database, migration_engine
from local.servers import plane
from local.servers.layout import Layout, write
from local.servers.plan import data_plan
from tests.langpont_db import writing
from tests.langpont_db.conftest import APPLICATION, READER, Platform, caught_up, stopped
from tests.langpont_db.proxy import Proxy
from tests.langpont_db.writing import Written
from tests.local.servers.conftest import Bring
from tests.recordings import recording
from tests.waiting import until

WHO = text("SELECT current_user")  # langpont_readonly reads from replicas, langpont_app from the primary


@pytest.fixture
def small(bring: Bring, runtime: Path) -> Iterator[Platform]:
    """A primary and one replica, to be broken for good."""
    layout = Layout(runtime / "failover")
    platform = Platform(bring(data_plan(recording("staging")), layout))
    platform.plane.up()
    writing.make_tables(migration_engine(platform.migration))
    caught_up(platform, "replica-1")
    yield platform
    plane.purge(layout)


@pytest.fixture
def proxy(platform: Platform) -> Iterator[Proxy]:
    """An address of the primary that can move."""
    made = Proxy(platform.plane.ports.servers["primary"])
    yield made
    made.close()


def repoint(platform: Platform, entry: str, role: str) -> None:
    """As the command of the application's host does when the published configuration changes."""
    ports = platform.plane.ports
    ini = platform.plane.layout.pooler / "pgbouncer.ini"
    moved = re.sub(rf"(?m)^({entry} = .*?port=)\d+", rf"\g<1>{ports.servers[role]}", ini.read_text())
    write(ini, moved, account=platform.plane.cluster.account)
    platform.plane.pooler.reload()


def wrote(session: Session, body: str) -> bool:
    """Whether a row could be written."""
    try:
        session.add(Written(body=body))
        session.commit()
    except DBAPIError:
        session.rollback()
        return False
    return True


def test_a_promoted_replica_is_found_again(small: Platform) -> None:
    database = Database.from_env(small.environment)
    with database.session() as session:
        assert session.scalar(WHO) == READER
        assert wrote(session, "before")
    caught_up(small, "replica-1")

    small.server("primary").stop()
    with small.server("replica-1").admin() as superuser:
        superuser.execute("SELECT pg_promote()")
    with database.get_read_session() as reading:  # nobody has looked at it again yet, and still nothing is written
        reading.scalar(WHO)
        with pytest.raises(DBAPIError, match="read-only transaction"):
            reading.execute(text("INSERT INTO analytics.written (body) VALUES ('split')"))
    repoint(small, "langpont", "replica-1")

    def works() -> bool:
        with database.session() as session:
            return wrote(session, "after")

    until(works)

    def reads_from_the_primary() -> bool:
        with database.session() as session:
            return bool(session.scalar(WHO) == APPLICATION)

    until(reads_from_the_primary)
    with database.session() as session:
        assert session.scalars(select(Written.body).order_by(Written.id)).all()[-2:] == ["before", "after"]
    with database.get_read_session() as reading:
        assert (reading.scalar(WHO), reading.scalar(text("SELECT pg_is_in_recovery()"))) == (APPLICATION, False)
    database.dispose()


def test_a_primary_that_only_reads_is_given_up_with_all_its_connections(
    platform: Platform, databases: Callable[..., Database], writable: None, proxy: Proxy
) -> None:
    """Its address has moved, and connections of before lead to what is a standby now."""
    url = f"postgresql://{APPLICATION}:{platform.password(APPLICATION)}@127.0.0.1:{proxy.port}/langpont"
    database = databases({"DATABASE_PRIMARY_URL": url, "DATABASE_REPLICA_URLS": ""})
    proxy.target = platform.plane.ports.servers["replica-1"]
    first, second = database.get_write_session(), database.session()
    assert first.scalar(text("SHOW transaction_read_only")) == "on"
    second.connection()
    second.rollback()  # this one lies in the pool
    proxy.target = platform.plane.ports.servers["primary"]
    with pytest.raises(DBAPIError, match="read-only transaction") as refused:
        first.execute(text("INSERT INTO analytics.written (body) VALUES ('no')"))
    assert refused.value.connection_invalidated
    first.close()
    proxy.target = platform.plane.ports.servers["replica-1"]
    database.dispose()
    with database.session() as session, pytest.raises(DBAPIError, match="read-only transaction"):
        session.execute(text("SELECT * FROM analytics.written_view"))  # not tried again where it was refused
    proxy.target = platform.plane.ports.servers["primary"]
    for _ in range(2):
        assert wrote(second, "yes")
        assert wrote(first, "yes")
    first.close()
    second.close()


def test_a_restarted_primary_ends_one_unit_of_work_and_no_more(
    platform: Platform, database: Database, writable: None
) -> None:
    with database.get_write_session() as broken, database.get_write_session() as idle:
        assert wrote(idle, "one")
        broken.execute(text("SELECT 1"))
        with stopped(platform, "primary"):
            pass
        with pytest.raises(OperationalError) as ended:
            broken.execute(text("SELECT 1"))
        assert ended.value.connection_invalidated
        broken.rollback()
        assert wrote(broken, "two")
        assert wrote(idle, "three")
