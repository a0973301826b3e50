"""Convert a resource's inputs to the parameters of an AWS operation, checked against botocore's model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from botocore.validate import ParamValidator

from resource_types.model import Into, Target


class Misfit(Exception):
    """An input that the operation does not know or would not take; the message names the input and the reason."""


def parameters(operation: Any, inputs: Mapping[str, Any], takes: Mapping[str, Target]) -> dict[str, Any]:
    """The parameters for `operation` (botocore's OperationModel) that say what `inputs` (plain, camelCase) say.

    A name is converted to the parameter that differs from it at most in case; `takes` says where the others go, by
    the input's path (`rules.startWindow`, lists without an index). Raises `Misfit` for a name that the model does not
    have.
    """
    return _structure(inputs, operation.input_shape, "", takes)


def check(operation: Any, given: Mapping[str, Any]) -> None:
    """Raises `Misfit` unless the model takes these parameters: names, types, ranges, required ones and enumerations."""
    report: Any = ParamValidator().validate(given, operation.input_shape)
    if report.has_errors():
        raise Misfit(" ".join(report.generate_report().split("\n")))
    for path, value, choices in _outside_enumerations(given, operation.input_shape, ""):
        raise Misfit(f"{path} is {value!r}; {operation.name} takes {', '.join(choices)}")


def put(where: dict[str, Any], path: str, value: Any) -> None:
    """Set a value at a dotted path, making mappings and lists on the way; a number is an index."""
    steps = path.split(".")
    here: Any = where
    for step, following in pairwise(steps):
        fresh: Any = [] if following.isdigit() else {}
        if isinstance(here, list):
            if len(here) <= int(step):
                here.append(fresh)
            here = here[int(step)]
        else:
            here = here.setdefault(step, fresh)
    if isinstance(here, list):
        here.append(value)
    else:
        here[steps[-1]] = value


def found(where: Any, path: str) -> Any:
    """What `put` would have put there. Raises `LookupError` if there is nothing."""
    for step in path.split("."):
        where = where[int(step)] if isinstance(where, list) else where[step]
    return where


def _structure(values: Mapping[str, Any], shape: Any, prefix: str, takes: Mapping[str, Target]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in values.items():
        target = takes.get(prefix + name) or _namesake(name, shape, prefix)
        if isinstance(target, Into) and not target.path:
            made |= target.how(value)
        elif isinstance(target, Into):
            put(made, target.path, target.how(value))
        else:
            path = target if isinstance(target, str) else target(values)
            put(made, path, _value(value, _member(shape, path), f"{prefix}{name}.", takes))
    return made


def _namesake(name: str, shape: Any, prefix: str) -> str:
    for member in shape.members:
        if member.lower() == name.lower():
            return str(member)
    raise Misfit(f"{shape.name} has no parameter for {prefix}{name}")


def _member(shape: Any, path: str) -> Any:
    for step in path.split("."):
        if shape.type_name == "structure":
            if step not in shape.members:
                raise Misfit(f"{shape.name} has no {step}")
            shape = shape.members[step]
        elif shape.type_name == "map":
            shape = shape.value
        else:
            shape = shape.member
    return shape


def _value(value: Any, shape: Any, prefix: str, takes: Mapping[str, Target]) -> Any:
    if shape.type_name == "structure" and isinstance(value, Mapping):
        return _structure(value, shape, prefix, takes)
    if shape.type_name == "list" and isinstance(value, list):
        return [_value(item, shape.member, prefix, takes) for item in value]
    # The wire of Pulumi has one kind of number, the API has two.
    if shape.type_name in ("integer", "long") and isinstance(value, float) and value.is_integer():
        return int(value)
    if shape.type_name in ("float", "double") and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def _outside_enumerations(value: Any, shape: Any, path: str) -> Iterator[tuple[str, str, list[str]]]:
    if shape.type_name == "structure":
        for name, item in value.items():
            yield from _outside_enumerations(item, shape.members[name], f"{path}.{name}" if path else name)
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            yield from _outside_enumerations(item, shape.member, f"{path}[{index}]")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _outside_enumerations(item, shape.value, f"{path}.{key}")
    elif shape.type_name == "string" and shape.enum and value not in shape.enum:
        yield path, value, list(shape.enum)
