"""Tables of a page: as wide as their cells, and what gives way where the page is narrower than that."""

from __future__ import annotations

import pytest

from preview.page import LEAST_COLUMNS, PIPE_COLUMNS, Page
from preview.text import show
from tests.preview.test_preview import report
from tests.recordings import STACKS


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    """On a terminal of 80 columns without colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes the capture for a terminal
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "80")
    return Page()


def drawn(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.removesuffix("\n").split("\n")


def test_a_table_that_fits_has_its_cells_on_one_line_each(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    page.table([("primary", "db.t3.medium", "2"), ("replica-1", "db.t3.large", "")], ("role", "class", "vCPUs"))
    assert drawn(capsys) == [
        "  role       class         vCPUs",
        "  primary    db.t3.medium  2",
        "  replica-1  db.t3.large",
    ]


def test_the_cell_that_makes_the_fewest_lines_gives_way(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    page.table([("storage", "100 GiB of gp3, which grow by themselves", "hosts and their functions reach it"),
                ("backups", "daily", "for 30 days"), ("windows", "weekly, in the night", "Japan")])  # fmt: skip
    assert drawn(capsys) == [
        "  storage  100 GiB of gp3, which grow by      hosts and their functions reach it",
        "           themselves",
        "  backups  daily                              for 30 days",
        "  windows  weekly, in the night               Japan",
    ]


def test_labels_and_short_columns_stay_whole_and_heads_break_first(
    page: Page, capsys: pytest.CaptureFixture[str]
) -> None:
    page.table(
        [("waits for a reboot", "2,000 IOPS, 43 MB/s", "as before", "x" * 20)], ("", "", "each of the thousand", "")
    )
    assert drawn(capsys) == [
        "                                           each of the",
        "                                           thousand",
        "  waits for a reboot  2,000 IOPS, 43 MB/s  as before        xxxxxxxxxxxxxxxxxxxx",
    ]


def test_rows_whose_words_do_not_stand_side_by_side_are_lists(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    page.table([("primary", "a" * 40, "", "b" * 40)], ("role", "identifier", "zone", "purpose"))
    assert drawn(capsys) == [f"  primary  identifier {'a' * 40}; purpose", f"           {'b' * 40}"]


def test_without_heads_words_break_rather_than_the_page(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    page.table([("~", "a" * 60, "b" * 60)])
    told = drawn(capsys)
    assert max(map(len, told)) <= LEAST_COLUMNS
    assert ["".join(told).count(letter) for letter in "ab"] == [60, 60]


def test_what_is_to_be_copied_is_whole(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    page.table([("export", "x" * 100)], whole=True)
    assert drawn(capsys) == [f"  export  {'x' * 100}"]


def test_a_long_heading_goes_on_below(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    page.heading("Connections", "a process has a pool of 20 + 30 to the primary, of 15 + 25 to each replica")
    assert drawn(capsys) == [
        "",
        "Connections  a process has a pool of 20 + 30 to the primary, of 15 + 25 to each",
        "  replica",
    ]


@pytest.mark.parametrize("columns", [80, 100, 140])
@pytest.mark.parametrize("stack", STACKS)
def test_no_line_is_wider_than_the_terminal(
    stack: str, columns: int, page: Page, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PIPE_COLUMNS == 140
    monkeypatch.setenv("COLUMNS", str(columns))
    show(report(stack), everything=False)
    told = drawn(capsys)
    assert len(told) > 100
    assert [line for line in told if len(line) > columns] == []
