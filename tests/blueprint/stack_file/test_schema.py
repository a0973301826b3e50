"""The JSON schema that editors check stack files with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from blueprint.settings import SECTIONS
from blueprint.stack_file.schema import schema
from recording import stack_files

ROOT = Path(__file__).parents[3]
STACKS = stack_files.names(ROOT)


def test_the_file_in_the_repository_is_the_one_the_settings_give() -> None:
    assert json.loads((ROOT / "stack.schema.json").read_text()) == schema(), "stack.schema.json is stale: make schema"


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_file_names_it_in_its_first_line(stack: str) -> None:
    first = (ROOT / f"Pulumi.{stack}.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=./stack.schema.json"


@pytest.mark.parametrize("stack", STACKS)
def test_it_knows_every_key_of_a_stack_file(stack: str) -> None:
    document = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())
    ours = {key for key in document["config"] if key.startswith("langpont-database:")}
    assert ours <= set(schema()["properties"]["config"]["properties"])


def test_its_project_is_the_one_of_the_project_file() -> None:
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["name"]
    properties = set(schema()["properties"]["config"]["properties"])
    assert properties == {"aws:region", *(f"{project}:{key}" for key in SECTIONS)}


def test_unknown_keys_are_marked_everywhere() -> None:
    made = schema()
    models = {name: model for name, model in made["$defs"].items() if model["type"] == "object"}
    others = {name for name, model in models.items() if model.get("additionalProperties") is not False}
    assert others == {"Tags"}  # whose keys are your own
    assert made["properties"]["config"]["additionalProperties"] is False


def test_numbers_have_their_bounds_and_choices_their_values() -> None:
    definitions = schema()["$defs"]
    assert definitions["Backups"]["properties"]["retentionDays"] == {
        "default": 7,
        "description": "Days back to which RDS restores any second; 0 turns automated backups off.",
        "maximum": 35,
        "minimum": 0,
        "type": "integer",
    }
    assert definitions["Database"]["properties"]["deletionPolicy"]["enum"] == ["protected", "disposable"]
    assert definitions["Backups"]["properties"]["window"]["default"] == "03:00-04:00"


def test_parameters_are_completed_with_what_they_are_and_refused_ones_are_not_offered() -> None:
    offered = schema()["$defs"]["Database"]["properties"]["parameters"]["properties"]
    assert offered["work_mem"]["description"].startswith("memory size; ")
    assert "wal_level" not in offered


def test_every_setting_says_what_it_is_in_a_sentence() -> None:
    fields = {
        f"{name}.{key}": shape.get("description", "")
        for name, model in schema()["$defs"].items()
        for key, shape in model["properties"].items()
    }
    assert {field for field, said in fields.items() if not (said[:1].isupper() or said[:4] == "gp3 ")} == set()
    assert {field for field, said in fields.items() if not said.endswith(".")} == set()
