"""Markdown: tables, code marks, and documents whose generated parts stand between markers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

# A part keeps its name at the beginning alone; parts are not nested.
_PART = re.compile(r"(?<=<!-- generated: )(?P<name>[a-z-]+) -->\n.*?(?=<!-- end -->)", re.DOTALL)


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table. Raises AssertionError for a cell with a bar, which would become two cells."""
    lines = [tuple(header)]
    lines += [tuple("---" for _ in lines[0]), *(tuple(row) for row in rows)]
    for line in lines:
        assert len(line) == len(lines[0]), line
        assert not any("|" in cell or "\n" in cell for cell in line), line
    text = [f"| {' | '.join(line)} |" for line in lines]
    text[1] = text[1].replace(" ", "")
    return "\n".join(text)


def code(text: object) -> str:
    """Text in code marks."""
    return f"`{text}`"


def codes(texts: Iterable[object]) -> str:
    """Texts in code marks, with commas."""
    return ", ".join(code(text) for text in texts)


def part_names(document: str) -> list[str]:
    """Names of the generated parts of a document, in their order."""
    return [found["name"] for found in _PART.finditer(document)]


def replaced(document: str, parts: Mapping[str, str]) -> str:
    """The document with its generated parts made anew. Raises `KeyError` for one that `parts` does not have."""
    return _PART.sub(lambda found: f"{found['name']} -->\n\n{parts[found['name']].strip()}\n\n", document)
