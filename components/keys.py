"""Keys: a customer-managed KMS key and its alias for each purpose."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

import pulumi
import pulumi_aws as aws

from blueprint.aws import policies
from blueprint.names import Naming
from blueprint.settings import Encryption
from components.base import Component, document

Purpose = Literal["storage", "backup", "insights", "secrets", "logs", "alerts"]
PURPOSES: Mapping[Purpose, str] = {
    "storage": "database volumes and snapshots",
    "backup": "backup vault",
    "insights": "Performance Insights data",
    "secrets": "database secrets",
    "logs": "log groups",
    "alerts": "alert topics",
}
# What these keys encrypt outlives them: snapshots, recovery points, and, where a stack changes over to AWS's keys, the
# insights of an instance, whose key never changes, and log events of before.
_KEPT: Collection[Purpose] = ("storage", "backup", "insights", "logs")


@dataclass(frozen=True, kw_only=True)
class KeysArgs:
    """`purposes`: which keys to make; under AWS-managed keys none is. `protected`: Pulumi refuses to delete them.

    `copied_to_account`: one that gets copies of snapshots, which are under the storage key.
    """

    naming: Naming
    region: str
    account_id: pulumi.Input[str]
    encryption: Encryption = field(default_factory=Encryption)
    protected: bool = True
    purposes: Collection[Purpose] = tuple(PURPOSES)
    copied_to_account: str | None = None


class Keys(Component):
    """KMS keys, rotated each year, so that a permission to decrypt one kind of data is none for another."""

    def __init__(self, name: str, args: KeysArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.naming, opts)
        self._args = args
        purposes = args.purposes if args.encryption.customer_keys else ()
        self._keys = {purpose: self._key(purpose) for purpose in purposes}
        self.register_outputs({})

    def arn(self, purpose: Purpose) -> pulumi.Output[str] | None:
        """ARN of the key for a purpose; None where AWS's own key, or none, serves."""
        return self._keys[purpose].arn if purpose in self._keys else None

    def _key(self, purpose: Purpose) -> aws.kms.Key:
        label, naming, args = f"{self._name}-{purpose}", self._naming, self._args
        build = {
            "logs": lambda account: policies.logs_key_policy(account, args.region, naming.log_group_prefixes),
            "alerts": policies.alerts_key_policy,
            "storage": lambda account: policies.storage_key_policy(account, args.copied_to_account),
        }.get(purpose, policies.key_policy)
        key = aws.kms.Key(
            label,
            description=self.described(PURPOSES[purpose]),
            policy=document(build, args.account_id),
            enable_key_rotation=True,
            deletion_window_in_days=args.encryption.deletion_window_days,
            tags=self.child_tags(f"{naming.prefix}-{purpose}"),
            opts=self.child_options(
                protect=args.protected,
                retain_on_delete=True if args.protected and purpose in _KEPT else None,
            ),
        )
        aws.kms.Alias(
            f"{label}-alias",
            name=naming.key_alias(purpose),
            target_key_id=key.key_id,
            opts=self.child_options(),
        )
        return key
