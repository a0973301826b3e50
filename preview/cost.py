"""What a stack costs a month: how many of what costs by time it registers, and what is known of the prices."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from blueprint.aws.instance_classes import INSTANCE_CLASSES
from blueprint.aws.sleep import Sleep
from blueprint.aws.storage import STRIPED_IOPS, STRIPED_THROUGHPUT_MIBPS
from blueprint.monitoring import metrics
from preview import prices
from preview.prices import Price
from recording.recording import Recording, Registration
from resource_types import TYPES
from resource_types.model import Bill

NO_PRICES: Mapping[str, Decimal] = MappingProxyType({})
SCHEDULE = "aws:scheduler/schedule:Schedule"
# Published by each host, with the stack for a dimension, so that hosts do not add to them: how many clients wait and
# how long, and that PgBouncer runs, with its version for a second one, so that each further version is a metric more.
# Those of a rotation by schedule, one by role and host, last as long as there are two logins, and are not counted.
HOST_METRICS = 3
WEEKS_A_MONTH = 5  # at most
RESTORE_HOURS = 1  # of a restore itself, until it stands; it grows with the volume, and nobody publishes it


class Line(NamedTuple):
    """How many of what stand all month."""

    price: Price
    quantity: int


def lines(recording: Recording, region: str, own: Mapping[str, Decimal] = NO_PRICES) -> list[Line]:
    """Everything of a recording that costs by time, equal prices in one line, in the order of `METERS`.

    `own`: a team's prices by key, in place of the public ones. In another region than that of the public prices, only
    those are known. Raises `LookupError` for a type that costs by time and has no meter.
    """
    types = {each.type for each in recording.registrations.values() if each.custom} - METERS.keys()
    if unmetered := sorted(type_ for type_ in types if TYPES[type_].bill is Bill.STANDING):
        raise LookupError(f"{', '.join(unmetered)}: no meter. Add one to METERS in preview/cost.py.")
    totals: dict[Price, int] = {}
    for type_, count in METERS.items():
        for registration in recording.of_type(type_):
            for public, quantity in count(recording, registration, region):
                price = public if region == prices.REGION else replace(public, usd=None)
                price = price.stated(own[price.key]) if price.key in own else price
                totals[price] = totals.get(price, 0) + quantity
    return [Line(price, quantity) for price, quantity in totals.items()]


def _instance(recording: Recording, registration: Registration, _: str) -> Iterator[tuple[Price, int]]:
    inputs = registration.inputs
    multi_az = bool(inputs.get("multiAz"))
    price = prices.instance(inputs["instanceClass"], multi_az=multi_az)
    sleep = _sleep(recording, inputs.get("identifier"))
    # RDS user guide, "Stopping an Amazon RDS DB instance temporarily": a stopped one has no hours; storage goes on.
    yield (price if sleep is None else prices.for_hours(price, sleep.awake_hours_a_week)), 1
    yield prices.volume(multi_az=multi_az), _storage_gib(recording, registration)
    for key, name, baseline in (
        ("IOPS", "iops", STRIPED_IOPS), ("THROUGHPUT", "storageThroughput", STRIPED_THROUGHPUT_MIBPS)
    ):  # fmt: skip
        above = max(0, int(inputs.get(name) or 0) - baseline)
        if above:
            yield prices.performance(key), above * (prices.MULTI_AZ if multi_az else 1)
    if inputs.get("databaseInsightsMode") == "advanced":
        yield prices.DATABASE_INSIGHTS, INSTANCE_CLASSES[inputs["instanceClass"]].vcpus


def _sleep(recording: Recording, identifier: str | None) -> Sleep | None:
    """When an instance is stopped by schedules of the recording."""
    expressions = {}
    for schedule in recording.of_type(SCHEDULE):
        target = schedule.inputs.get("target") or {}
        action = re.fullmatch(r"arn:aws[a-z-]*:scheduler:::aws-sdk:rds:(stop|start)DBInstance", str(target.get("arn")))
        if action and json.loads(target.get("input") or "{}").get("DbInstanceIdentifier") == identifier:
            expressions[action[1]] = schedule.inputs["scheduleExpression"]
    return Sleep.of_expressions(**expressions) if len(expressions) == len(("stop", "start")) else None


def _storage_gib(recording: Recording, registration: Registration) -> int:
    """A replica has as much as its source."""
    inputs = registration.inputs
    while "allocatedStorage" not in inputs:
        source = inputs["replicateSourceDb"]
        instances = recording.of_type("aws:rds/instance:Instance")
        inputs = next(each.inputs for each in instances if each.inputs["identifier"] == source)
    return int(inputs["allocatedStorage"])


def _key(_: Recording, registration: Registration, region: str) -> Iterator[tuple[Price, int]]:
    yield (prices.KEY if registration.inputs.get("region", region) == region else prices.KEY_ELSEWHERE), 1


def _endpoint(_: Recording, registration: Registration, __: str) -> Iterator[tuple[Price, int]]:
    if registration.inputs["vpcEndpointType"] == "Interface":  # a gateway endpoint costs nothing
        yield prices.INTERFACE_ENDPOINT, len(registration.inputs["subnetIds"])


def _alarm(_: Recording, registration: Registration, __: str) -> Iterator[tuple[Price, int]]:
    queries = registration.inputs.get("metricQueries") or ()
    yield prices.ALARM_METRIC, sum("metric" in each for each in queries) or 1


def function_metrics(recording: Recording) -> int:
    """How many metrics the function publishes: with its count of failures, and what each instance says of itself."""
    asked = sum(  # each has an alarm
        metrics.INSTANCE in (watched.inputs.get("dimensions") or {})
        for watched in recording.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    )
    return len(metrics.METRICS) + 1 + asked


def _schedule(recording: Recording, schedule: Registration, _: str) -> Iterator[tuple[Price, int]]:
    if ":aws-sdk:rds:" in str((schedule.inputs.get("target") or {}).get("arn")):
        return  # one that stops or starts an instance has nothing published, and Scheduler's first calls are free
    yield prices.CUSTOM_METRIC, function_metrics(recording) + HOST_METRICS


def _restore_tests(recording: Recording, registration: Registration, _: str) -> Iterator[tuple[Price, int]]:
    """AWS Backup's charge for each test, and an instance as the primary, single-AZ, from its restore until it goes."""
    selections = recording.of_type("aws:backup/restoreTestingSelection:RestoreTestingSelection")
    weekly = "SUN" in registration.inputs["scheduleExpression"]
    hours = sum(RESTORE_HOURS + each.inputs["validationWindowHours"] for each in selections)
    primary = next(
        each for each in recording.of_type("aws:rds/instance:Instance") if "replicateSourceDb" not in each.inputs
    )
    tested = sum(len(each.inputs["protectedResourceArns"]) for each in selections) * (WEEKS_A_MONTH if weekly else 1)
    yield prices.RESTORE_TEST, tested
    instance = prices.instance(primary.inputs["instanceClass"], multi_az=False)
    price = prices.for_hours(instance, round(hours * (1 if weekly else 12 / 52), 2))
    yield replace(price, item=f"restore test: {price.item}", usd=price.usd and round(price.usd, 6)), 1


def _each(price: Price) -> Callable[[Recording, Registration, str], Iterator[tuple[Price, int]]]:
    def count(_: Recording, __: Registration, ___: str) -> Iterator[tuple[Price, int]]:
        yield price, 1

    return count


# By the types whose rows say that they cost by time; and the schedule, which has metrics published.
METERS = {
    "aws:rds/instance:Instance": _instance,
    "aws:ec2/natGateway:NatGateway": _each(prices.NAT_GATEWAY),
    "aws:ec2/eip:Eip": _each(prices.PUBLIC_ADDRESS),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:kms/key:Key": _key,
    "aws:secretsmanager/secret:Secret": _each(prices.SECRET),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": _each(prices.COMPOSITE_ALARM),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": _each(prices.CUSTOM_METRIC),
    SCHEDULE: _schedule,
    "aws:cloudwatch/dashboard:Dashboard": _each(prices.DASHBOARD),
    "aws:budgets/budget:Budget": _each(prices.BUDGET),
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": _restore_tests,
}


@dataclass(frozen=True)
class Estimate:
    """US dollars a month for what stands all month. `unknown`: how many of what has no price, by item.

    `database`: the part of it that the RDS budget counts.
    """

    usd: Decimal
    database: Decimal
    unknown: Mapping[str, int]

    def __sub__(self, other: Estimate) -> Estimate:
        items = dict.fromkeys([*self.unknown, *other.unknown])
        left = {item: self.unknown.get(item, 0) - other.unknown.get(item, 0) for item in items}
        return Estimate(
            self.usd - other.usd, self.database - other.database, {item: n for item, n in left.items() if n}
        )


def estimate(recording: Recording, region: str, own: Mapping[str, Decimal] = NO_PRICES) -> Estimate:
    """The month of a recording, by the prices of `lines`."""
    usd, database, lacking = Decimal(0), Decimal(0), dict[str, int]()
    for price, quantity in lines(recording, region, own):
        monthly = price.monthly
        if monthly is None:
            lacking[price.item] = lacking.get(price.item, 0) + quantity
            continue
        usd += monthly * quantity
        database += monthly * quantity * ("RDS:" in price.usage_type or "db." in price.item)
    return Estimate(usd, database, lacking)


def of_document(document: Mapping[str, Any]) -> Recording:
    """The resources of a preview's document, as far as they are counted here."""
    made = Recording(stack="", project="", preview=True)
    for each in (each for component in document.get("components", ()) for each in component["resources"]):
        urn = f"{each['type']}::{each['name']}"
        made.registrations[urn] = Registration(
            urn=urn, type=each["type"], name=each["name"], parent="", custom=True, inputs=each["inputs"], protect=False,
            retain_on_delete=False, delete_before_replace=False, ignore_changes=(), aliases=0,
            dependencies=frozenset(), property_dependencies={}, secret_outputs=(),
        )  # fmt: skip
    return made
