"""The Pulumi engine's part of policies: starts the pack as it does, configures it, and asks it over gRPC.

After `pulumi-analyzer-policy-python` and pkg/resource/analyzer/config.go of Pulumi 3.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from recording.answers import Answers
from recording.archives import Archive
from recording.engine import STACK_TYPE
from recording.recording import UNKNOWN, Recording, Registration, Secret
from tests.recordings import REGION, ROOT

PROVIDER: Final = "pulumi:providers:aws"
LEVELS: Final = analyzer_pb2.EnforcementLevel


class Pack:
    """A running pack."""

    def __init__(self, port: int) -> None:
        self._stub = analyzer_pb2_grpc.AnalyzerStub(grpc.insecure_channel(f"127.0.0.1:{port}"))

    def info(self) -> Any:
        """What the pack says about itself and its policies."""
        return self._stub.GetAnalyzerInfo(empty_pb2.Empty())

    def configure(self, document: Mapping[str, Any] | None = None) -> dict[str, str]:
        """Levels by policy, after the pack's own configuration and `document`, a file of `--policy-pack-config`."""
        info = self.info()
        result = {policy.name: (policy.enforcementLevel, dict[str, Any]()) for policy in info.policies}
        for name, entry in info.initialConfig.items():
            result[name] = (entry.enforcementLevel, json_format.MessageToDict(entry.properties))
        given = {k: {"enforcementLevel": v} if isinstance(v, str) else dict(v) for k, v in (document or {}).items()}
        if every := given.pop("all", {}).get("enforcementLevel"):
            result = {name: (_level(every), properties) for name, (_, properties) in result.items()}
        for name, entry in given.items():
            level, properties = result[name]
            word = entry.pop("enforcementLevel", None)
            result[name] = (_level(word) if word else level, properties | entry)
        request = analyzer_pb2.ConfigureAnalyzerRequest()
        for name, (level, properties) in result.items():
            request.policyConfig[name].enforcementLevel = level
            request.policyConfig[name].properties.update(properties)
        self._stub.Configure(request)
        return {name: LEVELS.Name(level).lower() for name, (level, _) in result.items()}

    def analyze(self, recording: Recording) -> list[tuple[str, str, str]]:
        """Level, policy and message of everything found: each resource by itself, then the stack."""
        answered: list[Any] = []
        for request in _requests(recording):
            answered += self._stub.Analyze(request).diagnostics
        resources = [_resource(each, recording) for each in recording.registrations.values()]
        answered += self._stub.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=resources)).diagnostics
        return [(LEVELS.Name(each.enforcementLevel).lower(), each.policyName, each.message) for each in answered]


@contextmanager
def started(stack: str | None, *, preview: bool = False, project: Path = ROOT) -> Iterator[Pack]:
    """The pack of a project, run from inside its folder with the environment that the language host gives it."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "PYTHONPATH"))}
    if stack is not None:
        environment |= {
            "PULUMI_PROJECT": "langpont-database",
            "PULUMI_STACK": stack,
            "PULUMI_DRY_RUN": str(preview).lower(),
            "PULUMI_CONFIG": json.dumps({"aws:region": REGION}),
        }
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:0", "."]
    with subprocess.Popen(command, cwd=project / "policy", env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield Pack(int(process.stdout.readline()))
        finally:
            process.terminate()


def _requests(recording: Recording) -> Iterator[Any]:
    """As the engine asks: the stack, its provider, then every registration with its inputs."""
    prefix = f"urn:pulumi:{recording.stack}::{recording.project}"
    for type_, properties in ((STACK_TYPE, {}), (PROVIDER, {"region": REGION, "version": "7.51.1"})):
        yield analyzer_pb2.AnalyzeRequest(
            type=type_, name="default", urn=f"{prefix}::{type_}::default", properties=_struct(properties)
        )
    for each in recording.registrations.values():
        yield analyzer_pb2.AnalyzeRequest(
            type=each.type, name=each.name, urn=each.urn, properties=_struct(each.inputs), options=_options(each)
        )


def _resource(each: Registration, recording: Recording) -> Any:
    """As in the stack's analysis: with outputs, and with what each property was computed from."""
    computed = Answers(REGION).create(each)[1] if each.custom and not recording.preview else {}
    message = analyzer_pb2.AnalyzerResource(
        type=each.type,
        name=each.name,
        urn=each.urn,
        parent=each.parent,
        options=_options(each),
        dependencies=sorted(each.dependencies),
        properties=_struct({**each.inputs, **computed}),
    )
    for key, urns in each.property_dependencies.items():
        if urns:
            message.propertyDependencies[key].urns.extend(sorted(urns))
    return message


def _options(each: Registration) -> Any:
    return analyzer_pb2.AnalyzerResourceOptions(protect=each.protect, ignoreChanges=each.ignore_changes)


def _struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update({key: _wire(value) for key, value in properties.items()})
    return struct


def _wire(value: Any) -> Any:
    """A decoded value in the engine's own encoding."""
    if value is UNKNOWN:
        return rpc.UNKNOWN
    if isinstance(value, Secret):
        return {rpc._special_sig_key: rpc._special_secret_sig, "value": _wire(value.value)}
    if isinstance(value, Archive):
        return {rpc._special_sig_key: rpc._special_archive_sig, "path": "function.zip"}
    if isinstance(value, Mapping):
        return {key: _wire(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_wire(item) for item in value]
    return value


def _level(word: str) -> Any:
    return LEVELS.Value(word.upper())
