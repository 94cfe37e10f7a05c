"""Brings a result to this machine: public https only, below a ceiling, checked as video, renamed when whole."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpcore
import httpx

from vbench.adapters.response import retry_after_s
from vbench.adapters.secrets import redact
from vbench.adapters.wire import origin, pause_s, trusted
from vbench.errors import BenchError, ClipError, JobError

MAX_CLIP_BYTES = 2 * 2**30
REDIRECTS = 5
CHUNK = 1 << 18


class ExpiredLinkError(JobError):
    """The address of the result is no longer valid; asking the tool again may give a fresh one."""

    code = "download_failed"


class PassingPageError(JobError):
    """Text or nothing came instead of a video: perhaps a page that goes away (maintenance); ask again later."""

    code = "download_failed"


class _PublicOnly(httpcore.NetworkBackend):
    """Connects to public addresses only, and to the very address that was checked."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        address = public_address(host, port)
        return self._inner.connect_tcp(address, port, timeout, local_address, socket_options)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


def public_address(host: str, port: int) -> str:
    """An address of `host` that lies on the public internet.

    Raises:
        JobError: one of its addresses is private, loopback, link-local or reserved.
        httpcore.ConnectError: the name is not known.
    """
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    for address in found:
        _refuse_private(host, ipaddress.ip_address(address.partition("%")[0]))
    return sorted(found)[0]


def _refuse_private(host: str, ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    inner = getattr(ip, "ipv4_mapped", None) or ip
    if not inner.is_global or inner.is_multicast:
        raise JobError(
            f"the result lies at {host} ({ip}), which is not a public address; it is not fetched. "
            "A tool of your own network says `local: true` in its card",
            code="download_failed",
        )


def client(*, local: bool, timeout_s: float = 60.0) -> httpx.Client:
    """A client for downloads; unless `local`, it connects to public addresses only (a proxy of the user's may)."""
    http = httpx.Client(timeout=httpx.Timeout(timeout_s, connect=15.0), follow_redirects=False, verify=trusted())
    if not local:
        # httpx has no argument for it: the pool of direct connections is built once more, with the same trust store.
        transport = httpx.HTTPTransport(verify=trusted())
        transport._pool = httpcore.ConnectionPool(
            ssl_context=trusted(), network_backend=_PublicOnly(), max_connections=20
        )
        http._transport = transport
    return http


def download(
    url: str,
    out: Path,
    *,
    model: str,
    http: httpx.Client,
    local: bool = False,
    key_headers: Mapping[str, str] | None = None,
    key_origin: str = "",
    max_bytes: int = MAX_CLIP_BYTES,
    attempts: int = 3,
    sleep: Callable[[float], None] = time.sleep,
) -> Path:
    """Fetch a clip.

    Args:
        url: As the tool gave it.
        out: Where to write, without a suffix.
        local: Plain http and private addresses are allowed.
        key_headers: Sent to `key_origin` only, and never after a redirect to elsewhere.

    Returns:
        The file: whole, decodable, with the suffix of its container.

    Raises:
        ExpiredLinkError: the address is no longer valid.
        JobError: code ``download_failed``, or ``empty_result`` where what came is not a video.
        BenchError: the disk is full or cannot be written to.
    """
    for attempt in range(1, attempts + 1):
        try:
            return save(_stream(url, model, http, local, key_headers or {}, key_origin, max_bytes), out, model=model)
        except (httpx.InvalidURL, UnicodeError):
            raise JobError(f"{model}: the result's address is none", code="download_failed") from None
        except PassingPageError:
            if attempt == attempts:
                raise
            sleep(pause_s(attempt))
        except (httpx.HTTPError, httpcore.NetworkError) as error:
            if attempt == attempts:
                why = f"{type(error).__name__}: {redact(str(error))}"[:200]
                raise JobError(
                    f"{model}: the download broke off {attempts} times ({why}); run again to fetch it",
                    code="download_failed",
                ) from None
            sleep(pause_s(attempt))
    raise AssertionError("unreachable")


def _stream(
    url: str,
    model: str,
    http: httpx.Client,
    local: bool,
    key_headers: Mapping[str, str],
    key_origin: str,
    max_bytes: int,
) -> Iterator[bytes]:
    for _ in range(REDIRECTS + 1):
        scheme = httpx.URL(url).scheme
        if scheme != "https" and not (local and scheme == "http"):
            raise JobError(
                f"{model}: the result's address starts with {scheme or 'nothing'}:, only https is fetched",
                code="download_failed",
            )
        if not local:
            with suppress(ValueError):  # a name is checked when it is connected to; a proxy sees it as it is
                _refuse_private(httpx.URL(url).host, ipaddress.ip_address(httpx.URL(url).host))
        headers = dict(key_headers) if key_headers and origin(url) == key_origin else {}
        with http.stream("GET", url, headers={**headers, "accept-encoding": "identity"}) as response:
            if response.has_redirect_location:
                url = str(response.url.join(response.headers["location"]))
                continue
            _check_status(response, model)
            size = int(response.headers.get("content-length") or 0)
            if size > max_bytes:
                raise _too_large(model, size, max_bytes)
            total = 0
            for chunk in response.iter_raw(CHUNK):
                total += len(chunk)
                if total > max_bytes:
                    raise _too_large(model, total, max_bytes)
                yield chunk
            return
    raise JobError(f"{model}: the result's address redirects more than {REDIRECTS} times", code="download_failed")


def _check_status(response: httpx.Response, model: str) -> None:
    status = response.status_code
    if status in {401, 403, 404, 410}:
        raise ExpiredLinkError(f"{model}: HTTP {status} for the result: its address is no longer valid")
    if status == 429 or status >= 500:
        wait = retry_after_s(response.headers)
        raise httpx.RemoteProtocolError(f"HTTP {status}" + (f", wait {wait:g} s" if wait else ""))
    if status != 200:
        raise JobError(f"{model}: HTTP {status} for the result", code="download_failed")


def _too_large(model: str, size: int, most: int) -> JobError:
    return JobError(
        f"{model}: the result has {size} bytes or more, at most {most} are fetched; raise max_bytes in the card",
        code="download_failed",
    )


def save(chunks: Iterable[bytes], out: Path, *, model: str) -> Path:
    """Write a clip beside its final name, check it, and rename it when it is whole.

    Raises:
        JobError: it is not a video (code ``empty_result``).
        BenchError: the disk is full or cannot be written to.
    """
    part = out.with_name(f".{out.name[:100]}.{uuid.uuid4().hex[:8]}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        with part.open("rb") as file:
            suffix = container_suffix(file.read(4096), model=model)
        whole = out.with_name(out.name + suffix)
        _verify(part, model)
        part.replace(whole)
    except OSError as error:
        hint = "free space" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "check the folder"
        raise BenchError(
            f"{out.parent}: cannot be written ({error.strerror or error}); {hint} and run again: "
            "the clip is fetched then, at no further cost"
        ) from None
    finally:
        part.unlink(missing_ok=True)
    return whole


def container_suffix(head: bytes, *, model: str) -> str:
    """The suffix that fits a file's first bytes.

    Raises:
        JobError: they are no video's (code ``empty_result``); the message says what they are.
    """
    if head[4:8] == b"ftyp" and head[8:12] not in {b"avif", b"heic", b"mif1", b"M4A "}:
        return ".mov" if head[8:12] == b"qt  " else ".mp4"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return ".webm" if b"webm" in head[:64] else ".mkv"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return ".avi"
    what = _what_is(head)
    may_pass = not head or what.endswith(("page", "document"))
    if may_pass:
        raise PassingPageError(f"{model}: the result is {what}, not a video; run again to fetch it")
    raise JobError(f"{model}: the result is {what}, not a video", code="empty_result")


def _what_is(head: bytes) -> str:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    kinds = {
        b"\x89png": "a PNG image",
        b"\xff\xd8\xff": "a JPEG image",
        b"gif8": "a GIF image",
        b"<!doctype html": "an HTML page",
        b"<html": "an HTML page",
        b"<?xml": "an XML document",
        b"{": "a JSON document",
        b"[": "a JSON document",
        b"pk\x03\x04": "a ZIP archive",
    }
    if not head:
        return "empty (0 bytes)"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "a WebP image"
    return next((what for magic, what in kinds.items() if text.startswith(magic)), "of an unknown kind")


def _verify(path: Path, model: str) -> None:
    """Decode the first picture; the whole clip is decoded when it is added to the bench."""
    from vbench.video import read_frames  # here, so that planning loads no codec

    try:
        with closing(iter(read_frames(path))) as frames:  # type: ignore[type-var]
            next(frames)
    except (ClipError, StopIteration) as error:
        words = str(error).replace(str(path), "the result") or "the result holds no picture"
        raise JobError(f"{model}: {words}", code="empty_result") from None
