"""The typical edits of the fixture stacks, rehearsed on this machine: measured, kept, and as a table.

What no server would know of is not run: nothing of it would happen here.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.parts import Part, Progress
from benchmarks.parts import measure as measure_part
from documents.markdown import code, table
from local.rehearsal import command
from local.rehearsal.errors import RehearsalError
from local.servers import binaries
from local.servers.account import server_account
from local.servers.errors import DataPlaneError
from local.servers.plan import DataPlan, data_plan
from local.state import PLACE_VARIABLE, Folders
from preview.effects.model import Effect
from preview.rehearsed import Work
from preview.text import rehearsed as text
from preview.text.effects import told
from recording import engine
from recording.answers import Answers
from recording.stack_files import StackFile
from tests.engine.edits import EDITS, golden
from tests.engine.foretold import differing, line
from tests.recordings import FIXTURES, REGION, ROOT, changed, edit_file, frozen

RESULTS = ROOT / "benchmarks" / "rehearsals.json"
DOCUMENT = ROOT / "docs" / "changes.md"
BEGIN, END = "<!-- generated: rehearsals -->", "<!-- end -->"
WHICH, KINDS = "which", ("rehearsed", "elsewhere", "refused")
HEADS = (
    "stack", "change", "foretold", "AWS's range", "servers here", "applied, s", "without a commit, s", "failed writes",
    "without a read, s", "failed reads", "commits lost", "verdict",
)  # fmt: skip
# What a rehearsal runs and reads: the rooms, and the stack files beside them.
_LEFT_OUT = shutil.ignore_patterns(".*", "venv", "node_modules", "docs", "tests")
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)

Results = Mapping[str, Any]


def measure(names: Sequence[str], kept: Path, *, busy: bool) -> dict[str, Any]:
    """Rehearse these edits, or all, as far as that is not done yet; what was measured in the schema of RESULTS.

    Each is written to `kept` as it is done. A rehearsal that other programs disturbed is repeated, three times at most,
    and left out; with `busy` whatever comes out is good enough.
    """
    begun = time.monotonic()

    def say(what: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - begun), 60)
        print(f"{minutes}:{seconds:02d}  {what}", file=sys.stderr, flush=True)

    _adopt_orphans()
    folders = Folders.of(ROOT, "prod")
    with _project(folders.run.parent) as project:
        found = binaries.find(folders.run.parent / "postgresql", server_account(), say=say)
        about = {"commit": machine.commit(), "machine": machine.machine(found), "effort": {}}
        progress = Progress(kept, json.loads(json.dumps(about)))
        if not names:
            say("Looking which edits reach a server")
            measure_part(progress, WHICH, which, say, busy=True)
        for name in names or progress.parts[WHICH].results["rehearsed"]:
            say(f"{name}: {_change(name)}")
            measure_part(progress, name, partial(_rehearse, project, name), say, busy=busy)
    parts = {name: part for name, part in progress.parts.items() if name != WHICH and (part.quiet or busy)}
    return {
        "measured": max((part.measured for part in parts.values()), default="")[: len("2026-11-30")],
        "commit": progress.about["commit"],
        "machine": progress.about["machine"],
        **(progress.parts[WHICH].results if WHICH in progress.parts else {kind: [] for kind in KINDS}),
        "edits": {name: {**part.results, **part.circumstances()} for name, part in parts.items()},
    }


def which() -> dict[str, list[str]]:
    """The edits by what becomes of them here: rehearsed, elsewhere (no server would know) and refused."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for name in EDITS:
        refused = line(name).effect is Effect.REFUSED
        found["refused" if refused else "rehearsed" if reaches_servers(name) else "elsewhere"].append(name)
    return found


def reaches_servers(name: str) -> bool:
    """Whether the servers, their parameters, logins or PgBouncer's files are others after an edit."""
    edit = EDITS[name]
    before = changed(frozen(edit.stack), edit.before)
    try:
        return _plan(before) != _plan(changed(before, edit.changes))
    except DataPlaneError:
        return False


def _plan(file: StackFile) -> DataPlan:
    return data_plan(engine.record(file, Answers(REGION), preview=False))


def _rehearse(project: Path, name: str) -> dict[str, Any]:
    """One edit in the schema of RESULTS: what is foretold, and what was measured or why the platform refuses it."""
    edit, foretold = EDITS[name], line(name)
    before, after = project.parent / f"{name}.yaml", project / f"Pulumi.{edit.stack}.yaml"
    shutil.copy(FIXTURES / after.name, before)
    edit_file(before, edit.before)
    shutil.copy(before, after)
    edit_file(after, edit.changes)
    takes = dict.fromkeys(each.takes.text for _, each in foretold.consequences if each.takes)
    about = {"stack": edit.stack, "settings": _change(name), "foretold": foretold.effect.value, "takes": list(takes)}
    try:
        against = command.rehearsed(project, edit.stack, str(before), lambda _: None).against
    except RehearsalError as refused:
        return about | {"refused": str(refused).partition("\n")[0]}
    if stopped := against.report.stopped:
        return about | {"refused": f"by the policy pack: {stopped[0].message}"}
    assert against.rehearsed is not None, f"{name} changes nothing, or is refused"
    return about | against.rehearsed.to_json() | {"verdict": text.whole(against.lines, against.rehearsed)}


def _change(name: str) -> str:
    """The settings that an edit changes, in a cell of a table."""
    return "; ".join(f"{code(path)} {value}".replace("|", "/") for path, value in map(told, differing(name)))


@contextmanager
def _project(servers: Path) -> Iterator[Path]:
    """The rooms with the frozen stack files, whose servers lie beside those of the repository."""
    before = os.environ.get(PLACE_VARIABLE)
    os.environ[PLACE_VARIABLE] = str(servers)
    try:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, "rooms")
            shutil.copytree(ROOT, copy, ignore=_LEFT_OUT)
            shutil.copytree(FIXTURES, copy, dirs_exist_ok=True)
            yield copy
    finally:
        del os.environ[PLACE_VARIABLE]
        if before is not None:
            os.environ[PLACE_VARIABLE] = before


def _adopt_orphans() -> None:
    """Let servers whose `up` has ended be this process's children, so that they do not count as other programs."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


# The table


def load() -> dict[str, Any]:
    """What was measured last."""
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


def rendered(document: str, results: Results) -> str:
    """The document with its table of rehearsals."""
    before, _, rest = document.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{_part(results)}\n\n{END}{rest.partition(END)[2]}"


def _part(results: Results) -> str:
    edits, about = results["edits"], results["machine"]
    disturbed = sum(not Part.from_json(None, each).quiet for each in edits.values())
    said = [
        f"One rehearsal of each, {results['measured']}, commit {results['commit']}, on {about['cpu']} with "
        f"{about['cores']} cores, PostgreSQL {about['postgresql']}, PgBouncer {about['pgbouncer']}"
    ]
    said += [f"other programs disturbed {disturbed} of {len(edits)}"] if disturbed else []
    rows = [_row(edits[name]) for name in EDITS if name in edits]
    parts = [f"{'; '.join(said)}.", table(HEADS, rows)]
    known = {*edits, *results["elsewhere"], *results["refused"]}
    for names, what in (
        (results["elsewhere"], "No server here would know of"),
        ([name for name in EDITS if name not in known], "Not measured yet"),
    ):
        links = [f"[{name}](../tests/golden/edits/{golden(name).name})" for name in names if name in EDITS]
        parts += [f"{what}: {', '.join(links)}."] if links else []
    return "\n\n".join(parts)


def _row(result: Mapping[str, Any]) -> tuple[str, ...]:
    beginning = (result["stack"], result["settings"], result["foretold"], "; ".join(result["takes"]))
    if "refused" in result:
        return (*beginning, *[""] * 7, f"refused: {result['refused']}".replace("|", "/"))
    writes, reads = (Work(**result[each]) for each in ("writes", "reads"))
    return (
        *beginning, "; ".join(result["did"]) or "nothing", f"{result['apply_seconds']:.0f}",
        f"{writes.longest_seconds:.1f}", str(sum(writes.failed.values())), f"{reads.longest_seconds:.1f}",
        str(sum(reads.failed.values())), str(result["lost"]), result["verdict"],
    )  # fmt: skip
