"""Stacks applied to a real moto server."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from local import engine, pulumi_yaml
from local.control.clients import Clients
from local.control.provider import MotoProvider
from local.control.server import MotoServer
from local.recording import Recording
from tests.recordings import REGION, ROOT


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
        (found,) = (made.id for urn, made in self.provider.made.items() if urn.endswith(f":{kind}::{name}"))
        return found


def apply(server: MotoServer, stack: str) -> Applied:
    """The stack as its file has it, on the server emptied before."""
    server.reset()
    provider = MotoProvider(server.endpoint, REGION)
    return Applied(stack, server, provider, engine.record(pulumi_yaml.load(ROOT, stack), provider, preview=False))
