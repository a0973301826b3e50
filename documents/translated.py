"""A translated document: its prose is written by hand, its commands are the original's, so that only those are run.

Below each heading of the translation stands `<!-- translated: SECTION HASH -->`: the anchor of the section that it
translates, and a hash of that section's prose at the time. `<!-- command: N -->` and `<!-- end -->` hold the section's
code block number N, from 1 on, which is rendered.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent, indent
from typing import Final

ORIGINAL: Final = "docs/runbook.md"
HASH_LENGTH: Final = 8

_FENCED = re.compile(r"^ *```\w*\n.*?^ *```$", re.MULTILINE | re.DOTALL)
_GENERATED = re.compile(r"<!-- generated: .*?<!-- end -->", re.DOTALL)
_HEADING = re.compile(r"^#{1,3} (?P<heading>.+)$", re.MULTILINE)
_MARK = re.compile(r"<!-- translated: (?P<section>\S+) (?P<hash>\S+) -->")
_COMMAND = re.compile(r"^(?P<indent> *)<!-- command: (?P<number>\d+) -->\n.*?^ *<!-- end -->", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section of the original, up to the next heading. `blocks`: its code blocks with their fences, not indented."""

    heading: str
    prose: str
    blocks: tuple[str, ...]

    @property
    def hash(self) -> str:
        """Of the prose, whatever its line breaks."""
        return hashlib.sha256(" ".join(self.prose.split()).encode()).hexdigest()[:HASH_LENGTH]


@dataclass(frozen=True, kw_only=True)
class Translation:
    """A section of a translation. `of`: the original's anchor; `hash`: of the prose that was translated."""

    heading: str
    of: str
    hash: str
    prose: str
    commands: tuple[int, ...]


def anchor(heading: str) -> str:
    """The anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def is_translation(document: str) -> bool:
    """Whether a document has the marks of one."""
    return _MARK.search(document) is not None


def sections(document: str) -> dict[str, Section]:
    """The sections of an original by anchor, in their order."""
    return {
        anchor(heading): Section(
            heading=heading,
            prose=_GENERATED.sub("", _FENCED.sub("", text)),
            blocks=tuple(dedent(found[0]) for found in _FENCED.finditer(text)),
        )
        for heading, text in _parts(document)
    }


def translations(document: str) -> list[Translation]:
    """The sections of a translation. Raises `LookupError` for a heading without its mark."""
    found = []
    for heading, text in _parts(document):
        mark = _MARK.search(text)
        if mark is None:
            raise LookupError(f"{heading}: no <!-- translated: SECTION HASH --> below the heading")
        prose = _GENERATED.sub("", _COMMAND.sub("", text))
        commands = tuple(int(each["number"]) for each in _COMMAND.finditer(text))
        found.append(
            Translation(heading=heading, of=mark["section"], hash=mark["hash"], prose=prose, commands=commands)
        )
    return found


def filled(document: str, original: str) -> str:
    """The translation with the original's code blocks. Raises `LookupError` for one that the original does not have."""
    known = sections(original)
    marks = list(_MARK.finditer(document))

    def command(found: re.Match[str]) -> str:
        section = next((mark["section"] for mark in reversed(marks) if mark.start() < found.start()), "")
        blocks, number = known[section].blocks, int(found["number"])
        if not 0 < number <= len(blocks):
            raise LookupError(f"{section} has {len(blocks)} code blocks, and number {number} is asked for")
        return indent(f"<!-- command: {number} -->\n\n{blocks[number - 1]}\n\n<!-- end -->", found["indent"])

    return _COMMAND.sub(command, document)


def _parts(document: str) -> Iterator[tuple[str, str]]:
    """Headings outside of code, with the text below each."""
    fences = [found.span() for found in _FENCED.finditer(document)]
    found = [
        each for each in _HEADING.finditer(document) if not any(begin <= each.start() < end for begin, end in fences)
    ]
    ends = [*(each.start() for each in found[1:]), len(document)]
    for each, end in zip(found, ends, strict=True):
        yield each["heading"], document[each.end() : end]
