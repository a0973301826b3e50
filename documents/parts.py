"""The generated parts of documents by name, and the function that renders each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from documents import (
    adopting,
    alarms,
    charts,
    cost,
    inventory,
    measured,
    network,
    outputs,
    privileges,
    scaling,
    settings,
    translated,
)
from documents.markdown import part_names, replaced
from documents.stacks import Stack

DOCUMENTS = (
    "README.ja.md",
    "README.md",
    "docs/adopting.md",
    "docs/alarms.md",
    "docs/architecture.md",
    "docs/cost.md",
    "docs/disaster-recovery.md",
    "docs/least-privilege.md",
    "docs/outputs.md",
    "docs/runbook.ja.md",
    "docs/runbook.md",
    "docs/scaling.md",
    "docs/settings.md",
    "docs/stacks.md",
)


@dataclass(frozen=True)
class Sources:
    """Data of generated parts. `stacks`: all that are deployed, by name; `results`: None where nothing was measured."""

    root: Path
    stacks: Sequence[Stack]
    results: measured.Results | None

    @property
    def prod(self) -> Stack:
        """Stack prod, of which diagrams and most tables are."""
        return next(stack for stack in self.stacks if stack.name == "prod")


PARTS: Mapping[str, Callable[[Sources], str]] = {
    "network-diagram": lambda s: network.diagram(s.prod),
    "subnets": lambda s: network.subnets_table(s.prod),
    "routes": lambda s: network.routes_table(s.prod),
    "rules": lambda s: network.rules_table(s.prod),
    "components-diagram": lambda s: charts.components(s.prod),
    "data-diagram": lambda s: charts.data_path(s.prod),
    "monitoring-diagram": lambda s: charts.monitoring(s.prod),
    "resources": lambda s: inventory.resources(s.prod),
    "instances": lambda s: inventory.instances(s.prod),
    "alarm-index": lambda s: inventory.alarm_index(s.stacks),
    "alarms": lambda s: inventory.alarms(s.prod),
    "alarm-backtests": lambda s: alarms.alarms(s.stacks),
    "loud-scenarios": lambda s: alarms.loud(s.stacks, s.prod),
    "quiet-scenarios": lambda s: alarms.quiet(s.stacks),
    "parameters": lambda s: inventory.parameters(s.prod),
    "new-side": lambda s: adopting.new_side(s.prod),
    "outputs": lambda s: outputs.outputs(s.prod),
    "replica-fields": lambda s: outputs.replica_fields(s.prod, s.stacks),
    "pool-fields": lambda s: outputs.pool_fields(s.prod),
    "keys": lambda s: inventory.keys(s.prod),
    "iam": lambda s: privileges.iam(s.prod),
    "trust": lambda s: privileges.trust(s.prod),
    "topics": lambda s: privileges.topics(s.prod),
    "database-roles": lambda s: privileges.database(s.prod),
    "stacks": lambda s: inventory.stacks(s.stacks),
    "costs": lambda s: cost.stacks_table(s.stacks),
    "prices": lambda s: cost.prices_table(s.stacks),
    "settings": lambda _: settings.settings(),
    "steps": lambda s: scaling.steps_table(s.root, s.stacks),
    "limits": lambda s: scaling.limits_table(s.root, s.stacks),
    "measured-recovery": lambda s: measured.recovery(s.results),
    "numbers": lambda s: measured.numbers(s.results),
    "numbers-japanese": lambda s: measured.numbers_japanese(s.results),
}


def rendered(document: str, sources: Sources) -> str:
    """Render the generated parts of a document anew. Raises `KeyError` for a part that nothing makes."""
    document = replaced(document, {name: PARTS[name](sources) for name in part_names(document)})
    if not translated.is_translation(document):
        return document
    return translated.filled(document, (sources.root / translated.ORIGINAL).read_text(encoding="utf-8"))
