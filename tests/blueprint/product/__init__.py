"""Tests of `blueprint.product`. The shop is another product, as small as one is: the example of docs/product.md."""

from __future__ import annotations

from tests.docs import blocks, read

SHOP = blocks(read("docs/product.md"), "yaml")[0]
