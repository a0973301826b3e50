"""The stack file as typed settings. Every value is checked here once; `load` reports all problems of a file together.

Names are snake_case here and camelCase in the stack file. Unknown keys are refused: a typo must not become a default.
Defaults are the safe ones; a stack that wants less says so by name.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from blueprint.aws.sleep import Sleep
from blueprint.settings.application import Application, Pooler, ProcessPool
from blueprint.settings.backups import Backups, RestoreTesting, VaultLock
from blueprint.settings.database import Database, Replica, RestoreFrom, Schedule
from blueprint.settings.monitoring import Listeners, Monitoring, Slack, Webhooks
from blueprint.settings.network import (
    METRICS_SERVICE,
    SECRETS_SERVICE,
    Access,
    ExistingVpc,
    InterfaceEndpoints,
    Network,
    Vpc,
)
from blueprint.settings.secrets import Credentials, Encryption
from blueprint.settings.section import Section

__all__ = [
    "METRICS_SERVICE",
    "SECRETS_SERVICE",
    "SECRET_SECTION",
    "SECTIONS",
    "Access",
    "Application",
    "Backups",
    "Credentials",
    "Database",
    "Encryption",
    "ExistingVpc",
    "InterfaceEndpoints",
    "Listeners",
    "Monitoring",
    "Network",
    "Pooler",
    "ProcessPool",
    "Replica",
    "RestoreFrom",
    "RestoreTesting",
    "Schedule",
    "Section",
    "Settings",
    "Slack",
    "Tags",
    "VaultLock",
    "Vpc",
    "Webhooks",
]


class Tags(Section):
    """Tags of your own, by key, on everything that AWS tags, beside Name, Environment, Project and ManagedBy."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str]

    @property
    def by_key(self) -> Mapping[str, str]:
        """The tags."""
        return dict(self.__pydantic_extra__ or {})


class Settings(Section):
    """The whole stack file, with what stands beside its sections. Made by `blueprint.stack_file.load.load`.

    `under_passphrase`: whether a passphrase encrypts the secrets in the state. `webhooks_encrypted`: whether one of
    `webhooks` is encrypted in the file.
    """

    environment: str
    region: str
    under_passphrase: bool = False
    webhooks_encrypted: bool = False
    network: Network
    access: Access = Access()
    encryption: Encryption = Encryption()
    tags: Tags = Tags()
    database: Database
    replicas: tuple[Replica, ...] = ()
    credentials: Credentials = Credentials()
    application: Application = Application()
    pooler: Pooler = Pooler()
    backups: Backups = Backups()
    schedule: Schedule | None = None
    monitoring: Monitoring
    webhooks: Webhooks = Webhooks()

    @property
    def zones(self) -> tuple[str, ...]:
        """Zones that have a database subnet; none where no network is given, which is refused elsewhere."""
        if self.network.vpc is not None:
            return self.network.vpc.zones
        return tuple(self.network.existing_vpc.database_subnets) if self.network.existing_vpc else ()

    @property
    def customer_keys(self) -> bool:
        """Whether keys are customer-managed."""
        return self.encryption.customer_keys

    @property
    def protected(self) -> bool:
        """Whether the deletion policy is `protected`."""
        return self.database.protected

    @property
    def sleep(self) -> Sleep | None:
        """When the instances are stopped; None: never."""
        return self.schedule.sleep if self.schedule else None


# What a stack file may hold, by its key in the file.
SECTIONS: Mapping[str, str] = {
    to_camel(name): name
    for name in Settings.model_fields
    if name not in ("environment", "region", "under_passphrase", "webhooks_encrypted")
}
SECRET_SECTION = "webhooks"  # the one whose values may be encrypted
