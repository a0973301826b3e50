"""What the previews of two versions of one stack differ in, for a reviewer: documents of `preview_json` in, lines out.

What is registered stands under `resources`, by type and logical name; what people read beside it under a heading of its
own. A part of the document that only repeats the resources (totals, alarms, raw values of parameters) is left out.
Nothing in a document is trusted: whatever stands in it comes out as text on one line. Standard library alone, because a
workflow that may write comments runs this without installing anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

LONGEST_VALUE = 160  # characters of a value that is shown
_IDENTITIES = (("type", "name"), ("identifier",), ("name",), ("id",), ("Sid",), ("ruleName",))
_REPEATED = ("totals", "alarms", "components")


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One value that differs. `path` leads to it; on the side where nothing stands, the value is `ABSENT`."""

    path: tuple[str, ...]
    before: Any
    after: Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Every value that differs between two previews, in the order of their headings; empty if there is none."""
    old, new = _headings(before), _headings(after)
    return [
        difference
        for heading in dict.fromkeys([*old, *new])
        for difference in _differ((heading,), old.get(heading, {}), new.get(heading, {}))
    ]


def lines(found: Sequence[Difference], before: Mapping[str, Any]) -> list[str]:
    """The differences as lines of a diff: `@@` a heading, `+` and `-` a value. `before` tells what was protected."""
    protected = {name for name, resource in resources(before).items() if resource.get("protect") is True}
    shown: list[str] = []
    for heading, part in _grouped(found, 0):
        shown.append(f"@@ {visible(heading)}{_count(part) if heading == 'resources' else ''} @@")
        for item, inside in _grouped(part, 1):
            whole = inside[0] if len(inside[0].path) <= 2 else None
            if whole is None:
                shown.append(f"  {visible(item)}")
                shown += [line for d in inside for line in _value_lines(d, ".".join(d.path[2:]), "  ")]
            elif heading == "resources":
                kept = "  (protected: Pulumi refuses to delete it)" if item in protected else ""
                shown.append(f"+ {visible(item)}" if whole.before is ABSENT else f"- {visible(item)}{kept}")
            elif heading == "warnings":
                shown.append(f"{'+' if whole.before is ABSENT else '-'} {visible(item)}")
            else:
                shown += _value_lines(whole, item, "")
    return shown


def visible(text: str) -> str:
    """Text on one line without a character that hides or reorders others: those stand as `\\u202e`."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def resources(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """All resources of a preview by type and name, whichever component they stand in."""
    return {
        f"{resource['type']} {resource['name']}": resource
        for component in document["components"]
        for resource in component["resources"]
    }


def _headings(document: Mapping[str, Any]) -> dict[str, Any]:
    told = {key: value for key, value in document.items() if key not in _REPEATED}
    warnings = told.pop("warnings", [])
    instances = [
        instance | {"parameters": {p["name"]: p["meaning"] for p in instance["parameters"]}}
        for instance in told.pop("instances", [])
    ]
    scalars = {key: told.pop(key) for key in list(told) if not isinstance(told[key], dict | list)}
    told.pop("resources", None)  # no preview has it, and it would hide ours
    return {
        "resources": {
            name: {key: value for key, value in resource.items() if key not in ("type", "name")}
            for name, resource in resources(document).items()
        },
        "stack": scalars,
        "summary": told.pop("summary", {}),
        "instances": instances,
        **told,
        "warnings": dict.fromkeys(warnings, True),
    }


def _differ(path: tuple[str, ...], before: Any, after: Any) -> Iterator[Difference]:
    old, new = _tree(before), _tree(after)
    if isinstance(old, dict) and isinstance(new, dict) and _marker(old) == _marker(new):
        for key in dict.fromkeys([*old, *new]):
            if key not in old or key not in new:
                yield Difference(path=(*path, key), before=old.get(key, ABSENT), after=new.get(key, ABSENT))
            else:
                yield from _differ((*path, key), old[key], new[key])
    elif not _same(old, new):
        yield Difference(path=path, before=before, after=after)


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


def _grouped(found: Sequence[Difference], depth: int) -> list[tuple[str, list[Difference]]]:
    groups: dict[str, list[Difference]] = {}
    for difference in found:
        groups.setdefault(".".join(difference.path[depth : depth + 1]), []).append(difference)
    return list(groups.items())


def _count(part: Sequence[Difference]) -> str:
    added = sum(len(d.path) == 2 and d.before is ABSENT for d in part)
    removed = sum(len(d.path) == 2 and d.after is ABSENT for d in part)
    changed = len({d.path[1] for d in part}) - added - removed
    return f": {added} added, {removed} removed, {changed} changed"


def _value_lines(difference: Difference, name: str, indent: str) -> list[str]:
    return [
        f"{sign} {indent}{visible(name)}: {_text(value)}"
        for sign, value in (("-", difference.before), ("+", difference.after))
        if value is not ABSENT
    ]


def _text(value: Any) -> str:
    if value == {"secret": True}:
        return "[secret]"
    if value == {"unknown": True}:
        return "[known after the deployment]"
    text = visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True))
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]} ... ({len(text)} characters)"
