"""`preview --against` an export: the stack file against what is deployed, as the engine's own preview has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from preview import __main__ as command
from preview.deployed import ExportError, deployed
from tests.engine import rehearsal
from tests.engine.conftest import Open
from tests.engine.workplace import Workplace
from tests.recordings import ROOT

CHANGES = {"database": {"instanceClass": "db.t4g.small", "parameters": {"work_mem": "5MB"}, "port": 6000}}
EXPORTS = {"sealed.json": (), "opened.json": ("--show-secrets",)}


def export(workplace: Workplace, file: Path, *arguments: str) -> Path:
    file.write_text(workplace.run("stack", "export", *arguments).stdout, encoding="utf-8")
    return file


def run(workplace: Workplace, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(command.app, ["dev", "--project", str(workplace.file.parent), *arguments])
    return done.exit_code, done.output


def test_what_is_deployed_is_compared_as_the_engine_does_and_no_secret_is_shown(
    deployed_dev: Workplace, tmp_path: Path
) -> None:
    sealed, opened = (export(deployed_dev, tmp_path / name, *how) for name, how in EXPORTS.items())
    code, page = run(deployed_dev, "--against", str(opened))
    change, _, stack = page.partition(f"\n{'-' * 80}\n")
    # Lines break by the length of the path.
    assert (code, change.split()) == (
        0,
        f"langpont-database / dev ap-northeast-1 compared with {opened}; AWS itself was not asked "
        "effect nothing visible window not needed policy 5 advisory Nothing differs".split(),
    )
    assert stack.startswith("langpont-database / dev  all of it, as these files make it\n")
    deployed_dev.edit(CHANGES)
    preview = json.loads(deployed_dev.run("preview", "--json").stdout)
    engine = rehearsal.grouped(rehearsal.steps(preview), "dev")
    found = deployed(deployed_dev.file.parent, "dev", opened)
    steps = {touch.step.key: touch.step for line in found.lines for touch in line.touches}
    told = sorted(
        (rehearsal.Step(each.call, each.type, each.name, each.properties) for each in steps.values()),
        key=lambda it: (it.call, it.type, it.changed, it.name),
    )
    assert (rehearsal.grouped(told, "dev"), found.sealed) == (engine, {})
    page = run(deployed_dev, "--against", str(opened), "--json")[1] + run(deployed_dev, "--against", str(opened))[1]
    state = json.loads(opened.read_text(encoding="utf-8"))["deployment"]["resources"]
    passwords = [json.loads(it["outputs"]["result"]["plaintext"]) for it in state if it["type"].endswith("Password")]
    assert passwords and not [each for each in passwords if each in page]
    # What is encrypted is not guessed.
    half = deployed(deployed_dev.file.parent, "dev", sealed)
    kinds = {key: keys for key, keys in half.sealed.items() if key[0].endswith(("Version", "Instance"))}
    assert set(kinds.values()) == {("secretString",), ("password",)}


@pytest.fixture
def deployed_dev(deployed: Open) -> Workplace:
    return deployed("dev")


def test_what_is_no_export_of_the_stack_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    file.write_text("{}")
    with pytest.raises(ExportError, match="is no export of a stack. Write one with `pulumi stack export --stack dev"):
        deployed(ROOT, "dev", file)
    file.write_text(json.dumps({"deployment": {"resources": [{"urn": "urn:pulumi:qa::shop::a:b:C::d"}]}}))
    with pytest.raises(ExportError, match=r"is of another stack \(qa of shop\). Export dev of langpont-database.$"):
        deployed(ROOT, "dev", file)


def test_without_the_cli_a_file_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExportError, match="^The Pulumi CLI is not installed. Name a file"):
        deployed(ROOT, "dev", None)
