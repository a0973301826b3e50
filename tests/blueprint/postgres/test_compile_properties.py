"""Properties of the parameter compiler, against arithmetic that shares no code with it."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueprint.postgres.catalogue import catalogue
from blueprint.postgres.compile import HumanValue, compile_parameter
from blueprint.postgres.effective import display, effective
from blueprint.postgres.formulas import resolve
from blueprint.postgres.parameter import Kind
from blueprint.problems import Refused

# PostgreSQL 16, section 20.1.1: the multiplier for memory units is 1024. Bytes and microseconds for each spelling, and
# for each base unit that pg_settings shows.
BYTES = {"B": 1, "kB": 1024, "8kB": 8192, "MB": 1048576, "GB": 1073741824, "TB": 1099511627776}
MICROSECONDS = {"us": 1, "ms": 1000, "s": 1000000, "min": 60000000, "h": 3600000000, "d": 86400000000}

CATALOGUE = {name: row for name, row in catalogue(16).items() if row.confidence != "low"}
SIZES = [name for name, row in CATALOGUE.items() if row.kind is Kind.MEMORY]
DURATIONS = [name for name, row in CATALOGUE.items() if row.kind is Kind.DURATION]
SHARES = [name for name, row in CATALOGUE.items() if row.usual_share]
SETTABLE = [name for name, row in CATALOGUE.items() if not row.unsettable]

numbers = st.one_of(
    st.integers(0, 10**6).map(str),
    st.integers(0, 2**31).map(str),
    st.decimals(0, 5000, places=3, allow_nan=False, allow_infinity=False).map(str),
)
amounts = st.tuples(st.sampled_from(SIZES), numbers, st.sampled_from(["B", "kB", "MB", "GB", "TB"])) | st.tuples(
    st.sampled_from(DURATIONS), numbers, st.sampled_from(list(MICROSECONDS))
)
human_values: st.SearchStrategy[HumanValue] = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    numbers,
    st.builds("{}{}".format, numbers, st.sampled_from([*BYTES, *MICROSECONDS, "%", "mb", "Min", "GiB"])),
)


def base_units(name: str, number: str, unit: str) -> Fraction:
    """The amount in base units of the parameter, exactly."""
    table = BYTES if name in SIZES else MICROSECONDS
    return Fraction(number) * table[unit] / table[str(CATALOGUE[name].unit)]


def allowed(name: str, amount: Fraction) -> bool:
    row = CATALOGUE[name]
    assert row.minimum is not None and row.maximum is not None
    return amount.denominator == 1 and (int(amount) in row.special or row.minimum <= amount <= row.maximum)


@given(amounts)
def test_an_amount_with_a_unit_is_the_same_amount_in_base_units_or_refused(amount: tuple[str, str, str]) -> None:
    name, number, unit = amount
    exact = base_units(name, number, unit)
    if allowed(name, exact):
        assert Fraction(compile_parameter(name, f"{number}{unit}").value) == exact
    else:
        with pytest.raises(Refused):
            compile_parameter(name, f"{number}{unit}")


@given(st.sampled_from(SIZES + DURATIONS), st.integers(-5, 2**31))
def test_a_number_without_a_unit_passes_only_where_it_is_special(name: str, number: int) -> None:
    if number in CATALOGUE[name].special:
        assert compile_parameter(name, number).value == str(number)
    else:
        with pytest.raises(Refused, match="^has no unit"):
            compile_parameter(name, number)


@given(st.sampled_from(SETTABLE), human_values)
def test_every_value_compiles_to_something_readable_or_says_why_not(name: str, asked: HumanValue) -> None:
    try:
        compiled = compile_parameter(name, asked)
    except Refused as refused:
        assert refused.rule.strip() and refused.way_out.strip()
        assert not refused.way_out.endswith(".")
    else:
        assert compiled.value and "\n" not in compiled.value
        assert display(compiled, 4 * 2**30)
        effective(name, [compiled], class_memory_bytes=4 * 2**30)


@given(st.sampled_from(SIZES + DURATIONS), human_values)
def test_every_amount_that_a_refusal_proposes_is_accepted(name: str, asked: HumanValue) -> None:
    try:
        compile_parameter(name, asked)
    except Refused as refused:
        proposed = re.findall(r"\b[0-9]+(?:\.[0-9]+)?(?:[kMGT]?B|us|ms|s|min|h|d|%)(?!\w)", refused.way_out)
        if "case of a unit" not in refused.rule:
            assert proposed
            for text in proposed:
                compile_parameter(name, text)


@given(st.sampled_from(SHARES), st.integers(1, 9999), st.integers(2**29, 2**43))
def test_a_share_of_memory_is_exact_up_to_the_part_that_rds_cuts_off(name: str, hundredths: int, memory: int) -> None:
    compiled = compile_parameter(name, f"{hundredths // 100}.{hundredths % 100:02}%")
    assert re.fullmatch(r"\{DBInstanceClassMemory(\*[0-9]+)?/[0-9]+\}", compiled.value)
    base_bytes = BYTES[str(CATALOGUE[name].unit)]
    assert int(resolve(compiled.value, class_memory_bytes=memory)) == memory * hundredths // (10000 * base_bytes)


@given(st.integers(0, 2**43), st.integers(1, 10**6), st.integers(1, 10**9), st.integers(0, 10**6), st.booleans())
def test_resolve_agrees_with_exact_arithmetic(memory: int, times: int, by: int, constant: int, least: bool) -> None:
    function, choose = ("LEAST", min) if least else ("GREATEST", max)
    formula = f"{function}({{DBInstanceClassMemory*{times}/{by}}},{constant})"
    quotient = Fraction(memory * times, by)
    whole = quotient.numerator // quotient.denominator
    assert resolve(formula, class_memory_bytes=memory) == str(choose(whole, constant))


@given(st.text(max_size=40))
def test_resolve_returns_plain_text_as_it_is_and_evaluates_nothing(text: str) -> None:
    if not text.startswith(("{", "LEAST(", "GREATEST(")):
        assert resolve(text, class_memory_bytes=2**32) == text
    else:
        with pytest.raises(Refused):
            resolve(text, class_memory_bytes=2**32)
