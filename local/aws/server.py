"""A moto server process of our own on loopback: started, seeded, emptied, recognised and stopped."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from local.loopback import HOST, free_port, is_free
from local.processes import Process, start, working_in

SEED = 42
START_SECONDS = 30.0  # it takes half a second; a loaded machine may take long
_ATTEMPTS = 3  # another process may take a free port between our looking and moto's binding
_POLL_SECONDS = 0.05
# Managed policies do not exist without the first, and without the second any web page may read what the server holds.
_SETTINGS = {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "MOTO_DISABLE_GLOBAL_CORS": "true"}
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")  # not the operator's own AWS credentials
_PROGRAM = Path(__file__).with_name("moto_server.py")
# A proxy of the environment is for the world, not for loopback.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServerError(Exception):
    """The server does not run as asked; the message says why and what to do."""


@dataclass(frozen=True)
class MotoServer:
    """A server that was started by `start_server`, in this process or in an earlier one."""

    process: Process
    port: int

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> MotoServer:
        """What `to_json` made. Raises `ValueError` for anything else."""
        port = value.get("port") if isinstance(value, Mapping) else None
        if type(port) is not int:
            raise ValueError(f"not a server: {value!r}")
        return cls(Process.from_json(value.get("process") or {}), port)

    def to_json(self) -> dict[str, Any]:
        """For a state file."""
        return {"process": self.process.to_json(), "port": self.port}

    @property
    def endpoint(self) -> str:
        """Its URL, for boto3 and for AWS_ENDPOINT_URL."""
        return f"http://{HOST}:{self.port}"

    def alive(self) -> bool:
        """Whether the process that was started still runs; another one that took its number or port does not count."""
        return self.process.alive()

    def reset(self) -> None:
        """Empty it, and seed it as a new one is. Raises `ServerError` if it does not answer."""
        call(self.endpoint, "reset")
        seed(self.endpoint, SEED)

    def stop(self, timeout_seconds: float = 10) -> None:
        """End it and return when it is gone. Nothing happens to a process that only has its number."""
        self.process.stop(timeout_seconds, signal.SIGKILL)  # it has nothing to save, and takes two seconds to tidy up


def found_servers(functions: Path) -> list[MotoServer]:
    """The servers that run with this functions file, by their command lines."""
    found = []
    for process in working_in(functions, (_PROGRAM.name,)):
        words = shlex.split(process.command)
        found.append(MotoServer(process, int(words[words.index("-p") + 1])))
    return found


def start_server(
    log: Path,
    port: int | None = None,
    note: Callable[[MotoServer], None] = lambda _: None,
    *,
    functions: Path | None = None,
) -> MotoServer:
    """Start an empty server that stays after this command, and return when it answers.

    `functions`: the file, made later, that lets it run functions; see `moto_server.py`.
    `port` None takes a free one. Its output goes to `log` (mode 600): a line a request, never a body. `note` is told of
    the process before it answers, so that whoever is killed while waiting has written down what to end. Raises
    `ServerError` if the port is taken or it does not answer within `START_SECONDS`.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        chosen = free_port() if port is None else port
        if not is_free(chosen):
            raise ServerError(
                f"Port {chosen} on {HOST} is taken, and the control plane was to listen there. "
                f"End what listens (ss -ltnp 'sport = :{chosen}'), or choose another port."
            )
        server = _started(log, chosen, note, functions or Path("/nowhere"))
        if server is not None:
            return server
        if port is not None or attempt == _ATTEMPTS:
            break
    raise ServerError(f"The moto server ended at once. Its reason is at the end of {log}.")


def call(endpoint: str, path: str) -> None:
    """One call of moto's own interface, such as `reset`. Raises `ServerError` if it is not answered."""
    request = urllib.request.Request(f"{endpoint}/moto-api/{path}", data=b"", method="POST")
    try:
        with _OPENER.open(request, timeout=START_SECONDS):
            pass
    except (OSError, HTTPException) as error:  # URLError and timeouts are OSErrors
        raise ServerError(f"The control plane at {endpoint} does not answer: {error}. Start it again.") from None


def seed(endpoint: str, number: int) -> None:
    """Decide which ids the server makes next, until the next call."""
    call(endpoint, f"seed?a={number}")


def _started(log: Path, port: int, note: Callable[[MotoServer], None], functions: Path) -> MotoServer | None:
    environment = {key: os.environ[key] for key in _INHERITED if key in os.environ} | _SETTINGS
    # -I: neither the folder we are in nor PYTHONPATH decides which moto runs.
    argv = [sys.executable, "-I", str(_PROGRAM), str(functions.absolute()), "-H", HOST, "-p", str(port)]
    server = MotoServer(start(argv, log=log, env=environment), port)
    deadline = time.monotonic() + START_SECONDS
    try:
        note(server)
        while server.alive():
            try:
                seed(server.endpoint, SEED)
            except ServerError:
                if time.monotonic() > deadline:
                    raise ServerError(
                        f"The moto server does not answer after {START_SECONDS:.0f} s. Its reason may be in {log}."
                    ) from None
                time.sleep(_POLL_SECONDS)
            else:
                return server
    except BaseException:  # an interrupt too: nobody would know of the process
        server.stop()
        raise
    return None
