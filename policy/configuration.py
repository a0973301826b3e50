"""Policy configuration of a stack: enforcement levels, and exceptions with reasons, in the Pulumi CLI's own format.

`config/<stack>.json` is read by the pack, the preview and the tests alike. A stack without a file gets every rule at
its own level and no exception. The format is that of `--policy-pack-config`, which the CLI lays over it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, NamedTuple

from policy.model import Level, Rule

FOLDER: Final = Path(__file__).parent / "config"
LEVEL_KEY, EXCEPTIONS_KEY, EVERY_RULE = "enforcementLevel", "exceptions", "all"


class ConfigurationRefused(ValueError):
    """An invalid policy configuration; the message names the file, the rule and the way out."""


class Excepted(NamedTuple):
    """Resources that a rule does not apply to: their names, or a pattern (`*` stands for anything), and why."""

    rule: str
    pattern: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The configuration of one rule in one stack. `exceptions`: reason by pattern of logical names."""

    level: Level
    exceptions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Configuration:
    """The configuration of all rules in one stack, by name."""

    settings: Mapping[str, Setting]

    @property
    def exceptions(self) -> list[Excepted]:
        """Every exception, rule by rule."""
        return [
            Excepted(name, pattern, reason)
            for name, setting in self.settings.items()
            for pattern, reason in setting.exceptions.items()
        ]


def is_excepted(name: str, exceptions: Iterable[str]) -> bool:
    """Whether one of the patterns matches the logical name."""
    return any(fnmatchcase(name, pattern) for pattern in exceptions)


def for_stack(stack: str, rules: Iterable[Rule], *, folder: Path = FOLDER) -> Configuration:
    """Read the configuration of a stack. Raises `ConfigurationRefused` for an invalid file."""
    path = folder / f"{stack}.json"
    where = f"policy/config/{path.name}"
    try:
        document = json.loads(path.read_text()) if path.is_file() else {}
    except ValueError as error:
        raise ConfigurationRefused(f"{where} is not JSON: {error}.") from None
    return configure(document, rules, where)


def configure(document: Mapping[str, Any], rules: Iterable[Rule], where: str) -> Configuration:
    """Apply a configuration document to the rules. `where` names it in errors. Raises `ConfigurationRefused`."""
    by_name = {rule.name: rule for rule in rules}
    for name in document:
        if name not in by_name and name != EVERY_RULE:
            raise ConfigurationRefused(f"{where}: there is no rule {name}. The rules are in policy/rules.")
    every, exceptions = _entry(document.get(EVERY_RULE, {}), EVERY_RULE, where)
    if exceptions:
        raise ConfigurationRefused(f"{where}: all has exceptions. Name the rule that each is about.")
    settings = {}
    for name, rule in by_name.items():
        level, exceptions = _entry(document.get(name, {}), name, where)
        settings[name] = Setting(level=level or every or rule.level, exceptions=exceptions)
    return Configuration(settings)


def _entry(entry: Any, name: str, where: str) -> tuple[Level | None, Mapping[str, str]]:
    if isinstance(entry, str):
        entry = {LEVEL_KEY: entry}
    if not isinstance(entry, dict) or not set(entry) <= {LEVEL_KEY, EXCEPTIONS_KEY}:
        raise ConfigurationRefused(
            f"{where}: {name} is neither a level nor an object of {LEVEL_KEY} and {EXCEPTIONS_KEY}. Write one of them."
        )
    words = [level.value for level in Level]
    level = entry.get(LEVEL_KEY)
    if level is not None and level not in words:
        raise ConfigurationRefused(f"{where}: {name} has the level {level!r}. Write one of {', '.join(words)}.")
    exceptions = entry.get(EXCEPTIONS_KEY, {})
    if not isinstance(exceptions, dict) or not all(isinstance(why, str) and why.strip() for why in exceptions.values()):
        raise ConfigurationRefused(
            f"{where}: an exception of {name} has no reason. Write the resource's name, and why it is excepted."
        )
    return None if level is None else Level(level), exceptions
