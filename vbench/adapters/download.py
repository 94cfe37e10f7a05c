"""Brings a result to this machine: public https only, below a ceiling, checked as video, renamed when whole."""

from __future__ import annotations

import errno
import ipaddress
import socket
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.request import getproxies

import httpcore
import httpx

from vbench.adapters.response import TooLargeError, retry_after_s, unpacked
from vbench.adapters.secrets import redact
from vbench.adapters.wire import origin, pause_s, trusted
from vbench.errors import BenchError, ClipError, JobError
from vbench.files import written_whole

MAX_CLIP_BYTES = 2 * 2**30
REDIRECTS = 5
CHUNK = 1 << 18
HEAD_BYTES = 4096
"""A container is told by what stands here."""


class ExpiredLinkError(JobError):
    """The address of the result is no longer valid; asking the tool again may give a fresh one."""

    code = "download_failed"


class PassingPageError(JobError):
    """Text or nothing came instead of a video: perhaps a page that goes away (maintenance); ask again later."""

    code = "download_failed"


class CutOffError(JobError):
    """The file ends before its container says that it does: the line broke unsaid, or it lies so at the tool."""

    code = "download_failed"

    def __init__(self, message: str, n_bytes: int) -> None:
        super().__init__(message)
        self.n_bytes = n_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteClip:
    """Where a finished clip lies, and how it may be fetched."""

    url: str
    """As the tool gave it."""
    model: str
    """Card id, for messages."""
    local: bool = False
    """Plain http and private addresses are allowed."""
    key_headers: Mapping[str, str] = field(default_factory=dict)
    """Sent to `key_origin` only, and never after a redirect to elsewhere."""
    key_origin: str = ""
    max_bytes: int = MAX_CLIP_BYTES


# --- connections to public addresses only -----------------------------------------------------------------------------


class _PublicNetwork(httpcore.NetworkBackend):
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


class _PublicTransport(httpx.BaseTransport):
    """Direct connections over `_PublicNetwork`; httpx's own transport takes no network of the caller's."""

    def __init__(self) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=trusted(), network_backend=_PublicNetwork(), max_connections=20
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        with _in_words_of_httpx():
            raw = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        body = _Body(cast(Iterable[bytes], raw.stream), raw.close)
        return httpx.Response(status_code=raw.status, headers=raw.headers, stream=body, extensions=raw.extensions)

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, chunks: Iterable[bytes], close: Callable[[], None]) -> None:
        self._chunks, self._close = chunks, close

    def __iter__(self) -> Iterator[bytes]:
        with _in_words_of_httpx():
            yield from self._chunks

    def close(self) -> None:
        self._close()


@contextmanager
def _in_words_of_httpx() -> Iterator[None]:
    """Errors of httpcore as those of httpx, which have the same names."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.ProxyError,
        httpcore.UnsupportedProtocol,
    ) as error:
        kind: type[httpx.TransportError] = getattr(httpx, type(error).__name__, httpx.TransportError)
        raise kind(str(error)) from error


def public_address(host: str, port: int) -> str:
    """An address of `host` that lies on the public internet.

    Raises:
        JobError: one of its addresses is private, loopback, link-local or reserved.
        httpcore.ConnectError: the name is not known.
    """
    try:
        addresses = {str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    for address in addresses:
        _refuse_private(host, ipaddress.ip_address(address.partition("%")[0]))
    return sorted(addresses)[0]


def _refuse_private(host: str, ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    inner = getattr(ip, "ipv4_mapped", None) or ip
    if not inner.is_global or inner.is_multicast:
        raise JobError(
            f"the result lies at {host} ({ip}), which is not a public address; it is not fetched. "
            "A tool of your own network says `local: true` in its card",
            code="download_failed",
        )


def refuse_inner(url: str) -> None:
    """Refuse an address that is not https, or names an address that is not public; names are looked up on connecting.

    Raises:
        JobError: code ``download_failed``.
    """
    parts = httpx.URL(url)
    if parts.scheme != "https":
        raise JobError(
            f"the address starts with {parts.scheme or 'nothing'}:, only https is fetched", code="download_failed"
        )
    with suppress(ValueError):
        _refuse_private(parts.host, ipaddress.ip_address(parts.host))


def client(*, local: bool, timeout_s: float = 60.0) -> httpx.Client:
    """A client for downloads; unless `local`, it connects to public addresses only (a proxy of the user's may)."""
    timeout = httpx.Timeout(timeout_s, connect=15.0)
    if local:
        return httpx.Client(timeout=timeout, follow_redirects=False, verify=trusted())
    return httpx.Client(
        timeout=timeout, follow_redirects=False, transport=_PublicTransport(), mounts=_proxies_of_environment()
    )


def _proxies_of_environment() -> dict[str, httpx.BaseTransport | None]:
    """The user's proxies, read as httpx reads them where it is given no transport; None: past them, by our own."""
    settings = getproxies()
    bypassed = [host.strip() for host in settings.get("no", "").split(",") if host.strip()]
    if "*" in bypassed:
        return {}
    mounts: dict[str, httpx.BaseTransport | None] = {}
    for scheme in ("http", "https", "all"):
        if proxy := settings.get(scheme):
            address = proxy if "://" in proxy else f"http://{proxy}"
            mounts[f"{scheme}://"] = httpx.HTTPTransport(verify=trusted(), proxy=address)
    return mounts | {_pattern(host): None for host in bypassed}


def _pattern(host: str) -> str:
    """The addresses that an entry of NO_PROXY means: a name stands for all below it as well."""
    if "://" in host:
        return host
    try:
        version = ipaddress.ip_address(host.partition("/")[0]).version
    except ValueError:
        return f"all://{host}" if host.lower() == "localhost" else f"all://*{host}"
    return f"all://{host}" if version == 4 else f"all://[{host}]"


# --- the download -----------------------------------------------------------------------------------------------------


def download(
    clip: RemoteClip, out: Path, *, http: httpx.Client, attempts: int = 3, sleep: Callable[[float], None] = time.sleep
) -> Path:
    """Fetch a clip.

    Args:
        clip: Where it lies.
        out: Where to write, without a suffix.
        http: From `client`.
        attempts: While the line or the server is at fault.
        sleep: For tests.

    Returns:
        The file: whole, decodable, with the suffix of its container.

    Raises:
        ExpiredLinkError: the address is no longer valid.
        JobError: code ``download_failed``, or ``empty_result`` where what came is not a video.
        BenchError: the disk is full or cannot be written to.
    """
    lengths: list[int] = []
    for attempt in range(1, attempts + 1):
        try:
            with closing(_stream(clip, http)) as chunks:
                is_all = attempt == attempts > 1 and len(lengths) == attempts - 1 and len(set(lengths)) == 1
                return save(chunks, out, model=clip.model, at_most=lengths[0] if is_all else None)
        except CutOffError as error:  # of one length each time: it lies so at the tool, and is what there is
            lengths.append(error.n_bytes)
            if attempt == attempts:
                raise
            sleep(pause_s(attempt))
        except (httpx.InvalidURL, UnicodeError):
            raise JobError(f"{clip.model}: the result's address is none", code="download_failed") from None
        except PassingPageError:
            if attempt == attempts:
                raise
            sleep(pause_s(attempt))
        except (httpx.HTTPError, httpcore.NetworkError) as error:
            if attempt == attempts:
                why = f"{type(error).__name__}: {redact(str(error))}"[:200]
                raise JobError(
                    f"{clip.model}: the download broke off {attempts} times ({why}); run again to fetch it",
                    code="download_failed",
                ) from None
            sleep(pause_s(attempt))
    raise AssertionError("unreachable")


def _stream(clip: RemoteClip, http: httpx.Client) -> Generator[bytes, None, None]:
    url = clip.url
    for _ in range(REDIRECTS + 1):
        scheme = httpx.URL(url).scheme
        if scheme != "https" and not (clip.local and scheme == "http"):
            raise JobError(
                f"{clip.model}: the result's address starts with {scheme or 'nothing'}:, only https is fetched",
                code="download_failed",
            )
        if not clip.local:
            with suppress(ValueError):  # a name is checked when it is connected to; a proxy sees it as it is
                _refuse_private(httpx.URL(url).host, ipaddress.ip_address(httpx.URL(url).host))
        headers = dict(clip.key_headers) if clip.key_headers and origin(url) == clip.key_origin else {}
        with http.stream("GET", url, headers={**headers, "accept-encoding": "identity"}) as response:
            if response.has_redirect_location:
                url = str(response.url.join(response.headers["location"]))
                continue
            _check_status(response, clip.model)
            size = int(response.headers.get("content-length") or 0)
            if size > clip.max_bytes:
                raise _too_large(clip, size)
            try:
                yield from unpacked(response, max_bytes=clip.max_bytes, chunk=CHUNK)
            except TooLargeError:
                raise _too_large(clip, clip.max_bytes + 1) from None
            return
    raise JobError(f"{clip.model}: the result's address redirects more than {REDIRECTS} times", code="download_failed")


def _check_status(response: httpx.Response, model: str) -> None:
    status = response.status_code
    if status in {401, 403, 404, 410}:
        raise ExpiredLinkError(f"{model}: HTTP {status} for the result: its address is no longer valid")
    if status == 429 or status >= 500:
        wait = retry_after_s(response.headers)
        raise httpx.RemoteProtocolError(f"HTTP {status}" + (f", wait {wait:g} s" if wait else ""))
    if status != 200:
        raise JobError(f"{model}: HTTP {status} for the result", code="download_failed")


def _too_large(clip: RemoteClip, size: int) -> JobError:
    return JobError(
        f"{clip.model}: the result has {size} bytes or more, at most {clip.max_bytes} are fetched; "
        "raise max_bytes in the card",
        code="download_failed",
    )


def save(chunks: Iterable[bytes], out: Path, *, model: str, at_most: int | None = None) -> Path:
    """Write a clip beside its final name, check it, and give it that name when it is whole.

    Args:
        chunks: The bytes.
        out: Where to write, without a suffix.
        model: Card id, for messages.
        at_most: A clip that is cut off after so many bytes is taken all the same: more there is not.

    Raises:
        CutOffError: a part of it is missing.
        JobError: it is not a video (code ``empty_result``).
        BenchError: the disk is full or cannot be written to.
    """
    try:
        rest = iter(chunks)
        head = b""
        while len(head) < HEAD_BYTES and (chunk := next(rest, None)) is not None:
            head += chunk
        whole = out.with_name(out.name + container_suffix(head[:HEAD_BYTES], model=model))
        with written_whole(whole) as part:
            with part.open("wb") as file:
                file.write(head)
                file.writelines(rest)
            n_bytes = part.stat().st_size
            if n_bytes != at_most and is_cut_off(part):
                raise CutOffError(
                    f"{model}: the result is cut off after {n_bytes} bytes; run again to fetch it", n_bytes
                )
            _verify(part, model)
    except OSError as error:
        hint = "free space" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "check the folder"
        raise BenchError(
            f"{out.parent}: cannot be written ({error.strerror or error}); {hint} and run again: "
            "the clip is fetched then, at no further cost"
        ) from None
    return whole


def is_cut_off(path: Path) -> bool:
    """Whether a file ends before its container says that it does, as a download without a length may."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] == b"ftyp":
            return _ends_within_box(file, size)
        if head.startswith(b"RIFF"):
            return int.from_bytes(head[4:8], "little") + 8 > size
    return False


def _ends_within_box(file: BinaryIO, size: int) -> bool:
    """Of an MP4 or MOV: its top boxes say how long they are, and without ``moov`` nothing can be played."""
    at, kinds = 0, set[bytes]()
    while at + 8 <= size and len(kinds) < 1000:
        file.seek(at)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        kinds.add(kind)
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length == 0:  # to the end of the file
            break
        if length < 8:
            return False  # damaged rather than cut off
        at += length
    return at > size or b"moov" not in kinds


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
    content = _content_of(head)
    if not head or content.endswith(("page", "document")):
        raise PassingPageError(f"{model}: the result is {content}, not a video; run again to fetch it")
    raise JobError(f"{model}: the result is {content}, not a video", code="empty_result")


def _content_of(head: bytes) -> str:
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
