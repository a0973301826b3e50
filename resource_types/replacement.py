"""What the AWS provider plans when a property changes: update in place, replace, or nothing. Data beside this file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Plans(NamedTuple):
    """For one property: when its value changes, when it is set for the first time, when it is taken out.

    Each is `update`, `replace`, `none` (computed: it keeps what it is), `required`, `refused`, `depends` or `untested`.
    """

    change: str
    set: str
    unset: str


REGION = Plans("replace", "replace", "none")


@cache
def plans(type_: str) -> Mapping[str, Plans]:
    """Every input of a type with what its changes do. Raises `KeyError` for a type that was not measured."""
    groups = _data()["types"][type_]
    found = {name: _plans(group) for group, names in groups.items() for name in names}
    return found | {"region": REGION}


@cache
def _data() -> Mapping[str, Mapping[str, Mapping[str, list[str]]]]:
    text = Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
    data: Mapping[str, Mapping[str, Mapping[str, list[str]]]] = json.loads(text)
    return data


def _plans(group: str) -> Plans:
    parts = group.split("/")
    return Plans(*parts) if len(parts) == 3 else Plans(group, group, group)
