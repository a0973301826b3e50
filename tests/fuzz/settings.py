"""Wrong values at any place of a stack file's sections, one to three at once."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any

from tests.blueprint.stack_file.test_ways_out import ASKED_MORE, PLACES, WRONG, Path, named, path_of, put
from tests.fuzz.faults import Fault, Refusals, misworded
from tests.recordings import STACKS, sections

KEYS = ("", "vpc", "x.y", "a:b", "number", "ステージ", "rds.force_ssl", "max_connections", "\x00", "{", "Purpose ")
# Who is asked back for the unit may hear that the amount is too much; who follows an example, or takes the end of a
# range, that another setting forbids it here. Both are then told how it passes. Others must pass at once.
LEADS_ON = re.compile(r"if that is meant|^Write it (like|with its unit, such as) |^(Give|Write one from) -?[\d.]+ to ")


def faults(seed: int, number: int) -> Iterator[Fault | None]:
    """One item for each of so many documents: None, or what is wrong with how it was answered."""
    chance, refusals = random.Random(seed), Refusals()
    bases = {stack: sections(stack) for stack in STACKS}
    for _ in range(number):
        stack = chance.choice(STACKS)
        document: dict[str, Any] | None = bases[stack]
        edits: list[tuple[Path, Any]] = []
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            edit = chance.choice(PLACES), value(chance)
            changed = put(document or {}, *edit)
            if changed is not None:
                document = changed
                edits.append(edit)
        assert document is not None
        yield next(_wrong(document, stack, edits, refusals), None)


def _wrong(document: dict[str, Any], stack: str, edits: list[tuple[Path, Any]], refusals: Refusals) -> Iterator[Fault]:
    problems = refusals.of(document, stack)
    tried = f"{stack} with {json.dumps(edits, default=repr)}"
    if refusals.crash:
        yield Fault(tried, refusals.crash)
    for problem in problems:
        for sentence in misworded(problem):
            yield Fault(tried, sentence)
    if len(edits) != 1:  # with two wrong values, the way out of one need not be that of the other
        return
    for problem in problems:
        for way_out in named(problem):
            mended = put(document, _place(document, problem.field), way_out)
            left = refusals.of(mended, stack) if mended else ()
            if refusals.crash:
                yield Fault(f"{tried}, then {problem.field}: {way_out!r}", refusals.crash)
            # What an amount asks for may be more than the class has, which is then told with a way out of its own.
            again = [each for each in left if each.field == problem.field and "does not start so" not in each.rule]
            if LEADS_ON.search(problem.way_out):
                again = [each for each in again if each.rule == problem.rule or LEADS_ON.search(each.way_out)]
            if again and (problem.field, way_out) not in ASKED_MORE:
                told = " ".join(map(str, again))
                yield Fault(f"{tried}, then {way_out!r} as was said", f"{problem} -> {told}")


def _place(document: dict[str, Any], field: str) -> Path:
    """Where a field is that a sentence names: there may be points in its keys."""
    return next((path for path, name in _fields(document, (), "") if name == field), path_of(field))


def _fields(value: Any, path: Path, name: str) -> Iterator[tuple[Path, str]]:
    yield path, name
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _fields(item, (*path, key), f"{name}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _fields(item, (*path, index), f"{name}[{index}]")


def value(chance: random.Random, depth: int = 0) -> Any:
    """A value of any kind; most are wrong wherever they stand."""
    kind = chance.randrange(10 if depth < 3 else 7)
    if kind < 3:
        return chance.choice(WRONG)
    if kind == 3:
        return chance.choice((-1, 1)) * chance.randrange(2 ** chance.choice((3, 8, 16, 33, 70)))
    if kind == 4:
        return chance.choice((0.1, -0.0, 1e300, 5e-324, 20.0, 1.5, float(2**53)))
    if kind == 5:
        return text(chance)
    if kind == 6:
        return chance.choice((None, True, False, "", [], {}))
    if kind == 7:
        return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice((*KEYS, text(chance))): value(chance, depth + 1) for _ in range(chance.randrange(4))}


def text(chance: random.Random) -> str:
    """Characters of any kind, or a text of the field's that is not quite right."""
    near = [each for each in WRONG if isinstance(each, str) and each]
    if chance.random() < 0.5:
        base = list(chance.choice((*near, "sat:18:00-sat:19:00", "10.20.0.0/16", "db.t3.medium", "16.14", "16MB")))
        for _ in range(chance.randrange(1, 4)):
            base[chance.randrange(len(base))] = chance.choice("0129aZ:./-_ é\t")
        return "".join(base)
    return "".join(
        chr(chance.choice((chance.randrange(32, 127), chance.randrange(0x20), chance.randrange(0x80, 0xD7FF), 0x1F600)))
        for _ in range(chance.randrange(12))
    )
