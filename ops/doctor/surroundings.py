"""Checks of what stands around the instances: their schedule, who is told, the quota of snapshots, PgBouncer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from blueprint.aws.sleep import Sleep
from langpont_db.pgbouncer import versions
from ops.doctor.facts import POOLER_HOURS, Quota, Topic, Unknown
from ops.doctor.verdict import Line, Verdict
from ops.durations import format_time
from ops.stack import Stack

QUOTA_LOOK_PERCENT: Final = 80
LEAST_WAL_SENDERS: Final = 3


def schedule(sleep: Sleep | None, now: datetime) -> Iterator[Line]:
    """The schedule by which instances sleep; no line without one."""
    if sleep is not None:
        until = sleep.asleep_until(now)
        at = f"asleep until {format_time(until)}" if until else "awake"
        yield Line(Verdict.OK, "schedule", f"sleeps {sleep.text}; now it is to be {at}")


def subscriptions(topics: list[Topic]) -> Iterator[Line]:
    """Whether somebody gets what each topic sends: SNS sends nothing to an address that has not confirmed."""
    if not topics:
        yield Line(Verdict.LOOK, "topics", "no topic with the stack's tags")
    for topic in topics:
        words = [f"{topic.confirmed} confirmed"]
        if topic.waiting:
            words.append(f"{', '.join(topic.waiting)} not confirmed: the mail of SNS has the link, for three days")
        if topic.gone:
            words.append(f"{topic.gone} gone: pulumi up subscribes them anew")
        verdict = Verdict.LOOK if topic.waiting or topic.gone else Verdict.OK
        if not topic.confirmed:
            words[0] = "nobody gets its messages"
            verdict = Verdict.ACT if topic.waiting or topic.gone else Verdict.LOOK
        yield Line(verdict, "topics", f"{topic.name}: {'; '.join(words)}")


def snapshot_quota(quota: Quota | None, stack: Stack | Unknown) -> Iterator[Line]:
    """Manual snapshots of the account in this region: at the limit no final one can be made, so no destroy ends."""
    if quota is None:
        yield Line(Verdict.UNKNOWN, "quota", "RDS tells none of ManualSnapshots")
        return
    needed = 1 if isinstance(stack, Unknown) else max(len(stack.primaries), 1)
    full = quota.most - quota.used < needed
    verdict = Verdict.ACT if full else Verdict.OK
    if not full and quota.used * 100 >= quota.most * QUOTA_LOOK_PERCENT:
        verdict = Verdict.LOOK
    text = f"{quota.used} of {quota.most} manual snapshots of the region"
    yield Line(verdict, "quota", f"{text}, no room for a final one: delete old ones" if full else text)


def server(settings: Mapping[str, str], stack: Stack) -> Iterator[Line]:
    """What the primary itself shows of the settings that point-in-time recovery and replicas rest on."""
    wrong = []
    if settings.get("wal_level") not in ("replica", "logical"):
        wrong.append("wal_level is to be replica or logical")
    # A replica each, and one more while a replica is built anew; the design document asks for three.
    needed = max(LEAST_WAL_SENDERS, len(stack.replicas) + 1)
    if int(settings.get("max_wal_senders", "0")) < needed:
        wrong.append(f"max_wal_senders is to be {needed} or more")
    verdict = Verdict.ACT if wrong else Verdict.OK
    if settings.get("archive_mode") not in ("on", "always"):  # whether RDS archives, the row of backups knows
        wrong.append("archive_mode is to be on")
        verdict = verdict if verdict is Verdict.ACT else Verdict.LOOK
    shown = ", ".join(f"{name} {value}" for name, value in sorted(settings.items()))
    yield Line(verdict, "server", "; ".join([f"the primary shows {shown}", *wrong]))


def poolers(found: list[str]) -> Iterator[Line]:
    """Versions of PgBouncer that hosts have published, and the security repairs that each lacks."""
    if not found:
        yield Line(Verdict.LOOK, "PgBouncer", f"no host has published its version in the last {POOLER_HOURS} hours")
    for text in found:
        version = versions.parse(f"PgBouncer {text}")
        if version is None:
            yield Line(Verdict.UNKNOWN, "PgBouncer", f"a host runs version {text}")
        elif sentence := versions.refusal(version):
            yield Line(Verdict.ACT, "PgBouncer", sentence)
        else:
            verdict = Verdict.LOOK if versions.lacks(version) else Verdict.OK
            yield Line(verdict, "PgBouncer", versions.summary(version))
