"""Reads YAML as the Pulumi CLI's parser, Go's yaml.v3, does, and refuses what nobody should write.

PyYAML parses YAML 1.1 into events; the values are made of them here, by yaml.v3's rules (resolve.go, decode.go): what
a plain scalar is, how keys become text, which key wins. Measured rows of both stand in
`tests/recording/stack_file_semantics.json`.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

import yaml

DEEPEST: Final = 200  # levels; yaml.v3 bears 10,000, and Python's own JSON some 1,000
MOST_ALIASED: Final = 10_000  # values that aliases repeat; yaml.v3 weighs them against the document
INT64: Final = range(-(2**63), 2**63)
UINT64: Final = range(2**64)
_STANDARD: Final = "tag:yaml.org,2002:"
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BASED: Final = re.compile(r"([-+]?)0([xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)")
_DECIMAL: Final = re.compile(r"[-+]?[0-9]+")
_LEADING_ZERO: Final = re.compile(r"[-+]?0_*[0-9][0-9_]*")
_TIME: Final = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)"
    r"(?:(?:[Tt](\d\d?):(\d\d?):(\d\d?)(?:\.(\d+))?(Z|[-+]\d\d:\d\d))|(?: (\d\d?):(\d\d?):(\d\d?)(?:\.(\d+))?))?",
    re.ASCII,
)
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INFINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class YamlRefused(Exception):
    """A text that yaml.v3 refuses or that means something else than it seems: line, rule and way out."""

    def __init__(self, line: int, rule: str, way_out: str, column: int | None = None) -> None:
        where = f"line {line}" + (f", column {column}" if column else "")
        super().__init__(f" {where}: {rule}. {way_out}.")


class Mapping(dict[str, Any]):
    """A mapping by the text of its keys; `odd` are those whose key is no text, by what it is."""

    def __init__(self) -> None:
        super().__init__()
        self.odd: dict[str, Any] = {}


def parse(text: str) -> Any:
    """The value of the first and only document: None, text, bool, int, float, list or `Mapping`.

    A number beyond int64 is a float inside a mapping, as it leaves the CLI's JSON; dates are Go's text of them.
    Raises `YamlRefused`.
    """
    _check_directives(text)
    try:
        return _Reader(text).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise YamlRefused(line, f"not valid YAML: {error.problem}", "Mend the file there", column) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        raise YamlRefused(
            line, f"not valid YAML: the control character {chr(error.character)!a}", "Take it out"
        ) from None


def number_text(value: float) -> str:
    """A number as Go's JSON has it: without a point where it is whole, with an exponent from 1e21 on."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(Decimal(repr(value))))
    return re.sub(r"e([-+])0(\d)$", r"e\1\2", repr(value))


def json_text(value: Any) -> str:
    """JSON as Go writes it: keys sorted, nothing between, `<`, `>` and `&` escaped."""
    written = json.dumps(_numbers(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written


def _numbers(value: Any) -> Any:
    """Whole floats as integers, as Go's JSON has no other."""
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    if isinstance(value, float) and value == int(value) and abs(value) < 1e21:
        return int(Decimal(repr(value)))
    if isinstance(value, int) and not isinstance(value, bool) and value not in INT64:
        return _numbers(float(value))
    return value


def _check_directives(text: str) -> None:
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        if line.startswith("%") and not re.match(r"%(YAML\s+1\.1|TAG\s)", line):
            raise YamlRefused(number, f"the directive {_shown(line)} is unknown to the CLI", "Take the line out")
        if line.strip() and not line.startswith(("#", "%")):
            return


class _Reader:
    """One pass over the events of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._events: Iterator[Any] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._anchors: dict[str, Any] = {}
        self._open: set[str] = set()
        self._aliased = 0

    def document(self) -> Any:
        value: Any = None
        begun = False
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if begun:
                    raise self._refused(event, "the CLI reads the first document alone", "Take the rest out")
                begun = True
                value = self._value(next(self._events), 0)
        return value

    def _refused(self, event: Any, rule: str, way_out: str) -> YamlRefused:
        return YamlRefused(event.start_mark.line + 1, rule, way_out)

    def _value(self, event: Any, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if depth > DEEPEST:
            raise self._refused(event, f"more than {DEEPEST} levels, one in another", "Write it flatter")
        self._check_tag(event)
        anchor = event.anchor
        if anchor:
            self._open.add(anchor)
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        else:
            sequence = isinstance(event, yaml.SequenceStartEvent)
            value = self._sequence(depth) if sequence else self._mapping(depth)
        if anchor:
            self._open.discard(anchor)
            self._anchors[anchor] = value
        return value

    def _alias(self, event: Any) -> Any:
        if event.anchor in self._open:
            raise self._refused(event, f"the anchor {_shown(event.anchor)} contains itself", "Write the value out")
        if event.anchor not in self._anchors:
            raise self._refused(event, f"no anchor {_shown(event.anchor)} stands before", "Write the value out")
        value = self._anchors[event.anchor]
        self._aliased += _size(value)
        if self._aliased > MOST_ALIASED:
            raise self._refused(event, f"aliases repeat more than {MOST_ALIASED} values", "Write fewer of them")
        return value

    def _check_tag(self, event: Any) -> None:
        if event.tag and event.tag != "!" and not event.tag.startswith(_STANDARD):
            raise self._refused(event, f"the CLI drops the tag {_shown(event.tag)}", "Take it out")

    def _sequence(self, depth: int) -> list[Any]:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, depth + 1))
        return items

    def _mapping(self, depth: int) -> Mapping:
        found, merges, lines = Mapping(), [], dict[str, int]()
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._value(event, depth + 1)
            raw = event.value if isinstance(event, yaml.ScalarEvent) else None
            if isinstance(key, dict | list):
                raise self._refused(event, "a list or a mapping cannot be a key", "Write text")
            name = _key_text(key)
            for written in {raw if raw is not None else name, name}:
                if written in lines:
                    rule = f"{_shown(written)} stands already in line {lines[written]}"
                    raise self._refused(event, rule, "Keep one of them")
            lines[name] = lines[raw if raw is not None else name] = event.start_mark.line + 1
            value_event = next(self._events)
            value = self._value(value_event, depth + 1)
            if raw == "<<":
                merges.append((value_event, value))
                continue
            found[name] = value
            if not isinstance(key, str):
                found.odd[name] = key
        for value_event, value in merges:
            for merged in reversed(value) if isinstance(value, list) else [value]:
                if not isinstance(merged, Mapping):
                    raise self._refused(value_event, "<< merges mappings alone", "Name a mapping")
                for name in merged.keys() - lines.keys():
                    found[name] = merged[name]
        return found

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise self._refused(event, "half a character (a lone surrogate)", "Write the character itself")
        if event.style == '"' and re.search(
            r"(?<!\\)(?:\\\\)*\\/", self._text[event.start_mark.index : event.end_mark.index]
        ):
            raise self._refused(event, r"\/ is no escape in YAML 1.1", "Write / alone")
        tag = (event.tag or "").removeprefix(_STANDARD)
        if tag in ("", "!"):
            return self._plain(event, text) if event.style is None else text
        if tag == "str":
            return text
        if tag == "binary":
            return self._binary(event, text)
        value = self._plain(event, text)
        wanted = _KINDS.get(tag)
        if wanted is None:
            raise self._refused(event, f"the CLI drops the tag !!{_shown(tag)}", "Take it out")
        if not wanted(value, text):
            raise self._refused(event, f"{_shown(text)} is no {tag}, as its tag !!{tag} says", "Take the tag out")
        return value

    def _binary(self, event: Any, text: str) -> str:
        try:
            return base64.b64decode("".join(text.split()), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise self._refused(event, "!!binary holds no text in UTF-8", "Write the text itself") from None

    def _plain(self, event: Any, text: str) -> Any:
        """What yaml.v3 makes of a scalar without quotes."""
        if text in _WORDS:
            return _WORDS[text]
        if _INFINITE.fullmatch(text):
            raise self._refused(event, f"{text} is no number that the CLI can hand over", "Write a number, or quotes")
        if not text[0].isascii() or text[0] not in "+-.0123456789":
            return text
        moment = _moment(text)
        if moment:
            return moment
        if _LEADING_ZERO.fullmatch(text):
            rule = f"{_shown(text)} begins with 0, so the CLI reads it as another number (of 060 it makes 48)"
            raise self._refused(event, rule, "Leave the 0 out, or put it in quotes if it is text")
        plain = text if text[0] == "." else text.replace("_", "")
        if based := _BASED.fullmatch(plain):
            base = {"x": 16, "o": 8, "b": 2}[based[2][0].lower()]
            return _whole(int(based[1] + based[2][1:], base), text)
        if _DECIMAL.fullmatch(plain):
            return _whole(int(plain), text) if len(plain) < 400 else text
        if _FLOAT.fullmatch(plain):
            value = float(plain)
            return text if math.isinf(value) else value
        return text


_KINDS: Final[dict[str, Callable[[Any, str], bool]]] = {
    "null": lambda value, _: value is None,
    "bool": lambda value, _: isinstance(value, bool),
    "int": lambda value, _: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value, _: isinstance(value, int | float) and not isinstance(value, bool),
    "timestamp": lambda _, text: bool(_moment(text)),
}


def _whole(value: int, text: str) -> int | float | str:
    """Within uint64 an integer; beyond it a float, or text where it is no float either."""
    if value in INT64 or value in UINT64:
        return value
    try:
        return float(value)
    except OverflowError:
        return text


def _key_text(key: Any) -> str:
    """A key as Go prints it."""
    if key is None:
        return "<nil>"
    if isinstance(key, bool):
        return "true" if key else "false"
    return number_text(key) if isinstance(key, float) else str(key)


def _moment(text: str) -> str:
    """Go's text of an unquoted date or time, "" for what is none."""
    found = _TIME.fullmatch(text)
    if not found:
        return ""
    year, month, day = (int(part) for part in found.group(1, 2, 3))
    clock = found.group(4, 5, 6) if found[4] else found.group(9, 10, 11)
    hour, minute, second = (int(part or 0) for part in clock)
    zone = UTC
    if found[8] and found[8] != "Z":
        sign = -1 if found[8][0] == "-" else 1
        hours, minutes = int(found[8][1:3]), int(found[8][4:])
        if hours > 23 or minutes > 59:
            return ""
        zone = timezone(sign * timedelta(hours=hours, minutes=minutes))
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return ""
    fraction = ((found[7] or found[12] or "")[:9]).rstrip("0")
    offset = moment.strftime("%z")
    name = "UTC" if offset == "+0000" else offset
    clock_text = f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
    return f"{clock_text}{'.' + fraction if fraction else ''} {offset} {name}"


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(_size(item) for item in value.values())
    return 1 + sum(_size(item) for item in value) if isinstance(value, list) else 1


def _shown(text: str) -> str:
    """A value in a sentence: short, and without what hides or reorders other characters."""
    short = text if len(text) <= 80 else f"{text[:80]}..."
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in short) or "''"
