"""What the CLI makes of a stack file: it writes it anew, and all that reads one bears it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from blueprint.stack_file.load import load
from blueprint.stack_file.schema import schema
from recording import engine, stack_files
from recording.answers import Answers
from tests.engine.conftest import Open
from tests.recordings import FIXTURES, PROJECT, REGION


@pytest.mark.parametrize("stack", ["dev"])
def test_a_file_that_the_cli_has_rewritten_is_as_good_as_before(deployed: Open, stack: str) -> None:
    workplace = deployed(stack)
    before = (FIXTURES / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")
    after_init = workplace.file.read_text(encoding="utf-8")
    workplace.run("config", "set", "--path", "backups.retentionDays", "2")
    workplace.run("config", "set", "--path", "access.databaseNetworks[0]", "10.8.0.0/16")
    written = workplace.file.read_text(encoding="utf-8")

    def lines(text: str, *, comments: bool) -> list[str]:
        return [line for line in text.splitlines() if line.strip() and line.strip().startswith("#") is comments]

    assert set(lines(before, comments=True)) <= set(lines(written, comments=True))
    assert [key for key in yaml.safe_load(after_init) if key != "config"] == ["encryptionsalt"]
    found = stack_files.load(workplace.project, stack)
    sections = found.sections()
    assert (sections["backups"]["retentionDays"], sections["access"]) == (2, {"databaseNetworks": ["10.8.0.0/16"]})
    settings = load(sections, environment=stack, region=REGION)
    assert settings.backups.retention_days == 2
    known = schema()["properties"]["config"]["properties"]
    ours: dict[str, Any] = yaml.safe_load(written)["config"]
    assert {key for key in ours if key.startswith(f"{PROJECT}:")} <= set(known)
    assert engine.record(found, Answers(REGION), preview=True).registrations
    workplace.up()
    assert workplace.preview() == []
    assert json.loads(workplace.run("config", "get", f"{PROJECT}:backups").stdout)["retentionDays"] == 2
