"""Finds the DB instances of a stack in AWS by identifier and tags, without Pulumi's state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from blueprint.names import ProductNaming, check_environment
from blueprint.problems import FileRefused, Refused
from blueprint.product.rules import check
from ops.aws import Aws, tags_of
from ops.errors import OpsError

_GENERATION = r"(?:-g(?P<generation>[2-9]|[1-9][0-9]+))?"


def names_of(stack: str) -> ProductNaming:
    """The `ProductNaming` of a stack. Raises OpsError for what cannot be a stack's name, and for a refused product."""
    try:
        check()
        check_environment(stack)
    except FileRefused as refusal:
        raise OpsError(str(refusal)) from None
    except Refused as refusal:
        raise OpsError(f"--stack {stack} {refusal}") from None
    return ProductNaming(stack)


def belongs_to(names: ProductNaming, tags: Mapping[str, str]) -> bool:
    """Whether the tags Environment and Project are those of the stack."""
    return names.owner_tags.items() <= tags.items()


def primary_generation(names: ProductNaming, identifier: str) -> int | None:
    """The generation of the primary with this identifier; None: it is no primary of the stack."""
    match = re.fullmatch(re.escape(names.primary(1)) + _GENERATION, identifier)
    return int(match["generation"] or 1) if match else None


def replica_of(names: ProductNaming, identifier: str) -> tuple[int, int] | None:
    """Number and generation of the replica that has this identifier; None: it is no replica of the stack."""
    match = re.fullmatch(rf"{re.escape(names.prefix)}-replica-(?P<number>[1-9][0-9]*){_GENERATION}", identifier)
    return (int(match["number"]), int(match["generation"] or 1)) if match else None


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A DB instance of the stack. `number` is a replica's, None the primary. `raw` is all that RDS says about it."""

    identifier: str
    generation: int
    number: int | None
    raw: Mapping[str, Any]

    @property
    def arn(self) -> str:
        """Its ARN."""
        return str(self.raw["DBInstanceArn"])

    @property
    def status(self) -> str:
        """DBInstanceStatus, such as `available`."""
        return str(self.raw.get("DBInstanceStatus", "unknown"))

    @property
    def version(self) -> str:
        """EngineVersion, such as `16.14`."""
        return str(self.raw.get("EngineVersion", "?"))

    @property
    def source(self) -> str | None:
        """The identifier of its replication source; None for a primary and for a promoted replica."""
        source = self.raw.get("ReadReplicaSourceDBInstanceIdentifier")
        return str(source) if source else None

    @property
    def created(self) -> datetime | None:
        """InstanceCreateTime; None while RDS creates it."""
        created: datetime | None = self.raw.get("InstanceCreateTime")
        return created


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The DB instances of a stack, the newest generation first, primaries before replicas.

    `foreign`: those with the stack's identifiers and other tags, with what their tags say; nothing is done to them.
    """

    names: ProductNaming
    region: str
    instances: tuple[Instance, ...]
    foreign: Mapping[str, str] = field(default_factory=dict)

    @property
    def primaries(self) -> tuple[Instance, ...]:
        """Instances with a primary's identifier and no replication source, the newest generation first."""
        return tuple(one for one in self.instances if one.number is None and one.source is None)

    @property
    def replicas(self) -> tuple[Instance, ...]:
        """The read replicas, promoted ones among them."""
        return tuple(one for one in self.instances if one.number is not None)

    @property
    def primary(self) -> Instance:
        """The primary of the newest generation. Raises OpsError if there is none."""
        if self.primaries:
            return self.primaries[0]
        raise OpsError(no_primary(self))


def no_primary(stack: Stack) -> str:
    """The error message for a stack without a primary."""
    wanted = stack.names.primary(1)
    for identifier, why in stack.foreign.items():
        if primary_generation(stack.names, identifier):
            return _foreign(stack.names, f"{identifier} in {stack.region}", why, "nothing is done to it")
    return (
        f"There is no primary of stack {stack.names.environment} in {stack.region}: no instance {wanted} with the tags "
        f"of the stack. Check --stack, AWS_DEFAULT_REGION and the account."
    )


def _foreign(names: ProductNaming, what: str, why: str, so: str) -> str:
    return (
        f"{what} is not of stack {names.environment} by its tags ({why}), so {so}. Correct the tags, or the stack's "
        f"name."
    )


def check_owner(names: ProductNaming, what: str, tags: Mapping[str, str], so: str) -> None:
    """Raise OpsError for a resource whose tags are not the stack's. `so`: what is not done with it, in words."""
    if not belongs_to(names, tags):
        raise OpsError(_foreign(names, what, owner_from_tags(tags), so))


def not_made(names: ProductNaming, what: str, region: str) -> OpsError:
    """The error for a resource of the stack that is not in the region."""
    return OpsError(
        f"There is no {what} in {region}. pulumi up -s {names.environment} makes it; or check --stack, "
        f"AWS_DEFAULT_REGION and the account."
    )


def find(aws: Aws, names: ProductNaming) -> Stack:
    """The stack's instances, by DescribeDBInstances."""
    return read(aws.all("rds", "describe_db_instances", "DBInstances"), names, aws.region)


def read(answer: list[Mapping[str, Any]], names: ProductNaming, region: str) -> Stack:
    """The stack's instances among `answer`, the DBInstances of the whole account."""
    found, foreign = [], {}
    for raw in answer:
        identifier = str(raw["DBInstanceIdentifier"])
        generation, replica = primary_generation(names, identifier), replica_of(names, identifier)
        if generation is None and replica is None:
            continue
        tags = tags_of(raw.get("TagList"))
        if not belongs_to(names, tags):
            foreign[identifier] = owner_from_tags(tags)
        elif replica is not None:
            found.append(Instance(identifier=identifier, number=replica[0], generation=replica[1], raw=raw))
        elif generation is not None:
            found.append(Instance(identifier=identifier, number=None, generation=generation, raw=raw))
    found.sort(key=lambda one: (-one.generation, one.number or 0))
    return Stack(names=names, region=region, instances=tuple(found), foreign=foreign)


def owner_from_tags(tags: Mapping[str, str]) -> str:
    """The tags Environment and Project as a message names them: who owns a resource."""
    parts = (f"{key}={tags[key]}" if key in tags else f"no {key}" for key in ("Environment", "Project"))
    return ", ".join(parts)
