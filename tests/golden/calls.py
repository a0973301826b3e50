"""Every AWS API call that the moto provider makes for a stack, recorded without a server.

What moto cannot do, and what is sent later, is among them: its parameters are made and checked, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from resource_types.model import Call
from tests.recordings import REGION, recording, secrets
from tests.unsent import Unsent

Parameters = Mapping[str, Any]


class _Calls(Unsent):
    """Keeps the calls of each resource."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[str, list[tuple[str, Parameters]]] = {}

    def _check(self, client: Any, call: Call, given: Mapping[str, Any]) -> None:
        super()._check(client, call, given)
        region = client.meta.region_name
        elsewhere = f" in {region}" if region != REGION else ""
        name = f"{call.operation}{elsewhere}"
        hidden = {str(value) for _, value in secrets(self._now.inputs)}
        self.calls.setdefault(self._now.identity, []).append((name, _shown(given, hidden)))


def render(stack: str) -> str:
    """A JSON object, one line a call: type and logical name of a resource, its calls in order, their parameters."""
    provider = _Calls()
    for registration in recording(stack).registrations.values():
        if registration.custom:
            provider.create(registration)
    resources = []
    for identity, calls in sorted(provider.calls.items()):
        lines = [f"  {json.dumps([name, given], ensure_ascii=False, sort_keys=True)}" for name, given in calls]
        resources.append(f"{json.dumps(identity)}: [\n" + ",\n".join(lines) + "\n]")
    return "{\n" + ",\n".join(resources) + "\n}\n"


def _shown(value: Any, hidden: set[str]) -> Any:
    """Fit for a file: no secret, no archive; a document in JSON as what it says."""
    if isinstance(value, Mapping):
        return {key: _shown(item, hidden) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item, hidden) for item in value]
    if isinstance(value, bytes):
        return "(archive)" if value.startswith(b"PK") else _shown(value.decode(), hidden)
    if isinstance(value, str) and value in hidden:
        return "(secret)"
    if isinstance(value, str) and value.startswith('{"'):
        return json.loads(value)
    return value
