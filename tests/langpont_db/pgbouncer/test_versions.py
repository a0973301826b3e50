"""Versions of PgBouncer: which are refused, and what is said of the one that runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from langpont_db.pgbouncer import versions
from local.servers import pgbouncer as local_pgbouncer
from local.servers.errors import DataPlaneError
from tests.langpont_db.pgbouncer.conftest import UNCHANGED, Answer, Machine
from tests.langpont_db.pgbouncer.test_install import install

DOCUMENT = Path(__file__).parents[3] / "docs" / "pgbouncer-host.md"
WAY_OUT = "Install 1.26.1, which is recommended; 1.18 and 1.24.1 work too."
OF_1_18 = (
    "PgBouncer 1.18.0 lacks the repairs of CVE-2026-107350 (one role's password logs in as any other), CVE-2026-19888 "
    "(a crash before login), CVE-2026-6668 (a hang before login), CVE-2026-6664 (a crash before login); 1.26.1 has "
    "them. A distribution may have patched its own package: apt-get changelog pgbouncer"
)


def test_a_version_with_a_known_fault_is_refused_with_it() -> None:
    refused = {
        text: sentence
        for minor in range(17, 28)
        for patch in range(3)
        if (sentence := versions.refusal(tuple(map(int, (text := f"1.{minor}.{patch}").split(".")))))
    }
    locks_out = "one wrong password as a role's first after a start or a changed list locks that role out"
    old = "too old: the published configuration is for 1.18 and newer"
    assert refused == {
        "1.17.0": f"PgBouncer 1.17.0 is {old}. {WAY_OUT}",
        "1.17.1": f"PgBouncer 1.17.1 is {old}. {WAY_OUT}",
        "1.17.2": f"PgBouncer 1.17.2 is {old}. {WAY_OUT}",
        "1.20.0": "PgBouncer 1.20.0 is refused: it refuses clients with unknown startup options, although "
        f"ignore_startup_parameters has options. {WAY_OUT}",
        "1.23.0": f"PgBouncer 1.23.0 is refused: it may crash after a reload. {WAY_OUT}",
        "1.25.1": f"PgBouncer 1.25.1 is refused: {locks_out}. {WAY_OUT}",
        "1.25.2": f"PgBouncer 1.25.2 is refused: {locks_out}. {WAY_OUT}",
        "1.26.0": "PgBouncer 1.26.0 is refused: who knows one role's password logs in as any other, which 1.26.1 "
        f"repairs (CVE-2026-107350). {WAY_OUT}",
    }


@pytest.mark.parametrize("text", re.findall(r"1\.\d+(?:\.\d+)?", WAY_OUT))
def test_the_way_out_of_a_refused_version_is_none_that_is_refused(text: str) -> None:
    parts = tuple(map(int, text.split(".")))
    assert versions.refusal((*parts, 0)[:3]) is None


def test_the_platform_of_one_machine_refuses_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pgbouncer"
    program.write_text("#!/bin/sh\necho PgBouncer 1.25.2\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(DataPlaneError) as refusal:
        local_pgbouncer.find_binary()
    assert str(refusal.value) == versions.refusal((1, 25, 2))


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ((1, 18, 0), OF_1_18),
        ((1, 24, 1), OF_1_18.replace("1.18.0", "1.24.1")),
        (
            (1, 25, 2),
            "PgBouncer 1.25.2 lacks the repairs of CVE-2026-107350 (one role's password logs in as any other), "
            "CVE-2026-19888 (a crash before login), CVE-2026-6668 (a hang before login); 1.26.1 has them. A "
            "distribution may have patched its own package: apt-get changelog pgbouncer",
        ),
        ((1, 26, 1), "PgBouncer 1.26.1 has no open security report that reaches this set-up"),
        ((1, 27, 0), "PgBouncer 1.27.0 is newer than 1.26.1, up to which security reports are known here"),
    ],
)
def test_one_line_names_what_a_version_lacks(version: tuple[int, ...], said: str) -> None:
    assert versions.summary(version) == said


def test_a_deploy_says_which_version_runs_and_the_timer_only_when_something_changed(machine: Machine) -> None:
    machine.up()
    with machine.console() as console:
        said = f"pgbouncer: {versions.summary(console.version())}"
    answer = install(machine)
    assert (answer, answer.version) == (Answer(0, [UNCHANGED], []), said)
    answer = machine.sync()
    assert (answer, answer.version) == (Answer(0, [UNCHANGED], []), None)
    machine.publish(machine.ini_with(default_pool_size=26))
    assert machine.sync().version == said


def rows(heading: str) -> list[list[str]]:
    """A table of the host's document, by the first cell of its heading."""
    _, _, after = DOCUMENT.read_text(encoding="utf-8").partition(f"\n| {heading} |")
    lines = after.splitlines()[2:]
    table = lines[: next(number for number, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_the_document_lists_what_is_refused_and_every_report() -> None:
    assert rows("version") == [[versions.number(version), why] for version, why in versions.REFUSED.items()]
    assert rows("report") == [
        [
            each.cve,
            f"{versions.number(each.first) if each.first else 'the first'} until {versions.number(each.fixed)}",
            each.exposed.value,
            each.effect,
        ]
        for each in versions.REPORTS
    ]
