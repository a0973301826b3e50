"""The documents as data: tables, code blocks, headings and links of a Markdown file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import yaml

from tests.recordings import ROOT

# Everything that people read but the program itself.
DOCUMENTS = (
    *sorted(path.name for path in ROOT.glob("*.md")),
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
    *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("*/README.md")),
)


def read(path: str) -> str:
    """A document of the repository."""
    return (ROOT / path).read_text(encoding="utf-8")


def table(text: str, *header: str) -> list[tuple[str, ...]]:
    """The rows of the one table with this header, code marks removed; a missing or second one is an AssertionError."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if _cells(line) == header]
    assert len(starts) == 1, f"{len(starts)} tables with the header {header}"
    rows = []
    for line in lines[starts[0] + 2 :]:
        if not line.startswith("|"):
            break
        cells = _cells(line)
        assert len(cells) == len(header), line
        rows.append(cells)
    assert rows, header
    return rows


def headings(text: str, level: int) -> list[str]:
    """Texts of the headings of one level, in their order."""
    return re.findall(rf"^{'#' * level} (.+)$", _prose(text), re.MULTILINE)


def blocks(text: str, language: str) -> list[str]:
    """Contents of the fenced code blocks in one language, those in lists without their indentation."""
    return [dedent(body) for body in re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)]


def settings_blocks(text: str) -> list[dict[str, Any]]:
    """YAML blocks as sections of a stack file: key without the project, and value."""
    loaded = [yaml.safe_load(block) for block in blocks(text, "yaml")]
    return [{key.removeprefix("langpont-database:"): value for key, value in block.items()} for block in loaded]


def links(text: str) -> list[str]:
    """Targets of the links into this repository, with their anchors."""
    found = re.findall(r"\]\(([^)]+)\)", re.sub(r"\s+", " ", _prose(text)))
    return [target.replace(" ", "") for target in found if "://" not in target]


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to the headings."""
    found = re.findall(r"^#+ (.+)$", _prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def errors_named(text: str) -> set[str]:
    """E-numbers in a text; a range such as E1-E4 counts with all between."""
    numbers: set[int] = set()
    for first, last in re.findall(r"\bE([1-9]\d?)\b(?:-E([1-9]\d?)\b)?", text):
        numbers |= set(range(int(first), int(last or first) + 1))
    return {f"E{number}" for number in numbers}


def make_targets(text: str) -> Iterator[str]:
    """What a text tells its reader to `make`, in code marks or code blocks."""
    for code in [*re.findall(r"`([^`\n]+)`", text), *blocks(text, r"\w*")]:
        for targets in re.findall(r"^make ([a-z][a-z0-9 -]*)", code, re.MULTILINE):
            yield from targets.split()


def _prose(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)


def _cells(line: str) -> tuple[str, ...]:
    """The cells of one line. A cell that is code keeps its spaces, which are part of a value."""
    if not line.startswith("|"):
        return ()
    cells = (cell.strip() for cell in line.strip().strip("|").split("|"))
    return tuple(cell[1:-1] if cell[:1] == cell[-1:] == "`" and cell.count("`") == 2 else cell for cell in cells)
