"""The operators' commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import boto3
import botocore.client
import pytest
from botocore.exceptions import ClientError
from moto.backends import get_backend

from blueprint.names import PROJECT, ProductNaming
from ops.app import main
from ops.aws import Aws
from ops.clock import Clock

REGION = "ap-northeast-1"
ACCOUNT = "123456789012"
NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)


class FakeClock(Clock):
    """Stands still, but for those who wait. `at_sleep` is called before each sleep."""

    def __init__(self) -> None:
        self.slept = 0.0
        self.at_sleep: list[Any] = []

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.slept)

    def monotonic(self) -> float:
        return self.slept

    def sleep(self, seconds: float) -> None:
        if self.at_sleep:
            self.at_sleep.pop(0)()
        self.slept += seconds


class Outcome(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


def run_ops(capsys: pytest.CaptureFixture[str], clock: Clock, *arguments: str) -> Outcome:
    """Run a command in this process."""
    capsys.readouterr()
    code = main(arguments, clock)
    printed = capsys.readouterr()
    return Outcome(code, printed.out, printed.err)


def pairs(carried: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as AWS takes them."""
    return [{"Key": key, "Value": value} for key, value in carried.items()]


class Account:
    """The account in moto, and the means to put into it what no call could make."""

    def __init__(self) -> None:
        self.rds = boto3.Session().client("rds", REGION)
        self.aws: Aws | None = None
        self._backend = get_backend("rds")[ACCOUNT][REGION]

    def add_instance(self, identifier: str, environment: str, project: str = PROJECT) -> None:
        """An instance with the tags that the program gives."""
        carried = ProductNaming(environment).tagged(identifier) | {"Project": project}
        self.rds.create_db_instance(
            DBInstanceIdentifier=identifier,
            DBInstanceClass="db.t3.medium",
            Engine="postgres",
            EngineVersion="16.14",
            AllocatedStorage=100,
            MaxAllocatedStorage=1000,
            MasterUsername="langpont_admin",
            MasterUserPassword="not-shown-anywhere",
            StorageEncrypted=True,
            CopyTagsToSnapshot=True,
            BackupRetentionPeriod=7,
            Tags=pairs(carried),
        )

    def add_snapshot(
        self,
        identifier: str,
        instance: str,
        *,
        carried: Mapping[str, str] | None,
        created: datetime | None,
        kind: str = "manual",
        status: str = "available",
        source: str | None = None,
        described_instance: str | None = None,
    ) -> None:
        """A snapshot as it may stand there. `carried` None: no tags. `described_instance`: one that moto has not."""
        self._backend.create_db_snapshot(instance, identifier, kind)
        made: Any = self._backend.database_snapshots[identifier]
        made.tags = pairs(carried or {})
        made.created = created
        made.status = status
        made.source_db_snapshot_identifier = source
        made.db_instance_identifier = described_instance or instance
        made.percent_progress = 40 if status == "creating" else 100

    def snapshot(self, identifier: str) -> Any:
        """moto's own record of it."""
        return self._backend.database_snapshots[identifier]

    def snapshots(self) -> set[str]:
        """Those that are there."""
        return set(self._backend.database_snapshots)

    def clear_snapshots(self) -> None:
        """All of them go, also those that moto makes with an instance."""
        self._backend.database_snapshots.clear()


def made_by_ops(environment: str, identifier: str) -> dict[str, str]:
    """The tags of a snapshot that ops made: written out, not taken from the code under test."""
    return {
        "Name": identifier,
        "Environment": environment,
        "Project": "LangPont",
        "ManagedBy": "ops",
        "langpont:made-by": "ops",
    }


def add_snapshot(account: Account, name: str, *, environment: str = "prod", **other: Any) -> None:
    """One that ops made 81 days ago, but for what is given."""
    fields: dict[str, Any] = {"carried": made_by_ops(environment, name), "created": NOW - timedelta(days=81)} | other
    account.add_snapshot(name, f"langpont-{environment}-db", **fields)


def refusing(monkeypatch: pytest.MonkeyPatch, operation: str, code: str, when: Callable[[Any], bool]) -> None:
    """moto, but for calls that are refused."""
    call = botocore.client.BaseClient._make_api_call

    def refuse(self: Any, asked: str, parameters: Any) -> Any:
        if asked == operation and when(parameters):
            raise ClientError({"Error": {"Code": code, "Message": "Not now."}}, operation)
        return call(self, asked, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", refuse)
