"""What an instance has for a parameter: formulas of RDS by its memory, defaults, bytes, and words for people."""

from __future__ import annotations

import pytest

from blueprint.postgres.compile import HumanValue, compile_parameter, compile_parameters
from blueprint.postgres.effective import bytes_of, display, effective, effective_integer
from blueprint.postgres.formulas import resolve
from blueprint.problems import Refused

GIB = 2**30


@pytest.mark.parametrize(
    ("formula", "memory_gib", "result"),
    [
        ("{DBInstanceClassMemory/32768}", 4, "131072"),
        ("{DBInstanceClassMemory*3/32768}", 4, "393216"),
        ("{DBInstanceClassMemory}", 1, "1073741824"),
        ("LEAST({DBInstanceClassMemory/9531392},5000)", 4, "450"),
        ("LEAST({DBInstanceClassMemory/9531392},5000)", 64, "5000"),
        ("GREATEST({DBInstanceClassMemory*1024/63963136},65536)", 4, "68759"),
        ("GREATEST({DBInstanceClassMemory*1024/63963136},65536)", 1, "65536"),
        ("GREATEST({DBInstanceClassMemory/64371566592},3)", 4, "3"),
        ("LEAST(GREATEST({DBInstanceClassMemory/9531392}, 6), 100)", 4, "100"),
        ("600", 4, "600"),
        ("-1", 4, "-1"),
        ("%t:%r:%u@%d:[%p]:", 4, "%t:%r:%u@%d:[%p]:"),
    ],
)
def test_a_formula_comes_to_the_integer_of_the_class(formula: str, memory_gib: int, result: str) -> None:
    assert resolve(formula, class_memory_bytes=memory_gib * GIB) == result


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        ("{DBInstanceClassMemory/0}", "divides by zero in {DBInstanceClassMemory/0}. Divide by at least 1."),
        (
            "{AllocatedStorage}",
            "holds {AllocatedStorage} where a formula of RDS is due. "
            "Write an integer, {DBInstanceClassMemory*K/N}, LEAST(...) or GREATEST(...).",
        ),
        (
            "LEAST(1,)",
            "holds nothing where a formula of RDS is due. "
            "Write an integer, {DBInstanceClassMemory*K/N}, LEAST(...) or GREATEST(...).",
        ),
    ],
)
def test_another_formula_is_refused(formula: str, sentence: str) -> None:
    with pytest.raises(Refused) as caught:
        resolve(formula, class_memory_bytes=GIB)
    assert str(caught.value) == sentence


def test_an_instance_has_the_compiled_value_or_the_default_of_rds() -> None:
    compiled, _ = compile_parameters({"work_mem": "16MB", "random_page_cost": 1.1, "shared_buffers": "50%"})
    names = ("work_mem", "random_page_cost", "shared_buffers", "max_connections", "rds.force_ssl", "log_statement")
    assert [effective(name, compiled, class_memory_bytes=4 * GIB) for name in names] == [
        16384,
        1.1,
        262144,
        450,
        True,
        "none",
    ]
    assert effective_integer("max_slot_wal_keep_size", compiled, class_memory_bytes=4 * GIB) == -1


def test_effective_refuses_what_it_cannot_answer() -> None:
    with pytest.raises(KeyError, match="rds.new_thing"):
        effective("rds.new_thing", (), class_memory_bytes=GIB)
    with pytest.raises(TypeError, match="^autovacuum is not an integer parameter$"):
        effective_integer("autovacuum", (), class_memory_bytes=GIB)


def test_base_units_are_counted_in_bytes() -> None:
    assert bytes_of("shared_buffers", 131072) == GIB
    assert bytes_of("work_mem", 16384) == 16 * 2**20
    assert bytes_of("max_slot_wal_keep_size", 1024) == GIB
    with pytest.raises(ValueError, match="^max_slot_wal_keep_size = -1 is no amount of bytes$"):
        bytes_of("max_slot_wal_keep_size", -1)
    with pytest.raises(TypeError, match="^checkpoint_timeout is not a size$"):
        bytes_of("checkpoint_timeout", 300)


@pytest.mark.parametrize(
    ("name", "asked", "memory", "shown"),
    [
        ("shared_buffers", "25%", 4 * GIB, "{DBInstanceClassMemory/32768}, about 1 GiB"),
        ("shared_buffers", "25%", 4_020_000_000, "{DBInstanceClassMemory/32768}, about 958.4 MiB"),
        ("log_min_duration_statement", "1500ms", GIB, "1500 ms = 1.5 s"),
        ("log_min_duration_statement", -1, GIB, "-1 = off"),
        ("log_min_duration_statement", 0, GIB, "0 = every statement"),
        ("max_slot_wal_keep_size", -1, GIB, "-1 = no limit"),
        ("work_mem", "100kB", GIB, "100 kB"),
        ("checkpoint_timeout", "45s", GIB, "45 s"),
        ("max_connections", 300, GIB, "300"),
        ("autovacuum", True, GIB, "1 = on"),
        ("log_connections", "off", GIB, "0 = off"),
        ("random_page_cost", 1.1, GIB, "1.1"),
        ("pg_stat_statements.track", "top", GIB, "TOP"),
    ],
)
def test_a_person_can_read_what_rds_gets(name: str, asked: HumanValue, memory: int, shown: str) -> None:
    assert display(compile_parameter(name, asked), memory) == shown
