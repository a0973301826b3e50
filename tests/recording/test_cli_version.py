"""A CLI that is older than the SDK is refused, one too that is so old that it does not know the question."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import grpc
import pulumi
import pytest

from recording import engine
from recording.answers import Answers
from tests.recordings import REGION, frozen

SDK = importlib.metadata.version("pulumi")


class Unanswered(grpc.RpcError):  # type: ignore[misc]
    """As gRPC reports a method that the server does not have."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNIMPLEMENTED


def test_a_cli_that_does_not_know_the_question_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def unanswered(_: object, request: Any) -> None:
        asked.append(request.pulumi_version_range)
        raise Unanswered

    monkeypatch.setattr(engine._Engine, "RequirePulumiVersion", unanswered)
    with pytest.raises(pulumi.RunError) as refused:
        engine.record(frozen("dev"), Answers(REGION), preview=True)
    assert asked == [f">={SDK}"]
    assert str(refused.value) == (
        f"The Pulumi CLI is older than the SDK, {SDK}: The installed version of the CLI does not support the "
        f"`RequirePulumiVersion` RPC. Please upgrade the Pulumi CLI. Install one of that version or newer."
    )
