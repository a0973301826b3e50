"""Checks of what stands around the instances: who is told, the account's quota of snapshots, PgBouncer on the hosts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from langpont_db.pgbouncer import versions
from ops.doctor.facts import POOLER_HOURS, Quota, Topic, Unknown
from ops.doctor.verdict import Line, Verdict
from ops.stack import Stack

QUOTA_LOOK_PERCENT: Final = 80


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
