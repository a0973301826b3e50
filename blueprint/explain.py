"""From pydantic's errors to problems: the field as it is written, the rule, the value and the way out."""

from __future__ import annotations

import difflib
import json
import types
import typing
from collections.abc import Callable, Collection, Sequence
from typing import Any

from pydantic import BaseModel

from blueprint.problems import Problem, Refused
from blueprint.values import EXAMPLES

Location = tuple[str | int, ...]
# The rule and the way out for a key that a model has not, where one is known; the keys that it has.
Elsewhere = Callable[[str, Collection[str]], tuple[str, str] | None]


def problem(prefix: str, model: type[BaseModel], details: Any, elsewhere: Elsewhere = lambda *_: None) -> Problem:
    """The problem of one item of `ValidationError.errors()`. `prefix`: the path of what the model reads."""
    location: Location = tuple(part for part in details["loc"] if part != "[key]")  # pydantic's mark of a key itself
    path = prefix + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    rule, way_out = _explain(details, model, location, elsewhere)
    if details["type"] in ("missing", "extra_forbidden"):
        value = ""
    elif details["type"] in ("int_type", "bool_type") and isinstance(details["input"], str):
        value = json.dumps(details["input"])  # the quotes are what is wrong with "7"
    else:
        value = shown(details["input"])
    return Problem(field=path.removeprefix("."), value=value, rule=rule, way_out=way_out)


def _explain(details: Any, model: type[BaseModel], location: Location, elsewhere: Elsewhere) -> tuple[str, str]:
    context = details.get("ctx", {})
    match details["type"]:
        case "value_error" if isinstance(context.get("error"), Refused):
            return context["error"].rule, context["error"].way_out
        case "extra_forbidden":
            key = str(location[-1])
            known = _keys(model, location[:-1])
            return elsewhere(key, known) or ("is not a setting", choose(key, known))
        case "missing":
            return "is missing", "Write it; it has no default"
        case "literal_error":
            return "is not one of its values", f"Choose from {context['expected']}".replace("'", "")
        case "greater_than_equal":
            return f"is less than {context['ge']}", f"Give {context['ge']} or more"
        case "less_than_equal":
            return f"is more than {context['le']}", f"Give {context['le']} or less"
        case "string_pattern_mismatch":
            return "does not have the right form", f"Write it like {EXAMPLES[context['pattern']]}"
        case "bool_type" | "bool_parsing":
            return "is not a switch", "Write true or false, without quotes"
        case "int_type" | "int_parsing_size":
            return "is not a whole number", "Write digits without quotes, a fraction or a unit"
        case "string_type" if isinstance(details["input"], list | dict):
            return "is not text", "Write one value, without a list or a mapping"
        case "string_type":
            return "is not text", "Put it in quotes"
        case "model_type" | "dict_type" | "model_attributes_type":
            return "is not a mapping", "Write key: value, one a line, further to the right"
        case "too_short":
            return "is empty", "Name at least one"
        case "string_too_short":
            return "is empty", "Write a word"
        case "tuple_type" | "list_type":
            return "is not a list", "Write one item a line, each after a dash"
    message: str = details["msg"]
    return f"is refused: {message[:1].lower()}{message[1:]}", "Correct it"


def _keys(model: type[BaseModel], location: Location) -> list[str]:
    """Keys that the model at `location` knows."""
    current: Any = model
    for part in location:
        if isinstance(part, int):
            continue
        fields = {info.alias or name: info for name, info in current.model_fields.items()}
        current = inner_model(fields[str(part)].annotation)
    return [info.alias or name for name, info in current.model_fields.items()]


def inner_model(annotation: Any) -> type[BaseModel]:
    """The model inside an annotation such as `X | None` or `tuple[X, ...]`; BaseModel where there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is not None:
        for argument in typing.get_args(annotation):
            if argument is not type(None) and argument is not Ellipsis:
                return inner_model(argument)
    return BaseModel


def choose(written: str, known: Sequence[str]) -> str:
    """The way out for a word that is none of those known."""
    close = difflib.get_close_matches(written, known, n=1, cutoff=0.75)
    return f"Write {close[0]} if that is meant" if close else f"Choose from {', '.join(known)}"


def shown(value: Any) -> str:
    """A refused value as a problem shows it."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, dict | list):
        return "(a mapping)" if isinstance(value, dict) else "(a list)"
    return repr(value) if value == "" else str(value)


def name_of(model: type[BaseModel], key: str | int) -> str:
    """The attribute of a model that a file's key is written into; the key itself where there is none."""
    return next((name for name, info in model.model_fields.items() if key in (name, info.alias)), str(key))
