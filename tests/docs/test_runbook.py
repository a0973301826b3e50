"""docs/runbook.md against the program: every alarm has its section, every setting that it asks for loads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blueprint.platform import Platform
from blueprint.stack_file.load import load
from recording import stack_files
from tests.docs import headings, read, settings_blocks
from tests.recordings import (
    DEPLOYABLE,
    FROZEN,
    PROJECT,
    REGION,
    ROOT,
    changed,
    frozen,
    recording,
)

RUNBOOK, README = read("docs/runbook.md"), read("README.md")


def alarm_keys() -> set[str]:
    """Keys of all alarms of the fixture stacks, and of the deployable ones."""
    files = [*map(frozen, FROZEN), *(stack_files.load(ROOT, stack) for stack in DEPLOYABLE)]
    platforms = (Platform(load(file.sections(), environment=file.stack, region=REGION)) for file in files)
    return {alarm.key for platform in platforms for alarm in platform.alarms}


# The runbook


def test_every_alarm_has_one_section_and_every_section_an_alarm() -> None:
    assert sorted(headings(RUNBOOK, 2)) == sorted(alarm_keys())


def test_the_link_in_every_alarms_message_leads_to_its_section() -> None:
    recorded = map(recording, FROZEN)
    messages = {
        alarm.inputs["alarmDescription"].rpartition(" Runbook: ")[2]
        for each in recorded
        for alarm in each.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
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
