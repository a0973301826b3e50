"""The stack file as typed settings. Every value is checked here once; `load` reports all problems of a file together.

Names are snake_case here and camelCase in the stack file. Unknown keys are refused: a typo must not become a default.
Defaults are the safe ones; a stack that wants less says so by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from blueprint.aws import storage
from blueprint.aws.sleep import Sleep
from blueprint.aws.windows import DailyTime, DailyWindow, WeeklyWindow
from blueprint.postgres.version import EngineVersion
from blueprint.product.file import PRODUCT
from blueprint.values import (
    Class,
    Daily,
    DatabaseName,
    DatabaseNetwork,
    Distinct,
    Email,
    Engine,
    GroupId,
    LogRetention,
    MajorNumber,
    MasterUsername,
    MonitoringSeconds,
    Parameters,
    Phone,
    Port,
    Region,
    RestoreTime,
    SlackChannel,
    SlackWorkspace,
    Snapshot,
    SshNetwork,
    SubnetId,
    Switch,
    Thresholds,
    TimeOfDay,
    VaultArn,
    VpcId,
    VpcNetwork,
    Webhook,
    WebhookName,
    Weekday,
    Weekly,
    Whole,
)


class Section(BaseModel):
    """A part of the stack file."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, arbitrary_types_allowed=True, validate_default=True
    )


SECRETS_SERVICE: Literal["secretsmanager"] = "secretsmanager"
METRICS_SERVICE: Literal["monitoring"] = "monitoring"


class InterfaceEndpoints(Section):
    """PrivateLink endpoints, for networks without a way out. Each costs by zone and hour."""

    services: Annotated[
        tuple[Literal["secretsmanager", "ssm", "ssmmessages", "ec2messages", "logs", "monitoring"], ...],
        Field(
            min_length=1,
            description="AWS services by the end of their endpoint's name. Without NAT, functions need secretsmanager.",
        ),
        Distinct,
    ]
    zones: Annotated[tuple[str, ...], Distinct] = Field(
        min_length=1, description="Zones whose application subnets get an endpoint's interface."
    )


class Vpc(Section):
    """A network of our own."""

    cidr: VpcNetwork = Field(description="Private network of the VPC, /16 to /23.")
    zones: tuple[str, ...] = Field(
        description="Availability Zones by name, at least two; each has a subnet of each tier."
    )
    nat_gateways: Literal["none", "single", "perZone"] = Field(
        "perZone",
        description="NAT gateways: the way to the internet of application hosts and functions. A single one is in the "
        "first zone by name.",
    )
    interface_endpoints: InterfaceEndpoints | None = Field(
        None, description="Ways to AWS services inside the VPC; left out: none but S3's gateway, which is free."
    )
    flow_log_retention_days: LogRetention = Field(90, description="Days that VPC flow logs are kept.")


class ExistingVpc(Section):
    """Somebody else's network, by ids. Its routes, endpoints, flow logs and default group are left alone."""

    vpc_id: VpcId = Field(description="Id of the VPC.")
    application_subnets: dict[str, SubnetId] = Field(description="Subnet id by zone, for application hosts.")
    database_subnets: dict[str, SubnetId] = Field(description="Subnet id by zone, isolated, for the database.")
    public_subnets: dict[str, SubnetId] = Field(
        {}, description="Subnet id by zone, for load balancers; handed on as an output, nothing is put there."
    )


class Network(Section):
    """Either `vpc` or `existingVpc`."""

    vpc: Vpc | None = Field(None, description="A network of our own, made with the stack.")
    existing_vpc: ExistingVpc | None = Field(None, description="Somebody else's network, named by ids.")


class Access(Section):
    """Who else gets in. Empty: nobody but the application, and SSM port forwarding through its hosts."""

    ssh_networks: Annotated[tuple[SshNetwork, ...], Distinct] = Field(
        (), description="Networks that may reach port 22 of application hosts."
    )
    database_networks: Annotated[tuple[DatabaseNetwork, ...], Distinct] = Field(
        (), description="Private networks that may reach the database's port."
    )
    database_security_groups: Annotated[tuple[GroupId, ...], Distinct] = Field(
        (),
        description="Security groups of others, in this VPC or a peered one, that may reach the database's port.",
    )


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


class Tags(Section):
    """Tags of your own, by key, on everything that AWS tags, beside Name, Environment, Project and ManagedBy."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str]

    @property
    def by_key(self) -> Mapping[str, str]:
        """The tags."""
        return dict(self.__pydantic_extra__ or {})


class RestoreFrom(Section):
    """What a generation of the database is made from: one of the two."""

    snapshot: Snapshot | None = Field(
        None,
        description="Identifier of a snapshot; of generation 1 too, which takes over a database from elsewhere.",
    )
    time: RestoreTime | None = Field(None, description="UTC; the previous generation as it was at that second.")

    @property
    def text(self) -> str:
        """The snapshot's identifier or the time, whichever it is."""
        return str(self.snapshot or self.time)


class Database(Section):
    """The primary, and what its replicas share with it."""

    engine_version: Engine = Field(
        EngineVersion.parse("16"),
        description="PostgreSQL: a major follows RDS's newest minor by itself, an exact minor, in quotes, stays.",
    )
    allow_major_upgrade: MajorNumber | None = Field(
        None,
        description="The major to which this deployment may upgrade the database in place, at once; take it out "
        "afterwards.",
    )
    instance_class: Class = Field(description="RDS instance class of the primary; a change restarts it.")
    allocated_storage_gib: Whole = Field(
        description="gp3 storage in GiB, 20 to 65536; it never shrinks. Alarms measure by what RDS has."
    )
    max_allocated_storage_gib: Whole | None = Field(
        None,
        description="Ceiling in GiB up to which RDS enlarges the storage, from 110 % of it; left out: no autoscaling.",
    )
    iops: Whole | None = Field(
        None, description="Provisioned IOPS, only from 400 GiB on; left out: gp3's baseline for the size."
    )
    storage_throughput_mibps: Whole | None = Field(
        None,
        description="Provisioned throughput in MiB/s, only from 400 GiB on; left out: gp3's baseline for the size.",
    )
    multi_az: Switch = Field(True, description="A standby in another zone, to which RDS fails over by itself.")
    name: DatabaseName = Field(PRODUCT.database, description="Name of the database; a change replaces the instance.")
    master_username: MasterUsername = Field(
        PRODUCT.master_username,
        description="RDS's master user; a change replaces the instance. A restored database keeps its backup's, "
        "which is named here.",
    )
    port: Port = Field(5432, description="TCP port of every instance; a change restarts them.")
    # 18:00 UTC on Saturday is 03:00 on Sunday in Japan, the quietest hour (E39).
    maintenance_window: Weekly = Field(
        WeeklyWindow.parse("sat:18:00-sat:19:00"),
        description="When RDS may restart the primary, weekly, UTC, at least 30 minutes.",
    )
    apply_immediately: Switch = Field(False, description="Changes at once instead of in the maintenance window.")
    deletion_policy: Literal["protected", "disposable"] = Field(
        "protected", description="Whether instances, keys, secrets and backups are guarded and kept, or deleted."
    )
    ca_certificate: Literal["rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1"] = Field(
        "rds-ca-rsa2048-g1", description="RDS's certificate authority that signs the instances' certificates."
    )
    parameters: Parameters = Field(
        {},
        description="PostgreSQL parameters in human values (25%, 16MB, 10min, on, LEAST(25%, 8GB)), over the "
        "platform's defaults.",
    )
    trusted_parameters: tuple[str, ...] = Field(
        (), description="Parameters of which you know more than this program: of its rules only type and unit hold."
    )
    generation: Annotated[Whole, Field(ge=1, le=99)] = Field(
        1, description="Counts restores: raised by one, it makes a new primary beside the old one."
    )
    restore_from: RestoreFrom | None = Field(
        None,
        description="What the generation is made from, the first one empty if left out; leave it in the file. A "
        "change makes it anew.",
    )
    keep_previous: Switch = Field(True, description="Keep the generation before this one running beside it.")

    @property
    def volume(self) -> storage.Performance:
        """What the volume of this size and performance sustains."""
        return storage.performance(self.allocated_storage_gib, self.iops, self.storage_throughput_mibps)

    @property
    def protected(self) -> bool:
        """Whether the deletion policy is `protected`."""
        return self.deletion_policy == "protected"

    @property
    def standing_generations(self) -> tuple[int, ...]:
        """The current generation, and the one before while it is kept."""
        kept = (self.generation - 1,) if self.generation > 1 and self.keep_previous else ()
        return (self.generation, *kept)

    @property
    def begins_empty(self) -> bool:
        """Whether RDS makes the primary with nothing in it, but the database and the master user that this file names.

        A restored one has its backup's, which no rule on new names is about.
        """
        return self.generation == 1 and self.restore_from is None


class Replica(Section):
    """A read replica. Its number is its identity: identifiers end in it, so numbers are never reused in a hurry."""

    number: Annotated[Whole, Field(ge=1, le=99)] = Field(
        description="Identity of the replica: its identifier and its PgBouncer entry end in it."
    )
    purpose: Literal["reads", "analytics"] = Field(
        "reads", description="Fresh rows for the application, or long reports, for which replay may wait an hour."
    )
    instance_class: Class = Field(description="RDS instance class; a change restarts the replica.")
    zone: str = Field(description="Availability Zone, one with a database subnet.")
    maintenance_window: Weekly | None = Field(
        None,
        description="When RDS may restart the replica, weekly, UTC; left out: half an hour in the hours before the "
        "primary's, each replica its own.",
    )
    parameters: Parameters = Field({}, description="Beyond the primary's parameters and the purpose's.")


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


class ProcessPool(Section):
    """SQLAlchemy pool of one application process."""

    size: Annotated[Whole, Field(ge=1)] = Field(description="Connections that a process keeps (pool_size).")
    max_overflow: Annotated[Whole, Field(ge=0)] = Field(description="Connections beyond that (max_overflow).")


class Application(Section):
    """What the application brings: hosts, processes and their pools. The connection budget starts here."""

    hosts: Annotated[Whole, Field(ge=1)] = Field(2, description="Application hosts, each with a PgBouncer.")
    processes_per_host: Annotated[Whole, Field(ge=1)] = Field(
        3,
        description="Processes of the application on a host. One that has both a Database and an AsyncDatabase of "
        "langpont_db counts as two.",
    )
    primary_pool: ProcessPool = Field(
        ProcessPool(size=20, maxOverflow=30), description="A process's pool for the primary."
    )
    replica_pool: ProcessPool = Field(
        ProcessPool(size=15, maxOverflow=25), description="A process's pool for each replica."
    )
    pool_timeout_seconds: Annotated[Whole, Field(ge=1)] = Field(
        30, description="Seconds that a process waits for a connection of its pool (pool_timeout)."
    )
    pool_recycle_seconds: Annotated[Whole, Field(ge=1)] = Field(
        3600, description="Seconds after which a process replaces a connection (pool_recycle)."
    )
    direct_connections: Annotated[Whole, Field(ge=0)] = Field(
        10, description="Sessions beside PgBouncer: functions, migrations, people."
    )


class Pooler(Section):
    """PgBouncer on each application host. Pool sizes are server connections for one user on one entry."""

    listen_port: Annotated[Whole, Field(ge=1024, le=65535)] = Field(
        6432, description="TCP port on 127.0.0.1 of each host (listen_port)."
    )
    max_client_conn: Annotated[Whole, Field(ge=1)] = Field(
        600, description="Clients that one host's PgBouncer takes (max_client_conn)."
    )
    default_pool_size: Annotated[Whole, Field(ge=1)] = Field(
        25, description="Server connections of a pool (default_pool_size)."
    )
    min_pool_size: Annotated[Whole, Field(ge=0)] = Field(
        5, description="Server connections that a pool keeps open (min_pool_size)."
    )
    reserve_pool_size: Annotated[Whole, Field(ge=0)] = Field(
        5, description="Server connections more when clients have waited for 1 s (reserve_pool_size)."
    )


class RestoreTesting(Section):
    """AWS Backup restores the newest recovery point by itself, to show that it can, and deletes what it has made."""

    every: Literal["week", "month"] = Field("month", description="On Sundays, or on the first of each month.")
    time: TimeOfDay = Field(DailyTime.parse("00:30"), description="When it begins, within an hour.")
    validation_hours: Annotated[Whole, Field(ge=1, le=168)] = Field(
        1, description="Hours that the restored instance stays, for who wants to look into it."
    )


class VaultLock(Section):
    """Governance mode: while it is there, nobody deletes a recovery point early. Who may take the lock off can."""

    min_retention_days: Annotated[Whole, Field(ge=1, le=36500)] = Field(
        description="Days that a recovery point stays at least; AWS Backup refuses to keep one for less."
    )
    max_retention_days: Annotated[Whole, Field(ge=1, le=36500)] = Field(
        description="Days that a recovery point stays at most; AWS Backup refuses to keep one for longer."
    )


class Backups(Section):
    """Automated backups of RDS, and AWS Backup beside them. Times are UTC."""

    retention_days: Annotated[Whole, Field(ge=0, le=35)] = Field(
        7, description="Days back to which RDS restores any second; 0 turns automated backups off."
    )
    window: Daily = Field(
        DailyWindow.parse("03:00-04:00"), description="When RDS takes the daily snapshot, at least 30 minutes."
    )
    vault_time: TimeOfDay = Field(DailyTime.parse("20:30"), description="When AWS Backup starts, daily and monthly.")
    daily_retention_days: Annotated[Whole, Field(ge=1, le=36500)] = Field(
        30, description="Days that AWS Backup keeps a daily recovery point."
    )
    monthly_retention_days: Annotated[Whole, Field(ge=31, le=36500)] = Field(
        365, description="Days that AWS Backup keeps the recovery point of the first of a month."
    )
    replicate_to_region: Region | None = Field(
        None, description="A second region that receives the automated backups, minutes behind."
    )
    restore_testing: RestoreTesting | None = Field(
        None, description="Restores that AWS Backup tries by itself; {} for one a month. Each costs; left out: none."
    )
    vault_lock: VaultLock | None = Field(
        None, description="Lock the vault, so that recovery points cannot be deleted early; left out: no lock."
    )
    copy_to_vault_arn: VaultArn | None = Field(
        None,
        description="ARN of another vault that gets a copy of each recovery point, kept as long: another account's in "
        "this region, or this account's in another.",
    )

    @property
    def copied_to_account(self) -> str | None:
        """The account that has the copies, perhaps our own; None without copies."""
        return self.copy_to_vault_arn.split(":")[4] if self.copy_to_vault_arn else None


class Schedule(Section):
    """When the instances sleep: RDS stops them every day and starts them on some days. Times and days are UTC."""

    stop: TimeOfDay = Field(description="When the instances are stopped, every day.")
    start: TimeOfDay = Field(description="When they are started again, on `days`.")
    days: Annotated[tuple[Weekday, ...], Distinct] = Field(
        get_args(Weekday), description="Days of the start; 08:00 on Monday in Japan is 23:00 on Sunday."
    )

    @property
    def sleep(self) -> Sleep:
        """The hours of a week. Raises Refused where they are too few."""
        return Sleep(stop=self.stop, start=self.start, days=self.days)


class Slack(Section):
    """A channel of Slack. Its workspace is authorized once, in the console of AWS Chatbot."""

    workspace: SlackWorkspace = Field(description="Id of the workspace.")
    channel: SlackChannel = Field(description="Id of the channel, to which @Amazon Q is invited.")


class Listeners(Section):
    """Who hears of one severity, beside `monitoring.alertEmails` and `webhooks`."""

    emails: Annotated[tuple[Email, ...], Distinct] = Field((), description="Addresses; each confirms by mail.")
    phones: Annotated[tuple[Phone, ...], Distinct] = Field(
        (), description="Numbers that get an SMS, with + and the country's code; each message costs."
    )
    slack: Slack | None = Field(None, description="A Slack channel, by AWS Chatbot.")


class Monitoring(Section):
    """Who hears of what."""

    alert_emails: Annotated[tuple[Email, ...], Distinct] = Field(
        (),
        description="Addresses that hear of both severities, with RDS events, failed backups and the budget; each "
        "confirms by mail.",
    )
    critical: Listeners = Field(
        Listeners(), description="Who else hears of what gets somebody up: critical alarms and RDS events."
    )
    warning: Listeners = Field(
        Listeners(),
        description="Who else hears of what waits for the morning: other alarms and RDS events, failed backups, the "
        "budget.",
    )
    thresholds: Thresholds = Field(
        {}, description="Thresholds by alarm key with their unit (90%, 20GB, 60s), in place of the reasoned ones."
    )
    enhanced_monitoring_seconds: MonitoringSeconds = Field(
        60, description="Seconds between the operating system's figures (Enhanced Monitoring); 0 turns them off."
    )
    database_insights: Literal["standard", "advanced"] = Field(
        "standard", description="CloudWatch Database Insights: standard keeps 7 days, advanced 465 and costs."
    )
    log_retention_days: LogRetention = Field(90, description="Days that the database's logs are kept in CloudWatch.")
    monthly_budget_usd: Annotated[Whole, Field(ge=1)] = Field(description="RDS cost of a month that raises an alert.")
    encrypt_events_topic: Switch = Field(
        False, description="RDS events to an encrypted topic; switch it on once a test event has arrived there."
    )


class Webhooks(Section):
    """Addresses of PagerDuty, Opsgenie and the like, by a name of your own. A key may be in them, so each may be given
    encrypted (`pulumi config set --secret --path 'webhooks.critical.pagerduty'`), here and in no other section; they
    are shown nowhere."""

    critical: dict[WebhookName, Webhook] = Field({}, description="Addresses that hear of what gets somebody up.")
    warning: dict[WebhookName, Webhook] = Field({}, description="Addresses that hear of what waits for the morning.")


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
