"""A strict parser of IAM policy documents: what is not understood is refused, as nobody could say what it allows."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

VERSION: Final = "2012-10-17"
# NotAction, NotResource and NotPrincipal allow everything but something: they are not among them on purpose.
ELEMENTS: Final = frozenset({"Sid", "Effect", "Principal", "Action", "Resource", "Condition"})
ACCOUNT: Final = re.compile(r"[0-9]{12}")
ACCOUNT_IN_ARN: Final = re.compile(r"arn:aws:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.+")


class Unreadable(ValueError):
    """A policy document that cannot be parsed; the text continues a sentence ("is not JSON")."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a policy document. `principals`: all of them, `service_principals` among them.

    `conditions` are "operator key" pairs, `values` what each must be.
    """

    name: str
    effect: str
    actions: list[str]
    resources: list[str]
    service_principals: list[str]
    principals: list[str]
    values: Mapping[str, list[str]]

    @property
    def conditions(self) -> frozenset[str]:
        """Its conditions, as "operator key"."""
        return frozenset(self.values)


def is_bound_to_account(statement: Statement) -> bool:
    """Confused deputy: whether a service may act only for an account that is named, by itself or in ARNs."""
    account = statement.values.get("StringEquals aws:SourceAccount", [])
    context = statement.values.get("ArnLike kms:EncryptionContext:aws:logs:arn", [])
    return bool(account or context) and (
        all(ACCOUNT.fullmatch(value) for value in account) and all(ACCOUNT_IN_ARN.fullmatch(value) for value in context)
    )


def statements(document: Any) -> list[Statement]:
    """Parse a policy document in JSON into its statements. Raises `Unreadable`."""
    try:
        found = json.loads(document)
    except (TypeError, ValueError):
        raise Unreadable("is not JSON") from None
    if not isinstance(found, dict) or set(found) != {"Version", "Statement"} or found["Version"] != VERSION:
        raise Unreadable(f"is not a Version {VERSION} and a Statement")
    rows = found["Statement"] if isinstance(found["Statement"], list) else [found["Statement"]]
    if not rows:
        raise Unreadable("has no statement")
    return [_statement(row, number) for number, row in enumerate(rows, 1)]


def _statement(row: Any, number: int) -> Statement:
    name = f"statement {row.get('Sid', number)}" if isinstance(row, dict) else f"statement {number}"
    if not isinstance(row, dict) or not {"Effect", "Action"} <= set(row):
        raise Unreadable(f"has a {name} without Effect and Action")
    if unknown := sorted(set(row) - ELEMENTS):
        raise Unreadable(f"has {', '.join(unknown)} in {name}")
    if row["Effect"] not in ("Allow", "Deny"):
        raise Unreadable(f"has an Effect in {name} that is neither Allow nor Deny")
    if not {"Resource", "Principal"} & set(row):
        raise Unreadable(f"has neither Resource nor Principal in {name}")
    service_principals, principals = _principals(row.get("Principal"), name)
    return Statement(
        name=name,
        effect=row["Effect"],
        actions=_texts(row["Action"], f"Action of {name}"),
        # A role's trust has no resource: it is the role.
        resources=_texts(row["Resource"], f"Resource of {name}") if "Resource" in row else ["the role"],
        service_principals=service_principals,
        principals=principals,
        values=_conditions(row.get("Condition", {}), name),
    )


def _principals(value: Any, name: str) -> tuple[list[str], list[str]]:
    if value is None:
        return [], []
    by_kind = value if isinstance(value, dict) else {"AWS": value}
    named = {kind: _texts(who, f"Principal of {name}") for kind, who in by_kind.items()}
    return named.get("Service", []), [who for kind in named.values() for who in kind]


def _conditions(value: Any, name: str) -> dict[str, list[str]]:
    if not isinstance(value, dict) or not all(isinstance(keys, dict) for keys in value.values()):
        raise Unreadable(f"has a Condition in {name} that is not keys by operator")
    return {
        f"{operator} {key}": _texts(wanted, f"Condition of {name}")
        for operator, keys in value.items()
        for key, wanted in keys.items()
    }


def _texts(value: Any, what: str) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise Unreadable(f"has something else than texts as {what}")
    return texts
