"""Secrets: the keys, generated passwords and their SCRAM verifiers, empty secrets, and who may read them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from blueprint.aws import policies
from blueprint.platform import Platform
from blueprint.postgres import pgbouncer, roles, scram
from blueprint.postgres.secret_document import PASSWORD_LENGTH, PASSWORD_SPECIAL, SALT_BYTES
from components.base import Component, document

STORAGE, BACKUP, INSIGHTS, SECRETS, LOGS, ALERTS = "storage", "backup", "insights", "secrets", "logs", "alerts"
PURPOSES: Mapping[str, str] = {
    STORAGE: "LangPont database volumes and snapshots",
    BACKUP: "LangPont backup vault",
    INSIGHTS: "LangPont Performance Insights data",
    SECRETS: "LangPont database secrets",
    LOGS: "LangPont log groups",
    ALERTS: "LangPont alert topics",
}
# Without these keys, what is kept when a stack is destroyed could not be read again.
_KEPT = (STORAGE, BACKUP)

RECOVERY_DAYS = 30  # Secrets Manager's longest


@dataclass(frozen=True, kw_only=True)
class SecretsArgs:
    """What the keys, passwords and policies depend on."""

    platform: Platform
    account_id: pulumi.Input[str]


class Secrets(Component):
    """Keys by purpose, passwords and verifiers by role, secrets by role, and the policies that read them.

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

    def __init__(self, name: str, args: SecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.platform.settings.environment, opts)
        self._name = name
        self._settings = args.platform.settings
        self._names = args.platform.names
        self._account_id = args.account_id
        master = self._settings.database.master_username
        self._keys = {purpose: self._key(purpose) for purpose in PURPOSES} if self._settings.customer_keys else {}
        self.passwords = {role: self._password(role).result for role in (master, *roles.PASSWORD_ROLES)}
        self.verifiers = {role: self._verifier(role) for role in roles.PASSWORD_ROLES}
        secrets = {role: self._secret(role, self._names.secret(role)) for role in self.passwords}
        pooler = self._secret("pooler", f"{self._names.prefix}/pooler")
        self.secret_arns = {role: secret.arn for role, secret in secrets.items()}
        self.secret_ids = {role: secret.id for role, secret in secrets.items()}
        self.pooler_secret_id, self.pooler_secret_arn = pooler.id, pooler.arn
        readable = {
            audience: [secrets[role].arn for role in roles.readable_by(audience)] for audience in roles.Audience
        }
        readable[roles.Audience.APPLICATION].append(pooler.arn)
        self.policy_arns = {audience: self._policy(audience, arns) for audience, arns in readable.items()}
        self.register_outputs({"secretArns": self.secret_arns, "poolerSecretArn": self.pooler_secret_arn})

    def key_arn(self, purpose: str) -> pulumi.Output[str] | None:
        """ARN of the customer-managed key for a purpose; None where AWS's own key, or none, serves."""
        return self._keys[purpose].arn if purpose in self._keys else None

    def _key(self, purpose: str) -> aws.kms.Key:
        label, prefix, region = f"{self._name}-{purpose}-key", self._names.prefix, self._settings.region
        log_groups = [f"/aws/{owner}/{prefix}-" for owner in ("rds/instance", "vpc", "lambda")]
        build = {
            LOGS: lambda account: policies.logs_key_policy(account, region, log_groups),
            ALERTS: policies.alerts_key_policy,
        }.get(purpose, policies.key_policy)
        key = aws.kms.Key(
            label,
            description=f"{PURPOSES[purpose]}, {self._settings.environment}",
            policy=document(build, self._account_id),
            enable_key_rotation=True,
            deletion_window_in_days=self._settings.encryption.deletion_window_days,
            tags=self.child_tags(f"{prefix}-{purpose}"),
            opts=self.child_options(
                protect=self._settings.protected,
                retain_on_delete=True if self._settings.protected and purpose in _KEPT else None,
            ),
        )
        aws.kms.Alias(
            f"{label}-alias",
            name=self._names.key_alias(purpose),
            target_key_id=key.key_id,
            opts=self.child_options(),
        )
        return key

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
                    "length", "special", "override_special", "lower", "upper", "number", "numeric",
                    "min_lower", "min_upper", "min_numeric", "min_special",
                ]
            ),
        )  # fmt: skip

    def _verifier(self, role: str) -> pulumi.Output[str]:
        salt = random.RandomBytes(
            f"{self._name}-{role}-salt",
            length=SALT_BYTES,
            keepers=self._keepers(role),
            opts=self.child_options(ignore_changes=["length"]),  # as for the password
        )
        return pulumi.Output.all(self.passwords[role], salt.base64).apply(
            lambda values: scram.verifier(values[0], base64.b64decode(values[1]))
        )

    def _keepers(self, role: str) -> dict[str, str]:
        return {"version": str(self._settings.credentials.password_versions.get(role, 1))}

    def _secret(self, role: str, physical_name: str) -> aws.secretsmanager.Secret:
        return aws.secretsmanager.Secret(
            f"{self._name}-{role}",
            name=physical_name,
            description=f"LangPont {self._settings.environment}: {role}",
            kms_key_id=self.key_arn(SECRETS),
            recovery_window_in_days=RECOVERY_DAYS if self._settings.protected else 0,
            tags=self.child_tags(physical_name),
            opts=self.child_options(protect=self._settings.protected),
        )

    def _policy(self, audience: roles.Audience, arns: Sequence[pulumi.Output[str]]) -> pulumi.Output[str]:
        label = f"{self._name}-{audience.value}-policy"
        hosts = audience is roles.Audience.APPLICATION  # each has a PgBouncer, and tells how long its clients wait
        more = [policies.publish_metrics(pgbouncer.NAMESPACE)] if hosts else []
        policy = aws.iam.Policy(
            label,
            description=f"LangPont {self._settings.environment}: what the {audience.value} may read",
            policy=document(
                lambda *values: policies.read_secrets(values[1:], values[0], self._settings.region, *more),
                self.key_arn(SECRETS),
                *arns,
            ),
            tags=self.child_tags(label),
            opts=self.child_options(),
        )
        arn: pulumi.Output[str] = policy.arn
        return arn
