"""The workflows as data, and their shell steps as programs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.recordings import ROOT

GITHUB = ROOT / ".github"
FILES = sorted((GITHUB / "workflows").glob("*.yml"))
ACTION = GITHUB / "actions" / "stack" / "action.yml"
TEXTS = {path.relative_to(GITHUB).as_posix(): path.read_text(encoding="utf-8") for path in [*FILES, ACTION]}


def load(path: Path) -> dict[str, Any]:
    """A file with every scalar as text: `on` is a key, `false` and `3.10` are what stands there."""
    loaded: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
    return loaded


WORKFLOWS = {path.stem: load(path) for path in FILES}
JOBS = {(name, job): body for name, workflow in WORKFLOWS.items() for job, body in workflow["jobs"].items()}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step and where it stands; `job` is empty in the composite action."""

    where: str
    job: str
    body: Mapping[str, Any]

    @property
    def run(self) -> str:
        """Its shell script, "" if it uses an action."""
        script: str = self.body.get("run", "")
        return script


def steps() -> Iterator[Step]:
    """Every step of every workflow and of the composite action."""
    for (name, job), body in JOBS.items():
        for step in body.get("steps", ()):
            yield Step(where=name, job=job, body=step)
    for step in load(ACTION)["runs"]["steps"]:
        yield Step(where="stack", job="", body=step)


def named(where: str, name: str) -> Step:
    """The step with this name; in `deploy` it may stand in several jobs, alike."""
    found = [step for step in steps() if step.where == where and step.body.get("name") == name]
    assert found, name
    assert len({step.run for step in found}) == 1, name
    return found[0]


def shell(step: Step) -> list[str]:
    """The shell that GitHub starts for a step, with `{0}` where the file with the script goes."""
    told: str = step.body.get("shell") or WORKFLOWS[step.where]["defaults"]["run"]["shell"]
    return told.split()


def execute(
    step: Step, folder: Path, scratch: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a step's script in `folder` as GitHub does, from a file. Programs in `scratch/bin` come before others."""
    script = scratch / f"{re.sub('[^a-z]+', '-', step.body['name'].lower())}.sh"
    script.write_text(step.run, encoding="utf-8")
    return subprocess.run(
        [part.replace("{0}", str(script)) for part in shell(step)],
        cwd=folder,
        env={
            "PATH": f"{scratch / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(scratch),
            "LANG": "C.UTF-8",
            "RUNNER_TEMP": str(scratch),
            "GITHUB_OUTPUT": str(scratch / "output"),
            "GITHUB_STEP_SUMMARY": str(scratch / "summary"),
            "GITHUB_REPOSITORY": "langpont/database",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


class StandIn:
    """A program of the runner, such as `gh`: it writes down its arguments and answers as it is told."""

    def __init__(self, scratch: Path, name: str) -> None:
        self._calls, self._answers = scratch / f"{name}.calls", scratch / f"{name}.answers"
        self._calls.write_text("")
        self.answer()
        program = scratch / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            f"#!{sys.executable}\n"
            "import json, pathlib, sys\n"
            f"with open({str(self._calls)!r}, 'a') as calls: print(json.dumps(sys.argv[1:]), file=calls)\n"
            f"for word, code, text in json.loads(pathlib.Path({str(self._answers)!r}).read_text()):\n"
            "    if any(word in argument for argument in sys.argv[1:]):\n"
            "        sys.stdout.write(text)\n"
            "        sys.exit(code)\n"
        )
        program.chmod(0o755)

    def answer(self, *answers: tuple[str, int, str]) -> None:
        """For the first of these words that is in an argument: exit code and standard output. Else 0 and nothing."""
        self._answers.write_text(json.dumps(answers))

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of each call so far."""
        return [json.loads(line) for line in self._calls.read_text().splitlines()]
