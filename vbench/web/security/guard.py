"""What may reach the page: an allow-list of routes, sizes, times, rates and accounts, in front of everything else."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ipaddress
import logging
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vbench.web.security.auth import Accounts, basic_words
from vbench.web.security.headers import RefusedRequest, SecuredAnswer
from vbench.web.security.policy import CLIENT_HEADER, Policy, is_trusted_host, is_trusted_origin
from vbench.web.words import locale_of

log = logging.getLogger(__name__)

UI = "/ui"
"""Where the Gradio pages are mounted."""
MAX_BODY_BYTES = 1_000_000
MAX_UPLOAD_BYTES = 2_000_000_000
MAX_NAME = 255
"""Letters of one part of an address; file systems know no longer names either."""
MAX_PATH = 2000
BODY_TIMEOUT_S = 20.0
UPLOAD_TIMEOUT_S = 3600.0
UNREAD_BYTES, UNREAD_S = 16_000_000, 2.0
"""So much of a refused body is read all the same: a browser that is still sending would not see why it was refused."""
MAX_PICTURE_BYTES = 40_000_000
"""More than tools take, so that they say themselves what they do."""
UPLOADS, PICTURES = "/api/v1/uploads", "/api/v1/pictures"
SESSION_COOKIE = "vbench_session"
DEVICE_COOKIE = "vbench_device"
WITHOUT_ACCOUNT = frozenset({"/login", "/healthz", "/favicon.ico", "/robots.txt"})
FOR_GUESTS = "/review/"
"""Its routes ask for the password of the link themselves."""
SHOWN_TO_GUESTS = "/static/"
"""The page's own scripts and style, which say nothing of a bench."""
SAFE_METHODS = frozenset({"GET", "HEAD"})
METHODS = SAFE_METHODS | {"POST", "PUT", "DELETE"}

_OURS = re.compile(r"/(?:|login|logout|healthz|favicon\.ico|robots\.txt|(?:media|static|api/v1|arena/media|review)/.+)")
_GRADIO = re.compile(
    r"/(?:assets/.+|static/.+|svelte/.+|theme\.css|favicon\.ico|manifest\.json|gradio_api/(?:theme\.css|startup-events))"
)
"""All of Gradio that the pages use: its own files, read. They call no Python through it, so that everything else
(queue, upload, file, proxy, info, config, monitoring, runs, ...) stays closed."""
_STRANGE = re.compile(r"[\x00-\x1f\x7f\\]|//|/\.\.(?:/|$)")
"""Control characters, backslashes, empty parts and steps upwards: no address of this page has them."""


def is_open_route(method: str, path: str, pages: frozenset[str]) -> bool:
    """Whether the application itself uses this route; everything else is closed."""
    if _STRANGE.search(path) or len(path) > MAX_PATH or any(len(part) > MAX_NAME for part in path.split("/")):
        return False
    if not (path == UI or path.startswith(f"{UI}/")):
        return _OURS.fullmatch(path) is not None
    inner = path[len(UI) :]
    return method in SAFE_METHODS and (inner.strip("/") in pages or _GRADIO.fullmatch(inner) is not None)


class RateLimit:
    """How often one visitor may do something.

    A bucket of tokens per key, refilled evenly; keys are hashed, and the oldest are forgotten.
    """

    def __init__(self, per_minute: float, *, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = per_minute / 60, burst, clock
        self._salt = secrets.token_bytes(16)
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """Take a token: 0 where there was one, else the seconds until there is."""
        hashed = hashlib.blake2b(key.encode(), key=self._salt, digest_size=12).digest()
        now = self._clock()
        tokens, then = self._buckets.pop(hashed, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._rate
        self._buckets[hashed] = (tokens - 1 if tokens >= 1 else tokens, now)
        if len(self._buckets) > 20_000:
            self._buckets.popitem(last=False)
        return wait


class PasswordTries:
    """How often passwords may be tried, in the form and by scripts together.

    One address may try a few a minute. Over all addresses an account has a wider limit, which no single address can use
    up, and which does not hold for where it was signed in before: no stranger keeps its owner out.
    """

    def __init__(self) -> None:
        self._by_address = RateLimit(6, burst=6)
        self._by_name = RateLimit(60, burst=60)
        self._good: OrderedDict[tuple[str, str], None] = OrderedDict()
        """(address, account) of those that were right."""

    def wait_s(self, address: str, name: str, *, is_known: bool = False) -> float:
        """Take a try: 0 where there was one, else the seconds until there is.

        Args:
            address: Where from.
            name: Of the account.
            is_known: The browser was signed in to this account before.
        """
        if wait := self._by_address.wait_s(address):
            return wait
        return 0.0 if is_known or (address, name) in self._good else self._by_name.wait_s(name)

    def was_right(self, address: str, name: str) -> None:
        """Remember where an account's owner is."""
        self._good[address, name] = None
        if len(self._good) > 10_000:
            self._good.popitem(last=False)


class Guard:
    """The outermost layer: nothing reaches the application, Gradio's part included, that the policy does not name.

    Args:
        app: The application.
        policy: Who is let in, from where.
        pages: Names of the Gradio pages; empty for the first.
        accounts: Who may in; None: everyone.
        tries: Of passwords; shared with the form.
        edition: Said with every answer of the API; see `vbench.web.files.edition`.
    """

    def __init__(
        self,
        app: ASGIApp,
        policy: Policy,
        pages: frozenset[str],
        accounts: Accounts | None = None,
        edition: str = "",
        tries: PasswordTries | None = None,
    ) -> None:
        self._app, self._policy, self._pages, self._accounts = app, policy, pages, accounts
        self._edition = edition
        self._tries = tries or PasswordTries()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope=scope)
        edition = self._edition if scope["path"].startswith("/api/") else ""
        answer = SecuredAnswer(send, self._policy, edition, locale_of(headers.get("accept-language", "")))
        try:
            body = self._checked(scope, headers, receive, answer)
            if self._accounts is not None:
                await self._identify(scope, headers, self._accounts)
            await self._app(scope, body, answer.send)
        except RefusedRequest as refusal:
            if scope["method"] not in SAFE_METHODS:
                await _read_away(receive)
            await answer.refuse(refusal)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            await answer.refuse(RefusedRequest(500, "the page met a bug; its log has the traceback"))

    def _checked(self, scope: Scope, headers: Headers, receive: Receive, answer: SecuredAnswer) -> Receive:
        method, path, server = scope["method"], scope["path"], scope.get("server")
        host = headers.get("host", "")
        if not is_trusted_host(host, self._policy, server):
            raise RefusedRequest(
                421,
                f"this page does not answer to {host[:100]!r}; open it by a name that it was started with, "
                "or have whoever runs it add this one",
            )
        forwarded = headers.getlist("x-forwarded-host")
        if not all(is_trusted_host(name, self._policy, server) for name in forwarded):  # Gradio writes it down
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"x-forwarded-host"]
        if method not in METHODS:
            raise RefusedRequest(405, f"{method[:20]} is not used here")
        if not is_open_route(method, path, self._pages):
            raise RefusedRequest(404, "there is nothing at this address")
        if method in SAFE_METHODS:
            return receive
        if not is_trusted_origin(headers, self._policy):
            origin = headers.get("origin", "nowhere")[:100]
            raise RefusedRequest(
                403,
                f"the request comes from {origin!r}, not from this page; reload the page, "
                f"or let a script send the header {CLIENT_HEADER}",
            )
        limit = {UPLOADS: MAX_UPLOAD_BYTES, PICTURES: MAX_PICTURE_BYTES}.get(path, MAX_BODY_BYTES)
        length = headers.get("content-length", "0")
        if not re.fullmatch(r"[0-9]{1,18}", length) or int(length) > limit:
            raise RefusedRequest(413, f"the body has {length[:20]} bytes; at most {limit} are taken")
        return _limited(receive, limit, UPLOAD_TIMEOUT_S if limit > MAX_BODY_BYTES else BODY_TIMEOUT_S, answer)

    async def _identify(self, scope: Scope, headers: Headers, accounts: Accounts) -> None:
        cookie = cookie_parser(headers.get("cookie", "")).get(SESSION_COOKIE, "")
        authorization = headers.get("authorization", "")
        name = accounts.by_session(cookie) or accounts.by_known_password(authorization)
        if name is None and authorization:
            address, claimed = client_address(scope), basic_words(authorization)[0]
            if wait := self._tries.wait_s(address, claimed):
                raise RefusedRequest(429, f"too many requests with a password; wait {wait:.0f} s, or sign in once")
            name = await accounts.in_turn(accounts.by_password, authorization)
            if name is not None:
                self._tries.was_right(address, name)
        scope.setdefault("state", {})["account"] = name
        path = scope["path"]
        if name is not None or path in WITHOUT_ACCOUNT or path.startswith((FOR_GUESTS, SHOWN_TO_GUESTS)):
            return
        if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            raise RefusedRequest(303, "sign in at /login", location="/login")
        raise RefusedRequest(401, "sign in at /login, or send a name and password (HTTP Basic)")


def client_address(scope: Scope) -> str:
    """Where a request came from; used for rates only, and never stored.

    Of IPv6 the network (/64), since one line has as many addresses in it as it likes.
    """
    client = scope.get("client")
    if not client or ":" not in client[0]:
        return client[0] if client else ""
    try:
        address = ipaddress.IPv6Address(client[0].partition("%")[0])
    except ValueError:
        return str(client[0])
    return str(address.ipv4_mapped or ipaddress.IPv6Network((address, 64), strict=False))


def _limited(receive: Receive, limit_bytes: int, limit_s: float, answer: SecuredAnswer) -> Receive:
    """`receive`, up to a size and a time for the whole body; afterwards it waits for the client as before."""
    end = time.monotonic() + limit_s
    taken, is_complete = 0, False

    async def limited() -> Message:
        nonlocal taken, is_complete
        if is_complete:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), max(0.0, end - time.monotonic()))
        except TimeoutError:
            raise answer.must_be(408, f"the body did not arrive within {limit_s:.0f} s; send it again") from None
        taken += len(message.get("body", b""))
        if taken > limit_bytes:
            raise answer.must_be(413, f"the body has more than {limit_bytes} bytes; send less")
        is_complete = not message.get("more_body", False)
        return message

    return limited


async def _read_away(receive: Receive) -> None:
    """Take in what a visitor is still sending, within limits."""
    end, taken, is_more = time.monotonic() + UNREAD_S, 0, True
    with contextlib.suppress(TimeoutError):
        while is_more and taken < UNREAD_BYTES:
            message = await asyncio.wait_for(receive(), max(0.0, end - time.monotonic()))
            taken += len(message.get("body", b""))
            is_more = message.get("more_body", False)
