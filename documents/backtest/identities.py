"""Which metric of the model an alarm watches, found as CloudWatch finds it: by namespace, name and all dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from blueprint.monitoring import log_filters
from blueprint.monitoring import metrics as published
from blueprint.monitoring.alarm import LAMBDA, RDS, Alarm
from blueprint.platform import Platform
from blueprint.postgres import pgbouncer
from documents.backtest.machine import Machine, metrics
from documents.backtest.scenarios import unchanged

ABOUT_INSTANCES = {metric.name for metric in published.INSTANCE_METRICS} | {published.CERTIFICATE_DAYS}


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A metric's identity in CloudWatch: one dimension more or less is another metric."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the model has a metric: on which instance, under which namespace and name."""

    instance: str
    key: tuple[str, str]


def watched(alarm: Alarm, term: str = "") -> Identity:
    """The metric that an alarm, or a term of its expression, watches."""
    instance, name = alarm.instance, alarm.metric
    for each in alarm.terms:
        if each.id == term:
            instance, name = each.instance, each.metric
    dimensions = {"DBInstanceIdentifier": instance} if alarm.namespace == RDS else alarm.dimensions or {}
    return Identity(namespace=alarm.namespace, name=name, dimensions=frozenset(dimensions.items()))


def sources(platform: Platform, stack: Sequence[Machine]) -> dict[Identity, Source]:
    """All metrics that there are in a stack; instances by the names that alarms have for them."""
    return {
        Identity(namespace=namespace, name=name, dimensions=frozenset(dimensions.items())): source
        for namespace, name, dimensions, source in _sources(platform, stack)
    }


def _sources(platform: Platform, stack: Sequence[Machine]) -> Iterator[tuple[str, str, Mapping[str, str], Source]]:
    """The metrics function asks the instances of the generation in use; what is the platform's is the primary's."""
    environment, database = platform.settings.environment, platform.settings.database
    primary = platform.primary.named(database.generation)
    asked = {instance.named(database.generation) for instance in platform.instances}
    of_database = dict(zip(published.DIMENSIONS, (environment, database.name), strict=True))
    of_platform = {
        published.NAMESPACE: of_database,
        pgbouncer.NAMESPACE: {"Stack": environment},
        LAMBDA: {"FunctionName": platform.naming.function("rotation")},
    }
    for machine in stack:
        for namespace, name in metrics(machine, unchanged, begins=0, minutes=0):
            source = Source(instance=machine.name, key=(namespace, name))
            if namespace == RDS:
                yield namespace, name, {"DBInstanceIdentifier": machine.name}, source
            elif namespace == log_filters.NAMESPACE:
                yield namespace, f"{machine.name}-{name}", {}, source
            elif name in ABOUT_INSTANCES and machine.name in asked:
                yield namespace, name, of_database | {published.INSTANCE: machine.name}, source
            elif name not in ABOUT_INSTANCES and machine.name == primary:
                yield namespace, name, of_platform[namespace], source
