"""What an operation on a database instance or its parameter group does to whoever is connected.

Sources: RDS user guide, "Settings for DB instances" (what restarts, what waits for the window), "Multi-AZ DB instance
deployments" (60 to 120 s), "Increasing DB instance storage capacity" (hours, six until the next change), "Upgrading the
PostgreSQL DB engine". Where AWS names no range, none stands here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from blueprint.aws.storage import STRIPED_GIB
from blueprint.postgres.effective import STANDBY_SETTINGS
from preview.effects.model import Consequence, Duration, Effect, When
from recording.plan import Step

INSTANCE: Final = "aws:rds/instance:Instance"
PARAMETER_GROUP: Final = "aws:rds/parameterGroup:ParameterGroup"

SETTINGS: Final = "RDS user guide, Settings for DB instances"
FAILOVER: Final = Duration(
    text="60 to 120 s", seconds=(60, 120), source="RDS user guide, Multi-AZ DB instance deployments: typically"
)
RESTART: Final = Duration(text="minutes; AWS names no range", source=SETTINGS)
UPGRADE: Final = Duration(
    text="minutes; AWS names no range", source="RDS user guide, Upgrading the PostgreSQL DB engine"
)
BY_HAND: Final = Duration(
    text="60 to 120 s by a failover, otherwise minutes", seconds=FAILOVER.seconds, source=FAILOVER.source
)
OPTIMISING: Final = Duration(
    text="hours in the background, and 6 h at least until the next change of the volume", seconds=(6 * 3600, 6 * 3600),
    source="RDS user guide, Increasing DB instance storage capacity",
)  # fmt: skip
COPYING: Final = Duration(text="minutes to hours, by the size of the volume; AWS names no range", source=SETTINGS)

# RDS user guide, "Settings for DB instances": what waits for the maintenance window without ApplyImmediately.
WAITING: Final = frozenset(
    {
        "instanceClass", "allocatedStorage", "engineVersion", "multiAz", "storageType", "iops", "storageThroughput",
        "caCertIdentifier", "iamDatabaseAuthenticationEnabled",
    }
)  # fmt: skip
_RESTARTS: Final = frozenset({"instanceClass", "engineVersion", "port", "caCertIdentifier"})
_VOLUME: Final = frozenset({"allocatedStorage", "iops", "storageThroughput", "storageType"})
_QUIET: Final = frozenset(
    {
        "applyImmediately", "allowMajorVersionUpgrade", "autoMinorVersionUpgrade", "backupWindow", "copyTagsToSnapshot",
        "databaseInsightsMode", "deleteAutomatedBackups", "deletionProtection", "enabledCloudwatchLogsExports",
        "engineLifecycleSupport", "finalSnapshotIdentifier", "iamDatabaseAuthenticationEnabled", "maintenanceWindow",
        "maxAllocatedStorage", "monitoringInterval", "monitoringRoleArn", "multiAz", "parameterGroupName",
        "performanceInsightsEnabled", "performanceInsightsKmsKeyId", "performanceInsightsRetentionPeriod",
        "skipFinalSnapshot", "tags",
    }
)  # fmt: skip


def instance(step: Step, before: Mapping[str, Any]) -> Iterator[Consequence]:
    """Of an instance. `before`: its inputs as they stand, as far as they are known."""
    after = step.registration.inputs if step.registration else before
    replica = bool(after.get("replicateSourceDb"))
    if step.call == "update":
        yield from (_updated(key, before, after, replica=replica) for key in step.properties)
    elif replica:
        yield _replica(step.call)
    elif step.call == "create":
        yield _made(after)
    else:
        yield _gone(step.call, before, after)


def _updated(key: str, before: Mapping[str, Any], after: Mapping[str, Any], *, replica: bool) -> Consequence:
    when = When.WINDOW if key in WAITING and not after.get("applyImmediately") else When.AT_ONCE
    if key == "engineVersion":
        return _version(before.get(key), after.get(key), after, when, replica=replica)
    if key == "backupRetentionPeriod" and bool(before.get(key)) != bool(after.get(key)):
        return _restart(key, "restarts, since backups are switched on or off", after, When.AT_ONCE, replica=replica)
    if key in _RESTARTS:
        return _restart(key, f"restarts for another {_WORDS[key]}", after, when, replica=replica)
    if key == "allocatedStorage":
        return _grown(before.get(key), after.get(key), when, replica=replica)
    if key in _VOLUME:
        return Consequence(
            effect=Effect.NOTHING, what="is slower while RDS optimises the volume", takes=OPTIMISING, when=when
        )
    if key == "password":
        return Consequence(
            effect=Effect.RELOADED, what="takes another password of its master user",
            cut_off="logins of the master user with the old one",
        )  # fmt: skip
    if key == "vpcSecurityGroupIds":
        return Consequence(
            effect=Effect.RELOADED, what="is reached through other security groups", cut_off="who is in none of them"
        )
    if key in _QUIET or key == "backupRetentionPeriod":
        return Consequence(effect=Effect.NOTHING, when=when)
    return Consequence(effect=Effect.UNKNOWN, what=f"changes {key}; its effect is in no table here", when=when)


_WORDS: Final[Mapping[str, str]] = {
    "instanceClass": "class",
    "port": "port, at which hosts look once they have reloaded",
    "caCertIdentifier": "certificate authority, unless RDS can rotate it without",
}


def _restart(key: str, what: str, after: Mapping[str, Any], when: When, *, replica: bool) -> Consequence:
    if key == "instanceClass" and after.get("multiAz"):
        return Consequence(effect=Effect.FAILOVER, what=f"{what}, by a failover to its standby", takes=FAILOVER,
                           cut_off="everybody who writes, or reads from it", when=when)  # fmt: skip
    cut_off = "readers of this replica, who go elsewhere" if replica else "everybody who writes, or reads from it"
    return Consequence(effect=Effect.RESTART, what=what, takes=RESTART, cut_off=cut_off, when=when)


def _version(old: Any, new: Any, after: Mapping[str, Any], when: When, *, replica: bool) -> Consequence:
    majors = [str(each).partition(".")[0] for each in (old, new)]
    if majors[0] != majors[1] and old and not replica and not after.get("allowMajorVersionUpgrade"):
        return Consequence(
            effect=Effect.REFUSED, when=when,
            what=f"would become PostgreSQL {majors[1]}, which RDS refuses without database.allowMajorUpgrade",
        )  # fmt: skip
    if majors[0] != majors[1] and old:
        return Consequence(
            effect=Effect.IRREVERSIBLE,
            what=f"becomes PostgreSQL {majors[1]}; only a restore of an older backup brings {majors[0]} back",
            takes=UPGRADE, cut_off="everybody: a standby is upgraded with it, so none takes over", when=when,
            order="RDS upgrades replicas in the region together with their primary",
        )  # fmt: skip
    return Consequence(
        effect=Effect.RESTART, what=f"restarts where RDS does not run {new} yet; no way down from a newer minor",
        takes=UPGRADE, cut_off="readers of this replica, who go elsewhere" if replica else "everybody",
        when=when, order="replicas first, then their primary",
    )  # fmt: skip


def _grown(old: Any, new: Any, when: When, *, replica: bool) -> Consequence:
    order = "after its primary, whose size RDS has to have" if replica else ""
    if isinstance(old, int) and isinstance(new, int) and old < STRIPED_GIB <= new:
        return Consequence(
            effect=Effect.IRREVERSIBLE, takes=OPTIMISING, when=when, order=order,
            what=f"gets the layout of a volume from {STRIPED_GIB} GiB on, for good; storage never shrinks",
        )  # fmt: skip
    return Consequence(
        effect=Effect.IRREVERSIBLE, what="gets a larger volume; storage never shrinks", takes=OPTIMISING, when=when,
        order=order,
    )  # fmt: skip


def _replica(call: str) -> Consequence:
    if call == "create":
        return Consequence(effect=Effect.NOTHING, what="is made from a snapshot of its primary", takes=COPYING)
    readers = "its readers, who go to the primary or another replica"
    if call == "delete":
        return Consequence(effect=Effect.REMOVED, what="is deleted; its primary has all that it had", cut_off=readers)
    return Consequence(effect=Effect.REPLACED, what="is deleted and made anew", takes=COPYING, cut_off=readers)


def _made(after: Mapping[str, Any]) -> Consequence:
    restored = after.get("restoreToPointInTime") or after.get("snapshotIdentifier")
    if not restored:
        return Consequence(effect=Effect.NOTHING, what="is made, with nothing in it")
    return Consequence(
        effect=Effect.REPLACED, takes=COPYING,
        what="is restored, and applications change over to it: what was written since then is not in it",
        cut_off="writers while they change over",
    )  # fmt: skip


def _gone(call: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Consequence:
    snapshot = before.get("skipFinalSnapshot") is False
    left = "; a final snapshot is left" if snapshot else ", and no snapshot is left of it"
    restored = after.get("restoreToPointInTime") or after.get("snapshotIdentifier")
    again = {"delete": "", "replace": " and made anew, " + ("restored" if restored else "empty")}[call]
    return Consequence(
        effect=Effect.DATA_LOST, what=f"is deleted{again}{left}", takes=COPYING if call == "replace" else None,
        cut_off="everybody",
    )  # fmt: skip


def parameter_group(step: Step, before: Mapping[str, Any]) -> Iterator[Consequence]:
    """Of a parameter group: dynamic parameters are reloaded, static ones wait for a restart."""
    if step.call != "update" or step.registration is None:
        quiet = {"create": "is made", "delete": "is deleted", "replace": "is made anew beside the old one"}
        yield Consequence(effect=Effect.NOTHING, what=quiet.get(step.call, ""))
        return
    old, new = (_by_name(side.get("parameters")) for side in (before, step.registration.inputs))
    changed = [name for name in sorted({*old, *new}) if old.get(name, (None,))[0] != new.get(name, (None,))[0]]
    static = [name for name in changed if (new.get(name) or old[name])[1] == "pending-reboot"]
    if dynamic := [name for name in changed if name not in static]:
        yield Consequence(effect=Effect.RELOADED, what=f"hands out {', '.join(dynamic)} to sessions as they go on")
    if static:
        yield Consequence(
            effect=Effect.REBOOT, what=f"has {', '.join(static)} in effect after a restart", takes=BY_HAND,
            cut_off="everybody, while somebody restarts it", when=When.BY_HAND,
            order="; ".join(_standby_order(name, old.get(name), new.get(name)) for name in static
                            if name in STANDBY_SETTINGS),
        )  # fmt: skip
    if not changed:
        yield Consequence(effect=Effect.NOTHING)


def _standby_order(name: str, old: tuple[str, str] | None, new: tuple[str, str] | None) -> str:
    """PostgreSQL, "Administrator's overview" of hot standby: a standby must never have less than its primary."""
    if old and new and old[0].isdecimal() and new[0].isdecimal():
        replicas_first = int(old[0]) < int(new[0])
        first, then = (
            ("replicas restart", "their primary") if replicas_first else ("the primary restarts", "its replicas")
        )
        return f"{name} is {'raised' if replicas_first else 'lowered'}: first {first}, then {then}"
    return f"{name}: raised, replicas restart first; lowered, the primary"


def _by_name(parameters: Any) -> dict[str, tuple[str, str]]:
    """Value and apply method by name."""
    return {each["name"]: (each["value"], each.get("applyMethod", "immediate")) for each in parameters or ()}
