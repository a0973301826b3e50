"""A project of its own with a state and a cloud, in which a test runs the unmodified Pulumi CLI."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from tests.engine import language_host
from tests.engine.cli import Cli
from tests.engine.providers.aws import AwsProvider
from tests.engine.providers.cloud import Cloud
from tests.engine.providers.random import RandomProvider
from tests.recordings import FIXTURES, PROJECT, ROOT, edit_file

PASSPHRASE = "a passphrase of tests"
FILES = ("__main__.py", "product.yaml", "requirements.txt")
PROGRAM = (*FILES, "blueprint", "certs", "components", "functions", "policy", "venv")
TIMEOUT_SECONDS = 300
# What the CLI prints for each kind of operation, in its JSON too.
QUIET = {"same", "read", "refresh"}


@dataclass(frozen=True)
class Done:
    """A finished command. `text` is what it printed on both outputs."""

    code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout + self.stderr


class Failed(AssertionError):
    """A command that should have succeeded; the message has all that it printed."""


class Workplace:
    """One stack: its project folder, its backend in a folder, and the cloud that its plugins act on.

    `first` and `events`: what the first `up` of a deployed one printed, and its `--event-log`.
    """

    first: Done

    def __init__(self, folder: Path, cli: Cli, stack: str, files: Path = FIXTURES) -> None:
        self.folder, self.stack, self._cli = folder, stack, cli
        self.project = folder / "project"
        self.project.mkdir(parents=True)
        for name in PROGRAM:
            (self.project / name).symlink_to(ROOT / name)
        shutil.copy(files / "Pulumi.yaml", self.project)
        self.file = self.project / f"Pulumi.{stack}.yaml"
        shutil.copy(files / self.file.name, self.project)
        (folder / "state").mkdir()
        self._begin()
        self.run("stack", "init", stack)

    def copy(self, folder: Path) -> Workplace:
        """Another one in the same state, with a cloud of its own."""
        other = Workplace.__new__(Workplace)
        other.folder, other.stack, other._cli = folder, self.stack, self._cli
        shutil.copytree(self.project, folder / "project", symlinks=True)
        shutil.copytree(self.folder / "state", folder / "state")
        shutil.copy(self.cloud.path, folder)
        other.project = folder / "project"
        other.file = other.project / self.file.name
        other._begin()
        return other

    def _begin(self) -> None:
        self.cloud = Cloud(self.folder / "cloud.jsonl")
        self._servers: list[Any] = []
        ports = {name: self._serve(name) for name in ("aws", "random")}
        attached = {"PULUMI_DEBUG_PROVIDERS": ",".join(f"{name}:{port}" for name, port in ports.items())}
        self.environment = os.environ | self._installed() | attached

    def close(self) -> None:
        """End the plugins."""
        for server in self._servers:
            server.stop(None).wait()

    def _serve(self, name: str) -> int:
        options = [("grpc.max_receive_message_length", language_host.MESSAGE_BYTES)]
        server = grpc.server(futures.ThreadPoolExecutor(max_workers=32), options=options)
        version = importlib.metadata.version(f"pulumi-{name}")
        provider: Any = AwsProvider(self.cloud, version) if name == "aws" else RandomProvider(version)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
        port: int = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self._servers.append(server)
        return port

    def _installed(self) -> dict[str, str]:
        """The CLI with the language host beside it, and plugins as they lie on a machine that has them."""
        programs, home = self.folder / "bin", self.folder / "home"
        programs.mkdir()
        try:
            (programs / "pulumi").hardlink_to(self._cli.path)
        except OSError:
            shutil.copy2(self._cli.path, programs / "pulumi")
        _script(programs / "pulumi-language-python", f'exec "{sys.executable}" "{language_host.__file__}" "$@"')
        for name in ("aws", "random"):
            folder = home / "plugins" / f"resource-{name}-v{importlib.metadata.version(f'pulumi-{name}')}"
            folder.mkdir(parents=True)
            _script(folder / f"pulumi-resource-{name}", "exit 1  # served by the test")
        return {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DEBUG_COMMANDS": "true",  # options that a release hides: --event-log
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            # Which a released language host tells a policy pack.
            "PULUMI_STACK": self.stack,
            "PULUMI_PROJECT": PROJECT,
            "PYTHONPATH": str(ROOT),
        }

    @property
    def events(self) -> Path:
        return self.folder / "events"

    # Commands

    def run(self, *arguments: str, code: int | None = 0) -> Done:
        """`pulumi <arguments>` without a person. Raises `Failed` for another exit code than `code`; None takes any."""
        command = ["pulumi", *arguments, "--non-interactive", "--color=never"]
        ended = subprocess.run(
            command, cwd=self.project, env=self.environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS,
            check=False,
        )  # fmt: skip
        done = Done(ended.returncode, ended.stdout, ended.stderr)
        if code is not None and done.code != code:
            raise Failed(f"{' '.join(command)} ended with {done.code}\n{done.text}")
        return done

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The same, running: to be interrupted or killed with its group."""
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive", "--color=never"],
            cwd=self.project, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip

    def shell(self, script: str, code: int | None = 0) -> Done:
        """Commands as a document has them, in the project's folder."""
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=self.project, env=self.environment, capture_output=True,
            text=True, timeout=TIMEOUT_SECONDS, check=False,
        )  # fmt: skip
        done = Done(ended.returncode, ended.stdout, ended.stderr)
        if code is not None and done.code != code:
            raise Failed(f"{script}\nended with {done.code}\n{done.text}")
        return done

    def up(self, *arguments: str, code: int | None = 0) -> Done:
        """`pulumi up`, agreed to; the preview before it is left out unless asked for."""
        return self.run("up", "--yes", "--skip-preview", *arguments, code=code)

    def preview(self, *arguments: str, code: int | None = 0) -> list[str]:
        """The operations that a preview plans, one line each, without what stays as it is."""
        done = self.run("preview", "--json", *arguments, code=code)
        return operations(json.loads(done.stdout))

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs as `pulumi stack output --json` prints them."""
        found: dict[str, Any] = json.loads(self.run("stack", "output", "--json").stdout)
        return found

    def state(self) -> dict[str, Any]:
        """`pulumi stack export`."""
        found: dict[str, Any] = json.loads(self.run("stack", "export").stdout)
        return found

    def urn(self, name: str) -> str:
        """The URN of a logical name that only one resource has."""
        [found] = [
            each["urn"]
            for each in self.state()["deployment"]["resources"]
            if each["urn"].endswith(f"::{name}") and each.get("custom")
        ]
        return str(found)

    # The stack file

    def edit(self, changes: Mapping[str, Any]) -> None:
        """Sections of the stack file with other values, key by key; None takes a key out."""
        edit_file(self.file, changes)

    @contextmanager
    def edited(self, changes: Mapping[str, Any]) -> Iterator[None]:
        """For the time of a block; then the file is as it was."""
        before = self.file.read_text(encoding="utf-8")
        self.edit(changes)
        try:
            yield
        finally:
            self.file.write_text(before, encoding="utf-8")


def operations(preview: Mapping[str, Any]) -> list[str]:
    """What a preview's JSON plans: `update rds/instance:Instance db-primary (instanceClass)`, in the engine's order."""
    lines = []
    for step in preview.get("steps", []):
        if step["op"] in QUIET:
            continue
        type_, name = step["urn"].split("::")[-2].rpartition("$")[2], step["urn"].split("::")[-1]
        changed = sorted({re.split(r"[.\[]", path)[0] for path in step.get("detailedDiff") or {}})
        shown = f" ({', '.join(changed)})" if changed else ""
        lines.append(f"{step['op']} {type_.removeprefix('aws:')} {name}{shown}")
    return lines


def _script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
