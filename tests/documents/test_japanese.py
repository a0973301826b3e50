"""README.ja.md keeps step with README.md: commands, figures, names, structure, and links to each other."""

from __future__ import annotations

import re

import pytest

from tests.docs import blocks, headings, links, read, table
from tests.recordings import DEPLOYABLE

ENGLISH, JAPANESE = read("README.md"), read("README.ja.md")
COSTS = ("what costs money", "料金がかかるもの")
TITLES = {
    "試す": "Try it",
    "1 台のマシンで": "On one machine",
    "デプロイ": "Deploy",
    "アプリケーションから使う": "Use it in an application",
    "運用": "Operate",
    "設定": "Configure",
    "ポリシー": "Policy",
    "出力": "Outputs",
    "構成": "Layout",
    "検査": "Check",
    "限界": "Limits",
}


def without_comments(block: str) -> str:
    return re.sub(r" *#.*", "", block)


@pytest.mark.parametrize("language", ["bash", "python", "yaml"])
def test_both_have_the_same_commands_in_the_same_order(language: str) -> None:
    assert [without_comments(each) for each in blocks(JAPANESE, language)] == [
        without_comments(each) for each in blocks(ENGLISH, language)
    ]


def test_both_have_the_same_structure() -> None:
    english = [heading for heading in headings(ENGLISH, 2) if not heading.startswith("Measure")]
    assert [TITLES.get(heading, heading) for heading in headings(JAPANESE, 2) if heading != "測定"] == english


def test_the_table_of_stacks_has_the_same_figures() -> None:
    both = zip((ENGLISH, JAPANESE), COSTS, strict=True)
    english, japanese = (table(text, header, *DEPLOYABLE) for text, header in both)
    assert [row[1:] for row in japanese] == [row[1:] for row in english]


def test_the_tables_of_commands_and_of_places_have_the_same_rows() -> None:
    assert [row[0] for row in table(JAPANESE, "コマンド", "すること")] == [
        row[0] for row in table(ENGLISH, "command", "what it does")
    ]
    assert {row[0] for row in table(JAPANESE, "パス", "内容")} <= {
        row[0] for row in table(ENGLISH, "path", "what is there")
    }
    assert len(table(JAPANESE, "", "場所")) == len(table(ENGLISH, "", "where it is"))


def numbers(text: str) -> set[str]:
    # The generated part is of results.json, as the English one is.
    prose = re.sub(r"```.*?```|<!-- generated.*?<!-- end -->|\]\([^)]*\)|`[^`]*`", "", text, flags=re.DOTALL)
    return set(re.findall(r"\d+(?:[.,]\d+)*", prose))


def test_every_figure_of_the_japanese_text_is_one_of_the_english() -> None:
    counted = {"1", "2", "3"}  # Japanese counts "one machine", "three stacks" in figures
    assert numbers(JAPANESE) - numbers(ENGLISH) - counted == set()


def test_every_name_in_code_marks_is_one_of_the_english() -> None:
    def marked(text: str) -> set[str]:
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        return {" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)}

    strangers = {code for code in marked(JAPANESE) if code not in marked(ENGLISH) and code not in ENGLISH}
    assert strangers == {"make docs"} - {code for code in ("make docs",) if code in ENGLISH}


def test_each_links_to_the_other() -> None:
    assert "README.md" in links(JAPANESE)
    assert "README.ja.md" in links(ENGLISH)
