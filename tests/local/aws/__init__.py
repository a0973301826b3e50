"""Stacks applied to a real moto server."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from local.aws.clients import Clients
from local.aws.provider import MotoProvider
from local.aws.server import MotoServer
from recording import engine
from recording.recording import Recording
from tests.recordings import REGION, frozen


@dataclass(frozen=True)
class Applied:
    """A stack on an otherwise empty server."""

    stack: str
    server: MotoServer
    provider: MotoProvider
    recording: Recording

    @cached_property
    def clients(self) -> Clients:
        """Clients of the server."""
        return Clients(self.server.endpoint, REGION)

    def id(self, kind: str, name: str) -> str:
        """The id that a resource got; `kind` is the last part of its type."""
        (found,) = (made.id for urn, made in self.provider.created.items() if urn.endswith(f":{kind}::{name}"))
        return found


def apply(server: MotoServer, stack: str) -> Applied:
    """The stack as its file has it, on the server emptied before."""
    server.reset()
    provider = MotoProvider(server.endpoint, REGION)
    return Applied(stack, server, provider, engine.record(frozen(stack), provider, preview=False))
