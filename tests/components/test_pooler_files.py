"""The published configuration, loaded by the PgBouncer of this machine (Debian's 1.18 or newer)."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pip._vendor import certifi  # any authority will do: what counts is that the file is loaded

from blueprint.postgres.pgbouncer import USER_LIST_FILE, ca_file
from recording.recording import reveal
from tests.recordings import recording

# What the document has (E59: an entry goes on in a second line, which the format does not know).
DOCUMENT = """\
[databases]
langpont_master = host=langpont-prod-db.cluster-xxx.ap-northeast-1.rds.amazonaws.com
                  port=5432 dbname=langpont user=langpont_app

[pgbouncer]
pool_mode = transaction
max_client_conn = 600
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short folder that PgBouncer's user may enter; pytest's own is root's alone."""
    path = Path(tempfile.mkdtemp(prefix="pgb-"))
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    yield path
    shutil.rmtree(path)


def start(folder: Path, ini: str) -> subprocess.Popen[str]:
    """PgBouncer in the foreground, as an unprivileged user: it refuses root."""
    binary = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    assert binary, "PgBouncer is not installed: apt-get install pgbouncer, or brew install pgbouncer"
    (folder / "pgbouncer.ini").write_text(ini)
    return subprocess.Popen(
        [binary, str(folder / "pgbouncer.ini")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        user="nobody" if os.geteuid() == 0 else None,
    )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def published(stack: str) -> dict[str, str]:
    name = f"langpont-{stack}-pooler-files"
    version = recording(stack).one("aws:secretsmanager/secretVersion:SecretVersion", name)
    files: dict[str, str] = json.loads(reveal(version.inputs["secretString"]))
    return files


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_pgbouncer_loads_the_published_files(stack: str, folder: Path) -> None:
    """Only the port and paths of this machine are substituted."""
    files, port = published(stack), free_port()
    (folder / "userlist.txt").write_text(files["userlist.txt"])
    ini = (
        files["pgbouncer.ini"]
        .replace(USER_LIST_FILE, str(folder / "userlist.txt"))
        .replace(ca_file("ap-northeast-1"), certifi.where())
        .replace("listen_port = 6432", f"listen_port = {port}")
        .replace("/var/run/postgresql/pgbouncer.pid", str(folder / "pid"))
        .replace("/var/log/postgresql/pgbouncer.log", str(folder / "log"))
        .replace("/var/run/postgresql", str(folder))
    )
    server = start(folder, ini)
    try:
        deadline = time.monotonic() + 10
        while server.poll() is None and time.monotonic() < deadline:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
    finally:
        server.terminate()
        output, _ = server.communicate(timeout=10)
    # A setting it does not know, or a user list it cannot read, is an ERROR or a WARNING here.
    assert re.search(r"\bprocess up: PgBouncer 1\.(1[89]|[2-9]\d)", output), output
    assert not re.search(r"\b(WARNING|ERROR|FATAL)\b", output), output


def test_the_document_s_own_file_is_refused(folder: Path) -> None:
    """E59: the control of the test above."""
    server = start(folder, DOCUMENT)
    output, _ = server.communicate(timeout=10)
    assert server.returncode == 1
    assert "ERROR syntax error in connection string" in output
    assert "FATAL cannot load config file" in output
