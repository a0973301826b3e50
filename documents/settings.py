"""The settings of a stack file as tables, from the JSON schema that editors check it with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from blueprint.settings import SECTIONS
from blueprint.stack_file.schema import PROJECT, schema
from documents.markdown import code, codes, table

_LISTED = 8  # longer lists of values are told by their ends
Shape = Mapping[str, Any]


def settings() -> str:
    """A heading and a table for each section; one that stands inside another follows it."""
    return "\n\n".join(
        f"## {path}\n\n{model['description']}\n\n{_table(path, model)}" for path, model in sections().items()
    )


def sections() -> dict[str, Shape]:
    """The model of each section by its path in the file, such as `network.vpc`; `replicas[]` for an item of a list."""
    whole = schema()
    properties = whole["properties"]["config"]["properties"]
    found: dict[str, Shape] = {}
    for key in SECTIONS:
        written = properties[f"{PROJECT}:{key}"]
        shape = written.get("anyOf", [written])[0]  # the other one is null
        path = f"{key}[]" if shape.get("type") == "array" else key
        found |= _with_inner(path, _model(shape, whole["$defs"]), whole["$defs"])
    return found


def _with_inner(path: str, model: Shape, models: Shape) -> Iterator[tuple[str, Shape]]:
    yield path, model
    for name, shape in model["properties"].items():
        if _reference(shape):
            yield from _with_inner(f"{path}.{name}", _model(shape, models), models)


def _model(shape: Shape, models: Shape) -> Shape:
    model: Shape = models[_reference(shape).rpartition("/")[2]]
    return model


def _reference(shape: Shape) -> str:
    """Where the model of a section stands, also of one in a list or one that may be left out; "" for a value."""
    for inner in (shape, shape.get("items") or {}, *shape.get("anyOf", ())):
        if "$ref" in inner:
            return str(inner["$ref"])
    return ""


def _table(path: str, model: Shape) -> str:
    required = model.get("required", ())
    rows = (
        (code(name), _takes(path, name, shape), _default(shape, required=name in required), shape["description"])
        for name, shape in model["properties"].items()
    )
    if not model["properties"]:
        return table(("setting", "takes"), [("a key of yours", _values(model["additionalProperties"]))])
    return table(("setting", "takes", "default", "what it is"), rows)


def _default(shape: Shape, *, required: bool) -> str:
    if required:
        return "**required**"
    value = shape["default"]
    return "left out" if value is None else code(_as_written(value))


def _as_written(value: Any) -> str:
    """A default as one writes it in YAML."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_as_written(item)}' for key, item in value.items())}}}"
    return str(value) if isinstance(value, str) else json.dumps(value)


def _takes(path: str, name: str, shape: Shape) -> str:
    if _reference(shape):
        return f"[its own settings](#{f'{path}{name}'.replace('.', '').lower()})"
    return _values(next((each for each in shape.get("anyOf", ()) if each["type"] != "null"), shape))


def _values(shape: Shape) -> str:
    """What a value may be, in words."""
    kind = shape["type"]
    if "enum" in shape:
        values = shape["enum"]
        return (
            codes(values)
            if len(values) <= _LISTED
            else f"{code(values[0])} to {code(values[-1])}, {len(values)} values"
        )
    if kind == "array":
        return f"list: {_values(shape['items'])}"
    if kind == "object":
        return f"by name: {_values(shape['additionalProperties'])}"
    if isinstance(kind, list):
        return "a single value" if "examples" not in shape else f"like {codes(shape['examples'])}"
    if kind == "boolean":
        return codes(("true", "false"))
    if kind == "integer":
        return _numbers(shape)
    return f"like {codes(shape['examples'])}" if "examples" in shape else "text"


def _numbers(shape: Shape) -> str:
    least, most = shape.get("minimum"), shape.get("maximum")
    if least is None:
        return "a whole number"
    return f"{least} or more" if most is None else f"{least} to {most}"
