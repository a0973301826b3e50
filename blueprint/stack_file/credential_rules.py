"""Rules of the stack file about passwords, and what encrypts them in the state."""

from __future__ import annotations

from collections.abc import Iterator

from blueprint.postgres import roles
from blueprint.problems import Problem
from blueprint.settings import METRICS_SERVICE, SECRETS_SERVICE, Settings


def password_versions(s: Settings) -> Iterator[Problem]:
    """Versions of those who have a password that Secrets Manager does not change."""
    known = (s.database.master_username, *roles.PASSWORD_ROLES)
    for name in s.credentials.password_versions:
        if name not in known:
            yield Problem(
                field="credentials.passwordVersions", value=name, way_out=f"Choose from {', '.join(known)}",
                rule="is not a role with a password",
            )  # fmt: skip
        elif s.credentials.rotate_every_days is not None and name != s.database.master_username:
            yield Problem(
                field=f"credentials.passwordVersions.{name}", value=str(s.credentials.password_versions[name]),
                rule="stands beside credentials.rotateEveryDays, by which Secrets Manager has the password in hand",
                way_out=f"Take it out; for a new password now: python -m ops credentials rotate {name} "
                f"-s {s.environment}",
            )  # fmt: skip


def rotation(s: Settings) -> Iterator[Problem]:
    """The rotation function asks CloudWatch."""
    vpc = s.network.vpc
    services = vpc.interface_endpoints.services if vpc and vpc.interface_endpoints else ()
    if s.credentials.rotate_every_days is not None and SECRETS_SERVICE in services and METRICS_SERVICE not in services:
        yield Problem(
            field="credentials.rotateEveryDays", value=str(s.credentials.rotate_every_days),
            rule="needs a way to CloudWatch, by which hosts say that they have the new password, and functions of a "
            "network with an endpoint have no other way out",
            way_out=f"Add {METRICS_SERVICE} to network.vpc.interfaceEndpoints.services",
        )  # fmt: skip


def state_secrets(s: Settings) -> Iterator[Problem]:
    """A protected stack's state is not under a passphrase by accident."""
    if s.protected and s.under_passphrase and s.encryption.state_secrets != "passphrase":
        yield Problem(
            field="secretsprovider", value="",
            rule="is missing beside encryptionsalt: the next update would encrypt the whole state of this protected "
            "stack with the passphrase of whoever runs it, and lock out everybody else",
            way_out="Put its line back if the file had one (and take encryptionsalt out), else run: pulumi stack "
            "change-secrets-provider 'awskms://alias/<key>?region=<region>'. Who means a passphrase sets "
            "encryption.stateSecrets to passphrase",
        )  # fmt: skip
