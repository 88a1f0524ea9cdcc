"""Who may talk to the studio: the browser that was opened with its token, from its own page, and no one else."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADERS: Final = {
    b"content-security-policy": (
        b"default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        b"frame-ancestors 'none'"
    ),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}
SAFE_METHODS: Final = ("GET", "HEAD")
HTTP_PORT: Final = 80


class Guard:
    """An ASGI application in front of another one.

    A request must be addressed to one of the studio's own names, which a page of another site cannot arrange (DNS rebinding); it must not come
    from another site's page; and it must bring the cookie that the one-time token in the address of the first request was exchanged for.

    Args:
        application: What is guarded.
        names: Host names and addresses that are the studio's own.
        port: Where it listens.
    """

    def __init__(self, application: Application, *, names: Collection[str], port: int) -> None:
        self._application = application
        hosts = [f"[{name}]" if ":" in name else name for name in map(str.lower, names)]
        # Browsers leave the port out where it is that of HTTP.
        self._hosts = frozenset([f"{host}:{port}" for host in hosts] + (hosts if port == HTTP_PORT else []))
        self._cookie = f"p3mvideo-{secrets.token_hex(4)}"  # cookies are shared by all ports of a host
        self._session = secrets.token_urlsafe(32)
        self.token: str | None = secrets.token_urlsafe(32)
        """What the address of the first request must hold; None once it was used."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._application(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _answer(send, 403, refusal)
        elif self._has_session(headers):
            await self._application(scope, receive, _with_headers(send))
        elif self._takes_token(scope):
            cookie = f"{self._cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"
            await _answer(send, 303, "", {b"location": b"/", b"set-cookie": cookie.encode()})
        else:
            await _answer(send, 403, "This page belongs to whoever started p3mvideo studio. Open the address that it printed; it can be used once.")

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> str | None:
        if headers.get("host", "").lower() not in self._hosts:
            return "This is not an address of the studio."
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in {f"http://{host}" for host in self._hosts}:
            return "Requests of other pages are refused."
        if origin is None and scope["method"] not in SAFE_METHODS:
            return "Requests that change something must say where they come from."
        first = scope["path"] == "/" and scope["method"] == "GET"
        if not first and headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return "Requests of other pages are refused."
        return None

    def _has_session(self, headers: dict[str, str]) -> bool:
        # By hand: what other programs on this computer set comes along, and http.cookies drops all that follows a cookie that it cannot read.
        cookies = (cookie.partition("=") for cookie in headers.get("cookie", "").split(";"))
        given = [value.strip() for name, _, value in cookies if name.strip() == self._cookie]
        return any(hmac.compare_digest(value.encode(), self._session.encode()) for value in given)

    def _takes_token(self, scope: Scope) -> bool:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if self.token is None or scope["path"] != "/" or not hmac.compare_digest(given.encode(), self.token.encode()):
            return False
        self.token = None
        return True


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [(name, value) for name, value in message["headers"] if name.lower() not in HEADERS]
            message["headers"] = [*own, *HEADERS.items()]
        await send(message)

    return sending


async def _answer(send: Send, status: int, text: str, headers: dict[bytes, bytes] | None = None) -> None:
    body = text.encode()
    start = {b"content-type": b"text/plain; charset=utf-8", b"content-length": str(len(body)).encode(), **HEADERS, **(headers or {})}
    await send({"type": "http.response.start", "status": status, "headers": list(start.items())})
    await send({"type": "http.response.body", "body": body})
