"""Compares two previews of one stack: resources added, removed and changed, settings, and all other values.

`compare` takes the documents of `preview.document`, each with the stack file's own values under "settings". It works on
documents because one of the two sides was made by another version of the program, in a process of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Document = Mapping[str, Any]

EMPTY: Final[Document] = {}  # the side on which the stack does not exist: everything on the other is new
_IDENTITIES = (
    ("type", "name"), ("rule", "resource"), ("rule", "resources"), ("identifier",), ("name",), ("number",), ("id",),
    ("Sid",), ("ruleName",),
)  # fmt: skip
_NEEDED = {
    "components": ("name", "type", "resources"),
    "instances": ("identifier", "role", "parameters"),
    "alarms": (
        "name", "instance", "metric", "statistic", "expression", "comparison", "threshold", "unit", "periodSeconds",
        "periods", "treatMissingData",
    ),
    "outputs": ("name",),
}  # fmt: skip
_DIGESTS = ("settled", "trigger")
_REPEATED = ("totals", "components", "cost")  # what the resources say already


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


@dataclass(frozen=True, kw_only=True)
class ValueChange:
    """One value that differs. `path` leads to it; on the side where nothing stands, the value is `ABSENT`."""

    path: tuple[str, ...]
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True)
class ResourceChange:
    """A resource that is added (`before` is None), removed (`after` is None) or changed.

    `before` and `after` are the resource as its preview has it. `values` are the inputs and options of a changed one
    that differ; their paths begin with "inputs", with the name of an option, or are ("parent",), the component's type.
    """

    component: str
    type: str
    name: str
    before: Document | None
    after: Document | None
    values: tuple[ValueChange, ...]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All that differs. `sections` holds the values beside the resources, by the key of the preview's document."""

    before: Document
    after: Document
    resources: tuple[ResourceChange, ...]
    sections: Mapping[str, tuple[ValueChange, ...]]

    @property
    def added(self) -> list[ResourceChange]:
        """Resources that only the later side has."""
        return [each for each in self.resources if each.before is None]

    @property
    def removed(self) -> list[ResourceChange]:
        """Resources that only the earlier side has."""
        return [each for each in self.resources if each.after is None]

    @property
    def changed(self) -> list[ResourceChange]:
        """Resources that both sides have, differently."""
        return [each for each in self.resources if each.values]

    @property
    def nothing(self) -> bool:
        """Whether both sides are the same."""
        return not self.resources and not any(self.sections.values())


def compare(before: Document, after: Document) -> Comparison:
    """Everything that differs between two previews, `before` being `EMPTY` for a stack that did not exist.

    Raises `ValueError` for a document that has not the form of a preview.
    """
    for side in (before, after):
        _check_form(side)
    old, new = _sections(before), _sections(after)
    return Comparison(
        before=before,
        after=after,
        resources=tuple(_resource_changes(_resources(before), _resources(after))),
        sections={key: tuple(_differ((), old.get(key, {}), new.get(key, {}))) for key in dict.fromkeys([*new, *old])},
    )


def _check_form(document: Document) -> None:
    """Raise `ValueError` unless what is read here and on a page is there; another version may have more."""
    for section, keys in _NEEDED.items():
        for item in document.get(section, ()):
            lacking = [key for key in keys if key not in item]
            if lacking:
                raise ValueError(f"{section}: {', '.join(lacking)} missing")


def as_document(comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON has it. A change has `path`, and `before` and `after` where something stands there.

    Under `resources`: added, removed and changed, each with component, type, name, protect and retainOnDelete (as they
    are, or of a removed one were), a changed one with its values. Under `sections`: changes by section of the preview.
    """
    return {
        "resources": {
            kind: [_resource(each) for each in found]
            for kind, found in (
                ("added", comparison.added), ("removed", comparison.removed), ("changed", comparison.changed)
            )
        },
        "sections": {key: [_value(each) for each in found] for key, found in comparison.sections.items()},
    }  # fmt: skip


def _resource(change: ResourceChange) -> dict[str, Any]:
    told = {"component": change.component, "type": change.type, "name": change.name}
    side = change.after or change.before or {}
    options = {key: side.get(key) for key in ("protect", "retainOnDelete")}
    return told | options | ({"values": [_value(each) for each in change.values]} if change.values else {})


def _value(change: ValueChange) -> dict[str, Any]:
    sides = {"before": change.before, "after": change.after}
    return {"path": list(change.path)} | {side: value for side, value in sides.items() if value is not ABSENT}


Key = tuple[str, str]


def _resources(document: Document) -> dict[Key, tuple[str, Document]]:
    """By type and logical name: the component's name, and the resource with the component's type as its parent.

    Digests are left out: what they tell apart and no value shows is told as an effect.

    The parent's type is a part of the URN: another one makes another resource of it, where a component's name does not.
    """
    return {
        (resource["type"], resource["name"]): (
            component["name"] or "",
            {key: value for key, value in resource.items() if key not in _DIGESTS} | {"parent": component["type"]},
        )
        for component in document.get("components", ())
        for resource in component["resources"]
    }


def _resource_changes(
    old: Mapping[Key, tuple[str, Document]], new: Mapping[Key, tuple[str, Document]]
) -> Iterator[ResourceChange]:
    nowhere: tuple[str, Document | None] = ("", None)
    for type_, name in dict.fromkeys([*new, *old]):
        component_before, before = old.get((type_, name), nowhere)
        component_after, after = new.get((type_, name), nowhere)
        values = () if before is None or after is None else tuple(_differ((), before, after))
        if before is None or after is None or values:
            yield ResourceChange(
                component=component_after or component_before, type=type_, name=name,
                before=before, after=after, values=values,
            )  # fmt: skip


def _sections(document: Document) -> dict[str, Any]:
    """What is compared beside the resources, by key; parameters apart from their instance, invented ids left out."""
    told = {key: value for key, value in document.items() if key not in _REPEATED}
    scalars = {key: told.pop(key) for key in list(told) if not isinstance(told[key], dict | list)}
    instances = told.pop("instances", [])
    outputs = {o["name"]: {k: v for k, v in o.items() if k not in ("name", "standIn")} for o in told.pop("outputs", [])}
    return {
        "stack": scalars,
        **told,
        "instances": [{key: value for key, value in i.items() if key != "parameters"} for i in instances],
        "parameters": {instance["identifier"]: instance["parameters"] for instance in instances},
        "outputs": outputs,
        "warnings": dict.fromkeys(told.get("warnings", []), True),
    }


def _differ(path: tuple[str, ...], before: Any, after: Any) -> Iterator[ValueChange]:
    old, new = _tree(before), _tree(after)
    old, new = {} if old == [] and isinstance(new, dict) else old, {} if new == [] and isinstance(old, dict) else new
    if isinstance(old, dict) and isinstance(new, dict) and _marker(old) == _marker(new):
        for key in dict.fromkeys([*old, *new]):
            if key not in old or key not in new:
                yield ValueChange(path=(*path, key), before=old.get(key, ABSENT), after=new.get(key, ABSENT))
            else:
                yield from _differ((*path, key), old[key], new[key])
    elif not _same(old, new):
        yield ValueChange(path=path, before=before, after=after)


def _same(old: Any, new: Any) -> bool:
    # Python holds 1, 1.0 and True to be equal; JSON writes them differently.
    return json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)


def _marker(value: dict[str, Any]) -> str | None:
    """A secret or an unknown is one value, not an object to look into."""
    return next((name for name in ("secret", "unknown") if value == {name: True}), None)


def _tree(value: Any) -> Any:
    """Objects in a list by what identifies them, so that one more does not shift the rest; JSON in a text opened."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            opened = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return _tree(opened)
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for keys in _IDENTITIES:
            names = [" ".join(str(item[key]) for key in keys if key in item) for item in value]
            if all(names) and len(set(names)) == len(names):
                return dict(zip(names, value, strict=True))
    return value
