"""What a change is foretold to do, against what Pulumi's engine did with it: the goldens of the edits, line by line."""

from __future__ import annotations

import pytest

from tests.engine import rehearsal
from tests.engine.edits import EDITS, golden
from tests.engine.foretold import foretold, rendered


def _section(lines: list[str], title: str) -> list[str]:
    """The lines below the first heading of that title."""
    start = lines.index(title) + 1
    end = next((at for at, line in enumerate(lines[start:], start) if not line.startswith("  ")), len(lines))
    return [line[2:] for line in lines[start:end]]


# One for each kind of effect and of its cause: the others run with --long, as the engine itself does.
KINDS = (
    "class", "class-in-window", "iops", "port", "parameter-static", "parameter-written-differently", "protect",
    "keys-to-aws-protected", "vpc-cidr-protected", "password-master", "zone-added-before-the-first",
    "class-beside-a-kept-generation",
)  # fmt: skip


@pytest.mark.parametrize(
    "name", [name if name in KINDS else pytest.param(name, marks=pytest.mark.long) for name in EDITS]
)
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


@pytest.mark.long
def test_the_table_of_the_documents_is_what_is_foretold() -> None:
    document, text = rendered()
    assert document.read_text(encoding="utf-8") == text, (
        "Write it with `python -m tests.engine.edits`, which renders all edits."
    )
