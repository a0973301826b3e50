"""A client's position in its cookie, through Flask and through a bare ASGI application, while replicas are behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select

from langpont_db import Database, migration_engine
from langpont_db.middleware import COOKIE, ASGIMiddleware, WSGIMiddleware, request
from langpont_db.positions import to_text
from tests.langpont_db.conftest import Platform, replay_paused
from tests.langpont_db.counted import Base, Counted


@pytest.fixture(scope="module", autouse=True)
def tables(platform: Platform) -> Iterator[None]:
    engine = migration_engine(platform.migration)
    Base.metadata.create_all(engine)
    yield
    Base.metadata.drop_all(engine)


@pytest.fixture(autouse=True)
def behind(platform: Platform, databases: Callable[..., Database]) -> Iterator[None]:
    with databases().begin() as connection:
        connection.execute(delete(Counted))
    with replay_paused(platform, "replica-1", "replica-2"):
        yield


def flask(database: Database) -> Flask:
    app = Flask("langpont")
    app.wsgi_app = WSGIMiddleware(app.wsgi_app)  # type: ignore[method-assign]

    @app.post("/<int:number>")
    def write(number: int) -> str:
        with database.session() as session:
            session.add(Counted(id=number))
            session.commit()
        return ""

    @app.get("/<int:number>")
    def read(number: int) -> tuple[str, int]:
        with database.session() as session:
            return "", 404 if session.get(Counted, number) is None else 200

    return app


def test_the_page_after_a_post_is_found_by_another_process(databases: Callable[..., Database]) -> None:
    first, second = flask(databases()).test_client(), flask(databases()).test_client()
    posted = first.post("/1")
    name, value = posted.headers["Set-Cookie"].split(";")[0].split("=")
    assert name == COOKIE
    assert "Max-Age=60; Path=/; HttpOnly; SameSite=Lax" in posted.headers["Set-Cookie"]
    assert second.get("/1").status_code == 404  # somebody else, who has not written it
    second.set_cookie(COOKIE, value)
    answer = second.get("/1")
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (200, False)


@pytest.mark.parametrize("forged", ["FFFFFFFF-FFFFFFFF", '"', "=;,", "1", "0-0"])
def test_a_forged_cookie_breaks_nothing(databases: Callable[..., Database], forged: str) -> None:
    client = flask(databases()).test_client()
    assert client.get("/1", headers={"Cookie": f"{COOKIE}={forged}"}).status_code == 404


def test_an_asgi_application_does_the_same(databases: Callable[..., Database]) -> None:
    def application(database: Database) -> ASGIMiddleware:
        async def app(scope: Any, _receive: Any, send: Any) -> None:
            def work() -> int:  # as FastAPI runs a `def` endpoint, in a thread with the request's context
                with database.session() as session:
                    if scope["method"] == "POST":
                        session.add(Counted(id=2))
                        session.commit()
                        return 200
                    return 404 if session.scalar(select(Counted.id).where(Counted.id == 2)) is None else 200

            status = await asyncio.to_thread(work)
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        return ASGIMiddleware(app)

    async def call(app: ASGIMiddleware, method: str, cookie: bytes = b"") -> dict[str, Any]:
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await app({"type": "http", "method": method, "headers": [(b"cookie", cookie)] if cookie else []}, None, send)
        return sent[0]

    async def conversation() -> list[int]:
        first, second = application(databases()), application(databases())
        posted = await call(first, "POST")
        ((name, value),) = posted["headers"]
        assert name == b"set-cookie"
        strangers, own = await call(second, "GET"), await call(second, "GET", value.split(b";")[0])
        return [posted["status"], strangers["status"], own["status"]]

    assert asyncio.run(conversation()) == [200, 404, 200]


def test_a_task_of_a_queue_takes_a_token_along(databases: Callable[..., Database]) -> None:
    first, second = databases(), databases()
    with request() as one:
        with first.session() as session:
            session.add(Counted(id=3))
            session.commit()
        token = to_text(one.written)
    with request(after=token), second.session() as session:
        assert session.get(Counted, 3) is not None
