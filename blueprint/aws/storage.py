"""Limits of gp3 storage for an RDS PostgreSQL instance: size, IOPS, throughput, autoscaling.

Numbers are from the RDS user guide, "Amazon RDS DB instance storage" (gp3) and "Managing capacity automatically with
Amazon RDS storage autoscaling", in its public edition of 2023; upper limits may have risen since.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from blueprint.problems import Refused

MINIMUM_GIB: Final = 20
MAXIMUM_GIB: Final = 65536

# From here on RDS stripes a PostgreSQL volume. Below, performance is fixed, and RDS refuses even the fixed numbers:
# "You can't specify IOPS or storage throughput for engine postgres and a storage size less than 400".
STRIPED_GIB: Final = 400
UNSTRIPED_IOPS: Final = 3000
UNSTRIPED_THROUGHPUT_MIBPS: Final = 125

# The striped baseline is also the least that can be asked for. The guide's further limit of 500 IOPS per GiB never
# binds: 400 GiB already allow 200000.
STRIPED_IOPS: Final = 12000
MAXIMUM_IOPS: Final = 64000
STRIPED_THROUGHPUT_MIBPS: Final = 500
MAXIMUM_THROUGHPUT_MIBPS: Final = 4000
IOPS_PER_MIBPS: Final = 4

# RDS refuses an autoscaling ceiling under 110 % of the storage, and sends event RDS-EVENT-0225 when the storage
# comes near the ceiling, which a ceiling under 126 % does from the first day.
CEILING_PERCENT: Final = 110
RECOMMENDED_CEILING_PERCENT: Final = 126


def check_storage(
    allocated_gib: int, max_allocated_gib: int | None, iops: int | None, throughput_mibps: int | None
) -> list[tuple[str, Refused]]:
    """Problems of these values, each with the name of the parameter here that has it; none: RDS accepts them.

    `max_allocated_gib` is the autoscaling ceiling; None stands for no autoscaling and for the baseline performance.
    """
    problems: list[tuple[str, Refused]] = []

    if not MINIMUM_GIB <= allocated_gib <= MAXIMUM_GIB:
        problems.append(("allocated_gib", _outside(MINIMUM_GIB, MAXIMUM_GIB, "GiB of gp3 storage")))

    if max_allocated_gib is not None:
        floor_gib = _percent_of(CEILING_PERCENT, allocated_gib)
        if max_allocated_gib > MAXIMUM_GIB:
            problems.append(
                ("max_allocated_gib", Refused(f"is more than {MAXIMUM_GIB} GiB", f"Give at most {MAXIMUM_GIB}"))
            )
        elif max_allocated_gib < floor_gib:
            way_out = (
                f"Give at least {floor_gib}"
                if floor_gib <= MAXIMUM_GIB
                else f"Leave it unset, because gp3 ends at {MAXIMUM_GIB} GiB"
            )
            rule = f"is less than {CEILING_PERCENT} % of the {allocated_gib} GiB allocated, and RDS refuses that"
            problems.append(("max_allocated_gib", Refused(rule, way_out)))

    if allocated_gib < STRIPED_GIB:
        for name, value, fixed in (
            ("iops", iops, f"{UNSTRIPED_IOPS} IOPS"),
            ("throughput_mibps", throughput_mibps, f"{UNSTRIPED_THROUGHPUT_MIBPS} MiB/s"),
        ):
            if value is not None:
                rule = f"cannot be set below {STRIPED_GIB} GiB, where RDS fixes {fixed} and refuses any value"
                problems.append((name, Refused(rule, f"Leave it unset, or allocate {STRIPED_GIB} GiB or more")))
        return problems

    if iops is not None and not STRIPED_IOPS <= iops <= MAXIMUM_IOPS:
        problems.append(("iops", _outside(STRIPED_IOPS, MAXIMUM_IOPS, "IOPS")))
    if throughput_mibps is not None:
        needed_iops = throughput_mibps * IOPS_PER_MIBPS
        provisioned_iops = performance(allocated_gib, iops, None).iops
        if not STRIPED_THROUGHPUT_MIBPS <= throughput_mibps <= MAXIMUM_THROUGHPUT_MIBPS:
            limits = _outside(STRIPED_THROUGHPUT_MIBPS, MAXIMUM_THROUGHPUT_MIBPS, "MiB/s")
            problems.append(("throughput_mibps", limits))
        elif needed_iops > provisioned_iops:
            rule = f"is more than a quarter of {provisioned_iops} IOPS, and RDS refuses that"
            way_out = f"Give at most {provisioned_iops // IOPS_PER_MIBPS}, or set IOPS to {needed_iops}"
            problems.append(("throughput_mibps", Refused(rule, way_out)))
    return problems


def storage_warnings(allocated_gib: int, max_allocated_gib: int | None) -> list[tuple[str, str]]:
    """What RDS accepts and somebody should know: the parameter's name, and a sentence that goes on after its value."""
    if max_allocated_gib is None:
        return []
    warnings = []
    recommended_gib = _percent_of(RECOMMENDED_CEILING_PERCENT, allocated_gib)
    if max_allocated_gib < recommended_gib:
        warnings.append(
            (
                "max_allocated_gib",
                f"is less than {RECOMMENDED_CEILING_PERCENT} % of the {allocated_gib} GiB allocated, so RDS soon "
                f"reports that storage comes near its ceiling (RDS-EVENT-0225). Give at least {recommended_gib}.",
            )
        )
    if allocated_gib < STRIPED_GIB <= max_allocated_gib:
        warnings.append(
            (
                "max_allocated_gib",
                f"lets storage grow past {STRIPED_GIB} GiB, where RDS changes the layout of the volume: "
                f"{STRIPED_IOPS} IOPS and {STRIPED_THROUGHPUT_MIBPS} MiB/s instead of {UNSTRIPED_IOPS} and "
                f"{UNSTRIPED_THROUGHPUT_MIBPS}, and no way back, because storage never shrinks.",
            )
        )
    return warnings


class Performance(NamedTuple):
    """What a volume sustains: IOPS and MiB/s."""

    iops: int
    mibps: int


def performance(allocated_gib: int, iops: int | None, throughput_mibps: int | None) -> Performance:
    """What a gp3 volume sustains: fixed below 400 GiB, from there what is provisioned or the baseline."""
    if allocated_gib < STRIPED_GIB:
        return Performance(UNSTRIPED_IOPS, UNSTRIPED_THROUGHPUT_MIBPS)
    return Performance(
        STRIPED_IOPS if iops is None else iops,
        STRIPED_THROUGHPUT_MIBPS if throughput_mibps is None else throughput_mibps,
    )


def stated_performance(allocated_gib: int, iops: int | None, throughput_mibps: int | None) -> Performance | None:
    """What to state for a gp3 volume: from 400 GiB on the baseline too; None where RDS fixes it and takes no number."""
    return None if allocated_gib < STRIPED_GIB else performance(allocated_gib, iops, throughput_mibps)


def _outside(minimum: int, maximum: int, unit: str) -> Refused:
    return Refused(f"is not {minimum} to {maximum} {unit}", f"Give {minimum} to {maximum}")


def _percent_of(percent: int, gib: int) -> int:
    return -(-gib * percent // 100)  # whole GiB, rounded up, without floats
