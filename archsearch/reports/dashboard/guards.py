"""Which requests are answered: those that name this machine, only read, and where there is a token have it."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""What a browser on this machine calls it. Another name that leads here is a trick to read the pages from elsewhere."""

COOKIE = "archsearch"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""Of a picture, which holds its own styles and can do nothing else."""

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every answer that does not say otherwise."""


def is_loopback(host: str) -> bool:
    """Whether an address is one that only this machine reaches."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bracketed(host: str) -> str:
    """Return an address as it stands in a URL and in the header Host."""
    return f"[{host}]" if ":" in host else host


def guards(host: str, token: str | None) -> Sequence[Middleware]:
    """Return what every request passes, the outermost first.

    Args:
        host: The address that is listened at.
        token: What a browser has to show; None for nothing.
    """
    hosts = list(dict.fromkeys([*LOOPBACK, bracketed(host)]))
    passed = [
        Middleware(SafeHeaders),
        Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
    ]
    passed.append(Middleware(ReadsOnly))
    return [*passed, Middleware(TokenGuard, token=token)] if token else passed


class SafeHeaders:
    """Adds the headers that keep a browser from doing more than showing a page.

    Args:
        app: What answers.

    Attributes:
        app: The same.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, sent)


class ReadsOnly:
    """Refuses whatever is not GET or HEAD, for every address: there is nothing that a request could change.

    Args:
        app: What answers.

    Attributes:
        app: The same.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            refused = PlainTextResponse("The pages can only be read.\n", 405, {"allow": "GET, HEAD"})
            await refused(scope, receive, send)
        else:
            await self.app(scope, receive, send)


class TokenGuard:
    """Answers only who has the token: first in the address, then in a cookie that no script and no other site can use.

    Args:
        app: What answers.
        token: The token.

    Attributes:
        app, token: The same.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or self._is(shown_cookie(Headers(scope=scope).get("cookie", ""))):
            await self.app(scope, receive, send)
            return
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])
        await self._answer(given[0])(scope, receive, send)

    def _answer(self, given: str) -> Response:
        if not self._is(given):
            return PlainTextResponse("Open the address that the program printed, with its token.\n", 403)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, self.token, httponly=True, samesite="strict")
        return answer

    def _is(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())


def shown_cookie(header: str) -> str:
    """Return the token that a browser shows; empty if it shows none."""
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
