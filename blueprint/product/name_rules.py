"""Rules of the product file about names in AWS, schemas, and settings of the database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from blueprint import names
from blueprint.problems import Problem, Refused
from blueprint.product.checks import checked, twice, word
from blueprint.product.file import Product

# A stack's name, which follows it, has at least these: "-staging".
LONGEST_PREFIX: Final = names.LONGEST_PREFIX - len("-staging")
# What PostgreSQL keeps as a list of quoted names (GUC_LIST_QUOTE): SET x = 'a, b' makes it one name.
LISTS: Final = frozenset({"local_preload_libraries", "search_path", "session_preload_libraries", "temp_tablespaces"})
LONGEST_PROJECT: Final = 64  # judgement; a metric's namespace may have 255 characters with what follows it


def prefix(p: Product) -> Iterator[Problem]:
    """What names in AWS begin with."""
    yield from checked("prefix", p.prefix, _check_prefix)


def _check_prefix(prefix: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", prefix):
        raise Refused(
            "cannot begin an RDS identifier, which is lower-case letters, digits and single hyphens, from a letter to "
            "a letter or digit",
            "Write it like shop",
        )
    if len(prefix) > LONGEST_PREFIX:
        raise Refused(
            f"has {len(prefix)} characters, and a backup vault's name leaves {LONGEST_PREFIX} beside a stack's",
            "Shorten it",
        )


def project(p: Product) -> Iterator[Problem]:
    """The tag Project, which namespaces of metrics begin with."""
    yield from checked("project", p.project, _check_project)


def _check_project(project: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", project):
        raise Refused(
            "is not letters, digits, dots, hyphens and underscores, as both a tag and a metric's namespace take them",
            "Write it like Shop",
        )
    if project.lower().startswith("aws"):
        raise Refused("begins like the namespaces of AWS's own metrics", "Write it like Shop")
    if len(project) > LONGEST_PROJECT:
        raise Refused(f"has {len(project)} characters, and {LONGEST_PROJECT} are what fits", "Shorten it")


def database(p: Product) -> Iterator[Problem]:
    """One that RDS makes."""
    yield from checked("database", p.database, partial(names.check_database_name, example="shop"))


def master_username(p: Product) -> Iterator[Problem]:
    """One that RDS makes."""
    yield from checked("masterUsername", p.master_username, partial(names.check_master_username, example="shop_admin"))


def schemas(p: Product) -> Iterator[Problem]:
    """Names of their own."""
    for index, schema in enumerate(p.schemas):
        yield from checked(f"schemas[{index}]", schema, word("orders"), _check_schema)
    yield from twice("schemas", p.schemas)


def _check_schema(name: str) -> None:
    if name in ("public", "information_schema"):
        raise Refused("is PostgreSQL's own, on which roles have rights that nobody gave", "Write it like orders")


def database_settings(p: Product) -> Iterator[Problem]:
    """Names of settings, as far as their form says."""
    for name in p.database_settings:
        if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?", name):
            yield Problem(
                field="databaseSettings", value=name, rule="is not the name of a setting of PostgreSQL",
                way_out="Write it like default_text_search_config",
            )  # fmt: skip
        elif name in LISTS:
            yield Problem(
                field="databaseSettings", value=name, rule="is a list of names, and would be set as one of them",
                way_out="Take it out, and write names with their schemas",
            )  # fmt: skip
