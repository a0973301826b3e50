"""Sections of the stack file about keys and passwords."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from blueprint.settings.section import Section
from blueprint.values import Whole


class Encryption(Section):
    """Keys at rest. Everything is encrypted either way, but for the alert topics under AWS-managed keys."""

    keys: Literal["customerManaged", "awsManaged"] = Field(
        "customerManaged",
        description="KMS keys of ours, one for each purpose, or AWS's own; a change replaces the instances.",
    )
    deletion_window_days: Annotated[Whole, Field(ge=7, le=30)] = Field(
        30, description="Days in which a deleted KMS key can still be recovered."
    )
    state_secrets: Literal["secretsProvider", "passphrase"] = Field(
        "secretsProvider",
        description="What encrypts the passwords in Pulumi's state: the file's secretsprovider, without which a "
        "protected stack is refused, or a passphrase that all who deploy share.",
    )

    @property
    def customer_keys(self) -> bool:
        """Whether keys are customer-managed."""
        return self.keys == "customerManaged"


class Credentials(Section):
    """Passwords are generated. A new one comes by a higher version number, or by rotation."""

    password_versions: dict[str, Annotated[Whole, Field(ge=1)]] = Field(
        {},
        description="Version of the password by role, 1 where none is named; a higher one makes a new password.",
    )
    rotate_every_days: Annotated[Whole, Field(ge=1, le=1000)] | None = Field(
        None,
        description="Days after which Secrets Manager changes the password of each role but the master, without a "
        "failed login; left out: never.",
    )
