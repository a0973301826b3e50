"""Processes that outlive their starter, on real ones."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from local.processes import Process, start, working_in
from tests.waiting import until

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-uc",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(60)",
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "process.log"


@pytest.fixture
def sleeper(log: Path) -> Iterator[Process]:
    process = start(SLEEP, log=log)
    yield process
    process.stop()


def wait_for(log: Path, text: str) -> None:
    until(lambda: text in log.read_text())


def test_it_lives_until_it_is_stopped(sleeper: Process) -> None:
    assert sleeper.alive()
    assert sleeper.stop()
    assert not sleeper.alive()
    assert not Path(f"/proc/{sleeper.pid}").exists(), "reaped, not only dead"


def test_each_start_beside_a_grpc_server_is_one(tmp_path: Path) -> None:
    """As the engine's tests have one in the same process. Where gRPC handles forks, one child in 75 ends unstarted."""
    tmp_path.chmod(0o755)
    serving = grpc.server(futures.ThreadPoolExecutor(2))
    port = serving.add_insecure_port("127.0.0.1:0")
    serving.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            grpc.channel_ready_future(channel).result(30)
            for number in range(100):
                log = tmp_path / str(number)
                process = start(["/bin/sh", "-c", "echo started"], log=log, user="nobody" if not os.geteuid() else None)
                until(lambda process=process: not process.alive())  # type: ignore[misc]
                assert log.read_text() == "started\n", number
    finally:
        serving.stop(None).wait()


def test_stopping_it_again_does_nothing(sleeper: Process) -> None:
    sleeper.stop()
    assert sleeper.stop()


def test_what_ignores_sigterm_is_killed(log: Path) -> None:
    process = start(STUBBORN, log=log)
    wait_for(log, "deaf")
    assert not process.stop(timeout_seconds=0.2)
    assert not process.alive()


def test_children_of_what_had_to_be_killed_go_with_it(log: Path) -> None:
    script = f"""
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('child', subprocess.Popen({SLEEP!r}).pid, 'ready')
time.sleep(60)
"""
    process = start([sys.executable, "-uc", script], log=log)
    wait_for(log, "ready")
    child = Process.of(int(log.read_text().split()[1]))
    assert child is not None
    process.stop(timeout_seconds=0.1)
    until(lambda: not child.alive())


def test_a_zombie_counts_as_dead() -> None:
    # Its parent never asks for it, as a first process of a container that is no init never does.
    parent = subprocess.Popen(
        [
            sys.executable,
            "-uc",
            "import subprocess, time; print(subprocess.Popen(['sleep', '0.3']).pid); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    try:
        zombie = Process.of(int(parent.stdout.readline()))
        assert zombie is not None and zombie.alive()
        until(lambda: not zombie.alive())
        assert Path(f"/proc/{zombie.pid}/stat").read_text().split()[2] == "Z", "it is still there"
        assert Process.of(zombie.pid) is None
        assert zombie.stop()
    finally:
        parent.kill()
        parent.communicate()


def test_another_process_with_the_same_number_is_not_taken_for_it(sleeper: Process) -> None:
    earlier = replace(sleeper, started="another boot:1")
    assert not earlier.alive()
    earlier.stop()
    assert sleeper.alive(), "nor is it stopped"


def test_it_is_recognised_from_a_state_file(sleeper: Process) -> None:
    read = Process.from_json(json.loads(json.dumps(sleeper.to_json())))
    assert read == sleeper
    assert read.alive()
    until(lambda: Process.of(sleeper.pid) == sleeper)  # its command line is there a moment after it is


@pytest.mark.parametrize(
    "value", [{}, {"pid": 0, "started": "", "command": ""}, {"pid": "1", "started": "", "command": ""}]
)
def test_a_broken_state_file_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="^not a process: "):
        Process.from_json(value)


def test_it_has_a_session_of_its_own_and_no_input(sleeper: Process) -> None:
    assert os.getsid(sleeper.pid) == sleeper.pid
    assert os.readlink(f"/proc/{sleeper.pid}/fd/0") == "/dev/null"


def test_its_output_is_appended_to_a_private_log(log: Path) -> None:
    log.write_text("before\n")
    log.chmod(0o644)
    process = start([sys.executable, "-c", "import os; print('out'); os.write(2, b'error')"], log=log)
    wait_for(log, "out")
    process.stop()
    assert log.read_text() in ("before\nout\nerror", "before\nerrorout\n")
    assert log.stat().st_mode & 0o777 == 0o600


def test_its_environment_is_what_was_given(log: Path) -> None:
    process = start([sys.executable, "-c", "import os; print(sorted(os.environ))"], log=log, env={"ONLY": "1"})
    wait_for(log, "]")
    process.stop()
    assert "'ONLY'" in log.read_text()
    assert "'HOME'" not in log.read_text()


def test_a_missing_program_is_an_os_error_and_leaves_nothing(log: Path) -> None:
    with pytest.raises(FileNotFoundError):
        start(["/nowhere/postgres"], log=log)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user; CI runs as root")
def test_root_starts_it_as_another_user_without_its_own_groups(log: Path) -> None:
    process = start(
        ["/bin/sh", "-c", "id -u; id -G; cat /proc/self/status >/dev/null"], log=log, user="nobody", cwd=Path("/")
    )
    nobody = pwd.getpwnam("nobody")
    wait_for(log, f"{nobody.pw_uid}\n{nobody.pw_gid}\n")
    process.stop()


def test_our_own_user_needs_no_root(log: Path) -> None:
    process = start(SLEEP, log=log, user=pwd.getpwuid(os.geteuid()).pw_name)
    assert process.alive()
    process.stop()


def test_a_zombie_whose_threads_run_on_is_alive() -> None:
    """As a server that was killed is under load: its first thread is gone, the others still hold its port."""
    script = (
        "import ctypes, threading, time; threading.Thread(target=time.sleep, args=(60,)).start(); "
        "print('x', flush=True); ctypes.CDLL(None).pthread_exit(None)"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None and child.stdout.readline() == b"x\n"
        until(lambda: Path(f"/proc/{child.pid}/stat").read_text().split()[2] == "Z")
        process = Process.of(child.pid)
        assert process is not None and process.alive()
    finally:
        child.kill()
        child.communicate()


def test_processes_are_found_by_what_they_work_on(tmp_path: Path, log: Path) -> None:
    """Ours, and not an editor on the same file, nor the same program on another folder."""
    (tmp_path / "of").mkdir()
    found = start(["/bin/sh", "-c", "sleep 60; :", str(tmp_path / "of" / "file")], log=log)
    others = [
        start(["/bin/sh", "-c", "sleep 60; :", str(tmp_path / "office")], log=log),
        start(["tail", "-f", str(log), str(tmp_path / "of")], log=log),
    ]
    try:
        until(lambda: working_in(tmp_path / "of", ("sh",)) == [found])
        assert working_in(tmp_path / "of", ("bash",)) == []
    finally:
        for process in (found, *others):
            process.stop(5, signal.SIGKILL)
    assert working_in(tmp_path / "of", ("sh",)) == []


def test_children_of_what_is_killed_at_once_go_with_it(log: Path) -> None:
    process = start(["/bin/sh", "-c", "sleep 60 & echo $! ready; wait"], log=log)
    wait_for(log, "ready")
    child = Process.of(int(log.read_text().split()[0]))
    process.stop(5, signal.SIGKILL)
    assert child is not None
    until(lambda: not child.alive())
