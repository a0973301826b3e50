"""The JSON schema of the product file, for editors: `python -m blueprint.product.schema` prints it."""

from __future__ import annotations

import json
from typing import Any

from blueprint.product.file import Product
from blueprint.stack_file.schema import Schema


def schema() -> dict[str, Any]:
    """JSON Schema draft 2020-12 of `product.yaml`. It checks shapes; `blueprint.product.rules` checks the rest."""
    model = Product.model_json_schema(by_alias=True, schema_generator=Schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **model,
        "title": "What is a product's own in the database platform",
    }


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2))
