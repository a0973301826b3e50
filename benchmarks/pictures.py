"""SVG bar charts, labelled directly, for light and dark pages."""

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
.spread { stroke: #24292f; stroke-width: 1.5; fill: none }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .quiet { fill: #9198a1 } .a { fill: #4493f8 } .b { fill: #db6d28 }
.spread { stroke: #e6edf3 }
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


def _formatted(value: Spread, unit: str) -> str:
    if value["min"] == value["max"]:
        return f"{value['median']:g} {unit}"
    return f"{value['median']:g} {unit} ({value['min']:g} to {value['max']:g})"


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
