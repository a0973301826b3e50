"""What the AWS provider plans when a property changes: update in place, replace, or nothing. Data beside this file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple


class Plans(NamedTuple):
    """For one property: when its value changes, when it is set for the first time, when it is taken out.

    Each is `update`, `replace`, `none` (computed: it keeps what it is), `required`, `refused`, `depends` or `untested`.
    """

    change: str
    set: str
    unset: str

    def planned(self, *, was_set: bool, left_out: bool) -> str:
        """`update`, `replace` or `none` for a value that differs; what was not measured is taken for an update."""
        found = self._measured(was_set=was_set, left_out=left_out)
        return "update" if found in UNSURE else self.change if found == "required" else found

    def unsure(self, *, was_set: bool, left_out: bool) -> bool:
        """Whether nobody has measured what such a change does."""
        return self._measured(was_set=was_set, left_out=left_out) in ("untested", "depends")

    def _measured(self, *, was_set: bool, left_out: bool) -> str:
        return self.unset if left_out else self.change if was_set else self.set


# Without a plan that was measured: no such plan exists, or it hangs on another property.
UNSURE = ("untested", "refused", "depends")


REGION = Plans("replace", "replace", "none")


@cache
def plans(type_: str) -> Mapping[str, Plans]:
    """Every input of a type with what its changes do. Raises `KeyError` for a type that was not measured."""
    groups = _data()["types"][type_]
    found = {name: _plans(group) for group, names in groups.items() for name in names}
    return found | {"region": REGION}


def source() -> str:
    """What was measured, for a sentence."""
    return f"{_data()['provider']}, with what is known of pulumi-aws {_data()['readFor']}"


def read_for() -> str:
    """The version of pulumi-aws for which somebody has read what its provider does otherwise than was measured."""
    version: str = _data()["readFor"]
    return version


@cache
def _data() -> Mapping[str, Any]:
    text = Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
    data: Mapping[str, Any] = json.loads(text)
    return data


def canonical(value: Any) -> Any:
    """A value as Terraform's provider compares it: absent, empty and zero are None, and lists have no order.

    What these resources have several of (subnets, groups, rules, addresses) are sets to it.
    """
    if isinstance(value, Mapping):
        return {key: done for key, item in value.items() if (done := canonical(item)) is not None} or None
    if isinstance(value, list | tuple):
        return sorted((canonical(item) for item in value), key=_order) or None
    if value in (None, "", False, 0):
        return None
    return value


def _order(value: Any) -> str:
    return repr(sorted(value.items(), key=repr) if isinstance(value, Mapping) else value)


def _plans(group: str) -> Plans:
    parts = group.split("/")
    return Plans(*parts) if len(parts) == 3 else Plans(group, group, group)
