"""`roles check|apply` over Lambda's own protocol: one invocation, its answer printed, its failures as sentences."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ops import console, roles
from tests.ops import Outcome

Ops = Callable[..., Outcome]
TAGS = {"Environment": "prod", "Project": "LangPont"}
FINE = {
    "action": "check", "ok": True, "changed": [], "drift": [], "others": [],
    "logins": {"langpont_admin": "works", "langpont_app": "works", "langpont_readonly": "works"},
}  # fmt: skip
NAME = "langpont-prod-roles"
LOG = f"Its log: aws logs tail /aws/lambda/{NAME} --since 15m"


@dataclass
class Lambda:
    """A function behind Lambda's REST interface. `gate`: an invocation is answered once it is set."""

    tags: dict[str, str] | None = field(default_factory=lambda: dict(TAGS))
    described: dict[str, Any] = field(default_factory=dict)
    answer: Any = field(default_factory=lambda: json.dumps(FINE).encode())
    failed: bool = False
    status: int = 200
    gate: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[str, Any]] = field(default_factory=list)


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lambda]:
    state = Lambda()
    state.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if state.tags is None:
                return self._reply(
                    404, b'{"Message": "Function not found"}', "X-Amzn-ErrorType", "ResourceNotFoundException"
                )
            answer = {"Configuration": {"FunctionName": NAME}, **state.described, "Tags": state.tags}
            return self._reply(200, json.dumps(answer).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.asked.append((self.path, json.loads(body)))
            state.gate.wait(20)
            header = ("X-Amz-Function-Error", "Unhandled") if state.failed else ()
            self._reply(state.status, state.answer, *header)

        def _reply(self, status: int, body: bytes, *header: str) -> None:
            self.send_response(status)
            if header:
                self.send_header(*header)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{server.server_address[1]}")
    yield state
    state.gate.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_check_without_drift_says_so(function: Lambda, ops: Ops) -> None:
    assert ops("roles", "check", "-s", "prod") == Outcome(
        0,
        "logins:\n"
        "  langpont_admin     works\n"
        "  langpont_app       works\n"
        "  langpont_readonly  works\n"
        f"{NAME}: check took 0 s, 0 drifted, 0 cannot log in\n",
        f"{NAME}: check ...\n",
    )
    assert function.asked == [(f"/2015-03-31/functions/{NAME}/invocations", {"action": "check"})]


@pytest.mark.parametrize("ok", [False, True])
def test_drift_is_told_and_exits_with_1(function: Lambda, ops: Ops, ok: bool) -> None:
    drift = ["role langpont_app: no LOGIN", "schema analytics: owner langpont_admin, not langpont_owner"]
    logins = {"langpont_admin": "works", "langpont_app": "wrong password"}
    function.answer = json.dumps(FINE | {"ok": ok, "drift": drift, "logins": logins}).encode()
    assert ops("roles", "check", "-s", "prod") == Outcome(
        1,
        "drift:\n"
        "  role langpont_app: no LOGIN\n"
        "  schema analytics: owner langpont_admin, not langpont_owner\n"
        "logins:\n"
        "  langpont_admin  works\n"
        "  langpont_app    wrong password\n"
        f"{NAME}: check took 0 s, 2 drifted, 1 cannot log in\n",
        f"{NAME}: check ...\n"
        "ops: The database's roles are not as the program has them. Mend them: python -m ops roles apply -s prod\n",
    )


def test_apply_says_what_it_changed(function: Lambda, ops: Ops) -> None:
    answer = FINE | {"action": "apply", "changed": ["role langpont_app: no LOGIN"], "logins": {"langpont_app": "works"}}
    function.answer = json.dumps(answer | {"others": ["role shop_app logs in here"]}).encode()
    assert ops("roles", "apply", "-s", "prod") == Outcome(
        0,
        "changed:\n"
        "  role langpont_app: no LOGIN\n"
        "of somebody else, and left alone:\n"
        "  role shop_app logs in here\n"
        "logins:\n"
        "  langpont_app  works\n"
        f"{NAME}: apply took 0 s, 1 changed, 0 drifted, 0 cannot log in\n",
        f"{NAME}: apply ...\n",
    )
    assert [event for _, event in function.asked] == [{"action": "apply"}]


def test_what_apply_leaves_is_for_a_person_and_exits_with_1(function: Lambda, ops: Ops) -> None:
    function.answer = json.dumps(FINE | {"ok": False, "drift": ["role x: SUPERUSER"], "logins": {}}).encode()
    code, out, err = ops("roles", "apply", "-s", "prod")
    assert (code, out) == (
        1, f"drift:\n  role x: SUPERUSER\n{NAME}: apply took 0 s, 0 changed, 1 drifted, 0 cannot log in\n",
    )  # fmt: skip
    assert err.splitlines()[-1] == (
        "ops: The database's roles are not as the program has them. What is left is for a person; when it is done, run "
        "again: python -m ops roles apply -s prod"
    )


def test_an_exception_of_the_function_is_a_sentence_without_its_traceback(function: Lambda, ops: Ops) -> None:
    function.failed = True
    function.answer = json.dumps(
        {"errorType": "Failed", "errorMessage": "The master cannot log in.", "stackTrace": ["File x"]}
    ).encode()
    code, out, err = ops("roles", "apply", "-s", "prod")
    assert (code, out) == (1, "")
    assert err == f"{NAME}: apply ...\nops: {NAME} ended with Failed: The master cannot log in. {LOG}\n"


@pytest.mark.parametrize("answer", [b"", b"<html>", b"null", b'"done"', b'{"drift": []}', b'{"ok": "yes"}'])
def test_an_answer_of_no_roles_function_is_a_sentence(function: Lambda, ops: Ops, answer: bytes) -> None:
    function.answer = answer
    assert ops("roles", "check", "-s", "prod") == Outcome(
        1,
        "",
        f"{NAME}: check ...\nops: {NAME} answered what no roles function answers. Is its code this project's? {LOG}\n",
    )


@pytest.mark.parametrize("status", [429, 500, 502])
def test_a_failed_invocation_is_never_repeated(function: Lambda, ops: Ops, status: int) -> None:
    function.status, function.answer = status, b"{}"
    code, out, err = ops("roles", "apply", "-s", "prod")
    assert (code, out, len(function.asked)) == (1, "", 1)
    assert err == f"{NAME}: apply ...\nops: The endpoint does not know Invoke (HTTP {status}).\n"


def test_a_function_with_another_stacks_tags_is_not_invoked(function: Lambda, ops: Ops) -> None:
    function.tags = {"Environment": "prod-eu", "Project": "LangPont"}
    assert ops("roles", "apply", "-s", "prod") == Outcome(
        1,
        "",
        f"ops: {NAME} is not of stack prod by its tags (Environment=prod-eu, Project=LangPont), so it is not invoked. "
        "Correct the tags, or the stack's name.\n",
    )
    assert function.asked == []


def test_without_sight_of_its_tags_a_function_is_not_invoked(function: Lambda, ops: Ops) -> None:
    function.tags, function.described = {}, {"TagsError": {"ErrorCode": "AccessDenied", "Message": "no"}}
    assert ops("roles", "apply", "-s", "prod") == Outcome(
        1, "", f"ops: The tags of {NAME} are not to be seen. Use a role that may call lambda:ListTags.\n"
    )
    assert function.asked == []


def test_a_stack_without_the_function_is_a_sentence(function: Lambda, ops: Ops) -> None:
    function.tags = None
    assert ops("roles", "check", "-s", "prod") == Outcome(
        1,
        "",
        f"ops: There is no function {NAME} in ap-northeast-1. pulumi up -s prod makes it; or check --stack, "
        "AWS_DEFAULT_REGION and the account.\n",
    )


def test_while_it_runs_it_says_so_now_and_then(function: Lambda, ops: Ops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roles, "LINE_SECONDS", 0.02)
    told = []

    def tell(text: str) -> None:
        told.append(text)
        if len(told) == 3:
            function.gate.set()

    function.gate.clear()
    monkeypatch.setattr(console, "note", tell)
    assert ops("roles", "check", "-s", "prod").code == 0
    assert told[:3] == [f"{NAME}: check ...", f"{NAME}: check ..., 0 s", f"{NAME}: check ..., 0 s"]


def test_ctrl_c_does_not_wait_for_the_function(function: Lambda, ops: Ops, monkeypatch: pytest.MonkeyPatch) -> None:
    function.gate.clear()
    monkeypatch.setattr(roles, "LINE_SECONDS", 0.02)

    def press(text: str) -> None:
        if text.endswith(" s"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(console, "note", press)
        patched.setattr(console, "fail", lambda sentence: print(sentence))
        code, out, _ = ops("roles", "apply", "-s", "prod")
    assert (code, out) == (
        130, f"No longer waiting; {NAME} goes on. See what it did: python -m ops roles check -s prod\n",
    )  # fmt: skip
