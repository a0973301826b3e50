"""A stack of generation 1 with its rows, and what is restored from it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from local import up
from local.environment import write_files
from local.servers.connections import Connection

ROOT = Path(__file__).parents[3]
ROWS = 1_000
SECOND = "%Y-%m-%dT%H:%M:%SZ"


def bring_up(stack_file: Path) -> up.Result:
    return up.up(stack_file.parent, stack_of(stack_file), {}, lambda _: None)


def stack_of(stack_file: Path) -> str:
    return stack_file.name.split(".")[1]


def did(result: up.Result) -> list[str]:
    return [str(action) for action in result.done.actions]


def failed(stack_file: Path) -> list[str]:
    checks = up.verify(stack_file.parent, stack_of(stack_file))
    return [f"{check.name}: {check.detail}" for check in checks if not check.ok]


def session(result: up.Result, role: str = "primary") -> Connection:
    plan = result.data.plan
    return result.data.endpoint(role).connect(plan.master, plan.passwords[plan.master])


def count(result: up.Result, role: str = "primary") -> int:
    with session(result, role) as asked:
        [[rows]] = asked.execute("SELECT count(*) FROM kept").fetchall()
    assert isinstance(rows, int)
    return rows


def pooled_count(result: up.Result) -> int:
    """As an application asks, through PgBouncer's entry for the primary."""
    data = result.data
    entry = next(name for name, role in data.pooler.entries.items() if role == "primary")
    with data.pooler.endpoint(entry).connect("langpont_app", data.plan.passwords["langpont_app"]) as asked:
        [[rows]] = asked.execute("SELECT count(*) FROM kept").fetchall()
    assert isinstance(rows, int)
    return rows


def next_second() -> str:
    """A second that has just begun: what is done from now on is done after it."""
    time.sleep(1 - datetime.now(UTC).microsecond / 1e6)
    return datetime.now(UTC).strftime(SECOND)


def restored_from(text: str, origin: str, *, kept: bool = True) -> str:
    """The stack file with a second generation, beside the first or in its place."""
    lines = f"  langpont-database:database:\n    generation: 2\n    restoreFrom:\n      {origin}\n"
    return text.replace("  langpont-database:database:\n", lines + ("" if kept else "    keepPrevious: false\n"))


@contextmanager
def generation_1(path: Path, text: str) -> Iterator[up.Result]:
    """A stack with 1,000 rows, up from whatever the test before left; its file is put back afterwards."""
    before = path.read_text()
    path.write_text(text)
    result = bring_up(path)
    with session(result) as asked:
        asked.execute("DROP TABLE IF EXISTS kept")
        asked.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
        asked.execute("GRANT SELECT ON kept TO langpont_app")
    yield result
    path.write_text(before)


def operator(result: up.Result) -> Callable[..., str]:
    """Run a command of operators against the platform, as a shell with `app.env` does."""
    path = write_files(result)
    values = {
        name: value.strip("'") for name, _, value in (line.partition("=") for line in path.read_text().splitlines())
    }

    def run(*arguments: str) -> str:
        said = subprocess.run(
            [sys.executable, "-m", "ops", *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
            env=values | {"PATH": os.environ["PATH"], "COLUMNS": "200"},
        )  # fmt: skip
        assert said.returncode == 0, said.stdout + said.stderr
        return said.stdout

    return run
