"""Both READMEs against the program and against each other: commands, settings, folders, figures, names, links."""

from __future__ import annotations

import re

import pytest

from documents.settings import sections
from documents.translated import anchor, translations
from tests.docs import blocks, headings, links, read, table
from tests.recordings import ROOT

ENGLISH, JAPANESE = read("README.md"), read("README.ja.md")
TITLES = {
    "試す": "Try it",
    "得られるもの": "What you get",
    "デプロイ": "Deploy",
    "変更する": "Change it",
    "アプリケーションから使う": "Use it in an application",
    "運用": "Operate",
    "構成": "Layout",
    "測定": "Numbers",
    "限界": "Limits",
}


def layout(text: str) -> list[str]:
    """Paths at the beginning of the lines of the tree."""
    return re.findall(r"^([\w/.]+)  ", blocks(text, "text")[1], re.MULTILINE)


def test_every_folder_of_the_layout_exists_and_none_is_missing() -> None:
    paths = [path.rstrip("/") for path in layout(ENGLISH)]
    assert {path for path in paths if not (ROOT / path).exists()} == set()
    packages = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    assert packages | {"__main__.py", "certs", "docs", "examples"} == set(paths)


def test_every_setting_that_a_common_change_names_is_one() -> None:
    known = {path.removesuffix("[]") for path in sections()}
    known |= {f"{path}.{name}" for path, model in sections().items() for name in model["properties"]}
    known |= {name for model in sections().values() for name in model["properties"]}
    rows = table(ENGLISH, "change", "setting", "mind")
    assert len(rows) == 5
    assert {name for _, named, _ in rows for name in re.findall(r"[\w.]+", named)} - known == set()


def test_it_is_read_in_half_a_minute() -> None:
    assert len(ENGLISH.splitlines()) <= 165
    assert len(JAPANESE.splitlines()) <= 165


# The Japanese README keeps step with the English one


def without_comments(block: str) -> str:
    return re.sub(r" *#.*", "", block)


@pytest.mark.parametrize("language", ["bash", "python"])
def test_both_have_the_same_commands_in_the_same_order(language: str) -> None:
    assert [without_comments(each) for each in blocks(JAPANESE, language)] == [
        without_comments(each) for each in blocks(ENGLISH, language)
    ]


def test_both_have_the_same_outline_tree_and_output_of_verify() -> None:
    assert [TITLES[heading] for heading in headings(JAPANESE, 2)] == headings(ENGLISH, 2)
    assert layout(JAPANESE) == layout(ENGLISH)
    assert blocks(JAPANESE, "text")[0] == blocks(ENGLISH, "text")[0]


def test_the_tables_of_commands_and_of_changes_have_the_same_rows() -> None:
    assert [row[0] for row in table(JAPANESE, "コマンド", "すること")] == [
        row[0] for row in table(ENGLISH, "command", "what it does")
    ]
    assert [row[1] for row in table(JAPANESE, "変更", "設定", "注意")] == [
        row[1] for row in table(ENGLISH, "change", "setting", "mind")
    ]


def test_both_lead_to_the_same_places() -> None:
    anchors = {anchor(each.heading): each.of for each in translations(read("docs/runbook.ja.md"))}

    def original(link: str) -> str:
        path, sign, section = link.partition("#")
        return f"docs/runbook.md{sign}{anchors[section] if sign else ''}" if path == "docs/runbook.ja.md" else link

    assert set(map(original, links(JAPANESE))) - {"README.md"} == set(links(ENGLISH)) - {"README.ja.md"}


def numbers(text: str) -> set[str]:
    # The generated part is of results.json, as the English one is.
    prose = re.sub(r"```.*?```|<!-- generated.*?<!-- end -->|\]\([^)]*\)|`[^`]*`", "", text, flags=re.DOTALL)
    return set(re.findall(r"\d+(?:[.,]\d+)*", prose))


def test_every_figure_of_the_japanese_text_is_one_of_the_english() -> None:
    counted = {"1", "2", "3"}  # Japanese counts "one machine", "three steps" in figures
    assert numbers(JAPANESE) - numbers(ENGLISH) - counted == set()


def test_every_name_in_code_marks_is_one_of_the_english() -> None:
    def marked(text: str) -> set[str]:
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        return {" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)}

    assert marked(JAPANESE) == marked(ENGLISH)


def test_each_links_to_the_other() -> None:
    assert "README.md" in links(JAPANESE)
    assert "README.ja.md" in links(ENGLISH)
