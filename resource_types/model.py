"""The row of a resource type: what recordings, moto, cost and policy need to know of it, once and as data.

A row says what the mechanical rule (`vpcId` is `VpcId`) cannot know. Every input of a registration is a parameter of a
call, or is named in its row with the reason why it is the provider's own: there is no third way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import Enum
from typing import Any


class Bill(Enum):
    """How AWS charges for one: not at all, by what goes through it, or by time (a meter in `preview.cost`)."""

    FREE = "free"
    VOLUME = "volume"
    STANDING = "standing"


@dataclass(frozen=True)
class Into:
    """Where an input goes when neither the mechanical rule nor a mere rename says it.

    `path` is within the parameters, as in `BackupPlan.Rules` or `IpPermissions.0.FromPort`; `how` makes the
    parameter's whole value of the input's. With "" for a path it makes several parameters, by name.
    """

    path: str
    how: Callable[[Any], Any]


# A path within the parameters, or how to find it by the other inputs.
Target = str | Into | Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True)
class Call:
    """One API operation, as boto3 names it: `kms.create_key`.

    `takes`: the parameter for an input, by the input's path (`rules.startWindow`, lists without an index), where it
    differs in more than case. `gives`: what is passed besides, by path; texts in it are templates (see `ResourceType`).
    `switch`: the input that asks for this call, and is spent by it.
    """

    operation: str
    _: KW_ONLY
    takes: Mapping[str, Target] = field(default_factory=dict)
    gives: Mapping[str, Any] = field(default_factory=dict)
    switch: str = ""

    @property
    def service(self) -> str:
        """boto3's client."""
        return self.operation.partition(".")[0]

    @property
    def method(self) -> str:
        """The client's method."""
        return self.operation.partition(".")[2]


@dataclass(frozen=True)
class Reply:
    """A value that AWS makes up: its path in the reply of `create`, and a template for one that looks like it."""

    path: str
    made_up: str


@dataclass(frozen=True)
class PhysicalName:
    """The parameter for the physical name, and the input that says it.

    Where a program leaves the input out, pulumi-aws makes a name: the logical one and seven random hexadecimal digits.
    """

    parameter: str
    input: str = "name"


@dataclass(frozen=True)
class MotoLimit:
    """What moto does not do: to an input, to an output, or to the whole type when `about` is empty."""

    about: str
    reason: str


@dataclass(frozen=True)
class ResourceType:
    """One type, by its token in Pulumi.

    `tagged`: it has an input `tags`. `named`: None where pulumi-aws makes no name.

    `id` and `outputs` (those that programs of ours read): a text is a template over `{name}`, `{region}`, `{account}`,
    the inputs that are text, `{id}`, each `Reply` and the outputs before it; one for what is made up over `{hex}` (64
    digits, of the URN), `{HEX}`, `{uuid}` and `{content}` (64 digits, of URN and inputs), too.

    `create` gets the inputs that nobody else takes; None: no call of AWS makes one. `after`: further calls in order;
    one with `takes` is made only if such an input is there, and gets these inputs only. `own`: inputs that no parameter
    of the API stands for, each with the reason. `variants`: by an input, the row in place of this one when it is there.

    On one machine: `moto_limits`; `not_in_moto`: why moto cannot make it, so that parameters are checked and nothing is
    sent; `sent_later`: who sends them, when they cannot be sent at once.

    What a changed property does, update or replace, is data by token and property of its own.
    """

    token: str
    _: KW_ONLY
    bill: Bill
    tagged: bool = False
    id: str | Reply
    outputs: Mapping[str, str | Reply] = field(default_factory=dict)
    secret_outputs: frozenset[str] = frozenset()
    named: PhysicalName | None = None
    create: Call | None = None
    after: tuple[Call, ...] = ()
    own: Mapping[str, str] = field(default_factory=dict)
    variant: str = ""
    variants: Mapping[str, ResourceType] = field(default_factory=dict)
    moto_limits: tuple[MotoLimit, ...] = ()
    not_in_moto: str = ""
    sent_later: str = ""

    @property
    def label(self) -> str:
        """The token, and which variant: `aws:rds/instance:Instance (replica)`."""
        return f"{self.token} ({self.variant})" if self.variant else self.token


def key_value(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as most services take them."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


TAGS = Into("Tags", key_value)
