"""What stands in AWS as Pulumi's state has it: an export of `pulumi stack export`, a file or asked of the CLI."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blueprint.problems import Problem
from preview.effects.document import effects_document, problems
from preview.effects.lines import by_operation
from preview.effects.model import Line
from preview.report import Report, preview
from preview.transitions import protected
from recording import stack_files
from recording.answers import Answers
from recording.archives import digest_of
from recording.plan import Key, Standing, digest, plan
from recording.recording import Secret

# pulumi/sdk/go/common/resource/sig.go: marks a typed object, and the types of it.
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
_DEFAULTS = "__defaults"  # names of the inputs that the provider has filled in
_ACCOUNT = re.compile(r"^arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:(\d{12}):")


class ExportError(Exception):
    """An export cannot be had or read; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """The stack as the files here make it, and what differs in what is deployed. `source`: where that was read."""

    report: Report
    source: str
    lines: tuple[Line, ...]
    sealed: Mapping[Key, tuple[str, ...]]

    @property
    def refused(self) -> tuple[Problem, ...]:
        """What Pulumi would not do."""
        return tuple(protected(self.lines))

    def document(self) -> dict[str, Any]:
        """For `--json`: project, stack, region, against (asked), refused, and the effects as against a version."""
        whole = {"project": self.report.first.project, "stack": self.report.first.stack}
        whole |= {"region": self.report.platform.settings.region}
        told = {"against": {"asked": self.source}, "refused": problems(self.refused)}
        return whole | told | effects_document(self.lines, self.sealed)


class _Sealed:
    """Stands for a value that is encrypted in the export."""


def deployed(project: Path, stack: str, export: Path | None) -> Deployed:
    """Compare the stack with an export: that file, or what `pulumi stack export` prints.

    Raises what `preview.report.preview` raises, and `ExportError`.
    """
    text, source = _asked(project, stack) if export is None else _read(export)
    file = stack_files.load(project, stack)
    standing, account = _standing(_resources(text, source, file.project, stack))
    report = preview(project, stack)
    whole = plan(file, standing, _InAccount(file.config["aws:region"], account))
    return Deployed(report=report, source=source, lines=tuple(by_operation(whole, standing)), sealed=whole.sealed)


class _InAccount(Answers):
    """Answers of the account in which the stack stands."""

    def __init__(self, region: str, account: str | None) -> None:
        super().__init__(region)
        self._account = account

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        found = super().invoke(token, arguments)
        return {**found, "accountId": self._account, "id": self._account} if self._account else found


def _read(path: Path) -> tuple[str, str]:
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(
            f"{path} cannot be read: {error}. Name a file that `pulumi stack export --file` wrote."
        ) from None


def _asked(project: Path, stack: str) -> tuple[str, str]:
    command = ["pulumi", "stack", "export", "--stack", stack]
    try:
        done = subprocess.run(
            command, cwd=project, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise ExportError(
            "The Pulumi CLI is not installed. Name a file that `pulumi stack export --file` wrote elsewhere: "
            "--against FILE."
        ) from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing"])[0]
        raise ExportError(f"`{' '.join(command)}` says {said!r}. Log in to the backend of the stack, or name a file.")
    return done.stdout, "what is deployed"


def _resources(text: str, source: str, project: str, stack: str) -> list[Mapping[str, Any]]:
    try:
        found: list[Mapping[str, Any]] = json.loads(text)["deployment"]["resources"]
        urns = [each["urn"].split("::") for each in found]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ExportError(
            f"{source} is no export of a stack. Write one with `pulumi stack export --stack {stack} --file FILE`."
        ) from None
    others = {(urn[1], urn[0].removeprefix("urn:pulumi:")) for urn in urns} - {(project, stack)}
    if others:
        told = ", ".join(f"{name} of {other}" for other, name in sorted(others))
        raise ExportError(f"{source} is of another stack ({told}). Export {stack} of {project}.")
    return [each for each in found if each.get("custom") and not each["type"].startswith("pulumi:")]


def _standing(resources: list[Mapping[str, Any]]) -> tuple[dict[Key, Standing], str | None]:
    """What stands by type and name, and the account that its ARNs name."""
    found = {}
    accounts: dict[str, int] = {}
    for resource in resources:
        if resource.get("delete"):  # an old one that the next update deletes
            continue
        name = resource["urn"].split("::")[-1]
        outputs = {key: _opened(value) for key, value in resource.get("outputs", {}).items() if key != _DEFAULTS}
        inputs = {key: _opened(value) for key, value in _stated(resource.get("inputs", {})).items()}
        sealed = frozenset(key for key, value in inputs.items() if _is_sealed(value))
        known = {key: value for key, value in inputs.items() if key not in sealed}
        if match := _ACCOUNT.match(str(outputs.get("arn", ""))):
            accounts[match[1]] = accounts.get(match[1], 0) + 1
        found[resource["type"], name] = Standing(
            type=resource["type"],
            name=name,
            inputs={key: told for key, value in known.items() if (told := _digest(value)) is not None},
            trigger=_digest(_opened(resource.get("replacementTrigger"))),
            protect=bool(resource.get("protect")),
            retain_on_delete=bool(resource.get("retainOnDelete")),
            values=known,
            answer=(resource.get("id", ""), {key: each for key, each in outputs.items() if _is_plain(each)}),
            sealed=sealed,
        )
    return found, max(accounts, key=lambda each: accounts[each], default=None)


def _stated(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs without those that the provider has filled in."""
    filled = {_DEFAULTS, *inputs.get(_DEFAULTS, ())}
    return {key: value for key, value in inputs.items() if key not in filled}


def _opened(value: Any) -> Any:
    """A value of a state as the program has it: secrets opened if they are plain, archives as what tells them apart."""
    if isinstance(value, Mapping):
        kind = value.get(_SIGNATURE)
        if kind == _SECRET:
            return Secret(json.loads(value["plaintext"])) if "plaintext" in value else Secret(_Sealed())
        if kind == _ARCHIVE:
            return {_ARCHIVE: {name: asset.get("hash") for name, asset in sorted(value.get("assets", {}).items())}}
        return {key: _opened(item) for key, item in _stated(value).items()}
    return [_opened(item) for item in value] if isinstance(value, list) else value


def _is_sealed(value: Any) -> bool:
    if isinstance(value, Secret):
        return _is_sealed(value.value)
    if isinstance(value, Mapping):
        return any(map(_is_sealed, value.values()))
    return isinstance(value, _Sealed) or (isinstance(value, list) and any(map(_is_sealed, value)))


def _digest(value: Any) -> str | None:
    if isinstance(value, Mapping) and _ARCHIVE in value:
        return digest(digest_of(value[_ARCHIVE]))
    return digest(value)


def _is_plain(value: Any) -> bool:
    """Whether a program can be given it: nothing in it is encrypted, and it is no archive."""
    return not _is_sealed(value) and not (isinstance(value, Mapping) and _ARCHIVE in value)
