"""The way out: security headers on every answer, a nonce on every script of a page, refusals as sentences."""

from __future__ import annotations

import json
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Send

from vbench.web.security.policy import Policy
from vbench.web.words import translated

EDITION_HEADER = "x-vbench-edition"
"""By this a page that is open finds out that the server was upgraded; see `vbench.web.files.edition`."""


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


class RefusedRequest(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, message: str, *, location: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.location = status, message, location


class SecuredAnswer:
    """The way out: security headers on everything, a nonce on every script of a page."""

    def __init__(self, send: Send, policy: Policy, edition: str = "", locale: str = "en") -> None:
        self._send, self._policy, self._edition, self._locale = send, policy, edition, locale
        self._nonce = secrets.token_urlsafe(16)
        self._start: Message | None = None
        self._page: list[bytes] = []
        self._refusal: RefusedRequest | None = None
        self._is_started = False

    def must_be(self, status: int, message: str) -> RefusedRequest:
        """A refusal that goes out even where the application answers something else about the body it did not get."""
        self._refusal = RefusedRequest(status, message)
        return self._refusal

    async def send(self, message: Message) -> None:
        """Pass a message on, secured."""
        if self._refusal is not None and not self._is_started:
            await self.refuse(self._refusal)
        if self._refusal is None:
            await self._pass(message)

    async def refuse(self, refusal: RefusedRequest) -> None:
        """SecuredAnswer with a sentence; where an answer is on its way, break it off."""
        if self._is_started:
            if self._refusal is None:
                raise ConnectionAbortedError(refusal.message)
            return
        body = json.dumps({"error": translated(refusal.message, self._locale)}).encode()
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
        if self._policy.frame_ancestors == ("'self'",):  # it can name no other page
            headers["x-frame-options"] = "SAMEORIGIN"
        if not self._policy.embedded:
            headers["cross-origin-opener-policy"] = "same-origin"
        if self._edition:
            headers[EDITION_HEADER] = self._edition
        headers.setdefault("cache-control", "no-store")
