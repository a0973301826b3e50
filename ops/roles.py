"""`roles check|apply`: invokes the Lambda function that makes the database's roles, and prints its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from blueprint.names import ProductNaming
from ops import console, threads
from ops.aws import Aws
from ops.clock import Clock
from ops.durations import format_duration
from ops.errors import Interrupted, OpsError, code_of
from ops.progress import LINE_SECONDS
from ops.stack import check_owner, not_made

WORKS: Final = "works"


def invoke(aws: Aws, clock: Clock, names: ProductNaming, action: str) -> None:
    """Invoke the function once and print what it did. `action`: check or apply. Raises OpsError on drift or failure."""
    function, began = names.function("roles"), clock.monotonic()
    _refuse_foreign(aws, names, function)
    console.note(f"{function}: {action} ...")
    try:
        answer = threads.gather(
            {"": lambda: _answer(aws, function, action)},
            every_seconds=LINE_SECONDS,
            waiting=lambda seconds: console.note(
                f"{function}: {action} ..., {format_duration(timedelta(seconds=seconds))}"
            ),
        )[""]
    except KeyboardInterrupt:
        raise Interrupted(
            f"No longer waiting; {function} goes on. See what it did: python -m ops roles check -s {names.environment}"
        ) from None
    if isinstance(answer, BaseException):
        raise answer
    _show(names.environment, function, action, answer, format_duration(timedelta(seconds=clock.monotonic() - began)))


def ask(aws: Aws, names: ProductNaming, action: str) -> dict[str, Any]:
    """The function's answer to an action that changes nothing. Raises OpsError, and AWS's errors."""
    function = names.function("roles")
    _refuse_foreign(aws, names, function)
    return _answer(aws, function, action)


def _refuse_foreign(aws: Aws, names: ProductNaming, function: str) -> None:
    try:
        answer = aws.client("lambda").get_function(FunctionName=function)
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            raise not_made(names, f"function {function}", aws.region) from None
        raise
    if "TagsError" in answer:
        raise OpsError(f"The tags of {function} are not to be seen. Use a role that may call lambda:ListTags.")
    check_owner(names, function, answer.get("Tags") or {}, "it is not invoked")


def _answer(aws: Aws, function: str, action: str) -> dict[str, Any]:
    reply = aws.client("lambda").invoke(
        FunctionName=function, InvocationType="RequestResponse", Payload=json.dumps({"action": action})
    )
    payload = reply["Payload"].read()
    try:
        answer = json.loads(payload)
    except ValueError:
        answer = None
    log = f"Its log: aws logs tail /aws/lambda/{function} --since 15m"
    if reply.get("FunctionError"):
        failure = answer if isinstance(answer, dict) else {}
        kind, message = failure.get("errorType", reply["FunctionError"]), failure.get("errorMessage", "no message")
        raise OpsError(f"{function} ended with {kind}: {str(message).rstrip('.')}. {log}")
    if not isinstance(answer, dict) or not isinstance(answer.get("ok"), bool):
        raise OpsError(f"{function} answered what no roles function answers. Is its code this project's? {log}")
    return answer


def _show(stack: str, function: str, action: str, answer: Mapping[str, Any], took: str) -> None:
    drift, changed = list(answer.get("drift") or ()), list(answer.get("changed") or ())
    logins: dict[str, str] = dict(answer.get("logins") or {})
    refused = [role for role, result in logins.items() if result != WORKS]
    alone = list(answer.get("others") or ())
    for title, lines in (("changed", changed), ("drift", drift), ("of somebody else, and left alone", alone)):
        if lines:
            console.say(f"{title}:")
            console.table([("", line) for line in lines])
    if logins:
        console.say("logins:")
        console.table([("", role, result) for role, result in logins.items()])
    done = f"{len(changed)} changed, " if action == "apply" else ""
    console.say(f"{function}: {action} took {took}, {done}{len(drift)} drifted, {len(refused)} cannot log in")
    if not answer["ok"] or drift or refused:
        way_out = "Mend them" if action == "check" else "What is left is for a person; when it is done, run again"
        raise OpsError(
            f"The database's roles are not as the program has them. {way_out}: python -m ops roles apply -s {stack}"
        )
