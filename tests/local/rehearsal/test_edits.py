"""The table of rehearsed edits: drawn from what was measured, and as the document has it."""

from __future__ import annotations

from typing import Any

from tests.engine.edits import EDITS
from tests.local.rehearsal import edits

LOAD = {"others_percent": 0.4, "stolen_percent": 0.0}
CIRCUMSTANCES = {"measured": "2026-11-30 06:00", "before": LOAD, "during": LOAD}
WORK = {"done": 1_000, "longest_seconds": 0.16, "failed": {}, "went_on": True}
CLASS = {
    "stack": "dev", "settings": "`database.instanceClass` db.t4g.micro -> db.t4g.small", "foretold": "restart",
    "takes": ["minutes; AWS names no range"], "apply_seconds": 7.51, "did": ["primary restarted: shared_buffers"],
    "writes": WORK | {"longest_seconds": 1.27, "failed": {"CommitUnknown: terminating": 2, "OperationalError": 31}},
    "reads": WORK, "rows": 2_000, "lost": 0, "verdict": "as foretold", **CIRCUMSTANCES,
}  # fmt: skip
RESTORE = {
    "stack": "dev", "settings": "`database.generation` none -> 2", "foretold": "replaced",
    "takes": ["minutes", "hours"], "refused": "there is no backup of then | now", **CIRCUMSTANCES,
}  # fmt: skip
RESULTS: dict[str, Any] = {
    "measured": "2026-11-30", "commit": "0123abc", "rehearsed": ["class", "restore-beside"],
    "machine": {"cpu": "a processor", "cores": 2, "postgresql": "16.14", "pgbouncer": "1.25"},
    "elsewhere": [name for name in EDITS if name not in ("class", "restore-beside", "minor", "hosts")],
    "refused": ["minor"], "edits": {"class": CLASS, "restore-beside": RESTORE},
}  # fmt: skip
DOCUMENT = f"before\n{edits.BEGIN}\nold\n{edits.END}\nafter <!-- generated: other -->\n"


def test_a_row_says_what_is_foretold_and_what_was_measured() -> None:
    lines = edits.rendered(DOCUMENT, RESULTS).splitlines()
    assert lines[3] == (
        "One rehearsal of each, 2026-11-30, commit 0123abc, on a processor with 2 cores, PostgreSQL 16.14, "
        "PgBouncer 1.25."
    )
    assert lines[7:9] == [
        "| dev | `database.instanceClass` db.t4g.micro -> db.t4g.small | restart | minutes; AWS names no range | "
        "primary restarted: shared_buffers | 8 | 1.3 | 33 | 0.2 | 0 | 0 | as foretold |",
        "| dev | `database.generation` none -> 2 | replaced | minutes; hours |  |  |  |  |  |  |  | "
        "refused: there is no backup of then / now |",
    ]
    assert lines[10].startswith("No server here would know of: [class-in-window](../tests/golden/edits/prod-class-in-")
    assert lines[12] == "Not measured yet: [hosts](../tests/golden/edits/staging-hosts.txt)."
    assert (lines[0], lines[-1]) == ("before", "after <!-- generated: other -->")


def test_a_disturbed_rehearsal_is_said_to_be_one() -> None:
    disturbed = CLASS | {"during": {"others_percent": 41.0, "stolen_percent": 0.0}}
    drawn = edits.rendered(DOCUMENT, RESULTS | {"edits": {"class": disturbed, "restore-beside": RESTORE}})
    assert "PgBouncer 1.25; other programs disturbed 1 of 2.\n" in drawn


def test_the_document_has_what_was_measured_last() -> None:
    """`python -m tests.local.rehearsal render` draws it."""
    document = edits.DOCUMENT.read_text(encoding="utf-8")
    assert edits.rendered(document, edits.load()) == document


def test_an_edit_is_rehearsed_where_a_server_would_know_of_it() -> None:
    asked = ("class", "password-metrics", "replica-moved", "nat-none")
    assert [name for name in asked if edits.reaches_servers(name)] == ["class", "password-metrics"]
