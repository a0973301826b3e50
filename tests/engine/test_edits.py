"""The typical edits, there and back: what the goldens say is what the engine does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine import cli
from tests.engine.conftest import Open
from tests.engine.edits import EDITS, GOLDENS, deploy, golden
from tests.engine.rehearsal import RIGHT, header, rehearse

RENDER = "If the change is meant, run `python -m tests.engine.edits {name}`, and commit the file."
# One for each kind of effect: in place, replaced, made and deleted, nothing. What protection refuses: test_protection.
KINDS = ("class", "password-application", "restore-instead", "parameter-written-differently")


def test_each_edit_has_its_golden_and_no_other_lies_there() -> None:
    assert {path.name for path in GOLDENS.iterdir()} == {golden(name).name for name in EDITS}


@pytest.mark.parametrize("name", EDITS)
def test_a_golden_says_what_the_table_does_and_ends_right_unless_it_is_marked(name: str) -> None:
    edit, lines = EDITS[name], golden(name).read_text(encoding="utf-8").splitlines()
    assert lines[: len(header(edit))] == header(edit)
    assert (lines[-1] == f"Result: {RIGHT}") is not bool(edit.wrong or edit.because)


@pytest.mark.parametrize("name", KINDS)
def test_an_edit_of_each_kind_does_what_its_golden_says(deployed: Open, name: str) -> None:
    done = rehearse(EDITS[name], deployed(EDITS[name].stack), brief=True)
    assert golden(name).read_text(encoding="utf-8").startswith(done.text), RENDER.format(name=name)


@pytest.mark.long
@pytest.mark.parametrize("name", EDITS)
def test_an_edit_there_and_back_is_its_golden(deployed: Open, pulumi: cli.Cli, tmp_path: Path, name: str) -> None:
    edit = EDITS[name]
    if edit.before:
        workplace = deploy(tmp_path / name, pulumi, edit)
        done = rehearse(edit, workplace)
        workplace.close()
    else:
        done = rehearse(edit, deployed(edit.stack))
    assert done.text == golden(name).read_text(encoding="utf-8"), RENDER.format(name=name)
    assert bool(done.faults) == bool(edit.wrong or edit.because), done.faults
