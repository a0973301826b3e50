"""`python -m preview.comment BASE.zip HEAD.zip`: a pull request's previews as a Markdown comment.

Each archive holds the previews of one side: for a stack `<stack>.json` (of `--json`) and `<stack>.txt` (the page), or
`<stack>.refused` (what the preview said instead). A pull request's own code made them, so nothing in them is trusted:
their number and size are bounded, nothing is unpacked to disk, a document must have the form of a preview, and whatever
is quoted stands in a fence longer than any run of backticks in it, where GitHub reads no Markdown, HTML, mention or
link. Standard library alone: the workflow that may write comments installs nothing.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preview.difference import differences, lines, visible

MARKER = "<!-- preview of every stack -->"  # the first line: by it the workflow finds the comment that it updates
MOST_STACKS = 8
MOST_FILE_BYTES = 4 * 1024 * 1024
MOST_COMMENT_CHARACTERS = 60_000  # GitHub takes 65,536
MOST_LINE_CHARACTERS = 400
_FILE = re.compile(r"(?P<stack>[a-z][a-z0-9-]{0,29})\.(?P<kind>json|txt|refused)")
_NOTE = (
    "An offline preview: it compares what the program registers, asks no account and never sees the value of a secret. "
    "Whether AWS changes a resource in place or replaces it, only a cloud preview tells."
)


class Unusable(Exception):
    """An archive is not what the preview workflow makes."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """One stack on one side: its document and the opening of its page, or the reason why there is none."""

    document: Mapping[str, Any] | None = None
    opening: str = ""
    refused: str = ""


def read(archive: Path) -> dict[str, Preview]:
    """The previews in an archive by stack, sorted. Raises `Unusable`."""
    try:
        with zipfile.ZipFile(archive) as opened:
            if len(opened.infolist()) > MOST_STACKS * 2:
                raise Unusable(f"{archive.name}: more than the {MOST_STACKS * 2} files of {MOST_STACKS} stacks")
            files = dict(_file(opened, member) for member in opened.infolist())
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, EOFError, ValueError) as error:
        raise Unusable(f"{archive.name} is no archive of previews: {visible(str(error))[:200]}") from error
    return {stack: _preview(stack, files) for stack in sorted({stack for stack, _ in files})}


def comment(base: Mapping[str, Preview], head: Mapping[str, Preview], *, commit: str, run: str) -> str:
    """The comment, with `commit` and `run` (a link to the run that made the previews) named in it."""
    sections = {stack: _compared(base.get(stack), head.get(stack)) for stack in sorted({*base, *head})}
    opening = [MARKER, f"### Offline preview of {commit[:12]}", "", _NOTE, f"Whole pages: [the run's summary]({run})."]
    room = (MOST_COMMENT_CHARACTERS - sum(map(len, opening))) // max(len(sections), 1)
    return "\n".join([*opening, *(_section(stack, *told, room) for stack, told in sections.items()), ""])


def _file(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[tuple[str, str], str]:
    named = _FILE.fullmatch(member.filename)
    if named is None:
        raise Unusable(f"A file in the archive is called {visible(member.filename)[:80]!r}")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unusable(f"{member.filename} is packed by method {member.compress_type}")
    with archive.open(member) as stream:
        content = stream.read(MOST_FILE_BYTES + 1)  # the size in the directory may be a lie
    if len(content) > MOST_FILE_BYTES:
        raise Unusable(f"{member.filename} has more than {MOST_FILE_BYTES} bytes")
    return (named["stack"], named["kind"]), content.decode("utf-8", errors="replace")


def _preview(stack: str, files: Mapping[tuple[str, str], str]) -> Preview:
    if (stack, "json") not in files:
        return Preview(refused=files.get((stack, "refused"), ""))
    try:
        document = json.loads(files[stack, "json"], parse_constant=_no_constant)
        _check_form(stack, document)
        differences(document, document)  # as deep as it goes
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unusable(f"{stack}.json is not a preview of {stack}: {visible(repr(error))[:200]}") from error
    return Preview(document=document, opening=files.get((stack, "txt"), "").partition("\n\n")[0])


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _check_form(stack: str, document: Any) -> None:
    """What this comment and `preview_difference` rely on. Raises `ValueError`, or what a wrong type raises."""
    if document["stack"] != stack:
        raise ValueError("the stack in it is another")
    for resource in (r for component in document["components"] for r in component["resources"]):
        if not (isinstance(resource["type"], str) and isinstance(resource["name"], str)):
            raise ValueError("a resource without type and name")
    for instance in document["instances"]:
        if not all(isinstance(p["name"], str) and isinstance(p["meaning"], str) for p in instance["parameters"]):
            raise ValueError("a parameter without name and meaning")
    if not all(isinstance(sentence, str) for sentence in document["warnings"]):
        raise ValueError("a warning that is no text")


def _compared(base: Preview | None, head: Preview | None) -> tuple[str, str, list[str]]:
    """For the heading, for a quotation above the differences, and the differences."""
    if head is None:
        return "gone: its stack file is no longer there", "", []
    if head.document is None:
        return "refused", head.refused, []
    if base is None:
        return "a new stack", head.opening, []
    if base.document is None:
        return "nothing to compare with: the base is refused", head.opening, []
    found = differences(base.document, head.document)
    counted = f"{len(found)} value{'s differ' if len(found) != 1 else ' differs'} from the base"
    return counted if found else "no difference from the base", head.opening, lines(found, base.document)


def _section(stack: str, heading: str, quotation: str, shown: list[str], room: int) -> str:
    parts = ["", f"#### {stack}: {heading}", ""]
    quoted = quotation.strip("\n").split("\n") if quotation.strip() else []
    for text, language in ((quoted, "text"), (shown, "diff")):
        if text:
            parts += [_fenced(text, language, room // 4 if language == "text" else room // 2), ""]
    return "\n".join(parts[:-1])


def _fenced(text: Sequence[str], language: str, room: int) -> str:
    """A block of code that nothing in it can end, of at most about `room` characters."""
    kept: list[str] = []
    for line in (visible(line[:MOST_LINE_CHARACTERS]) for line in text):
        room -= len(line) + 1
        if room < 0:
            kept.append(f"  ... and {len(text) - len(kept)} more lines")
            break
        kept.append(line)
    longest = max((len(run) for line in kept for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}{language}", *kept, fence])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comment; with exit code 1 and one line on standard error if an archive is unusable."""
    parser = argparse.ArgumentParser(prog="python -m preview.comment", description="Previews as a comment.")
    parser.add_argument("base", type=Path, help="archive with the previews of the base")
    parser.add_argument("head", type=Path, help="archive with the previews of the pull request")
    parser.add_argument("--commit", required=True, help="what the head is called")
    parser.add_argument("--run", required=True, help="link to the run that made the previews")
    asked = parser.parse_args(arguments)
    try:
        print(comment(read(asked.base), read(asked.head), commit=asked.commit, run=asked.run))
    except Unusable as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
