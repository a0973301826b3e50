"""Tests of `blueprint.product`. The shop is another product, as small as one is."""

from __future__ import annotations

from pathlib import Path

SHOP = Path(__file__).with_name("shop.yaml").read_text(encoding="utf-8")
