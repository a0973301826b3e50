"""Pooler: PgBouncer's configuration, published where application hosts can read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from blueprint.names import Naming
from blueprint.postgres.pgbouncer import Entry, PoolerSettings, entry_name, render_ini, render_user_list
from blueprint.settings import Database
from components.base import Component, document


@dataclass(frozen=True, kw_only=True)
class PoolerArgs:
    """`replica_hosts`: address by replica number. `verifiers`: SCRAM verifier by pooled role, secret outputs.

    `after`: what gives the database these verifiers. `rotated`: whether these are but the first ones, and hosts make
    the user list of what the roles' secrets say.
    """

    naming: Naming
    database: Database
    pooler: PoolerSettings
    secret_id: pulumi.Input[str]
    primary_host: pulumi.Input[str]
    replica_hosts: Mapping[int, pulumi.Input[str]]
    verifiers: Mapping[str, pulumi.Input[str]]
    after: pulumi.Resource
    rotated: bool = False


class Pooler(Component):
    """One secret with both files, so that a host never reads a new user list beside an old configuration."""

    def __init__(self, name: str, args: PoolerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.naming, opts)
        database = args.database
        numbers: Sequence[int] = sorted(args.replica_hosts)

        def files(primary: str, replicas: Sequence[str], verifiers: Mapping[str, str]) -> dict[str, Any]:
            hosts = [(None, primary), *zip(numbers, replicas, strict=True)]
            entries = [
                Entry(name=entry_name(database.name, number), host=host, port=database.port, database=database.name)
                for number, host in hosts
            ]
            rotated = {"rotated": sorted(verifiers)} if args.rotated else {}
            user_list = render_user_list(verifiers)
            return {"pgbouncer.ini": render_ini(args.pooler, entries), "userlist.txt": user_list, **rotated}

        aws.secretsmanager.SecretVersion(
            f"{name}-files",
            secret_id=args.secret_id,
            secret_string=document(
                files,
                primary=args.primary_host,
                replicas=[args.replica_hosts[number] for number in numbers],
                verifiers=dict(args.verifiers),
            ),
            # Hosts take a new user list within a minute and log in to the database with it: so it comes when the
            # database has the verifiers, and not at all where the function failed. What stays: as in SecretValues.
            opts=self.child_options(depends_on=[args.after], retain_on_delete=True if database.protected else None),
        )
        self.register_outputs({})
