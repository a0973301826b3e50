"""`--html`: one page that stands alone, with every instance, alarm and change in it, and nothing that is secret."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from blueprint.platform import Platform
from preview.__main__ import app
from preview.against import Against
from preview.difference import EMPTY, compare
from preview.document import document
from preview.effects.lines import lines
from preview.html.file import NotWritten, check, write
from preview.html.page import page, runbook_from
from preview.report import Report, settings
from preview.standing import of_document
from preview.text import effects, show_changes
from preview.versions import Version
from recording.answers import Answers
from recording.plan import plan
from tests.contracts.test_secrecy import generated
from tests.preview.test_preview import machine, report
from tests.preview.test_rehearsed import SEEN
from tests.recordings import REGION, ROOT, STACKS, changed, frozen, record_with, recording, secrets, strings

CHANGE: Mapping[str, Any] = {
    "database": {"instanceClass": "db.m6i.large", "allocatedStorageGib": 200, "parameters": {"max_connections": 400}}
}
VERDICTS = ("nobody was cut off here", "as foretold")
VERSION = Version(asked="main", folder=ROOT, commit="0123456789abcdef")


def against(stack: str, changes: Mapping[str, Any], *, new: bool = False) -> Against:
    """The stack with these settings, compared with the one without them, or with nothing."""
    file, before = changed(frozen(stack), changes), frozen(stack)
    made = Report(
        platform=Platform(settings(file)),
        first=record_with(stack, changes, preview=True),
        update=record_with(stack, changes),
    )
    old = EMPTY if new else {**machine(stack), "settings": before.shown()}
    comparison = compare(old, document(made) | {"settings": file.shown()})
    if new:
        return Against(report=made, version=VERSION, comparison=comparison, lines=(), sealed={})
    standing, answers = of_document(old), Answers(REGION)
    whole = plan(file, standing, answers)
    told = lines(
        file, standing, whole, before=old["settings"], settings=comparison.sections["settings"], answers=answers
    )
    return Against(report=made, version=VERSION, comparison=comparison, lines=tuple(told), sealed=whole.sealed)


@cache
def alone(stack: str) -> str:
    return page(report(stack), None, runbook="docs/runbook.md")


@cache
def compared() -> tuple[Against, str]:
    differing = against("prod", CHANGE)
    return differing, page(differing.report, differing, runbook=None)


def parsed(text: str) -> ElementTree.Element:
    """As XML, which is stricter than what browsers read."""
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    return ElementTree.fromstring(text)


def words(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def part(text: str, id_: str) -> ElementTree.Element:
    (found,) = (each for each in parsed(text).iter("section") if each.get("id") == id_)
    return found


def rows(element: ElementTree.Element) -> list[list[str]]:
    return [[words(cell) for cell in row] for body in element.iter("tbody") for row in body]


# What is in it


@pytest.mark.parametrize("stack", STACKS)
def test_every_alarm_is_there_with_its_meaning_and_its_section_of_the_runbook(stack: str) -> None:
    alarms = part(alone(stack), "alarms")
    roles = [instance.role for instance in report(stack).platform.instances]
    told = {
        (name, on, watches)
        for name, watches, _, _, everywhere in rows(alarms)
        for on in (roles if everywhere == "all instances" else everywhere.split(", "))
    }
    assert told == {(each.key, each.instance, each.watches) for each in report(stack).platform.alarms}
    links = {link.get("href") for link in alarms.iter("a")}
    assert links == {f"docs/runbook.md#{each.key}" for each in report(stack).platform.alarms}
    runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    assert [key for key in sorted({name for name, *_ in told}) if f"# {key}\n" not in runbook] == []


def test_it_says_who_hears_of_alarms() -> None:
    assert words(part(alone("prod"), "alarms")).count("Heard by: database-alerts@langpont.example") == 2


@pytest.mark.parametrize("stack", STACKS)
def test_every_instance_is_drawn_and_has_its_bars_and_its_row(stack: str) -> None:
    roles = [instance.role for instance in report(stack).platform.instances]
    drawn = [words(text) for text in part(alone(stack), "topology").iter("text")]
    assert [role for role in roles if drawn.count(role) != 1] == []
    assert ("standby" in drawn) is report(stack).platform.settings.database.multi_az
    for id_ in ("topology", "connections", "memory"):
        assert [row[0] for row in rows(part(alone(stack), id_))] == roles


def test_the_primary_and_its_standby_are_drawn_where_the_database_has_a_subnet() -> None:
    elsewhere = {
        "vpcId": "vpc-0123456789abcdef0",
        "publicSubnets": {"ap-northeast-1a": "subnet-0aaaaaaaaaaaaaaa1"},
        "applicationSubnets": {"ap-northeast-1a": "subnet-0aaaaaaaaaaaaaaa2"},
        "databaseSubnets": {
            "ap-northeast-1c": "subnet-0aaaaaaaaaaaaaaa3", "ap-northeast-1d": "subnet-0aaaaaaaaaaaaaaa4",
        },
    }  # fmt: skip
    made = against("prod", {"network": {"vpc": None, "existingVpc": elsewhere}})
    boxes = list(part(page(made.report, None, runbook=None), "topology").iter("rect"))

    def spans(class_: str) -> list[tuple[float, float]]:
        found = ((float(it.get("x", "")), float(it.get("width", ""))) for it in boxes if it.get("class") == class_)
        return [(x, x + width) for x, width in found]

    for (left, right), class_ in zip(spans("tier database"), ("node primary", "node standby"), strict=True):
        ((begin, end),) = spans(class_)
        assert left < begin < end < right, class_


def test_bars_are_as_long_as_what_they_stand_for() -> None:
    bars = [each for each in part(alone("prod"), "connections").iter("rect") if "part" in each.get("class", "")]
    widths = [float(each.get("width", "")) for each in bars[:5]]
    scale = sum(widths) / 300
    assert [round(width / scale) for width in widths] == [64, 10, 7, 3, 216]
    assert rows(part(alone("prod"), "connections"))[0] == ["primary", "64", "10", "7", "3", "216", "300"]
    assert rows(part(alone("prod"), "memory"))[0] == [
        "primary", "911.4 MiB", "1.2 GiB", "768 MiB", "782.1 MiB", "450.6 MiB", "4 GiB",
    ]  # fmt: skip


def test_what_does_not_fit_is_said_in_words() -> None:
    small = {"number": 1, "purpose": "reads", "instanceClass": "db.t3.medium", "zone": "ap-northeast-1c"}
    changes = {
        "database": {"parameters": {"work_mem": "100MB"}},
        "replicas": [{**small, "parameters": {"max_connections": 60}}],
    }
    text = page(against("prod", changes).report, None, runbook=None)
    assert "84 of 60 wanted at most, -24 free: does not fit" in words(part(text, "connections"))
    assert words(part(text, "memory")).count("does not fit") == 4  # of two instances, in the drawing and its words
    assert rows(part(text, "connections"))[1] == ["replica-1", "64", "10", "7", "3", "0", "60"]
    assert {row[-1] for row in rows(part(text, "memory"))} == {"4 GiB"}


@pytest.mark.parametrize("stack", STACKS)
def test_every_parameter_is_there_with_value_unit_default_and_reason(stack: str) -> None:
    told = rows(part(alone(stack), "parameters"))
    assert [row[0] for row in told] == [
        parameter.name
        for instance in report(stack).platform.instances
        for parameter in report(stack).parameters(instance)
    ]
    assert [row[0] for row in told if not all((row[1], row[3], row[4], row[5]))] == []
    by_name = {row[0]: row[1:] for row in told}
    assert by_name["work_mem"][1:] == ["kB", "4 MiB", "at once", f"asked for by the stack file: {asked(stack)}"]
    assert by_name["checkpoint_timeout"] == ["10 min", "s", "5 min", "at once", "document"]


def asked(stack: str) -> str:
    return next(each.asked for each in report(stack).platform.primary.parameters if each.name == "work_mem")


def test_cost_has_each_item_the_sum_what_is_unknown_and_the_budget() -> None:
    cost = part(alone("prod"), "cost")
    told = {row[0]: row[1:] for row in rows(cost)}
    assert told["NAT gateway"] == ["3", "45.26", "135.78"]
    assert told["composite alarm"][1:] == ["unknown", "unknown"]
    assert told["all that has a price"][2] == f"{report('prod').cost.usd:,.2f}"
    assert told["of that RDS, which the budget counts"][2] == f"{report('prod').cost.database:,.2f}"
    assert told["budget for RDS"][2] == "600.00"
    assert " x composite alarm." in words(cost)


def test_one_of_a_kind_is_told_in_the_singular_and_what_is_off_as_off() -> None:
    alone_ = {"application": {"hosts": 1, "processesPerHost": 1}, "backups": {"retentionDays": 0}, "replicas": []}
    text = page(against("dev", alone_).report, None, runbook=None)
    assert words(part(text, "connections")).startswith("Connections 1 host with 1 process: up to ")
    assert "1 application host with a PgBouncer sends writes to the primary, " in words(part(text, "topology"))
    told = [words(each) for each in part(text, "overview").iter("div")]
    assert "restorable to no time automated backups are off; AWS Backup has one a day" in told


def test_every_change_is_there_with_its_effect_its_cost_and_who_is_cut_off() -> None:
    differing, text = compared()
    changes = part(text, "changes")
    boxes = [each for each in changes.iter("div") if each.get("class") == "change"]
    assert [words(box.find("h3") or box) for box in boxes] == [
        effects.title(line).replace("  ", " ").replace("->", "\u2192") for line in differing.lines
    ]
    for box, line in zip(boxes, differing.lines, strict=True):
        assert [(row[0], row[3]) for row in rows(box)] == [
            (each.effect.value, each.cut_off or "nobody") for each in effects.alike(line)
        ]
    assert ["Cost: +55.20 USD a month" in words(box) for box in boxes] == [True, False, False]
    tiles = [words(each) for each in changes.iter("dd")]
    assert tiles == [
        "irreversible", "wanted somebody is cut off", "+252.30 USD a month", "3 settings 0 new, 0 removed, 12 changed",
    ]  # fmt: skip


def test_what_is_refused_stands_on_top_with_the_way_out() -> None:
    differing = against("prod", {"database": {"allocatedStorageGib": 105}})
    text = page(differing.report, differing, runbook=None)
    (problem,) = differing.refused
    assert str(problem) in words(part(text, "changes"))


def test_of_a_stack_that_is_new_everything_is_new() -> None:
    differing = against("dev", {}, new=True)
    text = page(differing.report, differing, runbook=None)
    assert words(part(text, "changes")).startswith(
        "What this change does main (0123456789ab) has no such stack: everything is new"
    )


def test_what_is_encrypted_on_the_other_side_is_said_not_to_be_compared(capsys: pytest.CaptureFixture[str]) -> None:
    key = ("aws:secretsmanager/secretVersion:SecretVersion", "langpont-dev-secret-values-langpont_app")
    differing = replace(against("dev", {}), sealed={key: ("secretString",)})
    told = words(part(page(differing.report, differing, runbook=None), "changes"))
    assert "Not compared, since it is encrypted there secret-values-langpont_app: secretString" in told
    show_changes(differing)
    assert (
        "\nNot compared  secrets, of which that version's preview does not say whether they differ\n"
        "  secret-values-langpont_app  secretString\n"
    ) in capsys.readouterr().out


def test_where_nothing_differs_that_is_said() -> None:
    differing = against("dev", {})
    assert "Nothing differs." in words(part(page(differing.report, differing, runbook=None), "changes"))


# That it stands alone, and harms nobody


def pages() -> Iterator[str]:
    yield from map(alone, STACKS)
    yield compared()[1]


def test_it_loads_nothing_and_runs_nothing() -> None:
    for text in pages():
        root = parsed(text)
        assert {each.tag for each in root.iter()} & {
            "script",
            "link",
            "img",
            "iframe",
            "object",
            "base",
            "form",
        } == set()
        attributes = [(key, value) for each in root.iter() for key, value in each.attrib.items()]
        assert [key for key, _ in attributes if key.startswith("on") or key in ("src", "srcset", "style")] == []
        assert [value for key, value in attributes if key == "href" and re.match(r"[a-z]+:|//|/", value)] == []
        assert re.findall(r"https?:|url\(|@import|javascript:", text) == []
        (policy,) = (each for each in root.iter("meta") if each.get("http-equiv"))
        assert policy.get("content") == "default-src 'none'; style-src 'unsafe-inline'"


def test_no_secret_is_in_it() -> None:
    held = generated(recording("prod")) | {
        inner
        for registration in recording("prod").registrations.values()
        for _, value in secrets(registration.inputs)
        for _, inner in strings(value)
    }
    assert len(held) > 10
    assert [secret for secret in held if secret in alone("prod") or secret in compared()[1]] == []


def test_the_address_of_a_webhook_is_not_in_it_and_its_name_is() -> None:
    address = "https://hooks.langpont.example/T0/B0/verysecret"
    made = against("prod", {"webhooks": {"critical": {"pager": address}}})
    text = page(made.report, made, runbook=None)
    assert "webhook pager" in words(part(text, "alarms"))
    assert "verysecret" not in text


def test_what_a_user_wrote_is_escaped() -> None:
    hostile = '<script>alert(1)</script> & "co" \u202e'
    made = against("dev", {"monitoring": {"alertEmails": ["o'neil&co@langpont.example"]}})
    (line, *_) = made.lines
    lines_ = (replace(line, settings=(("tags.Team", hostile, "<b>"),)),)
    differing = replace(made, lines=lines_, version=replace(VERSION, asked="<i>main</i>", commit=None))
    text = page(differing.report, differing, runbook="docs/<u>.md")
    assert "o'neil&co@langpont.example" in words(part(text, "alarms"))
    assert "<i>main</i>" in words(parsed(text))
    told = words(part(text, "changes"))
    assert "tags.Team <script>alert(1)</script> & " in told
    assert "<script" not in text
    assert "\u202e" not in text and "\\u202e" in told


# That everybody can read it


def test_every_drawing_has_a_title_and_a_description_and_every_table_heads() -> None:
    for text in pages():
        root = parsed(text)
        ids = [each.get("id") for each in root.iter() if each.get("id")]
        assert len(ids) == len(set(ids))
        drawings = list(root.iter("svg"))
        assert len(drawings) == 3
        for drawing in drawings:
            named = (drawing.get("aria-labelledby") or "").split()
            assert [words(each) for each in drawing if each.get("id") in named] != [""]
            assert [each.tag for each in drawing][:2] == ["title", "desc"]
            assert all(words(each) for each in list(drawing)[:2])
        for each in root.iter("table"):
            assert words(each.find("caption") or each)
            assert {head.get("scope") for head in each.iter("th")} == {"col", "row"}
            widths = {len(list(row)) for row in each.iter("tr")}
            assert len(widths) == 1
        links = [each.get("href", "")[1:] for each in root.iter("a") if each.get("href", "").startswith("#")]
        assert set(links) <= set(ids) and len(links) >= 8


def luminance(colour: str) -> float:
    """WCAG 2's relative luminance of `#rrggbb`."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(dark: bool) -> None:
    style = (ROOT / "preview" / "html" / "style.css").read_text(encoding="utf-8")
    light, _, night = style.partition("@media screen and (prefers-color-scheme: dark)")
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light))
    if dark:
        colours |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", night))
    grounds = ("page", "panel", "tier-public", "tier-application", "tier-database")
    pairs = [(ink, ground) for ink in ("ink", "dim") for ground in grounds]
    pairs += [(ink, ground) for ink in ("accent", "warn", "bad", "good") for ground in ("page", "panel")]
    told = {f"{ink} on {ground}": contrast(colours[ink], colours[ground]) for ink, ground in pairs}
    told |= {
        f"white on {node}": contrast("#ffffff", colours[node]) for node in ("primary", "standby", "replica", "host")
    }
    assert {name: round(found, 2) for name, found in told.items() if found < 4.5} == {}


# The file


def test_a_page_is_written_with_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    file = tmp_path / "change.html"
    before = os.umask(0o027)
    try:
        write(file, "one")
        write(file, "two \u2192")
    finally:
        os.umask(before)
    assert (file.read_text(encoding="utf-8"), stat.S_IMODE(file.stat().st_mode)) == ("two \u2192", 0o640)
    assert [each.name for each in tmp_path.iterdir()] == ["change.html"]


def test_a_link_stays_one_and_leads_to_the_page(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "page.html"
    link.symlink_to(tmp_path / "there" / "page.html")
    write(link, "one")
    assert link.is_symlink()
    assert (tmp_path / "there" / "page.html").read_text() == "one"


def test_what_fails_half_way_leaves_the_page_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "change.html"
    write(file, "one")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(NotWritten) as refused:
        write(file, "two")
    assert (
        str(refused.value) == f"--html {file} cannot be written: No space left on device. Make room, or name another."
    )
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("change.html", "one")]


def test_where_no_page_can_be_written_it_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere" / "page.html"
    for target, sentence in (
        (tmp_path, f"--html {tmp_path} is there and no file. Name another."),
        (missing, f"--html {missing}: there is no folder {missing.parent}. Make it, or name another."),
        (Path("/dev/null"), "--html /dev/null is there and no file. Name another."),
        (Path("/proc/page.html"), "--html /proc/page.html cannot be written: No such file or directory. "
         "Make room, or name another."),
    ):  # fmt: skip
        with pytest.raises(NotWritten) as refused:
            write(target, "")
        assert str(refused.value) == sentence
    done = CliRunner().invoke(app, ["nope", "--html", str(missing)])  # the stack is not looked for
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"--html {missing}: there is no folder {missing.parent}. Make it, or name another.\n"
    check(tmp_path / "page.html")


def test_the_command_writes_the_page_and_says_where(tmp_path: Path) -> None:
    file = tmp_path / "dev.html"
    done = subprocess.run(
        [sys.executable, "-m", "preview", "dev", "--project", str(ROOT), "--html", str(file)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, f"Written: {file}\n", "")
    assert words(part(file.read_text(encoding="utf-8"), "alarms")).count("Each has a section of its name in") == 1


def test_a_link_leads_to_the_runbook_from_inside_the_project_alone(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    assert runbook_from(tmp_path / "page.html", tmp_path) == "docs/runbook.md"
    assert runbook_from(tmp_path / "pages" / "page.html", tmp_path) == "../docs/runbook.md"
    assert runbook_from(tmp_path.parent / "page.html", tmp_path) is None


def test_a_rehearsal_of_the_change_stands_below_each_setting() -> None:
    differing = compared()[0]
    assert "Rehearsed on one machine" not in compared()[1]
    told = page(differing.report, replace(differing, rehearsed=SEEN), runbook=None)
    found = [words(each) for each in part(told, "changes").iter("p") if words(each).startswith("Rehearsed ")]
    cut, none = (f"Rehearsed on one machine: {verdict}; at most 0.1 s without a commit." for verdict in VERDICTS)
    assert found == [cut if line.needs_window else none for line in differing.lines]
    assert len(set(found)) == 2
