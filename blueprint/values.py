"""Types of the values in a stack file: how each is read, checked and written, and what an editor is told of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from ipaddress import IPv4Network
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    SecretStr,
    WithJsonSchema,
)

from blueprint import names
from blueprint.aws import networks
from blueprint.aws.instance_classes import INSTANCE_CLASSES, InstanceClass, instance_class
from blueprint.aws.regions import check_region
from blueprint.aws.windows import DailyTime, DailyWindow, WeeklyWindow
from blueprint.monitoring.thresholds import BOUNDS
from blueprint.postgres.catalogue import catalogue
from blueprint.postgres.compile import HumanValue
from blueprint.postgres.version import MAJORS, EngineVersion
from blueprint.problems import Refused

FIRST_YEAR: Final = 2009  # RDS, with another engine
LONGEST_SNAPSHOT: Final = 255  # DBSnapshotIdentifier in the RDS API reference


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
        if not isinstance(value, IPv4Network):
            return networks.parse_network(_text(value), check)
        check(value)
        return value

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
    way_out = "Write it like 2026-11-20T12:00:00Z"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused("is not a moment of the calendar", way_out) from None
    if moment.year < FIRST_YEAR:
        raise Refused(f"is before RDS began, in {FIRST_YEAR}", way_out)
    return text


def _whole(value: Any) -> Any:
    """Of a choice of numbers: Python takes true and 1.0 for 1."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused("is not a whole number", "Write digits without quotes, a fraction or a unit")
    return value


def _webhook(value: Any) -> SecretStr:
    """An https address, or what stands in for an encrypted one. No refusal has the value: a key may be in it."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else _text(value)
    if not re.fullmatch(r"https://[A-Za-z0-9.-]+(:[0-9]+)?(/[!-~]*)?|\(encrypted: .+\)", text):
        raise Refused("is not an https address", "Write it like https://events.example/integration/key")
    return SecretStr(text)


def _snapshot(text: str) -> str:
    """A DB snapshot's identifier or ARN, as CreateDBSnapshot and the services that make them name one."""
    name = re.sub(r"^arn:aws[a-z-]*:rds:[a-z0-9-]+:[0-9]{12}:snapshot:", "", text)
    if len(name) > LONGEST_SNAPSHOT or not re.fullmatch(r"((rds|awsbackup):)?[A-Za-z](-?[A-Za-z0-9])*", name):
        raise Refused(
            "cannot be a snapshot, whose name is letters, digits and single hyphens, perhaps after rds: or awsbackup:",
            "Write one of those that this lists: aws rds describe-db-snapshots",
        )
    return text


def _parameters_schema() -> dict[str, Any]:
    """Names of the catalogue with what each is, for an editor; other names are the compiler's to judge."""
    return {
        "type": "object",
        "properties": {
            name: {"type": ["string", "number", "boolean"], "description": f"{row.kind.value}; {row.why}"}
            for name, row in sorted({name: row for major in MAJORS for name, row in catalogue(major).items()}.items())
            if row.unsettable is None and row.confidence != "low"
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
Switch = Annotated[bool, Field(strict=True)]  # neither "y" nor 1
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
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
TimeOfDay = Annotated[DailyTime, _parsed(DailyTime), _AS_TEXT, _schema(r"^\d\d:\d\d$", "20:30")]
Engine = Annotated[
    EngineVersion,
    PlainValidator(_engine_version),
    _AS_TEXT,
    WithJsonSchema({"type": ["string", "integer"], "examples": ["16", "17.11"]}),
]
MajorNumber = Annotated[Literal[17, 18], BeforeValidator(_whole)]  # 16 is the first that this program knows
Class = Annotated[
    InstanceClass,
    PlainValidator(lambda value: value if isinstance(value, InstanceClass) else instance_class(_text(value))),
    WithJsonSchema({"type": "string", "enum": list(INSTANCE_CLASSES)}),
]
Parameters = Annotated[dict[str, Annotated[HumanValue, PlainValidator(_single)]], WithJsonSchema(_parameters_schema())]
Thresholds = Annotated[
    dict[str, Annotated[HumanValue, PlainValidator(_single)]],
    WithJsonSchema(
        {
            "type": "object",
            "properties": {
                key: {"type": ["string", "number"], "examples": [bounds.example]} for key, bounds in BOUNDS.items()
            },
            "additionalProperties": {"type": ["string", "number"]},
        }
    ),
]
DatabaseName = Annotated[str, AfterValidator(_checked(names.check_present_database_name))]
MasterUsername = Annotated[str, AfterValidator(_checked(names.check_role_name))]
Port = Annotated[Whole, AfterValidator(_checked(names.check_port))]
SubnetId = Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$", examples=["subnet-0123456789abcdef0"])]
VpcId = Annotated[str, Field(pattern=r"^vpc-[0-9a-f]{8,17}$", examples=["vpc-0123456789abcdef0"])]
GroupId = Annotated[str, Field(pattern=r"^sg-[0-9a-f]{8,17}$", examples=["sg-0123456789abcdef0"])]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", examples=["someone@langpont.example"])]
Region = Annotated[str, Field(examples=["ap-northeast-3"]), AfterValidator(_checked(check_region))]
Phone = Annotated[str, Field(pattern=r"^\+[1-9]\d{6,14}$", examples=["+819012345678"])]  # E.164, as SNS takes it
SlackWorkspace = Annotated[str, Field(pattern=r"^T[0-9A-Z]{2,}$", examples=["T0123ABCD"])]
SlackChannel = Annotated[str, Field(pattern=r"^[CG][0-9A-Z]{2,}$", examples=["C0123ABCD"])]
RestoreTime = Annotated[
    str,
    Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", examples=["2026-11-20T12:00:00Z"]),
    AfterValidator(_moment),
]
VaultArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws:backup:[a-z]{2}(-[a-z]+)+-\d:\d{12}:backup-vault:[A-Za-z0-9_-]{2,50}$",
        examples=["arn:aws:backup:ap-northeast-1:123456789012:backup-vault:copies"],
    ),
]
# What a refusal shows instead of the pattern.
EXAMPLES: Mapping[str, str] = {
    field.metadata[0].pattern: field.examples[0]
    for field in (
        get_args(form)[1]
        for form in (SubnetId, VpcId, GroupId, Email, Phone, SlackWorkspace, SlackChannel, RestoreTime, VaultArn)
    )
}
WebhookName = Annotated[str, AfterValidator(_checked(names.check_webhook_name))]
Webhook = Annotated[
    SecretStr,
    PlainValidator(_webhook),
    WithJsonSchema(
        {
            "type": ["string", "object"],
            "pattern": "^https://",
            "properties": {"secure": {"type": "string"}},
            "required": ["secure"],
            "additionalProperties": False,
            "examples": ["https://events.example/integration/key"],
        }
    ),
]
Distinct = AfterValidator(_distinct)  # what is named twice would be two resources of one name
# CloudWatch Logs takes these numbers of days and no others (PutRetentionPolicy).
LogRetention = Annotated[
    Literal[
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
    ],
    BeforeValidator(_whole),
]  # fmt: skip
# ModifyDBInstance takes these seconds between the figures of Enhanced Monitoring; 0 is off.
MonitoringSeconds = Annotated[Literal[0, 1, 5, 10, 15, 30, 60], BeforeValidator(_whole)]
Snapshot = Annotated[str, AfterValidator(_snapshot)]
