"""One response of a hosted tool: unpacked below a ceiling, read whole and made fit to be stored."""

from __future__ import annotations

import email.utils
import importlib
import json
import math
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from vbench.adapters.secrets import redact
from vbench.records import Reason
from vbench.text import storable

MAX_RESPONSE_BYTES = 256 * 2**20
"""Ceiling of an API response; some hold a clip in base64."""
MAX_JSON_VALUES = 1_000_000
"""Of an API response: as objects of Python, 256 MiB of empty lists would take 6 GB."""
MAX_CODINGS = 3
ACCEPTED = "gzip, deflate"
"""What calls say they read; others are read where they come all the same and a decoder is installed."""
PIECE = 1 << 16
"""Bytes that a decoder may give out at once."""
MAX_WAIT_S = 86_400.0
MAX_ID_CHARS, MAX_KEPT_CHARS = 512, 8192
"""Of a job's id, and of the other values that later calls need, such as an address with a signature."""
HTTP_REASONS: Mapping[int, Reason] = {
    400: "bad_request",
    401: "auth",
    402: "no_balance",
    403: "auth",
    404: "bad_request",
    405: "bad_request",
    410: "model_retired",
    413: "bad_request",
    415: "bad_request",
    422: "bad_request",
    429: "rate_limited",
}
"""What a status code means where the answer does not say more: in each of these cases nothing began. A conflict (409)
and a redirect that does not ask for the same request elsewhere (all but 307 and 308) may come after a job has begun."""


class TooLargeError(httpx.DecodingError):
    """An answer, or what is packed in it, is larger than is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a tool answered to one request."""

    status: int
    json: Any
    """None where the body is not JSON."""
    text: str
    """The start of the body, without keys."""
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def retry_after_s(self) -> float | None:
        return retry_after_s(self.headers)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks to wait: ``Retry-After`` as a number or a date; None where it does not."""
    if (hint := headers.get("openai-poll-after-ms", "")[:20]).isdecimal():
        return min(int(hint) / 1000, MAX_WAIT_S)
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        return min(max(0.0, float(text)), MAX_WAIT_S)
    except ValueError:
        pass
    try:
        return min(max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time()), MAX_WAIT_S)
    except (ValueError, OverflowError):
        return None


def fit_id(value: Any) -> str | None:
    """A job's id that later calls can name and the journal can hold; None: it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return fit_text(value, MAX_ID_CHARS)


def fit_text(value: Any, max_chars: int = MAX_KEPT_CHARS) -> str | None:
    """A value as it may stand in an address: printable, without spaces, not too long; None: it may not."""
    if isinstance(value, int) and abs(value) >= 10**18:
        return None
    text = str(value)
    return text if 0 < len(text) <= max_chars and text.isprintable() and " " not in text else None


def shortened(value: Any, max_chars: int = 80) -> str:
    """What a tool gave, for a message: its start, with its odd characters written out, and how long it is."""
    text = str(value) if not isinstance(value, int) or abs(value) < 10**18 else hex(value)
    return repr(text) if len(text) <= max_chars else f"{text[:max_chars]!r}... ({len(text)} characters)"


# --- packed bodies ----------------------------------------------------------------------------------------------------


def unpacked(raw: httpx.Response, *, max_bytes: int, chunk: int | None = None) -> Iterator[bytes]:
    """The body of a response that is being read, its codings taken off one by one, each below the ceiling.

    httpx unpacks a chunk whole before it gives it out: 5 kB may be gigabytes by then.

    Raises:
        TooLargeError: it, or what is packed in it, is larger than `max_bytes`.
        httpx.DecodingError: it is cut off, damaged, or packed in a way that is not read here.
    """
    header = raw.headers.get("content-encoding", "")
    codings = [name.strip().lower() for name in header.split(",") if name.strip().lower() not in ("", "identity")]
    if len(codings) > MAX_CODINGS:
        raise httpx.DecodingError(f"the answer is packed {len(codings)} times over; at most {MAX_CODINGS} are undone")
    chunks = _bounded(raw.iter_raw(chunk), max_bytes)
    for name in reversed(codings):
        if name not in _DECODERS:
            raise httpx.DecodingError(f"the answer is packed as {shortened(name)}, which is not read here")
        chunks = _bounded(_DECODERS[name](chunks), max_bytes)
    yield from chunks


def _bounded(chunks: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    total = 0
    for piece in chunks:
        total += len(piece)
        if total > max_bytes:
            raise TooLargeError(f"the answer is larger than {max_bytes} bytes")
        yield piece


def _gunzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    return _inflated(chunks, 16 + zlib.MAX_WBITS)


def _deflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Of deflate there are two forms: with the head that the standard wants, and without."""
    rest = iter(chunks)
    head = b""
    while len(head) < 2 and (piece := next(rest, None)) is not None:
        head += piece
    is_zlib = len(head) >= 2 and head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0
    return _inflated(_with_head(head, rest), zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)


def _with_head(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if head:
        yield head
    yield from rest


def _inflated(chunks: Iterable[bytes], wbits: int) -> Iterator[bytes]:
    machine, is_begun = zlib.decompressobj(wbits), False
    try:
        for chunk in chunks:
            data, is_begun = chunk, is_begun or bool(chunk)
            while data:
                if machine.eof:
                    if data[0] != 0x1F:  # no further member of gzip: what stands behind the end is no part of it
                        return
                    machine = zlib.decompressobj(wbits)
                piece = machine.decompress(data, PIECE)
                yield piece
                while len(piece) == PIECE and not machine.unconsumed_tail and not machine.eof:
                    yield (piece := machine.decompress(b"", PIECE))
                data = machine.unused_data if machine.eof else machine.unconsumed_tail
    except zlib.error as error:
        raise httpx.DecodingError(f"the packed answer is damaged ({error})") from None
    if is_begun and not machine.eof:
        raise httpx.DecodingError("the packed answer is cut off")


def _unbrotlied(chunks: Iterable[bytes]) -> Iterator[bytes]:
    brotli = _installed("brotli", "br")
    machine = brotli.Decompressor()
    if not hasattr(machine, "can_accept_more_data"):  # before 1.2 there was no limit to what one call gives out
        raise httpx.DecodingError("the answer is packed as br; `pip install -U brotli` reads it")
    is_begun = False
    try:
        for chunk in chunks:
            is_begun = is_begun or bool(chunk)
            yield (piece := machine.process(chunk, output_buffer_limit=PIECE))
            while not machine.is_finished() and (piece or not machine.can_accept_more_data()):
                yield (piece := machine.process(b"", output_buffer_limit=PIECE))
    except brotli.error as error:
        raise httpx.DecodingError(f"the packed answer is damaged ({error})") from None
    if is_begun and not machine.is_finished():
        raise httpx.DecodingError("the packed answer is cut off")


def _unzstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    zstd = _installed("compression.zstd", "zstd")  # of Python 3.14
    machine, is_begun = zstd.ZstdDecompressor(), False
    try:
        for chunk in chunks:
            data, is_begun = chunk, is_begun or bool(chunk)
            while data or not (machine.needs_input or machine.eof):
                if machine.eof:
                    machine = zstd.ZstdDecompressor()
                yield machine.decompress(data, PIECE)
                data = machine.unused_data if machine.eof else b""
    except zstd.ZstdError as error:
        raise httpx.DecodingError(f"the packed answer is damaged ({error})") from None
    if is_begun and not machine.eof:
        raise httpx.DecodingError("the packed answer is cut off")


def _installed(module: str, coding: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise httpx.DecodingError(f"the answer is packed as {coding}, which is not read here ({module})") from None


_DECODERS: Mapping[str, Callable[[Iterable[bytes]], Iterator[bytes]]] = {
    "gzip": _gunzipped,
    "x-gzip": _gunzipped,
    "deflate": _deflated,
    "br": _unbrotlied,
    "zstd": _unzstd,
}


# --- documents --------------------------------------------------------------------------------------------------------


def _finite(text: str) -> float | None:
    """A number that can be stored again: JSON has neither NaN nor infinity."""
    number = float(text)
    return number if math.isfinite(number) else None


def _storable(value: Any) -> Any:
    """A document whose texts can be stored again: JSON may hold half a character, or NUL."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return {storable(key): _storable(item) for key, item in value.items()} if isinstance(value, dict) else value


def read_response(raw: httpx.Response) -> Response:
    """Read a response whole, below the ceiling.

    Raises:
        TooLargeError: of its bytes, or of the values they hold.
        httpx.DecodingError: it cannot be unpacked.
    """
    pieces: list[bytes] = []
    try:
        pieces.extend(unpacked(raw, max_bytes=MAX_RESPONSE_BYTES))
    except TooLargeError as error:  # a job may have begun: its id often stands at the start
        start = redact(storable(b"".join(pieces)[:200].decode("utf-8", "replace")))
        raise TooLargeError(f"{error}; it begins with {start!r}") from None
    body = b"".join(pieces)
    if sum(body.count(mark) for mark in (b",", b"[", b"{", b":")) > MAX_JSON_VALUES:
        raise TooLargeError(f"the answer holds more than {MAX_JSON_VALUES} values")
    try:
        value = _storable(json.loads(body, parse_constant=lambda _: None, parse_float=_finite))
    except (ValueError, RecursionError):
        value = None
    text = redact(storable(body[:500].decode("utf-8", "replace")))
    return Response(
        status=raw.status_code, json=value, text=text, headers={k.lower(): v for k, v in raw.headers.items()}
    )
