"""What every component shares: its type, its children's parent and their tags."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi.runtime.settings import SETTINGS

from blueprint.names import Naming


def account_id() -> pulumi.Output[str]:
    """The account that the credentials belong to. Policies name it; nothing exists or not because of it."""
    account: pulumi.Output[str] = aws.get_caller_identity_output().account_id
    return account


async def settled() -> None:
    """Wait for all outputs, for `pulumi.run`; ends early when one fails, which Pulumi then reports.

    Pulumi waits for them by itself, but begins to wait for all of them anew at each that is there: 280,000 callbacks.
    """
    while pending := [output for output in SETTINGS.outputs if not output.done()]:
        done, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
        if any(output.cancelled() or output.exception() for output in done):
            return


def document(build: Callable[..., Any], *args: pulumi.Input[Any], **kwargs: pulumi.Input[Any]) -> pulumi.Output[str]:
    """A JSON document built by a pure function from values that other resources produce."""
    both = pulumi.Output.all(pulumi.Output.all(*args), pulumi.Output.all(**kwargs) if kwargs else {})
    return both.apply(lambda values: json.dumps(build(*values[0], **values[1])))


class Component(pulumi.ComponentResource):
    """A Pulumi component resource. Children are named `<name>-<role>` and get `child_options` and `child_tags`."""

    def __init__(self, name: str, naming: Naming, opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(f"langpont:database:{type(self).__name__}", name, None, opts)
        self._name = name
        self._naming = naming

    def child_options(self, **options: Any) -> pulumi.ResourceOptions:
        """Options of a child. The component's own options reach it through its parent, never twice."""
        return pulumi.ResourceOptions(parent=self, **options)

    def child_tags(self, name: str) -> dict[str, str]:
        """Tags of a child that people will see under `name`."""
        return self._naming.tagged(name)

    def described(self, text: str) -> str:
        """The description of a child, for which console users see whose it is: `shop-prod: isolated subnets`."""
        return f"{self._naming.prefix}: {text}"
