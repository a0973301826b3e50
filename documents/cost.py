"""How many of what costs by time a stack has, and what one of it costs a month, where that is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from blueprint.monitoring import metrics
from documents import prices
from documents.markdown import code, table
from documents.prices import Price
from documents.stacks import Stack
from recording.recording import Recording, Registration
from resource_types import TYPES
from resource_types.model import Bill

# Published by each host's PgBouncer, with one dimension, so that hosts do not add to them.
HOST_METRICS = 2


class Line(NamedTuple):
    """How many of what stand all month."""

    price: Price
    quantity: int


def lines(recording: Recording, region: str) -> list[Line]:
    """Everything of a recording that costs by time, equal prices in one line, in the order of `METERS`.

    Raises `LookupError` for a type that costs by time and has no meter.
    """
    types = {each.type for each in recording.registrations.values() if each.custom} - METERS.keys()
    if unmetered := sorted(type_ for type_ in types if TYPES[type_].bill is Bill.STANDING):
        raise LookupError(f"{', '.join(unmetered)}: no meter. Add one to METERS in documents/cost.py.")
    totals: dict[Price, int] = {}
    for type_, count in METERS.items():
        for registration in recording.of_type(type_):
            for price, quantity in count(recording, registration, region):
                totals[price] = totals.get(price, 0) + quantity
    return [Line(price, quantity) for price, quantity in totals.items()]


def _instance(recording: Recording, registration: Registration, _: str) -> Iterator[tuple[Price, int]]:
    inputs = registration.inputs
    multi_az = bool(inputs.get("multiAz"))
    yield prices.instance(inputs["instanceClass"], multi_az=multi_az), 1
    yield prices.volume(multi_az=multi_az), _storage_gib(recording, registration)


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
        metrics.INSTANCE in watched.inputs.get("dimensions", {})
        for watched in recording.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    )
    return len(metrics.METRICS) + 1 + asked


def _schedule(recording: Recording, _: Registration, __: str) -> Iterator[tuple[Price, int]]:
    yield prices.CUSTOM_METRIC, function_metrics(recording) + HOST_METRICS


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
    "aws:scheduler/schedule:Schedule": _schedule,
    "aws:cloudwatch/dashboard:Dashboard": _each(prices.DASHBOARD),
    "aws:budgets/budget:Budget": _each(prices.BUDGET),
}


def stacks_table(stacks: Sequence[Stack]) -> str:
    """How many of each stand in each stack. No sum: what has no price is most of the bill."""
    by_stack = {stack.name: lines(stack.recording, stack.platform.settings.region) for stack in stacks}
    rows = [
        (price.item, "unknown" if price.monthly is None else f"{price.monthly:,.2f}",
         *(str(_quantity(of, price) or "-") for of in by_stack.values()))
        for price in dict.fromkeys(line.price for of in reversed(by_stack.values()) for line in of)
    ]  # fmt: skip
    return table(("what stands all month", "one, USD a month", *by_stack), rows)


def _quantity(of: Iterable[Line], price: Price) -> int:
    return sum(line.quantity for line in of if line.price == price)


def prices_table(stacks: Sequence[Stack]) -> str:
    """Every unit price with where it is from."""
    used = [line.price for stack in reversed(stacks) for line in lines(stack.recording, stack.platform.settings.region)]
    rows = [
        (price.item, "unknown" if price.usd is None else f"{price.usd}", price.unit,
         code(price.usage_type) if price.usage_type else "", price.source, price.date)
        for price in dict.fromkeys([*used, *prices.BY_VOLUME])
    ]  # fmt: skip
    return table(("item", "USD", "per", "usage type", "source", "date"), rows)
