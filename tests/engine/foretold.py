"""The table of docs/changes.md: each edit with what it is foretold to do. `python -m tests.engine.edits` writes it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from blueprint.platform import Platform
from documents.markdown import code, table
from preview.difference import ValueChange, compare
from preview.document import document
from preview.effects.lines import lines
from preview.effects.model import Effect, Line, When
from preview.report import Report, settings
from preview.standing import of_document
from preview.text.effects import alike, happens, shown, told
from recording.answers import Answers
from recording.plan import Key, Plan, Standing, plan
from tests.engine.edits import EDITS, golden
from tests.recordings import REGION, ROOT, changed, frozen, record_with

DOCUMENT = ROOT / "docs" / "changes.md"
NAMES = 3
BEGIN, END = "<!-- generated: edits -->", "<!-- end -->"


@cache
def standing(stack: str, changes: str) -> Mapping[Key, Standing]:
    """What stands before an edit, as another version's preview tells it."""
    asked: Mapping[str, Any] = json.loads(changes)
    report = Report(
        platform=Platform(settings(changed(frozen(stack), asked))),
        first=record_with(stack, asked, preview=True),
        update=record_with(stack, asked),
    )
    return of_document(json.loads(json.dumps(document(report))))


@cache
def foretold(name: str) -> Plan:
    """What `pulumi up` would do after an edit."""
    edit = EDITS[name]
    file = changed(changed(frozen(edit.stack), edit.before), edit.changes)
    return plan(file, standing(edit.stack, json.dumps(edit.before)), Answers(REGION))


def differing(name: str) -> tuple[ValueChange, ...]:
    """The settings that an edit changes."""
    edit = EDITS[name]
    before = changed(frozen(edit.stack), edit.before)
    sides = ({"settings": file.sections()} for file in (before, changed(before, edit.changes)))
    return compare(*sides).sections["settings"]


def line(name: str) -> Line:
    """All that an edit does, in one line, whichever of its settings is behind it."""
    edit, done = EDITS[name], foretold(name)
    base = standing(edit.stack, json.dumps(edit.before))
    file = changed(changed(frozen(edit.stack), edit.before), edit.changes)
    found = lines(file, base, done, before=None, settings=differing(name), answers=Answers(REGION))
    return found[0] if found else Line(settings=(), touches=())


def rendered() -> tuple[Path, str]:
    """docs/changes.md with its table as the program stands."""
    heads = ("stack", "change", "effect", "what follows", "how long", "cut off", "operations")
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    return DOCUMENT, f"{before}{BEGIN}\n\n{table(heads, map(_row, EDITS))}\n\n{END}{rest.partition(END)[2]}"


def _row(name: str) -> tuple[str, ...]:
    found = line(name)
    worst = [(touch, each) for touch, each in shown(found) if each.effect is not Effect.NOTHING]
    takes = dict.fromkeys(each.takes.text for _, each in worst if each.takes)
    cut_off = dict.fromkeys(each.cut_off for _, each in worst if each.cut_off)
    effect = found.effect.value if found.touches else "nothing is done"
    link = f"[{_operations(foretold(name))}](../tests/golden/edits/{golden(name).name})"
    change = "; ".join(f"{code(path)} {value}".replace("|", "/") for path, value in map(told, differing(name)))
    return (
        EDITS[name].stack, change, effect, "; ".join(_followed(found)), "; ".join(takes), "; ".join(cut_off), link,
    )  # fmt: skip


def _followed(found: Line) -> Iterator[str]:
    for consequence, names in alike(found).items():
        if consequence.effect is not Effect.NOTHING:
            when = "" if consequence.when is When.AT_ONCE else f", {consequence.when.value}"
            yield f"{happens(names, consequence.what, most=NAMES)}{when}"


def _operations(found: Plan) -> str:
    counts = Counter(step.call for step in found.steps)
    order = ("create", "update", "replace", "delete")
    refused = ["refused"] if any(step.refused for step in found.steps) else []
    return ", ".join(refused or [f"{call} {counts[call]}" for call in order if counts[call]]) or "nothing"
