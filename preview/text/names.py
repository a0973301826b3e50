"""Shortens resource types and logical names for a page; copies of a resource become one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

# What tells the copies of a resource apart: the instance at the beginning, or the letter of a zone.
VARIANT = re.compile(r"(^primary(?=-)|^replica-\d+(?=-)|(?<=[a-z]-\d)[a-z]\b)")


def merged(names: Sequence[str]) -> Iterator[str]:
    """Copies in one, as in a shell: `nat-ap-northeast-1{a,c}`, `{primary,replica-1}-{cpu-high, swap-high}`."""
    copies: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in names:
        before, variant, after = (*VARIANT.split(name, maxsplit=1), "", "")[:3]
        copies[before, after].append(variant)
    alike: dict[str, list[str]] = defaultdict(list)
    for (before, after), variants in copies.items():
        alike[before + _braces(variants, ",")].append(after)
    for head, ends in alike.items():
        if len(ends) > 1 and all(end.startswith("-") for end in ends):
            yield f"{head}-{_braces([end[1:] for end in ends], ', ')}"
        else:
            yield from (head + end for end in ends)


def _braces(parts: Sequence[str], separator: str) -> str:
    return parts[0] if len(parts) == 1 else f"{{{separator.join(parts)}}}"


def short_type(type_: str) -> str:
    """`aws:rds/instance:Instance` as `rds.Instance`, `langpont:database:Secrets` as `Secrets`."""
    package, module, name = type_.split(":")
    if package == "langpont":
        return name
    service = module.split("/")[0]
    return f"{package if service == 'index' else service}.{name}"
