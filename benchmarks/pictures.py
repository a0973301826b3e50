"""SVG charts: bars and a line, labelled directly, for light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.statistics import Spread

WIDTH = 760
STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 15px }
.quiet { fill: #57606a }
.a { fill: #0969da } .b { fill: #bc4c00 }
.spread, .line { stroke: #24292f; stroke-width: 1.5; fill: none }
.line { stroke: #0969da; stroke-width: 2 }
.grid { stroke: #8c959f; stroke-opacity: .4 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .quiet { fill: #9198a1 } .a { fill: #4493f8 } .b { fill: #db6d28 }
.spread { stroke: #e6edf3 } .line { stroke: #4493f8 }
}
</style>"""


@dataclass(frozen=True)
class Bar:
    """One value with its spread. `accent`: the second colour."""

    label: str
    value: Spread
    accent: bool = False


def bars(title: str, unit: str, rows: Sequence[Bar]) -> str:
    """A chart of horizontal bars to the median, a thin line from least to most, and the numbers beside them."""
    left, right, top, step = 250, 190, 44, 30
    most = max(row.value["max"] for row in rows) or 1.0
    scale = (WIDTH - left - right) / most
    parts = []
    for number, row in enumerate(rows):
        y = top + number * step
        end, low, high = (left + row.value[key] * scale for key in ("median", "min", "max"))
        parts += [
            f'<text x="{left - 10}" y="{y + 15}" text-anchor="end">{escape(row.label)}</text>',
            f'<rect class="{"b" if row.accent else "a"}" x="{left}" y="{y + 2}" width="{max(end - left, 1):.1f}" '
            f'height="18" rx="2"/>',
        ]
        if row.value["max"] > row.value["min"]:
            parts.append(
                f'<path class="spread" d="M{low:.1f} {y + 7}v8M{low:.1f} {y + 11}H{high:.1f}M{high:.1f} {y + 7}v8"/>'
            )
        parts.append(f'<text x="{max(end, high) + 8:.1f}" y="{y + 15}">{_formatted(row.value, unit)}</text>')
    height = top + len(rows) * step + 34
    axis = f"{unit}; bar: median, thin line: least to most"
    parts.append(f'<text class="quiet" x="{left}" y="{height - 14}">{escape(axis)}</text>')
    return _document(title, height, parts)


def line(title: str, x_axis: str, y_axis: str, points: Sequence[tuple[float, Spread]]) -> str:
    """A line chart of medians with their spread, axes from zero."""
    left, right, top, bottom, height = 70, 40, 56, 300, 360
    most_x, most_y = max(x for x, _ in points) or 1, max(value["max"] for _, value in points) * 1.15 or 1.0

    def at(x: float) -> float:
        return left + x / most_x * (WIDTH - left - right)

    def up(y: float) -> float:
        return bottom - y / most_y * (bottom - top)

    parts = [f'<text class="quiet" x="{left - 45}" y="46">{escape(y_axis)}</text>']
    for tick in _ticks(most_y):
        parts += [
            f'<path class="grid" d="M{left} {up(tick):.1f}H{WIDTH - right}"/>',
            f'<text class="quiet" x="{left - 8}" y="{up(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>',
        ]
    path = "L".join(f"{at(x):.1f} {up(value['median']):.1f}" for x, value in points)
    parts.append(f'<path class="line" d="M{path}"/>')
    for x, value in points:
        parts += [
            f'<path class="spread" d="M{at(x):.1f} {up(value["min"]):.1f}V{up(value["max"]):.1f}"/>',
            f'<circle class="a" cx="{at(x):.1f}" cy="{up(value["median"]):.1f}" r="4"/>',
            f'<text x="{at(x):.1f}" y="{up(value["max"]) - 10:.1f}" text-anchor="middle">{value["median"]:g}</text>',
            f'<text class="quiet" x="{at(x):.1f}" y="{bottom + 20}" text-anchor="middle">{x:g}</text>',
        ]
    middle = (left + WIDTH - right) / 2
    parts.append(f'<text class="quiet" x="{middle:.0f}" y="{height - 14}" text-anchor="middle">{escape(x_axis)}</text>')
    return _document(title, height, parts)


def _formatted(value: Spread, unit: str) -> str:
    if value["min"] == value["max"]:
        return f"{value['median']:g} {unit}"
    return f"{value['median']:g} {unit} ({value['min']:g} to {value['max']:g})"


def _ticks(most: float) -> list[float]:
    """Axis ticks: some four round numbers from zero."""
    step = next(
        base * 10.0**power for power in range(-3, 9) for base in (1, 2, 5) if most / (base * 10.0**power) <= 5
    )  # fmt: skip
    return [round(number * step, 6) for number in range(int(most / step) + 1)]


def _document(title: str, height: int, parts: Sequence[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            f'aria-label="{escape(title)}">',
            STYLE,
            f'<text class="title" x="20" y="24">{escape(title)}</text>',
            *parts,
            "</svg>\n",
        ]
    )
