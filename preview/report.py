"""The data of a preview: the program recorded as a first preview and as an update, and the blueprint's numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import policy
from blueprint.aws.subnets import Tier
from blueprint.aws.windows import DAY, HOUR, JAPAN_OFFSET_HOURS, DailyTime, DailyWindow, WeeklyWindow
from blueprint.instances import Instance
from blueprint.outputs import OUTPUTS, Output
from blueprint.platform import Platform
from blueprint.postgres import defaults
from blueprint.postgres.compile import CompiledParameter
from blueprint.settings import Settings
from blueprint.stack_file.load import load
from preview import own_prices
from preview.cost import Estimate, Line, estimate, lines
from recording import stack_files
from recording.answers import Answers
from recording.engine import EngineRefusal, record
from recording.recording import Recording, unknown_paths
from recording.stack_files import StackFile


class OutputValue(NamedTuple):
    """A stack output: `first` is its value in the first preview, `update` the one in which AWS's part is made up."""

    output: Output
    first: Any
    update: Any

    @property
    def made_up(self) -> bool:
        """Whether a part of it is known only after the deployment."""
        return any(True for _ in unknown_paths(self.first))


@dataclass(frozen=True, kw_only=True)
class Report:
    """One stack, previewed. `first` is the engine's first preview, `update` an update; their resources are the same.

    `prices`: a team's own, by key.
    """

    platform: Platform
    first: Recording
    update: Recording
    prices: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def totals(self) -> Mapping[str, int]:
        """Resources by type."""
        return Counter(r.type for r in self.first.resources)

    @property
    def outputs(self) -> list[OutputValue]:
        """Stack outputs in the order in which they are documented."""
        return [OutputValue(o, self.first.outputs[o.name], self.update.outputs[o.name]) for o in OUTPUTS]

    @property
    def warnings(self) -> list[str]:
        """What the program warned of, in either run, and what takes a clock, which the program has not."""
        return list(
            dict.fromkeys(
                [
                    *self.first.warnings,
                    *self.update.warnings,
                    *in_the_future(self.platform.settings),
                    *unseen(self.platform.settings),
                    *over_budget(self.cost.database, self.platform.settings.monitoring.monthly_budget_usd),
                ]
            )
        )

    @property
    def violations(self) -> list[policy.Violation]:
        """What the policy pack finds, mandatory first. The update has documents that a first preview lacks."""
        both = dict.fromkeys([*policy.evaluate_stack(self.update), *policy.evaluate_stack(self.first)])
        return sorted(both, key=lambda violation: violation.level is not policy.Level.MANDATORY)

    @property
    def stopped(self) -> list[policy.Violation]:
        """The violations at which `pulumi up --policy-pack policy` stops."""
        return [violation for violation in self.violations if violation.level is policy.Level.MANDATORY]

    @property
    def cost(self) -> Estimate:
        """What stands all month, by the prices that are known."""
        return estimate(self.update, self.platform.settings.region, self.prices)

    @property
    def cost_lines(self) -> list[Line]:
        """What the estimate is made of."""
        return lines(self.update, self.platform.settings.region, self.prices)

    @property
    def exceptions(self) -> list[policy.Excepted]:
        """What the stack's policy configuration and the rules themselves except, each with its reason."""
        return policy.exceptions(self.update)

    def identifier(self, instance: Instance) -> str:
        """The RDS identifier of an instance of the current generation."""
        generation = self.platform.settings.database.generation
        names = self.platform.naming
        return names.primary(generation) if instance.number is None else names.replica(instance.number, generation)

    def parameters(self, instance: Instance) -> list[CompiledParameter]:
        """The parameters that tell an instance's group from the primary's; of the primary, all."""
        if instance.number is None:
            return list(instance.parameters)
        primary = {(p.name, p.value): p for p in self.platform.primary.parameters}
        return [p for p in instance.parameters if (p.name, p.value) not in primary]

    def origin(self, parameter: CompiledParameter, instance: Instance) -> str:
        """Where a parameter's value comes from: "replica", "purpose", "stack file" or "default"."""
        settings = self.platform.settings
        replica = next((r for r in settings.replicas if r.number == instance.number), None)
        if replica is not None:
            if parameter.name in replica.parameters:
                return "replica"
            if any(parameter.name == default.name for default in defaults.BY_PURPOSE[replica.purpose]):
                return "purpose"
        return "stack file" if parameter.name in settings.database.parameters else "default"


def in_the_future(settings: Settings, now: datetime | None = None) -> Iterator[str]:
    """A sentence if the stack is to be restored to a time that is yet to come. `now`: the clock's, in UTC."""
    origin = settings.database.restore_from
    if origin and origin.time and datetime.fromisoformat(origin.time) > (now or datetime.now(UTC)):
        yield (
            f"database.restoreFrom.time {origin.time} lies in the future: RDS refuses it until it has passed. "
            f"Name a time of the past, in UTC."
        )


def unseen(settings: Settings) -> Iterator[str]:
    """A sentence if a snapshot decides what no preview can see."""
    origin = settings.database.restore_from
    if origin and origin.snapshot:
        yield (
            f"database.restoreFrom.snapshot {origin.snapshot} decides the master user, the databases, the major, the "
            f"least size and whether the storage is encrypted. Look whether the file says the same: aws rds "
            f"describe-db-snapshots --db-snapshot-identifier {origin.snapshot}"
        )


def over_budget(database: Decimal, budget: int) -> Iterator[str]:
    """A sentence if what RDS is estimated to cost a month is above its budget, which then mails each month."""
    if database > budget:
        above = database - budget
        yield (
            f"monitoring.monthlyBudgetUsd {budget} is below the estimate of {database:,.2f} USD a month for RDS, which "
            f"is {above:,.2f} or {above * 100 / budget:.0f} % above it: it would mail each month. Raise it, or make "
            f"the stack smaller."
        )


def is_rds_default(parameter: CompiledParameter) -> bool:
    """Whether RDS's own default group has the same value, so that nothing changes by it."""
    return parameter.parameter is not None and parameter.parameter.rds_default == parameter.value


def in_japan(window: DailyTime | DailyWindow | WeeklyWindow) -> str:
    """A window of a stack file, which is in UTC, in Japan Standard Time."""
    offset = JAPAN_OFFSET_HOURS * HOUR
    if isinstance(window, DailyTime):
        return str(DailyTime((window.minute + offset) % DAY))
    return str(type(window)((window.start + offset) % window.CIRCLE, (window.end + offset) % window.CIRCLE))


def subnets(platform: Platform) -> dict[str, dict[str, str]]:
    """Subnets by zone and tier: the CIDR of one of our own, or the id of an existing one."""
    plan, existing = platform.subnets, platform.settings.network.existing_vpc
    if plan is not None:
        zones = platform.settings.zones
        return {zone: {tier.value: str(by_zone[zone]) for tier, by_zone in plan.tiers.items()} for zone in zones}
    assert existing is not None  # settings that load have one of the two
    tiers = {
        Tier.PUBLIC: existing.public_subnets,
        Tier.APPLICATION: existing.application_subnets,
        Tier.DATABASE: existing.database_subnets,
    }
    zones = tuple(dict.fromkeys(zone for by_zone in tiers.values() for zone in by_zone))
    return {zone: {tier.value: ids[zone] for tier, ids in tiers.items() if zone in ids} for zone in zones}


def preview(root: Path, stack: str) -> Report:
    """Run the program in `root` on the file of `stack`, as an engine's first preview and as an update.

    Raises `StackFileError` for files that cannot be read, `PricesRefused` for a team's prices with problems,
    `policy.ConfigurationRefused` for a stack's policy configuration with one, `pulumi.RunError` for settings that the
    program refuses, and `EngineRefusal` where a real engine or provider would not bear the program or where the two
    runs differ.
    """
    file, prices = stack_files.load(root, stack), own_prices.load(root)
    policy.for_stack(stack, policy.RULES)  # for its refusal: who judges by it does so while the report is shown
    provider = Answers(file.config.get("aws:region", ""))  # without a region the program stops before it asks
    first = record(file, provider, preview=True)
    update = record(file, provider, preview=False)
    check_same_resources(first, update)
    return Report(platform=Platform(settings(file)), first=first, update=update, prices=prices)


def check_same_resources(first: Recording, update: Recording) -> None:
    """Raise `EngineRefusal` unless both runs registered the same types and logical names."""
    lines = [
        *_only_in("the update", update, first, "it is made inside apply, where a first preview does not see it"),
        *_only_in("the first preview", first, update, "it depends on a value that only an update knows"),
    ]
    if lines:
        raise EngineRefusal(
            "\n".join(
                [
                    "The first preview and the update register different resources:",
                    *lines,
                    "Decide what exists from the stack file alone, and create it outside apply.",
                ]
            )
        )


def _only_in(where: str, run: Recording, other: Recording, why: str) -> Iterator[str]:
    for identity in sorted(set(run.identities()) - set(other.identities())):
        yield f"  {identity} only in {where}: {why}."


def settings(file: StackFile) -> Settings:
    """The settings of a stack file that the program has accepted."""
    return load(file.sections(), environment=file.stack, region=file.config["aws:region"])
