"""WSGI and ASGI middleware: a client's next request sees what its last one wrote, whichever process serves it.

The position of the request's last commit travels in a cookie. It is not signed and need not be: see
`Positions.believed`. A commit after the first byte of the answer is too late for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final

from langpont_db.positions import Request, current_request, to_position, to_text

COOKIE: Final = "langpont_after"
# A replica that is further behind than 30 s is not read, so an older position is replayed everywhere (`LIMITS`).
_MAX_AGE_SECONDS: Final = 60

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
ASGIApplication = Callable[[Any, Any, Callable[[Any], Awaitable[None]]], Awaitable[None]]


@contextmanager
def request(after: str | None = None) -> Iterator[Request]:
    """One request, or one task of a queue: its sessions see what is at a token's position. Yields its own position.

    `to_text(request.written)` of `langpont_db.positions` is the token for whoever comes next.
    """
    one = Request(after=to_position(after))
    before = current_request.set(one)
    try:
        yield one
    finally:
        current_request.reset(before)


def _token(cookies: str) -> str:
    try:
        found = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value.replace("-", "/")


def _cookie(one: Request) -> str | None:
    token = to_text(one.written).replace("/", "-")  # a slash would have to be quoted
    return f"{COOKIE}={token}; Max-Age={_MAX_AGE_SECONDS}; Path=/; HttpOnly; SameSite=Lax" if token else None


class WSGIMiddleware:
    """Wraps a WSGI application, such as `app.wsgi_app` of Flask."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        one = Request(after=to_position(_token(environ.get("HTTP_COOKIE", ""))))

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            cookie = _cookie(one)
            return start_response(status, [*headers, *([("Set-Cookie", cookie)] if cookie else [])], *more)

        before = current_request.set(one)
        try:
            return self._application(environ, start)
        finally:
            current_request.reset(before)


class ASGIMiddleware:
    """Wraps an ASGI application: `app.add_middleware(ASGIMiddleware)` of FastAPI and Starlette."""

    def __init__(self, app: ASGIApplication) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        cookies = "; ".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie")
        one = Request(after=to_position(_token(cookies)))

        async def send_with_cookie(message: Any) -> None:
            cookie = _cookie(one) if message["type"] == "http.response.start" else None
            if cookie:
                message = {**message, "headers": [*message.get("headers", []), (b"set-cookie", cookie.encode())]}
            await send(message)

        before = current_request.set(one)
        try:
            await self._app(scope, receive, send_with_cookie)
        finally:
            current_request.reset(before)
