"""What may reach the page: exact hosts and origins, an allow-list of routes, sizes, times, rates, and headers."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import json
import logging
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vbench.errors import OptionError

if TYPE_CHECKING:
    from vbench.ui.auth import Accounts

log = logging.getLogger(__name__)

UI = "/ui"
"""Where the Gradio pages are mounted."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
CLIENT_HEADER = "x-vbench-client"
"""A script that sends no Origin names itself here; a page of another site cannot, without asking first."""
MAX_BODY_BYTES = 1_000_000
MAX_UPLOAD_BYTES = 2_000_000_000
BODY_TIMEOUT_S = 20.0
UPLOAD_TIMEOUT_S = 3600.0
UPLOADS = "/api/v1/uploads"
SESSION_COOKIE = "vbench_session"
WITHOUT_ACCOUNT = frozenset({"/login", "/healthz", "/favicon.ico", "/robots.txt"})
SAFE_METHODS = frozenset({"GET", "HEAD"})
METHODS = SAFE_METHODS | {"POST", "PUT", "DELETE"}

_OURS = re.compile(r"/(?:|login|logout|healthz|favicon\.ico|robots\.txt|(?:media|static|api/v1|arena/media)/.+)")
_GRADIO = re.compile(
    r"/(?:assets/.+|static/.+|svelte/.+|theme\.css|favicon\.ico|manifest\.json|gradio_api/(?:theme\.css|startup-events))"
)
"""All of Gradio that the pages use: its own files, read. They call no Python through it, so that everything else
(queue, upload, file, proxy, info, config, monitoring, runs, ...) stays closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What a visitor may do besides looking."""

    vote: bool = True
    annotate: bool = True
    """Notes, stars, rejects."""
    generate: bool = True
    """Everything that spends money or hours: generating and scoring."""
    import_: bool = True
    delete: bool = True
    export: bool = True


LOOK_AND_VOTE = Permissions(annotate=False, generate=False, import_=False, delete=False, export=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Who is let in, from where, to do what."""

    hosts: frozenset[str]
    """Names this page answers to, lower case, with the port where it matters."""
    origins: frozenset[str] = frozenset()
    """Other origins whose pages may send to this one; its own always may."""
    public: bool = False
    may: Permissions = field(default_factory=Permissions)
    frame_ancestors: tuple[str, ...] = ("'self'",)
    embedded: bool = False
    """Shown in a frame of another site (a Hugging Face Space), so that cookies must allow that."""


def policy_for(
    host: str,
    *,
    has_auth: bool = False,
    public: bool = False,
    trusted_origins: Iterable[str] = (),
    space_host: str = "",
) -> Policy:
    """The policy for binding to `host`.

    Raises:
        OptionError: an address others can reach, with neither accounts nor the explicit word that it is public; or an
            origin that is not one.
    """
    origins = frozenset(_origin(text) for text in trusted_origins)
    is_loopback = host.strip("[]").lower() in LOOPBACK
    if not is_loopback and not has_auth and not public:
        raise OptionError(
            f"--host {host} lets others in; give --auth FILE with accounts (see vbench ui --hash-password), "
            "or --unsafe-public for a page where anyone may look and vote"
        )
    names = set(LOOPBACK) | {urlsplit(origin).netloc.lower() for origin in origins}
    if host not in ("", "0.0.0.0", "::"):
        names.add(host.strip("[]").lower())
    frames: tuple[str, ...] = ("'self'",)
    if space_host:
        names.add(space_host.lower())
        origins |= {f"https://{space_host.lower()}"}
        frames = ("'self'", "https://huggingface.co")
    return Policy(
        hosts=frozenset(names),
        origins=origins,
        public=public,
        may=LOOK_AND_VOTE if public else Permissions(),
        frame_ancestors=frames,
        embedded=bool(space_host),
    )


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/") or "*" in text:
        raise OptionError(f"--trusted-origin {text!r} is not an origin; write it as https://name or https://name:port")
    return f"{parts.scheme}://{parts.netloc}".lower()


def is_trusted_host(value: str, policy: Policy, server: tuple[str, int] | None) -> bool:
    """Whether a Host header names this page: a known name, or the very address the connection came in on.

    A foreign name would be a page of another site whose name was pointed here (DNS rebinding).
    """
    value = value.lower()
    if value in policy.hosts:
        return True
    try:
        name = urlsplit(f"//{value}").hostname or ""
        _ = urlsplit(f"//{value}").port
    except ValueError:
        return False
    if name in policy.hosts and ("/" not in value and "@" not in value):
        return True
    try:
        return server is not None and ipaddress.ip_address(name) == ipaddress.ip_address(server[0])
    except ValueError:
        return False


def is_trusted_origin(headers: Headers, policy: Policy) -> bool:
    """Whether a request that changes something comes from this page, from a trusted one, or from a script."""
    origin = headers.get("origin")
    if origin is None:
        return CLIENT_HEADER in headers
    origin = origin.lower()
    host = headers.get("host", "").lower()
    return origin in policy.origins or origin in (f"http://{host}", f"https://{host}")


def is_open_route(method: str, path: str, pages: frozenset[str]) -> bool:
    """Whether the application itself uses this route; everything else is closed."""
    if "\\" in path or "//" in path or "/../" in f"{path}/":
        return False
    if not (path == UI or path.startswith(f"{UI}/")):
        return _OURS.fullmatch(path) is not None
    inner = path[len(UI) :]
    return method in SAFE_METHODS and (inner.strip("/") in pages or _GRADIO.fullmatch(inner) is not None)


class RateLimit:
    """A bucket of tokens per key, refilled evenly; keys are hashed, and the oldest are forgotten."""

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


def content_security_policy(policy: Policy, nonce: str) -> str:
    """Only files of this page; inline scripts only those it wrote; eval stays, since Gradio's components need it."""
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            f"frame-ancestors {' '.join(policy.frame_ancestors)}",
        )
    )


class Refused(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, message: str, *, location: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.location = status, message, location


class Guard:
    """The outermost layer: nothing reaches the application, Gradio's part included, that the policy does not name.

    Args:
        app: The application.
        policy: Who is let in, from where.
        pages: Names of the Gradio pages; empty for the first.
        accounts: Who may in; None: everyone.
    """

    def __init__(
        self,
        app: ASGIApp,
        policy: Policy,
        pages: frozenset[str],
        accounts: Accounts | None = None,
    ) -> None:
        self._app, self._policy, self._pages, self._accounts = app, policy, pages, accounts
        self._password_tries = RateLimit(6, burst=6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        answer = _Answer(send, self._policy)
        try:
            headers = Headers(scope=scope)
            body = self._checked(scope, headers, receive, answer)
            if self._accounts is not None:
                await self._identify(scope, headers, self._accounts)
            await self._app(scope, body, answer.send)
        except Refused as refusal:
            await answer.refuse(refusal)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            await answer.refuse(Refused(500, "the page met a bug; its log has the traceback"))

    def _checked(self, scope: Scope, headers: Headers, receive: Receive, answer: _Answer) -> Receive:
        method, path = scope["method"], scope["path"]
        if not is_trusted_host(headers.get("host", ""), self._policy, scope.get("server")):
            raise Refused(421, f"this page does not answer to {headers.get('host', '')!r}; use --trusted-origin")
        if method not in METHODS:
            raise Refused(405, f"{method} is not used here")
        if not is_open_route(method, path, self._pages):
            raise Refused(404, "there is nothing at this address")
        if method in SAFE_METHODS:
            return receive
        if not is_trusted_origin(headers, self._policy):
            raise Refused(
                403,
                f"the request comes from {headers.get('origin', 'nowhere')!r}, not from this page; reload the page, "
                f"or let a script send the header {CLIENT_HEADER}",
            )
        is_upload = path == UPLOADS
        limit = MAX_UPLOAD_BYTES if is_upload else MAX_BODY_BYTES
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > limit:
            raise Refused(413, f"the body has {length} bytes; at most {limit} are taken")
        return _limited(receive, limit, UPLOAD_TIMEOUT_S if is_upload else BODY_TIMEOUT_S, answer)

    async def _identify(self, scope: Scope, headers: Headers, accounts: Accounts) -> None:
        cookie = cookie_parser(headers.get("cookie", "")).get(SESSION_COOKIE, "")
        authorization = headers.get("authorization", "")
        name = accounts.by_session(cookie) or accounts.by_known_password(authorization)
        if name is None and authorization:
            if wait := self._password_tries.wait_s(client_address(scope)):
                raise Refused(429, f"too many requests with a password; wait {wait:.0f} s, or sign in once")
            name = await asyncio.to_thread(accounts.by_password, authorization)
        scope.setdefault("state", {})["account"] = name
        if name is not None or scope["path"] in WITHOUT_ACCOUNT:
            return
        if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            raise Refused(303, "sign in at /login", location="/login")
        raise Refused(401, "sign in at /login, or send a name and password (HTTP Basic)")


def client_address(scope: Scope) -> str:
    """Where a request came from; used for rates only, and never stored."""
    client = scope.get("client")
    return client[0] if client else ""


def _limited(receive: Receive, limit_bytes: int, limit_s: float, answer: _Answer) -> Receive:
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


class _Answer:
    """The way out: security headers on everything, a nonce on every script of a page."""

    def __init__(self, send: Send, policy: Policy) -> None:
        self._send, self._policy = send, policy
        self._nonce = secrets.token_urlsafe(16)
        self._start: Message | None = None
        self._page: list[bytes] = []
        self._refusal: Refused | None = None
        self._is_started = False

    def must_be(self, status: int, message: str) -> Refused:
        """A refusal that goes out even where the application answers something else about the body it did not get."""
        self._refusal = Refused(status, message)
        return self._refusal

    async def send(self, message: Message) -> None:
        """Pass a message on, secured."""
        if self._refusal is not None and not self._is_started:
            await self.refuse(self._refusal)
        if self._refusal is None:
            await self._pass(message)

    async def refuse(self, refusal: Refused) -> None:
        """Answer with a sentence; where an answer is on its way, break it off."""
        if self._is_started:
            if self._refusal is None:
                raise ConnectionAbortedError(refusal.message)
            return
        body = json.dumps({"error": refusal.message}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if refusal.location:
            headers.append((b"location", refusal.location.encode()))
        await self._pass({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await self._pass({"type": "http.response.body", "body": body})

    async def _pass(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._is_started = True
            self._secure(message)
            if Headers(raw=message["headers"]).get("content-type", "").startswith("text/html"):
                self._start = message
                return
        elif self._start is not None and message["type"] == "http.response.body":
            self._page.append(message.get("body", b""))
            if message.get("more_body", False):
                return
            message = {"type": "http.response.body", "body": self._with_nonce(b"".join(self._page), self._start)}
            await self._send(self._start)
            self._start = None
        await self._send(message)

    def _with_nonce(self, page: bytes, start: Message) -> bytes:
        page = page.replace(b"<script", f'<script nonce="{self._nonce}"'.encode())
        headers = MutableHeaders(raw=start["headers"])
        if "content-length" in headers and page:  # an answer to HEAD has a length and no body
            headers["content-length"] = str(len(page))
        return page

    def _secure(self, message: Message) -> None:
        message["headers"] = [
            (name, value)
            for name, value in message.get("headers", [])
            if not name.lower().startswith(b"access-control-") and name.lower() != b"server"
        ]
        headers = MutableHeaders(raw=message["headers"])
        headers["content-security-policy"] = content_security_policy(self._policy, self._nonce)
        headers["x-content-type-options"] = "nosniff"
        headers["referrer-policy"] = "same-origin"
        headers["cross-origin-resource-policy"] = "same-origin"
        headers["permissions-policy"] = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"
        if not self._policy.embedded:
            headers["x-frame-options"] = "SAMEORIGIN"
            headers["cross-origin-opener-policy"] = "same-origin"
        headers.setdefault("cache-control", "no-store")
