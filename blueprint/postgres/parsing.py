"""Parse what a person writes for a parameter into the string that RDS takes: amounts, shares, words and lists.

RDS wants integers in the base unit of each parameter, "0" or "1", and enums in its own case. What RDS would refuse, and
what would mean something else to RDS than to the person who wrote it, is refused here, with the way out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Final

from blueprint.postgres.catalogue import SHARES
from blueprint.postgres.formulas import arguments, is_formula, resolve
from blueprint.postgres.parameter import DURATION_UNITS, PAGE_BYTES, SIZE_UNITS, Kind, Parameter
from blueprint.problems import Refused

_AMOUNT = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?) *([A-Za-zµ]+)")
_BARE_NUMBER = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?")
_INTEGER = re.compile(r"-?[0-9]{1,30}")
_WORD = re.compile(r"[A-Za-z0-9_.+-]{1,63}")
_REAL = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?")
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?) ?%")

_BOOLEANS = {"on": "1", "true": "1", "yes": "1", "1": "1", "off": "0", "false": "0", "no": "0", "0": "0"}
_SWITCHES = {"true": "on", "false": "off"}
_READABLE_BYTES = (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))
_READABLE_DURATIONS = tuple(reversed(list(DURATION_UNITS.items())))


# What trust cannot overrule: the type, and with it the unit. Bounds are those of the API's numbers.
_WIDEST: Final = 2**63 - 1
_TRUSTED_SPECIAL: Final = {0: "none or off", -1: "as PostgreSQL documents it"}


def parse(parameter: Parameter, text: str, *, trusted: bool = False) -> str:
    """The value that RDS takes for one parameter of the catalogue; raises `Refused`.

    - Sizes are written in B, kB, MB, GB, TB (times 1024), durations in us, ms, s, min, h, d: PostgreSQL's units in its
      own case. A size or duration without a unit is refused, since RDS would count it in a base unit that few people
      know; 0 and -1 need none where they mean "off" or the like.
    - An amount that is no whole number of base units is refused. PostgreSQL would round it.
    - A percentage of instance memory becomes a formula, so that an instance of another class gets its own share. Only
      parameters with a `usual_share` in the catalogue take one.
    - LEAST(...) and GREATEST(...) of amounts and shares, or of RDS's own {DBInstanceClassMemory/N}, where RDS itself
      has a formula for its default or a share makes sense.

    `trusted` overrules bounds and lists of values, and that a formula makes no sense. Type and unit hold.
    """
    if trusted:
        parameter = _trusted(parameter)
    if is_formula(text) and (trusted or parameter.takes_formula) and parameter.kind in _NUMBERS:
        return _formula(parameter, text)
    return _READERS[parameter.kind](parameter, text)


def _trusted(parameter: Parameter) -> Parameter:
    bounded = parameter.kind in _NUMBERS
    return replace(
        parameter,
        minimum=-_WIDEST if bounded else None,
        maximum=_WIDEST if bounded else None,
        values=() if parameter.kind is not Kind.ENUM else parameter.values,
        any_word=True,
        required=(),
        special=_TRUSTED_SPECIAL | dict(parameter.special) if parameter.unit else parameter.special,
        usual_share=parameter.usual_share or ("25%" if parameter.kind is Kind.MEMORY else None),
    )


def _formula(parameter: Parameter, text: str) -> str:
    """A formula of RDS, whose arguments are whole numbers of the base unit and shares of memory."""
    name, parts = arguments(text)
    if name is None:
        resolve(text, class_memory_bytes=2**30)
        return text.replace(" ", "")
    if len(parts) < 2:
        raise Refused(f"is {name} of less than two amounts", f"Write it like {name}(25%, 8GB)")
    read = [_formula(parameter, part) if is_formula(part) else _argument(parameter, part) for part in parts]
    return f"{name}({','.join(read)})"


def _argument(parameter: Parameter, text: str) -> str:
    try:
        return _READERS[parameter.kind](parameter, text)
    except Refused as refused:
        raise Refused(f"has an argument {text or 'that is empty'}, which {refused.rule}", refused.way_out) from None


def readable(parameter: Parameter, base_value: int) -> str:
    """A value in base units for people: "131072 x 8 kB = 1 GiB". Not round: to one decimal, with "about"."""
    if base_value in parameter.special:
        return f"{base_value} = {parameter.special[base_value]}"
    if parameter.unit is None:
        return str(base_value)
    base = f"{base_value} x 8 kB" if parameter.unit == "8kB" else f"{base_value} {parameter.unit}"
    _, size = _largest_unit(parameter, base_value)
    amount = base_value * parameter.base_amount
    if amount < size or size == parameter.base_amount:
        return base
    exact = amount * 10 % size == 0
    return f"{base} = {rounded(parameter, base_value)}" if exact else f"{base}, about {rounded(parameter, base_value)}"


def rounded(parameter: Parameter, base_value: int) -> str:
    """A value in base units to one decimal of the largest unit that it fills: "911.4 MiB"."""
    if parameter.unit is None:
        return str(base_value)
    unit, size = _largest_unit(parameter, base_value)
    tenths = round(Fraction(base_value * parameter.base_amount * 10, size))
    return f"{tenths / 10:.1f}".removesuffix(".0") + f" {unit}"


def _largest_unit(parameter: Parameter, base_value: int) -> tuple[str, int]:
    units = _READABLE_BYTES if parameter.kind is Kind.MEMORY else _READABLE_DURATIONS
    amount = base_value * parameter.base_amount
    return next(((unit, size) for unit, size in units if size <= amount), units[-1])


# Amounts: sizes and durations


def _amount(parameter: Parameter, text: str) -> str:
    if parameter.kind is Kind.MEMORY and text.endswith("%"):
        return _share(parameter, text)
    if _BARE_NUMBER.fullmatch(text):
        return _bare_number(parameter, text)
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise Refused(f"is not a {_noun(parameter)}", _write_an_amount(parameter))
    number, unit = match.groups()
    units = _units(parameter)
    if unit not in units:
        right_case = next((known for known in units if known.lower() == unit.lower()), None)
        if right_case:
            raise Refused(
                f'has the unit "{unit}", and the case of a unit matters to PostgreSQL', f"Write {number}{right_case}"
            )
        raise Refused(f'has the unit "{unit}", which is none of {", ".join(units)}', _write_an_amount(parameter))
    base_units = Fraction(number) * units[unit] / parameter.base_amount
    _check_range(parameter, base_units)
    if base_units.denominator != 1:
        # 0.5 ms lies between 1 ms and 0, but where 0 means "off" it is no neighbour.
        nearest = [near for near in (int(base_units), int(base_units) + 1) if near not in parameter.special]
        raise Refused(
            f"is not a whole number of {_unit_noun(parameter)}, and RDS takes no part of one",
            f"Write {' or '.join(written(parameter, near) for near in nearest)}",
        )
    return str(base_units)


def _bare_number(parameter: Parameter, text: str) -> str:
    number = Fraction(text)
    if number.denominator == 1 and int(number) in parameter.special:
        return str(number)
    if number.denominator != 1 or not _in_range(parameter, number):
        raise Refused("has no unit", _write_an_amount(parameter))
    readings = [f"Write {written(parameter, int(number))} if that is meant"]
    in_kilobytes = number * SIZE_UNITS["kB"] / PAGE_BYTES
    if parameter.unit == "8kB" and in_kilobytes.denominator == 1 and _in_range(parameter, in_kilobytes):
        readings.append(f"{written(parameter, int(in_kilobytes))} if the number counts kB")
    if parameter.usual_share:
        readings.append(f"or a share of the instance's memory such as {parameter.usual_share}")
    raise Refused(f"has no unit, and RDS would read it as {readable(parameter, int(number))}", ", ".join(readings))


def _share(parameter: Parameter, text: str) -> str:
    if parameter.usual_share is None:
        raise Refused(
            f"is a share of the instance's memory, which makes sense for {', '.join(SHARES)} only",
            _write_an_amount(parameter),
        )
    match = _SHARE.fullmatch(text)
    share = Fraction(match[1]) / 100 if match else Fraction(0)
    if not 0 < share < 1:
        raise Refused(
            "is not a percentage between 0% and 100% with at most two decimals",
            f"Write one such as {parameter.usual_share}",
        )
    factor = share / parameter.base_amount
    times = "" if factor.numerator == 1 else f"*{factor.numerator}"
    return f"{{DBInstanceClassMemory{times}/{factor.denominator}}}"


def _units(parameter: Parameter) -> Mapping[str, int]:
    return SIZE_UNITS if parameter.kind is Kind.MEMORY else DURATION_UNITS


def _noun(parameter: Parameter) -> str:
    return "size" if parameter.kind is Kind.MEMORY else "duration"


def _unit_noun(parameter: Parameter) -> str:
    return {"8kB": "pages of 8 kB", "s": "seconds", "min": "minutes"}.get(str(parameter.unit), str(parameter.unit))


def written(parameter: Parameter, base_value: int) -> str:
    """The shortest exact spelling for a stack file: 131072 pages of 8 kB are "1GB"."""
    if parameter.unit is None:
        return str(base_value)
    if base_value == 0:
        return "0kB" if parameter.unit == "8kB" else f"0{parameter.unit}"
    amount = base_value * parameter.base_amount
    unit, size = max((item for item in _units(parameter).items() if amount % item[1] == 0), key=lambda item: item[1])
    return f"{amount // size}{unit}"


def _write_an_amount(parameter: Parameter) -> str:
    default = parameter.default
    usual = int(default) if default.isdecimal() and int(default) not in parameter.special else None
    fallback = (16 * 2**20 if parameter.kind is Kind.MEMORY else 600 * 10**6) // parameter.base_amount
    low, high = _bounds(parameter)
    example = written(parameter, max(int(low), min(int(high), fallback)) if usual is None else usual)
    special = "".join(f"; {value} means {meaning}" for value, meaning in parameter.special.items())
    share = f", or as a share of the instance's memory such as {parameter.usual_share}" if parameter.usual_share else ""
    return f"Write it with its unit, such as {example}{share}{special}"


# Numbers, words and lists


def _bounds(parameter: Parameter) -> tuple[int | float, int | float]:
    assert parameter.minimum is not None and parameter.maximum is not None, parameter.name
    return parameter.minimum, parameter.maximum


def _in_range(parameter: Parameter, number: Fraction) -> bool:
    low, high = _bounds(parameter)
    return number in parameter.special or low <= number <= high


def _check_range(parameter: Parameter, number: Fraction) -> None:
    if _in_range(parameter, number):
        return
    low, high = _bounds(parameter)
    bound = low if number < low else high
    text = written(parameter, int(bound)) if parameter.unit else str(bound)
    if number < low:
        raise Refused(f"is below the minimum of {text}", f"Write {text} or more")
    raise Refused(f"is above the maximum of {text}", f"Write {text} or less")


def _one_from(parameter: Parameter) -> str:
    return f"Write one from {parameter.minimum} to {parameter.maximum}"


def _integer(parameter: Parameter, text: str) -> str:
    if not _INTEGER.fullmatch(text):
        raise Refused("is not a whole number", "Write digits" if parameter.any_word else _one_from(parameter))
    _check_range(parameter, Fraction(text))
    return str(int(text))


def _real(parameter: Parameter, text: str) -> str:
    if not _REAL.fullmatch(text):
        raise Refused("is not a number", "Write one" if parameter.any_word else _one_from(parameter))
    number = Decimal(text)
    _check_range(parameter, Fraction(number))
    if number == 0:
        return "0"
    plain = f"{number:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _boolean(parameter: Parameter, text: str) -> str:
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise Refused("is neither on nor off", "Write on or off")
    return value


def _enum(parameter: Parameter, text: str) -> str:
    switch = _SWITCHES.get(text.lower(), text)  # YAML makes a switch of on and off
    for value in parameter.values:
        if value.lower() in (text.lower(), switch):
            return value
    if parameter.any_word and _WORD.fullmatch(text):
        return text
    if parameter.any_word:
        raise Refused("is not a word", "Write the value as RDS lists it")
    raise Refused(f"is none of the values that RDS takes: {', '.join(parameter.values)}", "Write one of them")


def _exact_text(parameter: Parameter, text: str) -> str:
    if parameter.values and text not in parameter.values:
        choice = " or ".join(f'"{value}"' for value in parameter.values)
        raise Refused("is not one of the texts that RDS allows", f"Leave it out, or write {choice} to the letter")
    if not text:
        raise Refused("is empty, which RDS takes for its default", "Leave it out, or write its text")
    return text


def _list(parameter: Parameter, text: str) -> str:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if parameter.any_word and not _WORD.fullmatch(name):
            raise Refused(f'names "{name}", which is not a name', "Write names with commas between them")
        if not parameter.any_word and name not in parameter.values:
            raise Refused(
                f'names "{name}", which is not one that RDS loads', f"Choose from {', '.join(parameter.values)}"
            )
        if names.count(name) > 1:
            raise Refused(f'names "{name}" twice', "Write it once")
    for name in parameter.required:
        if name not in names:
            raise Refused(
                f"replaces the list of RDS and so drops {name}, without which no query statistics are kept",
                f"Write {','.join([name, *names])}",
            )
    return ",".join(names)


_NUMBERS = (Kind.MEMORY, Kind.DURATION, Kind.INTEGER, Kind.REAL)
_READERS: Mapping[Kind, Callable[[Parameter, str], str]] = {
    Kind.MEMORY: _amount,
    Kind.DURATION: _amount,
    Kind.INTEGER: _integer,
    Kind.REAL: _real,
    Kind.BOOLEAN: _boolean,
    Kind.ENUM: _enum,
    Kind.TEXT: _exact_text,
    Kind.LIST: _list,
}
