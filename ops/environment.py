"""`outputs env`: environment variables of an application or a migration, made of the stack's outputs."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ops import console
from ops.errors import OpsError

_GET = "Get them by: pulumi stack output --json -s {stack}"


def write(stack: str, source: str, *, migration: bool, target: Path | None) -> None:
    """Read outputs from a file, or standard input for `-`, and write or print the environment. Raises OpsError."""
    text = render(stack, parse_outputs(_read(source, stack), source, stack), migration=migration)
    if target is None:
        print(text, end="", flush=True)
        return
    _write_private(target, text)
    console.note(f"{target}: {console.count(text.count(chr(10)), 'setting')} of stack {stack}, mode 600")


def parse_outputs(text: str, source: str, stack: str) -> Mapping[str, Any]:
    """Parse the JSON of stack outputs. Raises OpsError if it is none, or another stack's."""
    where = "Standard input" if source == "-" else source
    try:
        outputs = json.loads(text)
    except ValueError as error:
        raise OpsError(f"{where} is not JSON ({error}). {_GET.format(stack=stack)}") from None
    if not isinstance(outputs, dict):
        raise OpsError(f"{where} is JSON, but not the outputs of a stack. {_GET.format(stack=stack)}")
    environment = outputs.get("environment")
    if environment is None:
        raise OpsError(f"{where} has no output `environment`. {_GET.format(stack=stack)}")
    if environment != stack:
        raise OpsError(f"{where} has the outputs of stack {environment}, not {stack}. {_GET.format(stack=stack)}")
    return outputs


def render(stack: str, outputs: Mapping[str, Any], *, migration: bool) -> str:
    """The text of an environment file that a shell, systemd's EnvironmentFile and `docker --env-file` read alike.

    Raises OpsError for outputs that make none, and for a value that such a file cannot carry.
    """
    from langpont_db.errors import SettingsRefused
    from langpont_db.outputs import environment, migration_environment

    try:
        settings = migration_environment(outputs) if migration else environment(outputs)
    except SettingsRefused as refusal:
        raise OpsError(f"{refusal}\nRun pulumi up -s {stack}, then get them again.") from None
    return "".join(f"{name}={_checked(name, value)}\n" for name, value in settings.items())


def _checked(name: str, value: str) -> str:
    if any(_has_password(part) for part in value.split(",")):
        raise OpsError(f"{name} holds a password, and this file is for names of secrets. Look at the stack's outputs.")
    if name.endswith("_SECRET_ARN") and not value.startswith("arn:"):
        raise OpsError(f"{name} is not the ARN of a secret. Look at the stack's outputs.")
    # What is read alike without quotes, which docker would take for a part of the value.
    if not re.fullmatch(r"[\w@%+=:,./?-]*", value, re.ASCII):
        raise OpsError(f"{name} holds a character that an environment file cannot carry. Look at the stack's outputs.")
    return value


def _has_password(url: str) -> bool:
    if "://" not in url:
        return False
    try:
        return urlsplit(url).password is not None or "password=" in url
    except ValueError:
        return True  # what cannot be read is not known to hold none


def _read(source: str, stack: str) -> str:
    if source == "-" and sys.stdin.isatty():
        raise OpsError(f"Nothing is piped in. Pipe the outputs in, or name a --file. {_GET.format(stack=stack)}")
    try:
        return sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except OSError as error:
        raise OpsError(f"{source} cannot be read: {error.strerror}. {_GET.format(stack=stack)}") from None
    except UnicodeDecodeError:
        raise OpsError(f"{source} is no text in UTF-8. {_GET.format(stack=stack)}") from None


def _write_private(path: Path, text: str) -> None:
    """Write a file atomically, with mode 600."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise OpsError(f"{path} cannot be written: {error.strerror}. Name a file where you may write.") from None
