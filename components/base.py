"""What every component shares: its type, its children's parent and their tags."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws

from blueprint.names import Naming


def account_id() -> pulumi.Output[str]:
    """The account that the credentials belong to. Policies name it; nothing exists or not because of it."""
    account: pulumi.Output[str] = aws.get_caller_identity_output().account_id
    return account


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
