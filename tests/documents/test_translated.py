"""The Japanese runbook: every section of the English one, its commands, and nothing that has changed since."""

from __future__ import annotations

import re

import pytest

from documents.translated import ORIGINAL, Section, Translation, anchor, filled, sections, translations
from tests.docs import anchors, headings, read

TRANSLATION = "docs/runbook.ja.md"
ENGLISH, JAPANESE = read(ORIGINAL), read(TRANSLATION)
ORIGINALS = sections(ENGLISH)
TRANSLATED = {each.of: each for each in translations(JAPANESE)}
EACH = pytest.mark.parametrize("section", ORIGINALS)

# Prose in backticks is not translated: commands, settings, names.
DOCUMENT = """# Guide

Before `all`.

## one-key

Do `this`,
then:

1. First:

   ```bash
   # not a heading
   echo one
   ```

```sql
SELECT 1;
```
"""
TRANSLATION_OF_IT = """# 案内
<!-- translated: guide 0 -->

## one-key
<!-- translated: one-key 1 -->

1. まず：

   <!-- command: 1 -->
   <!-- end -->

<!-- command: 2 -->
old
<!-- end -->
"""


def code(prose: str) -> set[str]:
    return {" ".join(found.split()) for found in re.findall(r"`([^`]+)`", prose)}


def test_every_section_is_translated_in_the_same_order() -> None:
    assert list(TRANSLATED) == list(ORIGINALS)


def test_an_alarms_section_has_its_key_for_a_heading_too() -> None:
    """The end of the link in its message leads there."""
    assert headings(JAPANESE, 2) == headings(ENGLISH, 2)
    assert set(headings(ENGLISH, 2)) <= anchors(JAPANESE)


@EACH
def test_a_section_has_changed_no_more_since_it_was_translated(section: str) -> None:
    original = ORIGINALS[section]
    assert TRANSLATED[section].hash == original.hash, (
        f"{ORIGINAL}#{section} says something else since it was translated: look at the section "
        f"{TRANSLATED[section].heading} in {TRANSLATION}, and write {original.hash} below its heading"
    )


@EACH
def test_a_section_has_every_command_in_its_order(section: str) -> None:
    assert list(TRANSLATED[section].commands) == [number + 1 for number in range(len(ORIGINALS[section].blocks))], (
        f"{TRANSLATION}, {TRANSLATED[section].heading}: <!-- command: N --> and <!-- end --> for each code block of "
        f"{ORIGINAL}#{section}, then make docs"
    )


@EACH
def test_a_section_names_the_same_commands_and_settings_in_its_sentences(section: str) -> None:
    assert code(TRANSLATED[section].prose) == code(ORIGINALS[section].prose)


def test_no_command_is_written_by_hand() -> None:
    assert [each.heading for each in TRANSLATED.values() if "```" in each.prose] == []


def test_it_is_as_make_docs_would_write_it() -> None:
    assert filled(JAPANESE, ENGLISH) == JAPANESE, "run make docs"


def test_sections_are_read_with_their_blocks_whatever_their_indentation() -> None:
    assert sections(DOCUMENT) == {
        "guide": Section(heading="Guide", prose="\n\nBefore `all`.\n\n", blocks=()),
        "one-key": Section(
            heading="one-key",
            prose="\n\nDo `this`,\nthen:\n\n1. First:\n\n\n\n\n",
            blocks=("```bash\n# not a heading\necho one\n```", "```sql\nSELECT 1;\n```"),
        ),
    }


def test_line_breaks_and_commands_do_not_change_a_hash_and_words_do() -> None:
    def hash_of(document: str) -> str:
        return sections(document)["one-key"].hash

    assert hash_of(DOCUMENT.replace("`this`,\nthen", "`this`, then").replace("echo one", "echo two")) == hash_of(
        DOCUMENT
    )
    assert hash_of(DOCUMENT.replace("First", "Second")) != hash_of(DOCUMENT)


def test_commands_are_filled_in_where_they_are_marked_and_filling_twice_is_filling_once() -> None:
    once = filled(TRANSLATION_OF_IT, DOCUMENT)
    assert once.partition("1. まず：\n\n")[2] == (
        "   <!-- command: 1 -->\n\n   ```bash\n   # not a heading\n   echo one\n   ```\n\n   <!-- end -->\n\n"
        "<!-- command: 2 -->\n\n```sql\nSELECT 1;\n```\n\n<!-- end -->\n"
    )
    assert filled(once, DOCUMENT) == once
    assert translations(once)[1] == Translation(
        heading="one-key", of="one-key", hash="1", prose="\n<!-- translated: one-key 1 -->\n\n1. まず：\n\n\n\n\n",
        commands=(1, 2),
    )  # fmt: skip


def test_a_command_that_the_section_does_not_have_is_told() -> None:
    with pytest.raises(LookupError, match="^one-key has 2 code blocks, and number 3 is asked for$"):
        filled(TRANSLATION_OF_IT.replace("command: 2", "command: 3"), DOCUMENT)


def test_a_heading_without_its_mark_is_told() -> None:
    with pytest.raises(LookupError, match="^new: no <!-- translated: SECTION HASH --> below the heading$"):
        translations("## new\n\ntext\n")


def test_anchors_are_those_of_the_links() -> None:
    assert {anchor(each) for each in headings(ENGLISH, 3)} <= anchors(ENGLISH)
