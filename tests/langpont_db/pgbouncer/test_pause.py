"""PAUSE and RESUME around a restart on purpose, as the runbook has them."""

from __future__ import annotations

import psycopg
import pytest

from local.servers import replication
from tests.langpont_db.pgbouncer.conftest import Machine
from tests.waiting import until


def restart(machine: Machine) -> None:
    cluster = machine.platform.cluster
    cluster.primary.restart()
    replication.wait_streaming(cluster.primary, cluster.standbys)


def test_clients_that_are_held_back_notice_nothing_of_a_restart(machine: Machine) -> None:
    machine.up()
    with machine.traffic("langpont", "langpont"):
        with machine.console() as console:
            console.rows("PAUSE langpont")
        restart(machine)
        with machine.console() as console:
            console.rows("RESUME langpont")


def test_clients_that_are_held_back_for_longer_than_query_wait_timeout_are_dropped(machine: Machine) -> None:
    machine.publish(machine.ini_with(query_wait_timeout=1))
    assert machine.sync().code == 0
    with machine.connect(autocommit=True) as client:
        client.execute("SELECT 1")
        with machine.console() as console:
            console.rows("PAUSE langpont")
            with pytest.raises(psycopg.errors.ProtocolViolation, match="query_wait_timeout"):
                client.execute("SELECT 1")
            console.rows("RESUME langpont")
    machine.connect().close()


def test_the_published_limit_is_the_one_that_the_runbook_states(machine: Machine) -> None:
    machine.up()
    with machine.console() as console:
        until(lambda: console.settings()["query_wait_timeout"].value == "120")
