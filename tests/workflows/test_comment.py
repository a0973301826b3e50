"""The comment on a pull request, from archives that its own code made: also from such as want to do harm."""

from __future__ import annotations

import json
import re
import stat
import tracemalloc
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from preview.comment import MARKER, MOST_COMMENT_CHARACTERS, MOST_FILE_BYTES, Unusable, comment, main, read
from tests.workflows import TEXTS
from tests.workflows.archives import archive, preview

COMMIT, RUN = "0123456789abcdef", "https://github.com/langpont/database/actions/runs/5"
TOP = (
    "<!-- preview of every stack -->\n"
    "### Offline preview of 0123456789ab\n"
    "\n"
    "An offline preview: it compares what the program registers, asks no account and never sees the value of a secret. "
    "Whether AWS changes a resource in place or replaces it, only a cloud preview tells.\n"
    f"Whole pages: [the run's summary]({RUN}).\n"
)


@pytest.fixture
def compared(tmp_path: Path) -> Compared:
    return Compared(tmp_path)


class Compared:
    """The comment of two archives with these files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, base: Mapping[str, str | bytes], head: Mapping[str, str | bytes]) -> str:
        sides = (archive(self._folder / f"{side}.zip", files) for side, files in (("base", base), ("head", head)))
        return comment(*map(read, sides), commit=COMMIT, run=RUN)


def quoted(text: str) -> list[str]:
    """What stands inside fences, each fence closed by as many backticks as opened it."""
    return re.findall(r"^(`{3,})\w+\n(.*?)^\1$", text, re.MULTILINE | re.DOTALL)


def outside(text: str) -> str:
    """What GitHub reads as Markdown."""
    return re.sub(r"^(`{3,})\w+\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)


def test_each_stack_has_the_opening_of_its_page_and_what_differs(compared: Compared) -> None:
    page = "langpont-database / dev\n  storage  20 GiB\n\nResources\n  many"
    base = {"dev.json": preview("dev", storage={"allocatedGib": 20}), "dev.txt": page, "old.json": preview("old")}
    head = {"dev.json": preview("dev", storage={"allocatedGib": 30}), "dev.txt": page, "new.json": preview("new")}
    assert compared(base, head) == (
        TOP + "\n"
        "#### dev: 1 value differs from the base\n"
        "\n"
        "```text\n"
        "langpont-database / dev\n"
        "  storage  20 GiB\n"
        "```\n"
        "\n"
        "```diff\n"
        "@@ storage @@\n"
        "- allocatedGib: 20\n"
        "+ allocatedGib: 30\n"
        "```\n"
        "\n"
        "#### new: a new stack\n"
        "\n"
        "#### old: gone: its stack file is no longer there\n"
    )


def test_a_refused_stack_shows_what_the_preview_said(compared: Compared) -> None:
    told = "Pulumi.dev.yaml: 1 problem\n  1. database.engineVersion 16.1 is retired.\n"
    assert compared({"dev.json": preview("dev")}, {"dev.refused": told}) == (
        TOP + "\n#### dev: refused\n\n```text\nPulumi.dev.yaml: 1 problem\n"
        "  1. database.engineVersion 16.1 is retired.\n```\n"
    )
    assert "#### dev: nothing to compare with: the base is refused\n" in compared(
        {"dev.refused": told}, {"dev.json": preview("dev")}
    )


HOSTILE = [
    "```\n# forged\n@everyone #1 [click](https://evil.example)\n```",
    "``````````",
    "~~~\n</details><img src=https://evil.example/x>\n<!-- -->",
    "| a | b |\n|---|---|\n* x",
    "\u202e reversed \u2066",
    "\x1b[31mred\x00",
    f"{MARKER}\n",
    "\ud800",
    "$(id) ${{ secrets.X }} `id`",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_a_pull_request_says_is_read_as_markdown(compared: Compared, text: str) -> None:
    head: dict[str, str | bytes] = {
        "dev.json": preview("dev", **{text: {text: text}}, warnings=[text]),
        "dev.txt": json.dumps(text)[1:-1].encode().decode("unicode_escape").encode("utf-8", "replace"),
        "prod.refused": text.encode("utf-8", "replace"),
    }
    written = compared({"dev.json": preview("dev"), "prod.json": preview("prod")}, head)
    assert outside(written) == TOP + "\n#### dev: 2 values differ from the base\n\n\n\n\n\n#### prod: refused\n\n\n"
    assert len(quoted(written)) == 3
    assert all(character.isprintable() or character == "\n" for character in written)
    written.encode("utf-8")


def test_a_comment_is_never_longer_than_github_takes(compared: Compared) -> None:
    many = {f"key{number}": "x" * 100 for number in range(500)}
    stacks = [f"stack{number}" for number in range(8)]
    head: dict[str, str | bytes] = {f"{stack}.json": preview(stack, more=many) for stack in stacks}
    head |= {f"{stack}.txt": "line\n" * 10_000 for stack in stacks}
    written = compared({f"{stack}.json": preview(stack) for stack in stacks}, head)
    assert len(written) <= MOST_COMMENT_CHARACTERS
    assert len(quoted(written)) == 16
    assert re.search(r"^  \.\.\. and \d+ more lines$", written, re.MULTILINE)
    assert "#### stack7: 500 values differ from the base\n" in written


def test_one_endless_line_is_cut(compared: Compared) -> None:
    written = compared({}, {"dev.refused": "x" * 1_000_000})
    assert f"```text\n{'x' * 400}\n```\n" in written


@pytest.mark.parametrize(
    "files, told",
    [
        ({"../dev.json": "{}"}, "A file in the archive is called '../dev.json'"),
        ({"sub/dev.json": "{}"}, "A file in the archive is called 'sub/dev.json'"),
        ({"DEV.json": "{}"}, "A file in the archive is called 'DEV.json'"),
        ({"dev\n.json": "{}"}, "A file in the archive is called 'dev\\\\u000a.json'"),
        ({"dev.html": ""}, "A file in the archive is called 'dev.html'"),
        ({f"s{n}.json": "{}" for n in range(17)}, "head.zip: more than the 16 files of 8 stacks"),
        ({"dev.txt": b"\0" * (MOST_FILE_BYTES + 1)}, f"dev.txt has more than {MOST_FILE_BYTES} bytes"),
    ],
)
def test_an_archive_of_another_form_or_size_is_refused(tmp_path: Path, files: dict[str, str], told: str) -> None:
    with pytest.raises(Unusable, match=f"^{re.escape(told)}$"):
        read(archive(tmp_path / "head.zip", files))


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "null",
        '"text"',
        "{}",
        preview("prod"),
        preview("dev").replace("}", ', "x": NaN}'),
        '{"a":' * 5000 + "1" + "}" * 5000,
        preview("dev", components=[{"resources": [{"type": 1, "name": "x"}]}]),
        preview("dev", components={}, instances=[{"parameters": [{"name": "x"}]}]),
        preview("dev", instances=["x"]),
        preview("dev", warnings=[["x"]]),
        preview("dev", warnings=1),
        json.dumps({"stack": ["dev"]}),
    ],
)
def test_a_document_that_is_no_preview_of_its_stack_is_refused(tmp_path: Path, document: str) -> None:
    with pytest.raises(Unusable, match=r"^dev\.json is not a preview of dev: "):
        read(archive(tmp_path / "head.zip", {"dev.json": document}))


def test_a_size_that_the_directory_lies_about_is_found_out(tmp_path: Path) -> None:
    path = archive(tmp_path / "head.zip", {"dev.txt": b"\0" * (MOST_FILE_BYTES + 1)})
    forged = path.read_bytes().replace((MOST_FILE_BYTES + 1).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(forged)
    with pytest.raises(Unusable, match=r"^head\.zip is no archive of previews: Bad CRC-32 for file 'dev\.txt'$"):
        read(path)


def test_of_a_file_that_unpacks_to_far_more_only_the_allowed_part_is_unpacked(tmp_path: Path) -> None:
    path = archive(tmp_path / "head.zip", {"dev.txt": bytes(16 * MOST_FILE_BYTES)})
    tracemalloc.start()
    try:
        with pytest.raises(Unusable, match=rf"^dev\.txt has more than {MOST_FILE_BYTES} bytes$"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 4 * MOST_FILE_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_packing_than_the_upload_uses_is_refused(tmp_path: Path, method: int) -> None:
    with pytest.raises(Unusable, match=rf"^dev\.txt is packed by method {method}$"):
        read(archive(tmp_path / "head.zip", {"dev.txt": "x"}, method=method))


def test_a_damaged_archive_and_a_link_in_one_are_harmless(tmp_path: Path) -> None:
    path = archive(tmp_path / "head.zip", {"dev.txt": "x" * 1000})
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            read(path)
        except Unusable:
            continue
    link = zipfile.ZipInfo("dev.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr(link, "/etc/passwd")
    assert read(path)["dev"].document is None


def test_the_command_prints_the_comment_or_one_line_of_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = archive(tmp_path / "base.zip", {"dev.json": preview("dev")})
    bad = archive(tmp_path / "bad.zip", {"x": ""})
    told = ["--commit", COMMIT, "--run", RUN]
    assert main([str(base), str(base), *told]) == 0
    assert capsys.readouterr() == (TOP + "\n#### dev: no difference from the base\n\n", "")
    assert main([str(base), str(bad), *told]) == 1
    assert capsys.readouterr() == ("", "A file in the archive is called 'x'\n")
    assert main([str(tmp_path / "none.zip"), str(bad), *told]) == 1


def test_the_workflow_finds_its_comment_by_the_first_line() -> None:
    assert f'startswith("{MARKER}")' in TEXTS["workflows/preview-comment.yml"]
