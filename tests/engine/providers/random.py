"""The plugin `random`: real random values, kept in the state, replaced when an input changes."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from local.randoms import password
from tests.engine.providers import wire
from tests.engine.providers.plugin import Plugin

SECRET_OUTPUTS = {"RandomPassword": ("result", "bcryptHash"), "RandomBytes": ("base64", "hex"), "RandomId": ()}


class RandomProvider(Plugin):
    """RandomPassword, RandomBytes and RandomId."""

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802 - the interface's names
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        old, new = wire.plain(request.old_inputs), wire.plain(request.news)
        ignored = {"override_special" if key == "overrideSpecial" else key for key in request.ignoreChanges}
        keys = [key for key in sorted({*old, *new} - ignored) if not wire.same(old.get(key), new.get(key))]
        none, some = provider_pb2.DiffResponse.DIFF_NONE, provider_pb2.DiffResponse.DIFF_SOME
        return provider_pb2.DiffResponse(changes=some if keys else none, diffs=keys, replaces=keys)

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        kind = request.urn.split("::")[2].rpartition(":")[2]
        if request.preview:
            unknown = dict.fromkeys(("result", "base64", "hex"), wire.UNKNOWN)
            return provider_pb2.CreateResponse(properties=wire.struct(unknown, over=request.properties))
        id_, made = _made(kind, wire.plain(request.properties))
        properties = wire.struct(made, over=request.properties, secret=SECRET_OUTPUTS[kind])
        return provider_pb2.CreateResponse(id=id_, properties=properties)

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.UpdateResponse(properties=wire.struct(wire.plain(request.news), over=request.olds))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()


def _made(kind: str, inputs: dict[str, Any]) -> tuple[str, dict[str, str]]:
    if kind == "RandomPassword":
        return "none", {"result": password(inputs)}
    raw = secrets.token_bytes(inputs["length"] if kind == "RandomBytes" else inputs["byteLength"])
    made = {"hex": raw.hex(), "base64": base64.b64encode(raw).decode()}
    return ("none", made) if kind == "RandomBytes" else (raw.hex(), {"hex": raw.hex()})
