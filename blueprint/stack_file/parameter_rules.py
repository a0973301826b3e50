"""Rules of the stack file about PostgreSQL parameters: each value, and what they come to on an instance."""

from __future__ import annotations

from collections.abc import Iterator

from blueprint.aws import storage
from blueprint.instances import GIB, Instance, plan_instances
from blueprint.postgres import defaults
from blueprint.postgres.catalogue import catalogue
from blueprint.postgres.compile import CompiledParameter, compile_parameters
from blueprint.postgres.effective import STANDBY_SETTINGS, bytes_of, effective_integer
from blueprint.postgres.formulas import is_formula, resolve
from blueprint.postgres.parsing import readable, written
from blueprint.problems import Problem
from blueprint.settings import Settings

_SLOT_CAP = "max_slot_wal_keep_size"


def compiled_of_primary(s: Settings) -> tuple[tuple[CompiledParameter, ...], tuple[Problem, ...]]:
    """The primary's parameters and what is wrong with them."""
    d = s.database
    asked = defaults.asked_of_primary(d.parameters, d.engine_version.major)
    return compile_parameters(asked, major=d.engine_version.major, trusted=d.trusted_parameters)


def primary_parameters(s: Settings) -> Iterator[Problem]:
    """Each parameter of the primary."""
    compiled, problems = compiled_of_primary(s)
    yield from problems
    values = {each.name: each.value for each in compiled}
    if values.get("password_encryption") == "md5" and values.get("rds.accepted_password_auth_method") == "scram":
        yield Problem(
            field="database.parameters.password_encryption", value="md5", way_out="Write scram-sha-256",
            rule="makes passwords that rds.accepted_password_auth_method scram refuses at each login",
        )  # fmt: skip


def replica_parameters(s: Settings) -> Iterator[Problem]:
    """Each parameter that a replica has of its own."""
    d = s.database
    for index, replica in enumerate(s.replicas):
        yield from compile_parameters(
            replica.parameters,
            major=d.engine_version.major,
            trusted=d.trusted_parameters,
            field=f"replicas[{index}].parameters",
        )[1]


def slot_cap(s: Settings) -> Iterator[Problem]:
    """What a dead replica may keep of the write-ahead log, against the storage."""
    d = s.database
    compiled, problems = compiled_of_primary(s)
    if problems or d.allocated_storage_gib < storage.MINIMUM_GIB:
        return
    cap = effective_integer(_SLOT_CAP, compiled, class_memory_bytes=0, major=d.engine_version.major)
    ceiling = max(d.allocated_storage_gib, d.max_allocated_storage_gib or 0)
    if cap >= 0 and bytes_of(_SLOT_CAP, cap) > ceiling * GIB // 2:
        what = "to which storage grows" if d.max_allocated_storage_gib else "allocated"
        yield Problem(
            field=f"database.parameters.{_SLOT_CAP}", value=next(p.asked for p in compiled if p.name == _SLOT_CAP),
            rule=f"is more than half of the {ceiling} GiB {what}; a dead replica could fill it",
            way_out=f"Write {max(1, ceiling // 4)}GB or less",
        )  # fmt: skip


def memory_of_classes(s: Settings) -> Iterator[Problem]:
    """What PostgreSQL takes at its start, against the class of each instance, and what a formula comes to there."""
    d = s.database
    if compiled_of_primary(s)[1] or list(replica_parameters(s)):
        return
    first, *others = plan_instances(d, s.replicas)
    index_of = {f"replica-{replica.number}": index for index, replica in enumerate(s.replicas)}
    yield from _too_much(first, first, "database", set(first.named_parameters))
    for instance in others:
        index = index_of[instance.role]
        yield from _too_much(instance, first, f"replicas[{index}]", set(s.replicas[index].parameters))


def _too_much(instance: Instance, primary: Instance, field: str, own: set[str]) -> Iterator[Problem]:
    yield from _out_of_bounds(instance, field, own)
    needs, has = instance.shared_memory(primary), instance.database_memory_bytes
    if needs.total < has:
        return
    name = max(needs.parts, key=lambda each: needs.parts[each][0] * needs.parts[each][1])
    row = catalogue(instance.major)[name]
    stated = instance.named_parameters.get(name)
    asked = stated.asked if stated else str(needs.parts[name][0])
    most = needs.most(name, has)
    if name == "shared_buffers":
        less = row.usual_share
    else:
        less = f"{written(row, most // (row.base_amount if row.unit else 1))} or less"
    if most < (row.minimum or 0) * (row.base_amount if row.unit else 1):
        less = None
    size = instance.instance_class.name
    rule = (
        f"needs with the rest about {needs.total / GIB:.1f} GiB of shared memory, and {size} has about "
        f"{has / GIB:.1f} GiB for PostgreSQL, which does not start so"
    )
    if name in own or instance is primary:
        yield Problem(
            field=f"{field}.parameters.{name}", value=asked, rule=rule,
            way_out=f"Write {less}, or take a larger class" if less else "Take a larger class",
        )  # fmt: skip
    else:
        where = f"database.parameters.{name}" if name in STANDBY_SETTINGS else f"{field}.parameters.{name}"
        yield Problem(
            field=f"{field}.instanceClass", value=size,
            rule=f"is too small for the primary's {name} {asked}, which the replica has too: that {rule}",
            way_out="Take a larger class" + (f", or set {where} to {less}" if less else ""),
        )  # fmt: skip


def _out_of_bounds(instance: Instance, field: str, own: set[str]) -> Iterator[Problem]:
    """Formulas are within bounds on one class and not on another."""
    for each in instance.parameters:
        row = each.parameter
        if row is None or not is_formula(each.value) or row.minimum is None or row.maximum is None:
            continue
        amount = int(resolve(each.value, class_memory_bytes=instance.database_memory_bytes))
        if each.name in own and not row.minimum <= amount <= row.maximum:
            low = amount < row.minimum
            bound = readable(row, int(row.minimum if low else row.maximum))
            yield Problem(
                field=f"{field}.parameters.{each.name}", value=each.asked,
                rule=f"comes to about {readable(row, amount)} on {instance.instance_class.name}, "
                f"{'below the minimum' if low else 'above the maximum'} of {bound}",
                way_out=f"Put {'GREATEST' if low else 'LEAST'}(...) with a bound around it, or write an amount",
            )  # fmt: skip
