"""Every way out that names a value passes: what is wrong with one value is mended by following the sentence."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest

from blueprint.problems import Problem
from blueprint.stack_file.load import StackFileRefused, load
from blueprint.stack_file.schema import schema
from tests.recordings import sections

Path = tuple[str | int, ...]
PROJECT = "langpont-database:"
SCHEMA = schema()
# Wrong for most settings, each in another way.
WRONG: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 5, 99, 10**30, 1.5, "", "x", "true", "60", "5e400", "a" * 300, "10.0.0.0/8", "8.8.8.8",
    "10.22.0.0/8", "10.22.0.7/16", "10.22.0.0/30", "0.0.0.0/0", "16.1", "16.99", "17", "admin", "postgres", "pgbouncer",
    "sun:03:00-sun:03:10", "03:00-03:10", "2026-13-45T00:00:00Z", "0001-01-01T00:00:00Z", "mars", [], [1], ["x", "x"],
    {}, {"x": 1}, "2026-11-20 12:00:00 +0000 UTC", "\x1b[31mred", "\u202emit", "my snapshot!!", "1GB", "16384", "1000s",
)  # fmt: skip
# A way out as a pattern, and the values that it names.
PATTERNS: tuple[tuple[str, str], ...] = (
    (r"Write (true) or (false), without quotes", ""),
    (r"Give (\S+) or (?:more|less)", ""),
    (r"Give at (?:least|most) (\d+)", ""),
    (r"Give (\d+) to (\d+)", ""),
    (r"Write it like (\S+?)(?:, in UTC)?", "text"),
    (r"Choose (?:one of them|another name), like (\S+)", ""),
    (r"Write (\d+\.\d+\.\d+\.\d+/\d+)(?: for the one address)?", "text"),
    (r"Write one from (\S+) to (\S+)", ""),
    (r"Raise it to (\d+)(?: or more)?, or .+", ""),
    (r"Write (\d\S*) or less", ""),
    (r"Write (\d\S*) if that is meant.*", ""),
    (r"Write it with its unit, such as (\d[^;\s]*)(?:;.*)?", "text"),
    (r'Write "(16)" .+', "text"),
    (r'Write it in quotes: "(\S+)"', "text"),
    (r"Use a class like (\S+).*", "text"),
)


# Right by themselves; then a rule between fields asks for more, and says what.
ASKED_MORE = {
    ("network.vpc.natGateways", "none"), ("database.parameters.max_connections", 6), ("database.generation", 99),
    ("database.allowMajorUpgrade", 17), ("database.allowMajorUpgrade", 18), ("pooler.maxClientConn", 1),
    ("backups.retentionDays", 0),
}  # fmt: skip


def places(found: dict[str, Any], path: Path = ()) -> Iterator[Path]:
    """Paths of all values that a schema knows."""
    yield path
    if len(path) > 5:
        return
    if "$ref" in found:
        yield from places(SCHEMA["$defs"][found["$ref"].split("/")[-1]], path)
    for each in found.get("anyOf", ()):
        yield from places(each, path)
    for key, each in found.get("properties", {}).items():
        yield from places(each, (*path, key))
    if "items" in found:
        yield from places(found["items"], (*path, 0))


PLACES = list(
    dict.fromkeys(
        place
        for key, found in SCHEMA["properties"]["config"]["properties"].items()
        if key.startswith(PROJECT)
        for place in places(found, (key.removeprefix(PROJECT),))
    )
)


def put(document: dict[str, Any], path: Path, value: Any) -> dict[str, Any] | None:
    """The document with a value at a path, what lacks on the way made; None where something else stands there."""
    changed: Any = copy.deepcopy(document)
    current = changed
    for part, following in itertools.pairwise(path):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(part, int):
            if not isinstance(current, list):
                return None
            if len(current) <= part:
                current.append(empty)
        elif not isinstance(current, dict):
            return None
        elif not isinstance(current.get(part), dict | list):
            current[part] = empty
        current = current[part]
    last = path[-1]
    if isinstance(last, int):
        if not isinstance(current, list):
            return None
        current[last:] = [value]
    elif isinstance(current, dict):
        current[last] = value
    else:
        return None
    found: dict[str, Any] = changed
    return found


def problems(document: dict[str, Any]) -> tuple[Problem, ...]:
    try:
        load(document, environment="prod", region="ap-northeast-1")
    except StackFileRefused as refused:
        return refused.problems
    return ()


def path_of(field: str) -> Path:
    """`replicas[0].parameters.rds.x` as a path; a parameter's name has points in it."""
    head, _, parameter = field.partition(".parameters.")
    parts = [int(p) if p.isdigit() else p for p in re.findall(r"[^.\[\]]+", head)]
    return (*parts, "parameters", parameter) if parameter else tuple(parts)


def named(problem: Problem) -> list[Any]:
    """The values that a way out names, as one would write them."""
    if problem.rule.startswith("is not one of its values"):
        found = re.split(r", | or ", problem.way_out.removeprefix("Choose from "))
        return [int(text) if text.isdigit() else text for text in found]
    for pattern, kind in PATTERNS:
        if match := re.fullmatch(pattern, problem.way_out):
            return [text if kind else literal(text) for text in match.groups()]
    return []


def literal(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"-?\d+", text) else text


@pytest.mark.parametrize("section", sorted({str(place[0]) for place in PLACES}))
def test_a_way_out_that_names_a_value_passes_and_every_sentence_is_short_and_whole(section: str) -> None:
    base = sections("prod")
    followed, stuck = 0, []
    for place in PLACES:
        # The parameters of each instance and the thresholds are alike: a part of the wrong values for each.
        of_parameters = WRONG[len(str(place)) % 15 :: 15] if {"parameters", "thresholds"} & {*place[:-1]} else WRONG
        for wrong in of_parameters if place[0] == section else ():
            document = put(base, place, wrong)
            for problem in problems(document) if document else ():
                told = str(problem)
                assert told.isprintable() and len(told) < 1500, told
                assert re.fullmatch(r"\S.+\. [A-Z].+\.", told) and "Correct it" not in told, told
                for value in named(problem):
                    assert document is not None
                    mended = put(document, path_of(problem.field), value)
                    left = problems(mended) if mended else ()
                    followed += 1
                    again = [e for e in left if e.field == problem.field and "does not start so" not in e.rule]
                    if (problem.field, value) not in ASKED_MORE and again:
                        stuck.append((told, value, [str(each) for each in left]))
    assert stuck == []
    assert followed > 10 or section in ("credentials", "tags", "webhooks")  # which name roles, and what you like
