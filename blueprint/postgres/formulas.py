"""Formulas of RDS in a parameter group: {DBInstanceClassMemory*K/N}, LEAST(...) and GREATEST(...)."""

from __future__ import annotations

import re

from blueprint.problems import Refused


def is_formula(text: str) -> bool:
    """Whether a text begins as a formula does; RDS takes the functions' names in upper case."""
    return text.startswith(("{", "LEAST(", "GREATEST("))


def arguments(formula: str) -> tuple[str | None, list[str]]:
    """The function of a formula and its arguments; None for one without a function. Raises `Refused`."""
    match = re.fullmatch(r"(LEAST|GREATEST)\((.*)\)", formula.strip())
    if match is None:
        return None, []
    return match[1], [part.strip() for part in _split(match[2])]


def resolve(value: str, *, class_memory_bytes: int) -> str:
    """The integer that a formula of RDS comes to on one instance; any other value unchanged.

    `class_memory_bytes` stands for DBInstanceClassMemory, which is less than the memory of the class: RDS takes its own
    part first. Known are {DBInstanceClassMemory}, * and / by integers from left to right with the
    quotient cut off (user guide, "Specifying DB parameters"), LEAST and GREATEST. Raises `Refused` for other formulas.
    """
    if not is_formula(value):
        return value
    return str(_resolve(value, class_memory_bytes))


def _resolve(formula: str, class_memory_bytes: int) -> int:
    formula = formula.strip()
    if re.fullmatch(r"[0-9]{1,20}", formula):
        return int(formula)
    name, parts = arguments(formula)
    if name is not None:
        amounts = [_resolve(part, class_memory_bytes) for part in parts]
        return min(amounts) if name == "LEAST" else max(amounts)
    if match := re.fullmatch(r"\{DBInstanceClassMemory((?:[*/][0-9]{1,20})*)\}", formula):
        amount = class_memory_bytes
        for operator, digits in re.findall(r"([*/])([0-9]+)", match[1]):
            if operator == "/" and not int(digits):
                raise Refused(f"divides by zero in {formula}", "Divide by at least 1")
            amount = amount * int(digits) if operator == "*" else amount // int(digits)
        return amount
    raise Refused(
        f"holds {formula or 'nothing'} where a formula of RDS is due",
        "Write an integer, {DBInstanceClassMemory*K/N}, LEAST(...) or GREATEST(...)",
    )


def _split(arguments: str) -> list[str]:
    """Split at the commas that stand outside inner parentheses."""
    parts, depth = [""], 0
    for character in arguments:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts
