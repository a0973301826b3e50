"""What was seen in a rehearsal against what is foretold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from preview.difference import EMPTY, Comparison
from preview.effects.model import Consequence, Effect, Line, Touch
from preview.page import Page
from preview.rehearsed import Rehearsed, Verdict, Work, digest, failed, kept_in, of_change, verdicts
from preview.text import rehearsed as text
from recording.plan import Step

QUIET = Work(done=1_204, longest_seconds=0.12, failed={}, went_on=True)
CUT = Work(done=900, longest_seconds=1.7, failed={"OperationalError: server closed the connection": 31}, went_on=True)
SEEN = Rehearsed(
    change="0" * 16, measured="2026-11-30 06:00", apply_seconds=6.24, did=("primary reloaded: work_mem",),
    writes=QUIET, reads=QUIET, rows=2_304, lost=0,
)  # fmt: skip
BEFORE = Comparison(before={"a": 1}, after={"a": 2}, resources=(), sections={})


def line(effect: Effect, cut_off: str = "") -> Line:
    step = Step(call="update", type="aws:rds/instance:Instance", name="langpont-dev-db-primary")
    touch = Touch(
        step=step, on="db-primary", properties=(), consequences=(Consequence(effect=effect, cut_off=cut_off),)
    )
    return Line(settings=(), touches=(touch,))


NOTHING, RELOADED, RESTART = line(Effect.NOTHING), line(Effect.RELOADED), line(Effect.RESTART, "everybody")


@pytest.mark.parametrize(
    ("lines", "seen", "found", "is_failed"),
    [
        ([RELOADED, NOTHING], SEEN, [Verdict.AS_FORETOLD, Verdict.AS_FORETOLD], False),
        ([NOTHING], replace(SEEN, did=()), [Verdict.NOTHING_HERE], False),
        ([RESTART], replace(SEEN, did=()), [Verdict.NOTHING_HERE], False),
        ([RESTART], SEEN, [Verdict.MILDER], False),
        ([RESTART, RELOADED], replace(SEEN, writes=CUT), [Verdict.AS_FORETOLD, Verdict.AS_FORETOLD], False),
        ([RELOADED], replace(SEEN, writes=CUT), [Verdict.WORSE], True),
        ([RELOADED], replace(SEEN, reads=CUT), [Verdict.WORSE], True),
        ([RELOADED], replace(SEEN, writes=replace(QUIET, longest_seconds=5.01)), [Verdict.WORSE], True),
        ([RELOADED], replace(SEEN, writes=replace(QUIET, longest_seconds=5.0)), [Verdict.AS_FORETOLD], False),
        ([RELOADED], replace(SEEN, reads=replace(QUIET, went_on=False)), [Verdict.WORSE], True),
        ([NOTHING], replace(SEEN, did=(), writes=CUT), [Verdict.WORSE], True),
        ([], replace(SEEN, writes=CUT), [], True),
        ([RESTART], replace(SEEN, writes=CUT, lost=1), [Verdict.AS_FORETOLD], True),
    ],
)
def test_what_was_seen_is_judged_by_what_is_foretold(
    lines: list[Line], seen: Rehearsed, found: list[Verdict], is_failed: bool
) -> None:
    assert (verdicts(lines, seen), failed(lines, seen)) == (found, is_failed)


def test_a_rehearsal_comes_back_for_the_same_change_alone(tmp_path: Path) -> None:
    file = kept_in(tmp_path, "dev")
    assert of_change(tmp_path, "dev", BEFORE) is None
    file.parent.mkdir()
    kept = replace(SEEN, change=digest(BEFORE))
    file.write_text(json.dumps(kept.to_json()))
    assert of_change(tmp_path, "dev", BEFORE) == kept
    assert of_change(tmp_path, "dev", replace(BEFORE, before=EMPTY)) is None
    assert of_change(tmp_path, "prod", BEFORE) is None
    for damaged in ("", "[]", "{}", json.dumps(kept.to_json() | {"writes": {}})):
        file.write_text(damaged)
        assert of_change(tmp_path, "dev", BEFORE) is None


def printed(capsys: pytest.CaptureFixture[str], lines: list[Line], seen: Rehearsed) -> str:
    text.show(Page(), lines, seen)
    return capsys.readouterr().out


def test_a_person_reads_what_clients_saw(capsys: pytest.CaptureFixture[str]) -> None:
    seen = replace(SEEN, did=("primary restarted: shared_buffers", "PgBouncer reloaded"), writes=CUT)
    assert printed(capsys, [RESTART], seen) == (
        "\n"
        "Rehearsed  on one machine, 2026-11-30 06:00 UTC; local figures, which say nothing of AWS's\n"
        "  servers  primary restarted: shared_buffers; PgBouncer reloaded\n"
        "  applied  in 6.2 s\n"
        "  writes   900 commits, at most 1.7 s without one, 31 failed\n"
        "           31 x OperationalError: server closed the connection\n"
        "  reads    1,204 reads, at most 0.1 s without one, none failed\n"
        "  lost     0 of 2,304 acknowledged commits\n"
        "  verdict  as foretold\n"
    )


@pytest.mark.parametrize(
    ("lines", "seen", "last"),
    [
        ([RESTART], SEEN, "nobody was cut off here, though it is foretold"),
        ([RESTART], replace(SEEN, did=()), "nothing of it happens on one machine"),
        ([RELOADED], replace(SEEN, writes=CUT), "somebody was cut off, and nothing of it is foretold"),
        ([RESTART], replace(SEEN, writes=CUT, lost=2), "commits were lost"),
        ([line(Effect.DATA_LOST, "everybody")], replace(SEEN, writes=CUT, lost=2), "commits were lost, as is foretold"),
        ([RELOADED], SEEN, "as foretold"),
    ],
)
def test_the_verdict_of_the_whole_is_its_last_line(
    capsys: pytest.CaptureFixture[str], lines: list[Line], seen: Rehearsed, last: str
) -> None:
    assert printed(capsys, lines, seen).splitlines()[-1] == f"  verdict  {last}"
