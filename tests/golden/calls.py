"""Every AWS API call that the moto provider makes for a stack, recorded without a server.

What moto cannot do, and what is sent later, is among them: its parameters are made and checked, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local.aws import convert
from local.aws.provider import MotoProvider
from recording.answers import Answers, row_of
from recording.recording import Registration
from resource_types.model import Call, Reply
from tests.recordings import ACCOUNT, REGION, recording, secrets

Parameters = Mapping[str, Any]


class _Calls(MotoProvider):
    """Answers each call as a preview does, so that ids in parameters are the recording's."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9", REGION)
        self.calls: dict[str, list[tuple[str, Parameters]]] = {}
        self._now: Registration

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        self._now = registration
        return super().create(registration)

    def _warm(self) -> Mapping[str, Any]:
        return {"Account": ACCOUNT}

    def _seed(self, registration: Registration) -> None:
        pass

    def _check(self, client: Any, call: Call, given: Mapping[str, Any]) -> None:
        super()._check(client, call, given)
        region = client.meta.region_name
        elsewhere = f" in {region}" if region != REGION else ""
        name = f"{call.operation}{elsewhere}"
        hidden = {str(value) for _, value in secrets(self._now.inputs)}
        self.calls.setdefault(self._now.identity, []).append((name, _shown(given, hidden)))

    def _send(self, client: Any, call: Call, given: Mapping[str, Any]) -> Any:
        row = row_of(self._now)
        id_, outputs = Answers(REGION).create(self._now)
        reply: dict[str, Any] = {}
        for key, place in (("id", row.id), *row.outputs.items()):
            if isinstance(place, Reply):
                convert.put(reply, place.path, id_ if key == "id" else outputs[key])
        return reply


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
