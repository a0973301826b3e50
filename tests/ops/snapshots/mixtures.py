"""Hypothesis strategies for snapshots, the invariants of `prune`, and the document's script as a control that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import jmespath  # type: ignore[import-untyped]
from hypothesis import strategies as st

from blueprint.names import ProductNaming
from ops.snapshots.model import Snapshot
from tests.ops import NOW, made_by_ops

AGE = timedelta(days=30)
JAPAN = timezone(timedelta(hours=9))


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A snapshot as it came to be. `maker`: the tool, a person, or AWS in one of three ways. `meddled`: what somebody
    did to the tool's snapshot afterwards, so that it is not known to be the tool's any more."""

    serial: int
    maker: str
    environment: str
    generation: int
    status: str
    created: datetime | None
    meddled: str | None

    @property
    def of_the_tool(self) -> bool:
        """Whether it is one that the tool made of stack prod, as far as anybody can know."""
        return self.maker == "tool" and self.environment == "prod" and self.meddled is None


def drawn(*, meddling: bool = True) -> st.SearchStrategy[list[Drawn]]:
    """Mixtures of what the tool made of prod, of what differs from that in one thing, and of anything."""
    # Around the limit to the second, and from tomorrow (clocks differ) to long ago.
    around = st.integers(-2, 2).map(lambda seconds: AGE + timedelta(seconds=seconds))
    ages = st.one_of(around, st.integers(-86400, 500 * 86400).map(lambda seconds: timedelta(seconds=seconds)))
    moments = st.builds(lambda age, zone: (NOW - age).astimezone(zone), ages, st.sampled_from([NOW.tzinfo, JAPAN]))
    own = st.fixed_dictionaries(
        {
            "maker": st.just("tool"),
            "environment": st.just("prod"),
            "generation": st.sampled_from([1, 2, 12]),
            "status": st.just("available"),
            "created": moments,
            "meddled": st.none(),
        }
    )
    differences: dict[str, st.SearchStrategy[Any]] = {
        "maker": st.sampled_from(["person", "final", "automated", "awsbackup"]),
        # Both names begin as prod's do, the second one goes on as those of prod's manual snapshots.
        "environment": st.sampled_from(["prod-eu", "prod-manual", "dev"]),
        "status": st.sampled_from(["creating", "failed", "deleting", ""]),
        "created": st.none(),
        "meddled": st.sampled_from(sorted(MEDDLED)) if meddling else st.none(),
    }
    one_off = st.one_of(
        *(st.builds(lambda fields, value, name=name: fields | {name: value}, own, values)
          for name, values in differences.items())
    )  # fmt: skip
    anything = st.builds(lambda fields, other: fields | other, own, st.fixed_dictionaries({}, optional=differences))
    return st.lists(st.one_of(own, one_off, anything), max_size=8).map(
        lambda many: [Drawn(serial=serial, **fields) for serial, fields in enumerate(many)]
    )


MEDDLED: dict[str, Callable[[Snapshot], Mapping[str, Any]]] = {
    "tag lost": lambda s: {"tags": {k: v for k, v in s.tags.items() if k != "langpont:made-by"}},
    "tag of another maker": lambda s: {"tags": {**s.tags, "langpont:made-by": "terraform"}},
    "no tags": lambda s: {"tags": {}},
    "another stack's tags": lambda s: {"tags": {**s.tags, "Environment": "prod-eu"}},
    "another project's tags": lambda s: {"tags": {**s.tags, "Project": "Other"}},
    "only our tag": lambda s: {"tags": {"langpont:made-by": "ops"}},
    "copied from another region": lambda s: {"source": f"arn:aws:rds:ap-northeast-3:1:snapshot:{s.identifier}"},
    "copied under another name": lambda s: {"identifier": f"{s.identifier}-copy"},
    "of a replica": lambda s: {"instance": "langpont-prod-replica-1"},
    "of another stack's instance": lambda s: {"instance": "langpont-prod-eu-db"},
}


def rendered(one: Drawn) -> Snapshot:
    """As RDS would describe it, for ours."""
    suffix = "" if one.generation == 1 else f"-g{one.generation}"
    instance = f"langpont-{one.environment}-db{suffix}"
    copied = ProductNaming(one.environment).tagged(instance)
    identifier, kind, carried = {
        "tool": (f"langpont-{one.environment}-manual-20260101-{one.serial:06d}", "manual", None),
        "person": (f"langpont-{one.environment}-before-migration-{one.serial}", "manual", copied),
        "final": (f"{instance}-final-{one.serial:08x}", "manual", copied),
        "automated": (f"rds:{instance}-2026-01-01-03-{one.serial:02d}", "automated", copied),
        "awsbackup": (f"awsbackup:job-{one.serial}", "awsbackup", copied),
    }[one.maker]
    snapshot = Snapshot(
        identifier=identifier,
        instance=instance,
        kind=kind,
        status=one.status,
        created=one.created,
        tags=made_by_ops(one.environment, identifier) if carried is None else carried,
    )
    if one.meddled is None or one.maker != "tool":
        return snapshot
    return Snapshot(**{**vars(snapshot), **MEDDLED[one.meddled](snapshot)})


def rendered_for_the_script(one: Drawn) -> Snapshot:
    """The same, where the document's script is the tool: one name for all environments, and no tags."""
    snapshot = rendered(one)
    name = f"langpont-manual-20260101-{one.serial:06d}"
    return Snapshot(**vars(snapshot) | {"identifier": name, "tags": {}}) if one.maker == "tool" else snapshot


def violations(mixture: Sequence[Drawn], names: Sequence[str], deleted: Iterable[str]) -> set[str]:
    """Which rules a deletion breaks. `names` are those of the mixture."""
    gone = set(deleted)
    ours = [one for one in mixture if one.of_the_tool and one.status == "available" and one.created is not None]
    newest = max((one.created for one in ours if one.created), default=None)
    broken = set() if gone <= set(names) else {"deleted what is not there"}
    for one, name in zip(mixture, names, strict=True):
        young = one.created is None or NOW - one.created < AGE
        if name in gone:
            broken |= {"not the tool's"} if not one.of_the_tool else set()
            broken |= {"not available"} if one.status != "available" else set()
            broken |= {"young"} if young else set()
            broken |= {"the newest"} if one in ours and one.created == newest else set()
        elif one in ours and not young and one.created != newest:
            broken.add("left behind")
    return broken


def manual_backup_sh(snapshots: Sequence[Snapshot], now: datetime) -> set[str]:
    """What the document's manual_backup.sh deletes.

    Its query word for word, by the library that the AWS CLI runs it with, over what the CLI has parsed: times as text
    in ISO 8601. `--output text` prints a list on one line, between tabs; `read` takes the line; and the line, quoted,
    is one identifier.
    """
    cutoff_date = f"{now - timedelta(days=30):%Y%m%d}"
    manual = [
        {"DBSnapshotIdentifier": one.identifier, "SnapshotCreateTime": one.created and one.created.isoformat()}
        for one in snapshots
        if one.kind == "manual"
    ]
    query = (
        "DBSnapshots[?starts_with(DBSnapshotIdentifier, 'langpont-manual-') && "
        f"SnapshotCreateTime < '{cutoff_date}'].DBSnapshotIdentifier"
    )
    line = "\t".join(jmespath.search(query, {"DBSnapshots": manual}))
    return {line} & {one.identifier for one in snapshots}
