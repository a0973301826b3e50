"""Stacked bars, one for each instance: connections against max_connections, memory against the class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from blueprint.instances import Instance
from blueprint.postgres import connections
from preview.html.markup import Markup, box, label, svg, table, tag, text
from preview.report import Report
from preview.units import number, size

WIDTH, LEFT, RIGHT = 980, 110, 20
BAR, LINE, TOP = 34, 15, 8
LEAST = 1.5  # of a part that would not be seen


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A part of a bar. `class_`: its colour and pattern."""

    name: str
    amount: float
    class_: str


@dataclass(frozen=True, kw_only=True)
class Bar:
    """What is wanted of an instance, in parts, and the `whole` that it has; `marks`: thresholds, by what they are.

    `fits`: whether all of it has room.
    """

    name: str
    segments: tuple[Segment, ...]
    whole: float
    marks: tuple[tuple[float, str], ...]
    told: str
    fits: bool


def connection_bars(report: Report) -> Markup:
    """The connection budget of each instance: the drawing, and the same numbers as a table."""
    budget = report.platform.budget
    bars = []
    for each in report.platform.instances:
        most = each.parameter("max_connections")
        parts = (
            ("through PgBouncer", budget.pooled, "c1"), ("beside PgBouncer", budget.direct, "c2"),
            ("reserved by PostgreSQL", connections.RESERVED_CONNECTIONS, "c3"),
            ("RDS itself", connections.INTERNAL_CONNECTIONS, "c4"), ("free", max(most - budget.needed, 0), "free"),
        )  # fmt: skip
        high = _threshold(report, each, "connections-high")
        marks = [(float(budget.alarm_threshold), f"warning above {number(budget.alarm_threshold)}")]
        if high is not None:
            marks.append((high, f"critical above {number(high)}"))
        free = most - budget.needed
        told = f"{number(budget.needed)} of {number(most)} wanted at most, {number(free)} free"
        bars.append(Bar(
            name=each.role, segments=tuple(Segment(name=name, amount=amount, class_=class_)
                                           for name, amount, class_ in parts),
            whole=most, marks=tuple(marks), told=told if free >= 0 else f"{told}: does not fit", fits=free >= 0,
        ))  # fmt: skip
    return _drawn("connections", "Connections that each instance has to bear", bars, number, "max_connections")


def memory_bars(report: Report) -> Markup:
    """Memory of each instance in the worst case: the drawing, and the same numbers as a table."""
    bars = []
    for each in report.platform.instances:
        memory = report.platform.memory(each)
        vacuum = memory.autovacuum_workers * memory.maintenance_work_mem
        parts = (
            ("shared_buffers", memory.shared_buffers, "c1"), ("sessions x work_mem", memory.backends * memory.work_mem,
                                                              "c2"),
            ("autovacuum", vacuum, "c3"), ("free, which caches files", max(memory.available - memory.total, 0), "free"),
            ("system and RDS, about", each.class_memory_bytes - memory.available, "c4"),
        )  # fmt: skip
        share, whole = memory.total * 100 // memory.available, size(each.class_memory_bytes)
        told = f"{size(memory.total)} of {size(memory.available)} at most, {share} %; the class has {whole}"
        bars.append(Bar(
            name=each.role, segments=tuple(Segment(name=name, amount=amount, class_=class_)
                                           for name, amount, class_ in parts),
            whole=each.class_memory_bytes, marks=(), told=told if memory.fits else f"{told}: does not fit",
            fits=memory.fits,
        ))  # fmt: skip
    return _drawn("memory", "Memory of each instance if everything happens at once", bars, size, "class")


def _threshold(report: Report, instance: Instance, key: str) -> float | None:
    generation = report.platform.settings.database.generation
    named = f"{instance.named(generation)}-{key}"
    return next((each.threshold for each in report.platform.alarms if each.name == named), None)


def _drawn(id_: str, title: str, bars: Sequence[Bar], shown: Callable[[float], str], whole: str) -> Markup:
    most = max(max(sum(part.amount for part in bar.segments) for bar in bars), 1)
    scale = (WIDTH - LEFT - RIGHT) / most
    described = "; ".join(f"{bar.name}: {bar.told}" for bar in bars)
    row = BAR + (max(len(bar.marks) for bar in bars) + 1) * LINE + 20
    drawn = [_bar(bar, TOP + index * row, scale) for index, bar in enumerate(bars)]
    names = [(part.name, part.class_) for part in bars[0].segments]
    legend = tag("ul", [tag("li", tag("span", class_=f"swatch {class_}"), name) for name, class_ in names],
                 class_="legend", aria_hidden="true")  # fmt: skip
    rows = [(bar.name, *(shown(part.amount) for part in bar.segments), shown(bar.whole)) for bar in bars]
    heads = ("instance", *(f">{name}" for name, _ in names), f">{whole}")
    return text(svg(id_, title, described, WIDTH, TOP + len(bars) * row, *drawn), legend, table(title, heads, rows))


def _bar(bar: Bar, y: float, scale: float) -> Markup:
    made: list[Markup] = [label(LEFT - 12, y + BAR / 2 + 5, bar.name, class_="strong", text_anchor="end")]
    x = float(LEFT)
    for part in bar.segments:
        width = part.amount * scale
        if part.amount:
            made.append(box(x, y, max(width, LEAST), BAR, class_=f"part {part.class_}"))
        x += width
    made.append(box(LEFT, y, x - LEFT, BAR, class_="outline"))
    for line, (at, told) in enumerate(bar.marks, start=1):
        mark, right = LEFT + at * scale, at * scale < (WIDTH - LEFT) / 2
        under = y + BAR + 2 + line * LINE
        made.append(tag("path", d=f"M{mark:.1f},{y - 4:.0f} V{under:.0f}", class_="mark"))
        side = 5 if right else -5
        made.append(label(mark + side, under, told, class_="tiny", text_anchor="start" if right else "end"))
    under = y + BAR + 3 + (len(bar.marks) + 1) * LINE
    made.append(label(LEFT, under, bar.told, class_="small" if bar.fits else "small bad"))
    return tag("g", made)
