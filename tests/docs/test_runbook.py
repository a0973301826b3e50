"""docs/runbook.md and README.md against the program: every alarm has its section, every table and link is true."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from blueprint.outputs import OUTPUTS
from blueprint.platform import Platform
from blueprint.settings import SECTIONS, Settings
from blueprint.stack_file.load import _inner_model, load
from recording import stack_files
from tests.docs import DOCUMENTS, anchors, headings, links, make_targets, read, settings_blocks, table
from tests.recordings import (
    DEPLOYABLE,
    PROJECT,
    REGION,
    ROOT,
    STACKS,
    changed,
    frozen,
    recording,
)

RUNBOOK, README = read("docs/runbook.md"), read("README.md")


def alarm_keys() -> set[str]:
    """Keys of all alarms of the fixture stacks, and of the deployable ones."""
    files = [*map(frozen, STACKS), *(stack_files.load(ROOT, stack) for stack in DEPLOYABLE)]
    platforms = (Platform(load(file.sections(), environment=file.stack, region=REGION)) for file in files)
    return {alarm.key for platform in platforms for alarm in platform.alarms}


# The runbook


def test_every_alarm_has_one_section_and_every_section_an_alarm() -> None:
    assert sorted(headings(RUNBOOK, 2)) == sorted(alarm_keys())


@pytest.mark.parametrize("key", headings(RUNBOOK, 2))
def test_a_section_says_what_it_means_where_to_look_what_to_do_and_when_to_escalate(key: str) -> None:
    section = RUNBOOK.split(f"\n## {key}\n")[1].split("\n## ")[0].split("\n### ")[0]
    for word in ("Means", "Look at", "Do", "Escalate"):
        assert f"**{word}**" in section, word


def test_the_link_in_every_alarms_message_leads_to_its_section() -> None:
    messages = {
        alarm.inputs["alarmDescription"].rpartition(" Runbook: ")[2]
        for stack in STACKS
        for alarm in recording(stack).of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    }
    assert messages == {f"docs/runbook.md#{key}" for key in alarm_keys()}


@pytest.mark.parametrize("block", settings_blocks(RUNBOOK), ids=lambda block: ",".join(block))
def test_every_setting_that_a_procedure_asks_for_loads_in_prod(block: dict[str, Any]) -> None:
    stack_file = changed(frozen("prod"), block)
    document = {
        key.removeprefix(f"{PROJECT}:"): json.loads(value)
        for key, value in stack_file.config.items()
        if key.startswith(f"{PROJECT}:")
    }
    load(document, environment="prod", region=REGION)


# The README


def test_the_outputs_table_is_the_programs() -> None:
    assert table(README, "output", "type", "meaning") == [tuple(output) for output in OUTPUTS]


def test_the_settings_table_is_the_settings() -> None:
    written = [(section, settings.replace("`", "")) for section, settings in table(README, "section", "settings")]
    assert written == [(section, settings.replace("`", "")) for section, settings in settings_rows()]


def settings_rows() -> list[tuple[str, str]]:
    """Each section with its keys: bold if required, with the default if it has one. Inner sections follow theirs."""
    return [
        row
        for key, name in SECTIONS.items()
        for row in _section(key, _inner_model(Settings.model_fields[name].annotation))
    ]


def _section(key: str, model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    yield key, ", ".join(_setting(name, info) for name, info in model.model_fields.items())
    for name, info in model.model_fields.items():
        inner = _inner_model(info.annotation)
        if inner.model_fields and info.default is None:
            yield from _section(f"{key}.{info.alias or name}", inner)


def _setting(name: str, info: Any) -> str:
    key = info.alias or name
    if info.is_required():
        return f"**`{key}`**"
    return f"`{key}`" if info.default is None else f"`{key}: {_default(info.default)}`"


def _default(value: Any) -> str:
    if isinstance(value, BaseModel):
        parts = (f"{info.alias}: {getattr(value, name)}" for name, info in type(value).model_fields.items())
        return f"{{{', '.join(parts)}}}"
    if isinstance(value, tuple | dict) and not value:
        return "[]" if isinstance(value, tuple) else "{}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_every_make_command_of_the_documents_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    told = {target for document in DOCUMENTS for target in make_targets(read(document))}
    assert {"preview", "test", "check"} <= told <= targets


def test_every_folder_of_the_layout_exists_and_none_is_missing() -> None:
    layout = {path.rstrip("/") for path, _ in table(README, "path", "what is there")}
    assert {path for path in layout if not (ROOT / path).exists()} == set()
    packages = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    assert packages <= layout


# Links


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_to_a_file_and_a_heading_of_the_repository(document: str) -> None:
    for link in links(read(document)):
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(Path(target).read_text(encoding="utf-8")), link
