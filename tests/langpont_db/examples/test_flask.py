"""examples/web_flask.py, in two processes, while the replicas are behind."""

from __future__ import annotations

from langpont_db.middleware import COOKIE
from tests.langpont_db.conftest import Platform, replay_paused
from tests.langpont_db.examples.conftest import Run


def test_what_a_client_wrote_is_found_by_the_other_process(platform: Platform, run: Run) -> None:
    first, second = (run("web_flask")["app"].test_client() for _ in range(2))
    with replay_paused(platform, "replica-1", "replica-2"):
        posted = first.post("/notes", json={"body": "hello"})
        page = f"/notes/{posted.json['id']}"
        assert second.get(page).status_code == 404  # a stranger, whose replica is behind
        name, value = posted.headers["Set-Cookie"].split(";")[0].split("=")
        assert name == COOKIE
        second.set_cookie(name, value)
        assert second.get(page).json == {"body": "hello"}


def test_its_status_page_says_where_reads_went(run: Run) -> None:
    client = run("web_flask")["app"].test_client()
    assert client.get("/notes/0").status_code == 404
    status = client.get("/status").json
    assert (status["reads"], [one["fault"] for one in status["replicas"]]) == ({"replica": 1}, [None, None])
