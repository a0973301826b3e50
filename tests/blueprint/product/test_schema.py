"""The JSON schema of the product file: rendered, named by the file, and with every key described."""

from __future__ import annotations

import json
from typing import Any

from blueprint.product.file import FILE, PRODUCT
from blueprint.product.schema import schema
from tests.recordings import ROOT


def test_the_schema_is_rendered_and_the_file_names_it() -> None:
    rendered = ROOT / "product.schema.json"
    assert json.loads(rendered.read_text(encoding="utf-8")) == schema(), "product.schema.json is stale: make schema"
    first = FILE.read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=./product.schema.json"


def test_every_key_is_described_and_unknown_ones_are_refused() -> None:
    found = schema()
    for part in (found, *found["$defs"].values()):
        assert part["additionalProperties"] is False
        described: dict[str, Any] = part["properties"]
        assert [key for key, value in described.items() if not value.get("description")] == []


def test_the_product_is_what_the_file_says() -> None:
    assert PRODUCT.model_dump(by_alias=True)["masterUsername"] == "langpont_admin"
    assert [role.name for role in PRODUCT.roles][:2] == ["langpont_owner", "langpont_migrator"]
