"""The rules of CloudWatch's embedded metric format that matter here. A line that breaks one makes no metric.

From the specification's text and schema in the CloudWatch user guide, "Specification: Embedded metric format".
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

SIZE_BYTES = 256 * 1024
FRESH_SECONDS = 60  # CloudWatch takes two weeks back and two hours ahead; a function's line is of now
NAMESPACE_CHARACTERS = 255
DIMENSIONS = 30
DIMENSION_CHARACTERS = 1024
METRICS = 100

_SIZES = ("Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits", "Kilobits", "Megabits", "Gigabits",
          "Terabits", "Count")  # fmt: skip
UNITS = {"Seconds", "Microseconds", "Milliseconds", "Percent", "None", *_SIZES, *(f"{unit}/Second" for unit in _SIZES)}


def broken_rules(line: str, now: float) -> list[str]:
    """What is wrong with a line, in words. `now`: seconds since 1970."""
    root = json.loads(line)
    meta = root["_aws"]
    broken = [rule for directive in meta["CloudWatchMetrics"] for rule in _directive(directive, root)]
    if len(line.encode()) > SIZE_BYTES:
        broken.append("a line is no longer than 256 KB")
    if set(meta) != {"CloudWatchMetrics", "Timestamp"}:
        broken.append("_aws has CloudWatchMetrics and Timestamp")
    if type(meta["Timestamp"]) is not int or abs(meta["Timestamp"] / 1000 - now) > FRESH_SECONDS:
        broken.append("Timestamp is in milliseconds, and of now")
    return broken


def _directive(directive: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    if set(directive) != {"Namespace", "Dimensions", "Metrics"}:
        yield "a directive has a namespace, dimensions and metrics"
    if not 0 < len(directive["Namespace"]) <= NAMESPACE_CHARACTERS:
        yield "a namespace has 1 to 255 characters"
    for keys in directive["Dimensions"]:
        if not 0 < len(keys) <= DIMENSIONS:
            yield "a set has 1 to 30 dimensions"
        values = [root.get(key) for key in keys]
        if not all(isinstance(value, str) and 0 < len(value) <= DIMENSION_CHARACTERS for value in values):
            yield "a dimension is a string at the root"
    names = [metric["Name"] for metric in directive["Metrics"]]
    if not 0 < len(names) == len(set(names)) <= METRICS:
        yield "there are at most 100 metrics, each once"
    if not all(set(metric) == {"Name", "Unit"} and metric["Unit"] in UNITS for metric in directive["Metrics"]):
        yield "a metric has a name and a unit that CloudWatch knows"
    if not all(type(root.get(name)) in (int, float) and math.isfinite(root[name]) for name in names):
        yield "a value is a finite number at the root"
