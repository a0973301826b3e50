"""Registrations and outputs of a run, decoded from Pulumi's gRPC wire: plain values, `Secret` and `UNKNOWN`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

_SIGNATURE = (
    "4dabf18193072939515e22adb298388d"  # pulumi/sdk/go/common/resource/sig.go: marks a typed object on the wire
)
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"


class Unknown:
    """An output that the provider computes, as a preview sees it. There is one instance, `UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Secret:
    """A Pulumi secret. Its repr never shows the value."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(...)"


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One registered resource, as the engine received it. Names of inputs and options are the wire's (camelCase)."""

    urn: str
    type: str
    name: str
    parent: str
    custom: bool
    inputs: Mapping[str, Any]
    protect: bool
    retain_on_delete: bool
    delete_before_replace: bool
    ignore_changes: tuple[str, ...]
    aliases: int
    former_names: tuple[str, ...] = ()
    replace_with: frozenset[str] = frozenset()
    replace_on_changes: tuple[str, ...] = ()
    replacement_trigger: Any = None
    dependencies: frozenset[str]
    property_dependencies: Mapping[str, frozenset[str]]
    secret_outputs: tuple[str, ...]

    @property
    def identity(self) -> str:
        """Type and logical name: what a change of makes Pulumi replace the resource."""
        return f"{self.type} {self.name}"


class Component(NamedTuple):
    """A component resource and its children, sorted by type and logical name.

    `registration` is None for the stack itself, which is the parent of what stands in no component.
    """

    registration: Registration | None
    resources: tuple[Registration, ...]

    def short_name(self, resource: Registration) -> str:
        """A child's logical name without its component's."""
        return resource.name.removeprefix(f"{self.registration.name}-") if self.registration else resource.name


@dataclass(kw_only=True)
class Recording:
    """Everything of one run: registrations by URN, the outputs of components and of the stack, and what was logged."""

    stack: str
    project: str
    preview: bool
    registrations: dict[str, Registration] = field(default_factory=dict)
    component_outputs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def resources(self) -> list[Registration]:
        """Custom resources, those that a provider makes, sorted by type and logical name."""
        found = (r for r in self.registrations.values() if r.custom)
        return sorted(found, key=lambda r: (r.type, r.name))

    @property
    def components(self) -> list[Component]:
        """Components by logical name, each with its own children; what has no component comes last."""
        parents = sorted((r for r in self.registrations.values() if not r.custom), key=lambda r: r.name)
        urns = {parent.urn for parent in parents}
        resources = self.resources
        found = [Component(p, tuple(r for r in resources if r.parent == p.urn)) for p in parents]
        rest = tuple(r for r in resources if r.parent not in urns)
        return [*found, Component(None, rest)] if rest else found

    def of_type(self, type_: str) -> list[Registration]:
        """Registrations of one type, such as `aws:rds/instance:Instance`, sorted by logical name."""
        return sorted((r for r in self.registrations.values() if r.type == type_), key=lambda r: r.name)

    def one(self, type_: str, name: str) -> Registration:
        """The registration of that type and logical name; `LookupError` naming those of the type otherwise."""
        found = [r for r in self.of_type(type_) if r.name == name]
        if not found:
            raise LookupError(f"no {type_} named {name}; there are {[r.name for r in self.of_type(type_)]}")
        return found[0]

    def identities(self) -> list[str]:
        """Types and logical names, sorted: the list whose change replaces resources."""
        return sorted(r.identity for r in self.registrations.values())


def decode(value: struct_pb2.Value) -> Any:
    """Decode a protobuf value. Whole numbers become int: every AWS number of ours is one unless it has a fraction."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value == rpc.UNKNOWN else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [decode(item) for item in value.list_value.values]
    if kind == "struct_value":
        return _decode_object(value.struct_value)
    return None


def decode_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Decode the properties of a request."""
    return {key: decode(value) for key, value in struct.fields.items()}


def _decode_object(struct: struct_pb2.Struct) -> Any:
    signature = struct.fields.get(_SIGNATURE)
    if signature is None:
        return decode_struct(struct)
    if signature.string_value == _SECRET:
        return Secret(decode(struct.fields["value"]))
    if signature.string_value == _RESOURCE:
        return decode(struct.fields["id"]) if "id" in struct.fields else decode(struct.fields["urn"])
    return {key: decode(value) for key, value in struct.fields.items() if key != _SIGNATURE}


def reveal(value: Any) -> Any:
    """The same value with every `Secret` replaced by what it holds; for checks and for applying, never for showing."""
    if isinstance(value, Secret):
        return reveal(value.value)
    if isinstance(value, Mapping):
        return {key: reveal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [reveal(item) for item in value]
    return value


def unknown_paths(value: Any, path: str = "") -> Iterator[str]:
    """Paths at which a value is `UNKNOWN`, such as `tags.Name` or `subnetIds[0]`."""
    if isinstance(value, Unknown):
        yield path
    elif isinstance(value, Secret):
        yield from unknown_paths(value.value, path)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from unknown_paths(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from unknown_paths(item, f"{path}[{index}]")
