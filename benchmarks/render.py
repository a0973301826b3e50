"""What was measured, as a document and pictures: all of it computed from results.json."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.parts import Part
from benchmarks.pictures import Bar, bars
from benchmarks.quiet import Load
from benchmarks.statistics import Spread
from benchmarks.texts import DATABASE, FAILOVER, HOW, LIBRARY, PREVIEW, RECOVERY

RESULTS = Path(__file__).with_name("results.json")

_SETS = {"rds-defaults": "RDS's defaults", "document": "the document's", "ours": "ours"}
_PATHS = {"direct": "directly", "pgbouncer": "through PgBouncer"}

Results = Mapping[str, Any]


def load() -> Results:
    """The committed results. Raises `FileNotFoundError`."""
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


def write(project: Path, results: Results) -> None:
    """Write all that is rendered; the READMEs' rows are `python -m documents`'."""
    (project / "docs" / "pictures").mkdir(parents=True, exist_ok=True)
    for name, text in files(results).items():
        (project / name).write_text(text, encoding="utf-8")


def files(results: Results) -> dict[str, str]:
    """Text of each rendered file, by its path in the project."""
    return {"docs/measurements.md": document(results)} | {
        f"docs/pictures/{name}.svg": picture for name, picture in pictures(results).items()
    }


def document(results: Results) -> str:
    """The text of docs/measurements.md."""
    preview = results["preview"]
    return "\n".join(
        [
            HOW.format(
                machine=_machine_table(results["machine"]), measured=results["measured"], commit=results["commit"],
                runs=_runs(results["runs"]), quiet=_quiet(results["parts"], results["commit"]),
            ),
            DATABASE.format(
                scale=results["scale"], accounts=f"{results['scale'] * 100_000:,}", seconds=results["seconds"],
                offered_seconds=results["offered_seconds"], settle_seconds=results["settle_seconds"],
                targets=_targets(results), rows=_database_table(results), offered=_offered(results),
                rate=_targets_of(results),
            ),
            LIBRARY.format(**{name: formatted(results["library"][name]) for name in results["library"]}),
            PREVIEW.format(
                rows=table(["stack", "seconds"], [[stack, formatted(v)] for stack, v in preview["stacks"].items()]),
                pulumi=formatted(preview["import_pulumi_share_percent"]),
                pulumi_aws=formatted(preview["import_pulumi_aws_share_percent"]),
            ),
            FAILOVER.format(rows=_failover_table(results["failover"])),
            RECOVERY.format(**{name: formatted(value) for name, value in results["recovery"].items()}),
        ]
    )  # fmt: skip


def pictures(results: Results) -> dict[str, str]:
    """The charts: SVG by name."""
    database, failover = results["database"], results["failover"]
    offered = [row for row in database if row["load"] == "1000-tps"]
    return {
        "latency": bars(
            f"99th percentile of latency at {_offered(results)}, by parameters", "ms",
            [Bar(_label(row), row["p99_ms"], row["path"] == "pgbouncer") for row in offered],
        ),
        "throughput": bars(
            "Transactions per second of clients that never pause, by parameters", "TPS",
            [Bar(_label(row), row["tps"], row["path"] == "pgbouncer") for row in database if row["load"] == "closed"],
        ),
        "failover": bars(
            "Longest time without an acknowledged commit after the primary was killed", "s",
            [Bar(f"{mode} standby", value["downtime_s"], mode == "synchronous") for mode, value in failover.items()],
        ),
    }  # fmt: skip


def formatted(value: Spread, unit: str = "") -> str:
    """Format a median with its spread: `5.2 ms (4.9 to 6.1)`, or the median alone where all runs agree."""
    median = f"{value['median']:,.10g}{unit}"
    return (
        median if value["min"] == value["max"] else f"{median} ({value['min']:,.10g} to {value['max']:,.10g})"
    )  # fmt: skip


def table(heads: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table, with its last line break."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n".replace("|  |", "| |") for cells in lines)


def _quiet(parts: Mapping[str, Mapping[str, Any]], commit: str) -> str:
    """How busy the machine was with other things, and when each part was measured."""
    rows = [
        [
            name, part["measured"], part.get("commit", commit), *_shares(part),
            "yes" if Part.from_json(None, part).quiet else "**no**",
        ]
        for name, part in parts.items()
    ]  # fmt: skip
    return "When each part was measured, and what else the machine did meanwhile:\n\n" + table(
        ["part", "UTC", "commit", "other programs, % of the machine", "stolen by the hypervisor, %", "quiet"], rows
    ).rstrip("\n")


def _shares(part: Mapping[str, Any]) -> tuple[str, str]:
    load = Load.from_json(part["during"])
    return f"{load.others_percent:g}", f"{load.stolen_percent:g}"


def _runs(number: int) -> str:
    return f"Medians of {number} runs" if number > 1 else "One run"


def _targets_of(results: Results) -> str:
    """The load that the targets are for, as it was offered."""
    row = next(
        row
        for row in results["database"]
        if (row["parameters"], row["path"], row["load"]) == ("ours", "pgbouncer", "1000-tps")
    )
    return f"{row['clients']} clients through PgBouncer, our parameters, {formatted(row['tps'])} TPS done"


def _targets(results: Results) -> str:
    rows = [
        [row["what"], row["target"], row["measured"], "yes" if row["met"] else "**no**"] for row in results["targets"]
    ]
    return table([f"at {_offered(results)}", "target", "measured", "met"], rows)


def _offered(results: Results) -> str:
    return f"{results['rate']:,} TPS offered"


def _database_table(results: Results) -> str:
    loads = {"closed": "closed loop", "1000-tps": _offered(results)}
    return table(
        ["parameters", "path", "load", "clients", "TPS", "average, ms", "p99, ms", "failed"],
        [
            [
                _SETS[row["parameters"]], _PATHS[row["path"]], loads[row["load"]], str(row["clients"]),
                *(formatted(row[name]) for name in ("tps", "average_ms", "p99_ms", "failed")),
            ]
            for row in results["database"]
        ],
    )  # fmt: skip


def _failover_table(failover: Mapping[str, Mapping[str, Spread]]) -> str:
    columns = ("downtime_s", "detection_s", "promotion_s", "lost_commits", "acknowledged_commits")
    return table(
        ["standby", "downtime, s", "detection, s", "promotion, s", "acknowledged commits lost", "acknowledged"],
        [[mode, *(formatted(value[name]) for name in columns)] for mode, value in failover.items()],
    )


def _machine_table(found: Mapping[str, Any]) -> str:
    names = {
        "cpu": "processor", "cores": "cores", "memory_gib": "memory, GiB", "kernel": "kernel",
        "postgresql": "PostgreSQL", "pgbouncer": "PgBouncer", "python": "Python",
    }  # fmt: skip
    return table(["machine", ""], [[name, f"{found[key]}"] for key, name in names.items()])


def _label(row: Mapping[str, Any]) -> str:
    return f"{_SETS[row['parameters']]}, {_PATHS[row['path']]}"
