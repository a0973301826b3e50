"""examples/tasks_celery.py, with a real worker that forks, while the replicas are behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.langpont_db.conftest import Platform, caught_up, replay_paused
from tests.langpont_db.examples.conftest import Run
from tests.recordings import ROOT
from tests.waiting import until

# A broker of files: neither a server nor a package. The worker uses the database before it forks, as it comes.
WORKER = """\
import sys
from examples.tasks_celery import app, database
from tests.langpont_db.examples.test_celery import files
with database.session() as session:
    session.connection()
app.conf.update(files(sys.argv[1]))
app.worker_main(["worker", "--pool", "prefork", "--concurrency", "2", "--without-gossip", "--without-mingle"])
"""


def files(folder: str) -> dict[str, Any]:
    folders = dict.fromkeys(("data_folder_in", "data_folder_out", "control_folder"), folder)
    return {
        "broker_url": "filesystem://",
        "broker_transport_options": folders | {"polling_interval": 0.05},
        "result_backend": f"file://{folder}",
    }


@pytest.fixture
def worker(platform: Platform, notes: None, tmp_path: Path) -> Iterator[Path]:
    log = tmp_path / "worker.log"
    with log.open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path)],
            cwd=ROOT, env={**os.environ, **platform.environment}, stdout=said, stderr=said,
        )  # fmt: skip
        try:
            yield tmp_path
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
    assert "Traceback" not in log.read_text()


def test_a_task_finds_what_was_written_before_it_was_sent(platform: Platform, run: Run, worker: Path) -> None:
    tasks = run("tasks_celery")
    tasks["app"].conf.update(files(str(worker)))
    sent: list[Any] = []
    delay = tasks["measure"].delay
    tasks["measure"].delay = lambda *arguments: sent.append(delay(*arguments))
    with replay_paused(platform, "replica-1", "replica-2"):
        for length in range(1, 9):
            tasks["write"]("x" * length)
        until(lambda: all(one.ready() for one in sent))
    caught_up(platform)
    assert [one.get() for one in sent] == list(range(1, 9))
