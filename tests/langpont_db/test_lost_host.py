"""A host whose packets are lost: no RST, no FIN, nothing. With shorter timeouts than applications have."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from langpont_db import Database
from langpont_db.settings import Timeouts
from tests.langpont_db.conftest import APPLICATION, READER, Platform, place
from tests.langpont_db.proxy import Proxy

SHORT: dict[str, Any] = {
    "keepalive_idle": 2, "keepalive_interval": 1, "keepalive_count": 2, "user_timeout": 3, "connect": 3,
}  # fmt: skip


def budget(timeouts: Timeouts) -> float:
    """Seconds of silence and as many questions, or without an answer to what was sent."""
    asked = timeouts.keepalive_idle + timeouts.keepalive_count * timeouts.keepalive_interval
    return max(asked, timeouts.user_timeout, timeouts.connect)


BUDGET_SECONDS = budget(Timeouts(**SHORT)) + 2  # a busy machine's


def test_the_defaults_give_a_lost_host_up_within_25_seconds() -> None:
    assert budget(Timeouts()) == 25


@pytest.fixture
def proxies(platform: Platform) -> Iterator[tuple[Proxy, Proxy]]:
    """One in front of the primary, one in front of a replica."""
    made = (Proxy(platform.plane.ports.servers["primary"]), Proxy(platform.plane.ports.servers["replica-1"]))
    yield made
    for one in made:
        one.close()


def through(platform: Platform, user: str, proxy: Proxy) -> str:
    return f"postgresql://{user}:{platform.password(user)}@127.0.0.1:{proxy.port}/{platform.plane.plan.database}"


def timed(act: Callable[[], object]) -> tuple[float, str]:
    """How long it took, and what came of it."""
    begun = time.monotonic()
    try:
        done = str(act())
    except OperationalError as error:
        done = str(error.orig).splitlines()[0].removeprefix("consuming input failed: ")
    return time.monotonic() - begun, done


def test_the_proxy_drops_what_it_is_sent(proxies: tuple[Proxy, Proxy]) -> None:
    """Not acknowledged by its kernel, and no connection is made."""
    proxy, _ = proxies
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        while proxy.connections == 0:
            time.sleep(0.01)
        proxy.drop()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 300)
        client.send(b"?")
        client.settimeout(5)
        with pytest.raises(TimeoutError, match="timed out"):
            client.recv(1)
    with pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", proxy.port), timeout=0.3)
    proxy.recover()
    socket.create_connection(("127.0.0.1", proxy.port), timeout=5).close()


def test_a_lost_host_is_given_up_within_the_keepalive_budget(
    platform: Platform, databases: Callable[..., Database], proxies: tuple[Proxy, Proxy]
) -> None:
    """All at the same time, since each takes as long as it does."""
    primary, replica = proxies
    # Two, since each would learn from the other's replica that it is gone.
    in_use, in_pool = (
        databases({"DATABASE_REPLICA_URLS": through(platform, READER, replica)}, **SHORT) for _ in range(2)
    )
    lost_primary = databases({"DATABASE_PRIMARY_URL": through(platform, APPLICATION, primary)}, **SHORT)

    reading, pooled = in_use.session(), in_pool.session()
    writing, waiting, new = (lost_primary.get_write_session() for _ in range(3))
    assert place(reading, platform) == place(pooled, platform) == "replica-1"
    pooled.commit()  # the other's unit of work goes on
    assert place(writing, platform) == place(waiting, platform) == "primary"

    acts = {
        "the unit of work that reads a replica": lambda: place(reading, platform),
        "another, with a connection of the pool": lambda: place(pooled, platform),
        "the unit of work that writes": lambda: writing.execute(text("SELECT 1")),
        "the one that waits for an answer": lambda: waiting.execute(text("SELECT pg_sleep(60)")),
        "a new connection": lambda: new.execute(text("SELECT 1")),
    }
    with ThreadPoolExecutor(len(acts)) as pool:
        sleeping = pool.submit(timed, acts["the one that waits for an answer"])
        time.sleep(0.3)  # it has been sent and is acknowledged
        for one in proxies:
            one.drop()
        done = {name: pool.submit(timed, act) for name, act in acts.items() if "waits" not in name}
        done["the one that waits for an answer"] = sleeping
        try:
            took = {name: future.result(BUDGET_SECONDS + 5) for name, future in done.items()}
        except TimeoutError:
            for one in proxies:
                one.close()  # lets the others end
            raise

    lost = "could not receive data from server: Connection timed out"
    assert {name: said for name, (_, said) in took.items()} == {
        "the unit of work that reads a replica": "primary",
        "another, with a connection of the pool": "primary",
        "the unit of work that writes": lost,
        "the one that waits for an answer": lost,
        "a new connection": "connection timeout expired",
    }
    seconds = {name: time_ for name, (time_, _) in took.items()}
    print(seconds)
    assert max(seconds.values()) <= BUDGET_SECONDS

    primary.recover()
    for session in (reading, pooled, writing, waiting, new):
        session.close()
    with lost_primary.session() as session:
        assert session.execute(text("SELECT 1")).all() == [(1,)]
