"""What stands, as a plan takes it: out of the document of another version's preview, or out of a stack's state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from preview.difference import Document
from recording.plan import Key, Standing, digest


def of_document(document: Document) -> dict[Key, Standing]:
    """The resources of a preview's document. One of an older version has no digests; its secrets are sealed."""
    found = (_of_document(each) for component in document.get("components", ()) for each in component["resources"])
    return {(each.type, each.name): each for each in found}


def _of_document(resource: Mapping[str, Any]) -> Standing:
    inputs: Mapping[str, Any] = resource.get("inputs", {})
    known = {key: value for key, value in inputs.items() if not _hidden(value)}
    digests = resource.get("settled")
    if digests is None:
        digests = {key: found for key, value in known.items() if (found := digest(value)) is not None}
    return Standing(
        type=resource["type"],
        name=resource["name"],
        inputs=digests,
        trigger=resource.get("trigger"),
        protect=bool(resource.get("protect")),
        retain_on_delete=bool(resource.get("retainOnDelete")),
        values=known,
        sealed=frozenset(inputs.keys() - known.keys()) if "settled" not in resource else frozenset(),
    )


def _hidden(value: Any) -> bool:
    """Whether a part of it is a secret or known after the deployment alone."""
    if isinstance(value, Mapping):
        return value in ({"secret": True}, {"unknown": True}) or any(map(_hidden, value.values()))
    return isinstance(value, list) and any(map(_hidden, value))
