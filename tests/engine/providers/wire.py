"""Properties on the wire of Pulumi's protocol: from a protobuf struct to plain values, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import struct_pb2

from recording.recording import UNKNOWN as UNKNOWN
from recording.recording import Unknown, decode_struct, reveal
from resource_types.replacement import canonical

SIGNATURE = "4dabf18193072939515e22adb298388d"  # pulumi/sdk/go/common/resource/sig.go: marks a typed object
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
# pulumi/sdk/go/common/resource/plugin/rpc.go: an unknown text, and the other kinds of unknown values.
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWNS = {
    UNKNOWN_TEXT,
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
}


def plain(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Properties without envelopes: secrets opened, unknown values as `UNKNOWN`, an archive as its hash."""
    values: dict[str, Any] = _unknowns(reveal(decode_struct(struct)))
    return values


def _unknowns(value: Any) -> Any:
    if isinstance(value, Mapping):
        if "hash" in value and value.keys() <= {"hash", "assets", "path", "text", "uri"}:
            return value["hash"]
        return {key: _unknowns(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unknowns(item) for item in value]
    return UNKNOWN if isinstance(value, str) and value in _UNKNOWNS else value


def archives(properties: struct_pb2.Struct) -> set[str]:
    """Names of the properties that are archives, which a provider cannot read back."""
    return {
        key
        for key, value in properties.fields.items()
        if value.struct_value.fields.get(SIGNATURE, struct_pb2.Value()).string_value == ARCHIVE
    }


def struct(values: Mapping[str, Any], *, over: struct_pb2.Struct | None = None, secret: Iterable[str] = ()) -> Any:
    """Values for the wire, over those of a request (whose archives stay as they came)."""
    made = struct_pb2.Struct()
    if over is not None:
        made.CopyFrom(over)
    sealed = set(secret)
    for key, value in values.items():
        if value is None:
            made.fields.pop(key, None)
        else:
            encoded = _encoded(value)
            made.update({key: {SIGNATURE: SECRET, "value": encoded} if key in sealed else encoded})
    return made


def _encoded(value: Any) -> Any:
    if isinstance(value, Unknown):
        return UNKNOWN_TEXT
    if isinstance(value, Mapping):
        return {key: _encoded(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_encoded(item) for item in value]
    return value


def same(one: Any, other: Any) -> bool:
    """Whether Terraform's provider sees no change."""
    return bool(canonical(one) == canonical(other))
