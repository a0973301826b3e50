"""Tables of what stacks cost: how many of what stands all month, and every unit price with where it is from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from documents.markdown import code, table
from documents.stacks import Stack
from preview import prices
from preview.cost import Line, estimate, lines
from preview.prices import Price


def stacks_table(stacks: Sequence[Stack]) -> str:
    """How many of each stand in each stack, and what they cost together where a price is known."""
    by_stack = {stack.name: lines(stack.recording, stack.platform.settings.region) for stack in stacks}
    rows = [
        (price.item, "unknown" if price.monthly is None else f"{price.monthly:,.2f}",
         *(str(_quantity(of, price) or "-") for of in by_stack.values()))
        for price in dict.fromkeys(line.price for of in reversed(by_stack.values()) for line in of)
    ]  # fmt: skip
    totals = [estimate(stack.recording, stack.platform.settings.region) for stack in stacks]
    rows.append(("**all that has a price, USD a month**", "", *(f"{each.usd:,.2f}" for each in totals)))
    rows.append(("of that RDS, which the budget counts", "", *(f"{each.database:,.2f}" for each in totals)))
    return table(("what stands all month", "one, USD a month", *by_stack), rows)


def _quantity(of: Iterable[Line], price: Price) -> int:
    return sum(line.quantity for line in of if line.price == price)


def prices_table(stacks: Sequence[Stack]) -> str:
    """Every unit price with where it is from."""
    used = [line.price for stack in reversed(stacks) for line in lines(stack.recording, stack.platform.settings.region)]
    rows = [
        (price.item, "unknown" if price.usd is None else f"{price.usd}", price.unit,
         code(price.usage_type) if price.usage_type else "", price.source, price.date, price.confidence,
         code(price.key) if price.key else "")
        for price in dict.fromkeys([*used, prices.DATABASE_INSIGHTS, *prices.BY_VOLUME])
    ]  # fmt: skip
    return table(("item", "USD", "per", "usage type", "source", "date", "how sure", "key"), rows)
