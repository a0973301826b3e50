"""The moto provider without a server: it makes and checks every AWS API call of a resource, and sends none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.aws import convert
from local.aws.provider import MotoProvider
from recording.answers import Answers, row_of
from recording.recording import Registration
from resource_types.model import Call, Reply
from tests.recordings import ACCOUNT, REGION


class Unsent(MotoProvider):
    """Answers each call as a preview does, so that ids in parameters are the recording's."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9", REGION)
        self._now: Registration

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        self._now = registration
        return super().create(registration)

    def _warm(self) -> Mapping[str, Any]:
        return {"Account": ACCOUNT}

    def _seed(self, registration: Registration) -> None:
        pass

    def _send(self, client: Any, call: Call, given: Mapping[str, Any]) -> Any:
        row = row_of(self._now)
        id_, outputs = Answers(REGION).create(self._now)
        reply: dict[str, Any] = {}
        for key, place in (("id", row.id), *row.outputs.items()):
            if isinstance(place, Reply):
                convert.put(reply, place.path, id_ if key == "id" else outputs[key])
        return reply
