"""The effects for `--json`.

- effect: the worst; needsWindow: whether somebody is cut off.
- changes, the worst first: settings (path, and before and after where something stands), effect, needsWindow, cost (how
  much more a month: usd, database, which is the part that the RDS budget counts, unknown by item; or null), touches.
  `settings` is empty for what no setting is behind. A touch has call ("create", "update", "replace", "delete"), type,
  name, properties, because (what replaces it beside its own properties, or ""), effect, consequences. A consequence has
  effect, what, when, cutOff, order, and takes: text, source, seconds (least and most, or null); or null.
- notCompared: inputs that are encrypted on the other side, as type, name and properties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from blueprint.problems import Problem
from preview.cost import Estimate
from preview.difference import ABSENT
from preview.effects.model import Consequence, Effect, Line, Touch
from recording.plan import Key


def effects_document(lines: Sequence[Line], sealed: Mapping[Key, tuple[str, ...]]) -> dict[str, Any]:
    """All lines as plain JSON values."""
    return {
        "effect": max((line.effect for line in lines), default=Effect.NOTHING).value,
        "needsWindow": any(line.needs_window for line in lines),
        "changes": [_line(line) for line in lines],
        "notCompared": [
            {"type": type_, "name": name, "properties": list(found)} for (type_, name), found in sealed.items()
        ],
    }


def problems(refused: Sequence[Problem]) -> list[dict[str, str]]:
    """What is refused, as `--json` has it."""
    return [{"field": each.field, "value": each.value, "rule": each.rule, "wayOut": each.way_out} for each in refused]


def _line(line: Line) -> dict[str, Any]:
    return {
        "settings": [
            {"path": path} | {key: side for key, side in (("before", old), ("after", new)) if side is not ABSENT}
            for path, old, new in line.settings
        ],
        "effect": line.effect.value,
        "needsWindow": line.needs_window,
        "cost": line.cost and cost_document(line.cost),
        "touches": [_touch(touch) for touch in line.touches],
    }


def cost_document(cost: Estimate) -> dict[str, Any]:
    """US dollars a month; what has no price is counted by item."""
    return {"usd": float(cost.usd), "database": float(cost.database), "unknown": dict(cost.unknown)}


def _touch(touch: Touch) -> dict[str, Any]:
    return {
        "call": touch.step.call,
        "type": touch.step.type,
        "name": touch.step.name,
        "properties": list(touch.properties),
        "because": touch.step.because,
        "effect": touch.effect.value,
        "consequences": [_consequence(each) for each in touch.consequences],
    }


def _consequence(each: Consequence) -> dict[str, Any]:
    takes = each.takes and {
        "text": each.takes.text,
        "source": each.takes.source,
        "seconds": each.takes.seconds and list(each.takes.seconds),
    }
    told = {"effect": each.effect.value, "what": each.what, "when": each.when.value}
    return told | {"cutOff": each.cut_off, "order": each.order, "takes": takes}
