"""`credentials rotate`: begun in Secrets Manager and followed to its end, by what AWS says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from blueprint.postgres.roles import PASSWORD_ROLES
from tests.ops import Outcome, pairs
from tests.ops.healthy import TAGS, ago

Ops = Callable[..., Outcome]
ARN = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:langpont-prod/database/langpont_app-AbCdEf"
BEFORE, AFTER = {"old": ["AWSCURRENT"]}, {"old": ["AWSPREVIOUS"], "new": ["AWSCURRENT"]}


def secret(**other: Any) -> dict[str, Any]:
    return {"ARN": ARN, "RotationEnabled": True, "Tags": pairs(TAGS), "VersionIdsToStages": BEFORE} | other


def log(*lines: str) -> Callable[[Any], dict[str, Any]]:
    """Lines that come once the rotation has begun: nothing is there at the first look."""
    looks = iter(range(1000))
    return lambda _: {"events": events(*lines) if next(looks) else []}


def events(*lines: str) -> list[dict[str, str]]:
    return [{"eventId": line, "message": f"[WARNING]\t2026-11-21T03:00:00Z\tid\t{ARN}: {line}\n"} for line in lines]


def canned(answers: dict[str, Any], *described: dict[str, Any], **other: Any) -> list[str]:
    """Each DescribeSecret gets the next of these, the last one ever after; the calls that were made."""
    calls: list[str] = []
    left = list(described)

    def described_next(_: Any) -> dict[str, Any]:
        return left.pop(0) if len(left) > 1 else left[0]

    def noted(name: str, answer: dict[str, Any]) -> Callable[[Any], dict[str, Any]]:
        def call(parameters: Any) -> dict[str, Any]:
            calls.append(f"{name} {sorted(parameters)}")
            return answer

        return call

    answers |= {
        "DescribeSecret": described_next,
        "RotateSecret": noted("RotateSecret", {"VersionId": "new"}),
        "UpdateSecretVersionStage": noted("UpdateSecretVersionStage", {}),
        "ListSecretVersionIds": {"Versions": [{"VersionId": "stuck", "CreatedDate": ago(hours=3)},
                                              {"VersionId": "new", "CreatedDate": ago(minutes=2)}]},
        "FilterLogEvents": log("createSecret: done"),
    } | other  # fmt: skip
    return calls


def test_a_rotation_is_begun_and_followed_to_its_end(ops: Ops, answers: dict[str, Any]) -> None:
    calls = canned(answers, secret(), secret(), secret(VersionIdsToStages=AFTER))
    assert ops("credentials", "rotate", "langpont_app", "-s", "prod") == Outcome(
        0,
        "langpont_app: rotated in 3 s; the login of before works until the next rotation\n",
        "langpont_app: rotation: setSecret, 25 %, 0 s\n",
    )
    assert calls == ["RotateSecret ['SecretId']"]


def test_why_it_failed_is_said(ops: Ops, answers: dict[str, Any]) -> None:
    canned(answers, secret(), FilterLogEvents=log("createSecret: done", "testSecret: failed: Not every host follows."))
    code, out, err = ops("credentials", "rotate", "langpont_app", "-s", "prod")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == (
        "ops: langpont_app: Not every host follows. Then: python -m ops credentials rotate langpont_app -s prod"
    )


def test_why_it_failed_is_found_behind_a_page_without_a_line(ops: Ops, answers: dict[str, Any]) -> None:
    looks = iter(range(1000))

    def page(parameters: Any) -> dict[str, Any]:
        if "nextToken" not in parameters:
            return {"events": [], "nextToken": "2"}
        return {"events": events("testSecret: failed: Too late.") if next(looks) else []}

    canned(answers, secret(), FilterLogEvents=page)
    code, _, err = ops("credentials", "rotate", "langpont_app", "-s", "prod")
    assert (code, "Too late." in err) == (1, True)


def test_what_the_rotation_before_said_is_not_taken_for_this_ones(ops: Ops, answers: dict[str, Any]) -> None:
    """Another try comes within seconds, and clocks differ."""
    of_before = {"events": events("createSecret: done", "testSecret: failed: Too late.")}
    canned(answers, secret(), secret(), secret(VersionIdsToStages=AFTER), FilterLogEvents=of_before)
    assert ops("credentials", "rotate", "langpont_app", "-s", "prod") == Outcome(
        0,
        "langpont_app: rotated in 3 s; the login of before works until the next rotation\n",
        "langpont_app: rotation: createSecret, 0 %, 0 s\n",
    )


def test_an_interruption_says_whether_the_rotation_goes_on(ops: Ops, answers: dict[str, Any]) -> None:
    def interrupt(_: Any) -> Any:
        raise KeyboardInterrupt

    see = "See what became of it: python -m ops doctor -s prod"
    canned(answers, secret(), RotateSecret=interrupt)
    assert ops("credentials", "rotate", "langpont_app", "-s", "prod") == Outcome(
        130, "", f"ops: A rotation of langpont_app may have begun. {see}\n"
    )
    looks = iter(range(1000))
    canned(answers, secret(), FilterLogEvents=lambda _: interrupt(_) if next(looks) else {"events": []})
    assert ops("credentials", "rotate", "langpont_app", "-s", "prod") == Outcome(
        130, "", f"ops: No longer waiting; the rotation goes on. {see}\n"
    )


def test_one_that_is_under_way_is_followed_and_one_that_nobody_is_at_is_given_up(
    ops: Ops, answers: dict[str, Any]
) -> None:
    pending = secret(VersionIdsToStages=BEFORE | {"new": ["AWSPENDING"]})
    tried: list[str] = []

    def refused(_: Any) -> Any:
        tried.append("again")
        message = "A previous rotation isn't complete. That rotation will be reattempted."
        raise ClientError({"Error": {"Code": "InvalidRequestException", "Message": message}}, "RotateSecret")

    calls = canned(answers, pending, secret(VersionIdsToStages=AFTER), RotateSecret=refused)
    assert ops("credentials", "rotate", "langpont_app", "-s", "prod").code == 0
    assert (calls, tried) == ([], ["again"])
    stuck = secret(VersionIdsToStages=BEFORE | {"stuck": ["AWSPENDING"]})
    calls = canned(answers, stuck, secret(VersionIdsToStages=AFTER))
    code, _, err = ops("credentials", "rotate", "langpont_app", "-s", "prod")
    assert (code, err) == (0, "langpont_app: an earlier rotation did not end; it is given up, and another begins\n")
    assert calls == [
        "UpdateSecretVersionStage ['RemoveFromVersionId', 'SecretId', 'VersionStage']", "RotateSecret ['SecretId']"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("role", "found", "said"),
    [
        ("langpont_admin", secret(), "langpont_admin is no role whose password is rotated. Choose from "
         f"{', '.join(PASSWORD_ROLES)}."),
        ("langpont_app", secret(RotationEnabled=False), "langpont-prod/database/langpont_app is not rotated. Set "
         "credentials.rotateEveryDays in Pulumi.prod.yaml, or raise langpont_app in credentials.passwordVersions, and "
         "run pulumi up."),
        ("langpont_app", secret(Tags=[]), "langpont-prod/database/langpont_app is not of stack prod by its tags (no "
         "Environment, no Project), so it is left alone. Correct the tags, or the stack's name."),
    ],
)  # fmt: skip
def test_what_is_not_to_be_rotated_is_refused(
    ops: Ops, answers: dict[str, Any], role: str, found: dict[str, Any], said: str
) -> None:
    canned(answers, found)
    assert ops("credentials", "rotate", role, "-s", "prod") == Outcome(1, "", f"ops: {said}\n")
