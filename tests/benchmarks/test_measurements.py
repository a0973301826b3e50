"""Each measurement once, small, on real servers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import database, failover, library, preview, recovery
from benchmarks.database import Platform
from benchmarks.statistics import Spread
from benchmarks.workshop import APPLICATION, Workshop, with_replicas
from local.rehearsal.load import TABLE, Load, inserting, lost, numbers
from local.servers.plan import read_ini
from local.servers.plane import DataPlane
from tests.processes import started
from tests.programs import FOLDER
from tests.recordings import ROOT


@pytest.fixture(scope="module")
def platform(place: Workshop) -> Iterator[Platform]:
    with database.platform(place) as made:
        yield made


def test_the_database_is_measured_in_both_ways_under_both_loads(platform: Platform) -> None:
    rows = database.measure(platform, sets=("rds-defaults",))
    assert [(row["parameters"], row["path"], row["load"], row["clients"], row["failed"]["max"]) for row in rows] == [
        ("rds-defaults", path, load, clients, 0)
        for path, clients in (("direct", 5), ("pgbouncer", 5))
        for load in ("closed", "1000-tps")
    ]
    for row in rows:
        assert 0 < row["average_ms"]["median"] <= row["p99_ms"]["median"]
        if row["load"] == "1000-tps":
            assert 20 < row["tps"]["median"] < 100
    assert in_force(platform) == [("4MB",), ("401",)]


def test_another_set_of_parameters_is_in_force_after_a_change(platform: Platform) -> None:
    platform.change("document")
    assert in_force(platform) == [("16MB",), ("300",)]


def in_force(platform: Platform) -> list[Any]:
    """What the primary answers."""
    with platform.plane.cluster.primary.admin() as session:
        return [session.execute(f"SHOW {name}".encode()).fetchone() for name in ("work_mem", "max_connections")]


def test_a_run_whose_clients_all_give_up_is_refused(platform: Platform) -> None:
    """A lock that nobody gives back runs into the role's timeout."""
    with platform.plane.cluster.primary.admin("langpont") as session:
        session.execute(f"ALTER ROLE {APPLICATION} SET statement_timeout = '200ms'")
        try:
            with session.transaction():
                session.execute("UPDATE pgbench_branches SET bbalance = bbalance")
                with pytest.raises(Exception, match="pgbench made no transaction"):
                    platform.load("direct", clients=2, seconds=1, rate=None)
        finally:
            session.execute(f"ALTER ROLE {APPLICATION} SET statement_timeout = '30s'")


def test_routing_is_compared_with_plain_reads_of_the_same_replica(place: Workshop, platform: Platform) -> None:
    found = library.measure(place, platform.plane)
    assert list(found) == [
        f"{one}{which}_{unit}"
        for which in ("", "_cpu")
        for one, unit in (("plain", "us"), ("routed", "us"), ("overhead", "percent"))
    ]
    assert found["plain_us"]["min"] > 50


def test_the_preview_is_measured_in_a_process_of_its_own(place: Workshop) -> None:
    found = preview.measure(place)
    assert list(found["stacks"]) == ["dev"]
    times: list[Spread] = [*found["stacks"].values()]
    assert all(0.3 < one["median"] < 60 for one in times)
    shares = [found[f"import_{name}_share_percent"]["median"] for name in ("pulumi", "pulumi_aws")]
    assert all(share > 1 for share in shares) and sum(shares) < 90


def test_with_a_synchronous_standby_clients_write_again_and_nothing_is_lost(place: Workshop) -> None:
    run = failover.fail_over(place, "synchronous", load_seconds=0.3, phase=0.9)
    assert 0.05 < run.detection_s < run.downtime_s < 20
    assert run.promotion_s < run.downtime_s
    assert run.acknowledged > failover.RECOVERED_COMMITS
    assert run.lost_commits == 0


def test_a_standby_that_was_behind_has_lost_commits(place: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the last moments of the primary it receives nothing, as over a network that is slow."""
    real = failover.kill

    def kill(servers: DataPlane) -> None:
        with servers.cluster.servers["replica-1"].admin() as session:
            session.execute("ALTER SYSTEM SET primary_conninfo = ''")
            session.execute("SELECT pg_reload_conf()")
            while session.execute("SELECT 1 FROM pg_stat_wal_receiver").fetchone():
                time.sleep(0.01)
        time.sleep(0.2)
        real(servers)

    monkeypatch.setattr(failover, "kill", kill)
    run = failover.fail_over(place, "asynchronous", load_seconds=0.3, phase=0.1)
    assert run.acknowledged - failover.RECOVERED_COMMITS > run.lost_commits > 0


def test_the_ledger_finds_rows_that_were_taken_away(platform: Platform) -> None:
    plane = platform.plane
    with plane.cluster.primary.admin("langpont") as session:
        session.execute(TABLE)
        endpoint, password = plane.pooler.endpoint("langpont"), plane.plan.passwords[APPLICATION]
        with Load(inserting(lambda: failover.connect(endpoint, password)), 2) as ledger:
            ledger.wait_for(20, 10)
        acknowledged = [number for number, _ in ledger.acknowledged]
        assert (ledger.failures, lost(acknowledged, numbers(session))) == ([], set())
        session.execute("DELETE FROM ledger WHERE number IN (3, 7)")
        assert lost(acknowledged, numbers(session)) == {3, 7}


def test_a_restore_has_all_of_before_the_bad_write_and_nothing_of_it(place: Workshop) -> None:
    found = recovery.measure(place)
    assert found["lost_commits"] == {"median": 0, "min": 0, "max": 0}
    assert found["lost_s"]["max"] < 1
    assert 0.1 < found["restore_s"]["median"] < 30
    assert 20 < found["size_mib"]["median"] < 200


def test_a_plan_with_fewer_replicas_has_only_their_entries(place: Workshop) -> None:
    entries = {number: list(read_ini(with_replicas(place.plan, number).ini)["databases"]) for number in (0, 1, 2)}
    assert entries == {
        0: ["langpont"],
        1: ["langpont", "langpont_replica_1"],
        2: ["langpont", "langpont_replica_1", "langpont_replica_2"],
    }
    assert with_replicas(place.plan, 2).ini == place.plan.ini


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C once servers run: they end, their folder goes, and no results are written."""
    to = tmp_path / "results.json"
    with started(
        [sys.executable, "-m", "benchmarks", "--quick", "--to", str(to)],
        stderr=subprocess.PIPE, cwd=ROOT, start_new_session=True, umask=0o077,
        env=os.environ | {"LANGPONT_LOCAL_DIR": str(FOLDER)},
    ) as bench:  # fmt: skip
        assert bench.stderr is not None
        while "changing the parameters" not in (line := bench.stderr.readline()):
            assert line, "it ended by itself"
        servers = _servers_of(bench.pid)
        bench.send_signal(signal.SIGINT)
        said = bench.communicate(timeout=120)[1]
    assert servers
    assert (bench.returncode, said.splitlines()[-1]) == (
        130,
        "Interrupted. Nothing of it runs. Nothing was written.",
    )
    assert not to.exists()
    left = {folder for folder in servers.values() if Path(folder).exists()}
    assert left == set()
    deadline = time.monotonic() + 10  # until whoever adopted the last one has asked for its exit code
    while (left_over := [pid for pid in servers if Path(f"/proc/{pid}").exists()]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left_over == []


def _servers_of(pid: int) -> dict[int, str]:
    """Postmasters that a process started, with their data folders."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows: list[Any] = [line.split(maxsplit=2) for line in listed.splitlines()]
    return {
        int(row[0]): row[2].split(" -D ")[1].strip() for row in rows if row[1] == str(pid) and " -D " in row[2]
    }  # fmt: skip
