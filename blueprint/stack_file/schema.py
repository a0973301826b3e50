"""The JSON schema of a stack file, made from the settings: `python -m blueprint.stack_file.schema` prints it.

Stack files name it in their first line, so that an editor completes keys and marks mistakes while one types. It checks
shapes; rules between fields, and AWS's own, are checked by the preview.
"""

from __future__ import annotations

import json
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic.json_schema import GenerateJsonSchema

from blueprint.settings import SECTIONS, Settings

# The namespace of the settings, as the Pulumi CLI has it.
PROJECT: str = yaml.safe_load(Path(__file__).parents[2].joinpath("Pulumi.yaml").read_text(encoding="utf-8"))["name"]


def schema() -> dict[str, Any]:
    """JSON Schema draft 2020-12 of `Pulumi.<stack>.yaml`: our sections are checked, other namespaces are left alone."""
    model = Settings.model_json_schema(by_alias=True, schema_generator=Schema)
    sections = {f"{PROJECT}:{key}": model["properties"][to_camel(name)] for key, name in SECTIONS.items()}
    required = [f"{PROJECT}:{key}" for key in model["required"] if key in SECTIONS]
    for key in sections.keys() - set(required):  # a key without a value means the defaults
        section, default = sections[key], sections[key].pop("default")
        sections[key] = {"anyOf": [section, {"type": "null"}], "default": default}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stack file of the database platform",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": {"aws:region": {"type": "string", "description": "AWS region."}, **sections},
                "patternProperties": {f"^(?!{PROJECT}:)": {}},
                "additionalProperties": False,
                "required": ["aws:region", *required],
            }
        },
        "required": ["config"],
        "$defs": model["$defs"],
    }


class Schema(GenerateJsonSchema):
    """Without the titles that pydantic derives from names: an editor would show them instead of the descriptions."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def encode_default(self, dft: Any) -> Any:
        """Defaults as one writes them in the file."""
        if isinstance(dft, BaseModel):
            return dft.model_dump(mode="json", by_alias=True)
        return str(dft) if is_dataclass(dft) else super().encode_default(dft)


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2))
