"""examples/web_fastapi.py, in two processes, while the replicas are behind."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from langpont_db.middleware import COOKIE
from tests.langpont_db.conftest import Platform, replay_paused
from tests.langpont_db.examples.conftest import Run


def client(run: Run) -> Any:
    return TestClient(run("web_fastapi")["app"])


def test_what_a_client_wrote_is_found_by_the_other_process(platform: Platform, run: Run) -> None:
    with client(run) as first, client(run) as second, replay_paused(platform, "replica-1", "replica-2"):
        posted = first.post("/notes", json={"body": "hello"})
        page = f"/notes/{posted.json()['id']}"
        assert second.get(page).status_code == 404  # a stranger, whose replica is behind
        second.cookies.set(COOKIE, posted.cookies[COOKIE])
        assert second.get(page).json() == {"body": "hello"}


def test_its_status_page_says_where_reads_went(run: Run) -> None:
    with client(run) as page:
        assert page.get("/notes/0").status_code == 404
        status = page.get("/status").json()
    assert (status["reads"], [one["fault"] for one in status["replicas"]]) == ({"replica": 1}, [None, None])
