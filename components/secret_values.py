"""SecretValues: what the secrets hold, a version each, which needs the database's address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import pulumi
import pulumi_aws as aws

from blueprint.names import Naming
from blueprint.postgres.secret_document import secret_document
from blueprint.settings import Database
from components.base import Component, document


@dataclass(frozen=True, kw_only=True)
class SecretValuesArgs:
    """`secret_ids`, `secret_arns` and `passwords` by role, the master's among them; `verifiers` of pooled roles.

    `host` is the primary's address. `rotated`: whether each password but the master's is changed by Secrets Manager.
    """

    naming: Naming
    database: Database
    secret_ids: Mapping[str, pulumi.Input[str]]
    secret_arns: Mapping[str, pulumi.Input[str]]
    passwords: Mapping[str, pulumi.Input[str]]
    verifiers: Mapping[str, pulumi.Input[str]]
    host: pulumi.Input[str]
    instance_identifier: pulumi.Input[str]
    rotated: bool = False


class SecretValues(Component):
    """One Secrets Manager secret version a role, in the JSON that AWS's rotation expects. `version_ids` by role.

    Of a role that is rotated only the first value is ours. Where another server is to be in it, as after a restore, the
    roles function writes it as the master's secret has it.

    Every role's host is the primary, the read-only one's too: rotation changes a password there. Where to read is in
    the stack's outputs.
    """

    version_ids: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: SecretValuesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.naming, opts)
        database = args.database
        version_ids = {}
        for role, secret_id in args.secret_ids.items():
            build = partial(secret_document, port=database.port, username=role, dbname=database.name)
            is_master = role == database.master_username
            version = aws.secretsmanager.SecretVersion(
                f"{name}-{role}",
                secret_id=secret_id,
                secret_string=document(
                    build,
                    host=args.host,
                    password=args.passwords[role],
                    instance_identifier=args.instance_identifier,
                    verifier=args.verifiers.get(role),
                    master_arn=None if is_master else args.secret_arns[database.master_username],
                ),
                # A secret that stays keeps its value, however a stack is destroyed. A role's goes with its secret: if
                # it was rotated, the provider would take labels off that others have by then, and fail.
                opts=self.child_options(
                    retain_on_delete=True if database.protected or not is_master else None,
                    ignore_changes=["secret_string"] if args.rotated and not is_master else None,
                ),
            )
            version_ids[role] = version.version_id
        self.version_ids = version_ids
        self.register_outputs({})
