"""Reads the project file `Pulumi.yaml` and stack settings files `Pulumi.<stack>.yaml` as the Pulumi CLI does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from blueprint.stack_file.load import decoded


class StackFileError(Exception):
    """A project or stack settings file cannot be read; the message says which, where and what to do."""


class _Loader(yaml.SafeLoader):
    """The CLI parses YAML with Go's yaml.v3, in which `on` and `03:00` are text and only true/false are booleans."""


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^<<$"), ["<"])


@dataclass(frozen=True)
class StackFile:
    """A stack's configuration as the program receives it: full keys (`aws:region`), every value a string.

    `root` is the folder of the program, `path` the file.
    """

    project: str
    stack: str
    root: Path
    path: Path
    config: Mapping[str, str]
    secret_keys: tuple[str, ...]

    def sections(self) -> dict[str, Any]:
        """The project's own values without their namespace, decoded as the program does it."""
        namespace = f"{self.project}:"
        raw = {key.removeprefix(namespace): text for key, text in self.config.items() if key.startswith(namespace)}
        return {key: decoded(text) for key, text in raw.items()}


def load(root: Path, stack: str) -> StackFile:
    """Read both files below `root`. Raises `StackFileError` for a missing stack, broken YAML or a misshapen file."""
    checked_name(stack)
    project = _read(root / "Pulumi.yaml")
    path = root / f"Pulumi.{stack}.yaml"
    if not path.exists():
        raise StackFileError(
            f"There is no stack {stack!r}: {path.name} does not exist. "
            f"Stacks here: {', '.join(names(root)) or 'none'}. Name one of them, or copy one of their files."
        )
    document = _read(path)
    raw = document.get("config") or {}
    if not isinstance(raw, dict):
        raise StackFileError(f"{path.name}: `config` is {type(raw).__name__}; make it a mapping of keys to values.")
    config: dict[str, str] = {}
    secret_keys: list[str] = []
    for key, value in raw.items():
        if ":" not in str(key):
            raise StackFileError(
                f"{path.name}: the key {key!r} has no namespace; the CLI refuses it. Write {project['name']}:{key}."
            )
        plain, encrypted = _stand_in(value, str(key))
        config[key] = plain if isinstance(plain, str) else "" if plain is None else json.dumps(plain)
        if encrypted:
            secret_keys.append(key)
    return StackFile(str(project["name"]), stack, root, path, config, tuple(secret_keys))


def names(root: Path) -> tuple[str, ...]:
    """The stacks that have a file in `root`, sorted."""
    return tuple(sorted(p.name.removeprefix("Pulumi.").removesuffix(".yaml") for p in root.glob("Pulumi.*.yaml")))


def checked_name(stack: str) -> str:
    """Check the name of a stack and return it. Raises `StackFileError` for what would be a path."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", stack):
        raise StackFileError(f"{stack!r} is not the name of a stack. Write it as in Pulumi.prod.yaml: prod.")
    return stack


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise StackFileError(f"{path.name}{where}: not valid YAML: {error.problem}. Mend the file there.") from None
    except yaml.YAMLError as error:
        raise StackFileError(f"{path.name}: not valid YAML: {error}. Mend the file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StackFileError(f"{path.name}: cannot be read: {error}.") from None
    if not isinstance(document, dict):
        raise StackFileError(f"{path.name}: the file is not a mapping. Begin it with `config:`.")
    return document


def _stand_in(value: Any, path: str) -> tuple[Any, bool]:
    """The value with every encrypted part replaced by text that says so, and whether there was one."""
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            return f"(encrypted: {path})", True
        parts = {key: _stand_in(item, f"{path}.{key}") for key, item in value.items()}
        return {key: part for key, (part, _) in parts.items()}, any(secret for _, secret in parts.values())
    if isinstance(value, list):
        items = [_stand_in(item, f"{path}[{index}]") for index, item in enumerate(value)]
        return [part for part, _ in items], any(secret for _, secret in items)
    return value, False
