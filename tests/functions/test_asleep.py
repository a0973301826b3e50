"""Functions of a stack that sleeps: who reaches nobody says until when, and is silent while that is right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint.aws.sleep import STARTING_MINUTES, Sleep
from functions import asleep, connection
from functions.connection import Credentials, Failed, Unreachable
from functions.metrics import handler as metrics_handler
from functions.roles import handler as roles_handler
from tests.blueprint.aws.test_sleep import sleeps

HOST = "langpont-dev-db.c0.ap-northeast-1.rds.amazonaws.com"
WHO = Credentials(host=HOST, port=5432, username="somebody", password="a secret", dbname="langpont")
NIGHT = Sleep.of_expressions("cron(0 13 * * ? *)", "cron(0 0 ? * MON,TUE,WED,THU,FRI *)")
AWAKE, ASLEEP = datetime(2026, 12, 4, 12, 59, tzinfo=UTC), datetime(2026, 12, 4, 13, 0, tzinfo=UTC)  # a Friday
STARTING = datetime(2026, 12, 7, 0, 29, tzinfo=UTC)
NO_ANSWER = f"{HOST}:5432/langpont cannot be reached as somebody: no answer in time."


@given(sleeps(), st.integers(0, 7 * 1440 - 1))
@settings(max_examples=100, deadline=None)
def test_a_function_says_what_the_blueprint_does(sleep: Sleep, minute: int) -> None:
    now = datetime.fromtimestamp(datetime(2026, 11, 30, tzinfo=UTC).timestamp() + minute * 60, UTC)
    found = asleep.asleep_until({"sleep": sleep.definition}, now)
    assert found == (sleep.asleep_until(now) or _started(sleep, now))


def _started(sleep: Sleep, now: datetime) -> datetime | None:
    """When it was told to start, for as long as it may not answer yet."""
    lately = (datetime.fromtimestamp(now.timestamp() - minutes * 60, UTC) for minutes in range(STARTING_MINUTES))
    return next(
        (
            moment
            for moment in lately
            if sleep.asleep_until(moment) is None
            and sleep.asleep_until(datetime.fromtimestamp(moment.timestamp() - 60, UTC)) is not None
        ),
        None,
    )


class Clock(datetime):
    at = AWAKE

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return cls.at


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Hosts that do not answer, and a clock; called with a moment and whether the stack sleeps at all."""

    def no_answer(*_: object, **__: object) -> None:
        raise Unreachable(NO_ANSWER)

    definition: Mapping[str, Any] = {
        "metrics": [], "instanceMetrics": [], "database": "langpont", "master": "somebody", "owner": "o", "schemas": [],
        "settings": {}, "roles": [],
    }  # fmt: skip
    monkeypatch.setattr(connection, "connect", no_answer)
    monkeypatch.setattr(connection, "credentials", lambda _: WHO)
    monkeypatch.setenv("SECRET_ARN", "arn")
    monkeypatch.setenv("SECRET_ARNS", '{"somebody": "arn"}')
    monkeypatch.setenv("HOSTS", json.dumps({"primary": HOST}))

    def at(moment: datetime, sleep: Sleep | None = NIGHT) -> None:
        file = tmp_path / "definition.json"
        file.write_text(json.dumps({**definition, **({"sleep": sleep.definition} if sleep else {})}))
        for module in (metrics_handler, roles_handler):
            monkeypatch.setattr(module, "DEFINITION", file)
            monkeypatch.setattr(module, "datetime", type("At", (Clock,), {"at": moment}))

    return at


@pytest.mark.parametrize(
    ("moment", "until"), [(ASLEEP, "2026-12-07T00:00:00+00:00"), (STARTING, "2026-12-07T00:00:00+00:00")]
)
def test_asleep_the_metrics_function_publishes_nothing_and_does_not_fail(
    silence: Any, capsys: pytest.CaptureFixture[str], moment: datetime, until: str
) -> None:
    silence(moment)
    assert metrics_handler.handler({}, None) == {
        "host": "", "published": {}, "instances": {}, "failed": {}, "asleepUntil": until,
    }  # fmt: skip
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("moment", "sleep"), [(AWAKE, NIGHT), (ASLEEP, None)])
def test_when_it_should_be_awake_a_host_that_does_not_answer_fails(
    silence: Any, moment: datetime, sleep: Sleep | None
) -> None:
    silence(moment, sleep)
    with pytest.raises(Failed, match=r"^No host lets somebody in"):
        metrics_handler.handler({}, None)
    with pytest.raises(Unreachable) as failure:
        roles_handler.handler({"action": "show"}, None)
    assert str(failure.value) == NO_ANSWER


def test_asleep_the_roles_function_says_until_when_and_how_to_start_it(silence: Any) -> None:
    """What `pulumi up` and `ops roles` show instead of a time-out."""
    silence(ASLEEP)
    with pytest.raises(Unreachable) as failure:
        roles_handler.handler({"action": "show"}, None)
    assert str(failure.value) == (
        f"{NO_ANSWER} By its schedule it is asleep until 2026-12-07 00:00 UTC. Start it now: aws rds start-db-instance "
        f"--db-instance-identifier langpont-dev-db"
    )


def test_just_started_the_roles_function_says_when_to_try_again(silence: Any) -> None:
    silence(STARTING)
    with pytest.raises(Unreachable) as failure:
        roles_handler.handler({"action": "show"}, None)
    assert str(failure.value) == (
        f"{NO_ANSWER} By its schedule it was started at 2026-12-07 00:00 UTC, and may take until 00:30. Try it again "
        f"then."
    )
