"""The stack file as typed settings. Every value is checked here once; `load` reports all problems of a file together.

Names are snake_case here and camelCase in the stack file. Unknown keys are refused: a typo must not become a default.
Defaults are the safe ones; a stack that wants less says so by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from ipaddress import IPv4Network
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from blueprint import names
from blueprint.aws import networks
from blueprint.aws.instance_classes import INSTANCE_CLASSES, InstanceClass, instance_class
from blueprint.aws.windows import DailyTime, DailyWindow, WeeklyWindow
from blueprint.postgres.catalogue import CATALOGUE
from blueprint.postgres.compile import HumanValue
from blueprint.postgres.version import EngineVersion
from blueprint.problems import Refused


class Section(BaseModel):
    """A part of the stack file."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, arbitrary_types_allowed=True, validate_default=True
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Refused("is not text", "Put it in quotes")
    return value


def _checked(check: Any) -> Any:
    def validate(value: Any) -> Any:
        check(value)
        return value

    return validate


def _network(check: Any) -> PlainValidator:
    def validate(value: Any) -> IPv4Network:
        network = value if isinstance(value, IPv4Network) else networks.parse_network(_text(value))
        check(network)
        return network

    return PlainValidator(validate)


def _parsed(type_: Any) -> PlainValidator:
    return PlainValidator(lambda value: value if isinstance(value, type_) else type_.parse(_text(value)))


def _single(value: Any) -> Any:
    if not isinstance(value, str | int | float):
        raise Refused("is not a single value", "Write text, a number, or on and off")
    return value


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    for value in values:
        if values.count(value) > 1:
            raise Refused(f"names {value} more than once", "Name it once")
    return values


def _moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise Refused("is not a moment of the calendar", "Write it like 2026-11-20T12:00:00Z") from None
    return text


def _parameters_schema() -> dict[str, Any]:
    """Names of the catalogue with what each is, for an editor; other names are the compiler's to judge."""
    return {
        "type": "object",
        "properties": {
            name: {"type": ["string", "number", "boolean"], "description": f"{row.kind.value}; {row.why}"}
            for name, row in CATALOGUE.items()
            if row.unsettable is None
        },
        "additionalProperties": {"type": ["string", "number", "boolean"]},
    }


def _engine_version(value: Any) -> EngineVersion:
    if isinstance(value, EngineVersion):
        return value
    # YAML reads a bare 16 as a number. A bare 16.10 arrives as 16.1, which is refused with a word about quotes.
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return EngineVersion.parse(_text(value))


def _schema(pattern: str | None, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "examples": [example]} | ({"pattern": pattern} if pattern else {}))


_CIDR = _schema(r"^\d+\.\d+\.\d+\.\d+/\d+$", "10.20.0.0/16")
Whole = Annotated[int, Field(strict=True)]  # neither "5" nor 5.0 nor true
VpcNetwork = Annotated[IPv4Network, _network(networks.check_vpc_network), _CIDR]
SshNetwork = Annotated[IPv4Network, _network(networks.check_ssh_network), _CIDR]
DatabaseNetwork = Annotated[IPv4Network, _network(networks.check_database_network), _CIDR]
_AS_TEXT = PlainSerializer(str, return_type=str)
Daily = Annotated[DailyWindow, _parsed(DailyWindow), _AS_TEXT, _schema(r"^\d\d:\d\d-\d\d:\d\d$", "03:00-04:00")]
Weekly = Annotated[
    WeeklyWindow,
    _parsed(WeeklyWindow),
    _AS_TEXT,
    _schema(r"^[a-z]{3}:\d\d:\d\d-[a-z]{3}:\d\d:\d\d$", "sat:18:00-sat:19:00"),
]
TimeOfDay = Annotated[DailyTime, _parsed(DailyTime), _AS_TEXT, _schema(r"^\d\d:\d\d$", "20:30")]
Engine = Annotated[
    EngineVersion,
    PlainValidator(_engine_version),
    _AS_TEXT,
    WithJsonSchema({"type": ["string", "integer"], "examples": ["16", "16.14"]}),
]
Class = Annotated[
    InstanceClass,
    PlainValidator(lambda value: value if isinstance(value, InstanceClass) else instance_class(_text(value))),
    WithJsonSchema({"type": "string", "enum": list(INSTANCE_CLASSES)}),
]
Parameters = Annotated[dict[str, Annotated[HumanValue, PlainValidator(_single)]], WithJsonSchema(_parameters_schema())]
SubnetId = Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$", examples=["subnet-0123456789abcdef0"])]
VpcId = Annotated[str, Field(pattern=r"^vpc-[0-9a-f]{8,17}$", examples=["vpc-0123456789abcdef0"])]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", examples=["someone@langpont.example"])]
Region = Annotated[str, Field(pattern=r"^[a-z]{2}-[a-z]+-\d$", examples=["ap-northeast-3"])]
RestoreTime = Annotated[
    str,
    Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", examples=["2026-11-20T12:00:00Z"]),
    AfterValidator(_moment),
]
# What a refusal shows instead of the pattern.
EXAMPLES: Mapping[str, str] = {
    field.metadata[0].pattern: field.examples[0]
    for field in (get_args(form)[1] for form in (SubnetId, VpcId, Email, Region, RestoreTime))
}
Distinct = AfterValidator(_distinct)  # what is named twice would be two resources of one name
# CloudWatch Logs takes these numbers of days and no others (PutRetentionPolicy).
LogRetention = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]  # fmt: skip


SECRETS_SERVICE: Literal["secretsmanager"] = "secretsmanager"


class InterfaceEndpoints(Section):
    """PrivateLink endpoints, for networks without a way out. Each costs by zone and hour."""

    services: Annotated[
        tuple[Literal["secretsmanager", "ssm", "ssmmessages", "ec2messages", "logs", "monitoring"], ...],
        Field(min_length=1),
        Distinct,
    ]
    zones: Annotated[tuple[str, ...], Distinct] = Field(
        min_length=1, description="Zones whose application subnets get an endpoint's interface."
    )


class Vpc(Section):
    """A network of our own."""

    cidr: VpcNetwork = Field(description="Private network of the VPC, /16 to /23.")
    zones: tuple[str, ...] = Field(description="Availability Zones by name; they decide what exists.")
    nat_gateways: Literal["none", "single", "perZone"] = Field("perZone", description="Ways out for application hosts.")
    interface_endpoints: InterfaceEndpoints | None = None
    flow_log_retention_days: LogRetention = Field(90, description="Days that VPC flow logs are kept.")


class ExistingVpc(Section):
    """Somebody else's network, by ids. Its routes, endpoints, flow logs and default group are left alone."""

    vpc_id: VpcId
    application_subnets: dict[str, SubnetId] = Field(description="Subnet id by zone, for application hosts.")
    database_subnets: dict[str, SubnetId] = Field(description="Subnet id by zone, isolated, for the database.")
    public_subnets: dict[str, SubnetId] = {}


class Network(Section):
    """Either `vpc` or `existingVpc`."""

    vpc: Vpc | None = None
    existing_vpc: ExistingVpc | None = None


class Access(Section):
    """Networks of administrators. Empty: nobody but the application, and SSM port forwarding through its hosts."""

    ssh_networks: Annotated[tuple[SshNetwork, ...], Distinct] = Field(
        (), description="May reach port 22 of application hosts."
    )
    database_networks: Annotated[tuple[DatabaseNetwork, ...], Distinct] = Field(
        (), description="Private; may reach the database's port."
    )


class Encryption(Section):
    """Keys at rest. Everything is encrypted either way, but for the alert topics under AWS-managed keys."""

    keys: Literal["customerManaged", "awsManaged"] = "customerManaged"
    deletion_window_days: Annotated[Whole, Field(ge=7, le=30)] = 30

    @property
    def customer_keys(self) -> bool:
        """Whether keys are customer-managed."""
        return self.keys == "customerManaged"


class RestoreFrom(Section):
    """What a later generation of the database is made from: one of the two."""

    snapshot: Annotated[str, Field(min_length=1)] | None = Field(None, description="Snapshot identifier.")
    time: RestoreTime | None = Field(None, description="UTC; the previous generation as it was at that second.")


class Database(Section):
    """The primary, and what its replicas share with it."""

    engine_version: Engine = EngineVersion.parse("16")
    instance_class: Class
    allocated_storage_gib: Whole
    max_allocated_storage_gib: Whole | None = Field(None, description="Autoscaling ceiling; left out: no autoscaling.")
    iops: Whole | None = Field(None, description="Only from 400 GiB on.")
    storage_throughput_mibps: Whole | None = Field(None, description="Only from 400 GiB on.")
    multi_az: bool = True
    name: Annotated[str, AfterValidator(_checked(names.check_database_name))] = "langpont"
    master_username: Annotated[str, AfterValidator(_checked(names.check_master_username))] = "langpont_admin"
    port: Annotated[Whole, AfterValidator(_checked(names.check_port))] = 5432
    # 18:00 UTC on Saturday is 03:00 on Sunday in Japan, the quietest hour (E39).
    maintenance_window: Weekly = WeeklyWindow.parse("sat:18:00-sat:19:00")
    apply_immediately: bool = Field(False, description="Changes at once instead of in the maintenance window.")
    deletion_policy: Literal["protected", "disposable"] = "protected"
    ca_certificate: Literal["rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1"] = "rds-ca-rsa2048-g1"
    parameters: Parameters = Field({}, description="PostgreSQL parameters in human values: 16MB, 10min, on.")
    trusted_parameters: tuple[str, ...] = Field((), description="Unknown parameters that you vouch for.")
    generation: Annotated[Whole, Field(ge=1, le=99)] = 1
    restore_from: RestoreFrom | None = None
    keep_previous: bool = Field(True, description="Keep the generation before this one running beside it.")

    @property
    def protected(self) -> bool:
        """Whether the deletion policy is `protected`."""
        return self.deletion_policy == "protected"


class Replica(Section):
    """A read replica. Its number is its identity: identifiers end in it, so numbers are never reused in a hurry."""

    number: Annotated[Whole, Field(ge=1, le=99)]
    purpose: Literal["reads", "analytics"] = "reads"
    instance_class: Class
    zone: str
    parameters: Parameters = Field({}, description="Beyond the primary's parameters and the purpose's.")


class Credentials(Section):
    """Passwords are generated; raising a role's version number makes a new one."""

    password_versions: dict[str, Annotated[Whole, Field(ge=1)]] = {}


class ProcessPool(Section):
    """SQLAlchemy pool of one application process."""

    size: Annotated[Whole, Field(ge=1)]
    max_overflow: Annotated[Whole, Field(ge=0)]


class Application(Section):
    """What the application brings: hosts, processes and their pools. The connection budget starts here."""

    hosts: Annotated[Whole, Field(ge=1)] = 2
    processes_per_host: Annotated[Whole, Field(ge=1)] = 3
    primary_pool: ProcessPool = ProcessPool(size=20, maxOverflow=30)
    replica_pool: ProcessPool = ProcessPool(size=15, maxOverflow=25)
    pool_timeout_seconds: Annotated[Whole, Field(ge=1)] = 30
    pool_recycle_seconds: Annotated[Whole, Field(ge=1)] = 3600
    direct_connections: Annotated[Whole, Field(ge=0)] = Field(
        10, description="Sessions beside PgBouncer: functions, migrations, people."
    )


class Pooler(Section):
    """PgBouncer on each application host. Pool sizes are server connections for one user on one entry."""

    listen_port: Annotated[Whole, Field(ge=1024, le=65535)] = 6432
    max_client_conn: Annotated[Whole, Field(ge=1)] = 300
    default_pool_size: Annotated[Whole, Field(ge=1)] = 25
    min_pool_size: Annotated[Whole, Field(ge=0)] = 5
    reserve_pool_size: Annotated[Whole, Field(ge=0)] = 5


class Backups(Section):
    """Automated backups of RDS, and AWS Backup beside them. Times are UTC."""

    retention_days: Annotated[Whole, Field(ge=0, le=35)] = 7
    window: Daily = DailyWindow.parse("03:00-04:00")
    vault_time: TimeOfDay = Field(DailyTime.parse("20:30"), description="When AWS Backup starts, daily and monthly.")
    daily_retention_days: Annotated[Whole, Field(ge=1, le=36500)] = 30
    monthly_retention_days: Annotated[Whole, Field(ge=31, le=36500)] = 365
    replicate_to_region: Region | None = Field(
        None, description="A second region that receives the automated backups, minutes behind."
    )


class Monitoring(Section):
    """Who hears of what."""

    alert_emails: Annotated[tuple[Email, ...], Distinct] = ()
    enhanced_monitoring_seconds: Literal[0, 1, 5, 10, 15, 30, 60] = 60
    database_insights: Literal["standard", "advanced"] = "standard"
    log_retention_days: LogRetention = Field(90, description="Days that the database's logs are kept in CloudWatch.")
    monthly_budget_usd: Annotated[Whole, Field(ge=1)] = Field(description="RDS cost of a month that raises an alert.")
    encrypt_events_topic: bool = Field(
        False, description="RDS events to an encrypted topic; switch it on once a test event has arrived there."
    )


class Settings(Section):
    """The whole stack file, with the two facts that come from outside it. Made by `blueprint.stack_file.load.load`."""

    environment: str
    region: str
    network: Network
    access: Access = Access()
    encryption: Encryption = Encryption()
    database: Database
    replicas: tuple[Replica, ...] = ()
    credentials: Credentials = Credentials()
    application: Application = Application()
    pooler: Pooler = Pooler()
    backups: Backups = Backups()
    monitoring: Monitoring

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


# What a stack file may hold, by its key in the file.
SECTIONS: Mapping[str, str] = {
    to_camel(name): name for name in Settings.model_fields if name not in ("environment", "region")
}
