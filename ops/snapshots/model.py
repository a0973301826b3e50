"""DB snapshots as RDS describes them, and which stack each belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from blueprint.names import ProductNaming
from blueprint.product.file import PRODUCT
from ops.aws import Aws, tags_of
from ops.stack import belongs_to, primary_generation, replica_of

# No instance carries it: an instance's tags are copied to its snapshots, the final ones too.
MADE_BY: Final = f"{PRODUCT.prefix}:made-by"
OPS: Final = "ops"
AVAILABLE: Final = "available"


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One DB snapshot. `kind` is RDS's SnapshotType, `percent` PercentProgress; `created` is None until RDS tells it.

    `source`: it is a copy, from another region or account (RDS says nothing about a copy within both).
    """

    identifier: str
    instance: str
    kind: str
    status: str
    created: datetime | None
    tags: Mapping[str, str]
    source: str | None = None
    size_gib: int = 0
    percent: int = 100
    encrypted: bool = True

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """Parse an item of DescribeDBSnapshots."""
        return cls(
            identifier=raw["DBSnapshotIdentifier"],
            instance=raw.get("DBInstanceIdentifier", ""),
            kind=raw.get("SnapshotType", ""),
            status=raw.get("Status", ""),
            created=raw.get("SnapshotCreateTime"),
            tags=tags_of(raw.get("TagList")),
            source=raw.get("SourceDBSnapshotIdentifier") or None,
            size_gib=raw.get("AllocatedStorage", 0),
            percent=raw.get("PercentProgress", 0),
            encrypted=bool(raw.get("Encrypted")),
        )

    def made_by(self, names: ProductNaming) -> str:
        """Who created the snapshot, by its type, tags and name."""
        if self.kind == "automated":
            return "RDS"
        if self.kind == "awsbackup":
            return "AWS Backup"
        if self.tags.get(MADE_BY):
            return self.tags[MADE_BY]
        generation = primary_generation(names, self.instance)
        if generation and self.identifier.startswith(names.final_snapshot(generation, "")):
            return "RDS, at deletion"
        return "somebody"


def manual_name(names: ProductNaming, at: datetime) -> str:
    """The identifier of a snapshot that `snapshots create` makes."""
    return f"{names.prefix}-manual-{at:%Y%m%d-%H%M%S}"


def has_manual_name(names: ProductNaming, identifier: str) -> bool:
    """Whether the name is one of `manual_name`: in full, as `langpont-prod` also begins the names of stack prod-eu."""
    return re.fullmatch(rf"{re.escape(names.prefix)}-manual-[0-9]{{8}}-[0-9]{{6}}", identifier) is not None


def manual_tags(names: ProductNaming, identifier: str) -> dict[str, str]:
    """Tags of a snapshot that `snapshots create` makes. Stated whole: given none, RDS copies the instance's."""
    return names.tagged(identifier) | {"ManagedBy": OPS, MADE_BY: OPS}


def concerns(names: ProductNaming, snapshot: Snapshot) -> bool:
    """Whether the snapshot is related to the stack, by its instance, tags or name. Not: whether ops made it."""
    return (
        primary_generation(names, snapshot.instance) is not None
        or replica_of(names, snapshot.instance) is not None
        or belongs_to(names, snapshot.tags)
        or has_manual_name(names, snapshot.identifier)
    )


def snapshots(aws: Aws, kind: str) -> list[Snapshot]:
    """All snapshots of the account of one SnapshotType: `manual`, `automated`, `awsbackup`."""
    return [Snapshot.read(raw) for raw in aws.all("rds", "describe_db_snapshots", "DBSnapshots", SnapshotType=kind)]
