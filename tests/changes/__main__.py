"""Make ordinary changes in a copy, one after the other, and say what each took and what they broke."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.changes import ROOT, Copy, rows, stack_files
from tests.docs import table


class Change(NamedTuple):
    """`kinds`: the rows of CONTRIBUTING's table whose files it may touch; `at_most`: how many of them."""

    name: str
    make: Callable[[Copy], object]
    kinds: tuple[str, ...]
    at_most: int


CHANGES = (
    Change("values of every stack", stack_files.edit, ("value of a stack",), 1),
    Change("a new stack", stack_files.add_stack, ("stack",), 4),
    Change("an alarm", rows.add_alarm, ("alarm",), 6),
    Change("a database role", rows.add_role, ("database role",), 3),
    Change("a custom metric", rows.add_metric, ("custom metric",), 5),
    Change("a component with a new resource type", rows.add_component, ("component", "resource type"), 9),
)


def files_of(kinds: tuple[str, ...]) -> list[re.Pattern[str]]:
    """The files that CONTRIBUTING names for these kinds of change, with anything for what stands in angle brackets."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    cells = [by_hand for kind, by_hand, _ in table(text, "change", "by hand", "rendered by") if kind in kinds]
    names = re.findall(r"`([^`]+)`", " ".join(f"`{cell}`" if "`" not in cell else cell for cell in cells))
    return [re.compile(re.sub(r"<\\?[^>]+>", "[^/]+", re.escape(name))) for name in names]


def made(change: Change, copy: Copy) -> list[str]:
    """Make it, print what it takes, and return what is wrong with that, a line each."""
    change.make(copy)
    by_hand = copy.changed()
    copy.commit()
    copy.render()
    rendered = copy.changed()
    copy.commit()
    print(f"\n{change.name}\n  by hand  {len(by_hand)}: {', '.join(by_hand)}")
    print(f"  rendered {len(rendered)}: {', '.join(rendered)}", flush=True)
    allowed = files_of(change.kinds)
    wrong = [
        f"{change.name}: {name} is not among the files that CONTRIBUTING.md names for it"
        for name in by_hand
        if not any(pattern.fullmatch(name) for pattern in allowed)
    ]
    # The values are edited in every stack file at once: each is a change of one file.
    number = 1 if change.kinds == ("value of a stack",) else len(by_hand)
    if number > change.at_most:
        wrong.append(f"{change.name} takes {number} files by hand, and {change.at_most} are what it may take")
    return wrong


def main() -> int:
    """Exits with 1 if a change takes other files than it should, or breaks a test that is not about it."""
    with tempfile.TemporaryDirectory(prefix="langpont-changes-") as folder:
        copy = Copy(Path(folder))
        wrong = [line for change in CHANGES for line in made(change, copy)]
        print("\nAll of them together, and the tests that need no server:", flush=True)
        if not copy.test():
            wrong.append("The tests named above are not about these changes, and break by them.")
    print("\n" + ("\n".join(wrong) if wrong else "Each change takes its files and breaks nothing."))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
