"""Reads the project file `Pulumi.yaml` and stack settings files `Pulumi.<stack>.yaml` as the Pulumi CLI does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blueprint.settings import SECRET_SECTION
from blueprint.stack_file.load import decoded
from recording import go_yaml


class StackFileError(Exception):
    """A project or stack settings file cannot be read; the message says which, where and what to do."""


# Linux takes no longer text in the environment (MAX_ARG_STRLEN), and the CLI hands the configuration over in one.
LONGEST_CONFIGURATION = 128 * 1024
# What the CLI makes a secrets provider of (pulumi/pkg/secrets/cloud, and its own two).
SECRETS_PROVIDERS = ("awskms", "azurekeyvault", "gcpkms", "hashivault", "passphrase", "default")


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

    def shown(self) -> dict[str, Any]:
        """`sections` for people: without the addresses of the section that may have secrets."""
        return {key: _hidden(value) if key == SECRET_SECTION else value for key, value in self.sections().items()}


def load(root: Path, stack: str) -> StackFile:
    """Read both files below `root`. Raises `StackFileError` for a missing stack, broken YAML or a misshapen file."""
    checked_name(stack)
    project = _project(root / "Pulumi.yaml")
    path = root / f"Pulumi.{stack}.yaml"
    if not path.exists():
        raise StackFileError(
            f"There is no stack {stack!r}: {path.name} does not exist. "
            f"Stacks here: {', '.join(names(root)) or 'none'}. Name one of them, or copy one of their files."
        )
    document = read(path)
    _check_beside(path, document)
    raw = document.get("config")
    if raw is None:
        raw = go_yaml.Mapping()
    if not isinstance(raw, go_yaml.Mapping):
        raise StackFileError(f"{path.name}: `config` is no mapping of keys to values. Write keys below it.")
    config: dict[str, str] = {}
    secret_keys: list[str] = []
    for written, value in raw.items():
        if written in raw.odd and raw.odd[written] is None:
            continue  # the CLI drops it
        key = _key(path, project, written, text=written not in raw.odd)
        if key in config:
            raise StackFileError(f"{path.name}: {key} stands twice, once as {written!r}. Keep one of them.")
        plain, encrypted = _stand_in(value, key)
        config[key] = _text(plain)
        if encrypted:
            secret_keys.append(key)
    size = len(f"PULUMI_CONFIG={go_yaml.json_text(config)}".encode()) + 1
    if size > LONGEST_CONFIGURATION:
        raise StackFileError(
            f"{path.name}: the configuration is {size} bytes long, and the CLI can hand over {LONGEST_CONFIGURATION}. "
            f"Shorten it."
        )
    return StackFile(project, stack, root, path, config, tuple(secret_keys))


def _project(path: Path) -> str:
    name = read(path).get("name")
    if not isinstance(name, str) or not name:
        raise StackFileError(f"{path.name}: `name` is missing or no text. Write name: langpont-database.")
    return name


def _key(path: Path, project: str, written: str, *, text: bool) -> str:
    """A full key as the CLI makes it: `name` is the project's, and `a:config:b` is `a:b`."""
    parts = written.split(":")
    if text and len(parts) == 1:
        return f"{project}:{written}"
    if text and len(parts) == 2:
        return written
    if text and len(parts) == 3 and parts[1] == "config":
        return f"{parts[0]}:{parts[2]}"
    raise StackFileError(
        f"{path.name}: the key {written[:80]!r} has not the form <namespace>:<name>. Write {project}:<section>."
    )


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _hidden(item) for key, item in value.items()}
    return [_hidden(item) for item in value] if isinstance(value, list) else "(hidden)"


def _text(value: Any) -> str:
    """A value as the CLI hands it over."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return go_yaml.json_text(value)
    return go_yaml.number_text(value) if isinstance(value, float) else str(value)


def _check_beside(path: Path, document: go_yaml.Mapping) -> None:
    """What stands beside `config`, as far as it shows without the key or the service that it names."""
    if document.odd:
        raise StackFileError(f"{path.name}: the key {next(iter(document.odd))[:80]!r} is no text. Put it in quotes.")
    if "environment" in document:
        raise StackFileError(
            f"{path.name}: `environment` asks for Pulumi ESC, which only Pulumi Cloud has and nobody sees offline. "
            f"Write its values into `config`."
        )
    salt, provider = document.get("encryptionsalt"), document.get("secretsprovider")
    if salt is not None and not (isinstance(salt, str) and re.fullmatch(r"v1:[^:]+:v1:[^:]+:[^:]+", salt)):
        raise StackFileError(f"{path.name}: `encryptionsalt` is not as the CLI writes it. Take it from git.")
    if provider is not None and not (isinstance(provider, str) and provider.split(":")[0] in ("", *SECRETS_PROVIDERS)):
        raise StackFileError(
            f"{path.name}: `secretsprovider` is none that the CLI knows. Write awskms://alias/<key>?region=<region>."
        )


def names(root: Path) -> tuple[str, ...]:
    """The stacks that have a file in `root`, sorted."""
    return tuple(sorted(p.name.removeprefix("Pulumi.").removesuffix(".yaml") for p in root.glob("Pulumi.*.yaml")))


def checked_name(stack: str) -> str:
    """Check the name of a stack and return it. Raises `StackFileError` for what would be a path."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", stack):
        raise StackFileError(f"{stack!r} is not the name of a stack. Write it as in Pulumi.prod.yaml: prod.")
    return stack


def read(path: Path) -> go_yaml.Mapping:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StackFileError(f"{path.name}: cannot be read: {error.strerror}. Look at the file.") from None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise StackFileError(f"{path.name}: is written in UTF-16. Save it as UTF-8.")
    try:
        document = go_yaml.parse(content.decode())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise StackFileError(f"{path.name} line {line}: is not UTF-8. Save the file as UTF-8.") from None
    except go_yaml.YamlRefused as refused:
        raise StackFileError(f"{path.name}{refused}") from None
    if document is None:
        return go_yaml.Mapping()
    if not isinstance(document, go_yaml.Mapping):
        raise StackFileError(f"{path.name}: the file is not a mapping. Begin it with `config:`.")
    return document


def _stand_in(value: Any, path: str) -> tuple[Any, bool]:
    """The value with every encrypted part replaced by text that says so, and whether there was one."""
    if isinstance(value, dict):
        if set(value) == {"secure"} and isinstance(value["secure"], str):
            return f"(encrypted: {path})", True
        parts = {key: _stand_in(item, f"{path}.{key}") for key, item in value.items()}
        return {key: part for key, (part, _) in parts.items()}, any(secret for _, secret in parts.values())
    if isinstance(value, list):
        items = [_stand_in(item, f"{path}[{index}]") for index, item in enumerate(value)]
        return [part for part, _ in items], any(secret for _, secret in items)
    return value, False
