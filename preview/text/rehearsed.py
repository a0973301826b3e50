"""What clients saw in a rehearsal, beside what is foretold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from preview.effects.model import Effect, Line
from preview.page import Page, Row
from preview.rehearsed import Rehearsed, Verdict, Work, failed, verdicts
from preview.units import count, number

STYLES = {Verdict.AS_FORETOLD: "green", Verdict.WORSE: "bold red"}


def show(page: Page, lines: Sequence[Line], seen: Rehearsed) -> None:
    """A part of its own: all that was measured."""
    page.heading("Rehearsed", f"on one machine, {seen.measured} UTC; local figures, which say nothing of AWS's")
    page.table(list(_rows(lines, seen)))


def beside(lines: Sequence[Line], seen: Rehearsed | None) -> list[list[Row]]:
    """For each line the row that stands beside what AWS names; none without a rehearsal."""
    if seen is None:
        return [[] for _ in lines]
    return [
        [("local", Text.assemble((verdict.value, STYLES.get(verdict, "")), _figures(seen, verdict)))]
        for verdict in verdicts(lines, seen)
    ]


def sentences(lines: Sequence[Line], seen: Rehearsed | None) -> list[str]:
    """The same in words; empty ones without a rehearsal."""
    if seen is None:
        return [""] * len(lines)
    return [f"{verdict.value}{_figures(seen, verdict)}" for verdict in verdicts(lines, seen)]


def _figures(seen: Rehearsed, verdict: Verdict) -> str:
    return "" if verdict is Verdict.NOTHING_HERE else f"; at most {seconds(seen.writes)} without a commit"


def _rows(lines: Sequence[Line], seen: Rehearsed) -> Iterator[Row]:
    yield "servers", "; ".join(seen.did) or "nothing happened to them"
    yield "applied", f"in {seen.apply_seconds:.1f} s"
    for name, one, works in (("writes", "commit", seen.writes), ("reads", "read", seen.reads)):
        yield name, sentence(works, one)
        for kind, times in works.failed.items():
            yield "", f"{number(times)} x {kind}"
    found = f"0 of {count(seen.rows, 'acknowledged commit')}"
    yield "lost", Text(f"{number(seen.lost)} of {number(seen.rows)}", "bold red") if seen.lost else found
    wrong = failed(lines, seen)
    yield "verdict", Text(whole(lines, seen), "bold red" if wrong else "green")


def sentence(work: Work, one: str) -> str:
    """Figures of one kind of work: `1,204 commits, at most 0.1 s without one, none failed`."""
    failures = number(sum(work.failed.values())) if work.failed else "none"
    told = f"{count(work.done, one)}, at most {seconds(work)} without one, {failures} failed"
    return told if work.went_on else f"{told}; they did not go on"


def seconds(work: Work) -> str:
    """The longest pause."""
    return f"{work.longest_seconds:.1f} s"


def whole(lines: Sequence[Line], seen: Rehearsed) -> str:
    """The verdict on all of it, in words."""
    if seen.lost:
        foretold = any(line.effect is Effect.DATA_LOST for line in lines)
        return "commits were lost, as is foretold" if foretold else "commits were lost"
    if failed(lines, seen):
        return "somebody was cut off, and nothing of it is foretold"
    found = set(verdicts(lines, seen))
    if found <= {Verdict.NOTHING_HERE}:
        return Verdict.NOTHING_HERE.value
    return Verdict.MILDER.value + ", though it is foretold" if Verdict.MILDER in found else Verdict.AS_FORETOLD.value
