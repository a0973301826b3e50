"""Which errors invalidate a whole pool, without a server."""

from __future__ import annotations

from types import SimpleNamespace

import psycopg
import pytest

from langpont_db.engines import READING, _translate


def given_up(error: BaseException, options: dict[str, object]) -> bool:
    connection = SimpleNamespace(get_execution_options=lambda: options)
    context = SimpleNamespace(original_exception=error, connection=connection, is_disconnect=False, engine=None)
    _translate(context)  # type: ignore[arg-type]
    return bool(context.is_disconnect)


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        ("57P01", True),  # the server was stopped
        ("57P02", True),  # or crashed
        ("57P03", True),  # or is starting
        ("25006", True),  # it has become a standby
        ("08000", True),
        ("08003", True),
        ("08006", True),
        ("08P01", True),  # what PgBouncer says of a server that it cannot reach
        ("57014", False),  # a statement timeout
        ("40001", False),
        ("23505", False),
        ("42501", False),
        ("28P01", False),
    ],
)
def test_the_pool_is_given_up_after_a_failover_and_not_otherwise(sqlstate: str, expected: bool) -> None:
    assert given_up(psycopg.errors.lookup(sqlstate)(), {}) is expected


def test_a_refused_write_in_a_reading_transaction_is_no_failover() -> None:
    assert not given_up(psycopg.errors.ReadOnlySqlTransaction(), dict(READING))
    assert given_up(psycopg.errors.AdminShutdown(), dict(READING))


def test_an_error_without_a_state_is_left_to_the_driver() -> None:
    assert not given_up(ValueError(), {})
