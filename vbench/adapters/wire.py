"""The shared HTTP part of hosted adapters: one POST at most, free GETs, keys to one origin."""

from __future__ import annotations

import functools
import logging
import random
import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from vbench._version import __version__
from vbench.adapters.response import ACCEPTED, HTTP_REASONS, Response, TooLargeError, read_response
from vbench.adapters.secrets import expand, redact, silence_logs
from vbench.errors import AuthError, CatalogError, JobError, NotStartedError
from vbench.records import Reason

LONGEST_WAIT_S = 5.0
"""A longer wait is left to the caller, who can stop meanwhile."""

_GONE = re.compile(r"\bmodel\b.{0,80}(not found|not exist|no longer|deprecated|retired|shut ?down)", re.I | re.S)
"""How tools say that a model was taken away."""

SAME_ELSEWHERE = (307, 308)
"""Redirects that ask for the same request at another address, so that nothing began here; after the others (see other,
found) it may well have."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """Where a key goes; its value may refer to environment variables."""

    value: str
    header: str = ""
    query: str = ""


@functools.cache
def trusted() -> ssl.SSLContext:
    """The certificates that connections trust; read once, since that takes longer than a request."""
    return httpx.create_ssl_context()


class Wire:
    """A connection to one tool.

    Args:
        model: Card id, for messages.
        base_url: The configured origin and path; the only place the key goes. May refer to the environment.
        auth: How the key is sent; None: the tool needs none.
        headers: Sent with every call; no keys.
        timeout_s: Longest silence on the line.
        sleep: For tests.
    """

    def __init__(
        self,
        *,
        model: str,
        base_url: str,
        auth: Auth | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
        attempts: int = 4,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        silence_logs()
        self.model, self.auth, self.headers = model, auth, dict(headers or {})
        self.base_url = expand(base_url, model=model).rstrip("/")
        if not _is_web(self.base_url):
            raise CatalogError(f"{model}: base_url {redact(self.base_url)!r} is not an http address; correct the card")
        self._attempts, self._sleep = attempts, sleep
        trust = trusted()
        agent = {"user-agent": f"vbench/{__version__}", "accept-encoding": ACCEPTED}
        timeout = httpx.Timeout(timeout_s, connect=15.0)
        self._reads = httpx.Client(timeout=timeout, headers=agent, follow_redirects=False, verify=trust)
        # Without kept connections: one that the server closed meanwhile would make a POST's outcome unknown.
        self._writes = httpx.Client(
            timeout=timeout,
            headers=agent,
            follow_redirects=False,
            verify=trust,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def close(self) -> None:
        self._reads.close()
        self._writes.close()

    def url(self, path: str) -> str:
        """The address of a path below the base; an address of the same origin is left as it is.

        Raises:
            JobError: it is another origin, where the key must not go.
        """
        if not path.startswith(("http://", "https://")):
            path = self.base_url + path
        try:
            there = origin(path)
        except (httpx.InvalidURL, UnicodeError):  # too long, or with characters that no address has
            there = "an address that is none"
        if there != origin(self.base_url):
            raise JobError(
                f"{self.model}: the tool points to {there}, the key is for {origin(self.base_url)} only; "
                "nothing was sent there",
                code="provider_error",
            )
        return path

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        """Headers and query parameters that carry the key.

        Raises:
            AuthError: it is not set.
        """
        if self.auth is None:
            return {}, {}
        value = expand(self.auth.value, model=self.model, is_secret=True).strip()
        if value in {"", "Bearer"}:  # an optional key that is not set
            return {}, {}
        return ({self.auth.header: value}, {}) if self.auth.header else ({}, {self.auth.query: value})

    def post_once(
        self,
        path: str,
        *,
        json_body: Any = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
    ) -> Response:
        """Send one billable request, once.

        Args:
            json_body: Sent as JSON.
            form: Sent as multipart/form-data, also where there is no file.
            files: Field → (file name, bytes, content type).

        Raises:
            AuthError: no key.
            NotStartedError: no connection was made, so nothing was sent.
            JobError: the request left and no whole answer came (code ``outcome_unknown``).
        """
        key_headers, key_query = self.credentials()
        content: dict[str, Any] = {"json": json_body}
        if form is not None:
            parts: list[tuple[str, Any]] = [(name, (None, value.encode())) for name, value in form.items()]
            content = {"files": parts + list((files or {}).items())}
        url = self.url(path)
        try:
            with self._writes.stream(
                method,
                url,
                params=httpx.URL(url).params.merge(key_query) if key_query else None,
                headers={**self.headers, **(headers or {}), **key_headers},
                **content,
            ) as raw:
                return read_response(raw)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise NotStartedError(
                f"{self.model}: no connection to {origin(url)} ({redact(str(error)) or type(error).__name__}); "
                "nothing was sent; check the network and the address",
                code="provider_error",
            ) from None
        except (httpx.HTTPError, OSError) as error:
            raise unknown(self.model, f"the connection broke after the request left ({_name(error)})") from None

    def get(
        self,
        path: str,
        *,
        method: str = "GET",
        json_body: Any = None,
        headers: Mapping[str, str] | None = None,
        attempts: int | None = None,
    ) -> Response:
        """Ask something that costs nothing; tried again with growing pauses where the line or the tool is at fault.

        Raises:
            AuthError: no key.
            JobError: no answer after all attempts (code ``provider_error``).
        """
        key_headers, key_query = self.credentials()
        url = self.url(path)
        tries = attempts or self._attempts
        for attempt in range(1, tries + 1):
            try:
                with self._reads.stream(
                    method,
                    url,
                    params=httpx.URL(url).params.merge(key_query) if key_query else None,
                    headers={**self.headers, **(headers or {}), **key_headers},
                    json=json_body,
                ) as raw:
                    response = read_response(raw)
            except (httpx.HTTPError, OSError) as error:
                if attempt == tries or isinstance(error, TooLargeError):
                    raise JobError(
                        f"{self.model}: {origin(url)} cannot be asked ({_name(error)}); it is asked again later",
                        code="provider_error",
                    ) from None
                self._sleep(pause_s(attempt))
                continue
            log.debug("%s %s: %d", method, redact(url), response.status)
            again = response.status in {408, 425, 429} or (response.status >= 500 and response.json is None)
            wait = response.retry_after_s if response.retry_after_s is not None else pause_s(attempt)
            if not again or attempt == tries or wait > LONGEST_WAIT_S:
                return response
            self._sleep(wait)
        raise AssertionError("unreachable")

    def refuse(
        self, response: Response, *, code: str = "", message: str = "", reason: Reason | None = None
    ) -> Exception:
        """The error that a refused create call means.

        Args:
            code: The tool's own code.
            message: The tool's own words.
            reason: What the card makes of them; None: go by the HTTP status.
        """
        words = redact(" ".join(filter(None, [code, message])) or response.text)[:500]
        what = f"{self.model}: HTTP {response.status}: {words}".rstrip(": ")
        meaning = reason or HTTP_REASONS.get(response.status)
        if meaning == "bad_request" and reason is None and _GONE.search(words):
            meaning = "model_retired"
        if meaning in {"rate_limited", "concurrency"}:
            return NotStartedError(
                f"{what}; it is sent again later", code=meaning, retry_after_s=response.retry_after_s
            )
        if meaning == "auth" and response.status in {200, 401, 403}:
            return AuthError(f"{what}; the key was refused: check it, and that it belongs to {origin(self.base_url)}")
        if meaning is None and response.status in SAME_ELSEWHERE:
            return JobError(
                f"{self.model}: HTTP {response.status}: the tool redirects elsewhere; the key does not follow, "
                "correct base_url",
                code="bad_request",
            )
        if meaning is None:
            hint = "the tool redirects elsewhere, where the key does not follow (is base_url right?) "
            return unknown(self.model, f"HTTP {response.status}: {hint if 300 <= response.status < 400 else ''}{words}")
        return JobError(what, code=meaning)


def unknown(model: str, why: str) -> JobError:
    """The error for a request that may or may not have started a job."""
    return JobError(
        f"{model}: {redact(why)}; the job may exist and may be billed: look in the tool's own console. "
        "It is not sent again by itself",
        code="outcome_unknown",
    )


def _is_web(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parsed.scheme in {"http", "https"} and bool(parsed.host)


def origin(url: str) -> str:
    """Scheme, host and port of an address; nothing of it that could hold a key."""
    parsed = httpx.URL(url)
    port = parsed.port or {"https": 443, "http": 80}.get(parsed.scheme)
    return f"{parsed.scheme}://{parsed.host}:{port}"


def pause_s(attempt: int) -> float:
    """Seconds before the next attempt: doubling, with jitter so that many jobs do not come back at once."""
    return float(min(0.5 * 2 ** (attempt - 1), LONGEST_WAIT_S) * random.uniform(0.75, 1.25))


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {redact(str(error))}"[:400]
