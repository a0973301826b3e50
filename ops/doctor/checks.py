"""The doctor's health checks in their order, and those of the instances themselves: pure functions over facts.

Limits are judgements unless sourced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from blueprint.aws.sleep import Sleep
from blueprint.names import RESTORED_FROM, ProductNaming
from ops.aws import tags_of
from ops.doctor.backups import automated_backup, newest_snapshot, recovery_point
from ops.doctor.engine import engine
from ops.doctor.facts import LAG_WINDOW, Alarm, Facts, Unknown
from ops.doctor.rotation import rotations
from ops.doctor.surroundings import poolers, schedule, server, snapshot_quota, subscriptions
from ops.doctor.verdict import Line, Verdict, grouped
from ops.durations import format_duration, format_time
from ops.sleep import is_asleep, told
from ops.stack import Stack, no_primary

# RDS user guide, "Viewing Amazon RDS DB instance status": in these the database works and nothing is wrong ...
_HEALTHY: Final = {"available", "backing-up", "storage-optimization"}
# ... and in these it does not work, and nothing but a person changes that. Anything else passes by itself.
_FAILED: Final = {
    "deleting", "delete-precheck", "failed", "inaccessible-encryption-credentials",
    "inaccessible-encryption-credentials-recoverable", "incompatible-create", "incompatible-network",
    "incompatible-option-group", "incompatible-parameters", "incompatible-restore", "insufficient-capacity",
    "restore-error", "stopped", "stopping", "storage-full",
}  # fmt: skip
FORCED_SOON: Final = timedelta(days=7)
# An idle primary switches its log every 5 minutes, and ReplicaLag climbs until then. What else is too much depends on
# the replica's purpose, which its alarm knows.
IDLE_LAG_SECONDS: Final = 300
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")  # as database.restoreFrom.time is; else a snapshot
CERTIFICATE_ACT, CERTIFICATE_LOOK = timedelta(days=30), timedelta(days=90)
BUDGET_LOOK_PERCENT: Final = 80  # as the budget's own message
STORAGE_LOOK_PERCENT: Final = 90


def lines(facts: Facts, names: ProductNaming, now: datetime) -> list[Line]:
    """The results of all checks, the worst first; the order of the checks below otherwise."""
    stack = facts.stack
    found: list[Line] = []
    if isinstance(stack, Unknown):
        # Without them nothing is known about the database, and a script must not take that for health.
        found.append(Line(Verdict.ACT, "instances", f"not to be seen: {stack.reason}"))
    else:
        sleep = None if isinstance(facts.sleep, Unknown) else facts.sleep
        asleep = any(is_asleep(each.status, sleep, now) for each in stack.primaries[:1])
        found += instances(stack, now, sleep)
        found += _or_unknown("schedule", facts.sleep, lambda known: schedule(known, now))
        found += pending_changes(stack)
        found += parameters(stack)
        found += _or_unknown("maintenance", facts.maintenance, lambda known: maintenance(known, stack, now))
        if not asleep:
            found += _or_unknown("server", facts.settings, lambda known: server(known, stack))
        found += replication(stack)
        found += zones(stack)
        found += _or_unknown("replica lag", facts.lags, lambda known: replica_lag(known, stack))
        found += automated_backup(stack, now, asleep=asleep)
        found += _or_unknown(
            "AWS Backup", facts.recovery_points, lambda known: recovery_point(known, stack, now, sleep)
        )
    found += _or_unknown("snapshots", facts.snapshots, lambda known: newest_snapshot(known, now))
    found += _or_unknown("quota", facts.snapshot_quota, lambda known: snapshot_quota(known, stack))
    found += _or_unknown("alarms", facts.alarms, alarms)
    found += _or_unknown("topics", facts.topics, subscriptions)
    found += _or_unknown("PgBouncer", facts.poolers, poolers)
    found += _or_unknown("rotation", facts.rotations, lambda known: rotations(known, names, now))
    if not isinstance(stack, Unknown):
        found += certificates(stack, now)
        found += engine(stack, facts.lifecycles, facts.obstacles, now)
        found += storage(stack)
    found += _or_unknown("budget", facts.budgets, lambda known: budget(known, names))
    order = list(Verdict)
    return sorted(found, key=lambda line: order.index(line.verdict))


def _or_unknown(check: str, answer: Any, evaluate: Any) -> Iterable[Line]:
    if isinstance(answer, Unknown):
        return [Line(Verdict.UNKNOWN, check, answer.reason)]
    evaluated: Iterable[Line] = evaluate(answer)
    return evaluated


def instances(stack: Stack, now: datetime, sleep: Sleep | None = None) -> Iterator[Line]:
    """DBInstanceStatus of each instance, with class, zone, Multi-AZ and version; of a stopped one, until when."""
    if not stack.primaries:
        yield Line(Verdict.ACT, "instances", no_primary(stack))
    for identifier, why in stack.foreign.items():
        yield Line(Verdict.ACT, "instances", f"{identifier} has the stack's name but other tags ({why}): not looked at")
    newest = max(each.generation for each in stack.instances)
    for each in stack.instances:
        verdict = Verdict.OK if each.status in _HEALTHY else Verdict.ACT if each.status in _FAILED else Verdict.LOOK
        role = "primary" if each.number is None else f"replica {each.number}"
        if each.number is not None and each.source is None:
            verdict, role = max(verdict, Verdict.LOOK, key=_rank), f"{role}, promoted"
        if each.generation != newest:
            role += f" of generation {each.generation}"
        if origin := tags_of(each.raw.get("TagList")).get(RESTORED_FROM):
            role += f", restored from {origin}"
            if _TIME.fullmatch(origin) and datetime.fromisoformat(origin) > now:
                verdict = max(verdict, Verdict.LOOK, key=_rank)
                role += ", which lies in the future (write in database.restoreFrom what it was made from)"
        zone = str(each.raw.get("AvailabilityZone", "no zone yet")) + (", Multi-AZ" if each.raw.get("MultiAZ") else "")
        text = f"{role}, {each.status}, {each.raw.get('DBInstanceClass')}, {zone}, PostgreSQL {each.version}"
        if waits := told(each.identifier, each.status, sleep, now):
            verdict = Verdict.OK if is_asleep(each.status, sleep, now) else verdict
            text = f"{text}; {waits}"
        yield Line(verdict, "instances", f"{each.identifier}: {text}")


def _rank(verdict: Verdict) -> int:
    return -list(Verdict).index(verdict)


def pending_changes(stack: Stack) -> Iterator[Line]:
    """PendingModifiedValues of each instance: what waits for the maintenance window."""
    found = []
    for each in stack.instances:
        pending: Mapping[str, Any] = each.raw.get("PendingModifiedValues") or {}
        if not pending:
            found.append((Verdict.OK, "nothing waits", each.identifier))
            continue
        values = ", ".join(f"{key} {_formatted(key, value)}" for key, value in sorted(pending.items()))
        window = each.raw.get("PreferredMaintenanceWindow", "the maintenance window")
        found.append((Verdict.LOOK, f"{values} waits for {window} UTC", each.identifier))
    return grouped("changes", found, len(stack.instances))


def _formatted(key: str, value: Any) -> str:
    if "Password" in key:
        return "(not shown)"
    return value if isinstance(value, str) else json.dumps(value, default=str)


def parameters(stack: Stack) -> Iterator[Line]:
    """ParameterApplyStatus: whether each instance runs with its parameter group."""
    verdicts = {"in-sync": Verdict.OK, "failed-to-apply": Verdict.ACT}
    notes = {"pending-reboot": "pending-reboot; static parameters wait for a restart"}
    found = []
    for each in stack.instances:
        groups = each.raw.get("DBParameterGroups") or ()
        for status in dict.fromkeys(group.get("ParameterApplyStatus", "no status") for group in groups):
            found.append((verdicts.get(status, Verdict.LOOK), notes.get(status, status), each.identifier))
    return grouped("parameters", found, len(stack.instances))


def maintenance(actions: list[Mapping[str, Any]], stack: Stack, now: datetime) -> Iterator[Line]:
    """Pending maintenance actions of the instances, and when AWS applies them."""
    ours = {each.arn: each.identifier for each in stack.instances}
    found = []
    for resource in actions:
        identifier = ours.get(resource.get("ResourceIdentifier", ""))
        if identifier is None:
            continue
        for action in resource.get("PendingMaintenanceActionDetails") or ():
            forced = action.get("ForcedApplyDate")
            when = action.get("CurrentApplyDate") or action.get("AutoAppliedAfterDate")
            text = f"{action.get('Action')} ({action.get('Description', 'no description')})"
            text += f", on {format_time(when)}" if when else ", not scheduled"
            text += f", forced on {format_time(forced)}" if forced else ""
            soon = forced is not None and forced - now < FORCED_SOON
            found.append((Verdict.ACT if soon else Verdict.LOOK, text, identifier))
    if not found:
        yield Line(Verdict.OK, "maintenance", "nothing pending")
    yield from grouped("maintenance", found, len(stack.instances))


def replication(stack: Stack) -> Iterator[Line]:
    """Read replication errors among StatusInfos; no line if there are none, or all is normal."""
    for each in stack.replicas:
        for info in each.raw.get("StatusInfos") or ():
            if info.get("StatusType") == "read replication" and not info.get("Normal", True):
                status = ": ".join(str(info[key]) for key in ("Status", "Message") if info.get(key))
                yield Line(Verdict.ACT, "replication", f"{each.identifier}: {status}")


def zones(stack: Stack) -> Iterator[Line]:
    """Whether each replica is in another zone than its primary, which a failover moves; no line without replicas."""
    by_identifier = {each.identifier: each for each in stack.instances}
    found = []
    for each in stack.replicas:
        primary = by_identifier.get(each.source or "")
        if primary is None:
            continue
        zone, other = (it.raw.get("AvailabilityZone") for it in (each, primary))
        if zone is None or other is None:
            found.append((Verdict.OK, "no zone yet", each.identifier))
        elif zone == other:
            text = f"in {zone} as its primary, so one zone can take both; after a failover the next one moves it back"
            found.append((Verdict.LOOK, text, each.identifier))
        else:
            found.append((Verdict.OK, "in another zone than its primary", each.identifier))
    return grouped("zones", found, len(stack.replicas), "replica")


def replica_lag(lags: Mapping[str, Any], stack: Stack) -> Iterator[Line]:
    """ReplicaLag of each replica."""
    found = []
    for each in stack.replicas:
        if each.source is None:
            continue
        lag = lags.get(each.identifier)
        if lag is None:
            found.append((Verdict.LOOK, f"no data in the last {format_duration(LAG_WINDOW)}", each.identifier))
        elif lag.seconds < 0:
            found.append((Verdict.LOOK, f"ReplicaLag {lag.seconds:g}: it does not replicate", each.identifier))
        else:
            verdict = Verdict.OK if lag.seconds <= IDLE_LAG_SECONDS else Verdict.LOOK
            found.append((verdict, f"{lag.seconds:g} s at {format_time(lag.at)}", each.identifier))
    if not found:
        yield Line(Verdict.OK, "replica lag", "no replicas")
    yield from grouped("replica lag", found, len(stack.replicas), "replica")


def alarms(found: list[Alarm]) -> Iterator[Line]:
    """CloudWatch alarms in state ALARM, each with what it says to do, and the number of all."""
    for each in found:
        if each.state == "ALARM":
            verdict = Verdict.LOOK if each.severity == "warning" else Verdict.ACT
            since = f" since {format_time(each.since)}" if each.since else ""
            yield Line(verdict, "alarms", f"{each.name}{since}: {each.description}".rstrip(": "))
    firing = sum(each.state == "ALARM" for each in found)
    silent = sum(each.state == "INSUFFICIENT_DATA" for each in found)
    verdict = Verdict.OK if found else Verdict.LOOK
    yield Line(verdict, "alarms", f"{firing} of {len(found)} firing, {silent} without data")


def certificates(stack: Stack, now: datetime) -> Iterator[Line]:
    """Expiry and CA of each server certificate. RDS renews it under an authority of 2021."""
    found = []
    for each in stack.instances:
        details = each.raw.get("CertificateDetails") or {}
        authority = details.get("CAIdentifier") or each.raw.get("CACertificateIdentifier", "an unknown authority")
        until = details.get("ValidTill")
        if until is None:
            found.append((Verdict.UNKNOWN, f"of {authority}; RDS tells no expiry", each.identifier))
            continue
        left = until - now
        verdict = Verdict.ACT if left < CERTIFICATE_ACT else Verdict.LOOK if left < CERTIFICATE_LOOK else Verdict.OK
        found.append((verdict, f"of {authority}, until {until:%Y-%m-%d}", each.identifier))
    return grouped("certificate", found, len(stack.instances))


def storage(stack: Stack) -> Iterator[Line]:
    """Storage autoscaling: how far each volume can still grow. How full it is, the alarm storage-low knows.

    And encryption, which the program asks for and a restored instance has only if its backup had it.
    """
    for each in stack.instances:
        if each.raw.get("StorageEncrypted") is False:
            text = "is not encrypted: restore a copy of its snapshot that was made with a key (docs/adopting.md)"
            yield Line(Verdict.ACT, "storage", f"{each.identifier} {text}")
    found = []
    for each in stack.instances:
        size, ceiling = int(each.raw.get("AllocatedStorage", 0)), each.raw.get("MaxAllocatedStorage")
        if not ceiling:
            found.append((Verdict.OK, f"{size} GiB, does not grow by itself", each.identifier))
            continue
        look = size * 100 >= int(ceiling) * STORAGE_LOOK_PERCENT
        verdict = Verdict.ACT if size >= int(ceiling) else Verdict.LOOK if look else Verdict.OK
        found.append((verdict, f"{size} GiB, grows to {ceiling} GiB", each.identifier))
    yield from grouped("storage", found, len(stack.instances))


def budget(found: list[Mapping[str, Any]], names: ProductNaming) -> Iterator[Line]:
    """AWS Budgets: actual and forecast cost of RDS in the whole account this month, against the stack's budget."""
    name = re.compile(rf"{re.escape(names.prefix)}-monitoring-budget-[0-9a-f]{{7}}")
    ours = [each for each in found if name.fullmatch(each.get("BudgetName", ""))]
    if not ours:
        yield Line(Verdict.LOOK, "budget", f"no budget {names.prefix}-monitoring-budget-*")
    for each in ours:
        limit, spend = _amount(each.get("BudgetLimit")), each.get("CalculatedSpend") or {}
        actual, forecast = _amount(spend.get("ActualSpend")), _amount(spend.get("ForecastedSpend"))
        if limit is None or actual is None:
            yield Line(Verdict.UNKNOWN, "budget", "AWS Budgets has not computed it yet")
            continue
        verdict = Verdict.OK
        if actual * 100 >= limit * BUDGET_LOOK_PERCENT or (forecast is not None and forecast > limit):
            verdict = Verdict.LOOK
        if actual > limit:
            verdict = Verdict.ACT
        expected = "no forecast yet" if forecast is None else f"{forecast:.2f} forecast"
        text = f"{actual:.2f} of {limit:.2f} USD spent this month, {expected}; RDS in the whole account"
        yield Line(verdict, "budget", text)


def _amount(spend: Mapping[str, Any] | None) -> float | None:
    return float(spend["Amount"]) if spend and spend.get("Amount") is not None else None
