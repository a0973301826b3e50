"""Rules of the product file: what PostgreSQL, PgBouncer, AWS and the program itself ask of its names and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from blueprint import explain
from blueprint.problems import FileRefused, Problem
from blueprint.product import metric_rules, name_rules, role_rules
from blueprint.product.file import FILE, Product, Unreadable, parse


class ProductRefused(FileRefused):
    """A product file with problems."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        super().__init__(FILE.name, tuple(problems))


@cache
def check() -> None:
    """Check the file of this product, which a command does before it uses `PRODUCT`. Raises `ProductRefused`."""
    found = problems(_text(FILE))
    if found:
        raise ProductRefused(found)


def _text(path: Path) -> str | Problem:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        return _whole(f"cannot be read: {error.strerror}", "Look at the file, or take it from git")
    except UnicodeDecodeError:
        return _whole("is not UTF-8", "Save the file as UTF-8")


def _whole(rule: str, way_out: str) -> Problem:
    return Problem(field=FILE.name, value="", rule=rule, way_out=way_out)


def problems(text: str | Problem) -> list[Problem]:
    """All that is wrong with a product file. A rule speaks where the fields that it reads have their form."""
    if isinstance(text, Problem):
        return [text]
    try:
        document = parse(text)
    except Unreadable as error:
        told, _, way_out = str(error).removesuffix(".").rpartition(". ")
        return [_whole(told, way_out)]
    found: list[Problem] = []
    broken: set[str] = set()
    try:
        product = Product.model_validate(document)
    except ValidationError as error:
        details = error.errors(include_url=False)
        found = [explain.problem("", Product, item) for item in details]
        broken = {explain.name_of(Product, item["loc"][0]) for item in details if item["loc"]}
        product = _partial(document, broken)
    for rule in RULES:
        if not broken.intersection(rule.reads):
            found += rule.check(product)
    return found


def _partial(document: dict[str, Any], broken: set[str]) -> Product:
    """The product without its refused fields, for the rules that do not read those."""
    values: dict[str, Any] = {}
    for name, info in Product.model_fields.items():
        if name not in broken and info.alias in document:
            adapter: TypeAdapter[Any] = TypeAdapter(info.rebuild_annotation())
            values[name] = adapter.validate_python(document[info.alias])
        elif name not in broken:
            values[name] = info.get_default()
    return Product.model_construct(**values)


class Rule(NamedTuple):
    """A rule, and the fields of the file that it reads."""

    reads: tuple[str, ...]
    check: Callable[[Product], Iterator[Problem]]


RULES: Final = (
    Rule(("prefix",), name_rules.prefix),
    Rule(("project",), name_rules.project),
    Rule(("database",), name_rules.database),
    Rule(("master_username",), name_rules.master_username),
    Rule(("schemas",), name_rules.schemas),
    Rule(("database_settings",), name_rules.database_settings),
    Rule(("master_username", "roles", "schemas"), role_rules.names_of_roles),
    Rule(("roles",), role_rules.owner),
    Rule(("roles", "schemas"), role_rules.fields_of_roles),
    Rule(("roles",), role_rules.becomes),
    Rule(("master_username", "roles"), role_rules.room),
    Rule(("metrics", "roles"), metric_rules.role_of_metrics),
    Rule(("metrics",), metric_rules.queries),
)
