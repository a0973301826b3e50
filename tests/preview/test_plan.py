"""What a change is foretold to do, against what Pulumi's engine did with it: the goldens of the edits, line by line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from blueprint.platform import Platform
from preview.document import document
from preview.report import Report, settings
from preview.standing import of_document
from recording.answers import Answers
from recording.plan import Key, Plan, Standing, plan
from tests.engine import rehearsal
from tests.engine.edits import EDITS, golden
from tests.recordings import REGION, changed, frozen, record_with


@cache
def _base(stack: str, changes: str) -> Mapping[Key, Standing]:
    asked: Mapping[str, Any] = json.loads(changes)
    report = Report(
        platform=Platform(settings(changed(frozen(stack), asked))),
        first=record_with(stack, asked, preview=True),
        update=record_with(stack, asked),
    )
    return of_document(json.loads(json.dumps(document(report))))


def foretold(name: str) -> Plan:
    """What `pulumi up` would do after an edit."""
    edit = EDITS[name]
    file = changed(changed(frozen(edit.stack), edit.before), edit.changes)
    return plan(file, _base(edit.stack, json.dumps(edit.before)), Answers(REGION))


def _section(lines: list[str], title: str) -> list[str]:
    """The lines below the first heading of that title."""
    start = lines.index(title) + 1
    end = next((at for at, line in enumerate(lines[start:], start) if not line.startswith("  ")), len(lines))
    return [line[2:] for line in lines[start:end]]


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_foretold_as_the_engine_previews_it_resource_by_resource(name: str) -> None:
    lines, found = golden(name).read_text(encoding="utf-8").splitlines(), foretold(name)
    prefix = f"langpont-{EDITS[name].stack}-"
    first = next(line for line in lines if line.startswith("preview"))
    if first == "preview: refused":
        refused = {(each.call, each.name.removeprefix(prefix)) for each in found.steps if each.refused}
        said = {_refusal(line) for line in _section(lines, first)}
        # The engine ends with the first kind that it meets: what it would delete it then does not say.
        assert said and said <= refused
        assert {each for each in refused if each[0] == "replace"} <= said
    else:
        steps = [rehearsal.Step(each.call, each.type, each.name, each.properties) for each in found.steps]
        steps.sort(key=lambda it: (it.call, it.type, it.changed, it.name))
        engine = [] if first == "preview: nothing" else _section(lines, first)
        assert rehearsal.grouped(steps, EDITS[name].stack) == engine
        assert not [each for each in found.steps if each.refused]
    assert not found.sealed


def _refusal(line: str) -> tuple[str, str]:
    name = line.partition(" resource ")[2].partition(" ")[0]
    return ("delete" if "cannot be deleted" in line else "replace"), name
