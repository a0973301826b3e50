"""Ctrl-C and SIGKILL in the middle of a restore: the old primary serves until the new one does, and no row is lost."""

from __future__ import annotations

import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from local import up
from local.aws.clients import Clients
from local.down import down, running
from local.processes import Process
from local.servers import plane
from local.servers.layout import Layout
from tests.local.up.generations import (
    ROWS,
    bring_up,
    count,
    did,
    failed,
    generation_1,
    next_second,
    operator,
    pooled_count,
    restored_from,
    session,
)
from tests.local.up.interruptions import Ended, left, up_until

LEFT = 900  # rows that the bad write leaves
MOMENTS = 6


def origin(one: up.Result, kind: str) -> str:
    """What a stack is restored from, and a bad write after it."""
    stack = one.data.plan.stack
    if kind == "snapshot":
        made = re.search(rf"langpont-{stack}-manual-\d{{8}}-\d{{6}}", operator(one)("snapshots", "create", "-s", stack))
        assert made
        found = f"snapshot: {made[0]}"
    else:
        found = f'time: "{next_second()}"'
    with session(one) as asked:
        asked.execute("DELETE FROM kept WHERE number > 900")
    return found


def test_an_interrupted_restore_is_picked_up_and_the_old_primary_served_all_the_time(project: Path) -> None:
    path = project / "Pulumi.dev.yaml"
    text = path.read_text()
    with generation_1(path, text) as one:
        path.write_text(restored_from(text, origin(one, "time"), kept=False))
        ran = running(one.folders)
        ended = up_until(project, "dev", "Restoring", signal.SIGINT, later=0.1)
        assert ended.code == 130, ended.said
        assert running(one.folders) == ran
        assert (plane.strays(one.data.layout), count(one), pooled_count(one)) == ([], LEFT, LEFT)

        ended = up_until(project, "dev", "Restoring", signal.SIGKILL, later=0.5)
        assert ended.code == -signal.SIGKILL, ended.said
        assert (running(one.folders)["primary"], count(one), pooled_count(one)) == (ran["primary"], LEFT, LEFT)
        down(project, "dev", purge=False)
        assert left(project, "dev") == []

        two = bring_up(path)
        new, old = (line.partition(":")[0] for line in did(two))
        assert old == "primary removed"
        assert new in ("primary-g2 restored", "primary-g2 started")  # it may have been whole when it was killed
        assert (count(two), pooled_count(two)) == (ROWS, ROWS)
        assert what_is_here(two.data.layout) == Here(servers=["primary-g2"], backups=["primary-g2"], begun=[])


@dataclass(frozen=True, kw_only=True)
class Here:
    """Names of what a layout has: servers, primaries with backups, and what was begun and is neither."""

    servers: list[str]
    backups: list[str]
    begun: list[str]


def what_is_here(layout: Layout) -> Here:
    begun = [path for path in (layout.restoring, layout.discarded) if path.exists()]
    begun += [path for name in layout.roles() for path in layout.server(name).glob(".*")]
    return Here(
        servers=layout.roles(), backups=sorted(path.name for path in layout.backups.iterdir()),
        begun=sorted(path.name for path in begun),
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize(
    ("stack", "kept", "kind"),
    [("dev", True, "time"), ("dev", False, "snapshot"), ("staging", False, "time"), ("staging", True, "snapshot")],
)
def test_no_moment_of_a_restore_loses_a_row(
    project: Path, stack: str, kept: bool, kind: str, number: signal.Signals
) -> None:
    path = project / f"Pulumi.{stack}.yaml"
    text = path.read_text()
    with generation_1(path, text) as one:
        path.write_text(restored_from(text, origin(one, kind), kept=kept))
        whole = seconds_from(project, stack, "Restoring")
    for moment in range(MOMENTS):
        with generation_1(path, text) as one:
            there = {each.name for each in one.data.layout.snapshots.iterdir()}
            restored = restored_from(text, origin(one, kind), kept=kept)
            path.write_text(restored)
            ran = running(one.folders)
            ended = up_until(project, stack, "Restoring", number, later=moment * whole / MOMENTS)
            print(f"{moment}: ended with {ended.code} after {ended.seconds:.2f} s: {ended.said.splitlines()[-1:]}")
            look_after(project, one, ran, ended, number)
            removed = not kept and "Removing" in ended.said
            if moment % 3 == 1:
                down(project, stack, purge=False)
                assert left(project, stack) == []
            elif moment % 3 == 2 and not removed:  # who changes their mind has what was written since, too
                path.write_text(text)
                back = bring_up(path)
                assert (count(back), pooled_count(back), back.data.ports) == (LEFT, LEFT, one.data.ports)
                path.write_text(restored)
            two = bring_up(path)
            assert (count(two), pooled_count(two)) == (ROWS, ROWS), moment
            old = ran_servers(ran) if kept else {}
            assert [count(two, label) for label in two.data.previous] == [LEFT] * len(old)
            finals = [each.name for each in two.data.layout.snapshots.iterdir() if each.name not in there]
            finals = [name for name in finals if name.startswith(f"langpont-{stack}-db-final-")]
            assert len(finals) == (not kept and stack == "staging"), moment
            assert listed(two) == {each.name for each in two.data.layout.snapshots.iterdir()}
            assert what_is_here(two.data.layout) == whole_of(two)
            if moment == MOMENTS - 1:
                assert failed(path) == []


def ran_servers(processes: dict[str, Process]) -> dict[str, Process]:
    return {role: process for role, process in processes.items() if role not in ("moto", "pgbouncer")}


def seconds_from(project: Path, stack: str, step: str) -> float:
    """How long an `up` takes from a step to its end."""
    begun: list[float] = []
    up.up(project, stack, {}, lambda what: begun.append(time.monotonic()) if what.startswith(step) else None)
    return time.monotonic() - begun[0]


def look_after(project: Path, one: up.Result, ran: dict[str, Process], ended: Ended, number: signal.Signals) -> None:
    """What must be so right after an interruption, wherever it came."""
    stack = one.data.plan.stack
    now = running(one.folders)
    assert "Traceback" not in ended.said, ended.said
    assert ended.code in (0, 130 if number == signal.SIGINT else -signal.SIGKILL), ended.said
    if "Removing" not in ended.said:
        assert ran_servers(ran).items() <= now.items()
        assert count(one) == LEFT
    if ended.code == 130:
        assert ended.seconds < 1.5 or "Stopping" in ended.said, ended
        assert now.items() <= ran.items(), ended.said
        assert (plane.strays(one.data.layout), len(left(project, stack))) == ([], len(now))


def listed(result: up.Result) -> set[str]:
    """Snapshots that the control plane has."""
    rds = Clients(result.endpoint, "ap-northeast-1").get("rds")
    return {each["DBSnapshotIdentifier"] for each in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]}


def whole_of(result: up.Result) -> Here:
    """What a platform has when all that was begun is done."""
    plan = result.data.plan
    primaries = [one.name for one in plan.standing if one.role == "primary"]
    return Here(servers=sorted(one.name for one in plan.standing), backups=sorted(primaries), begun=[])
