"""Procedures of the documents, carried out as they are written: their commands in their order, their YAML as the edit.

A command is to be run if it stands in a code block, or in the text with its stack (`-s prod`) or another option; one
without is spoken of. A step is a numbered item, a bullet by its bold beginning, or the text between them. A person adds
what a test hands over: the value of a placeholder `<...>`, and the edits that a step describes without a block.

Stand-ins: `aws` acts on the simulated cloud, `ops roles` compares every password, a host is a folder, `make`
knows its targets and does nothing. SQL is run on a real server elsewhere.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import yaml

from tests.docs import read
from tests.engine.workplace import Done, Workplace
from tests.recordings import PROJECT

PROGRAMS = ("aws", "pulumi", "make", "systemctl", "venv/bin/python", "git")
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`]+)`")
_TOLD = re.compile(r" -s | --|STACK=")
_PLACEHOLDER = re.compile(r"'?(<[^<>\n]+>)'?")
_ITEM = re.compile(r"^(?:(\d+)\.|[-*]) ", re.MULTILINE)
ALSO = "text"

Fill = Mapping[str, str | Sequence[str] | Callable[[], str | Sequence[str]]]


@dataclass(frozen=True)
class Act:
    """One thing to do: a script of `shell`, an edit in `yaml`."""

    kind: str
    text: str


@dataclass(frozen=True)
class Step:
    """A part of a section: `label` is its number, its bold beginning, or "text" with a count."""

    label: str
    acts: tuple[Act, ...]


def section(document: str, heading: str) -> str:
    """The text below a heading, up to the next one of any level."""
    text = read(document)
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", _hidden(text), re.MULTILINE | re.DOTALL)
    assert found, f"{document} has no section {heading}"
    return text[found.start(1) : found.end(1)]


def headings(document: str, level: str = "#+") -> list[str]:
    """Headings of the sections in which there is something to do; `level` is `###` for one of them."""
    found = re.findall(rf"^{level} (.+)$", _hidden(read(document)), re.MULTILINE)
    return [it for it in found if steps(document, it)]


def steps(document: str, heading: str) -> list[Step]:
    """The steps of a section that have something to do, in their order."""
    return steps_of(section(document, heading))


def steps_of(text: str) -> list[Step]:
    """The same of a section's text."""
    hidden = _hidden(text)
    starts = [0]
    for line in re.finditer(r"^\S.*$", hidden, re.MULTILINE):
        after_blank = hidden[: line.start()].endswith("\n\n")
        if _ITEM.match(line[0]) or (after_blank and not hidden.startswith("    ", line.start())):
            starts.append(line.start())
    found: list[Step] = []
    texts = 0
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        part = text[start:end]
        acts = tuple(_acts(part))
        item = re.match(r"(\d+)\. |[-*] \*\*([^*]+?)\.?\*\*|\*\*([^*]+?)\.?\*\*", part)
        label = next((group for group in item.groups() if group), "") if item else ""
        if acts and not label:
            texts += 1
            label = f"{ALSO} {texts}"
        if acts:
            found.append(Step(label, acts))
    return found


def _hidden(text: str) -> str:
    """With code blocks blanked out, so that a comment in one is no heading."""
    return _FENCE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def _acts(part: str) -> list[Act]:
    found: list[tuple[int, Act]] = []
    for block in _FENCE.finditer(part):
        kind = {"bash": "shell", "yaml": "yaml"}.get(block[2])
        if kind:
            found.append((block.start(), Act(kind, dedent(block[3]))))
    for code in _INLINE.finditer(_hidden(part)):
        words = " ".join(code[1].split())
        if words.split()[0] in PROGRAMS and _TOLD.search(words):
            found.append((code.start(), Act("shell", f"{words}\n")))
    return [act for _, act in sorted(found, key=lambda it: it[0])]


FOLLOWED: set[tuple[str, str]] = set()


def follows(document: str, heading: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Say of a test that it carries out this section."""
    FOLLOWED.add((document, heading))
    return lambda test: test


class Reader:
    """Somebody who does what a section says, with a workplace. At the end of the block nothing may be left undone.

    `elsewhere`: steps that another test follows, such as the other one of two ways.
    """

    def __init__(self, workplace: Workplace, document: str, heading: str, *, elsewhere: Sequence[str] = ()) -> None:
        assert (document, heading) in FOLLOWED, f"the test must say that it @follows {heading}"
        self.workplace = workplace
        self._left = {it.label: it for it in steps(document, heading)}
        self._elsewhere = elsewhere
        self._programs = _programs(workplace)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        if kind is None:
            assert sorted(self._left) == sorted(self._elsewhere), "steps that nobody has done"

    def follow(self, label: str, fill: Fill | None = None, *, fails: str = "") -> str:
        """Do one step, and say what its commands printed.

        `fails`: what one of its commands is refused with; what the step has after that is not done.
        """
        said, refused = "", False
        for act in self._left.pop(label).acts:
            done = self.do(act, fill, code=None if fails else 0)
            said += done.text
            if refused := done.code != 0:
                break
        assert refused == bool(fails), said
        assert fails in said
        return said

    def refused(self, label: str, told: str) -> None:
        """Do what a step begins with, which is refused, as the document says; the rest of the step is left."""
        first, *others = self._left[label].acts
        done = self.do(first, code=None)
        assert done.code, "it was not refused"
        assert told in done.text
        self._left[label] = Step(label, tuple(others))

    def rest(self, fill: Fill | None = None) -> None:
        """Do all the steps that are left, in their order."""
        for label in [it for it in self._left if it not in self._elsewhere]:
            self.follow(label, fill)

    def do(self, act: Act, fill: Fill | None = None, code: int | None = 0) -> Done:
        """One edit, or one script, which ends with `code`; None takes any."""
        text = re.sub(r"\bprod\b", self.workplace.stack, act.text)
        if act.kind == "yaml":
            self.workplace.edit({key.removeprefix(f"{PROJECT}:"): it for key, it in yaml.safe_load(text).items()})
            return Done(0, "", "")
        script = "".join(_filled(line, fill or {}) for line in text.splitlines(keepends=True))
        script = script.replace("/srv/app/venv/bin/python -m langpont_db.pgbouncer", "langpont-pgbouncer")
        script = script.replace("venv/bin/python -m ops", "ops").replace(" /etc/", f" {self.hosts}/etc/")
        agreed = f'export PATH="{self._programs}:$PATH" PULUMI_SKIP_CONFIRMATIONS=true\n'
        return self.workplace.shell(agreed + script, code)

    @property
    def hosts(self) -> Path:
        """What stands for an application host."""
        return self._programs.parent / "host"


def _filled(line: str, fill: Fill) -> str:
    for name in dict.fromkeys(_PLACEHOLDER.findall(line)):
        assert name in fill, f"what is {name}? {line}"
        value = fill[name]
        value = value() if callable(value) else value
        values = [value] if isinstance(value, str) else list(value)
        pieces = re.split(rf"'?{re.escape(name)}'?", line)
        line = "".join(f"'{it}'".join(pieces) for it in values)
    return line


def _programs(workplace: Workplace) -> Path:
    """A folder with the stand-ins."""
    folder = workplace.folder / "stand-ins"
    folder.mkdir(exist_ok=True)
    (workplace.folder / "host" / "etc" / "pgbouncer").mkdir(parents=True, exist_ok=True)
    python, cloud = f'"{sys.executable}" -m', f'"{workplace.cloud.path}"'
    for name, body in {
        "aws": f'exec {python} tests.engine.aws_cli {cloud} "$@"',
        "ops": f'case "$1" in roles) exec {python} tests.engine.passwords {cloud} ;; snapshots) ;; *) exit 2 ;; esac',
        "make": 'for word in "$@"; do case "$word" in *=*) ;; *) grep -q "^$word:" Makefile || exit 2 ;; esac; done',
        "systemctl": f'echo "$@" >> "{workplace.folder / "host" / "systemctl"}"',
        "langpont-pgbouncer": f'echo "$@" >> "{workplace.folder / "host" / "langpont-pgbouncer"}"',
        "sudo": f'echo "$@" >> "{workplace.folder / "host" / "sudo"}"',
    }.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder
