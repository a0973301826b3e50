"""Tables of a stack: resources by component, instances, alarms, parameters, keys."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from blueprint.instances import Instance
from blueprint.monitoring.alarm import Alarm, Compare, Missing, Severity
from blueprint.postgres.compile import CompiledParameter
from blueprint.postgres.effective import display
from documents.markdown import code, codes, table
from documents.stacks import Stack
from preview.cost import function_metrics
from preview.units import amount, span

_WITHOUT_DATA = {
    Missing.BREACHING: "alarm",
    Missing.NOT_BREACHING: "OK",
    Missing.IGNORE: "as before",
    Missing.MISSING: "undecided",
}


def resources(stack: Stack) -> str:
    """Numbers of resources by type, a row for each component."""
    rows = []
    for component in stack.components:
        by_type = Counter(_short_type(each.type) for each in component.resources)
        name = component.registration.type.rpartition(":")[2] if component.registration else "outside components"
        kept = sum(each.protect for each in component.resources)
        types = ", ".join(f"{number} {type_}" for type_, number in sorted(by_type.items()))
        rows.append((code(name), str(len(component.resources)), str(kept), types))
    total = [sum(int(row[index]) for row in rows) for index in (1, 2)]
    counted = len(stack.recording.registrations) + 1
    rows.append(("components and the stack themselves", str(counted - total[0]), "0", ""))
    rows.append(("all, as the CLI counts them", str(counted), str(total[1]), ""))
    return table(("component", "resources", "protected", "of which"), rows)


def stacks(of: Sequence[Stack]) -> str:
    """What each stack makes, and how much of it costs by the hour or the month."""
    return table(
        ("what", *(code(stack.name) for stack in of)),
        [(what, *(str(count(stack)) for stack in of)) for what, count in _COUNTED.items()],
    )


def _count(type_: str, **having: str) -> Callable[[Stack], int]:
    return lambda stack: sum(having.items() <= each.inputs.items() for each in stack.recording.of_type(type_))


_COUNTED: Mapping[str, Callable[[Stack], object]] = {
    "resources, as the CLI counts them": lambda stack: len(stack.recording.registrations) + 1,  # the stack is one
    "of these, made by a provider": lambda stack: len(stack.recording.resources),
    "database instances": _count("aws:rds/instance:Instance"),
    "NAT gateways": _count("aws:ec2/natGateway:NatGateway"),
    "interface endpoints": _count("aws:ec2/vpcEndpoint:VpcEndpoint", vpcEndpointType="Interface"),
    "customer-managed keys": _count("aws:kms/key:Key"),
    "secrets": _count("aws:secretsmanager/secret:Secret"),
    "functions": _count("aws:lambda/function:Function"),
    "alarms": _count("aws:cloudwatch/metricAlarm:MetricAlarm"),
    "composite alarms": _count("aws:cloudwatch/compositeAlarm:CompositeAlarm"),
    "log metrics": _count("aws:cloudwatch/logMetricFilter:LogMetricFilter"),
    "custom metrics of the function": lambda stack: function_metrics(stack.recording),
    "RDS budget, USD a month": lambda stack: stack.platform.settings.monitoring.monthly_budget_usd,
    "deletion policy": lambda stack: stack.platform.settings.database.deletion_policy,
}


def alarms(stack: Stack) -> str:
    """Alarms with the instances that have them; where thresholds differ, each has a row."""
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for alarm in stack.platform.alarms:
        alike[_alarm(alarm)].append(alarm.instance)
    everywhere = [instance.role for instance in stack.platform.instances]
    rows = (
        (*row, "every instance" if on == everywhere and len(on) > 1 else ", ".join(on)) for row, on in alike.items()
    )
    return table(("alarm", "severity", "when", "for", "no data is", "on"), rows)


def alarm_index(of: Sequence[Stack]) -> str:
    """Links to the runbook's section of every alarm of any stack, by severity."""
    keys = {alarm.key: alarm.severity for stack in of for alarm in stack.platform.alarms}
    rows = (
        (severity.value, ", ".join(f"[{key}](#{key})" for key in sorted(keys) if keys[key] is severity))
        for severity in (Severity.CRITICAL, Severity.WARNING)
    )
    return table(("severity", "alarms"), rows)


def _alarm(alarm: Alarm) -> tuple[str, ...]:
    sign = "above" if alarm.compare is Compare.ABOVE else "below"
    metric = alarm.metric.removeprefix(f"{alarm.instance}-")
    return (
        f"[{alarm.key}](runbook.md#{alarm.key})",
        alarm.severity.value,
        f"{alarm.statistic} of {code(metric)} {sign} {amount(alarm.threshold, alarm.unit)}",
        span(alarm.period_seconds * alarm.periods),
        _WITHOUT_DATA[alarm.missing],
    )


def parameters(stack: Stack) -> str:
    """The primary's parameters, then what each replica has otherwise."""
    rows = list(_parameters(stack.platform.primary, ()))
    for replica in stack.platform.replicas:
        rows += _parameters(replica, stack.platform.primary.parameters)
    return table(("instance", "parameter", "asked", "what RDS gets", "takes effect"), rows)


def _parameters(instance: Instance, known: tuple[CompiledParameter, ...]) -> Iterator[tuple[str, ...]]:
    for each in instance.parameters:
        if each not in known:
            applied = "at once" if each.apply_method == "immediate" else "at a restart"
            meaning = display(each, instance.database_memory_bytes)
            yield instance.role, code(each.name), code(each.asked), code(meaning), applied


def instances(stack: Stack) -> str:
    """Instances with class and zone."""
    anywhere = "Multi-AZ" if stack.platform.settings.database.multi_az else "RDS chooses"
    rows = []
    for each in stack.platform.instances:
        size = each.instance_class
        zone, purpose = each.zone or anywhere, each.purpose or "writes"
        rows.append((each.role, code(size.name), str(size.vcpus), f"{size.memory_gib} GiB", zone, purpose))
    return table(("instance", "class", "vCPUs", "memory", "zone", "for"), rows)


def keys(stack: Stack) -> str:
    """Customer-managed keys: who may use each beside the account's own IAM policies."""
    rows = []
    for key in stack.recording.of_type("aws:kms/key:Key"):
        inputs = stack.inputs(key)
        services = sorted(set(_services(inputs["policy"])))
        kept = "kept" if key.retain_on_delete else "deleted after its waiting time"
        rows.append(
            (code(stack.short(key.name)), inputs["description"], codes(services) or "no service by itself",
             "each year" if inputs["enableKeyRotation"] else "never", kept)
        )  # fmt: skip
    return table(("key", "for", "services in its policy", "rotates", "when the stack is destroyed"), rows)


def _services(policy: str) -> Iterator[str]:
    for statement in json.loads(policy)["Statement"]:
        service = statement["Principal"].get("Service")
        if service is not None:
            yield from [service] if isinstance(service, str) else service


def _short_type(type_: str) -> str:
    """`aws:rds/instance:Instance` as `rds.Instance`."""
    package, module, name = type_.split(":")
    service = module.split("/")[0]
    return f"{package if service == 'index' else service}.{name}"
