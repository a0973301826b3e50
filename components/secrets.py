"""Secrets: generated passwords, their SCRAM verifiers, empty secrets by role, and the IAM policies that read them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from blueprint.aws import policies
from blueprint.names import Naming
from blueprint.postgres import pgbouncer, roles, scram
from blueprint.postgres.secret_document import PASSWORD_LENGTH, PASSWORD_SPECIAL, SALT_BYTES
from blueprint.settings import Credentials, Database
from components.base import Component, document

RECOVERY_DAYS = 30  # Secrets Manager's longest


@dataclass(frozen=True, kw_only=True)
class SecretsArgs:
    """`key_arn` encrypts the secrets; None for the key that AWS manages."""

    naming: Naming
    region: str
    database: Database
    credentials: Credentials = field(default_factory=Credentials)
    key_arn: pulumi.Input[str] | None


class Secrets(Component):
    """Passwords, verifiers and secrets by role, PgBouncer's secret, and the policies that read them.

    `verifiers` are what a database role and PgBouncer's user list both hold; the master has none, since RDS salts its
    password itself.
    """

    passwords: Mapping[str, pulumi.Output[str]]
    verifiers: Mapping[str, pulumi.Output[str]]
    secret_arns: Mapping[str, pulumi.Output[str]]
    secret_ids: Mapping[str, pulumi.Output[str]]
    pooler_secret_id: pulumi.Output[str]
    pooler_secret_arn: pulumi.Output[str]
    policy_arns: Mapping[roles.Audience, pulumi.Output[str]]
    resources: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: SecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.naming, opts)
        self._args = args
        master = args.database.master_username
        passwords = {role: self._password(role) for role in (master, *roles.PASSWORD_ROLES)}
        salts = {role: self._salt(role) for role in roles.PASSWORD_ROLES}
        self.passwords = {role: password.result for role, password in passwords.items()}
        self.verifiers = {role: self._verifier(role, salt) for role, salt in salts.items()}
        # What a secret holds is known as long as it stands: it is deleted before its password, or not at all.
        secrets = {
            role: self._secret(role, args.naming.secret(role), [password]) for role, password in passwords.items()
        }
        pooler = self._secret("pooler", args.naming.pooler_secret, [*salts.values()])
        self.resources = [*secrets.values(), pooler]
        self.secret_arns = {role: secret.arn for role, secret in secrets.items()}
        self.secret_ids = {role: secret.id for role, secret in secrets.items()}
        self.pooler_secret_id, self.pooler_secret_arn = pooler.id, pooler.arn
        readable = {
            audience: [secrets[role].arn for role in roles.readable_by(audience)] for audience in roles.Audience
        }
        readable[roles.Audience.APPLICATION].append(pooler.arn)
        self.policy_arns = {audience: self._policy(audience, arns) for audience, arns in readable.items()}
        self.register_outputs({"secretArns": self.secret_arns, "poolerSecretArn": self.pooler_secret_arn})

    def _password(self, role: str) -> random.RandomPassword:
        return random.RandomPassword(
            f"{self._name}-{role}-password",
            length=PASSWORD_LENGTH,
            special=True,
            override_special=PASSWORD_SPECIAL,
            min_lower=1,
            min_upper=1,
            min_numeric=1,
            min_special=1,
            keepers=self._keepers(role),
            # A new length or alphabet in a later version of this program must not change a live password.
            opts=self.child_options(
                ignore_changes=[
                    *self._rotated(role),
                    "length", "special", "override_special", "lower", "upper", "number", "numeric",
                    "min_lower", "min_upper", "min_numeric", "min_special",
                ]
            ),
        )  # fmt: skip

    def _salt(self, role: str) -> random.RandomBytes:
        return random.RandomBytes(
            f"{self._name}-{role}-salt",
            length=SALT_BYTES,
            keepers=self._keepers(role),
            opts=self.child_options(ignore_changes=[*self._rotated(role), "length"]),  # as for the password
        )

    def _verifier(self, role: str, salt: random.RandomBytes) -> pulumi.Output[str]:
        return pulumi.Output.all(self.passwords[role], salt.base64).apply(
            lambda values: scram.verifier(values[0], base64.b64decode(values[1]))
        )

    def _keepers(self, role: str) -> dict[str, str]:
        return {"version": str(self._args.credentials.password_versions.get(role, 1))}

    def _rotated(self, role: str) -> list[str]:
        """Where passwords are rotated, the first one stays what it was: a new one would go nowhere."""
        rotated = self._args.credentials.rotate_every_days is not None and role in roles.PASSWORD_ROLES
        return ["keepers"] if rotated else []

    def _secret(self, role: str, physical_name: str, held: Sequence[pulumi.Resource]) -> aws.secretsmanager.Secret:
        """An empty secret; `held`: what its values are made of."""
        return aws.secretsmanager.Secret(
            f"{self._name}-{role}",
            name=physical_name,
            description=self.described(role),
            kms_key_id=self._args.key_arn,
            recovery_window_in_days=RECOVERY_DAYS if self._args.database.protected else 0,
            tags=self.child_tags(physical_name),
            opts=self.child_options(protect=self._args.database.protected, depends_on=[*held]),
        )

    def _policy(self, audience: roles.Audience, arns: Sequence[pulumi.Output[str]]) -> pulumi.Output[str]:
        label = f"{self._name}-{audience.value}-policy"
        hosts = audience is roles.Audience.APPLICATION  # each has a PgBouncer, and tells how long its clients wait
        more = [policies.publish_metrics(pgbouncer.NAMESPACE)] if hosts else []
        policy = aws.iam.Policy(
            label,
            description=self.described(f"what the {audience.value} may read"),
            policy=document(
                lambda *values: policies.read_secrets(values[1:], values[0], self._args.region, *more),
                self._args.key_arn,
                *arns,
            ),
            tags=self.child_tags(label),
            # Attached to roles that are not of this stack.
            opts=self.child_options(protect=self._args.database.protected),
        )
        arn: pulumi.Output[str] = policy.arn
        return arn
