"""Links and make commands of all documents: files, headings and targets that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs import DOCUMENTS, anchors, links, make_targets, read
from tests.recordings import ROOT


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_to_a_file_and_a_heading_of_the_repository(document: str) -> None:
    for link in links(read(document)):
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(Path(target).read_text(encoding="utf-8")), link


def test_every_make_command_of_the_documents_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z0-9-]*)(?: [a-z ]+)?:", makefile, re.MULTILINE))
    told = {target for document in DOCUMENTS for target in make_targets(read(document))}
    assert {"preview", "test", "check"} <= told <= targets
